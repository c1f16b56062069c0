//! Whatever is sent, decoding answers; what it takes, it takes again.

use picket::contract::wire::{HeaderValue, WireMessage};
use picket::contract::{Sources, decode};
use proptest::prelude::*;
use serde_json::Value;

use crate::NOW;
use crate::bad_inputs::{good, kinds, structured};

fn headers() -> impl Strategy<Value = Vec<(String, HeaderValue)>> {
    let name = prop_oneof![
        Just("ce-id".to_owned()),
        Just("ce-type".to_owned()),
        Just("cloudEvents_source".to_owned()),
        Just("cloudEvents:specversion".to_owned()),
        ".{0,40}"
    ];
    let value = prop_oneof![
        ".{0,60}".prop_map(HeaderValue::Text),
        Just(HeaderValue::Text("1.0".to_owned())),
        Just(HeaderValue::Text("picket.contact.received.v1".to_owned())),
        Just(HeaderValue::Other("table"))
    ];
    proptest::collection::vec((name, value), 0..6)
}

fn content_type() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("application/cloudevents+json".to_owned())),
        Just(Some("application/cloudevents-batch+json; charset=utf-8".to_owned())),
        Just(Some("application/json".to_owned())),
        ".{0,60}".prop_map(Some)
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[a-z]{1,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,10}", inner, 0..6).prop_map(|map| map.into_iter().collect())
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_with_any_headers_are_answered(
        body in proptest::collection::vec(any::<u8>(), 0..600),
        content_type in content_type(),
        headers in headers(),
        key in proptest::option::of(".{0,60}"),
        exchange in proptest::option::of("(picket.in|picket.control|.{0,10})"),
    ) {
        let message = WireMessage { body: body.into(), content_type, headers, exchange, routing_key: key, ..WireMessage::default() };
        prop_assert!(!decode(&message, &Sources::default(), NOW).is_empty());
    }

    #[test]
    fn any_data_of_any_type_is_taken_or_refused(kind in 0..picket::contract::Inbound::KINDS.len(), data in json(), contact in "[a-z0-9]{1,8}") {
        let kind = &picket::contract::Inbound::KINDS[kind];
        let mut event = good("any", NOW);
        event["type"] = kind.name.into();
        event.as_object_mut().unwrap().remove("subject");
        event["data"] = data;
        if let Some(map) = event["data"].as_object_mut() {
            map.insert("contact".to_owned(), contact.clone().into());
            map.insert("agent".to_owned(), contact.into());
            map.insert("state".to_owned(), "ready".into());
        }
        let message = structured(&event);
        for envelope in decode(&message, &Sources::default(), NOW).into_iter().flatten() {
            let again = structured(&envelope.to_json().unwrap());
            let again = decode(&again, &Sources::default(), NOW).remove(0).unwrap();
            prop_assert_eq!(&again.message, &envelope.message);
            prop_assert_eq!((&again.id, &again.source, again.time, &again.domain), (&envelope.id, &envelope.source, envelope.time, &envelope.domain));
        }
    }

    #[test]
    fn a_bad_message_with_bytes_changed_is_still_answered(index in 0usize..200, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let kinds = kinds("flip", NOW);
        let mut message = kinds[index % kinds.len()].message.clone();
        let mut body = message.body.to_vec();
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = byte;
        }
        message.body = body.into();
        prop_assert!(!decode(&message, &Sources::default(), NOW).is_empty());
    }
}
