//! Decides when a simulated row is precise enough, and whether it has come out: pooled over five seeds within three
//! half-widths, and no seed for itself further off than three of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use picket_sim::report::{Figure, Report, Widths};
use picket_sim::scenario::Scenario;
use picket_sim::simulate::{Batch, Model, Run};

use super::tables::{Exact, Row};

/// When a row is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Always,
    /// So close to saturation that 5 % take minutes, or not yet seen to land within a short run.
    LongOnly,
}

/// Contacts of one row, at most, before it counts as never getting precise.
const CONTACTS_LIMIT: u64 = 3_000_000_000;

/// Load above which a row without abandonment is only asked for 5 %.
const SATURATED: f64 = 0.95;

/// Batches per replication: joined two by two when there are twice as many.
const BATCHES: u32 = 60;

/// Shares below this are compared, but it is their expected value that has to be precise: it counts the same thing.
const RARE: f64 = 0.01;

pub(crate) fn scenario_path(row: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/golden").join(format!("{row}.toml"))
}

#[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside, and only here")]
fn is_long() -> bool {
    std::env::var("PICKET_LONG").is_ok_and(|value| value == "1")
}

/// Simulates a row until it is precise, and compares.
pub(crate) fn land(row: &Row, reach: Reach) {
    if reach == Reach::LongOnly && !is_long() {
        eprintln!("{}: only in the long form (PICKET_LONG=1)", row.name);
        return;
    }
    let precision = if is_long() && row.load.is_none_or(|load| load <= SATURATED) { 0.01 } else { 0.05 };
    let model = model(&row.name);
    let mut run = Run::new(&model, 1).expect("a run");
    run.extend(BATCHES, 1).expect("batches");
    let mut batches = BATCHES;
    loop {
        let report = Report::controlled(&run, Widths::Controlled);
        let Some(wide) = row.exact.iter().find(|exact| !is_precise(exact, &report, precision)) else { break };
        let contacts = report.contacts;
        assert!(contacts < CONTACTS_LIMIT, "{}: {wide:?} is not precise after {contacts} contacts", row.name);
        if batches == 2 * BATCHES {
            run.double();
            batches = BATCHES;
        }
        run.extend(BATCHES / 4, 1).expect("batches");
        batches += BATCHES / 4;
    }
    run.settle(1).expect("the last waits");
    compare(row, &run, precision);
}

fn model(row: &str) -> Model {
    let scenario = Scenario::load(&scenario_path(row)).unwrap_or_else(|faults| panic!("{row}: {faults:?}"));
    assert_eq!((scenario.seed, scenario.replications), (1, 5), "{row}");
    Model::new(scenario).unwrap_or_else(|error| panic!("{row}: {error}"))
}

fn figure<'a>(report: &'a Report, exact: &Exact) -> &'a Figure {
    let found = match exact.figure {
        "occupancy" => report.occupancy(exact.of),
        name => report.class(exact.of).and_then(|class| class.figure(name)),
    };
    found.unwrap_or_else(|| panic!("no {} of {}", exact.figure, exact.of))
}

fn is_precise(exact: &Exact, report: &Report, precision: f64) -> bool {
    let is_rare = exact.figure == "abandoned" && exact.value < RARE;
    is_rare || figure(report, exact).half_width.is_some_and(|half| half <= precision * exact.value)
}

fn compare(row: &Row, run: &Run<'_>, precision: f64) {
    let whole = Report::controlled(run, Widths::Controlled);
    assert_eq!(whole.unfinished, 0, "{}: some never ended their wait", row.name);
    let mut text = format!("{} ({} contacts, half-widths at most {precision}):\n", row.name, whole.contacts);
    let mut missed = Vec::new();
    let seeds: Vec<(u64, Report)> = run
        .replications()
        .iter()
        .map(|one| {
            let batches: Vec<&Batch> = one.batches().iter().collect();
            (one.seed(), Report::of_batches(run.model(), &batches, Widths::Controlled))
        })
        .collect();
    for exact in &row.exact {
        let found = figure(&whole, exact);
        let half = found.half_width.unwrap_or_default();
        let off = (found.value - exact.value).abs();
        let _ = writeln!(
            text,
            "  {:<8} {:<24} exact {:>12.6} found {:>12.6} ± {half:.6} ({:.2} half-widths off)",
            exact.of,
            exact.figure,
            exact.value,
            found.value,
            off / half.max(1e-300)
        );
        if off > 3.0 * half {
            missed.push(format!("{exact:?}: {found:?}"));
        }
        for (seed, report) in &seeds {
            let own = figure(report, exact);
            // A seed with too few rare events knows no width of its own.
            let known = own.half_width.filter(|half| *half > 0.0 && *half <= 0.3 * exact.value);
            if known.is_some_and(|half| (own.value - exact.value).abs() > 3.0 * half) {
                missed.push(format!("{exact:?}: seed {seed}: {own:?}"));
            }
        }
    }
    eprintln!("{text}");
    assert!(missed.is_empty(), "{text}\nnot within three half-widths:\n{}", missed.join("\n"));
}
