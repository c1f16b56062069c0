//! Nothing lost, nothing twice, in as many runs as one likes: the shard's real shell and core, against a broker and a store
//! that have the measured vices of RabbitMQ and Redis, in virtual time. One seed is everything: the same seed is the same
//! run to the byte.
//!
//! `PICKET_SIM=100000` runs so many seeds, `PICKET_SIM_FROM=2001` begins with another one, `PICKET_SIM_SEED=7` runs that one alone.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what a run did not expect ends it; its processes are tasks that it ends itself"
)]

#[path = "simulation/broker.rs"]
mod broker;
#[path = "simulation/daemon.rs"]
mod daemon;
#[path = "simulation/fate.rs"]
mod fate;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/link.rs"]
mod link;
#[path = "simulation/platform.rs"]
mod platform;
#[path = "simulation/room.rs"]
mod room;
#[path = "simulation/store.rs"]
mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fate::{Doom, Fate, Flaw, Tally};
use picket::shard::bugs::{self, Bug};
use room::{Outcome, run};

/// Seeds of one run of the tests.
const SEEDS: u64 = 2_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

/// Outputs that the world of a run can bring about.
const SAID: [&str; 22] = [
    "agent.state_changed",
    "command.rejected",
    "contact.abandoned",
    "contact.assigned",
    "contact.choice_available",
    "contact.closed",
    "contact.connected",
    "contact.ended",
    "contact.parked",
    "contact.planned",
    "contact.queued",
    "contact.requeued",
    "contact.resumed",
    "fence.opened",
    "fence.set",
    "offer.accepted",
    "offer.declined",
    "offer.expired",
    "offer.extended",
    "offer.made",
    "offer.revoked",
    "rules.activated",
];

/// What many runs showed together.
#[derive(Debug, Default)]
struct Total {
    runs: u64,
    simulated: Duration,
    inputs: u64,
    calls: u64,
    tally: Tally,
    outputs: BTreeMap<String, u64>,
    failed: Vec<(String, Vec<String>)>,
}

impl Total {
    fn add(&mut self, name: String, outcome: Outcome) {
        self.runs += 1;
        self.simulated += outcome.simulated;
        self.inputs += outcome.inputs;
        self.calls += outcome.calls;
        for (into, from) in [(&mut self.tally, outcome.tally), (&mut self.outputs, outcome.outputs)] {
            for (what, count) in from {
                *into.entry(what).or_insert(0) += count;
            }
        }
        if !outcome.wrong.is_empty() {
            println!("{name}: {}", outcome.wrong.first().map_or("", String::as_str));
            self.failed.push((name, outcome.wrong));
        }
    }

    fn print(&self) {
        println!(
            "{} runs, {:.1} simulated hours, {} inputs, {} outputs, {} calls, {} failed",
            self.runs,
            self.simulated.as_secs_f64() / 3600.0,
            self.inputs,
            self.outputs.values().sum::<u64>(),
            self.calls,
            self.failed.len()
        );
        for (what, count) in self.tally.iter().chain(&self.outputs) {
            println!("{count:>10}  {what}");
        }
    }

    /// What never happens proves nothing: each kind of trouble happened at least so often, and each output that the world
    /// can bring about.
    fn assert_everything_happened(&self, least: u64) {
        let troubles = fate::kinds().into_iter().map(|kind| {
            let of_kind = self.tally.iter().filter(|(name, _)| fate::is_of_kind(name, &kind)).map(|(_, count)| count);
            let count = of_kind.sum();
            (kind, count)
        });
        let said = SAID.iter().map(|kind| {
            let full = format!("picket.{kind}.v1");
            let count = self.outputs.get(&full).copied().unwrap_or(0);
            (full, count)
        });
        let rare: Vec<(String, u64)> = troubles.chain(said).filter(|(_, count)| *count < least).collect();
        assert!(rare.is_empty(), "these happened less than {least} times: {rare:?}");
    }

    fn assert_nothing_wrong(&self) {
        let shown = self.failed.iter().take(3).map(|(name, wrong)| format!("{name}:\n  {}", wrong.join("\n  ")));
        assert!(
            self.failed.is_empty(),
            "{} of {} runs went wrong:\n{}",
            self.failed.len(),
            self.runs,
            shown.collect::<Vec<_>>().join("\n")
        );
    }
}

