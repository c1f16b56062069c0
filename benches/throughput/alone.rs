//! The core alone, as the measure of everything around it: the stated mix with 100,000 contacts waiting.

use super::table::Row;
use crate::speed::clock::Began;
use crate::speed::mix::{Idle, Mix};

const WAITING: usize = 100_000;
const INPUTS: u64 = 500_000;
/// Until as many contacts are closed as the core remembers.
const WARM_UP: u32 = 120_000;

/// Inputs per second.
pub(crate) fn measure() -> Row {
    let mut mix = Mix::new(WAITING);
    (0..WARM_UP).for_each(|_| mix.turn(&mut Idle));
    let inputs = mix.inputs;
    let began = Began::now();
    while mix.inputs - inputs < INPUTS {
        mix.turn(&mut Idle);
    }
    Row {
        what: format!("core alone: inputs, {WAITING} waiting"),
        unit: "inputs/s",
        count: usize::try_from(mix.inputs - inputs).unwrap_or(usize::MAX),
        took: began.used(),
        note: "10,000 agents, 200 queues, 500 teams; time of its thread".to_owned(),
    }
}
