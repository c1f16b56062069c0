//! Properties: whatever happens, in whatever order, the numbered invariants hold after every step, and the naive second
//! router decides the same.
//!
//! In its short form the test gives 200,000 inputs. The environment makes it longer or repeats it: `PICKET_LONG=1` gives
//! ten million, `PICKET_INPUTS` any other number, and `PICKET_SEED` the first history's seed, which is printed.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::judge::dice::{Op, ops};
use crate::judge::history::{Judging, LENGTH, Run};
use crate::judge::setting::{Setting, rewritten};
use crate::judge::story::{failure, shrunk};
use crate::judge::tally::Tally;

fn asked<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn is_long() -> bool {
    asked::<u8>("PICKET_LONG").is_some_and(|long| long > 0)
}

fn judged(seed: u64, ops: &[Op]) -> Tally {
    let mut run = Run::new(seed, Setting::USUAL, Judging::Full);
    ops.iter().for_each(|op| run.step(*op));
    run.end();
    run.tally
}

/// Makes a failed history short and tells it.
fn explained(seed: u64, message: &str, setting: Setting) -> String {
    let kind = |message: &str| message.split(':').next().unwrap_or_default().to_owned();
    let same = kind(message);
    let run_of = |ops: &[Op]| {
        let mut run = Run::new(seed, setting, Judging::Full);
        let failed = failure(|| {
            ops.iter().for_each(|op| run.step(*op));
            run.end();
        });
        (run, failed)
    };
    let short = shrunk(ops(seed, LENGTH), |ops| run_of(ops).1.is_some_and(|message| kind(&message) == same));
    let (run, failed) = run_of(&short);
    format!(
        "the history of seed {seed} fails; {} of its steps are enough:\n{}\n{}",
        short.len(),
        run.tell(60),
        failed.unwrap_or_default()
    )
}

/// Runs histories until so many inputs were given; on every core, and it stops at the first failure.
fn histories(first: u64, inputs: u64) -> Tally {
    let (next, given, is_over) = (AtomicU64::new(first), AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let mut tally = Tally::default();
        while given.load(Ordering::Relaxed) < inputs && !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let mut seen = Tally::default();
            if let Some(message) = failure(|| seen = judged(seed, &ops(seed, LENGTH))) {
                is_over.store(true, Ordering::Relaxed);
                panic!("{}", explained(seed, &message, Setting::USUAL));
            }
            given.fetch_add(seen.tried, Ordering::Relaxed);
            tally.add(&seen);
        }
        tally
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut tally = Tally::default();
        for worker in workers {
            match worker.join() {
                Ok(seen) => tally.add(&seen),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        tally
    })
}

/// Invariants 1 to 8, 10 and 11 hold after every step, and the second router decides the same; every kind of input,
/// event, rejection, timer and opening reason occurs.
#[test]
fn every_invariant_holds_and_the_second_router_agrees_after_every_step() {
    let inputs = asked("PICKET_INPUTS").unwrap_or(if is_long() { 10_000_000 } else { 200_000 });
    let seed = asked("PICKET_SEED").unwrap_or(1);
    eprintln!("first seed {seed}, {inputs} inputs");
    let tally = histories(seed, inputs);
    eprintln!("{} inputs, {} accepted\n{tally}", tally.tried, tally.accepted);
    assert!(tally.accepted * 10 >= tally.tried * 6, "{} of {} accepted", tally.accepted, tally.tried);
    let missing = tally.missing(if inputs >= 10_000_000 { 1000 } else { 1 });
    assert!(missing.is_empty() || inputs < 200_000, "seen too seldom: {missing:#?}");
}

/// Invariant 8: a second run of the same inputs gives the same bytes.
#[test]
fn a_second_run_gives_the_same_bytes() {
    for seed in 0..20 {
        let bytes = || {
            let mut run = Run::new(seed, Setting::USUAL, Judging::LogOnly);
            ops(seed, LENGTH).into_iter().for_each(|op| run.step(op));
            postcard::to_allocvec(&(&run.log, &run.live)).expect("state is serialisable")
        };
        assert_eq!(bytes(), bytes(), "seed {seed}");
    }
}

