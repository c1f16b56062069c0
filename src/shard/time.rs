//! Decides what journal time it is: it never falls, and runs at most 1.1 times the monotonic clock.

use std::time::Duration;

use picket_core::{Millis, Timestamp};

use crate::clock::{Clock, Monotonic};

/// A gap between wall and journal time above which a jump is recorded; smaller ones are caught up silently.
const TOLERANCE: i64 = 1_000;

/// Turns the machine's clocks into journal time.
#[derive(Debug)]
pub(crate) struct Keeper {
    clock: Clock,
    last: Timestamp,
    read_at: Monotonic,
}

/// What reading the clocks gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Time went on.
    Now(Timestamp),
    /// Wall time is ahead by more than the machine has lived through: to be recorded, then it is that time.
    Jumped(Millis, Timestamp),
}

impl Keeper {
    /// Continues journal time behind `last`, the time of the last record.
    pub(crate) fn new(clock: Clock, last: Timestamp) -> Self {
        Self { clock, last, read_at: Monotonic::now() }
    }

    /// The time that the last reading gave.
    pub(crate) const fn last(&self) -> Timestamp {
        self.last
    }

    /// The clock behind it.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Reads the clocks.
    pub(crate) fn read(&mut self) -> Reading {
        let now = Monotonic::now();
        let lived = now.since(self.read_at);
        self.read_at = now;
        let reading = step(self.last, self.clock.now(), lived, self.clock.is_driven());
        let (Reading::Now(time) | Reading::Jumped(_, time)) = reading;
        self.last = time;
        reading
    }

    /// Moves journal time to `to` by a record that says so (a driven clock, a timer's own moment).
    pub(crate) fn reach(&mut self, to: Timestamp) {
        self.last = self.last.max(to);
    }
}

fn step(last: Timestamp, wall: Timestamp, lived: Duration, driven: bool) -> Reading {
    if driven || last.0 == 0 {
        return Reading::Now(last.max(wall));
    }
    let lived = i64::try_from(lived.as_millis()).unwrap_or(i64::MAX / 4);
    let furthest = last.0.saturating_add(lived).saturating_add(lived / 10);
    if wall.0 > furthest.saturating_add(TOLERANCE) {
        let by = u32::try_from(wall.0 - furthest).unwrap_or(u32::MAX);
        return Reading::Jumped(Millis(by), wall);
    }
    Reading::Now(Timestamp(wall.0.min(furthest).max(last.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_262_400_000);

    fn after(wall_ms: i64, lived_ms: u64) -> Reading {
        step(NOON, Timestamp(NOON.0 + wall_ms), Duration::from_millis(lived_ms), false)
    }

    #[test]
    fn time_goes_on_with_the_wall_clock() {
        assert_eq!(after(100, 100), Reading::Now(Timestamp(NOON.0 + 100)));
    }

    #[test]
    fn a_clock_set_back_holds_time_still() {
        assert_eq!(after(-3_600_000, 100), Reading::Now(NOON));
    }

    #[test]
    fn a_clock_a_little_ahead_is_caught_up_at_most_a_tenth_faster() {
        assert_eq!(after(900, 100), Reading::Now(Timestamp(NOON.0 + 110)));
    }

    #[test]
    fn a_clock_set_an_hour_ahead_is_a_recorded_jump() {
        assert_eq!(after(3_600_000, 100), Reading::Jumped(Millis(3_599_890), Timestamp(NOON.0 + 3_600_000)));
    }
}
