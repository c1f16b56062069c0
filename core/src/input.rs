//! Decides what can be asked of the core. Inputs command; whether they are granted is said by events or a rejection.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, AgentSpec, Calendar, CalendarId, ChannelId, ChannelSpec, ContactId, CustomerId, MatterId, Millis, Need,
    OfferId, Plan, QueueId, QueueSpec, ReasonId, SourceId, TeamId, TeamSpec, ThreadId, Timestamp,
    event::{ConnectFailure, FenceReason, Handler, OutsideEnd, Replanning},
    fact::{ExpectedPresence, Presence, StateSetter},
};

/// One thing asked of the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A contact arrives.
    Receive(Box<Arrival>),
    /// A contact arrives whose end came before it: it is over at once, and nobody is asked.
    ReceiveEnded(Box<Arrival>, EarlyEnd),
    /// Something happens to a contact.
    Contact(ContactId, ContactCommand),
    /// An agent answers an offer.
    Offer(OfferId, OfferCommand),
    /// Something happens to an agent.
    Agent(AgentId, AgentCommand),
    /// The place changes.
    World(Box<WorldChange>),
    /// A supervisor steps in.
    Supervise(ContactId, Supervision),
    /// Journal time moved by a gap: live offer deadlines are extended by it.
    ClockJumped(Millis),
    /// Plans a slice of the contacts anew, at most `SLICE_LIMIT`: those behind a closed fence first, then by number.
    /// Contacts that are closed or unknown by now are passed over.
    Replan(Vec<(ContactId, Box<Plan>)>, Replanning),
    /// A supervisor lends a team's people.
    Team(TeamId, TeamCommand),
    /// What happened while nobody listened is about to be told, or has been.
    CatchUp(CatchUp),
}

/// A contact as it arrives, identified and planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Which; new to the core.
    pub contact: ContactId,
    /// On which channel.
    pub channel: ChannelId,
    /// Whose, where known.
    pub customer: Option<CustomerId>,
    /// From which source.
    pub source: SourceId,
    /// Age counts from here; not after now.
    pub since: Timestamp,
    /// What it is entitled to.
    pub plan: Plan,
    /// The open conversation it belongs to.
    pub thread: Option<ThreadId>,
    /// The matter it is about, where the rules join matters.
    pub matter: Option<MatterId>,
    /// Who handled this customer before; at most 32.
    pub familiar: Vec<Familiar>,
    /// Agents the customer prefers: count as most familiar.
    pub prefers: Vec<AgentId>,
    /// Agents the customer avoids: never offered to.
    pub avoids: Vec<AgentId>,
    /// How well agents fit what the customer prefers; those not named do not fit at all. At most 32.
    #[serde(default)]
    pub fit: Vec<Fit>,
    /// A future contact or call-back: waits from this moment on.
    pub scheduled_for: Option<Timestamp>,
}

/// How a contact ended before it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyEnd {
    /// The customer was gone at that moment.
    Abandoned {
        /// When; what was waited counts up to here.
        at: Timestamp,
    },
    /// Handled elsewhere, or cancelled by the platform.
    Withdrawn(OutsideEnd),
    /// Another domain has it.
    Forwarded,
}

/// How well an agent knows a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Familiar {
    /// Who.
    pub agent: AgentId,
    /// Contacts handled.
    pub contacts: u32,
    /// The last one's end.
    pub last: Timestamp,
}

/// How well an agent fits the customer: `matched ÷ stated`, compared by cross-multiplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// Who.
    pub agent: AgentId,
    /// Stated preferences that her traits match.
    pub matched: u16,
    /// Preferences that the customer stated; with none nobody fits better than another.
    pub stated: u16,
}

/// Whose a contact is, and what ties the customer to agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Whose, where known.
    pub customer: Option<CustomerId>,
    /// Who handled this customer before; at most 32.
    pub familiar: Vec<Familiar>,
    /// Agents the customer prefers, in their order.
    pub prefers: Vec<AgentId>,
    /// Agents the customer avoids.
    pub avoids: Vec<AgentId>,
    /// How well agents fit; at most 32.
    pub fit: Vec<Fit>,
}

