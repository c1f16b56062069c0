//! Decides who contacts whom when: each class's arrivals, what each contact needs, and who tries again.

use picket_core::{Arrival, ContactId, CustomerId, Input, SourceId, Timestamp};

use super::Error;
use super::model::ClassModel;
use super::replication::{Due, Live, Replication};
use crate::rng::Stream;
use crate::scenario::Span;

impl Replication<'_> {
    pub(super) fn next_arrival(&mut self, class: usize) {
        let (Some(model), Some(source)) = (self.model.classes.get(class), self.sources.get_mut(class)) else { return };
        if let Some(at) = model.arrivals.next(source.last, source.number, &mut source.arrivals) {
            source.last = at;
            source.number += 1;
            let at = self.model.scenario.start.0.0 + Span::millis(at).ticks();
            self.schedule(at.max(self.now), Due::Arrive { class });
        }
    }

    pub(super) fn arrive(&mut self, class: usize) -> Result<(), Error> {
        let Some((model, source)) = self.model.classes.get(class).zip(self.sources.get_mut(class)) else {
            return Ok(());
        };
        let key = source.number as u64;
        let work = model.handling.draw(&mut source.handling);
        let patience = model.patience.as_ref().map_or(f64::INFINITY, |law| law.draw(&mut source.patience));
        let customer = match model.customers {
            Some(customers) => u32::try_from(source.customers.below(u64::from(customers))).unwrap_or(0),
            None => u32::try_from(key - 1).unwrap_or(u32::MAX),
        };
        self.books.arrival(self.now, class, model.patience.as_ref(), patience);
        self.next_arrival(class);
        self.receive(class, customer, (key, 0), (work, patience))
    }

    pub(super) fn redial(&mut self, class: usize, key: u64, customer: u32, tries: u32) -> Result<(), Error> {
        let Some(model) = self.model.classes.get(class) else { return Ok(()) };
        let mut stream = self.again(class, "redial", key, tries);
        let work = model.handling.draw(&mut stream);
        let patience = model.patience.as_ref().map_or(f64::INFINITY, |law| law.draw(&mut stream));
        self.receive(class, customer, (key, tries), (work, patience))
    }

    /// The stream of one thing about one contact's next try.
    fn again(&self, class: usize, what: &str, key: u64, tries: u32) -> Stream {
        let name = self.model.scenario.classes.get(class).map_or("", |class| class.name.as_str());
        Stream::keyed(self.seed, &format!("{name}/{what}"), key * 64 + u64::from(tries))
    }

    fn receive(
        &mut self,
        class: usize,
        customer: u32,
        (key, tries): (u64, u32),
        (work, patience): (f64, f64),
    ) -> Result<(), Error> {
        let Some(model) = self.model.classes.get(class) else { return Ok(()) };
        let contact = self.contacts();
        let is_measured = self.measured_from.is_some_and(|from| self.now >= from) && self.now < self.measured_until;
        let batch = self.batches.len().checked_sub(1).filter(|_| is_measured);
        self.waiting += u64::from(batch.is_some());
        self.books.wait(self.now, class);
        let arrived = self.now;
        let live = Live {
            class,
            batch,
            arrived,
            customer,
            key,
            tries,
            work,
            agent: None,
            begun: arrived,
            waited: false,
            promised: None,
            version: 0,
        };
        self.live.push_back(Some(live));
        let arrival = self.arrival(model, contact, class, customer)?;
        self.told.push_back(Input::Receive(Box::new(arrival)));
        self.tell()?;
        let promised = self.router.estimates(ContactId(contact), Timestamp(self.now));
        if let Some(live) = self.live_mut(contact).filter(|live| live.agent.is_none()) {
            live.waited = true;
            live.promised = promised.and_then(|both| both.own.or(both.any));
            if patience.is_finite() {
                let at = self.now + Span::millis(patience).ticks();
                self.schedule(at, Due::GiveUp { contact });
            }
        }
        Ok(())
    }

    fn arrival(&self, model: &ClassModel, contact: u32, class: usize, customer: u32) -> Result<Arrival, Error> {
        let now = Timestamp(self.now);
        let familiar = self.sources.get(class).and_then(|source| source.familiar.get(customer as usize));
        Ok(Arrival {
            contact: ContactId(contact),
            channel: model.channel,
            customer: model.customers.map(|_| CustomerId(customer)),
            source: SourceId(0),
            since: now,
            plan: model.plan.plan(&self.model.place, customer, now)?,
            thread: None,
            matter: None,
            familiar: familiar.cloned().unwrap_or_default(),
            fit: Vec::new(),
            prefers: Vec::new(),
            avoids: Vec::new(),
            scheduled_for: None,
        })
    }

    /// Some of those who gave up try again.
    pub(super) fn come_again(&mut self, live: &Live) {
        let model = self.model;
        let Some((share, after)) = model.classes.get(live.class).and_then(|class| class.redial.as_ref()) else {
            return;
        };
        let tries = live.tries + 1;
        let mut chance = self.again(live.class, "again", live.key, tries);
        let comes = chance.unit() < *share;
        let at = self.now + Span::millis(after.draw(&mut chance)).ticks();
        if comes && tries < 64 {
            let due = Due::Redial { class: live.class, key: live.key, customer: live.customer, tries };
            self.schedule(at, due);
        }
    }
}
