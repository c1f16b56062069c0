//! Decides what can happen: every change of the core's state is one of these, and applying them is the only way to change it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    AgentFact, AgentId, Arrival, Bypass, ContactId, DestinationId, FinalCause, Millis, OfferFact, OfferId, Plan,
    QueueId, Relation, TeamId, Timestamp, WorldFact, input::Transfer,
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
    /// Connected for longer than the channel allows: the source is asked, and again each time that long has passed.
    Stalled,
    /// A call-back is asked of the platform.
    CallbackWanted,
    /// Done, for good.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
    /// Whose it is, and who knows the customer, changed.
    Identified(Box<Relation>),
    /// A supervisor keeps it at its step.
    Held {
        /// Ends by itself; `None` when it ended.
        until: Option<Timestamp>,
    },
    /// Its agent asks another one.
    Consulted {
        /// Whom.
        agent: AgentId,
        /// Whether it goes over her capacity.
        over_capacity: bool,
    },
    /// The consultation is over. A contact that is no longer connected has none either, without this.
    ConsultEnded,
    /// Its queue was full or closed: it waits in another one.
    Overflowed {
        /// Which.
        to: QueueId,
        /// Why.
        cause: FinalCause,
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
    /// A smart hold is over before its limit: that one of its people frees up in time is too unlikely.
    Unlikely {
        /// The chance that was left, in thousandths.
        chance_permille: u16,
    },
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
    /// By hand: a supervisor gave it to her, or she took it.
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
    /// The agent gave it back, or a supervisor took it back.
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
        /// Closes again by itself then; only for openings by a supervisor.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// A supervisor closed it again, or the opening's time is over.
    Closed,
    /// The plan would open it now, but its team is gone or has no members: it stays closed, and somebody must look.
    TeamMissing {
        /// Whose.
        team: TeamId,
    },
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
