//! Decides when a shard catches up: while what the broker delivers happened long before it is taken, and there is more.
//!
//! After an outage, whoever seems to wait may be gone by an event that stands further back in the queue. Nobody is offered
//! anything then (the core's `CatchUp`), until the events are as young as they should be, or no more are there.
//!
//! *When it begins.* An event is late if it happened more than five seconds ago, by its source's clock. One late event
//! says little: a platform may tell of it late, and its clock may be behind. So either something was away just before (the
//! shard was taken over, the broker's connection is a new one, a write took as long), and then the first take of which
//! most is late is the end of a queue; or late events come in a row as dense as only a queue delivers them. A batch that
//! is full says nothing: RabbitMQ sends a prefetch at most, and how much of it is here depends on the wire. Events without
//! a time count as neither late nor in time. What comes over HTTP is asked for by somebody who waits for the answer, and is
//! never late; what is read from the archive must be offered at once, for the answers to those offers come behind it.
//!
//! *When it ends.* When of the last few taken most are in time; or when the loop was idle for a second while fewer came, for
//! a queue delivers without a pause; or by the core's own limit, and then it does not begin again before events in time have
//! been seen.

use std::time::Duration;

use picket_core::{CatchUp, ContactState, Millis, Timestamp};

use super::run::{Loop, Origin};
use crate::clock::Monotonic;
use crate::contract::wire::WireMessage;
use crate::contract::{Envelope, Refusal};

/// An event that happened longer ago is late.
pub(super) const LATE: Millis = Millis::from_secs(5);
/// Late ones in a row that are a queue, where nothing else says so; and so many are looked at together to tell whether
/// events are in time again.
const FEW: usize = 64;
/// How long the loop is idle while fewer than a few come, once a queue is empty.
const IDLE: Duration = Duration::from_secs(1);
/// The same before the first one came: a connection is made meanwhile.
const FIRST: Duration = Duration::from_secs(2);
/// How long timers are held for the first take, after an outage.
const HELD: Duration = Duration::from_millis(500);

/// What is known of how late events are.
#[derive(Debug)]
pub(super) struct Lag {
    /// The connection of the last take.
    session: Option<u64>,
    /// Something was away: the next late take is the end of a queue.
    is_alert: bool,
    /// The last catch-up was ended by the core's limit.
    is_spent: bool,
    /// Until the first take, or until then, timers are held.
    held: Option<Monotonic>,
    /// Taken since it was last told whether they are late.
    few: Seen,
    /// Late ones in a row.
    row: usize,
    /// How long the loop was idle since.
    idle: Duration,
    idle_since: Option<Monotonic>,
    /// The catch-up that is on.
    course: Option<Course>,
}

/// A catch-up, for the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Events taken in it.
    pub(super) taken: usize,
    /// How late the first of them was, at least.
    pub(super) late: Millis,
    pub(super) since: Monotonic,
}

/// How late the events of a take are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    taken: usize,
    timed: usize,
    late: usize,
    /// The latest of them.
    most: Millis,
}

/// What a take means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing new.
    Stays,
    /// There is a queue of late events.
    Begins,
    /// There is none any more.
    Ends,
}

impl Seen {
    /// What was read of a message.
    pub(super) fn of(read: &[Result<Envelope, Refusal>], now: Timestamp) -> Self {
        let mut seen = Self { taken: 1, ..Self::default() };
        for time in read.iter().flatten().filter_map(|envelope| envelope.time) {
            seen.timed += 1;
            let late = now.since(time);
            if late > LATE {
                seen.late += 1;
                seen.most = seen.most.max(late);
            }
        }
        seen
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.timed += other.timed;
        self.late += other.late;
        if other.most.0 > self.most.0 {
            self.most = other.most;
        }
    }

    const fn is_late(&self) -> bool {
        self.late * 2 > self.timed
    }
}

