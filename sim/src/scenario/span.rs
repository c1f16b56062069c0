//! Decides how times are written in a scenario: a number with its unit, `20s`, `1.5h`, kept in milliseconds.

use std::fmt;

use picket_core::{Millis, Timestamp};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// A span of simulated time, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Span(f64);

/// Units, and how many milliseconds each has.
const UNITS: [(&str, f64); 5] = [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7)];

impl Span {
    /// A whole number of seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds as f64 * 1000.0)
    }

    /// A number of milliseconds.
    #[must_use]
    pub const fn millis(millis: f64) -> Self {
        Self(millis)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn ms(self) -> f64 {
        self.0
    }

    /// In whole milliseconds, the nearest.
    #[must_use]
    pub fn ticks(self) -> i64 {
        ticks(self.0)
    }

    /// As the core counts it: whole milliseconds, at most about 49 days.
    #[must_use]
    pub fn core(self) -> Millis {
        Millis(u32::try_from(self.ticks()).unwrap_or(u32::MAX))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(end);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let number: f64 = number.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then(|| Self(number * millis))
    }
}

/// The nearest whole millisecond.
pub(crate) fn ticks(ms: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    let whole = ms.round() as i64;
    whole
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.iter().rev().find(|(_, millis)| self.0 >= *millis && (self.0 / millis).fract() == 0.0);
        let (unit, millis) = fits.copied().unwrap_or(("ms", 1.0));
        write!(f, "{}{unit}", self.0 / millis)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time with its unit, such as \"20s\", \"1.5h\" or \"30d\" (ms, s, m, h, d)")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The first moment of a scenario; a Monday at midnight, UTC, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Default for Moment {
    fn default() -> Self {
        // 2026-01-05T00:00:00Z
        Self(Timestamp(1_767_571_200_000))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp =
            text.parse().map_err(|_| D::Error::custom("write a moment such as \"2026-01-05T08:00:00Z\""))?;
        Ok(Self(Timestamp(moment.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_are_read_with_their_unit_and_written_with_the_largest_that_fits() {
        let read = |text| Span::parse(text).map(|span| (span.ms(), span.to_string()));
        assert_eq!(read("20s"), Some((20_000.0, "20s".into())));
        assert_eq!(read("1.5h"), Some((5_400_000.0, "90m".into())));
        assert_eq!(read("2d"), Some((172_800_000.0, "2d".into())));
        assert_eq!(read("20"), None);
        assert_eq!(read("-1s"), None);
        assert_eq!(read("3 weeks"), None);
    }
}
