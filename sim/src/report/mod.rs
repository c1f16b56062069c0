//! Decides what is reported of a run: by class, by group and by reason, each number with its half-width.

mod batch;
mod continuity;
mod controls;
mod definitions;
mod human;

use serde::Serialize;

pub use batch::{Figure, ratio};
pub use continuity::{Indexes, indexes};
pub use controls::Controls;
pub use definitions::{DEFINITIONS, Definition};
pub use human::human;

use crate::scenario::Span;
use crate::simulate::{Batch, ClassTally, GroupTally, Model, OPENINGS, Run, STANDINGS};

/// How sure the numbers of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Widths {
    /// As they were counted.
    Plain,
    /// With luck taken out, where it is known what was to be expected.
    Controlled,
}

/// What a run showed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the scenario is about.
    pub title: String,
    /// The first seed.
    pub seed: u64,
    /// How many worlds.
    pub replications: usize,
    /// How long each was measured, in simulated seconds.
    pub measured_s: f64,
    /// Batches of all of them.
    pub batches: usize,
    /// Contacts simulated, warm-up included.
    pub contacts: u64,
    /// Measured contacts whose wait did not end, and which are in no number.
    pub unfinished: u64,
    /// By class, in the scenario's order.
    pub classes: Vec<ClassReport>,
    /// By group of agents.
    pub groups: Vec<GroupReport>,
    /// What each number means.
    pub definitions: Vec<&'static Definition>,
}

/// What was seen of one class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// How many were measured.
    pub offered: f64,
    /// Its numbers.
    pub figures: Vec<Figure>,
}

/// What was seen of one group of agents.
#[derive(Clone, Debug, Serialize)]
pub struct GroupReport {
    /// Its name.
    pub name: String,
    /// Its numbers.
    pub figures: Vec<Figure>,
}

impl ClassReport {
    /// A number by its name.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

impl Report {
    /// A class by its name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&ClassReport> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// The occupancy of a group, or of everybody.
    #[must_use]
    pub fn occupancy(&self, group: &str) -> Option<&Figure> {
        let group = self.groups.iter().find(|known| known.name == group)?;
        group.figures.first()
    }

    /// The report of a run as far as it has come.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Self {
        Self::controlled(run, Widths::Plain)
    }

    /// The same, with luck taken out of its numbers if that is asked for and can be.
    #[must_use]
    pub fn controlled(run: &Run<'_>, widths: Widths) -> Self {
        let model = run.model();
        let batches: Vec<&Batch> = run.replications().iter().flat_map(|one| one.batches()).collect();
        let whole = Self::of_batches(model, &batches, widths);
        let classes = whole.classes.into_iter().enumerate().map(|(class, mut report)| {
            let customers = run.replications().iter().map(|one| one.visits(class));
            report.figures.extend(continuity::figures(customers));
            report
        });
        Self {
            contacts: run.replications().iter().map(|one| u64::from(one.contacts())).sum(),
            unfinished: run.replications().iter().map(crate::simulate::Replication::unfinished).sum(),
            classes: classes.collect(),
            ..whole
        }
    }

    /// The report of some batches, without what needs to know customers.
    #[must_use]
    pub fn of_batches(model: &Model, batches: &[&Batch], widths: Widths) -> Self {
        let scenario = &model.scenario;
        let controls = match widths {
            Widths::Plain => Controls::default(),
            Widths::Controlled => Controls::new(&batches.iter().map(|batch| lucky(model, batch)).collect::<Vec<_>>()),
        };
        let mut groups: Vec<GroupReport> = model
            .groups()
            .iter()
            .enumerate()
            .map(|(at, name)| group_report(name, batches, &controls, |n| n == at))
            .collect();
        groups.push(group_report("everybody", batches, &controls, |_| true));
        let replications = scenario.replications as usize;
        #[expect(clippy::cast_precision_loss, reason = "replications are at most a thousand")]
        let measured_s = batches.iter().map(|batch| batch.length).sum::<f64>() / 1000.0 / replications as f64;
        Self {
            title: scenario.title.clone(),
            seed: scenario.seed,
            replications,
            measured_s,
            batches: batches.len(),
            contacts: 0,
            unfinished: 0,
            classes: (0..scenario.classes.len()).map(|class| counted(model, class, batches, &controls)).collect(),
            groups,
            definitions: DEFINITIONS.iter().collect(),
        }
    }
}

/// What was luck in a batch, as numbers that are zero on average.
fn lucky(model: &Model, batch: &Batch) -> Vec<f64> {
    let mut lucky = batch.luck.controls();
    if !lucky.is_empty() {
        let patient = model.scenario.classes.iter().map(|class| class.patience.is_none());
        let classes = batch.classes.iter().zip(patient).filter(|(_, patient)| !patient);
        lucky.extend(classes.map(|(tally, _)| tally.abandoned - tally.expected_abandoned));
    }
    lucky
}

