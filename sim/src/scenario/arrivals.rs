//! Decides when contacts arrive: at random with a rate that is level or changes, or at recorded times.

use std::path::Path;

use serde::Deserialize;

use super::law::Recorded;
use super::{Fault, Span};
use crate::rng::Stream;

/// An arrival process, as a scenario writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalsFrom {
    /// Poisson with this rate.
    PerHour(f64),
    /// Poisson with a rate per hour from each of these times on; begins again each day.
    Daily(Vec<(Span, f64)>),
    /// Recorded: seconds from the beginning, or from the first one if they begin later than the scenario's length.
    File(Recorded),
}

/// An arrival process, ready to be drawn from.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// From each time of the day on, a rate per millisecond. One entry is a level rate.
    Poisson(Vec<(f64, f64)>),
    /// In order, in milliseconds.
    Recorded(Vec<f64>),
}

const DAY: f64 = 8.64e7;

impl ArrivalsFrom {
    pub(super) fn look_in(&mut self, folder: &Path) {
        if let Self::File(recorded) = self {
            recorded.path = folder.join(&recorded.path);
        }
    }

    /// The process, if what is written makes one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn process(&self, place: &str) -> Result<Arrivals, Fault> {
        let per_ms = |rate: f64| rate / 3.6e6;
        let sound = |rate: &f64| rate.is_finite() && (0.0..=1e7).contains(rate);
        match self {
            Self::PerHour(rate) if sound(rate) && *rate > 0.0 => Ok(Arrivals::Poisson(vec![(0.0, per_ms(*rate))])),
            Self::PerHour(rate) => {
                let mend = "write arrivals per hour, above 0 and at most ten million";
                Err(Fault::new(place, format!("{rate} is no rate"), mend))
            }
            Self::Daily(steps) => {
                let begins = steps.first().is_some_and(|(from, _)| from.ms() == 0.0);
                let rises = steps.windows(2).all(|pair| matches!(pair, [one, next] if one.0 < next.0));
                let ends = steps.last().is_some_and(|(from, _)| from.ms() < DAY);
                let rates = steps.iter().all(|(_, rate)| sound(rate)) && steps.iter().any(|(_, rate)| *rate > 0.0);
                if begins && rises && ends && rates {
                    return Ok(Arrivals::Poisson(steps.iter().map(|(at, rate)| (at.ms(), per_ms(*rate))).collect()));
                }
                let mend = "list [from, arrivals per hour] pairs, the first from \"0s\", the times rising and below 24h, \
                            one rate at least above 0";
                Err(Fault::new(place, "this is no day of arrivals", mend))
            }
            Self::File(recorded) => {
                let mut times = recorded.read(place)?;
                times.sort_by(f64::total_cmp);
                let first = times.first().copied().unwrap_or_default();
                // A file that counts from a distant moment begins with its first day.
                let shift = (first / DAY).floor() * DAY;
                Ok(Arrivals::Recorded(times.into_iter().map(|time| time - shift).collect()))
            }
        }
    }
}

impl Arrivals {
    /// The next arrival after one at `last`, the `number`-th from 0; `None` after the last one.
    pub fn next(&self, last: f64, number: usize, stream: &mut Stream) -> Option<f64> {
        match self {
            Self::Recorded(times) => times.get(number).copied(),
            Self::Poisson(steps) => {
                let mut left = -(1.0 - stream.unit()).ln();
                if let [(_, rate)] = steps.as_slice() {
                    return Some(last + left / rate);
                }
                let (mut at, mut day) = (last, (last / DAY).floor() * DAY);
                loop {
                    for (number, (from, rate)) in steps.iter().enumerate() {
                        let end = day + steps.get(number + 1).map_or(DAY, |(next, _)| *next);
                        let begin = at.max(day + from);
                        if begin >= end {
                            continue;
                        }
                        let whole = rate * (end - begin);
                        if left < whole {
                            return Some(begin + left / rate);
                        }
                        left -= whole;
                        at = end;
                    }
                    day += DAY;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ArrivalsFrom;
    use crate::rng::Stream;
    use crate::scenario::Span;

    #[test]
    fn a_day_of_rates_gives_each_hour_its_share_and_begins_again() {
        let hours = |from: u32| Span::seconds(from * 3600);
        let from = ArrivalsFrom::Daily(vec![(hours(0), 0.0), (hours(8), 100.0), (hours(10), 300.0), (hours(12), 0.0)]);
        let process = from.process("test").expect("a process");
        let mut stream = Stream::new(1, "day");
        let (mut at, mut morning, mut noon, mut other) = (0.0, 0, 0, 0);
        for number in 0.. {
            at = process.next(at, number, &mut stream).expect("another");
            if at >= 100.0 * 8.64e7 {
                break;
            }
            match (at % 8.64e7) / 3.6e6 {
                hour if (8.0..10.0).contains(&hour) => morning += 1,
                hour if (10.0..12.0).contains(&hour) => noon += 1,
                _ => other += 1,
            }
        }
        assert_eq!(other, 0);
        assert!((19_500..20_500).contains(&morning), "{morning}");
        assert!((59_200..60_800).contains(&noon), "{noon}");
    }
}
