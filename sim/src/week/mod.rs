//! Replays a recorded week of a call centre through a router, in whatever seat it sits: the core alone, or a daemon.
//!
//! The trace decides who calls when, who works when, how long they talk and how long callers wait; the router decides
//! everything else. The driver is deterministic, so two seats that route alike make the same decisions.

mod core_seat;
mod driver;
mod patience;
mod people;
mod rules;
mod seat;
mod trace;

pub use core_seat::{CoreSeat, CoreSeatError};
pub use driver::{Driver, Ended};
pub use people::{Caller, Duty, Valued, Week};
pub use seat::{Act, Decision, Decisions, Seat};
pub use trace::{Call, Outcome, TraceError, read};
