//! Decides who gets a contact now: contacts, agents, teams, queues, capacity, plans and time, as integers.
//!
//! The core does no I/O, reads no clock and draws no random number. The same inputs give the same events,
//! byte for byte, and applying those events gives the same state.
#![no_std]

extern crate alloc;

mod bugs;
mod event;
mod fact;
mod id;
mod input;
mod names;
mod plan;
mod rejection;
mod router;
mod time;
mod world;

#[cfg(feature = "seeded-bugs")]
pub use bugs::Bug;
pub use event::{
    Assignment, ConnectFailure, ContactFact, Event, FenceFact, FenceReason, Handler, Obstacle, Outcome, OutsideEnd,
    Replanning, RequeueCause, Standing, StepCause, Tried,
};
pub use fact::{AgentFact, ExpectedPresence, OfferFact, Presence, RevokeCause, StateCause, StateSetter, WorldFact};
pub use id::{
    AgentId, CalendarId, ChannelId, ContactId, CustomerId, DestinationId, MatterId, OfferId, QueueId, ReasonId, RoleId,
    SkillId, SourceId, TeamId, ThreadId,
};
pub use input::{
    AgentCommand, Arrival, CatchUp, ContactCommand, EarlyEnd, Familiar, Fit, Input, OfferCommand, Relation,
    Supervision, TeamCommand, Transfer, WorldChange,
};
pub use names::{Kind, Name, Names};
pub use plan::{
    Bypass, ExitAction, FinalCause, Finally, Hold, Holds, Joining, Level, Need, OfferMode, OfferPolicy, Pick, Plan,
    Promise, PromisedBy, Step, Urgency, Who,
};
pub use rejection::Rejection;
pub use router::{
    ASKED_LIMIT, AgentView, By, CATCH_UP_LIMIT, CLOSED_KEPT, CLOSED_KEPT_FOR, Candidate, ChannelIdle, ChannelPresence,
    Check, ContactState, ContactView, DECISIONS_KEPT, Decision, Detail, Estimate, Estimates, FenceState, Handover,
    NAMED_LIMIT, ORPHAN_WAIT, OVERRIDE_SPAN, OfferView, QueueView, ReplanCursor, Router, SLICE_LIMIT, STEPS_LIMIT,
    TRANSFER_HOLD, TRIED_LIMIT, TeamView, TimerKind, Wake, Winner,
};
pub use time::{Millis, Timestamp};
pub use world::{
    AgentSpec, Calendar, ChannelSpec, Class, Floor, Member, QueueLimit, QueueOrder, QueueSpec, TeamSpec, Widening,
    Window,
};
