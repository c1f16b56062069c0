//! Decides how durations, shares and named choices are written in a rule file.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use picket_core::Millis;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_spanned::Spanned;

/// A value and the bytes of its file where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Sp<T>(Spanned<T>);

impl<T> Sp<T> {
    /// A value at a place.
    #[must_use]
    pub fn new(span: Range<usize>, value: T) -> Self {
        Self(Spanned::new(span, value))
    }

    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.0.span()
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: JsonSchema> JsonSchema for Sp<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A duration as written: passing time (`"20s"`, `"1h30m"`) or working time (`"4 working hours"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long.
    pub span: Millis,
    /// Which clock counts it.
    pub clock: Clock,
}

/// Which clock counts a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Every hour of the day.
    Passing,
    /// The team's working hours.
    Working,
}

/// Reads a duration; the error says what is wrong with it.
///
/// # Errors
/// A fragment that says why the text is no duration.
pub fn parse_wait(text: &str) -> Result<Wait, String> {
    let (compact, clock) = match text.split_once(" working ") {
        Some((count, unit)) => (format!("{count}{unit}"), Clock::Working),
        None => (text.to_owned(), Clock::Passing),
    };
    let mut rest = compact.trim();
    if rest.is_empty() {
        return Err("the duration is empty; write \"20s\", \"15m\" or \"4 working hours\"".into());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest.get(..digits).unwrap_or_default();
        let count: u64 =
            number.parse().map_err(|_| format!("`{text}` is not a duration; write \"20s\" or \"1h30m\""))?;
        let tail = rest.get(digits..).unwrap_or_default().trim_start();
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = tail.get(..letters).unwrap_or_default();
        let factor =
            unit_ms(unit).ok_or_else(|| format!("`{text}` has no unit that is a duration; use ms, s, m, h or d"))?;
        total = total.saturating_add(count.saturating_mul(factor));
        rest = tail.get(letters..).unwrap_or_default().trim_start();
    }
    let span = u32::try_from(total).map_err(|_| format!("`{text}` is longer than 49 days"))?;
    Ok(Wait { span: Millis(span), clock })
}

fn unit_ms(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    })
}

/// A share as written, in thousandths: `"80%"`, `"99.5%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub u32);

fn parse_share(text: &str) -> Result<Share, String> {
    let wrong = || format!("`{text}` is not a share; write \"80%\"");
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim();
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let tenth: u32 = if tenth.len() == 1 { tenth.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
    let permille = whole.saturating_mul(10).saturating_add(tenth);
    if permille > 1000 {
        return Err(format!("`{text}` is more than the whole"));
    }
    Ok(Share(permille))
}

/// What happens at the end of a plan, as written: `"stay"`, `"open"`, `"callback"`, `"divert:<destination>"` or `"overflow:<queue>"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Keep waiting.
    Stay,
    /// Open the fence.
    Open,
    /// Ask for a call-back.
    Callback,
    /// Send elsewhere.
    Divert(String),
    /// Another queue; what a closed fence holds stays.
    Overflow(String),
}

fn parse_exit(text: &str) -> Result<Exit, String> {
    Ok(match text {
        "stay" => Exit::Stay,
        "open" => Exit::Open,
        "callback" => Exit::Callback,
        _ if text.starts_with("overflow:") => match text.strip_prefix("overflow:") {
            Some(to) if crate::format::is_id(to) => Exit::Overflow(to.to_owned()),
            Some(_) | None => return Err(format!("`{text}` names no queue; write \"overflow:<queue>\"")),
        },
        _ => match text.strip_prefix("divert:") {
            Some(to) if crate::format::is_id(to) => Exit::Divert(to.to_owned()),
            Some(_) => return Err(format!("`{text}` names no destination; write \"divert:<destination>\"")),
            None => {
                return Err(format!(
                    "unknown variant `{text}`, expected one of `stay`, `open`, `callback`, `divert:<destination>`, `overflow:<queue>`"
                ));
            }
        },
    })
}

/// A queue's order as written: `"promise"`, `"fifo"`, or a cost curve `{ due = [["0s", 0], ["2h", 10]] }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The larger waited ÷ promised first.
    Promise,
    /// The older first.
    Fifo,
    /// By the cost of waiting: at most eight points of (waited, cost), ascending.
    Due(Vec<(Wait, u32)>),
}

struct Text<T>(&'static str, fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

macro_rules! text_scalar {
    ($($type:ident, $parse:path, $expecting:literal, $example:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text($expecting, $parse))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $expecting, "examples": [$example] })
            }
        }
    )*};
}

text_scalar! {
    Wait, parse_wait, "a duration such as \"20s\", \"15m\" or \"4 working hours\"", "20s";
    Share, parse_share, "a share such as \"80%\"", "80%";
    Exit, parse_exit, "one of \"stay\", \"open\", \"callback\", \"divert:<destination>\", \"overflow:<queue>\"", "callback";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_may_have_several_parts() {
        assert_eq!(parse_wait("1h30m").map(|w| w.span), Ok(Millis(5_400_000)));
        assert_eq!(parse_wait("4 working hours"), Ok(Wait { span: Millis(14_400_000), clock: Clock::Working }));
        assert_eq!(parse_wait("30 working minutes").map(|w| w.clock), Ok(Clock::Working));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_reason() {
        for text in ["", "20", "s", "20 fortnights", "-5s", "99999999999999999999s", "60d"] {
            assert!(parse_wait(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_has_at_most_one_decimal_and_never_passes_the_whole() {
        assert_eq!(parse_share("99.5%"), Ok(Share(995)));
        assert!(parse_share("101%").is_err());
        assert!(parse_share("0.8").is_err());
    }
}
