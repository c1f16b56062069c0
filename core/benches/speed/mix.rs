//! Decides the mix: one contact is received, accepted, connected, ended, closed; one in five is abandoned, one offer in
//! ten is not answered. Whoever leaves is replaced by a contact of the same sort, so that the line stays what it is.

use std::collections::VecDeque;

use picket_core::{AgentId, Arrival, ContactId, Event, OfferFact, OfferId, Router, TimerKind, Timestamp};

use super::calls::{self, Taken};
use super::world::{self, AGENTS, Plans, SOURCE, Sort, VOICE};

/// Not in the line.
const NOWHERE: u32 = u32::MAX;

/// A router with a world around it that answers offers.
pub(crate) struct Mix {
    pub(crate) router: Router,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    plans: Plans,
    offers: VecDeque<(OfferId, ContactId, AgentId)>,
    /// Who talks, the longest first.
    talks: VecDeque<ContactId>,
    /// Offers that nobody answers, the oldest first.
    unanswered: VecDeque<ContactId>,
    sorts: Vec<Sort>,
    /// Contacts without an offer, in no order, and where each stands.
    line: Vec<ContactId>,
    places: Vec<u32>,
    pub(crate) inputs: u64,
    pub(crate) timers: u64,
    random: u64,
}

/// What is done with an input and what came of it.
pub(crate) trait Watch {
    fn call<R>(&mut self, call: impl FnOnce() -> R) -> R;

    fn see(&mut self, _: &[Event]) {}
}

/// Nothing.
pub(crate) struct Idle;

impl Watch for Idle {
    fn call<R>(&mut self, call: impl FnOnce() -> R) -> R {
        call()
    }
}

impl Mix {
    /// Everybody is logged in and talks, and so many contacts wait.
    pub(crate) fn new(waiting: usize) -> Self {
        let mut mix = Self::empty();
        (0..waiting + AGENTS as usize).for_each(|_| mix.join());
        while mix.line.len() < waiting {
            mix.join();
        }
        mix
    }