impl Lag {
    /// At a take-over, `gap` after the last record; `is_on` if the journal says that catching up had begun.
    pub(super) fn new(gap: Millis, is_on: bool, has_inbox: bool) -> Self {
        let now = Monotonic::now();
        Self {
            session: None,
            is_alert: true,
            is_spent: false,
            held: (gap > LATE && has_inbox).then_some(now),
            few: Seen::default(),
            row: 0,
            idle: Duration::ZERO,
            idle_since: None,
            course: is_on.then_some(Course { taken: 0, late: Millis::ZERO, since: now }),
        }
    }

    /// A write has taken so long that events may have piled up.
    pub(super) fn wrote(&mut self, took: Duration) {
        self.is_alert |= took >= Duration::from_millis(u64::from(LATE.0));
    }

    /// For how much longer timers are held.
    pub(super) fn held(&mut self) -> Option<Duration> {
        let left = self.held.map(|since| HELD.saturating_sub(since.elapsed())).filter(|left| !left.is_zero());
        if left.is_none() {
            self.held = None;
        }
        left
    }

    /// Once in each turn of the loop, which is idle or not: how long it may still be before a catch-up that is on is over;
    /// none while that is not to be waited for.
    pub(super) fn look(&mut self, is_on: bool, is_idle: bool) -> Option<Duration> {
        if is_idle {
            self.idle_since.get_or_insert_with(Monotonic::now);
        } else if let Some(since) = self.idle_since.take() {
            self.idle += since.elapsed();
        }
        let so_far = self.idle + self.idle_since.map_or(Duration::ZERO, Monotonic::elapsed);
        if !is_on {
            if so_far >= IDLE {
                self.row = 0;
                self.begin_anew();
            }
            return None;
        }
        let most = if self.session.is_none() { FIRST } else { IDLE };
        is_idle.then(|| most.saturating_sub(so_far))
    }

    /// Deliveries were taken: what that means for a catch-up.
    pub(super) fn took(&mut self, session: u64, seen: Seen) -> Turn {
        self.held = None;
        if self.session.replace(session).is_some_and(|known| known != session) {
            self.is_alert = true;
        }
        self.few.add(&seen);
        if let Some(course) = &mut self.course {
            course.taken += seen.taken;
            if self.few.taken < FEW {
                return Turn::Stays;
            }
            let is_over = self.few.timed > 0 && !self.few.is_late();
            self.begin_anew();
            return if is_over { Turn::Ends } else { Turn::Stays };
        }
        if self.few.taken >= FEW {
            self.begin_anew();
        }
        self.look_for_a_queue(seen)
    }

    fn look_for_a_queue(&mut self, seen: Seen) -> Turn {
        if !seen.is_late() {
            if seen.timed > 0 {
                (self.row, self.is_alert, self.is_spent) = (0, false, false);
            }
            return Turn::Stays;
        }
        self.row += seen.taken;
        if self.is_spent || !self.is_alert && self.row < FEW {
            return Turn::Stays;
        }
        (self.row, self.is_alert) = (0, false);
        self.begin_anew();
        self.course = Some(Course { taken: seen.taken, late: seen.most, since: Monotonic::now() });
        Turn::Begins
    }

    /// The catch-up is over; what it was, for the log.
    pub(super) fn ended(&mut self) -> Option<Course> {
        self.begin_anew();
        self.course.take()
    }

    /// The core has ended the catch-up by its limit, if there was one.
    pub(super) fn limited(&mut self) -> Option<Course> {
        let ended = self.course.is_some().then(|| self.ended()).flatten();
        self.is_spent |= ended.is_some();
        ended
    }

    fn begin_anew(&mut self) {
        self.few = Seen::default();
        self.idle = Duration::ZERO;
        self.idle_since = None;
    }
}

impl Loop {
    /// How late what was taken is, and what that means; what does not come from the broker is never late.
    pub(super) fn lag_of(&mut self, items: &[(WireMessage, Origin)], read: &[Vec<Result<Envelope, Refusal>>]) -> Turn {
        let clock = self.decider.keeper.clock();
        let Some((_, Origin::Broker(first))) = items.first().filter(|_| !clock.is_driven()) else { return Turn::Stays };
        let (now, mut seen) = (clock.now(), Seen::default());
        read.iter().for_each(|read| seen.add(&Seen::of(read, now)));
        self.lag.took(first.session, seen)
    }

