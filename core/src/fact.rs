//! Decides what can happen to offers, agents and the place: the facts that events carry beside those of contacts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, Bypass, CalendarId, ChannelId, ContactId, Millis, Need, OfferMode, QueueId, ReasonId, SourceId, Standing,
    TeamId, Timestamp, WorldChange,
};

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
    /// A queue is below its floor: a team's reserve is released for it, or the team begins to lend to it.
    ReserveReleased {
        /// Whose.
        team: TeamId,
        /// For which.
        queue: QueueId,
    },
    /// It has recovered: the reserve is kept again, and who only helps below the floor lends no more.
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
    /// A supervisor lends a team's people to a queue, reserve included.
    Lent {
        /// Whose.
        team: TeamId,
        /// To which.
        queue: QueueId,
        /// Ends by itself.
        until: Timestamp,
    },
    /// That is over.
    LendingEnded {
        /// Whose.
        team: TeamId,
        /// To which.
        queue: QueueId,
    },
    /// Nobody is offered anything for a while: what happened while nobody listened is told first.
    CatchUpBegan {
        /// Ends by itself.
        until: Timestamp,
    },
    /// That is over.
    CatchUpEnded,
}
