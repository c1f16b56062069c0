//! What a scenario does when one lever of it moves, and how a wrong one is answered.

mod faults;
mod levers;
mod reports;

use std::path::{Path, PathBuf};

use picket_sim::report::Report;
use picket_sim::scenario::Scenario;
use picket_sim::simulate::{Model, Run};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

/// A scenario of the repository, as changed.
fn changed(name: &str, change: impl FnOnce(&mut Scenario)) -> Model {
    let mut scenario = Scenario::load(&path(name)).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    change(&mut scenario);
    Model::new(scenario).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn report(model: &Model) -> Report {
    let mut run = Run::new(model, 1).expect("a run");
    run.extend(model.scenario.batches, 1).expect("batches");
    run.settle(1).expect("the last waits");
    Report::of(&run)
}

/// A number of a class.
fn value(report: &Report, class: &str, figure: &str) -> f64 {
    let figure = report.class(class).and_then(|class| class.figure(figure));
    figure.map_or(0.0, |figure| figure.value)
}