fn group_report(name: &str, batches: &[&Batch], controls: &Controls, is_in: impl Fn(usize) -> bool) -> GroupReport {
    let sum = |batch: &Batch| {
        let mut sum = GroupTally::default();
        let members = batch.groups.iter().enumerate().filter(|(at, _)| is_in(*at));
        members.for_each(|(_, group)| sum.add(group));
        sum
    };
    let pairs: Vec<_> = batches.iter().map(|batch| sum(batch)).map(|sum| (sum.busy, sum.duty)).collect();
    GroupReport { name: name.to_owned(), figures: vec![ratio("occupancy", &pairs, 1.0, controls)] }
}

/// What the tallies of one class say.
fn counted(model: &Model, class: usize, batches: &[&Batch], controls: &Controls) -> ClassReport {
    let scenario = &model.scenario;
    let name = scenario.classes.get(class).map_or_else(String::new, |class| class.name.clone());
    let tallies: Vec<(&ClassTally, f64)> =
        batches.iter().filter_map(|batch| Some((batch.classes.get(class)?, batch.length))).collect();
    let figure = |name: &str, scale: f64, of: &dyn Fn(&ClassTally) -> (f64, f64)| {
        let pairs: Vec<_> = tallies.iter().map(|(tally, _)| of(tally)).collect();
        ratio(name, &pairs, scale, controls)
    };
    let mut figures = vec![
        figure("p_wait", 1.0, &|t| (t.waited, t.offered)),
        figure("p_no_wait", 1.0, &|t| (t.offered - t.waited, t.offered)),
        figure("mean_wait_s", 1e-3, &|t| (t.wait, t.offered)),
        figure("mean_wait_answered_s", 1e-3, &|t| (t.wait_answered, t.answered)),
        figure("mean_wait_abandoned_s", 1e-3, &|t| (t.wait_abandoned, t.abandoned)),
        figure("abandoned", 1.0, &|t| (t.abandoned, t.offered)),
        figure("abandoned_expected", 1.0, &|t| (t.expected_abandoned, t.offered)),
        figure("diverted", 1.0, &|t| (t.diverted, t.offered)),
        figure("redials", 1.0, &|t| (t.redials, t.offered)),
        figure("mean_handling_s", 1e-3, &|t| (t.handling, t.answered)),
    ];
    if tallies.iter().any(|(tally, _)| tally.promised > 0.0) {
        figures.extend([
            figure("estimate_given", 1.0, &|t| (t.promised, t.answered)),
            figure("estimate_bias_s", 1e-3, &|t| (t.promise_error, t.promised)),
            figure("estimate_error_s", 1e-6, &|t| (t.promise_square, t.promised)).root(),
            figure("estimate_in_band", 1.0, &|t| (t.promise_kept, t.promised)),
        ]);
    }
    let lengths: Vec<_> = tallies.iter().map(|(tally, length)| (tally.wait, *length)).collect();
    figures.push(ratio("mean_queue", &lengths, 1.0, controls));
    let patient = scenario.classes.get(class).is_some_and(|class| class.patience.is_none());
    for (at, time) in scenario.within.iter().enumerate() {
        figures.extend(service(&figure, *time, at));
        if !patient {
            let virtually = |t: &ClassTally| (part(&t.virtual_within, at), t.offered);
            figures.push(figure(&format!("within_{time}_virtual"), 1.0, &virtually));
        }
    }
    for (at, standing) in STANDINGS.iter().enumerate() {
        let served = figure(&format!("served_by_{standing}"), 1.0, &|t| (part(&t.standing, at), t.answered));
        figures.extend(Some(served).filter(|figure| figure.value > 0.0));
    }
    figures.push(figure("served_by_own_and_team", 1.0, &|t| (part(&t.standing, 0) + part(&t.standing, 1), t.answered)));
    for (at, reason) in OPENINGS.iter().enumerate() {
        let opened = figure(&format!("opened_{reason}"), 1.0, &|t| (part(&t.opened, at), t.offered));
        figures.extend(Some(opened).filter(|figure| figure.value > 0.0));
    }
    let offered = tallies.iter().map(|(tally, _)| tally.offered).sum();
    ClassReport { name, offered, figures }
}

fn part(of: &[f64], at: usize) -> f64 {
    of.get(at).copied().unwrap_or_default()
}

type FigureOf<'a> = dyn Fn(&str, f64, &dyn Fn(&ClassTally) -> (f64, f64)) -> Figure + 'a;

/// The four ways in which a service level is told.
fn service(figure: &FigureOf<'_>, time: Span, at: usize) -> [Figure; 4] {
    let answered = |t: &ClassTally| part(&t.answered_within, at);
    let gone = |t: &ClassTally| part(&t.abandoned_within, at);
    [
        figure(&format!("within_{time}_of_offered"), 1.0, &|t| (answered(t), t.offered)),
        figure(&format!("within_{time}_of_answered"), 1.0, &|t| (answered(t), t.answered)),
        figure(&format!("within_{time}_without_short"), 1.0, &|t| (answered(t), t.offered - gone(t))),
        figure(&format!("within_{time}_with_short"), 1.0, &|t| (answered(t) + gone(t), t.offered)),
    ]
}
