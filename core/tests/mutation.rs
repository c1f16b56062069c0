//! Would the tests find a bug? Each of the bugs that `seeded-bugs` can switch on is hunted by the invariants and the
//! second router alone, over random histories; it prints how many inputs that took, and a bug not found fails the test.
#![cfg(test)]
#![expect(dead_code, reason = "what judges histories is used whole by the properties")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a judge looks for one event among many")]

mod judge;
mod naive;

use judge::dice::ops;
use judge::history::{Judging, LENGTH, Run};
use judge::setting::Setting;
use judge::story::failure;
use picket_core::{Bug, Router};

/// Histories tried for one bug, at most.
const HISTORIES: u64 = 400;

struct Found {
    inputs: u64,
    seed: u64,
    by: String,
}

fn hunted(bug: Bug) -> Option<Found> {
    let mut inputs = 0;
    for seed in 1..=HISTORIES {
        let mut run = None;
        let failed = failure(|| {
            let run = run.insert(Run::with(Router::with_bug(bug), seed, Setting::USUAL, Judging::Full));
            // Not to the end: a router that is read back has no bug, and so is another one.
            ops(seed, LENGTH).into_iter().for_each(|op| run.step(op));
        });
        inputs += run.map_or(0, |run| run.tally.tried);
        if let Some(message) = failed {
            let by = message.lines().next().unwrap_or_default().chars().take(110).collect();
            return Some(Found { inputs, seed, by });
        }
    }
    None
}

#[test]
fn every_seeded_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let name = format!("{bug:?}");
        match hunted(*bug) {
            Some(Found { inputs, seed, by }) => {
                println!("{name:<28} found after {inputs:>6} inputs (seed {seed}) by {by}")
            }
            None => missed.push(name),
        }
    }
    println!("{} of {} bugs found", Bug::ALL.len() - missed.len(), Bug::ALL.len());
    assert!(Bug::ALL.len() >= 20, "there are too few bugs to tell");
    assert!(missed.is_empty(), "not found within {HISTORIES} histories: {missed:?}");
}

/// The hunt means something only if nothing is found where nothing is wrong.
#[test]
fn without_a_bug_nothing_is_found() {
    for seed in 1..=20 {
        let mut run = Run::new(seed, Setting::USUAL, Judging::Full);
        ops(seed, LENGTH).into_iter().for_each(|op| run.step(op));
        run.end();
    }
}
