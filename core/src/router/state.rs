//! Decides what is remembered of each contact, offer, agent, team, queue and calendar.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::audience::Audience;
use super::lanes::LaneId;
use super::learn::Latest;
use super::pool::PoolEntry;
use super::timers::TimerKind;
use crate::{
    AgentId, AgentSpec, Bypass, Calendar, CalendarId, ChannelId, ContactId, CustomerId, Familiar, FenceReason, Fit,
    MatterId, Millis, Need, OfferId, OfferMode, Outcome, Plan, Presence, QueueId, QueueSpec, ReasonId, RoleId,
    SourceId, Standing, StateCause, StateSetter, TeamId, TeamSpec, ThreadId, Timestamp, Transfer,
};

/// One contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) channel: ChannelId,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) source: SourceId,
    /// Age counts from here.
    pub(crate) since: Timestamp,
    pub(crate) plan: Plan,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) matter: Option<MatterId>,
    pub(crate) familiar: Vec<Familiar>,
    pub(crate) prefers: Vec<AgentId>,
    pub(crate) avoids: Vec<AgentId>,
    pub(crate) fit: Vec<Fit>,
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) phase_since: Timestamp,
    /// Since when it is where it is: with its agent, or in line without an offer out.
    pub(crate) kept_since: Timestamp,
    pub(crate) step: u8,
    /// Holds of the step count from here.
    pub(crate) step_since: Timestamp,
    /// The longest wait counts from here.
    pub(crate) wait_from: Timestamp,
    pub(crate) progress: Progress,
    /// Where it was handed on to; comes before the plan's steps until its hold is over.
    pub(crate) redirect: Option<Transfer>,
    pub(crate) fence: Option<Fence>,
    /// A supervisor keeps it at its step until then.
    pub(crate) held_until: Option<Timestamp>,
    /// Whom its agent asks for advice; this takes the other's capacity too.
    pub(crate) consulted: Option<AgentId>,
    /// For whom its agent stands in: parked again, it waits for her.
    pub(crate) stands_for: Option<AgentId>,
    pub(crate) offers: SmallVec<[OfferId; 2]>,
    /// Missed, declined or gave back; the oldest is forgotten first.
    pub(crate) excluded: SmallVec<[AgentId; 4]>,
    /// Goes before the others of its rank: it was with somebody already.
    pub(crate) ahead: bool,
    /// How many of the queue's widenings have taken effect.
    pub(crate) widenings: u8,
    /// The queue's needs as widened.
    pub(crate) widened: Option<Box<[Need]>>,
    /// The last agent who had it.
    pub(crate) agent: Option<AgentId>,
    /// Everybody who was connected, first to last, each once.
    pub(crate) handled_by: SmallVec<[AgentId; 2]>,
    /// Counted once as answered for its queue's floor.
    pub(crate) answered: bool,
    /// The lanes it waits in, in order of step; all are left together.
    pub(crate) places: SmallVec<[Place; 3]>,
    /// Whose changes of state concern its step.
    pub(crate) watches: SmallVec<[Audience; 1]>,
    /// Where it is counted as waiting.
    pub(crate) roll: Option<Roll>,
    pub(crate) armed: Option<(Timestamp, TimerKind)>,
}

/// One of a contact's lanes, and the step that led into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) lane: LaneId,
    pub(crate) step: u8,
}

/// Where a contact that waits, or is offered, is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Roll {
    /// Behind the closed fence of a team.
    Team(TeamId),
    /// In a queue.
    Queue(QueueId),
}

impl Roll {
    /// One number for it.
    pub(crate) fn key(self) -> u64 {
        match self {
            Self::Team(team) => u64::from(team.0),
            Self::Queue(queue) => 1 << 32 | u64::from(queue.0),
        }
    }
}

/// How far the plan has come, beyond its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// All steps are over and `finally` was applied.
    pub(crate) exhausted: bool,
    /// The longest wait was reached.
    pub(crate) longest: bool,
    /// The queue's people joined without a fence having been there to open.
    pub(crate) opened: bool,
}

/// Where a contact is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Scheduled {
        at: Timestamp,
    },
    /// Waiting or, with offers out, offered.
    Waiting,
    Assigned {
        agent: AgentId,
        deadline: Option<Timestamp>,
    },
    Connected {
        agent: AgentId,
        stalls_at: Option<Timestamp>,
    },
    Orphaned {
        agent: AgentId,
        until: Timestamp,
    },
    WrapUp {
        agent: AgentId,
        until: Timestamp,
    },
    Parked {
        agent: AgentId,
    },
    Closed {
        outcome: Outcome,
    },
}

impl Phase {
    /// Who has the contact; it takes this agent's capacity unless it is parked.
    pub(crate) const fn holder(&self) -> Option<AgentId> {
        match *self {
            Self::Assigned { agent, .. }
            | Self::Connected { agent, .. }
            | Self::Orphaned { agent, .. }
            | Self::WrapUp { agent, .. } => Some(agent),
            Self::Scheduled { .. } | Self::Waiting | Self::Parked { .. } | Self::Closed { .. } => None,
        }
    }
}

impl Phase {
    /// Whether an agent has it whose customer is still there, and who may hand it on.
    pub(crate) const fn is_with_agent(&self) -> bool {
        matches!(self, Self::Assigned { .. } | Self::Connected { .. } | Self::Orphaned { .. } | Self::Parked { .. })
    }

