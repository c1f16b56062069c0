//! Whatever crosses the wire, decoding answers without a panic, and what it takes it takes again.
//!
//! The first byte chooses mode and carrier; then come headers as `name=value` lines, an empty line, and the body. A
//! seed is therefore a text file that can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_core::Timestamp;
use picket_fuzz::contract::wire::{HeaderValue, WireMessage};
use picket_fuzz::contract::{Sources, decode};

const NOW: Timestamp = Timestamp(1_795_424_400_000);

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let message = message(*first, rest);
    let results = decode(&message, &Sources::default(), NOW);
    assert!(!results.is_empty());
    for envelope in results.into_iter().flatten() {
        let again = WireMessage {
            body: serde_json::to_vec(&envelope.to_json().expect("an envelope serialises"))
                .expect("JSON is written")
                .into(),
            content_type: Some("application/cloudevents+json".to_owned()),
            ..WireMessage::default()
        };
        let decoded = decode(&again, &Sources::default(), NOW).remove(0).expect("what was taken is taken again");
        assert_eq!(decoded.message, envelope.message);
        assert_eq!((decoded.id, decoded.source, decoded.time), (envelope.id, envelope.source, envelope.time));
    }
});

fn message(first: u8, rest: &[u8]) -> WireMessage {
    let content_type = match first & 3 {
        0 => Some("application/cloudevents+json"),
        1 => Some("application/cloudevents-batch+json"),
        2 => Some("application/json"),
        _ => None,
    };
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (&rest[..0], rest),
    };
    let mut message = WireMessage {
        body: body.to_vec().into(),
        content_type: content_type.map(str::to_owned),
        ..WireMessage::default()
    };
    for line in String::from_utf8_lossy(head).lines() {
        match line.split_once('=') {
            Some(("key", key)) => message.routing_key = Some(key.to_owned()),
            Some(("exchange", exchange)) => message.exchange = Some(exchange.to_owned()),
            Some(("type", kind)) => message.content_type = Some(kind.to_owned()),
            Some((name, value)) => message.headers.push((name.to_owned(), HeaderValue::Text(value.to_owned()))),
            None => message.headers.push((line.to_owned(), HeaderValue::Other("table"))),
        }
    }
    message
}
