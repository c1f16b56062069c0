//! Decides how a scenario is run from the command line, and how its report is shown.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use picket_sim::report::{self, Report};
use picket_sim::scenario::Scenario;
use picket_sim::simulate::{Model, Run};

const EXAMPLES: &str = "\
Examples:
  picket simulate sim/scenarios/reserve.toml            what two people kept free are worth
  picket simulate sim/scenarios/golden/A01.toml --json  one row of an exact table, for machines
  picket simulate mine.toml --seed 7                    other chance, same scenario

Scenario files are explained in docs/simulator.md.
Exit codes: 0 done; 2 the scenario is wrong, or could not be run.";

/// Run a scenario through the routing core in virtual time, and report waits, service, continuity.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// Scenario file
    scenario: PathBuf,
    /// For machines
    #[arg(long)]
    json: bool,
    /// Another first seed than the scenario's
    #[arg(long)]
    seed: Option<u64>,
}

impl Simulate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut scenario = match Scenario::load(&self.scenario) {
            Ok(scenario) => scenario,
            Err(faults) => {
                let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                bail!("{} cannot be run\n{}", self.scenario.display(), told.join("\n"));
            }
        };
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        let batches = scenario.batches;
        let model = Model::new(scenario).context("prepare the scenario")?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut run = Run::new(&model, threads).context("begin the simulation")?;
        run.extend(batches, threads).context("simulate")?;
        run.settle(threads).context("simulate the last waits")?;
        let report = Report::of(&run);
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&report).context("write the report")?)?;
        } else {
            write!(out, "{}", report::human(&report))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
