//! Drives the core in virtual time through a scenario: the same router that the daemon runs, and nothing of its choices
//! written again.

mod contacts;
mod duty;
mod luck;
mod model;
mod notes;
mod place;
mod plan;
mod replication;
mod tally;
mod work;

pub use luck::Luck;
pub use model::Model;
pub use replication::{Replication, Started, Visit};
pub use tally::{Batch, ClassTally, GroupTally, OPENINGS, STANDINGS};

use crate::scenario::Fault;

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario contradicts itself, its files or its rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Scenario(Vec<Fault>),
    /// The core refused something that the simulator holds to be right.
    #[error("the core refused {what}: {rejection}")]
    Refused {
        /// What.
        what: String,
        /// Why.
        rejection: picket_core::Rejection,
    },
    /// The rules made no plan.
    #[error("a contact has no plan")]
    Plan(#[from] picket_rules::plan::Error),
    /// Events without end at one moment.
    #[error("the core wants to be woken for ever at one moment, for {0:?}")]
    Endless(picket_core::TimerKind),
}

/// The replications of a scenario, all advanced together.
#[derive(Debug)]
pub struct Run<'a> {
    model: &'a Model,
    replications: Vec<Replication<'a>>,
}

impl<'a> Run<'a> {
    /// Every replication at its beginning, warmed up.
    ///
    /// # Errors
    /// When the core refuses the place, or a contact.
    pub fn new(model: &'a Model, threads: usize) -> Result<Self, Error> {
        let seeds = (0..u64::from(model.scenario.replications)).map(|number| model.scenario.seed.wrapping_add(number));
        let replications = seeds.map(|seed| Replication::new(model, seed)).collect::<Result<Vec<_>, _>>()?;
        let mut run = Self { model, replications };
        run.each(threads, Replication::warm_up)?;
        Ok(run)
    }

    /// Has every replication record its decisions from now on.
    pub fn record(&mut self) {
        self.replications.iter_mut().for_each(Replication::record);
    }

    /// Simulates further batches of each replication.
    ///
    /// # Errors
    /// As [`Run::new`].
    pub fn extend(&mut self, batches: u32, threads: usize) -> Result<(), Error> {
        self.each(threads, |replication| (0..batches).try_for_each(|_| replication.batch()))
    }

    /// Goes on until nobody waits who is measured, for as long again at most.
    ///
    /// # Errors
    /// As [`Run::new`].
    pub fn settle(&mut self, threads: usize) -> Result<(), Error> {
        self.each(threads, Replication::settle)
    }

    /// Joins batches two by two: half as many, twice as long.
    pub fn double(&mut self) {
        self.replications.iter_mut().for_each(Replication::double);
    }

    /// What is simulated.
    #[must_use]
    pub const fn model(&self) -> &'a Model {
        self.model
    }

    /// The replications.
    #[must_use]
    pub fn replications(&self) -> &[Replication<'a>] {
        &self.replications
    }

    fn each(
        &mut self,
        threads: usize,
        work: impl Fn(&mut Replication<'a>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        if threads <= 1 {
            return self.replications.iter_mut().try_for_each(work);
        }
        let share = self.replications.len().div_ceil(threads).max(1);
        let work = &work;
        std::thread::scope(|scope| {
            let parts = self.replications.chunks_mut(share);
            let running: Vec<_> = parts.map(|part| scope.spawn(move || part.iter_mut().try_for_each(work))).collect();
            running.into_iter().try_for_each(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }
}
