//! Decides what can happen: every change of the core's state is one of these, and applying them is the only way to change it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, Arrival, Bypass, CalendarId, ChannelId, ContactId, DestinationId, FinalCause, Millis, Need, OfferId,
    OfferMode, Plan, QueueId, ReasonId, SourceId, TeamId, Timestamp, WorldChange, input::Transfer,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// About a contact.
    Contact(ContactId, ContactFact),
    /// About a contact's fence.
    Fence(ContactId, FenceFact),
    /// About an offer.
    Offer(OfferId, OfferFact),
    /// About an agent.
    Agent(AgentId, AgentFact),
    /// About the place.
    World(WorldFact),
}

/// What happened to a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactFact {
    /// It arrived and waits, or is scheduled when `scheduled_for` lies ahead.
    Received(Box<Arrival>),
    /// A scheduled contact's time has come, or a call-back's; it waits.
    Due,
    /// It waits from this moment on, place, plan and fence kept.
    Scheduled {
        /// From when on.
        at: Timestamp,
    },
    /// It went on to a step of its plan.
    StepEntered {
        /// Which, from 0.
        step: u8,
        /// Why the step before is over.
        cause: StepCause,
    },
    /// The plan has nobody left; what was done about it follows.
    PlanExhausted {
        /// Why.
        cause: FinalCause,
    },
    /// A new plan; time waited counts.
    Replanned {
        /// The plan.
        plan: Box<Plan>,
        /// Why.
        because: Replanning,
    },
    /// An agent has it: accepted, or assigned without asking.
    Assigned {
        /// Who.
        agent: AgentId,
        /// How.
        how: Assignment,
        /// What she is to this contact.
        standing: Standing,
        /// Whether it went over her capacity, which is only allowed where the design says so.
        over_capacity: bool,
        /// Checks that were skipped for her because the step says so, and that she would have failed.
        bypassed: Bypass,
    },
    /// The two are talking.
    Connected,
    /// They could not be connected.
    ConnectFailed {
        /// Why.
        failure: ConnectFailure,
    },
    /// The customer left; after-contact work begins and ends by itself at `until`.
    WrapUp {
        /// Ends by itself.
        until: Timestamp,
    },
    /// Gone quiet; capacity released.
    Parked,
    /// Back with an agent.
    Resumed {
        /// Who.
        agent: AgentId,
        /// Whether it went over her capacity.
        over_capacity: bool,
    },
    /// It waits again.
    Requeued {
        /// Why.
        cause: RequeueCause,
    },
    /// Handed on; what follows says to whom.
    Transferred {
        /// Where to.
        to: Transfer,
    },
    /// Its agent is lost; it waits for her until then.
    Orphaned {
        /// Requeued at.
        until: Timestamp,
    },
    /// Connected for longer than the channel allows: the source is asked.
    Stalled,
    /// A call-back is asked of the platform.
    CallbackWanted,
    /// Done, for good.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
}

/// Why a step is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepCause {
    /// The contact arrived.
    Arrival,
    /// The hold of everybody in it is over.
    HoldOver,
    /// Nobody in it can ever serve.
    Nobody,
    /// The fence opened.
    FenceOpened,
    /// A new plan.
    Replanned,
}

/// Why a contact is planned anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replanning {
    /// Another rule set is in force.
    Rules,
    /// The customer or account changed; `true` in the plan's absence of a fence ends the entitlement.
    Customer,
    /// The contact was updated.
    Updated,
    /// The contact is somebody else's.
    Reidentified,
}

/// How an agent came to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// She accepted this offer.
    Accepted(OfferId),
    /// Without asking.
    Auto,
    /// By a supervisor, or by transfer to her.
    Manual,
    /// It returned to her.
    Resumed,
}

/// What an agent is to a contact at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The lead of the fence's team.
    Lead,
    /// Another member of the fence's team.
    Team,
    /// A member of a declared cover.
    Cover,
    /// Somebody else, through an opening.
    Outside,
    /// The contact has no fence; the queue's own agent.
    Queue,
    /// The contact has no fence; lent by a team.
    Lent,
}