    /// Whether it waits for somebody to do something by a deadline that a jump of the clock must not eat.
    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self, Self::Assigned { .. } | Self::Orphaned { .. })
    }

    /// Moves that deadline.
    pub(crate) fn extend(&mut self, by: Millis) {
        match self {
            Self::Assigned { deadline: Some(until), .. } | Self::Orphaned { until, .. } => *until = *until + by,
            Self::Assigned { deadline: None, .. }
            | Self::Scheduled { .. }
            | Self::Waiting
            | Self::Connected { .. }
            | Self::WrapUp { .. }
            | Self::Parked { .. }
            | Self::Closed { .. } => {}
        }
    }
}

/// A fence around a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fence {
    pub(crate) team: TeamId,
    pub(crate) set_at: Timestamp,
    pub(crate) open: Option<FenceReason>,
    /// When a supervisor's opening ends.
    pub(crate) until: Option<Timestamp>,
}

/// One offer that is out. Answered ones are known by their number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) id: OfferId,
    pub(crate) contact: ContactId,
    pub(crate) agent: AgentId,
    pub(crate) channel: ChannelId,
    pub(crate) standing: Standing,
    pub(crate) step: u8,
    pub(crate) mode: OfferMode,
    pub(crate) made_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) bypassed: Bypass,
}

/// One agent, known by definition or because a state was reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) spec: AgentSpec,
    pub(crate) removed: bool,
    /// What platforms (and Picket itself) said about every channel.
    pub(crate) said: Said,
    /// What they said later about single channels, in order of channel.
    pub(crate) said_of: SmallVec<[(ChannelId, Said); 2]>,
    /// `not_ready(no_answer)`: lies above what platforms say until one says that she is ready.
    pub(crate) missed: Option<Said>,
    /// A supervisor's word; it lies above, for all channels or single ones.
    pub(crate) over: Option<Said>,
    pub(crate) over_of: SmallVec<[(ChannelId, Said); 1]>,
    /// Heartbeats stopped.
    pub(crate) lost: bool,
    pub(crate) absences: SmallVec<[Absence; 1]>,
    /// Contacts per channel that a platform reported.
    pub(crate) load: SmallVec<[(ChannelId, u32); 1]>,
    /// What takes her capacity, in order of assignment.
    pub(crate) contacts: SmallVec<[(ContactId, ChannelId); 3]>,
    pub(crate) offers: SmallVec<[(OfferId, ChannelId); 2]>,
    /// Contacts of others about which she is asked; they take her capacity.
    pub(crate) consults: SmallVec<[(ContactId, ChannelId); 1]>,
    /// Parked contacts that return to her.
    pub(crate) parked: SmallVec<[ContactId; 1]>,
    /// When she became idle on channels; the login for those not listed.
    pub(crate) idle: SmallVec<[(ChannelId, Timestamp); 2]>,
    pub(crate) login: Timestamp,
    /// How long her contacts lasted, by channel.
    pub(crate) lasted: SmallVec<[(ChannelId, Latest); 1]>,
    /// No-answers in a row, per channel.
    pub(crate) misses: SmallVec<[(ChannelId, u8); 1]>,
    /// The day (UTC, since 1970) and how many contacts were assigned to her on it.
    pub(crate) today: (i64, u32),
    /// The number of her latest offer or assignment among all, for taking turns.
    pub(crate) turn: u64,
    /// Contacts she has over her capacity, recorded so.
    pub(crate) over_capacity: SmallVec<[ContactId; 1]>,
    /// Teams of which she is a member now, in order of number.
    pub(crate) teams: SmallVec<[TeamId; 2]>,
    /// Agents for whom she stands in now.
    pub(crate) deputises: SmallVec<[AgentId; 1]>,
    pub(crate) pooled: Vec<PoolEntry>,
    pub(crate) armed: Option<(Timestamp, TimerKind)>,
}

/// A state as somebody said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) presence: Presence,
    pub(crate) cause: StateCause,
    pub(crate) until: Option<Timestamp>,
    pub(crate) by: StateSetter,
    pub(crate) at: Timestamp,
}

/// A span in which an agent is away from everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absence {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) reason: Option<ReasonId>,
    pub(crate) deputy: Option<AgentId>,
    pub(crate) begun: bool,
}

/// One team; a removed one keeps its number and has nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Team {
    pub(crate) id: TeamId,
    pub(crate) spec: TeamSpec,
    pub(crate) removed: bool,
    /// Memberships of now, by rank; one agent may have several roles.
    pub(crate) members: Vec<(AgentId, Option<RoleId>)>,
    /// Teams for which this one stands in.
    pub(crate) covers_for: Vec<TeamId>,
    /// Queues below their floor that it helps: by releasing its reserve, or by lending at all.
    pub(crate) released: Vec<QueueId>,
    /// Queues to which a supervisor lends it, and until when; in order of number.
    pub(crate) lent: Vec<(QueueId, Timestamp)>,
    pub(crate) armed_lent: Option<Timestamp>,
    pub(crate) armed: Option<Timestamp>,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) spec: QueueSpec,
    pub(crate) service: super::floor::Service,
    pub(crate) armed: Option<Timestamp>,
}

/// One calendar and whether it is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hours {
    pub(crate) id: CalendarId,
    pub(crate) calendar: Calendar,
    pub(crate) open: bool,
    /// The shell was asked to compile it further.
    pub(crate) asked: bool,
    pub(crate) armed: Option<Timestamp>,
    pub(crate) armed_horizon: Option<Timestamp>,
}
