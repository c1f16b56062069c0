//! Decides what is noted of the core's decisions, and what follows from them: who talks until when, whose wait is over.

use picket_core::{
    ContactCommand, ContactFact, ContactId, Event, Familiar, FenceFact, FenceReason, Input, OfferCommand, OfferFact,
    Outcome, Standing, Timestamp, WorldFact,
};

use super::replication::{Due, Live, Replication, Started, Visit};
use super::tally::ClassTally;
use super::work::Worker;
use crate::scenario::Span;

/// Agents remembered per customer, at most.
const FAMILIAR_LIMIT: usize = 8;

const HOUR: i64 = 3_600_000;

impl Replication<'_> {
    pub(super) fn note_all(&mut self, mut out: Vec<Event>) {
        for event in out.drain(..) {
            match event {
                Event::Contact(contact, ContactFact::Assigned { agent, standing, .. }) => {
                    self.take_up(contact.0, agent.0, standing);
                }
                Event::Contact(contact, ContactFact::Closed { outcome }) => self.close(contact.0, outcome),
                Event::Offer(offer, OfferFact::Made { agent, .. }) => {
                    self.told.push_back(Input::Offer(offer, OfferCommand::Accept(agent)));
                }
                Event::Fence(contact, FenceFact::Opened { reason, .. }) => {
                    let at = opening(reason);
                    self.count(contact.0, |tally, _| tally.opened.iter_mut().skip(at).take(1).for_each(|n| *n += 1.0));
                }
                Event::World(WorldFact::HoursTurned { calendar, open }) => self.duty.turn(self.now, calendar, open),
                Event::Contact(..) | Event::Fence(..) | Event::Offer(..) | Event::Agent(..) | Event::World(_) => {}
            }
        }
        self.out = out;
    }

    /// Counts something of a measured contact in the batch it arrived in.
    fn count(&mut self, contact: u32, what: impl FnOnce(&mut ClassTally, &Live)) {
        let Some(live) = self.live(contact).copied() else { return };
        let batch = live.batch.and_then(|batch| self.batches.get_mut(batch));
        if let Some(tally) = batch.and_then(|batch| batch.classes.get_mut(live.class)) {
            what(tally, &live);
        }
    }

    /// An agent takes a contact: they talk at once, until its work is done.
    fn take_up(&mut self, contact: u32, agent: u32, standing: Standing) {
        let now = self.now;
        let Some(live) = self.live_mut(contact).filter(|live| live.agent.is_none()) else { return };
        live.agent = Some(agent);
        live.begun = now;
        let live = *live;
        self.told.push_back(Input::Contact(ContactId(contact), ContactCommand::Connect));
        if let Some(started) = &mut self.started {
            started.push(Started { at: now - self.model.scenario.start.0.0, contact, agent });
        }
        self.end_wait(contact, live);
        self.books.begin(now, live.class);
        let at = standing_place(standing);
        self.count(contact, |tally, _| {
            tally.answered += 1.0;
            tally.standing.iter_mut().skip(at).take(1).for_each(|n| *n += 1.0);
        });
        if let Some(source) = self.sources.get_mut(live.class)
            && let Some(visits) = source.visits.get_mut(live.customer as usize)
            && live.batch.is_some()
        {
            visits.push(Visit { hour: now.div_euclid(HOUR), agent });
        }
        let Some(worker) = self.workers.get_mut(agent as usize) else { return };
        worker.held += 1;
        let (group, first) = (worker.group, worker.held == 1);
        let span = worker.begin(now, contact, live.work);
        if worker.is_shared() {
            self.reschedule(agent);
        } else {
            self.schedule(now + Span::millis(span).ticks(), Due::Done { contact, version: 0 });
        }
        if first {
            self.duty.begin(now, group);
        }
    }

    /// What an agent has at once is done at other times now.
    fn reschedule(&mut self, agent: u32) {
        let remaining: Vec<_> = self.workers.get(agent as usize).into_iter().flat_map(Worker::remaining).collect();
        for (contact, span) in remaining {
            let at = self.now + Span::millis(span).ticks();
            let Some(live) = self.live_mut(contact) else { continue };
            live.version += 1;
            let version = live.version;
            self.schedule(at, Due::Done { contact, version });
        }
    }

    /// The talk is over; wrap-up may follow.
    pub(super) fn put_down(&mut self, contact: u32, live: Live) {
        let now = self.now;
        self.books.end(now, live.class);
        if let Some(worker) = live.agent.and_then(|agent| self.workers.get_mut(agent as usize)) {
            worker.finish(now, contact);
            if worker.is_shared() {
                self.reschedule(live.agent.unwrap_or_default());
            }
        }
    }

    /// The wait of a contact is over, however it ended.
    pub(super) fn end_wait(&mut self, contact: u32, live: Live) {
        self.waiting -= u64::from(live.batch.is_some());
        self.books.wait_over(self.now, live.class);
        let model = self.model;
        let law = model.classes.get(live.class).and_then(|class| class.patience.as_ref());
        #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
        let waited = (self.now - live.arrived) as f64;
        let gathered = law.filter(|_| waited > 0.0).map_or(0.0, |law| law.gathered(waited));
        let within = &model.scenario.within;
        self.count(contact, |tally, live| {
            tally.offered += 1.0;
            tally.waited += f64::from(u8::from(live.waited));
            tally.redials += f64::from(u8::from(live.tries > 0));
            tally.wait += waited;
            tally.expected_abandoned += if gathered.is_finite() { gathered } else { 0.0 };
            let answered = live.agent.is_some();
            let (sum, counts) = if answered {
                (&mut tally.wait_answered, &mut tally.answered_within)
            } else {
                (&mut tally.wait_abandoned, &mut tally.abandoned_within)
            };
            *sum += waited;
            if let Some(promised) = live.promised.filter(|_| answered) {
                let error = waited - f64::from(promised.wait.0);
                tally.promised += 1.0;
                tally.promise_error += error;
                tally.promise_square += error * error;
                tally.promise_kept += f64::from(u8::from(error.abs() <= f64::from(promised.band.0)));
            }
            for ((time, count), of_all) in within.iter().zip(counts).zip(&mut tally.virtual_within) {
                if waited <= time.ms() {
                    *count += 1.0;
                    // Each one answered stands for those who would have been, had they not given up before.
                    *of_all += if answered { gathered.exp() } else { 0.0 };
                }
            }
        });
    }

    fn close(&mut self, contact: u32, outcome: Outcome) {
        let Some(live) = self.live(contact).copied() else { return };
        if let Some(worker) = live.agent.and_then(|agent| self.workers.get_mut(agent as usize)) {
            worker.held = worker.held.saturating_sub(1);
            let (group, last) = (worker.group, worker.held == 0);
            if last {
                self.duty.end(self.now, group);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
        let span = (self.now - live.begun) as f64;
        match (outcome, live.agent) {
            (Outcome::Handled { .. }, Some(agent)) => {
                self.count(contact, |tally, _| tally.handling += span);
                self.remember(&live, agent);
            }
            (Outcome::Abandoned { .. }, _) => {
                self.end_wait(contact, live);
                self.count(contact, |tally, _| tally.abandoned += 1.0);
                self.come_again(&live);
            }
            _ => {
                if live.agent.is_none() {
                    self.end_wait(contact, live);
                    self.count(contact, |tally, _| tally.diverted += 1.0);
                }
            }
        }
        self.forget(contact);
    }

    pub(super) fn turn_away(&mut self, contact: Option<ContactId>) {
        let Some((contact, live)) = contact.and_then(|id| self.live(id.0).map(|live| (id.0, *live))) else { return };
        self.end_wait(contact, live);
        self.count(contact, |tally, _| tally.diverted += 1.0);
        self.come_again(&live);
        self.forget(contact);
    }

    fn remember(&mut self, live: &Live, agent: u32) {
        let last = Timestamp(self.now);
        let source = self.sources.get_mut(live.class);
        let Some(known) = source.and_then(|source| source.familiar.get_mut(live.customer as usize)) else { return };
        let agent = picket_core::AgentId(agent);
        match known.iter_mut().find(|known| known.agent == agent) {
            Some(known) => {
                known.contacts += 1;
                known.last = last;
            }
            None => {
                if known.len() >= FAMILIAR_LIMIT {
                    known.remove(0);
                }
                known.push(Familiar { agent, contacts: 1, last });
            }
        }
    }
}

const fn standing_place(standing: Standing) -> usize {
    match standing {
        Standing::Lead => 0,
        Standing::Team => 1,
        Standing::Cover => 2,
        Standing::Outside => 3,
        Standing::Queue => 4,
        Standing::Lent => 5,
    }
}

const fn opening(reason: FenceReason) -> usize {
    match reason {
        FenceReason::HoldOver => 0,
        FenceReason::NoCover => 1,
        FenceReason::Longest => 2,
        FenceReason::Supervisor => 3,
        FenceReason::CustomerChoice => 4,
        FenceReason::Transfer => 5,
        FenceReason::NoLongerValued => 6,
        FenceReason::Reidentified => 7,
    }
}