    /// Once in each turn: for how long a catch-up that is on waits for more; none while it does not.
    pub(super) fn look_at_lag(&mut self, takes: bool) -> Option<Duration> {
        // The answers to offers stand behind what the archive brings back.
        if self.repair.is_some() && self.decider.is_catching_up() {
            self.end_catch_up();
        }
        let is_on = self.decider.is_catching_up();
        if !is_on && let Some(course) = self.lag.limited() {
            self.tell_end(course, "it has lasted as long as it may");
        }
        self.lag.look(is_on, takes && self.is_quiet())
    }

    pub(super) fn begin_catch_up(&mut self) {
        let decided = self.decider.note_lag(CatchUp::Begin);
        self.queue.extend(decided);
        let (shard, late) = (&self.decider.shard, self.lag.course.map_or(Millis::ZERO, |course| course.late));
        self.metrics.catching_up(shard, true);
        tracing::warn!(
            shard,
            late_s = late.0 / 1_000,
            "catch-up begins: what is delivered happened long ago, and nobody is offered anything until all of it is taken"
        );
    }

    pub(super) fn end_catch_up(&mut self) {
        if self.decider.is_catching_up() {
            let decided = self.decider.note_lag(CatchUp::End);
            self.queue.extend(decided);
        }
        if let Some(course) = self.lag.ended() {
            self.tell_end(course, "what is delivered is in time, or nothing is");
        }
    }

