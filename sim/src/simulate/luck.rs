//! Decides what is kept of chance itself: what happened beside what was to be expected, by the state it happened in, so
//! that a report can take out of its numbers what was only luck.

use super::model::Model;
use super::work::Worker;
use crate::scenario::{Arrivals, Law};

/// Weights that are kept apart: eight of how many agents are free, seven of how many wait, the number who wait; and of
/// each of the first classes whether one of it waits, and how many.
const LEVELS: usize = 16 + 2 * CLASSES;

/// Classes that are looked at for themselves, if there is more than one.
const CLASSES: usize = 2;

/// Places whose weight is not zero, at most.
const TOUCHED: usize = 3 + 2 * CLASSES;

/// The place of the number who wait.
const LINE: usize = 15;

/// Free agents, at most, in each of the first levels but the last.
const FREE: [u32; 7] = [0, 1, 2, 4, 7, 12, 20];

/// What chance did in one batch. All but times are compared with what was to be expected of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Luck {
    /// Milliseconds at each level.
    time: [f64; LEVELS],
    /// Ends at each level.
    ends: [f64; LEVELS],
    /// Ends that were to be expected there.
    ends_due: [f64; LEVELS],
    /// By class.
    classes: Vec<ClassLuck>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ClassLuck {
    /// Per millisecond.
    rate: f64,
    arrivals: [f64; LEVELS],
    /// Arrivals less patient than the line was long, less the share of such people.
    impatient: [f64; LEVELS],
}

impl Luck {
    /// Adds that of the batch that follows.
    pub(super) fn join(&mut self, next: &Self) {
        add(&mut self.time, &next.time);
        add(&mut self.ends, &next.ends);
        add(&mut self.ends_due, &next.ends_due);
        for (own, next) in self.classes.iter_mut().zip(&next.classes) {
            add(&mut own.arrivals, &next.arrivals);
            add(&mut own.impatient, &next.impatient);
        }
    }

    /// Numbers that are zero on average, whatever the core decides.
    #[must_use]
    pub fn controls(&self) -> Vec<f64> {
        if self.classes.is_empty() {
            return Vec::new();
        }
        let ends = self.ends.iter().zip(&self.ends_due).map(|(ends, due)| ends - due);
        let mut controls: Vec<f64> = ends.collect();
        for class in &self.classes {
            controls.extend(class.arrivals.iter().zip(&self.time).map(|(arrivals, time)| arrivals - class.rate * time));
        }
        controls.extend(self.classes.iter().flat_map(|class| class.impatient));
        controls
    }
}

fn add(own: &mut [f64; LEVELS], other: &[f64; LEVELS]) {
    own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
}

/// Keeps the books while a world goes on. Nothing is kept where it is not known what was to be expected: that takes
/// Poisson arrivals of a level rate, nobody who comes again, exponential handling, and people who handle one contact at
/// their own speed.
#[derive(Clone, Debug)]
pub(super) struct Books {
    is_kept: bool,
    agents: u32,
    /// By class: rate of an end per millisecond.
    ending: Vec<f64>,
    in_hand: Vec<u32>,
    busy: u32,
    waiting: u32,
    /// By class.
    line: Vec<u32>,
    since: i64,
    /// Ends per millisecond as things stand.
    intensity: f64,
    levels: [(usize, f64); TOUCHED],
    sum: Luck,
}

impl Books {
    pub(super) fn new(model: &Model, start: i64) -> Self {
        let known = model.classes.iter().map(|class| match (&class.arrivals, &class.handling) {
            (Arrivals::Poisson(steps), Law::Exponential(mean)) if class.redial.is_none() => match steps.as_slice() {
                [(_, rate)] => Some((*rate, 1.0 / mean)),
                _ => None,
            },
            _ => None,
        });
        let known: Option<Vec<(f64, f64)>> = known.collect();
        let known = known.filter(|_| model.place.workers.iter().all(Worker::is_plain)).unwrap_or_default();
        let classes = known.iter().map(|(rate, _)| ClassLuck { rate: *rate, ..ClassLuck::default() });
        let sum = Luck { classes: classes.collect(), ..Luck::default() };
        let mut books = Self {
            is_kept: !known.is_empty(),
            agents: u32::try_from(model.place.workers.len()).unwrap_or(u32::MAX),
            in_hand: vec![0; known.len()],
            line: vec![0; known.len()],
            ending: known.into_iter().map(|(_, ending)| ending).collect(),
            busy: 0,
            waiting: 0,
            since: start,
            intensity: 0.0,
            levels: [(0, 0.0); TOUCHED],
            sum,
        };
        books.look();
        books
    }

