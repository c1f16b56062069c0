//! Decides what records of decisions cost: the mix with none, with summaries and in full.

use picket_core::Detail;

use super::clock::Began;
use super::mix::{Idle, Mix};

const WAITING: usize = 10_000;
const INPUTS: u64 = 300_000;

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn print() {
    println!("\nrecords of decisions, at {WAITING} waiting: driver, timers and draining included");
    println!("{:>9} {:>12} {:>9} {:>10} {:>10}", "detail", "inputs/s", "ns/input", "decisions", "candidates");
    // Off once more at the end: what the machine itself changed meanwhile.
    for detail in [Detail::Off, Detail::Summary, Detail::Full, Detail::Off] {
        let mut mix = Mix::new(WAITING);
        mix.router.explain(detail);
        let inputs = mix.inputs;
        let (mut decisions, mut candidates) = (0_u64, 0_usize);
        let began = Began::now();
        while mix.inputs - inputs < INPUTS {
            mix.turn(&mut Idle);
            for decision in mix.router.drain_decisions() {
                decisions += 1;
                candidates += decision.candidates.len();
            }
        }
        let ns = began.used().as_nanos() as f64 / (mix.inputs - inputs) as f64;
        println!("{:>9} {:>12.0} {ns:>9.0} {decisions:>10} {candidates:>10}", format!("{detail:?}"), 1e9 / ns);
    }
}
