//! Decides how an output is written: its id, its envelope and its routing key.

use std::fmt::Write;

use bytes::Bytes;
use picket_core::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Outbound;
use crate::contract::envelope::prune;
use crate::contract::routing_key;
use crate::contract::value::Moment;
use crate::contract::wire::OutMessage;

/// What made an output happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// An input.
    Input {
        /// Its source.
        source: &'a str,
        /// Its id.
        id: &'a str,
    },
    /// A timer of this kind.
    Timer(&'a str),
}

/// Where an output stands in the journal, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// Its id, from [`output_id`].
    pub id: &'a str,
    /// The shard that publishes it.
    pub shard: &'a str,
    /// The epoch of the shard's owner when its record was written.
    pub epoch: u64,
    /// Counts the shard's outputs from 1, without gaps.
    pub number: u64,
    /// The journal sequence of its record.
    pub seq: u64,
    /// The journal time of its record.
    pub time: Timestamp,
    /// The domain.
    pub domain: &'a str,
    /// What made it happen.
    pub cause: Cause<'a>,
}

/// The id of an output: a hash of shard, owner's token, journal sequence and place in its record, 32 hexadecimal digits.
/// A sequence number that was lost and given again by another owner has another id.
#[must_use]
pub fn output_id(shard: &str, token: &str, seq: u64, ordinal: u32) -> String {
    let mut hash = Sha256::new();
    for text in [shard, token] {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.update(seq.to_be_bytes());
    hash.update(ordinal.to_be_bytes());
    let mut id = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        // Writing to a `String` cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// What the CloudEvents source of every output begins with; no input has it.
pub const SOURCE_PREFIX: &str = "/picket/";

/// The CloudEvents source of a shard's outputs.
#[must_use]
pub fn event_source(shard: &str) -> String {
    format!("{SOURCE_PREFIX}{shard}")
}

impl Outbound {
    /// The CloudEvent in structured mode.
    ///
    /// # Errors
    /// None of the contract's types fails to serialise; the error is serde's.
    pub fn event(&self, stamp: &Stamp<'_>) -> Result<Value, serde_json::Error> {
        let mut data = self.data()?;
        prune(&mut data);
        let mut event = Map::new();
        let mut put = |name: &str, text: String| event.insert(name.to_owned(), Value::String(text));
        put("specversion", "1.0".to_owned());
        put("id", stamp.id.to_owned());
        put("source", event_source(stamp.shard));
        put("type", self.kind().to_owned());
        put("time", Moment(stamp.time).to_string());
        put("datacontenttype", "application/json".to_owned());
        put("picketdomain", stamp.domain.to_owned());
        put("picketshard", stamp.shard.to_owned());
        // Integers of CloudEvents end at 2,147,483,647; these do not.
        put("picketepoch", stamp.epoch.to_string());
        put("picketseq", stamp.number.to_string());
        put("picketcause", stamp.cause.to_string());
        let target = self.target();
        if let Some(subject) = target.contact.or(target.agent).or(target.other) {
            put("subject", subject.to_owned());
        }
        event.insert("data".to_owned(), data);
        Ok(Value::Object(event))
    }

    /// The message, with everything a broker or a feed needs.
    ///
    /// # Errors
    /// None of the contract's types fails to serialise; the error is serde's.
    pub fn message(&self, stamp: &Stamp<'_>) -> Result<OutMessage, serde_json::Error> {
        let target = self.target();
        Ok(OutMessage {
            number: stamp.number,
            seq: stamp.seq,
            id: stamp.id.to_owned(),
            kind: self.kind(),
            routing_key: routing_key::output(stamp.domain, self.noun(), self.verb(), target.channel, target.agent),
            contact: target.contact.map(str::to_owned),
            agent: target.agent.map(str::to_owned),
            domain: stamp.domain.to_owned(),
            body: Bytes::from(serde_json::to_vec(&self.event(stamp)?)?),
        })
    }
}

/// `<source> <id>` of the input, or `timer:<kind>`; ids have no spaces, so the two cannot be confused.
impl std::fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input { source, id } => write!(f, "{source} {id}"),
            Self::Timer(kind) => write!(f, "timer:{kind}"),
        }
    }
}
