//! What a report says, and that a scenario runs on rules too.

use picket_sim::report::{Report, human};
use picket_sim::scenario::{Scenario, Span};
use picket_sim::simulate::Model;

use super::{changed, report, value};

fn short() -> Report {
    report(&changed("hold_own.toml", |scenario| {
        scenario.length = Span::seconds(2 * 86_400);
        scenario.replications = 2;
    }))
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_one_another() {
    let (one, again) = (short(), short());
    assert_eq!(serde_json::to_string(&one).expect("json"), serde_json::to_string(&again).expect("json"));
    let other = report(&changed("hold_own.toml", |scenario| {
        scenario.length = Span::seconds(2 * 86_400);
        scenario.replications = 2;
        scenario.seed = 8;
    }));
    assert_ne!(one.contacts, other.contacts);
}

#[test]
fn every_number_that_is_printed_is_defined() {
    let report = short();
    let text = human(&report);
    let times = ["20s"];
    for figure in report.classes.iter().flat_map(|class| &class.figures) {
        let generic = times.iter().fold(figure.name.clone(), |name, time| name.replace(time, "T"));
        let defined = report.definitions.iter().any(|definition| {
            definition.name == generic
                || definition.text.contains(&generic)
                || definition.name.strip_suffix('…').is_some_and(|start| generic.starts_with(start))
        });
        assert!(defined, "{} is not defined", figure.name);
        assert!(text.contains(&figure.name), "{} is not printed", figure.name);
    }
}

#[test]
fn the_parts_of_a_whole_sum_to_it() {
    let report = short();
    let of = |figure: &str| value(&report, "valued", figure);
    let served = of("served_by_own") + of("served_by_team") + of("served_by_outside");
    assert!((served - 1.0).abs() < 1e-9, "{served}");
    assert!((of("p_wait") + of("p_no_wait") - 1.0).abs() < 1e-9);
    assert!(of("opened_hold_over") > 0.0);
    assert!(of("served_by_outside") <= of("opened_hold_over"));
    assert!(of("continuity_secon") > of("continuity_by_chance"));
    let general = |figure: &str| value(&report, "general", figure);
    assert!(general("redials") > 0.0 && general("redials") < general("abandoned"));
    assert!((general("abandoned") - general("abandoned_expected")).abs() < 0.2 * general("abandoned"));
    let [within, without, with] =
        ["within_20s_of_offered", "within_20s_without_short", "within_20s_with_short"].map(general);
    assert!(within < without && without < with && with < 1.0, "{within} {without} {with}");
    assert_eq!(report.unfinished, 0);
}

#[test]
fn a_report_says_how_good_the_estimates_were() {
    let report = report(&changed("golden/A01.toml", |_| {}));
    let of = |figure: &str| value(&report, "general", figure);
    assert!(of("estimate_given") > 0.5 * of("p_wait"), "{report:?}");
    // Nine in ten are meant; the band is a normal one, and waits are not.
    assert!((0.85..=1.0).contains(&of("estimate_in_band")), "{}", of("estimate_in_band"));
    let mean = of("mean_wait_s") / of("p_wait");
    assert!(of("estimate_bias_s").abs() < 0.25 * mean, "{} of {mean}", of("estimate_bias_s"));
    assert!(of("estimate_error_s") < mean, "{} of {mean}", of("estimate_error_s"));
}

/// The worked example's own rules make the plans.
#[test]
fn a_scenario_runs_on_a_rule_folder() {
    let text = r#"
length = "1d"
replications = 2
rules = "config/rules"
start = "2026-03-02T00:00:00Z"
[[class]]
name = "calls"
arrivals = { daily = [["0h", 1], ["9h", 30], ["17h", 1]] }
handling = { exponential = "4m" }
patience = { exponential = "5m" }
contact = { channel = "voice", topic = "order" }
"#;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let scenario = Scenario::parse(text, &root).expect("a scenario");
    let model = Model::new(scenario).expect("a model");
    let report = report(&model);
    assert!(model.agents() > 0 && report.classes[0].offered > 300.0, "{report:?}");
    assert!(value(&report, "calls", "p_no_wait") > 0.0, "{report:?}");
}
