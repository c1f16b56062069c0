//! Decides the course of one replication: what comes next in virtual time, and what the core is told of it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use picket_core::{
    AgentCommand, ContactCommand, ContactId, Estimate, Event, Familiar, Input, Presence, Rejection, Router, SourceId,
    StateSetter, Timestamp,
};

use super::Error;
use super::duty::Duty;
use super::luck::Books;
use super::model::Model;
use super::tally::Batch;
use super::work::Worker;
use crate::rng::Stream;

/// Timers that may fire at one moment before something must be wrong.
const WAKES_LIMIT: u32 = 10_000_000;

/// One world with its own chance.
#[derive(Debug)]
pub struct Replication<'a> {
    pub(super) model: &'a Model,
    pub(super) seed: u64,
    pub(super) router: Router,
    pub(super) now: i64,
    pub(super) due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    pub(super) scheduled: u64,
    pub(super) out: Vec<Event>,
    pub(super) told: VecDeque<Input>,
    pub(super) sources: Vec<ClassSource>,
    pub(super) workers: Vec<Worker>,
    pub(super) duty: Duty,
    pub(super) books: Books,
    pub(super) live: VecDeque<Option<Live>>,
    /// The number of the first contact of `live`.
    pub(super) first: u32,
    pub(super) started: Option<Vec<Started>>,
    pub(super) batches: Vec<Batch>,
    pub(super) batch_length: i64,
    pub(super) measured_from: Option<i64>,
    pub(super) measured_until: i64,
    pub(super) waiting: u64,
    /// Measured contacts whose wait never ended.
    pub(super) unfinished: u64,
}

/// What happens outside the core, at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Arrive { class: usize },
    Redial { class: usize, key: u64, customer: u32, tries: u32 },
    GiveUp { contact: u32 },
    Done { contact: u32, version: u32 },
}

/// One class's streams of chance, and what is remembered of its customers.
#[derive(Debug)]
pub(super) struct ClassSource {
    pub(super) arrivals: Stream,
    pub(super) handling: Stream,
    pub(super) patience: Stream,
    pub(super) customers: Stream,
    pub(super) last: f64,
    pub(super) number: usize,
    pub(super) familiar: Vec<Vec<Familiar>>,
    pub(super) visits: Vec<Vec<Visit>>,
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
pub(super) struct Live {
    pub(super) class: usize,
    pub(super) batch: Option<usize>,
    pub(super) arrived: i64,
    pub(super) customer: u32,
    pub(super) key: u64,
    pub(super) tries: u32,
    pub(super) work: f64,
    pub(super) agent: Option<u32>,
    pub(super) begun: i64,
    pub(super) waited: bool,
    /// What it was told when it began to wait.
    pub(super) promised: Option<Estimate>,
    pub(super) version: u32,
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
            books: Books::new(model, start),
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
            let ready = AgentCommand::SetState {
                channels: Vec::new(),
                presence: Presence::Ready,
                reason: None,
                until: None,
                by,
            };
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
        self.books.take(self.now);
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
        let (groups, luck) = (self.duty.take(self.now), self.books.take(self.now));
        if let Some(batch) = self.batches.last_mut() {
            batch.groups = groups;
            batch.luck = luck;
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

    pub(super) fn schedule(&mut self, at: i64, due: Due) {
        self.scheduled += 1;
        self.due.push(Reverse((at, self.scheduled, due)));
    }

    /// Lets everything happen up to a moment, the moment included.
    pub(super) fn advance(&mut self, until: i64) -> Result<(), Error> {
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
    pub(super) fn tell(&mut self) -> Result<(), Error> {
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

    pub(super) fn live(&self, contact: u32) -> Option<&Live> {
        self.live.get((contact.checked_sub(self.first)?) as usize)?.as_ref()
    }

    pub(super) fn live_mut(&mut self, contact: u32) -> Option<&mut Live> {
        self.live.get_mut((contact.checked_sub(self.first)?) as usize)?.as_mut()
    }

    pub(super) fn forget(&mut self, contact: u32) {
        if let Some(slot) = contact.checked_sub(self.first).and_then(|at| self.live.get_mut(at as usize)) {
            *slot = None;
        }
        while self.live.front().is_some_and(Option::is_none) {
            self.live.pop_front();
            self.first += 1;
        }
    }
}
