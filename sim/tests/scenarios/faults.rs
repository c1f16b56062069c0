//! A wrong scenario is answered with what is wrong, where, and how to mend it.

use std::path::Path;

use picket_sim::scenario::Scenario;

const RIGHT: &str = r#"
length = "1d"
[[class]]
name = "general"
arrivals = { per_hour = 100 }
handling = { exponential = "3m" }
plan = { queue = "general" }
[[agents]]
name = "agents"
count = 6
queues = ["general"]
[[queue]]
name = "general"
"#;

/// The only fault of the right scenario with one thing replaced, as it is printed.
fn fault(old: &str, new: &str) -> String {
    assert!(RIGHT.contains(old), "{old}");
    let faults = Scenario::parse(&RIGHT.replacen(old, new, 1), Path::new("")).expect_err("a fault");
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

#[test]
fn the_right_one_is_taken() {
    assert!(Scenario::parse(RIGHT, Path::new("")).is_ok());
}

#[test]
fn every_fault_says_what_where_and_how_to_mend_it() {
    let cases = [
        ("count = 6", "cuont = 6", ["line 10", "cuont", "did you mean `count`?"]),
        ("length = \"1d\"", "length = \"1 week\"", ["line 2", "1 week", "20s"]),
        ("length = \"1d\"\n", "\n", ["line 1", "length", "add it"]),
        ("per_hour = 100", "per_hour = -1", ["class `general`, arrivals", "-1 is no rate", "above 0"]),
        ("exponential = \"3m\"", "gamma = \"3m\"", ["line 6", "gamma", "exponential"]),
        ("exponential = \"3m\"", "exponential = \"5ms\"", ["class `general`, handling", "5ms", "scale"]),
        ("plan = { queue = \"general\" }", "plan = { queue = \"genral\" }", ["plan.queue", "genral", "general"]),
        ("queue = \"general\" }", "queue = \"general\", fence = \"vip\" }", ["plan.fence", "no `vip`", "[[team]]"]),
        ("queue = \"general\" }", "queue = \"general\", hold_team = \"9s\" }", ["plan", "need a fence", "add fence"]),
        ("plan = { queue = \"general\" }", "", ["class `general`", "states its plan", "add plan"]),
        ("count = 6", "count = 0", ["agents `agents`, count", "there are 0", "write 1"]),
        ("count = 6", "count = 6\nspeeds = [1.0, 2.0]", ["speeds", "2 speeds for 6", "each of them"]),
        ("count = 6", "count = 6\nshift = [[\"9h\", \"8h\"]]", ["shift", "no hours", "from"]),
        (
            "handling = {",
            "patience = { file = { path = \"none.csv\", column = \"s\" } }\nhandling = {",
            ["patience", "none.csv", "CSV"],
        ),
        ("handling = {", "patience = { hazard = [[\"5s\", 0.1]] }\nhandling = {", ["patience", "no hazard", "0s"]),
        ("length = \"1d\"", "length = \"1d\"\nrules = \"nowhere\"", ["class `general`", "states no plan", "contact ="]),
    ];
    for (old, new, parts) in cases {
        let mut new_text = RIGHT.replacen(old, new, 1);
        if new.contains("rules") {
            // With rules, the scenario states no place of its own either; that is told first.
            new_text = new_text.split("[[agents]]").next().unwrap_or_default().to_owned();
            let told = Scenario::parse(&new_text, Path::new("")).expect_err("a fault");
            assert!(parts.iter().all(|part| told[0].to_string().contains(part)), "{told:?}");
            continue;
        }
        let told = fault(old, new);
        assert!(parts.iter().all(|part| told.contains(part)), "{new}:\n{told}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let faults = Scenario::load(Path::new("no/such.toml")).expect_err("a fault");
    assert!(faults[0].to_string().contains("no/such.toml"), "{faults:?}");
}