    /// Everybody is logged in, nobody waits.
    pub(crate) fn empty() -> Self {
        Self {
            router: world::router(),
            now: world::BEGIN,
            events: Vec::new(),
            plans: Plans::new(),
            offers: VecDeque::new(),
            talks: VecDeque::new(),
            unanswered: VecDeque::new(),
            sorts: Vec::new(),
            line: Vec::new(),
            places: Vec::new(),
            inputs: 0,
            timers: 0,
            random: 7,
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.line.len()
    }

    #[allow(dead_code, reason = "only one of the two benches asks")]
    /// Bytes of what the driver itself keeps, as far as it grows.
    pub(crate) fn driver_bytes(&self) -> usize {
        self.sorts.capacity() * size_of::<Sort>()
            + self.line.capacity() * size_of::<ContactId>()
            + self.places.capacity() * size_of::<u32>()
            + self.offers.capacity() * size_of::<(OfferId, ContactId, AgentId)>()
            + self.unanswered.capacity() * size_of::<ContactId>()
            + self.events.capacity() * size_of::<Event>()
    }

    /// A linear congruential generator: the same mix in every run.
    fn random(&mut self, below: u32) -> u32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.random >> 33) % u64::from(below)).expect("below a u32")
    }

    /// One contact more, a millisecond later; whoever is asked talks.
    pub(crate) fn join(&mut self) {
        self.now = Timestamp(self.now.0 + 1);
        while self.router.next_wake().is_some_and(|wake| wake.at <= self.now) {
            calls::fill_wake(&mut self.router, self.now, &mut self.events);
            self.collect(&mut Idle);
        }
        let sort = Sort::draw(|below| self.random(below));
        let arrival = self.arrival(sort);
        calls::fill(&mut self.router, self.now, arrival, &mut self.events);
        self.collect(&mut Idle);
        while let Some((offer, contact, agent)) = self.offers.pop_front() {
            calls::fill_answer(&mut self.router, self.now, (offer, agent, contact), &mut self.events);
            self.talks.push_back(contact);
            self.collect(&mut Idle);
        }
    }

    fn arrival(&mut self, sort: Sort) -> Box<Arrival> {
        let contact = ContactId(u32::try_from(self.sorts.len()).expect("few enough contacts"));
        self.sorts.push(sort);
        self.places.push(NOWHERE);
        self.enter(contact);
        Box::new(Arrival {
            contact,
            channel: VOICE,
            customer: None,
            source: SOURCE,
            since: self.now,
            plan: self.plans.of(sort),
            thread: None,
            matter: None,
            familiar: Vec::new(),
            prefers: Vec::new(),
            avoids: Vec::new(),
            fit: Vec::new(),
            scheduled_for: None,
        })
    }

    fn enter(&mut self, contact: ContactId) {
        self.places[contact.index()] = u32::try_from(self.line.len()).expect("few enough contacts");
        self.line.push(contact);
    }

    fn leave(&mut self, contact: ContactId) {
        let place = std::mem::replace(&mut self.places[contact.index()], NOWHERE);
        self.line.swap_remove(place as usize);
        if let Some(moved) = self.line.get(place as usize) {
            self.places[moved.index()] = place;
        }
    }

    fn replace(&mut self, contact: ContactId, watch: &mut impl Watch) {
        let arrival = self.arrival(self.sorts[contact.index()]);
        self.give(watch, |router, now, out| calls::receive(router, now, arrival, out));
    }

    /// Hands an input over; in this mix none may be refused.
    fn give(&mut self, watch: &mut impl Watch, call: impl FnOnce(&mut Router, Timestamp, &mut Vec<Event>) -> Taken) {
        self.inputs += 1;
        let taken = watch.call(|| call(&mut self.router, self.now, &mut self.events));
        assert_eq!(taken, Ok(()), "the mix has no input that is refused");
        self.collect(watch);
    }

    /// Keeps the offers that came of it.
    fn collect(&mut self, watch: &mut impl Watch) {
        watch.see(&self.events);
        let mut events = std::mem::take(&mut self.events);
        for event in &events {
            match *event {
                Event::Offer(offer, OfferFact::Made { contact, agent, .. }) => {
                    self.leave(contact);
                    self.offers.push_back((offer, contact, agent));
                }
                Event::Offer(_, OfferFact::Expired) => {
                    let contact = self.unanswered.pop_front().expect("all offers stay out equally long");
                    self.enter(contact);
                }
                _ => {}
            }
        }
        events.clear();
        self.events = events;
    }

    fn wake(&mut self, watch: &mut impl Watch) {
        while let Some(wake) = self.router.next_wake().filter(|wake| wake.at <= self.now) {
            let call = match wake.kind {
                TimerKind::OfferExpiry => calls::miss,
                TimerKind::StepHold => calls::hold_over,
                _ => calls::wake,
            };
            self.timers += 1;
            watch.call(|| call(&mut self.router, self.now, &mut self.events));
            self.collect(watch);
        }
    }

    /// A millisecond passes, a call ends, who is asked then talks or does not answer, as many arrive as leave.
    pub(crate) fn turn(&mut self, watch: &mut impl Watch) {
        self.now = Timestamp(self.now.0 + 1);
        self.wake(watch);
        let contact = self.talks.pop_front().expect("somebody talks at any time");
        self.give(watch, |router, now, out| calls::end(router, now, contact, out));
        self.give(watch, |router, now, out| calls::close(router, now, contact, out));
        self.replace(contact, watch);
        // One for four that are handled: one in five.
        if self.random(4) == 0 {
            let place = self.random(u32::try_from(self.line.len()).expect("few enough contacts"));
            let gone = self.line[place as usize];
            self.leave(gone);
            self.give(watch, |router, now, out| calls::abandon(router, now, gone, out));
            self.replace(gone, watch);
        }
        while let Some((offer, contact, agent)) = self.offers.pop_front() {
            if self.random(10) == 0 {
                self.unanswered.push_back(contact);
                continue;
            }
            self.give(watch, |router, now, out| calls::accept(router, now, (offer, agent), out));
            self.give(watch, |router, now, out| calls::connect(router, now, contact, out));
            self.talks.push_back(contact);
        }
    }

    /// Somebody takes a break and returns. Her offer is taken back, so no turn may follow.
    pub(crate) fn pause(&mut self) {
        let agent = AgentId(self.random(AGENTS));
        for call in [calls::pause, calls::resume] {
            call(&mut self.router, self.now, agent, &mut self.events).expect("a break is always taken");
            self.events.clear();
        }
    }
}
