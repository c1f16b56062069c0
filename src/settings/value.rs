//! Decides how spans, lists and secrets are written in the settings.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// A span of time, written `250ms`, `5s`, `10m`, `48h` or `14d`. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// The span as the standard library counts it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = text.get(..digits)?.parse().ok().filter(|n| *n > 0)?;
        let millis = match text.get(digits..)?.trim_start() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(Self(Duration::from_millis(count.checked_mul(millis)?)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not a span such as \"250ms\", \"5s\", \"10m\" or \"14d\""))
        })
    }
}

/// A list, written as one in a file and with commas in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<List, E> {
                Ok(List(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(String::from).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<List, A::Error> {
                let mut list = Vec::new();
                while let Some(part) = parts.next_element()? {
                    list.push(part);
                }
                Ok(List(list))
            }
        }
        input.deserialize_any(Either)
    }
}

/// The address of a service, which may hold a password: printed without it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// An address as configured.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, for the client that connects; never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its scheme, such as `amqps`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// Its host, without port and brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let place = self.place();
        match place.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => place.split(':').next().unwrap_or_default(),
        }
    }

    /// Host and port.
    fn place(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').map_or(authority, |(_, place)| place)
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.place())
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ServiceUrl {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let url = Self(String::deserialize(input)?);
        if url.scheme().is_empty() || url.host().is_empty() {
            // The text may hold a password, so it is not repeated.
            return Err(de::Error::custom("the address must be written scheme://host:port/path"));
        }
        Ok(url)
    }
}

/// The SHA-256 of an access token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for TokenDigest {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(input)?)
            .ok_or_else(|| de::Error::custom("a token is kept as its SHA-256: 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_unit_and_is_never_zero() {
        assert_eq!(Span::parse("250ms"), Some(Span(Duration::from_millis(250))));
        assert_eq!(Span::parse("14d"), Some(Span(Duration::from_secs(14 * 86_400))));
        for wrong in ["0s", "5", "s", "1.5s", "-1s", "5 weeks", "", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(Span::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_is_printed_without_its_password() {
        let url = ServiceUrl::new("amqps://picket:p%40ss@mq.example:5671/%2f?heartbeat=5");
        assert_eq!(format!("{url:?} {url}"), "amqps://mq.example:5671 amqps://mq.example:5671");
        assert_eq!((url.scheme(), url.host()), ("amqps", "mq.example"));
        assert_eq!(ServiceUrl::new("redis://[::1]:6379/0").host(), "::1");
    }

    #[test]
    fn a_token_digest_is_64_hexadecimal_digits_and_never_printed() {
        let text = "00ff".repeat(16);
        let digest = TokenDigest::parse(&text).unwrap();
        assert_eq!((digest.0[0], digest.0[1]), (0, 255));
        assert_eq!(format!("{digest:?}"), "[secret]");
        assert!(TokenDigest::parse("00").is_none() && TokenDigest::parse(&"zz".repeat(32)).is_none());
        assert!(TokenDigest::parse(&"é".repeat(32)).is_none());
    }
}
