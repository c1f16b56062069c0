//! The same event in every mode and spelling is the same event; who sends it where is checked.

use std::collections::BTreeMap;

use picket::contract::inbound::Inbound;
use picket::contract::wire::{HeaderValue, WireMessage};
use picket::contract::{Code, Envelope, Refusal, SourceConfig, Sources, decode};
use serde_json::{Value, json};

use crate::NOW;
use crate::bad_inputs::{BATCH, event, good, structured};

#[expect(clippy::result_large_err, clippy::panic_in_result_fn, reason = "the one result is what the stories are about")]
fn one(message: &WireMessage, sources: &Sources) -> Result<Envelope, Refusal> {
    let mut results = decode(message, sources, NOW);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn binary(event: &Value, prefix: &str) -> WireMessage {
    let attributes = event.as_object().unwrap().iter().filter(|(name, _)| *name != "data");
    let header = |(name, value): (&String, &Value)| {
        (format!("{prefix}{name}"), HeaderValue::Text(value.as_str().unwrap().to_owned()))
    };
    WireMessage {
        body: event["data"].to_string().into(),
        content_type: Some("application/json; charset=utf-8".to_owned()),
        headers: attributes.map(header).collect(),
        ..structured(event)
    }
}

#[test]
fn one_event_is_the_same_in_every_mode() {
    let event = good("modes", NOW);
    let expected = one(&structured(&event), &Sources::default()).unwrap();
    let batch = WireMessage {
        body: json!([event]).to_string().into(),
        content_type: Some(BATCH.to_owned()),
        ..structured(&event)
    };
    let spellings = ["ce-", "cloudEvents_", "cloudEvents:", "CE-"].map(|prefix| binary(&event, prefix));
    for message in spellings.iter().chain([&batch]) {
        assert_eq!(one(message, &Sources::default()).unwrap(), expected);
    }
}

#[test]
fn structured_mode_with_the_same_headers_is_taken() {
    let event = good("both", NOW);
    let message = WireMessage { headers: binary(&event, "ce-").headers, ..structured(&event) };
    assert!(one(&message, &Sources::default()).is_ok());
}

#[test]
fn the_content_hash_ignores_order_mode_subject_and_unsaid_values() {
    let event = good("hash", NOW);
    let expected = one(&structured(&event), &Sources::default()).unwrap().content_hash;
    let turned = r#"{"data":{"topic":null,"channel":"voice","contact":"contact-hash"},"type":"picket.contact.received.v1",
        "source":"pbx","id":"another","specversion":"1.0"}"#;
    let message = WireMessage { body: turned.into(), ..structured(&event) };
    assert_eq!(one(&message, &Sources::default()).unwrap().content_hash, expected);
    let mut other = event;
    other["data"]["channel"] = json!("email");
    assert_ne!(one(&structured(&other), &Sources::default()).unwrap().content_hash, expected);
}

#[test]
fn unknown_fields_are_ignored_and_still_make_other_content() {
    let event = good("more", NOW);
    let mut more = event.clone();
    more["data"]["from_a_later_version"] = json!({"x": [1, 2]});
    more["myextension"] = json!("mine");
    let (plain, more) =
        (one(&structured(&event), &Sources::default()).unwrap(), one(&structured(&more), &Sources::default()).unwrap());
    assert_eq!(plain.message, more.message);
    assert_ne!(plain.content_hash, more.content_hash);
}

#[test]
fn the_domain_comes_from_the_key_or_the_event_or_from_being_the_only_one() {
    let sources =
        |domains: &[&str]| Sources::new(BTreeMap::new(), domains.iter().map(|domain| (*domain).to_owned())).unwrap();
    let mut silent = good("silent", NOW);
    silent.as_object_mut().unwrap().remove("picketdomain");
    let http = WireMessage { exchange: None, routing_key: None, ..structured(&silent) };
    let domain = |message: &WireMessage, sources: &Sources| {
        one(message, sources).map(|envelope| envelope.domain).map_err(|refusal| refusal.code)
    };
    assert_eq!(domain(&structured(&silent), &sources(&["emea", "apac"])), Ok(Some("emea".to_owned())));
    assert_eq!(domain(&http, &sources(&["apac"])), Ok(Some("apac".to_owned())));
    assert_eq!(domain(&http, &sources(&[])), Ok(None));
    assert_eq!(domain(&http, &sources(&["emea", "apac"])), Err(Code::MissingDomain));
    assert_eq!(domain(&structured(&silent), &sources(&["apac"])), Err(Code::UnknownDomain));
}

#[test]
fn a_source_is_held_to_its_user_and_its_reply_setting() {
    let config = SourceConfig { user: Some("pbx-user".to_owned()), reply: false, ..SourceConfig::default() };
    let sources = Sources::new(BTreeMap::from([("pbx".to_owned(), config)]), []).unwrap();
    let message = WireMessage { reply_to: Some("answers".to_owned()), ..structured(&good("user", NOW)) };
    assert_eq!(one(&message, &sources).unwrap_err().code, Code::SourceNotAllowed);
    assert_eq!(one(&message, &Sources::default()).unwrap().reply_to.as_deref(), Some("answers"));
    let own = WireMessage { user: Some("pbx-user".to_owned()), ..message };
    assert_eq!(one(&own, &sources).unwrap().reply_to, None);
}

#[test]
fn control_is_taken_from_its_exchange_and_over_http() {
    let advance = event("clock", "clock.advance", json!({"to": "1999-05-02T00:00:00Z"}));
    let Inbound::ClockAdvance(body) = one(&structured(&advance), &Sources::default()).unwrap().message else {
        panic!("it is a clock.advance");
    };
    assert_eq!(body.to.to_string(), "1999-05-02T00:00:00.000Z");
    let http = WireMessage { exchange: None, routing_key: None, ..structured(&advance) };
    assert!(one(&http, &Sources::default()).is_ok());
}

#[test]
fn a_week_of_1999_is_in_range_when_the_clock_is_driven_there() {
    let then = picket_core::Timestamp(925_600_000_000);
    let message = structured(&good("week", then));
    assert!(decode(&message, &Sources::default(), then)[0].is_ok());
    assert_eq!(decode(&message, &Sources::default(), NOW)[0].as_ref().unwrap_err().code, Code::TimeOutOfRange);
}