/// Which agent, and of what standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handler {
    /// Who.
    pub agent: AgentId,
}

/// A failed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectFailure {
    /// The agent's side failed: the contact waits again, first in line.
    Agent,
    /// The customer's side failed (a call-back nobody answered): tried again at the time given, or closed as expired.
    Customer {
        /// The next try.
        retry_at: Option<Timestamp>,
    },
    /// Not connected within the time the plan gives.
    Deadline,
}

/// An end that came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideEnd {
    /// Somebody handled it elsewhere.
    HandledElsewhere,
    /// The platform no longer knows it.
    Gone,
}

/// Why a contact waits again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequeueCause {
    /// The agent gave it back.
    Agent,
    /// The connection failed.
    ConnectFailed,
    /// The agent was lost, or left.
    AgentLost,
    /// It was handed on.
    Transfer,
    /// It resumed, and its agent cannot have it.
    Resumed,
}

/// How a contact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An agent handled it.
    Handled {
        /// The last one.
        agent: AgentId,
        /// Whether after-contact work ended by its timer.
        wrap_up_expired: bool,
    },
    /// The customer gave up.
    Abandoned {
        /// How long after its age began.
        waited: Millis,
        /// Whether an offer was out or it was assigned.
        while_offered: bool,
    },
    /// Sent elsewhere.
    Diverted {
        /// Where to.
        to: DestinationId,
        /// Why.
        cause: FinalCause,
    },
    /// The plan ended with nobody, or a call-back's tries are used up.
    Expired,
    /// Handled elsewhere.
    Withdrawn(OutsideEnd),
    /// Another domain has it.
    Forwarded,
}

/// What happened to a contact's fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceFact {
    /// A fence stands around the contact.
    Set {
        /// Whose.
        team: TeamId,
    },
    /// It opened outward.
    Opened {
        /// Why.
        reason: FenceReason,
        /// How long it held.
        held: Millis,
        /// Team members and covers, and what kept each of them; at most 16.
        tried: Vec<Tried>,
    },
    /// A supervisor closed it again.
    Closed,
}

/// Why a fence opens: the whole list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceReason {
    /// Every step's hold is over.
    HoldOver,
    /// Nobody of team and covers can ever serve.
    NoCover,
    /// The longest wait is reached.
    Longest,
    /// A supervisor opened it.
    Supervisor,
    /// The customer chose a colleague now.
    CustomerChoice,
    /// Transferred out of the fence.
    Transfer,
    /// The customer is no longer valued.
    NoLongerValued,
    /// The contact turned out to be somebody else's.
    Reidentified,
}

/// A member, and what kept them from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tried {
    /// Who.
    pub agent: AgentId,
    /// The first check that failed.
    pub obstacle: Obstacle,
}

/// A check that an agent failed for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// No capacity for this channel.
    Busy,
    /// `not_ready`.
    Away,
    /// An absence is on record.
    Absent,
    /// Offline, or outside the shift.
    OffShift,
    /// No longer a member, or removed.
    Left,
    /// A needed skill is missing or too low.
    Skill,
    /// Missed or declined this contact before.
    Excluded,
    /// The customer avoids them.
    Avoided,
    /// Kept free by the reserve.
    Reserved,
    /// Nothing: could serve.
    None,
}

