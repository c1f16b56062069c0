//! A recorded week through the core alone. The trace lies beside the project; without it these say so and pass.

use std::fs::File;
use std::path::PathBuf;

use picket_sim::check::Report;
use picket_sim::week::{Call, CoreSeat, Driver, Ended, Week, read};

const SEED: u64 = 1999;

fn trace() -> Option<Vec<Call>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/anonbank_week_sample.csv");
    match File::open(&path) {
        Ok(file) => Some(read(file).expect("the trace is a CSV of calls")),
        Err(error) => {
            eprintln!("SKIPPED: the recorded week is not here ({}: {error})", path.display());
            None
        }
    }
}

fn through_the_core(week: &Week) -> Ended {
    let mut seat = CoreSeat::new(&week.rules()).unwrap_or_else(|error| panic!("{error}"));
    Driver::new(week, SEED).run(&mut seat).unwrap_or_else(|error| panic!("{error}"))
}

fn tell(report: &Report) -> String {
    let waits: Vec<String> =
        report.waits.iter().map(|(c, w)| format!("{c}: {} mean {} ms", w.sorted_ms.len(), w.mean_ms())).collect();
    format!(
        "{} contacts {:?}; {} fenced, by {:?}; others by {:?}; openings {:?}; waits {waits:?}",
        report.contacts,
        report.outcomes,
        report.fenced,
        report.fenced_by,
        report.general_by,
        report.reasons()
    )
}

#[test]
fn a_recorded_week_keeps_every_promise_in_the_core() {
    let Some(calls) = trace() else { return };
    let week = Week::new(&calls, |_| true, SEED);
    let ended = through_the_core(&week);
    let report = &ended.report;
    eprintln!("{}; {} decisions in {} steps", tell(report), ended.decisions.list().len(), ended.steps);
    assert_eq!(report.violations, [], "{}", tell(report));
    assert_eq!(report.contacts, 9082);
    assert_eq!(report.outcomes.get("open"), None);
    assert!(
        report.reasons().contains_key("hold_over") && report.reasons().contains_key("no_cover"),
        "{}",
        tell(report)
    );
    let served: u64 = report.fenced_by.values().sum();
    assert!(report.inside() * 2 >= served && served > 500, "{}", tell(report));
}

#[test]
fn the_same_day_twice_makes_the_same_decisions_and_a_difference_is_shown_with_its_place() {
    let Some(calls) = trace() else { return };
    let week = Week::new(&calls, |day| day == 121, SEED);
    let (one, two) = (through_the_core(&week), through_the_core(&week));
    assert_eq!(one.decisions.differs(&two.decisions), None);

    let mut shorter = week.clone();
    shorter.callers.truncate(week.callers.len() / 2);
    let other = through_the_core(&shorter);
    let place = one.decisions.differs(&other.decisions).expect("half the callers make other decisions");
    assert!(place.starts_with("decision "), "{place}");
}

#[test]
fn the_top_five_percent_are_valued_and_the_teams_have_six_of_the_busiest_agents() {
    let Some(calls) = trace() else { return };
    let week = Week::new(&calls, |_| true, SEED);
    assert_eq!(week.valued.len(), 106);
    assert!(week.teams.iter().all(|(_, members)| members.len() == 6));
    assert_eq!(week.others.len(), 4);
    assert!(week.callers.iter().all(|caller| caller.patience > 0 && caller.talk > 0));
    let here = week.duties.iter().filter(|duty| duty.here).count();
    assert_eq!(here * 2, week.duties.len(), "who comes goes");
}
