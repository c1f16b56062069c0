//! Decides how times are drawn: from a law, or from what was recorded.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Fault, Span};
use crate::rng::Stream;

/// A law, as a scenario writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawFrom {
    /// Always the same.
    Constant(Span),
    /// Exponential, by its mean.
    Exponential(Span),
    /// Log-normal, by mean and squared coefficient of variation.
    Lognormal(LogNormal),
    /// Erlang with two stages, by its mean.
    Erlang2(Span),
    /// One of these, each as likely.
    Empirical(Vec<Span>),
    /// One of a column of a file, in seconds, each as likely.
    File(Recorded),
    /// A hazard: the chance per second to end, from each of these times on.
    Hazard(Vec<(Span, f64)>),
}

/// The two numbers of a log-normal law.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogNormal {
    /// The mean.
    pub mean: Span,
    /// The squared coefficient of variation: variance ÷ mean².
    pub scv: f64,
}

/// A column of a CSV file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The file, from the scenario's folder on.
    pub path: PathBuf,
    /// The column, in seconds; empty fields are passed over.
    pub column: String,
}

impl Recorded {
    /// The column, in milliseconds.
    pub(super) fn read(&self, place: &str) -> Result<Vec<f64>, Fault> {
        let fault = |what: String, mend: &str| Fault::new(format!("{place}, `{}`", self.path.display()), what, mend);
        let mut reader = csv::Reader::from_path(&self.path)
            .map_err(|error| fault(format!("cannot be read: {error}"), "name a CSV file that can be read"))?;
        let header = reader.headers().map_err(|error| fault(error.to_string(), "give the file a line of headers"))?;
        let known = header.iter().collect::<Vec<_>>().join(", ");
        let column = header.iter().position(|name| name == self.column).ok_or_else(|| {
            fault(format!("has no column `{}`", self.column), &format!("name one of its columns: {known}"))
        })?;
        let mut read = Vec::new();
        for (number, record) in (2..).zip(reader.records()) {
            let record = record.map_err(|error| fault(error.to_string(), "mend the file"))?;
            let field = record.get(column).unwrap_or_default().trim();
            if field.is_empty() {
                continue;
            }
            let seconds = field.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
            let seconds = seconds
                .ok_or_else(|| fault(format!("line {number}: `{field}` is no time"), "write seconds, 0 or more"))?;
            read.push(seconds * 1000.0);
        }
        if read.is_empty() {
            return Err(fault(format!("column `{}` is empty", self.column), "name a column with times"));
        }
        Ok(read)
    }
}

/// A law, ready to be drawn from. Times are in milliseconds.
#[derive(Clone, Debug)]
pub enum Law {
    /// Always the same.
    Constant(f64),
    /// By its mean.
    Exponential(f64),
    /// By mean and deviation of the logarithm.
    Lognormal(f64, f64),
    /// By its mean.
    Erlang2(f64),
    /// In order.
    Empirical(Vec<f64>),
    /// From each time on, a rate per millisecond.
    Hazard(Vec<(f64, f64)>),
}

impl LawFrom {
    pub(super) fn look_in(&mut self, folder: &Path) {
        if let Self::File(recorded) = self {
            recorded.path = folder.join(&recorded.path);
        }
    }

    /// The law, if what is written makes one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn law(&self, place: &str) -> Result<Law, Fault> {
        let positive = |span: &Span| {
            // The core counts in milliseconds: shorter times would be rounded away.
            if span.ms() >= 100.0 {
                return Ok(span.ms());
            }
            let what = format!("a mean of {span} is too short: the core counts in milliseconds");
            Err(Fault::new(place, what, "write at least 100ms; scale all times of the scenario if need be"))
        };
        Ok(match self {
            Self::Constant(span) => Law::Constant(span.ms()),
            Self::Exponential(mean) => Law::Exponential(positive(mean)?),
            Self::Erlang2(mean) => Law::Erlang2(positive(mean)?),
            Self::Lognormal(law) => {
                if law.scv.is_nan() || law.scv <= 0.0 || law.scv > 1000.0 {
                    let what = format!("an scv of {} makes no law", law.scv);
                    return Err(Fault::new(place, what, "write variance ÷ mean², above 0 and at most 1000"));
                }
                let variance = (1.0 + law.scv).ln();
                Law::Lognormal(positive(&law.mean)?.ln() - variance / 2.0, variance.sqrt())
            }
            Self::Empirical(spans) if spans.is_empty() => {
                return Err(Fault::new(place, "there is no time to choose from", "list at least one"));
            }
            Self::Empirical(spans) => Law::Empirical(sorted(spans.iter().map(|span| span.ms()).collect())),
            Self::File(recorded) => Law::Empirical(sorted(recorded.read(place)?)),
            Self::Hazard(steps) => Law::Hazard(hazard(steps, place)?),
        })
    }
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

fn hazard(steps: &[(Span, f64)], place: &str) -> Result<Vec<(f64, f64)>, Fault> {
    let begins = steps.first().is_some_and(|(from, _)| from.ms() == 0.0);
    let rises = steps.windows(2).all(|pair| matches!(pair, [one, next] if one.0 < next.0));
    let sound = steps.iter().all(|(_, rate)| rate.is_finite() && (0.0..=1000.0).contains(rate));
    if begins && rises && sound {
        return Ok(steps.iter().map(|(from, rate)| (from.ms(), rate / 1000.0)).collect());
    }
    let mend = "list [from, chance per second] pairs, the first from \"0s\", the times rising, the chances 0 or more";
    Err(Fault::new(place, "this is no hazard", mend))
}

