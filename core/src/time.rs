//! Decides how time is written: milliseconds UTC, and durations in milliseconds.

use core::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A duration in milliseconds; at most about 49 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u32);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A whole number of seconds; saturates at the longest duration.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds.saturating_mul(1000))
    }
}

impl Timestamp {
    /// How long after `earlier` this is; zero if it is not after, and at most the longest duration.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        let span = self.0.saturating_sub(earlier.0).max(0);
        Millis(u32::try_from(span).unwrap_or(u32::MAX))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(i64::from(span.0)))
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, span: Millis) -> Self {
        Self(self.0.saturating_sub(i64::from(span.0)))
    }
}