/// What happens under one setting, and under another after its names or times are written as the first would.
fn compared(seed: u64, one: Setting, other: Setting, number: impl Fn(&str, i64) -> i64) {
    let events = |setting| {
        let mut run = Run::new(seed, setting, Judging::LogOnly);
        ops(seed, LENGTH).into_iter().for_each(|op| run.step(op));
        run.written()
    };
    let (one, other) = (events(one), events(other));
    // A definition carries moments that are counted in days, not in the history's own time.
    let plain = |line: &&String| !line.contains("World(Changed(");
    for (one, other) in one.iter().filter(plain).zip(other.iter().filter(plain)) {
        assert_eq!(&rewritten(one, &number), other, "seed {seed}");
    }
    assert_eq!(one.len(), other.len(), "seed {seed}");
}

fn rounds() -> u64 {
    if is_long() { 4000 } else { 100 }
}

/// Invariant 12: the same inputs under other names give the same events under other names. Names are numbers by first
/// appearance, and ties break by them; so the other names keep the order.
#[test]
fn renaming_changes_nothing_but_names() {
    const STRIDE: u32 = 7;
    for seed in 0..rounds() {
        compared(seed, Setting::USUAL, Setting::USUAL.renamed(STRIDE), |word, value| match word {
            "OfferId" | "Timestamp" | "Millis" | "Level" | "DestinationId" => value,
            _ if word.ends_with("Id") => value * i64::from(STRIDE),
            _ => value,
        });
    }
}

/// Invariant 12: all times and durations scaled by a constant give the same events at scaled times. Left out is what
/// lasts by constants of the core's own: hand-overs to people, lost heartbeats, overrides without an end.
#[test]
fn scaling_all_times_changes_nothing_but_times() {
    const BY: u32 = 3;
    let setting = Setting::USUAL.scalable();
    for seed in 0..rounds() {
        compared(seed, setting, setting.scaled(BY), |word, value| match word {
            "Timestamp" | "Millis" => value * i64::from(BY),
            _ => value,
        });
    }
}

/// Invariant 12: the same inputs on other days give the same events on other days.
#[test]
fn shifting_all_times_changes_nothing_but_times() {
    for seed in 0..rounds() {
        let by = i64::try_from(seed + 1).expect("small") * 86_400_000;
        let other = Setting::USUAL.later(by);
        compared(
            seed,
            Setting::USUAL,
            other,
            |word, value| if word == "Timestamp" { value.saturating_add(by) } else { value },
        );
    }
}

/// A failing history is told in a few lines; here with a claim that is plainly wrong.
#[test]
fn a_failing_history_shrinks_to_a_readable_story() {
    let is_wrong = |seed: u64, ops: &[Op]| {
        let mut run = Run::new(seed, Setting::USUAL, Judging::LogOnly);
        ops.iter().for_each(|op| run.step(*op));
        run.written().iter().any(|line| line.contains("WrapUp"))
    };
    let wrong = (1..12).filter(|seed| is_wrong(*seed, &ops(*seed, LENGTH)));
    let shortest = wrong.map(|seed| (seed, shrunk(ops(seed, LENGTH), |ops| is_wrong(seed, ops))));
    let (seed, short) = shortest.min_by_key(|(_, short)| short.len()).expect("somebody wraps up in one of them");
    assert!(short.len() <= 6, "{} steps are left", short.len());
    let mut run = Run::new(seed, Setting::USUAL, Judging::LogOnly);
    short.iter().for_each(|op| run.step(*op));
    let story = run.tell(12);
    eprintln!("{story}");
    assert!(story.contains(" s  ") && story.contains("arrives on") && story.contains("→"), "{story}");
}
