//! When a queue's service is below its floor, and whose reserve is released for it.

use picket_core::*;

use super::{Line, Naive};

const PARTS: i64 = 16;

/// The part of a floor's span in which a moment lies.
fn part(at: Timestamp, floor: &Floor) -> i64 {
    at.0.div_euclid(width(floor))
}

fn width(floor: &Floor) -> i64 {
    (i64::from(floor.over.0) / PARTS).max(1)
}

/// Whether so large a share of the waits that ended in the last parts was in time.
fn reaches(line: &Line, now: i64, permille: u32) -> bool {
    let recent: Vec<bool> = line.waits.iter().filter(|(part, _)| *part > now - PARTS).map(|(_, ok)| *ok).collect();
    let in_time = recent.iter().filter(|ok| **ok).count();
    in_time * 1000 >= recent.len() * permille.min(1000) as usize
}

fn is_below(line: &Line, now: i64, floor: &Floor) -> bool {
    !reaches(line, now, floor.share_permille)
}

fn is_recovered(line: &Line, now: i64, floor: &Floor) -> bool {
    reaches(line, now, floor.share_permille) && reaches(line, now, floor.share_permille + floor.margin_permille)
}

impl super::Group {
    /// Below the queue's floor it releases its reserve, or begins to lend.
    pub(super) fn relieves(&self, queue: QueueId) -> bool {
        let releases = self.spec.releases && self.spec.reserve > 0;
        let helps = self.spec.helps.contains(&queue);
        !self.removed && if self.spec.lends_to.contains(&queue) { releases } else { helps }
    }
}

impl Naive {
    /// An answer counts once, if the contact waited in its queue.
    pub(super) fn note_answer(&mut self, at: Timestamp, id: ContactId) {
        let case = self.cases.get_mut(&id).expect("it is live");
        if case.answered || !case.waits() || case.closed_fence().is_some() {
            return;
        }
        case.answered = true;
        let (queue, waited) = (case.plan.queue, at.since(case.arrival.since));
        let within = self.queues[&queue].spec.floor.map(|floor| floor.within);
        self.note(at, queue, within.is_some_and(|within| waited <= within));
    }

    /// So does a customer who gave up, but not one who gave up early.
    pub(super) fn note_end(&mut self, at: Timestamp, id: ContactId, outcome: Outcome) {
        let case = &self.cases[&id];
        let Outcome::Abandoned { waited, .. } = outcome else { return };
        if !case.waits() || case.closed_fence().is_some() {
            return;
        }
        let queue = case.plan.queue;
        if self.queues[&queue].spec.floor.is_some_and(|floor| waited > floor.within) {
            self.note(at, queue, false);
        }
    }

    fn note(&mut self, at: Timestamp, queue: QueueId, in_time: bool) {
        let line = self.queues.get_mut(&queue).expect("it is known");
        if let Some(floor) = line.spec.floor {
            line.waits.push((part(at, &floor), in_time));
            line.looked_at = at;
            self.noted.insert(queue);
        }
    }

    pub(super) fn look_at_floor(&mut self, at: Timestamp, queue: QueueId) {
        if let Some(line) = self.queues.get_mut(&queue) {
            line.looked_at = at;
        }
    }

    fn released(&self, queue: QueueId) -> Vec<TeamId> {
        self.teams.iter().filter(|(_, group)| group.released.contains(&queue)).map(|(id, _)| *id).collect()
    }

    fn lenders(&self, queue: QueueId) -> Vec<TeamId> {
        self.teams.iter().filter(|(_, group)| group.relieves(queue)).map(|(id, _)| *id).collect()
    }

    /// When the passing of time alone takes a queue's service over its floor, either way.
    pub(super) fn floor_turns_at(&self, queue: QueueId) -> Option<Timestamp> {
        let line = &self.queues[&queue];
        let floor = line.spec.floor?;
        let is_released = !self.released(queue).is_empty();
        if !is_released && self.lenders(queue).is_empty() {
            return None;
        }
        let from = part(line.looked_at, &floor);
        let turned = (from + 1..=from + PARTS)
            .find(|part| if is_released { is_recovered(line, *part, &floor) } else { is_below(line, *part, &floor) });
        turned.map(|part| Timestamp(part * width(&floor)))
    }

    /// Holds against their floors the queues whose service changed; true if anything came of it.
    pub(super) fn review_floors(&mut self, now: Timestamp, out: &mut Vec<Event>) -> bool {
        let before = out.len();
        while let Some(queue) = self.noted.pop_first() {
            self.review_floor(now, now, queue, out);
        }
        out.len() > before
    }

    pub(super) fn review_floor(&mut self, now: Timestamp, as_of: Timestamp, queue: QueueId, out: &mut Vec<Event>) {
        let line = &self.queues[&queue];
        let Some(floor) = line.spec.floor else { return };
        let part = part(as_of, &floor);
        if is_below(line, part, &floor) {
            for team in self.lenders(queue) {
                if !self.teams[&team].released.contains(&queue) {
                    self.emit(now, Event::World(WorldFact::ReserveReleased { team, queue }), out);
                }
            }
        } else if is_recovered(line, part, &floor) {
            self.restore(now, queue, out);
        }
    }

    pub(super) fn restore(&mut self, now: Timestamp, queue: QueueId, out: &mut Vec<Event>) {
        for team in self.released(queue) {
            self.emit(now, Event::World(WorldFact::ReserveRestored { team, queue }), out);
        }
    }
}
