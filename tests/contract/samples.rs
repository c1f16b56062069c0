//! Messages of real platforms, as they are: taken, or refused with a clear code.

use std::path::PathBuf;

use picket::contract::wire::{HeaderValue, WireMessage};
use picket::contract::{Code, Refusal, Sources, decode};
use serde_json::Value;

use crate::NOW;

/// The samples are not part of the repository; where they are missing, this says so.
fn sample(name: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/samples").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("a sample is JSON")),
        Err(error) => {
            eprintln!("SKIPPED: no sample at {}: {error}", path.display());
            None
        }
    }
}

fn refused(message: &WireMessage) -> Refusal {
    let mut results = decode(message, &Sources::default(), NOW);
    assert_eq!(results.len(), 1);
    results.remove(0).expect_err("it is not a message of this contract")
}

#[test]
fn a_structured_event_of_a_switch_is_refused_by_its_type_with_the_nearest_one_named() {
    let Some(sample) = sample("picket_cloudevent_structured_over_amqp091.json") else { return };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let headers = sample["headers"].as_object().expect("headers are an object").iter();
    let message = WireMessage {
        body: sample["body"].to_string().into(),
        content_type: text(&sample["properties"]["content_type"]),
        headers: headers
            .map(|(name, value)| (name.clone(), HeaderValue::Text(text(value).unwrap_or_default())))
            .collect(),
        exchange: text(&sample["exchange"]),
        routing_key: text(&sample["routing_key"]),
        message_id: text(&sample["properties"]["message_id"]),
        ..WireMessage::default()
    };
    let refusal = refused(&message);
    assert_eq!(refusal.code, Code::UnknownType);
    assert_eq!(refusal.id.as_deref(), Some("01JD7Z3K5Q0000000000000001"));
    assert_eq!(refusal.source.as_deref(), Some("/freeswitch/fs1"));
    assert!(refusal.detail.contains("picket.contact."), "{}", refusal.detail);
}

#[test]
fn a_structured_event_of_a_cloud_platform_is_refused_by_its_type() {
    let Some(sample) = sample("twilio_event_streams_reservation_created.cloudevent.json") else { return };
    let message = WireMessage {
        body: sample.to_string().into(),
        content_type: Some("application/cloudevents+json".to_owned()),
        ..WireMessage::default()
    };
    let refusal = refused(&message);
    assert_eq!(refusal.code, Code::UnknownType);
    assert_eq!(refusal.id.as_deref(), Some("NO00000000000000000000000001"));
}

#[test]
fn events_that_are_no_cloudevents_are_refused_as_such() {
    for name in ["wazo_call_created.json", "tiledesk_request_create.json", "amazon_connect_contact_event_queued.json"] {
        let Some(sample) = sample(name) else { continue };
        let message = WireMessage {
            body: sample.to_string().into(),
            content_type: Some("application/json".to_owned()),
            ..WireMessage::default()
        };
        assert_eq!(refused(&message).code, Code::UnsupportedContentType, "{name}");
    }
}