impl Law {
    /// Draws a time. Always takes the same number of draws from the stream for a law.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(time) => *time,
            Self::Exponential(mean) => exponential(stream) * mean,
            Self::Lognormal(mean, deviation) => {
                // Box and Muller (1958).
                let (radius, angle) = ((2.0 * exponential(stream)).sqrt(), core::f64::consts::TAU * stream.unit());
                (mean + deviation * radius * angle.cos()).exp()
            }
            Self::Erlang2(mean) => (exponential(stream) + exponential(stream)) * mean / 2.0,
            Self::Empirical(times) => stream.one_of(times).copied().unwrap_or_default(),
            Self::Hazard(steps) => {
                let mut left = exponential(stream);
                for (at, (from, rate)) in steps.iter().enumerate() {
                    let end = steps.get(at + 1).map_or(f64::INFINITY, |(next, _)| *next);
                    let whole = if *rate > 0.0 { rate * (end - from) } else { 0.0 };
                    if left < whole {
                        return from + left / rate;
                    }
                    left -= whole;
                }
                f64::INFINITY
            }
        }
    }

    /// The hazard gathered up to a time: minus the logarithm of the share that is still left then.
    #[must_use]
    pub fn gathered(&self, at: f64) -> f64 {
        if at <= 0.0 {
            return 0.0;
        }
        match self {
            Self::Constant(time) => {
                if at < *time {
                    0.0
                } else {
                    f64::INFINITY
                }
            }
            Self::Exponential(mean) => at / mean,
            Self::Lognormal(mean, deviation) => -upper_tail((at.ln() - mean) / deviation).ln(),
            Self::Erlang2(mean) => 2.0 * at / mean - (1.0 + 2.0 * at / mean).ln(),
            Self::Empirical(times) => {
                let left = times.len() - times.partition_point(|time| *time <= at);
                -(count(left) / count(times.len())).ln()
            }
            Self::Hazard(steps) => {
                let ends = steps.iter().skip(1).map(|(from, _)| *from).chain([f64::INFINITY]);
                steps.iter().zip(ends).map(|((from, rate), end)| rate * (at.min(end) - from).max(0.0)).sum()
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "lists are far shorter than 2^53")]
const fn count(number: usize) -> f64 {
    number as f64
}

fn exponential(stream: &mut Stream) -> f64 {
    -(1.0 - stream.unit()).ln()
}

/// The upper tail of the standard normal law, by the continued fraction of Laplace beyond 2 and by its series before
/// (Abramowitz and Stegun 1964, 26.2.10 and 26.2.14).
fn upper_tail(x: f64) -> f64 {
    if x < -2.0 {
        return 1.0 - upper_tail(-x);
    }
    let density = (-x * x / 2.0).exp() / core::f64::consts::TAU.sqrt();
    if x > 2.0 {
        let fraction = (1..=60).rev().fold(x, |below, number| x + f64::from(number) / below);
        return density / fraction;
    }
    let (mut term, mut sum) = (x, x);
    for number in 1..60 {
        term *= x * x / f64::from(2 * number + 1);
        sum += term;
    }
    0.5 - density * sum
}

#[cfg(test)]
mod tests {
    use super::{Law, LawFrom, LogNormal, upper_tail};
    use crate::rng::Stream;
    use crate::scenario::Span;

    #[test]
    fn the_normal_tail_is_right_on_both_sides() {
        for (x, tail) in [(0.0, 0.5), (1.0, 0.158_655_253_9), (-1.5, 0.933_192_798_7), (3.0, 0.001_349_898_0)] {
            assert!((upper_tail(x) - tail).abs() < 1e-9, "{x}: {}", upper_tail(x));
        }
    }

    #[test]
    fn draws_have_the_mean_that_was_asked_for_and_the_hazard_of_their_law() {
        let lognormal = LawFrom::Lognormal(LogNormal { mean: Span::seconds(10), scv: 1.0 });
        let hazard = LawFrom::Hazard(vec![(Span::seconds(0), 0.1), (Span::seconds(10), 0.1)]);
        let laws = [LawFrom::Exponential(Span::seconds(10)), LawFrom::Erlang2(Span::seconds(10)), lognormal, hazard];
        for from in laws {
            let law = from.law("test").expect("a law");
            let mut stream = Stream::new(1, "laws");
            let drawn: Vec<f64> = (0..200_000).map(|_| law.draw(&mut stream)).collect();
            let mean = drawn.iter().sum::<f64>() / 200_000.0;
            assert!((mean - 10_000.0).abs() < 100.0, "{from:?}: {mean}");
            let left = drawn.iter().filter(|time| **time > 15_000.0).map(|_| 1.0).sum::<f64>() / 200_000.0;
            let told = (-law.gathered(15_000.0)).exp();
            assert!((left - told).abs() < 0.005, "{from:?}: {left} {told}");
        }
    }

    #[test]
    fn an_empirical_law_ends_with_its_last_time() {
        let law = Law::Empirical(vec![1.0, 2.0, 3.0, 4.0]);
        assert!((law.gathered(2.5) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(law.gathered(4.0).is_infinite());
    }
}
