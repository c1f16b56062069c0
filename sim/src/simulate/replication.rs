//! Decides the course of one replication: what comes next in virtual time, what the core is told of it, and what is
//! noted of its decisions.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use picket_core::{
    AgentCommand, Arrival, ContactCommand, ContactFact, ContactId, CustomerId, Event, Familiar, FenceFact,
    FenceReason, Input, OfferCommand, OfferFact, Outcome, Presence, Rejection, Router, SourceId, Standing,
    StateSetter, Timestamp, WorldFact,
};

use super::Error;
use super::duty::Duty;
use super::model::{ClassModel, Model};
use super::tally::{Batch, ClassTally};
use super::work::Worker;
use crate::rng::Stream;
use crate::scenario::Span;

/// Timers that may fire at one moment before something must be wrong.
const WAKES_LIMIT: u32 = 10_000_000;

/// Agents remembered per customer, at most.
const FAMILIAR_LIMIT: usize = 8;

const HOUR: i64 = 3_600_000;

/// One world with its own chance.
#[derive(Debug)]
pub struct Replication<'a> {
    model: &'a Model,
    seed: u64,
    router: Router,
    now: i64,
    due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    scheduled: u64,
    out: Vec<Event>,
    told: VecDeque<Input>,
    sources: Vec<ClassSource>,
    workers: Vec<Worker>,
    duty: Duty,
    live: VecDeque<Option<Live>>,
    /// The number of the first contact of `live`.
    first: u32,
    started: Option<Vec<Started>>,
    batches: Vec<Batch>,
    batch_length: i64,
    measured_from: Option<i64>,
    measured_until: i64,
    waiting: u64,
    /// Measured contacts whose wait never ended.
    unfinished: u64,
}

/// What happens outside the core, at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Arrive { class: usize },
    Redial { class: usize, key: u64, customer: u32, tries: u32 },
    GiveUp { contact: u32 },
    Done { contact: u32, version: u32 },
}

/// One class's streams of chance, and what is remembered of its customers.
#[derive(Debug)]
struct ClassSource {
    arrivals: Stream,
    handling: Stream,
    patience: Stream,
    customers: Stream,
    last: f64,
    number: usize,
    familiar: Vec<Vec<Familiar>>,
    visits: Vec<Vec<Visit>>,
}

/// One measured contact of a known customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The hour since the beginning.
    pub hour: i64,
    /// Who handled it.
    pub agent: u32,
}

/// One decision: who took which contact, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// In milliseconds since the beginning.
    pub at: i64,
    /// Contacts are numbered as they arrive.
    pub contact: u32,
    /// Agents are numbered as the scenario names them.
    pub agent: u32,
}

/// A contact that is known outside the core.
#[derive(Clone, Copy, Debug)]
struct Live {
    class: usize,
    batch: Option<usize>,
    arrived: i64,
    customer: u32,
    key: u64,
    tries: u32,
    work: f64,
    patience: f64,
    agent: Option<u32>,
    begun: i64,
    waited: bool,
    version: u32,
}

impl<'a> Replication<'a> {
    pub(super) fn new(model: &'a Model, seed: u64) -> Result<Self, Error> {
        let start = model.scenario.start.0.0;
        let group_of: Vec<usize> = model.place.workers.iter().map(|worker| worker.group).collect();
        let duty = Duty::new(model.place.groups.len(), &group_of, &model.place.changes, start);
        let sources = model.scenario.classes.iter().map(|class| {
            let stream = |what: &str| Stream::new(seed, &format!("{}/{what}", class.name));
            let customers = class.customers.unwrap_or(0) as usize;
            ClassSource {
                arrivals: stream("arrivals"),
                handling: stream("handling"),
                patience: stream("patience"),
                customers: stream("customers"),
                last: 0.0,
                number: 0,
                familiar: vec![Vec::new(); if class.remembers { customers } else { 0 }],
                visits: vec![Vec::new(); customers],
            }
        });
        let mut replication = Self {
            model,
            seed,
            router: Router::new(),
            now: start,
            due: BinaryHeap::new(),
            scheduled: 0,
            out: Vec::new(),
            told: VecDeque::new(),
            sources: sources.collect(),
            workers: model.place.workers.clone(),
            duty,
            live: VecDeque::new(),
            first: 0,
            started: None,
            batches: Vec::new(),
            batch_length: (model.scenario.length.ticks() / i64::from(model.scenario.batches)).max(1),
            measured_from: None,
            measured_until: i64::MIN,
            waiting: 0,
            unfinished: 0,
        };
        replication.open()?;
        Ok(replication)
    }

    /// Tells the core of the place, and has everybody log in.
    fn open(&mut self) -> Result<(), Error> {
        for change in &self.model.place.changes {
            self.told.push_back(Input::World(Box::new(change.clone())));
        }
        for number in 0..self.workers.len() {
            let agent = picket_core::AgentId(u32::try_from(number).unwrap_or(u32::MAX));
            let by = StateSetter::Source(SourceId(0));
            let ready =
                AgentCommand::SetState { channels: Vec::new(), presence: Presence::Ready, reason: None, until: None, by };
            self.told.push_back(Input::Agent(agent, ready));
        }
        self.tell()?;
        for class in 0..self.sources.len() {
            self.next_arrival(class);
        }
        Ok(())
    }

