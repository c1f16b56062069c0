//! Decides what journal time it is: it never falls and never stands still, and runs between 0.9 and 1.1 times the
//! monotonic clock on its way to the wall clock's time.
//!
//! It is kept in microseconds, so that what is lived between two close readings is not lost.

use std::time::Duration;

use picket_core::{Millis, Timestamp};

use super::bugs::{self, Bug};
use crate::clock::{Clock, Monotonic};

/// A gap in microseconds above which a jump is reported; smaller ones are worked off silently.
const TOLERANCE: i64 = 1_000_000;
/// The longest time until journal time is looked at again.
const LOOK: Duration = Duration::from_secs(60);

/// Turns the machine's clocks into journal time.
#[derive(Debug)]
pub(crate) struct Keeper {
    clock: Clock,
    /// Journal time in microseconds.
    last: i64,
    /// The wall clock in microseconds, as it was read last.
    wall: i64,
    read_at: Monotonic,
}

/// What reading the clocks gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Time went on.
    Now(Timestamp),
    /// Wall time is ahead by more than the machine has lived through: to be recorded, then it is that time.
    Jumped(Millis, Timestamp),
    /// The wall clock was set back by so much: to be recorded. Time goes on, a little slower than the machine lives,
    /// until the wall clock has caught up.
    SetBack(Millis, Timestamp),
}

impl Keeper {
    /// Continues journal time behind `last`, the time of the last record.
    pub(crate) fn new(clock: Clock, last: Timestamp) -> Self {
        let wall = micros(clock.now());
        Self { clock, last: micros(last), wall, read_at: Monotonic::now() }
    }

    /// The time that the last reading gave.
    pub(crate) const fn last(&self) -> Timestamp {
        Timestamp(self.last.div_euclid(1_000))
    }

    /// The clock behind it.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How far the wall clock is ahead of the last reading; none where there was none before, or time is driven.
    pub(crate) fn gap(&self) -> Millis {
        let last = self.last();
        if last.0 == 0 || self.clock.is_driven() { Millis::ZERO } else { self.clock.now().since(last) }
    }

    /// How far the wall clock was behind when it was read last, if that is more than can come of rounding and slewing.
    pub(crate) fn behind(&self) -> Millis {
        let behind = self.last.saturating_sub(self.wall);
        if behind > TOLERANCE { millis(behind) } else { Millis::ZERO }
    }

    /// Reads the clocks.
    pub(crate) fn read(&mut self) -> Reading {
        let now = Monotonic::now();
        let (lived, wall) = (lived(now.since(self.read_at)), micros(self.clock.now()));
        let set_back = self.wall.saturating_add(lived).saturating_sub(wall);
        let (last, jumped) = step(self.last, wall, lived, self.clock.is_driven());
        let last = if bugs::has(Bug::TimeFalls) { wall } else { last };
        (self.last, self.wall, self.read_at) = (last, wall, now);
        match jumped {
            Some(by) => Reading::Jumped(by, self.last()),
            None if set_back > TOLERANCE && !self.clock.is_driven() => Reading::SetBack(millis(set_back), self.last()),
            None => Reading::Now(self.last()),
        }
    }

    /// How long to sleep until journal time is likely to be `at`: at least a millisecond, at most a minute.
    pub(crate) fn until(&self, at: Timestamp) -> Duration {
        let wall = micros(self.clock.now());
        let (now, _) = step(self.last, wall, lived(self.read_at.elapsed()), self.clock.is_driven());
        span(now, wall, micros(at)).clamp(Duration::from_millis(1), LOOK)
    }

    /// Moves journal time to `to` by a record that says so (a driven clock, a timer's own moment).
    pub(crate) fn reach(&mut self, to: Timestamp) {
        self.last = self.last.max(micros(to));
    }
}

/// Journal time after `lived` more, and by how much it jumped ahead.
fn step(last: i64, wall: i64, lived: i64, driven: bool) -> (i64, Option<Millis>) {
    if driven || last == 0 {
        return (last.max(wall), None);
    }
    let furthest = last.saturating_add(lived).saturating_add(lived / 10);
    if wall > furthest.saturating_add(TOLERANCE) {
        return (wall, Some(millis(wall - furthest)));
    }
    let least = last.saturating_add(lived - lived / 10);
    (wall.clamp(least, furthest), None)
}