    /// What has come together since the last call.
    pub(super) fn take(&mut self, now: i64) -> Luck {
        self.pass(now);
        let classes = self.sum.classes.iter().map(|class| ClassLuck { rate: class.rate, ..ClassLuck::default() });
        let empty = Luck { classes: classes.collect(), ..Luck::default() };
        core::mem::replace(&mut self.sum, empty)
    }

    #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
    fn pass(&mut self, now: i64) {
        let span = (now - self.since) as f64;
        self.since = now;
        for (level, weight) in self.levels {
            if let (Some(time), Some(due)) = (self.sum.time.get_mut(level), self.sum.ends_due.get_mut(level)) {
                *time += span * weight;
                *due += span * weight * self.intensity;
            }
        }
    }

    /// Looks at the state again after it changed.
    fn look(&mut self) {
        let free = self.agents.saturating_sub(self.busy);
        let place = FREE.iter().take_while(|most| free > **most).count();
        let line = FREE.len() + (self.waiting + 1).max(2).ilog2().min(7) as usize;
        let waits = f64::from(u8::from(self.waiting > 0));
        self.levels = [(0, 0.0); TOUCHED];
        let own = self.line.iter().take(if self.line.len() > 1 { CLASSES } else { 0 }).enumerate();
        let own = own.flat_map(|(class, line)| {
            let waits = f64::from(u8::from(*line > 0));
            [(LINE + 1 + 2 * class, waits), (LINE + 2 + 2 * class, f64::from(*line))]
        });
        let of_all = [(place, 1.0), (line, waits), (LINE, f64::from(self.waiting))];
        self.levels.iter_mut().zip(of_all.into_iter().chain(own)).for_each(|(kept, level)| *kept = level);
        self.intensity = self.in_hand.iter().zip(&self.ending).map(|(held, rate)| f64::from(*held) * rate).sum();
    }

    /// Somebody comes who was not here before, so patient.
    pub(super) fn arrival(&mut self, now: i64, class: usize, law: Option<&Law>, patience: f64) {
        if !self.is_kept {
            return;
        }
        self.pass(now);
        let rate = self.ending.get(class).copied().unwrap_or_default();
        let line = f64::from(self.waiting) / (rate * f64::from(self.agents.max(1)));
        let Some(own) = self.sum.classes.get_mut(class) else { return };
        let impatient = law.filter(|_| line > 0.0).map(|law| {
            let share = -(-law.gathered(line)).exp_m1();
            f64::from(u8::from(patience <= line)) - share
        });
        for (level, weight) in self.levels {
            if let Some(arrivals) = own.arrivals.get_mut(level) {
                *arrivals += weight;
            }
            // By how many agents are free it says nothing new.
            if let Some(sum) = own.impatient.get_mut(level).filter(|_| level > FREE.len() && level <= LINE) {
                *sum += impatient.unwrap_or_default() * weight;
            }
        }
    }

    /// A contact begins to wait, if only for a moment.
    pub(super) fn wait(&mut self, now: i64, class: usize) {
        if self.is_kept {
            self.pass(now);
            self.waiting += 1;
            self.line.iter_mut().skip(class).take(1).for_each(|line| *line += 1);
            self.look();
        }
    }

    /// Its wait is over.
    pub(super) fn wait_over(&mut self, now: i64, class: usize) {
        if self.is_kept {
            self.pass(now);
            self.waiting = self.waiting.saturating_sub(1);
            self.line.iter_mut().skip(class).take(1).for_each(|line| *line = line.saturating_sub(1));
            self.look();
        }
    }

    /// Somebody begins with a contact.
    pub(super) fn begin(&mut self, now: i64, class: usize) {
        if self.is_kept {
            self.pass(now);
            self.busy += 1;
            self.in_hand.iter_mut().skip(class).take(1).for_each(|held| *held += 1);
            self.look();
        }
    }

    /// The talk with a contact ends.
    pub(super) fn end(&mut self, now: i64, class: usize) {
        if !self.is_kept {
            return;
        }
        self.pass(now);
        for (level, weight) in self.levels {
            self.sum.ends.iter_mut().skip(level).take(1).for_each(|ends| *ends += weight);
        }
        self.busy = self.busy.saturating_sub(1);
        self.in_hand.iter_mut().skip(class).take(1).for_each(|held| *held = held.saturating_sub(1));
        self.look();
    }
}