    fn tell_end(&self, course: Course, why: &str) {
        let shard = &self.decider.shard;
        self.metrics.catching_up(shard, false);
        let contacts = self.decider.state.router.contacts();
        let waiting = contacts.filter(|one| matches!(one.state, ContactState::Waiting | ContactState::Offered)).count();
        let (taken, took_ms) = (course.taken, course.since.elapsed().as_millis());
        tracing::info!(shard, taken, waiting, took_ms, why, "catch-up ends");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn late(count: usize) -> Seen {
        Seen { taken: count, timed: count, late: count, most: Millis(9_000) }
    }

    fn in_time(count: usize) -> Seen {
        Seen { taken: count, timed: count, ..Seen::default() }
    }

    fn timeless(count: usize) -> Seen {
        Seen { taken: count, ..Seen::default() }
    }

    /// A term in which events in time were seen.
    fn calm() -> Lag {
        let mut lag = Lag::new(Millis::ZERO, false, true);
        assert_eq!(lag.took(1, in_time(1)), Turn::Stays);
        lag
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_take_over_a_new_connection_or_a_long_write_the_first_late_take_is_a_queue() {
        let mut lag = Lag::new(Millis::ZERO, false, true);
        assert_eq!(lag.took(1, timeless(3)), Turn::Stays);
        assert_eq!(lag.took(1, late(1)), Turn::Begins);
        let mut lag = calm();
        assert_eq!(lag.took(1, late(1)), Turn::Stays);
        assert_eq!(lag.took(2, late(1)), Turn::Begins);
        let mut lag = calm();
        lag.wrote(Duration::from_secs(4));
        assert_eq!(lag.took(1, late(1)), Turn::Stays);
        lag.wrote(Duration::from_secs(5));
        assert_eq!(lag.took(1, late(1)), Turn::Begins);
    }

    #[tokio::test(start_paused = true)]
    async fn otherwise_only_a_dense_row_of_late_events_is_one() {
        let mut lag = calm();
        for _ in 0..1_000 {
            // The clock of a platform is behind: one event after the other, and none of them in time.
            assert_eq!(lag.took(1, late(1)), Turn::Stays);
            lag.look(false, true);
            tokio::time::advance(Duration::from_millis(20)).await;
            lag.look(false, false);
        }
        lag.look(false, true);
        tokio::time::advance(IDLE).await;
        lag.look(false, false);
        for turn in [Turn::Stays, Turn::Begins] {
            assert_eq!(lag.took(1, late(40)), turn);
            lag.look(false, true);
            tokio::time::advance(Duration::from_millis(2)).await;
            lag.look(false, false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_over_when_most_of_the_last_few_are_in_time_or_when_nothing_more_is_there() {
        let mut lag = Lag::new(Millis::ZERO, false, true);
        lag.took(1, late(100));
        assert_eq!(lag.took(1, in_time(3)), Turn::Stays, "too few to tell");
        assert_eq!(lag.took(1, late(61)), Turn::Stays);
        assert_eq!(lag.took(1, in_time(64)), Turn::Ends);
        assert_eq!(lag.ended().map(|course| course.taken), Some(228));

        let mut lag = Lag::new(Millis::ZERO, false, true);
        lag.took(1, late(100));
        assert_eq!(lag.look(true, true), Some(IDLE));
        tokio::time::advance(Duration::from_millis(950)).await;
        assert_eq!(lag.look(true, false), None, "something is being written");
        lag.took(1, late(1));
        assert_eq!(lag.look(true, true), Some(Duration::from_millis(50)));
        // A queue delivers without a pause.
        lag.took(1, late(100));
        assert_eq!(lag.look(true, true), Some(IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_the_core_has_ended_does_not_begin_again_before_events_were_in_time() {
        let mut lag = Lag::new(Millis::ZERO, false, true);
        assert_eq!(lag.took(1, late(100)), Turn::Begins);
        assert!(lag.limited().is_some() && lag.limited().is_none());
        for _ in 0..10 {
            assert_eq!(lag.took(1, late(100)), Turn::Stays);
        }
        assert_eq!(lag.took(1, in_time(100)), Turn::Stays);
        assert_eq!(lag.took(1, late(100)), Turn::Begins);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_on_at_a_take_over_goes_on_or_is_over_after_a_second() {
        let mut lag = Lag::new(Millis::ZERO, true, true);
        assert_eq!(lag.look(true, true), Some(FIRST));
        tokio::time::advance(FIRST / 2).await;
        assert_eq!(lag.look(true, true), Some(FIRST / 2));
        assert_eq!(lag.took(1, late(1)), Turn::Stays);
        assert_eq!(lag.ended().map(|course| course.taken), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_timers_are_held_for_the_first_take_and_not_for_long() {
        let mut lag = Lag::new(Millis(5_001), false, true);
        assert_eq!(lag.held(), Some(HELD));
        lag.took(1, timeless(1));
        assert_eq!(lag.held(), None);
        let mut lag = Lag::new(Millis(5_001), false, true);
        tokio::time::advance(HELD).await;
        assert_eq!(lag.held(), None);
        assert_eq!(Lag::new(Millis(5_001), false, false).held(), None, "nothing is delivered here");
        assert_eq!(Lag::new(Millis(5_000), false, true).held(), None);
    }

    #[test]
    fn an_event_is_late_by_its_own_time_and_one_without_is_neither_late_nor_in_time() {
        let event = |time: &str| {
            let body = format!(
                r#"{{"specversion": "1.0", "id": "1", "source": "pbx", "type": "picket.contact.abandoned.v1"{time},
                    "data": {{"contact": "c"}}}}"#
            );
            let message = WireMessage {
                body: body.into(),
                content_type: Some("application/cloudevents+json".to_owned()),
                ..Default::default()
            };
            let read = crate::contract::decode(&message, &crate::contract::Sources::default(), NOW);
            assert!(read.iter().all(Result::is_ok), "{read:?}");
            Seen::of(&read, NOW)
        };
        assert_eq!(event(""), timeless(1));
        assert_eq!(event(r#", "time": "1970-01-01T00:16:35Z""#), in_time(1));
        let most = Millis(6_000);
        assert_eq!(event(r#", "time": "1970-01-01T00:16:34Z""#), Seen { most, ..late(1) });
    }
}