/// Runs numbered runs on every core.
fn run_all(numbers: impl Iterator<Item = u64> + Send, each: impl Fn(u64) -> (String, Outcome) + Sync) -> Total {
    let (total, numbers) = (Mutex::new(Total::default()), Mutex::new(numbers));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = numbers.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(number) = next else { return };
                    let (name, outcome) = each(number);
                    total.lock().unwrap_or_else(PoisonError::into_inner).add(name, outcome);
                }
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_is_done_twice() {
    let seeds = match setting("PICKET_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = setting("PICKET_SIM_FROM").unwrap_or(1);
            first..first + setting("PICKET_SIM").unwrap_or(SEEDS)
        }
    };
    if seeds.end - seeds.start == 1 {
        // One alone tells what happens in it.
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).without_time().with_ansi(false).init();
    }
    println!("seeds {} to {}", seeds.start, seeds.end - 1);
    let least = (seeds.end - seeds.start) / 100;
    let total = run_all(seeds, |seed| (format!("PICKET_SIM_SEED={seed}"), run(seed, Fate::of(seed), true)));
    total.print();
    total.assert_nothing_wrong();
    total.assert_everything_happened(least);
}

#[test]
fn the_same_seed_is_the_same_run_to_the_byte() {
    for seed in [3, 50, 51, 52, 53, 54, 55, 56] {
        let twice = [0, 1].map(|_| run(seed, Fate::of(seed), true));
        let [one, other] = twice.map(|outcome| (outcome.trace, outcome.calls, outcome.tally));
        assert_eq!(one, other, "seed {seed}");
    }
}

/// Seeds tried for one bug, at most.
const HUNT: u64 = 60;

/// Hunts a bug: the number of the first seed that finds it, and what was wrong.
fn hunted(number: usize) -> (String, Option<(u64, String)>) {
    let (bug, flaw) = (Bug::ALL.get(number).copied(), number.checked_sub(Bug::ALL.len()).map(|at| Flaw::ALL[at]));
    let name = bug.map_or_else(|| format!("{flaw:?}"), |bug| format!("{bug:?}"));
    let found = (1..=HUNT).find_map(|seed| {
        let fate = Fate::of(seed);
        let fate = flaw.map_or(fate, |flaw| Fate::of(seed).with_flaw(flaw));
        bugs::plant(bug);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, fate, true)));
        bugs::plant(None);
        let wrong = outcome.map_or_else(|_| Some("it panicked".to_owned()), |outcome| outcome.wrong.into_iter().next());
        wrong.map(|wrong| (seed, wrong))
    });
    (name, found)
}

#[test]
fn every_seeded_bug_is_found() {
    if !cfg!(debug_assertions) {
        println!("skipped: only a build with debug assertions has bugs");
        return;
    }
    let (found, numbers) = (Mutex::new(Vec::new()), Mutex::new(0..Bug::ALL.len() + Flaw::ALL.len()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(number) = { numbers.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                    let (name, first) = hunted(number);
                    match &first {
                        Some((seed, wrong)) => println!("{name:<28} found after {seed:>3} seeds by: {wrong:.110}"),
                        None => println!("{name:<28} NOT found in {HUNT} seeds"),
                    }
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((name, first));
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let missed: Vec<_> = found.iter().filter(|(_, first)| first.is_none()).map(|(name, _)| name).collect();
    println!("{} of {} bugs found", found.len() - missed.len(), found.len());
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn each_call_that_fails_once_is_made_good() {
    let calls = run(1, Fate::calm(1, None), false).calls;
    let step = setting("PICKET_SIM_STEP").unwrap_or(29);
    let dooms = [Doom::Refused, Doom::RequestLost, Doom::ReplyLost, Doom::Late, Doom::KilledBefore, Doom::KilledAfter];
    println!("{calls} calls, each {step}th fails in {} ways", dooms.len());
    let ways = dooms.len() as u64;
    let total = run_all(1..calls * ways / step, |number| {
        let (call, doom) = (1 + number * step / ways, dooms[usize::try_from(number % ways).expect("a few ways")]);
        (format!("call {call} {doom:?}"), run(1, Fate::calm(1, Some((call, doom))), false))
    });
    total.print();
    total.assert_nothing_wrong();
}
