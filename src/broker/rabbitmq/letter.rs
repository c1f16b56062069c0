//! Decides how a dead letter is written into a message, read from one, and turned back into what it was.
//!
//! Headers of ours are believed only on messages of our own user, which the broker vouches for (`user_id`): otherwise
//! a platform could write itself a dead letter that a replay would carry to the control exchange.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use sha2::{Digest, Sha256};

use super::convert::{SENDER, header, named, persistent, string};
use super::short;
use super::topology::{CONTROL, DEAD, IN, input_queue, number, text};
use crate::broker::unavailable;
use crate::contract::wire::HeaderValue;
use crate::shard::ports::{BrokerError, DeadLetter};

const ID: &str = "picket-dead-id";
const CODE: &str = "picket-code";
const DETAIL: &str = "picket-detail";
const SHARD: &str = "picket-shard";
const EXCHANGE: &str = "picket-exchange";
const AT: &str = "picket-at";
/// Every header that is ours or the broker's begins with one of these, and is not the sender's.
const NOT_THE_SENDERS: [&str; 4] = ["picket-", "x-death", "x-first-death", "x-delivery-count"];

/// A message that goes back to where it came from.
pub(super) struct Again {
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
}

/// The properties under which a letter is kept.
pub(super) fn properties_of(letter: &DeadLetter, daemon: &str) -> Result<BasicProperties, BrokerError> {
    let id = if letter.id.is_empty() { fresh_id()? } else { letter.id.clone() };
    let mut headers = FieldTable::default();
    for (name, value) in letter.headers.iter().filter(|(name, _)| is_the_senders(name)) {
        headers.insert(short(name), text(value));
    }
    let ours = [
        (ID, id.as_str()),
        (CODE, &letter.code),
        (DETAIL, &letter.detail),
        (SHARD, &letter.shard),
        (EXCHANGE, &letter.exchange),
        (SENDER, letter.user.as_deref().unwrap_or_default()),
    ];
    for (name, value) in ours {
        headers.insert(short(name), text(value));
    }
    headers.insert(short(AT), number(letter.at));
    Ok(persistent()
        .with_user_id(short(daemon))
        .with_message_id(short(&id))
        .with_content_type(short(&letter.content_type))
        .with_headers(headers))
}

/// The letter behind a message.
pub(super) fn as_letter(delivery: Delivery, daemon: &str) -> DeadLetter {
    let id = letter_id(&delivery, daemon);
    let Delivery { exchange, routing_key, properties, data, .. } = delivery;
    let headers = properties.headers().clone().unwrap_or_default();
    let content_type = string(properties.content_type()).unwrap_or_default();
    let is_ours = vouched(&properties, daemon);
    let own = |name: &str| if is_ours { header(&headers, name) } else { None };
    let kept = own(CODE).is_some();
    let (code, detail) =
        if kept { (own(CODE).unwrap_or_default(), own(DETAIL).unwrap_or_default()) } else { reason(&headers) };
    let at = match headers.inner().get(AT) {
        Some(AMQPValue::LongLongInt(at)) if kept => *at,
        _ => {
            properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok()).map_or(0, |s| s.saturating_mul(1000))
        }
    };
    let user = if is_ours { own(SENDER).filter(|user| !user.is_empty()) } else { string(properties.user_id()) };
    let came_to = if kept { own(EXCHANGE).unwrap_or_default() } else { origin(exchange.as_str(), &headers) };
    let texts =
        named(&headers).into_iter().filter(|(name, _)| is_the_senders(name)).filter_map(|(name, value)| match value {
            HeaderValue::Text(text) => Some((name, text)),
            HeaderValue::Other(_) => None,
        });
    DeadLetter {
        id,
        code,
        detail,
        at,
        shard: own(SHARD).unwrap_or_default(),
        exchange: came_to,
        user,
        routing_key: routing_key.into(),
        content_type,
        headers: texts.collect(),
        body: data,
    }
}

/// The id of a letter: the one we gave it, or a digest of what it is. Two equal messages have one id; what is done to
/// it is done to the older one.
pub(super) fn letter_id(delivery: &Delivery, daemon: &str) -> String {
    let given = delivery.properties.headers().as_ref().and_then(|table| header(table, ID));
    if let Some(id) = given.filter(|_| vouched(&delivery.properties, daemon)) {
        return id;
    }
    let mut digest = Sha256::new();
    let message_id = string(delivery.properties.message_id()).unwrap_or_default();
    for part in [delivery.routing_key.as_str().as_bytes(), message_id.as_bytes(), &delivery.data] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

/// The message as it goes back, in the name of its sender.
pub(super) fn for_replay(delivery: Delivery, daemon: &str) -> Again {
    let properties = delivery.properties.clone();
    let letter = as_letter(delivery, daemon);
    let mut headers = FieldTable::default();
    for (name, value) in properties.headers().iter().flatten() {
        if is_the_senders(name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers.insert(short(SENDER), text(letter.user.as_deref().unwrap_or_default()));
    // Its own life may be over, and its priority means nothing to a shard.
    let mut again = persistent().with_user_id(short(daemon)).with_headers(headers);
    let known = properties.headers().as_ref().is_some_and(|table| table.contains_key(ID));
    if let Some(id) = properties.message_id().clone().filter(|_| !known) {
        again = again.with_message_id(id);
    }
    if let Some(value) = properties.content_type().clone() {
        again = again.with_content_type(value);
    }
    if let Some(value) = properties.correlation_id().clone() {
        again = again.with_correlation_id(value);
    }
    if let Some(value) = properties.kind().clone() {
        again = again.with_type(value);
    }
    let (exchange, key) = match letter.exchange.as_str() {
        CONTROL => (String::from(CONTROL), letter.routing_key),
        "" if !letter.shard.is_empty() => (String::new(), input_queue(&letter.shard)),
        _ => (String::from(IN), letter.routing_key),
    };
    Again { exchange, key, body: letter.body, properties: again }
}

fn is_the_senders(name: &str) -> bool {
    NOT_THE_SENDERS.iter().all(|prefix| !name.starts_with(prefix))
}

fn vouched(properties: &BasicProperties, daemon: &str) -> bool {
    string(properties.user_id()).as_deref() == Some(daemon)
}

/// Why a message is here that no shard put here.
fn reason(headers: &FieldTable) -> (String, String) {
    match header(headers, "x-first-death-reason") {
        Some(reason) => {
            let queue = header(headers, "x-first-death-queue").unwrap_or_default();
            let detail = format!("the broker took it out of {queue} ({reason})");
            (reason, detail)
        }
        None => {
            (String::from("unknown_domain"), String::from("no shard owns the domain that its routing key begins with"))
        }
    }
}

/// The exchange a message was sent to first: the broker keeps it when it dead-letters.
fn origin(exchange: &str, headers: &FieldTable) -> String {
    let deaths = headers.inner().get("x-death").and_then(AMQPValue::as_array);
    let first = deaths.and_then(|deaths| deaths.as_slice().last()).and_then(AMQPValue::as_field_table);
    match first.and_then(|death| header(death, "exchange")) {
        Some(first) => first,
        None if exchange == DEAD => String::from(IN),
        None => exchange.to_owned(),
    }
}

fn fresh_id() -> Result<String, BrokerError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| unavailable("naming a dead letter", error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
