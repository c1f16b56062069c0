//! Decides when a queue's service is below its floor: teams that allow it release their reserve, or begin to lend, until
//! it has recovered.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Router;
use super::state::{Queue, Roll};
use super::timers::Timer;
use crate::bugs::Bug;
use crate::{ContactId, Event, Floor, Millis, Outcome, QueueId, Timestamp, WorldFact};

/// Parts into which the span of a floor is divided; the oldest part drops out as a whole.
const PARTS: i64 = 16;

/// How a queue's contacts were answered lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    /// At most one more than `PARTS`, the oldest first.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    number: i64,
    ended: u32,
    in_time: u32,
}

/// How a contact's wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    InTime,
    TooLong,
}

/// Where a queue's service stands against its floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Below,
    Between,
    Recovered,
}

fn part_of(at: Timestamp, floor: &Floor) -> i64 {
    at.0.div_euclid(width(floor))
}

fn width(floor: &Floor) -> i64 {
    (i64::from(floor.over.0) / PARTS).max(1)
}

impl Service {
    fn note(&mut self, at: Timestamp, floor: &Floor, waited: Waited) {
        let number = part_of(at, floor);
        self.parts.retain(|part| part.number > number.saturating_sub(PARTS));
        if self.parts.last().is_none_or(|part| part.number < number) {
            self.parts.push(Part { number, ended: 0, in_time: 0 });
        }
        if let Some(part) = self.parts.last_mut() {
            part.ended = part.ended.saturating_add(1);
            part.in_time = part.in_time.saturating_add(u32::from(waited == Waited::InTime));
        }
    }

    fn level(&self, number: i64, floor: &Floor) -> Level {
        let current = self.parts.iter().filter(|part| part.number > number.saturating_sub(PARTS));
        let (ended, in_time) = current.fold((0_u64, 0_u64), |(ended, in_time), part| {
            (ended + u64::from(part.ended), in_time + u64::from(part.in_time))
        });
        let reaches = |permille: u32| in_time * 1000 >= ended * u64::from(permille.min(1000));
        if !reaches(floor.share_permille) {
            Level::Below
        } else if reaches(floor.share_permille.saturating_add(floor.margin_permille)) {
            Level::Recovered
        } else {
            Level::Between
        }
    }

    /// The share answered in time, in thousandths, where anything ended.
    pub(crate) fn share_permille(&self, at: Timestamp, floor: &Floor) -> Option<u32> {
        let oldest = part_of(at, floor).saturating_sub(PARTS);
        let current = self.parts.iter().filter(|part| part.number > oldest);
        let (ended, in_time) = current.fold((0_u64, 0_u64), |(ended, in_time), part| {
            (ended + u64::from(part.ended), in_time + u64::from(part.in_time))
        });
        (ended > 0).then(|| u32::try_from(in_time * 1000 / ended).unwrap_or(1000))
    }
}

impl Router {
    /// Counts an answered contact for its queue, once, if it waited there.
    pub(super) fn note_answer(&mut self, at: Timestamp, id: ContactId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        if contact.answered || !matches!(contact.roll, Some(Roll::Queue(_))) {
            return;
        }
        contact.answered = true;
        let (queue, waited) = (contact.plan.queue, at.since(contact.since));
        self.note_wait(at, queue, waited, Waited::InTime);
    }

