//! Decides which headers are CloudEvents attributes, in any of the spellings in use.

use std::collections::BTreeMap;

use super::code::Code;
use super::decode::Complaint;
use super::limits::Limits;
use super::wire::{HeaderValue, WireMessage};

/// The attributes that the contract reads; others are extensions of the sender's own.
pub(super) const KNOWN: [&str; 8] =
    ["specversion", "id", "source", "type", "time", "subject", "datacontenttype", "picketdomain"];

const PREFIXES: [&str; 3] = ["ce-", "cloudevents_", "cloudevents:"];

/// The attributes in the headers, by their name without prefix.
pub(super) fn attributes(message: &WireMessage) -> Result<BTreeMap<&'static str, String>, Complaint> {
    let mut found = BTreeMap::new();
    for (name, value) in &message.headers {
        let Some(attribute) = known(name) else { continue };
        let text = match value {
            HeaderValue::Text(text) => text,
            HeaderValue::Other(kind) => {
                let detail = format!("the header for {attribute} is of the AMQP type {kind}; send it as text");
                return Err(Complaint::new(Code::InvalidHeader, detail));
            }
        };
        let text = decode(message, attribute, text)?;
        if let Some(other) = found.insert(attribute, text)
            && found.get(attribute) != Some(&other)
        {
            let detail = format!("two headers for {attribute} say different things; send one");
            return Err(Complaint::new(Code::HeaderMismatch, detail));
        }
    }
    Ok(found)
}

/// Whether any header is a CloudEvents attribute, which makes a JSON body binary mode.
pub(super) fn any(message: &WireMessage) -> bool {
    message.headers.iter().any(|(name, _)| known(name).is_some())
}

fn known(name: &str) -> Option<&'static str> {
    let attribute = PREFIXES.iter().find_map(|prefix| {
        let (start, rest) = name.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    })?;
    KNOWN.into_iter().find(|known| attribute.eq_ignore_ascii_case(known))
}

/// Over HTTP a value is percent-encoded, as the binding says; over AMQP it is as it is.
fn decode(message: &WireMessage, attribute: &str, text: &str) -> Result<String, Complaint> {
    let over_http = message.exchange.is_none() && message.routing_key.is_none();
    let decoded = if over_http { percent_decode(text) } else { Some(text.to_owned()) };
    let Some(decoded) = decoded else {
        let detail =
            format!("the header for {attribute} is not percent-encoded UTF-8; encode it as the HTTP binding says");
        return Err(Complaint::new(Code::InvalidHeader, detail));
    };
    if decoded.len() > Limits::TEXT_BYTES {
        let detail = format!("the header for {attribute} is longer than 1024 bytes; shorten it");
        return Err(Complaint::new(Code::TextTooLong, detail));
    }
    if decoded.chars().any(char::is_control) {
        let detail = format!("the header for {attribute} has a control character; remove it");
        return Err(Complaint::new(Code::ControlCharacter, detail));
    }
    Ok(decoded)
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &[(&str, &str)]) -> WireMessage {
        let headers = headers.iter().map(|(name, text)| ((*name).to_owned(), HeaderValue::Text((*text).to_owned())));
        WireMessage { headers: headers.collect(), ..WireMessage::default() }
    }

    #[test]
    fn all_spellings_of_an_attribute_are_read() {
        for name in ["ce-id", "cloudEvents_id", "cloudEvents:id", "CE-ID"] {
            assert_eq!(
                attributes(&message(&[(name, "7")])).unwrap().get("id").map(String::as_str),
                Some("7"),
                "{name}"
            );
        }
        assert!(attributes(&message(&[("x-ce-id", "7"), ("ce-picketepoch", "1")])).unwrap().is_empty());
    }

    #[test]
    fn http_values_are_percent_decoded_and_amqp_values_are_not() {
        let mut message = message(&[("ce-source", "caf%C3%A9")]);
        assert_eq!(attributes(&message).unwrap()["source"], "café");
        message.routing_key = Some("a.b.c".to_owned());
        assert_eq!(attributes(&message).unwrap()["source"], "caf%C3%A9");
    }

    #[test]
    fn broken_percent_encoding_is_an_invalid_header() {
        for broken in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(attributes(&message(&[("ce-id", broken)])).unwrap_err().code, Code::InvalidHeader, "{broken}");
        }
    }

    #[test]
    fn two_spellings_must_agree() {
        assert!(attributes(&message(&[("ce-id", "7"), ("cloudEvents_id", "7")])).is_ok());
        let error = attributes(&message(&[("ce-id", "7"), ("cloudEvents_id", "8")])).unwrap_err();
        assert_eq!(error.code, Code::HeaderMismatch);
    }
}
