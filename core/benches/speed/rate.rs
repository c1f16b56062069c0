//! Decides how the mix is timed: a million inputs as a whole by the thread's own time, then each input alone. The mix is
//! the same in every round, and each input counts by the median of three: what interrupts one round is the machine's
//! doing.

use std::time::{Duration, Instant};

use super::chase;
use super::clock::{Began, resident};
use super::mix::{Idle, Mix, Watch};

const INPUTS: u64 = 1_000_000;
/// Until as many contacts are closed as the core remembers.
const WARM_UP: u32 = 120_000;
/// Rounds in which each input is timed.
const ROUNDS: usize = 3;
const WAITING: [usize; 2] = [100_000, 1_000_000];

/// What each input took.
struct Each(Vec<Duration>);

impl Watch for Each {
    fn call<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = call();
        self.0.push(began.elapsed());
        result
    }
}

/// Figures at one length of the line.
struct Rate {
    waiting: usize,
    /// Of one input, driver and timers included.
    ns: f64,
    timers: u64,
    resident: usize,
    chase_ns: f64,
    each: Vec<Duration>,
}

pub(crate) fn print() {
    let rates = WAITING.map(measure);
    println!("\nthe mix, driver and timers included, by the thread's own time");
    println!(
        "{:>9} {:>12} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9}",
        "waiting",
        "inputs/s",
        "ns/input",
        "timers",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "max us",
        "mean us",
        "resident",
        "chase ns"
    );
    for rate in &rates {
        let at = |share: f64| micros(rate.each[index(rate.each.len(), share)]);
        let mean = micros(rate.each.iter().sum::<Duration>()) / count(rate.each.len());
        println!(
            "{:>9} {:>12.0} {:>9.0} {:>8} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>6} MiB {:>9.1}",
            rate.waiting,
            1e9 / rate.ns,
            rate.ns,
            rate.timers,
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            mean,
            rate.resident >> 20,
            rate.chase_ns
        );
    }
    let [short, long] = &rates;
    println!(
        "time per input at {} waiting / at {}: {:.2} (goal 3.00); pointer chase: {:.2}",
        long.waiting,
        short.waiting,
        long.ns / short.ns,
        long.chase_ns / short.chase_ns
    );
}

fn measure(waiting: usize) -> Rate {
    let before = resident();
    let mut mix = Mix::new(waiting);
    let bytes = resident().zip(before).map_or(0, |(now, before)| now.saturating_sub(before));
    (0..WARM_UP).for_each(|_| mix.turn(&mut Idle));
    let ns = whole(&mut mix);
    let timers = mix.timers;
    let mut each = alone(&mut mix);
    // Who is asked stands in no line, and is replaced when done.
    assert!(mix.waiting().abs_diff(waiting) <= waiting / 50, "the line became another one: {}", mix.waiting());
    drop(mix);
    let further = [(); ROUNDS - 1].map(|()| {
        let mut mix = Mix::new(waiting);
        (0..WARM_UP).for_each(|_| mix.turn(&mut Idle));
        whole(&mut mix);
        let again = alone(&mut mix);
        assert_eq!(again.len(), each.len(), "another mix");
        again
    });
    for (at, span) in each.iter_mut().enumerate() {
        let mut spans = [*span, further[0][at], further[1][at]];
        spans.sort_unstable();
        *span = spans[1];
    }
    each.sort_unstable();
    Rate { waiting, ns, timers, resident: bytes, chase_ns: chase::load_ns(bytes), each }
}

/// What each of a million inputs takes.
fn alone(mix: &mut Mix) -> Vec<Duration> {
    let mut each = Each(Vec::new());
    let inputs = mix.inputs;
    while mix.inputs - inputs < INPUTS {
        mix.turn(&mut each);
    }
    each.0
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn whole(mix: &mut Mix) -> f64 {
    let inputs = mix.inputs;
    mix.timers = 0;
    let began = Began::now();
    while mix.inputs - inputs < INPUTS {
        mix.turn(&mut Idle);
    }
    began.used().as_nanos() as f64 / (mix.inputs - inputs) as f64
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(length: usize) -> f64 {
    length as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is a place in it")]
fn index(length: usize, share: f64) -> usize {
    ((count(length) * share) as usize).min(length - 1)
}
