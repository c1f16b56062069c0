//! Decides how a delivery becomes a wire message, and how an output looks on the wire.

use std::borrow::Cow;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde::Deserialize;

use super::short;
use super::topology::{number, text};
use crate::contract::wire::{HeaderValue, OutMessage, WireMessage};
use crate::shard::ports::Forward;

/// Names the original sender on a message that the daemon itself sends again.
pub(super) const SENDER: &str = "picket-sender";
/// Marks a message that one shard forwards to another.
const FORWARDED: &str = "picket-forwarded";
/// Carries the gate's key on every output.
pub(super) const GATE: &str = "picket-gate";
const DELIVERIES: &str = "x-delivery-count";
const PERSISTENT: u8 = 2;

/// The message behind a delivery; `daemon` is our own user, who may speak for the sender of what is replayed.
pub(super) fn incoming(delivery: Delivery, daemon: &str) -> WireMessage {
    let Delivery { exchange, routing_key, redelivered, properties, data, .. } = delivery;
    let headers = properties.headers().as_ref();
    // A first delivery has no count of the broker's; what stands there was written by the sender.
    let deliveries = if redelivered { headers.and_then(delivery_count).unwrap_or(1) } else { 0 };
    let user = string(properties.user_id());
    let is_ours = user.as_deref() == Some(daemon);
    let forwarded = is_ours && headers.is_some_and(|table| table.contains_key(FORWARDED));
    let user = match (is_ours, headers.and_then(|table| header(table, SENDER))) {
        (true, Some(sender)) => Some(sender).filter(|sender| !sender.is_empty()),
        _ => user,
    };
    WireMessage {
        body: data.into(),
        content_type: string(properties.content_type()),
        headers: headers.map(named).unwrap_or_default(),
        exchange: Some(exchange.into()),
        routing_key: Some(routing_key.into()),
        message_id: string(properties.message_id()),
        correlation_id: string(properties.correlation_id()),
        reply_to: string(properties.reply_to()),
        user,
        deliveries,
        forwarded,
    }
}

/// The properties of an event on its way from shard to shard, in the name of its sender.
pub(super) fn forwarded(forward: &Forward, daemon: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(short(SENDER), text(forward.user.as_deref().unwrap_or_default()));
    headers.insert(short(FORWARDED), AMQPValue::Boolean(true));
    persistent()
        .with_user_id(short(daemon))
        .with_content_type(short("application/cloudevents+json"))
        .with_app_id(short("picket"))
        .with_headers(headers)
}

/// The properties of an output behind a gate.
pub(super) fn outgoing(message: &OutMessage, gate_key: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(short("ce-id"), text(&message.id));
    headers.insert(short("ce-type"), text(message.kind));
    headers.insert(short(GATE), text(gate_key));
    // An output that were no event would be our own fault; it still goes out, with the two attributes above.
    if let Ok(attributes) = serde_json::from_slice::<Attributes<'_>>(&message.body) {
        attributes.write(&mut headers);
    }
    let properties = BasicProperties::default()
        .with_content_type(short("application/cloudevents+json"))
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(&message.id))
        .with_type(short(message.kind))
        .with_app_id(short("picket"))
        .with_headers(headers);
    match &message.contact {
        Some(contact) => properties.with_correlation_id(short(contact)),
        None => properties,
    }
}

/// The properties of an answer.
pub(super) fn answer(correlation: Option<&str>) -> BasicProperties {
    let properties =
        BasicProperties::default().with_content_type(short("application/json")).with_app_id(short("picket"));
    match correlation {
        Some(id) => properties.with_correlation_id(short(id)),
        None => properties,
    }
}

/// A persistent message's properties.
pub(super) fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(PERSISTENT)
}

/// The attributes of an event in structured mode that go into headers as well.
#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, default)]
    specversion: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    picketdomain: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    picketshard: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    picketcause: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    picketepoch: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    picketseq: Option<Scalar<'a>>,
}

/// An attribute that may be written as text or as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar<'a> {
    Whole(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Attributes<'_> {
    fn write(&self, headers: &mut FieldTable) {
        let texts = [
            ("ce-specversion", &self.specversion),
            ("ce-source", &self.source),
            ("ce-subject", &self.subject),
            ("ce-time", &self.time),
            ("ce-picketdomain", &self.picketdomain),
            ("ce-picketshard", &self.picketshard),
            ("ce-picketcause", &self.picketcause),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                headers.insert(short(name), text(value));
            }
        }
        for (name, value) in [("ce-picketepoch", &self.picketepoch), ("ce-picketseq", &self.picketseq)] {
            match value {
                Some(Scalar::Whole(whole)) => headers.insert(short(name), number(*whole)),
                Some(Scalar::Text(value)) => headers.insert(short(name), text(value)),
                None => headers,
            };
        }
    }
}

/// A text header's value.
pub(super) fn header(table: &FieldTable, name: &str) -> Option<String> {
    match table.inner().get(name).map(value) {
        Some(HeaderValue::Text(text)) => Some(text),
        Some(HeaderValue::Other(_)) | None => None,
    }
}

/// Every header by name.
pub(super) fn named(table: &FieldTable) -> Vec<(String, HeaderValue)> {
    table.inner().iter().map(|(name, entry)| (name.to_string(), value(entry))).collect()
}

/// A short-string property as text.
pub(super) fn string(property: &Option<ShortString>) -> Option<String> {
    property.as_ref().map(ToString::to_string)
}

fn delivery_count(table: &FieldTable) -> Option<u32> {
    let value = table.inner().get(DELIVERIES)?;
    let count = value
        .as_long_long_int()
        .or_else(|| value.as_long_int().map(i64::from))
        .or_else(|| value.as_long_uint().map(i64::from))
        .or_else(|| value.as_short_int().map(i64::from))
        .or_else(|| value.as_short_uint().map(i64::from))
        .or_else(|| value.as_short_short_int().map(i64::from))
        .or_else(|| value.as_short_short_uint().map(i64::from))?;
    u32::try_from(count).ok()
}

fn value(value: &AMQPValue) -> HeaderValue {
    let kind = match value {
        AMQPValue::LongString(bytes) => match std::str::from_utf8(bytes.as_bytes()) {
            Ok(text) => return HeaderValue::Text(text.to_owned()),
            Err(_) => "bytes",
        },
        AMQPValue::ShortString(text) => return HeaderValue::Text(text.to_string()),
        AMQPValue::Boolean(_) => "boolean",
        AMQPValue::ShortShortInt(_)
        | AMQPValue::ShortShortUInt(_)
        | AMQPValue::ShortInt(_)
        | AMQPValue::ShortUInt(_)
        | AMQPValue::LongInt(_)
        | AMQPValue::LongUInt(_)
        | AMQPValue::LongLongInt(_) => "integer",
        AMQPValue::Float(_) | AMQPValue::Double(_) => "float",
        AMQPValue::DecimalValue(_) => "decimal",
        AMQPValue::FieldArray(_) => "array",
        AMQPValue::Timestamp(_) => "timestamp",
        AMQPValue::FieldTable(_) => "table",
        AMQPValue::ByteArray(_) => "bytes",
        AMQPValue::Void => "void",
    };
    HeaderValue::Other(kind)
}