    /// Counts a contact whose customer gave up waiting in a queue.
    pub(super) fn note_end(&mut self, at: Timestamp, id: ContactId, outcome: Outcome) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        if let (Outcome::Abandoned { waited, .. }, Some(Roll::Queue(queue))) = (outcome, contact.roll) {
            self.note_wait(at, queue, waited, Waited::TooLong);
        }
    }

    fn note_wait(&mut self, at: Timestamp, queue: QueueId, span: Millis, if_short: Waited) {
        let Some(state) = self.queues.get_mut(queue.index()) else { return };
        let Some(floor) = state.spec.floor else { return };
        // A customer who gave up within the time says nothing about the service.
        if span <= floor.within && if_short == Waited::TooLong {
            return;
        }
        let waited = if span <= floor.within { if_short } else { Waited::TooLong };
        state.service.note(at, &floor, waited);
        self.work.queues.insert(queue);
        self.arm_floor(at, queue);
    }

    fn lenders(&self, queue: QueueId) -> impl Iterator<Item = &super::state::Team> {
        self.teams.iter().map(|(_, team)| team).filter(move |team| team.relieves(queue))
    }

    fn releases(&self, queue: QueueId) -> bool {
        self.teams.iter().any(|(_, team)| team.released.contains(&queue))
    }

    /// Sets a queue's timer to the moment at which the passing of time alone takes it over its floor, either way.
    pub(super) fn arm_floor(&mut self, at: Timestamp, id: QueueId) {
        // Without a floor there is nothing to look for, and nothing is set.
        if self.queues.get(id.index()).is_none_or(|queue| queue.spec.floor.is_none() && queue.armed.is_none()) {
            return;
        }
        let turning =
            if self.releases(id) { Some(Level::Recovered) } else { self.lenders(id).next().map(|_| Level::Below) };
        let Some(queue) = self.queues.get_mut(id.index()) else { return };
        let wanted = turning.and_then(|turning| floor_edge(queue, at, turning));
        let before = core::mem::replace(&mut queue.armed, wanted);
        let timer = |at| (at, Timer::Floor(id));
        self.rearm(before.map(timer), wanted.map(timer));
    }

    /// Releases or restores reserves as the service of queues stands; true if it did.
    pub(super) fn review_floors(&mut self, now: Timestamp, out: &mut Vec<Event>) -> bool {
        let length = out.len();
        while let Some(id) = self.work.queues.pop_first() {
            self.review_floor(now, now, id, out);
        }
        out.len() > length
    }

    /// Does what the floor of a queue asks for as it stood at the moment its timer was set to.
    pub(super) fn turn_floor(&mut self, now: Timestamp, due: Timestamp, id: QueueId, out: &mut Vec<Event>) {
        self.review_floor(now, due, id, out);
    }

    fn review_floor(&mut self, now: Timestamp, as_of: Timestamp, id: QueueId, out: &mut Vec<Event>) {
        let Some(queue) = self.queues.get(id.index()) else { return };
        let Some(floor) = queue.spec.floor else { return };
        match queue.service.level(part_of(as_of, &floor), &floor) {
            Level::Below => {
                let lenders = self.lenders(id).filter(|team| !team.released.contains(&id));
                let teams: Vec<_> = lenders.map(|team| team.id).collect();
                for team in teams {
                    self.emit(now, Event::World(WorldFact::ReserveReleased { team, queue: id }), out);
                }
            }
            Level::Recovered => self.restore_reserves(now, id, out),
            Level::Between => {}
        }
    }

    /// Has every reserve that was released for a queue kept again.
    pub(super) fn restore_reserves(&mut self, now: Timestamp, id: QueueId, out: &mut Vec<Event>) {
        if self.has(Bug::FloorNeverRestored) {
            return;
        }
        let released = self.teams.iter().filter(|(_, team)| team.released.contains(&id));
        let teams: Vec<_> = released.map(|(_, team)| team.id).collect();
        for team in teams {
            self.emit(now, Event::World(WorldFact::ReserveRestored { team, queue: id }), out);
        }
    }
}

fn floor_edge(queue: &Queue, at: Timestamp, turning: Level) -> Option<Timestamp> {
    let floor = queue.spec.floor?;
    let now = part_of(at, &floor);
    (1..=PARTS)
        .map(|ahead| now.saturating_add(ahead))
        .find(|number| queue.service.level(*number, &floor) == turning)
        .map(|number| Timestamp(number.saturating_mul(width(&floor))))
}
