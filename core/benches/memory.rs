//! How many bytes the core keeps for each contact that waits, its plan included:
//! `cargo bench -p picket-core --bench memory`.
#![expect(clippy::expect_used, reason = "a bench that cannot go on says what it expected")]
#![expect(clippy::print_stdout, reason = "a bench answers on standard output")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the driver looks at the few events that concern it")]
#![expect(dead_code, reason = "the driver is shared with the other bench")]

mod speed {
    pub(crate) mod calls;
    pub(crate) mod mix;
    pub(crate) mod world;
}

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use speed::mix::{Idle, Mix};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WAITING: [usize; 2] = [100_000, 1_000_000];
const TURNS: u32 = 100_000;
/// Bytes of core state for one waiting contact, at most.
const GOAL: usize = 1024;

fn main() -> ExitCode {
    println!("{:>9} {:>14} {:>12} {:>16} {:>14}", "waiting", "bytes each", "with closed", "allocations", "bytes");
    println!("{:>9} {:>14} {:>12} {:>16} {:>14}", "", "", "contacts", "an input", "an input");
    let each = WAITING.map(measure);
    if each.iter().all(|bytes| *bytes <= GOAL) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the line takes, beyond a router in which everybody talks.
fn measure(waiting: usize) -> usize {
    let mut mix = Mix::new(1);
    let before = mix.waiting();
    let base = mix.driver_bytes();
    let region = Region::new(COUNTED);
    while mix.waiting() < waiting {
        mix.join();
    }
    let live = |region: &Region<'_, System>| {
        let change = region.change();
        change.bytes_allocated.saturating_sub(change.bytes_deallocated)
    };
    let taken = live(&region).saturating_sub(mix.driver_bytes() - base);
    let each = taken / (mix.waiting() - before);
    let (inputs, turns) = (mix.inputs, Region::new(COUNTED));
    (0..TURNS).for_each(|_| mix.turn(&mut Idle));
    let inputs = usize::try_from(mix.inputs - inputs).expect("a count");
    let change = turns.change();
    let grown = live(&region).saturating_sub(mix.driver_bytes() - base) / (mix.waiting() - before);
    println!(
        "{waiting:>9} {each:>14} {grown:>12} {:>16.1} {:>14}",
        f64::from(u32::try_from(change.allocations).expect("a count"))
            / f64::from(u32::try_from(inputs).expect("a count")),
        change.bytes_allocated / inputs
    );
    each
}
