//! Decides how fast the simulator is: replays one day of 100,000 contacts, and prints what it took.
//!
//! `cargo run --release -p picket-sim --example day`
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints, and reads the clock")]

use std::path::Path;
use std::time::Instant;

use picket_sim::report::Report;
use picket_sim::scenario::Scenario;
use picket_sim::simulate::{Model, Run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/day.toml");
    let scenario = Scenario::load(&path).map_err(|faults| format!("{faults:?}"))?;
    let batches = scenario.batches;
    let model = Model::new(scenario)?;
    for round in 1..=3 {
        let begun = Instant::now();
        let mut run = Run::new(&model, 1)?;
        run.extend(batches, 1)?;
        run.settle(1)?;
        let report = Report::of(&run);
        let took = begun.elapsed().as_secs_f64();
        println!("round {round}: {} contacts, {} agents in {took:.3} s", report.contacts, model.agents());
    }
    Ok(())
}