/// What happened to an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferFact {
    /// A contact is put before an agent.
    Made {
        /// Which contact.
        contact: ContactId,
        /// Before whom.
        agent: AgentId,
        /// What she is to this contact.
        standing: Standing,
        /// The step of the plan, from 0.
        step: u8,
        /// How many are asked.
        mode: OfferMode,
        /// The moment at which it is too late.
        expires_at: Timestamp,
        /// Checks that were skipped for her because the step says so, and that she would have failed.
        bypassed: Bypass,
    },
    /// She took it; `ContactFact::Assigned` follows.
    Accepted,
    /// She refused it.
    Declined {
        /// Why.
        reason: Option<ReasonId>,
    },
    /// Nobody answered in time.
    Expired,
    /// Taken back.
    Revoked {
        /// Why.
        cause: RevokeCause,
    },
    /// Its deadline moved by a jump of the clock.
    Extended {
        /// The new deadline.
        expires_at: Timestamp,
    },
}

/// Why an offer is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeCause {
    /// The contact is done, or gone elsewhere.
    ContactGone,
    /// Another agent accepted first.
    TakenByOther,
    /// The agent went away.
    AgentAway,
    /// The plan or the fence changed.
    Replanned,
    /// Over her capacity now.
    NoCapacity,
}

/// Readiness, as a platform or supervisor says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Logged out.
    Offline,
    /// Takes contacts.
    Ready,
    /// Logged in, takes none.
    NotReady,
}

/// Who set a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateSetter {
    /// A platform.
    Source(SourceId),
    /// A supervisor; lies above the sources' until its end.
    Supervisor,
    /// Picket itself: missed offers, lost heartbeats, the end of a timed pause.
    Picket,
}

/// Whether somebody vouches for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedPresence {
    /// No heartbeat in time.
    Lost,
    /// Heartbeats are back.
    Seen,
}

/// What happened to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentFact {
    /// Readiness changed.
    StateChanged {
        /// The channels it is about; none means all.
        channels: Vec<ChannelId>,
        /// The state.
        presence: Presence,
        /// Why.
        cause: StateCause,
        /// Becomes ready again by itself.
        until: Option<Timestamp>,
        /// Who said so.
        by: StateSetter,
    },
    /// An absence is on record.
    AbsenceSet {
        /// From.
        from: Timestamp,
        /// Until.
        until: Timestamp,
        /// Why.
        reason: Option<ReasonId>,
        /// Who stands in.
        deputy: Option<AgentId>,
    },
    /// The absence on record began: nothing new is put before her, and her deputy stands in.
    AbsenceBegan,
    /// The absence is over, by its end or because she returned.
    AbsenceEnded,
    /// Work from outside.
    LoadReported {
        /// The channel.
        channel: ChannelId,
        /// How many.
        contacts: u32,
    },
    /// Nobody vouches for her any more, or somebody does again.
    Vouched(ExpectedPresence),
}

/// Why an agent's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateCause {
    /// Somebody said so, perhaps with a reason.
    Said(Option<ReasonId>),
    /// Too many offers missed in a row.
    NoAnswer,
    /// Heartbeats stopped.
    HeartbeatLost,
    /// A timed pause ended.
    PauseOver,
}

/// What happened to the place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorldFact {
    /// A definition was put or removed.
    Changed(Box<WorldChange>),
    /// A team's reserve is released for a queue below its floor.
    ReserveReleased {
        /// Whose.
        team: TeamId,
        /// For which.
        queue: QueueId,
    },
    /// It is kept again.
    ReserveRestored {
        /// Whose.
        team: TeamId,
        /// For which.
        queue: QueueId,
    },
    /// A contact's needs were widened by its queue.
    Widened {
        /// Which contact.
        contact: ContactId,
        /// Its needs now.
        needs: Vec<Need>,
    },
    /// A calendar opened or closed: shifts and hours that follow it turn with it.
    HoursTurned {
        /// Which.
        calendar: CalendarId,
        /// Whether it is open from now on.
        open: bool,
    },
    /// A dated membership of a team began or ended.
    MembershipTurned {
        /// Whose.
        team: TeamId,
    },
    /// Journal time jumped.
    ClockJumped {
        /// By.
        by: Millis,
    },
    /// A calendar is needed further ahead.
    CalendarRunsOut {
        /// Which.
        calendar: CalendarId,
    },
}
