//! Decides how the small values of messages are written: ids, names, texts, times, and how a wrong one is named.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use picket_core::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::code::Code;
use super::limits::Limits;

/// Separates the code from the sentence in an error that passes through serde.
pub(crate) const MARK: char = '\u{1f}';

/// An error that carries its code through serde.
pub(crate) fn coded<E: Error>(code: Code, text: impl fmt::Display) -> E {
    E::custom(format_args!("{MARK}{}{MARK}{text}", code.as_str()))
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $code:ident, $what:literal, $pattern:expr, $min:expr, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The value, if it is written as it must be.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                $check(&text).then_some(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text itself.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).ok_or_else(|| coded(Code::$code, $what))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "minLength": $min, "maxLength": $max })
            }
        }
    )*};
}

texts! {
    /// An id of the sender's own: 1–128 printable ASCII bytes without spaces.
    Id, is_id, InvalidId, "an id is 1 to 128 printable ASCII characters without spaces", "^[!-~]+$", 1, Limits::ID_BYTES;
    /// A domain or a channel: 1–32 characters of `[a-z0-9_-]`.
    Name, is_name, InvalidName, "a domain or channel is 1 to 32 of a-z, 0-9, _ and -", "^[a-z0-9_-]+$", 1, Limits::NAME_BYTES;
    /// Free text of at most 1 KiB; line breaks and tabs are its only control characters.
    Text, is_text, ControlCharacter, "a text has no control characters but line breaks and tabs",
        r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$", 0, Limits::TEXT_BYTES;
    /// A SHA-256 in lower-case hexadecimal.
    Hash, is_hash, InvalidValue, "a hash is 64 lower-case hexadecimal digits", "^[0-9a-f]{64}$", 64, 64;
}

/// Whether a text can be an id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=Limits::ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a text can name a domain or a channel.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=Limits::NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_text(text: &str) -> bool {
    text.len() <= Limits::TEXT_BYTES && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A moment: read as RFC 3339 or as milliseconds UTC, written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Reads RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(Timestamp(time.timestamp_millis())))
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{}", self.0.0),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time, as RFC 3339 text or as milliseconds UTC")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Moment, E> {
        Ok(Moment(Timestamp(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Moment, E> {
        Ok(Moment(Timestamp(i64::try_from(value).unwrap_or(i64::MAX))))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Moment, E> {
        Moment::parse(value).ok_or_else(|| coded(Code::InvalidTime, "a time is written 2026-11-23T09:00:00.000Z"))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_zones_and_milliseconds_and_writes_utc() {
        let zoned: Moment = serde_json::from_str("\"2026-11-23T10:00:00.5+01:00\"").unwrap();
        let number: Moment = serde_json::from_str("1795424400500").unwrap();
        assert_eq!(zoned, number);
        assert_eq!(zoned.to_string(), "2026-11-23T09:00:00.500Z");
    }

    #[test]
    fn the_last_and_first_moments_are_written_without_panic() {
        for time in [i64::MIN, i64::MAX, 0] {
            assert!(!Moment(Timestamp(time)).to_string().is_empty());
        }
    }

    #[test]
    fn ids_are_printable_ascii_without_spaces() {
        assert!(is_id("a:/b#c") && is_id(&"x".repeat(128)));
        assert!(!is_id("") && !is_id("a b") && !is_id("a\n") && !is_id("é") && !is_id(&"x".repeat(129)));
    }
}