/// What can happen to a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactCommand {
    /// The customer gave up before an agent was connected.
    Abandon,
    /// Customer and agent are talking.
    Connect,
    /// The connection failed; the contact waits again, or closes when the customer's side failed for good.
    FailToConnect(ConnectFailure),
    /// The customer left a connected contact; wrap-up begins.
    End,
    /// An asynchronous customer went quiet: capacity is released, the agent remembered.
    Park,
    /// The customer is back: the contact returns to its agent.
    Resume,
    /// Handled elsewhere, or cancelled by the platform.
    Withdraw(OutsideEnd),
    /// The agent is done with it (from connected or wrap-up).
    Close,
    /// Back into waiting, age and fence kept; the agent is not offered it again while another can serve.
    Requeue,
    /// To another agent, team, queue, or needs.
    Transfer(Transfer),
    /// Waits from this moment on, keeping place, plan and fence.
    Schedule(Timestamp),
    /// Plans anew: time already waited counts, the fence never opens by it unless the entitlement ended.
    Replan(Box<Plan>, Replanning),
    /// It is somebody else's, or more is known of whose it is: a new plan usually follows.
    Identify(Box<Relation>),
    /// Its agent asks another one for advice while the customer is there; both are taken until it is over.
    Consult(AgentId),
    /// The consultation is over.
    EndConsult,
    /// Another domain has it: it closes as forwarded.
    Forward,
}

/// Where a transfer goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// To one person.
    Agent(AgentId),
    /// To a team's members.
    Team(TeamId),
    /// To a queue.
    Queue(QueueId),
    /// To anyone of its plan with these skills.
    Needs(Vec<Need>),
}

/// An agent's answer to an offer. Names the agent, so that nobody answers for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferCommand {
    /// Takes it.
    Accept(AgentId),
    /// Refuses it.
    Decline(AgentId, Option<ReasonId>),
}

/// What can happen to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentCommand {
    /// Readiness, per channel; no channel means all.
    SetState {
        /// The channels it is about; none means all.
        channels: Vec<ChannelId>,
        /// The state.
        presence: Presence,
        /// Why not ready.
        reason: Option<ReasonId>,
        /// Becomes ready again by itself.
        until: Option<Timestamp>,
        /// Who says so.
        by: StateSetter,
    },
    /// An absence; it replaces an earlier one with the same start.
    Absent {
        /// From.
        from: Timestamp,
        /// Until.
        until: Timestamp,
        /// Why.
        reason: Option<ReasonId>,
        /// Who stands in.
        deputy: Option<AgentId>,
    },
    /// Ends an absence now.
    Return,
    /// Work that a platform reports and Picket did not route: contacts per channel.
    Load(ChannelId, u32),
    /// Heartbeats stopped (`Lost`) or came back (`Seen`).
    Vouch(ExpectedPresence),
    /// She takes a waiting contact by hand, inside the checks of its plan.
    Pull(ContactId),
}

/// Listening to what happened while nobody listened. While it lasts nobody is offered or assigned anything: whoever waits
/// may be gone, by a word that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// It begins, and ends by itself after `CATCH_UP_LIMIT`; one that is on does not last longer for it.
    Begin,
    /// It is over, and everybody who can be served is. Nothing where none is on.
    End,
}

/// What a supervisor can do with a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamCommand {
    /// Lends its people to a queue, reserve included, until then; half an hour if left out.
    Lend(QueueId, Option<Timestamp>),
    /// Ends that.
    EndLend(QueueId),
}

/// A change of the place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorldChange {
    /// Replaces or adds a calendar.
    PutCalendar(CalendarId, Calendar),
    /// Replaces or adds a channel.
    PutChannel(ChannelId, ChannelSpec),
    /// Replaces or adds an agent.
    PutAgent(AgentId, AgentSpec),
    /// An agent left the company; live contacts requeue.
    RemoveAgent(AgentId),
    /// Replaces or adds a team.
    PutTeam(TeamId, TeamSpec),
    /// Removes a team; contacts fenced by it stay fenced.
    RemoveTeam(TeamId),
    /// Replaces or adds a queue.
    PutQueue(QueueId, QueueSpec),
}

/// What a supervisor can do with a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Opens the fence, with a reason of the list (`supervisor`, `customer_choice`).
    OpenFence(FenceReason),
    /// Closes it again.
    CloseFence,
    /// Assigns by hand, inside the same checks.
    Assign(Handler),
    /// Opens the fence as `supervisor` until then; `OpenFence(supervisor)` does so for half an hour.
    OpenFenceUntil(Timestamp),
    /// Keeps a waiting contact at its step until then; half an hour if left out. The longest wait still ends it.
    Hold(Option<Timestamp>),
    /// Ends that.
    Release,
    /// Assigns by hand past every check but the person's existence; what was passed is recorded, and a closed fence is
    /// opened for somebody outside.
    Force(Handler),
    /// Takes it from its agent; it waits again.
    TakeBack,
}