/// How long the machine has to live from `now` until journal time is `at`.
fn span(now: i64, wall: i64, at: i64) -> Duration {
    let left = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
    let is_behind = wall < now - now.rem_euclid(1_000);
    Duration::from_micros(if is_behind { left.saturating_add(left.div_ceil(9)) } else { left })
}

const fn micros(time: Timestamp) -> i64 {
    time.0.saturating_mul(1_000)
}

fn millis(micros: i64) -> Millis {
    Millis(u32::try_from(micros / 1_000).unwrap_or(u32::MAX))
}

fn lived(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_262_400_000_000;
    const HOUR: i64 = 3_600_000_000;

    /// Journal time was noon, and then the machine lived so long and the wall clock says so much more than noon.
    fn after(wall: i64, lived: i64) -> (i64, Option<Millis>) {
        let (time, jumped) = step(NOON, NOON + wall, lived, false);
        (time - NOON, jumped)
    }

    #[test]
    fn time_goes_on_with_the_wall_clock() {
        assert_eq!(after(100_000, 100_000), (100_000, None));
    }

    #[test]
    fn a_clock_set_back_lets_time_go_on_a_tenth_slower_until_it_has_caught_up() {
        assert_eq!(after(-HOUR, 100_000), (90_000, None));
        let (mut time, mut wall, mut seconds) = (NOON, NOON - HOUR, 0);
        while wall < time {
            let (next, jumped) = step(time, wall + 1_000_000, 1_000_000, false);
            assert!(jumped.is_none() && next > time);
            (time, wall, seconds) = (next, wall + 1_000_000, seconds + 1);
        }
        assert_eq!((seconds, time), (36_000, wall), "an hour takes ten");
    }

    #[test]
    fn readings_close_to_each_other_lose_nothing_of_what_was_lived() {
        let (mut behind, mut along) = (NOON, NOON);
        for tick in 1..=10_000 {
            (behind, _) = step(behind, NOON - HOUR, 100, false);
            // The wall clock counts whole milliseconds.
            (along, _) = step(along, NOON + tick / 10 * 1_000, 100, false);
        }
        assert_eq!(behind - NOON, 900_000);
        assert!((998_000..=1_000_000).contains(&(along - NOON)), "{}", along - NOON);
    }

    #[test]
    fn a_clock_a_little_ahead_is_caught_up_at_most_a_tenth_faster() {
        assert_eq!(after(900_000, 100_000), (110_000, None));
    }

    #[test]
    fn a_clock_set_an_hour_ahead_is_a_recorded_jump() {
        assert_eq!(after(HOUR, 100_000), (HOUR, Some(Millis(3_599_890))));
    }

    #[test]
    fn a_timer_is_slept_for_in_journal_time() {
        let second = Duration::from_secs(1);
        assert_eq!(span(NOON, NOON, NOON + 900_000), second * 9 / 10);
        assert_eq!(span(NOON + 7, NOON, NOON + 900_007), second * 9 / 10, "the rest of a millisecond is not behind");
        // An hour behind, the wall clock would have it sleep for an hour, or not at all.
        assert_eq!(span(NOON, NOON - HOUR, NOON + 900_000), second);
        assert_eq!(span(NOON, NOON - HOUR, NOON - 1), Duration::ZERO);
        assert!(span(NOON, NOON, i64::MAX) > LOOK);
        let keeper = Keeper::new(Clock::System, Timestamp(Clock::System.now().0 + HOUR / 1_000));
        assert_eq!(keeper.until(keeper.last()), Duration::from_millis(1));
        assert!(keeper.until(keeper.last() + Millis(900)) > second * 9 / 10);
        assert!(keeper.behind() >= Millis(3_599_000));
    }

    #[test]
    fn a_wall_clock_that_went_back_is_told_once_and_time_does_not_fall() {
        let now = Clock::System.now();
        let mut keeper = Keeper::new(Clock::System, now);
        // As if the clock had said an hour more when it was read last.
        keeper.wall += HOUR;
        keeper.last += HOUR;
        let before = keeper.last();
        let Reading::SetBack(by, time) = keeper.read() else { panic!("nothing was noticed") };
        assert!(by.0.abs_diff(3_600_000) < 1_000 && time >= before, "{by:?} {time:?}");
        assert!(matches!(keeper.read(), Reading::Now(next) if next >= time));
    }
}
