//! Decides what routing keys and exchanges look like.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::limits::Limits;
use super::value::is_name;

/// Where platforms publish.
pub const EXCHANGE_IN: &str = "picket.in";
/// Where only ops and the daemons publish.
pub const EXCHANGE_CONTROL: &str = "picket.control";
/// Where Picket's outputs leave, behind each shard's gate.
pub const EXCHANGE_OUT: &str = "picket.out";
/// What could not be understood or handled.
pub const QUEUE_DEAD: &str = "picket.dead";

/// The routing key of an input: `<domain>.<noun>.<verb>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InKey<'a> {
    /// The domain.
    pub domain: &'a str,
    /// What it is about.
    pub noun: &'a str,
    /// What happened or is asked.
    pub verb: &'a str,
}

impl<'a> InKey<'a> {
    /// Reads a key; `None` when it is not one.
    #[must_use]
    pub fn parse(key: &'a str) -> Option<Self> {
        let mut segments = key.split('.');
        let (domain, noun, verb) = (segments.next()?, segments.next()?, segments.next()?);
        let all = [domain, noun, verb].into_iter().all(is_name);
        (all && segments.next().is_none()).then_some(Self { domain, noun, verb })
    }
}

/// The key an input is published with.
#[must_use]
pub fn input(domain: &str, noun: &str, verb: &str) -> String {
    format!("{domain}.{noun}.{verb}")
}

/// The key an output is published with: `<domain>.<noun>.<verb>.<channel>[.<agent>]`; `-` where there is no channel.
#[must_use]
pub fn output(domain: &str, noun: &str, verb: &str, channel: Option<&str>, agent: Option<&str>) -> String {
    let mut key = format!("{domain}.{noun}.{verb}.{}", channel.unwrap_or("-"));
    if let Some(agent) = agent {
        key.push('.');
        key.push_str(&segment(agent));
    }
    key
}

/// An agent as one segment: percent-encoded, so that it has no dot and no wildcard; above 80 bytes `~` and the first
/// 32 hexadecimal digits of the SHA-256 of the agent.
#[must_use]
pub fn segment(agent: &str) -> String {
    let mut encoded = String::with_capacity(agent.len());
    for byte in agent.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            encoded.push(char::from(byte));
        } else {
            push_hex(&mut encoded, "%", byte);
        }
    }
    if encoded.len() <= Limits::SEGMENT_BYTES {
        return encoded;
    }
    let mut hashed = String::from("~");
    for byte in Sha256::digest(agent.as_bytes()).iter().take(16) {
        push_hex(&mut hashed, "", *byte);
    }
    hashed
}

fn push_hex(text: &mut String, before: &str, byte: u8) {
    // Writing to a `String` cannot fail.
    let _ = if before.is_empty() { write!(text, "{byte:02x}") } else { write!(text, "{before}{byte:02X}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_exactly_three_names() {
        assert_eq!(
            InKey::parse("emea.contact.received"),
            Some(InKey { domain: "emea", noun: "contact", verb: "received" })
        );
        for bad in [
            "",
            "emea",
            "emea.contact",
            "emea.contact.received.voice",
            ".contact.received",
            "E.contact.received",
            "a b.c.d",
        ] {
            assert_eq!(InKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_agent_never_breaks_a_segment() {
        assert_eq!(segment("ann"), "ann");
        assert_eq!(segment("ann@example.org"), "ann%40example%2Eorg");
        assert_eq!(segment("*.#"), "%2A%2E%23");
        let long = segment(&"x".repeat(81));
        assert_eq!(long.len(), 33);
        assert!(long.starts_with('~'));
        assert_eq!(segment(&"x".repeat(80)), "x".repeat(80));
        assert_ne!(segment(&"x".repeat(81)), segment(&"x".repeat(82)));
    }

    #[test]
    fn an_output_key_fits_into_amqp() {
        let domain = "d".repeat(32);
        let key = output(&domain, "expectation", "missed", Some(&"c".repeat(32)), Some(&"a".repeat(128)));
        assert!(key.len() <= 255);
        assert_eq!(output("emea", "rules", "activated", None, None), "emea.rules.activated.-");
    }
}
