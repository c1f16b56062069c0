//! Decides what is known of an event once it is read: its envelope, or its refusal.

use std::fmt::Write;

use picket_core::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::code::Code;
use super::inbound::{Inbound, Kind};
use super::value::Moment;

/// An event that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The sender's id of the event; with the source it is the idempotency key.
    pub id: String,
    /// The CloudEvents source: the name of a configured source.
    pub source: String,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// When it happened, by the sender's clock.
    pub time: Option<Timestamp>,
    /// The domain it is for; none when none is configured and none was named.
    pub domain: Option<String>,
    /// What it says.
    pub message: Inbound,
    /// SHA-256 of type, subject and data; the same whatever the mode, the order of names, or the time.
    pub content_hash: [u8; 32],
    /// Where the sender wants its answer.
    pub reply_to: Option<String>,
    /// What the sender wants its answer marked with.
    pub correlation_id: Option<String>,
    /// Who the broker, or the HTTP token, vouches sent it.
    pub user: Option<String>,
    /// Whether another shard forwarded it: it is not forwarded again.
    pub forwarded: bool,
}

/// An event, or a whole message, that was refused while reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// What exactly, where, and how to mend it; without the sender's values.
    pub detail: String,
    /// The event's id, where it can be read.
    pub id: Option<String>,
    /// The event's source, where it can be read.
    pub source: Option<String>,
    /// The event's type, where it can be read.
    pub kind: Option<String>,
    /// Where the sender wants its answer.
    pub reply_to: Option<String>,
    /// What the sender wants its answer marked with.
    pub correlation_id: Option<String>,
}

impl Envelope {
    /// The type's entry in the contract.
    #[must_use]
    pub fn entry(&self) -> Option<&'static Kind> {
        Inbound::find(self.kind)
    }

    /// The object it is about, as `subject` names it: a contact, an agent, a customer.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.message.body().subjects().first().map(|subject| (*subject).to_owned())
    }

    /// The content hash in hexadecimal.
    #[must_use]
    pub fn content_hex(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.content_hash {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The event in structured mode. Decoding it gives the same envelope, but for what the transport adds.
    ///
    /// # Errors
    /// None of the contract's types fails to serialise; the error is serde's.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        let mut event = Map::new();
        let mut put = |name: &str, text: String| event.insert(name.to_owned(), Value::String(text));
        put("specversion", "1.0".to_owned());
        put("id", self.id.clone());
        put("source", self.source.clone());
        put("type", self.kind.to_owned());
        if let Some(time) = self.time {
            put("time", Moment(time).to_string());
        }
        if let Some(subject) = self.subject() {
            put("subject", subject);
        }
        if let Some(domain) = &self.domain {
            put("picketdomain", domain.clone());
        }
        put("datacontenttype", "application/json".to_owned());
        let mut data = self.message.data()?;
        prune(&mut data);
        event.insert("data".to_owned(), data);
        Ok(Value::Object(event))
    }
}

/// Removes names without a value, which say nothing.
pub(super) fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The hash of an event's content: names in order, values without one left out.
pub(super) fn content_hash(kind: &str, subject: Option<&str>, data: &Value) -> [u8; 32] {
    let mut text = String::new();
    canonical(data, &mut text);
    let mut hash = Sha256::new();
    for part in [kind, subject.unwrap_or_default(), &text] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in entries {
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}
