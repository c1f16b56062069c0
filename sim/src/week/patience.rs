//! Decides how long a caller would have waited: as recorded for those who gave up, otherwise drawn from the trace's own
//! hazard, given that they had not given up when they were served.

use super::trace::{Call, Outcome};
use crate::rng::Stream;

/// The survival of patience: (wait in seconds, share still waiting behind it), by Kaplan and Meier (1958).
#[derive(Clone, Debug)]
pub(super) struct Patience {
    survival: Vec<(i64, f64)>,
}

/// How much longer than anyone on record the most patient wait, in seconds; the trace says nothing about them.
const BEYOND: u64 = 600;

impl Patience {
    /// Estimates it: abandonments are deaths, services are censored.
    pub(super) fn estimate(calls: &[Call]) -> Self {
        let mut waits: Vec<(i64, Outcome)> = calls.iter().map(|call| (call.wait_s, call.outcome)).collect();
        waits.sort_by_key(|(wait, outcome)| (*wait, *outcome == Outcome::Served));
        let mut survival = Vec::new();
        let mut share = 1.0_f64;
        for (index, (wait, outcome)) in waits.iter().enumerate() {
            if *outcome == Outcome::Abandoned {
                let at_risk = u32::try_from(waits.len() - index).unwrap_or(u32::MAX);
                share *= 1.0 - 1.0 / f64::from(at_risk);
                survival.push((*wait, share));
            }
        }
        Self { survival }
    }

    /// Draws how long somebody waits who had not given up after `already` seconds.
    pub(super) fn draw(&self, already: i64, stream: &mut Stream) -> i64 {
        let known = self.survival.partition_point(|(wait, _)| *wait <= already);
        let now = known.checked_sub(1).and_then(|index| self.survival.get(index)).map_or(1.0, |(_, share)| *share);
        let target = now * (1.0 - stream.unit());
        let drawn = self.survival.iter().skip(known).find(|(_, share)| *share <= target);
        let longest = self.survival.last().map_or(already, |(wait, _)| (*wait).max(already));
        drawn.map_or_else(|| longest + i64::try_from(stream.exponential(BEYOND)).unwrap_or(0), |(wait, _)| *wait)
    }
}
