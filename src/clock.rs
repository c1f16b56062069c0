//! Decides what time it is: the only place that reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use picket_core::Timestamp;

/// The clock of the daemon. Cheap to clone; clones of a driven clock share their time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// Moved only by `clock.advance` inputs, so that a recorded week can be replayed exactly.
    Driven(Arc<AtomicI64>),
    /// One that runs as the monotonic clock does, and that a simulation sets: what it showed at its start.
    Set(Arc<AtomicI64>, Monotonic),
}

/// A point on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(Instant);

impl Clock {
    /// A driven clock at 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn driven() -> Self {
        Self::Driven(Arc::new(AtomicI64::new(0)))
    }

    /// A clock that runs from `start` on, as fast as the monotonic clock.
    #[must_use]
    pub fn set_to(start: Timestamp) -> Self {
        Self::Set(Arc::new(AtomicI64::new(start.0)), Monotonic::now())
    }

    /// Puts such a clock forward or, by a negative number of milliseconds, back.
    pub fn put(&self, by: i64) {
        if let Self::Set(start, _) = self {
            start.fetch_add(by, Ordering::AcqRel);
        }
    }

    /// The wall time, or the driven time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Driven(time) => Timestamp(time.load(Ordering::Acquire)),
            Self::Set(start, since) => {
                let ran = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                Timestamp(start.load(Ordering::Acquire).saturating_add(ran))
            }
        }
    }

    /// Moves a driven clock forward to `to`; it never goes back. A system clock stays as it is.
    pub fn advance(&self, to: Timestamp) {
        if let Self::Driven(time) = self {
            time.fetch_max(to.0, Ordering::AcqRel);
        }
    }

    /// Whether time is moved by inputs.
    #[must_use]
    pub const fn is_driven(&self) -> bool {
        matches!(self, Self::Driven(_))
    }
}

impl Monotonic {
    /// This moment; in a simulation, its time.
    #[must_use]
    pub fn now() -> Self {
        Self(tokio::time::Instant::now().into_std())
    }

    /// How long ago it was.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_duration_since(self.0)
    }

    /// The time between this and an earlier point.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}