    /// Lets the time pass that is not measured.
    pub(super) fn warm_up(&mut self) -> Result<(), Error> {
        self.advance(self.now + self.model.scenario.warm_up.ticks())?;
        self.duty.take(self.now);
        self.measured_from = Some(self.now);
        Ok(())
    }

    /// Simulates one batch more.
    pub(super) fn batch(&mut self) -> Result<(), Error> {
        #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
        let length = self.batch_length as f64;
        self.batches.push(Batch::new(length, self.sources.len(), self.model.place.groups.len()));
        self.measured_until = self.now + self.batch_length;
        self.advance(self.measured_until)?;
        let groups = self.duty.take(self.now);
        if let Some(batch) = self.batches.last_mut() {
            batch.groups = groups;
        }
        Ok(())
    }

    /// Goes on, without measuring who arrives, until the wait of everybody measured is over; for as long again at most.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let measured = self.measured_until - self.measured_from.unwrap_or(self.now);
        let end = self.now + measured;
        while self.waiting > 0 && self.now < end {
            self.advance((self.now + self.batch_length).min(end))?;
        }
        self.unfinished = self.waiting;
        Ok(())
    }

    pub(super) fn double(&mut self) {
        let joined = self.batches.chunks(2).map(|pair| {
            let mut pair = pair.iter().cloned();
            let mut first = pair.next().unwrap_or_else(|| Batch::new(0.0, 0, 0));
            pair.for_each(|next| first.join(&next));
            first
        });
        self.batches = joined.collect();
        self.batch_length *= 2;
        self.live.iter_mut().flatten().for_each(|live| live.batch = live.batch.map(|batch| batch / 2));
    }

    pub(super) fn record(&mut self) {
        self.started = Some(Vec::new());
    }

    /// Its seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What was counted, batch by batch.
    #[must_use]
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Who took what, if that was asked for with [`super::Run::record`].
    #[must_use]
    pub fn started(&self) -> &[Started] {
        self.started.as_deref().unwrap_or_default()
    }

    /// What each customer of a class came for, in order.
    #[must_use]
    pub fn visits(&self, class: usize) -> &[Vec<Visit>] {
        self.sources.get(class).map_or(&[], |source| source.visits.as_slice())
    }

    /// Contacts that arrived, measured or not.
    #[must_use]
    pub fn contacts(&self) -> u32 {
        self.first + u32::try_from(self.live.len()).unwrap_or(0)
    }

    /// Measured contacts whose wait was not over at the end.
    #[must_use]
    pub const fn unfinished(&self) -> u64 {
        self.unfinished
    }

    fn schedule(&mut self, at: i64, due: Due) {
        self.scheduled += 1;
        self.due.push(Reverse((at, self.scheduled, due)));
    }

    /// Lets everything happen up to a moment, the moment included.
    fn advance(&mut self, until: i64) -> Result<(), Error> {
        let mut wakes = 0_u32;
        loop {
            let wake = self.router.next_wake().filter(|wake| wake.at.0 <= until);
            let due = self.due.peek().map(|Reverse((at, _, _))| *at).filter(|at| *at <= until);
            match (wake, due) {
                (None, None) => break,
                (Some(wake), due) if due.is_none_or(|at| wake.at.0 <= at) => {
                    wakes = if wake.at.0 > self.now { 0 } else { wakes + 1 };
                    if wakes > WAKES_LIMIT {
                        return Err(Error::Endless(wake.kind));
                    }
                    self.now = self.now.max(wake.at.0);
                    let mut out = core::mem::take(&mut self.out);
                    self.router.wake(Timestamp(self.now), &mut out);
                    self.note_all(out);
                    self.tell()?;
                }
                (_, Some(_)) => {
                    let Some(Reverse((at, _, due))) = self.due.pop() else { break };
                    self.now = at;
                    self.happen(due)?;
                }
                (Some(_), None) => break,
            }
        }
        self.now = until;
        self.router.drain_forgotten();
        Ok(())
    }

    fn happen(&mut self, due: Due) -> Result<(), Error> {
        match due {
            Due::Arrive { class } => self.arrive(class),
            Due::Redial { class, key, customer, tries } => self.redial(class, key, customer, tries),
            Due::GiveUp { contact } => {
                if self.live(contact).is_some_and(|live| live.agent.is_none()) {
                    self.told.push_back(Input::Contact(ContactId(contact), ContactCommand::Abandon));
                }
                self.tell()
            }
            Due::Done { contact, version } => {
                if let Some(live) = self.live(contact).copied().filter(|live| live.version == version) {
                    self.put_down(contact, live);
                    self.told.push_back(Input::Contact(ContactId(contact), ContactCommand::End));
                }
                self.tell()
            }
        }
    }

    /// Tells the core what is to be told, and what follows from its answers.
    fn tell(&mut self) -> Result<(), Error> {
        while let Some(input) = self.told.pop_front() {
            let contact = if let Input::Receive(arrival) = &input { Some(arrival.contact) } else { None };
            let is_answer = matches!(input, Input::Offer(..));
            let what = if matches!(input, Input::World(_)) { format!("{input:?}") } else { String::new() };
            let mut out = core::mem::take(&mut self.out);
            match self.router.handle(Timestamp(self.now), input, &mut out) {
                Ok(()) => {}
                Err(Rejection::QueueFull) => self.turn_away(contact),
                // Of those asked at once, another one was first.
                Err(_) if is_answer => {}
                Err(rejection) => {
                    let what = if what.is_empty() { "what happens to a contact".to_owned() } else { what };
                    return Err(Error::Refused { what, rejection });
                }
            }
            self.note_all(out);
        }
        Ok(())
    }

    fn live(&self, contact: u32) -> Option<&Live> {
        self.live.get((contact.checked_sub(self.first)?) as usize)?.as_ref()
    }

    fn live_mut(&mut self, contact: u32) -> Option<&mut Live> {
        self.live.get_mut((contact.checked_sub(self.first)?) as usize)?.as_mut()
    }

    fn forget(&mut self, contact: u32) {
        if let Some(slot) = contact.checked_sub(self.first).and_then(|at| self.live.get_mut(at as usize)) {
            *slot = None;
        }
        while self.live.front().is_some_and(Option::is_none) {
            self.live.pop_front();
            self.first += 1;
        }
    }

    fn next_arrival(&mut self, class: usize) {
        let (Some(model), Some(source)) = (self.model.classes.get(class), self.sources.get_mut(class)) else { return };
        if let Some(at) = model.arrivals.next(source.last, source.number, &mut source.arrivals) {
            source.last = at;
            source.number += 1;
            let at = self.model.scenario.start.0.0 + Span::millis(at).ticks();
            self.schedule(at.max(self.now), Due::Arrive { class });
        }
    }

    fn arrive(&mut self, class: usize) -> Result<(), Error> {
        let Some((model, source)) = self.model.classes.get(class).zip(self.sources.get_mut(class)) else { return Ok(()) };
        let key = source.number as u64;
        let work = model.handling.draw(&mut source.handling);
        let patience = model.patience.as_ref().map_or(f64::INFINITY, |law| law.draw(&mut source.patience));
        let customer = match model.customers {
            Some(customers) => u32::try_from(source.customers.below(u64::from(customers))).unwrap_or(0),
            None => u32::try_from(key - 1).unwrap_or(u32::MAX),
        };
        self.next_arrival(class);
        self.receive(class, customer, (key, 0), (work, patience))
    }

    fn redial(&mut self, class: usize, key: u64, customer: u32, tries: u32) -> Result<(), Error> {
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
        let arrived = self.now;
        let (agent, waited, version) = (None, false, 0);
        let live =
            Live { class, batch, arrived, customer, key, tries, work, patience, agent, begun: arrived, waited, version };
        self.live.push_back(Some(live));
        let arrival = self.arrival(model, contact, class, customer)?;
        self.told.push_back(Input::Receive(Box::new(arrival)));
        self.tell()?;
        if let Some(live) = self.live_mut(contact).filter(|live| live.agent.is_none()) {
            live.waited = true;
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
            prefers: Vec::new(),
            avoids: Vec::new(),
            scheduled_for: None,
        })
    }

    fn note_all(&mut self, mut out: Vec<Event>) {
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
    fn put_down(&mut self, contact: u32, live: Live) {
        let now = self.now;
        if let Some(worker) = live.agent.and_then(|agent| self.workers.get_mut(agent as usize)) {
            worker.finish(now, contact);
            if worker.is_shared() {
                self.reschedule(live.agent.unwrap_or_default());
            }
        }
    }

    /// The wait of a contact is over, however it ended.
    fn end_wait(&mut self, contact: u32, live: Live) {
        self.waiting -= u64::from(live.batch.is_some());
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

    fn turn_away(&mut self, contact: Option<ContactId>) {
        let Some((contact, live)) = contact.and_then(|id| self.live(id.0).map(|live| (id.0, *live))) else { return };
        self.end_wait(contact, live);
        self.count(contact, |tally, _| tally.diverted += 1.0);
        self.come_again(&live);
        self.forget(contact);
    }

    /// Some of those who gave up try again.
    fn come_again(&mut self, live: &Live) {
        let model = self.model;
        let Some((share, after)) = model.classes.get(live.class).and_then(|class| class.redial.as_ref()) else { return };
        let tries = live.tries + 1;
        let mut chance = self.again(live.class, "again", live.key, tries);
        let comes = chance.unit() < *share;
        let at = self.now + Span::millis(after.draw(&mut chance)).ticks();
        if comes && tries < 64 {
            let due = Due::Redial { class: live.class, key: live.key, customer: live.customer, tries };
            self.schedule(at, due);
        }
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
