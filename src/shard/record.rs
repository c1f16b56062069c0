//! Decides what the journal remembers: one record per input or timer, chained by hash, in the journal's own versioned JSON.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use bytes::Bytes;
use picket_core::{AgentId, ContactId, CustomerId, Event, Millis, Name, SourceId, TimerKind, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::early::Ending;
use super::ports::{DirectoryKey, Entry, Head};
use crate::contract::Code;

/// The version this build writes.
pub const VERSION: u16 = 3;

/// One input or timer and everything that came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this schema.
    pub v: u16,
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// Journal time; never falls.
    pub at: Timestamp,
    /// The owner's token that wrote it.
    pub token: String,
    /// Hash of the record before; empty for the first.
    pub prev: String,
    /// What brought it about.
    pub cause: Cause,
    /// Whether it took effect.
    pub verdict: Verdict,
    /// Names at their first appearance, numbered in this order.
    pub names: Vec<Name>,
    /// Facts of the shell, applied before the events.
    pub facts: Vec<ShellFact>,
    /// Events of the core, in order.
    pub events: Vec<Event>,
    /// Which rules were tried and why they did not match, where a plan was made.
    pub trace: Option<picket_rules::RuleTrace>,
    /// Directory rows written with it; their bodies are in the directory only. People by keyed hash.
    pub directory: Vec<DirectoryKey>,
    /// The number of its first output; its further ones follow without gaps.
    pub first_output: u64,
}

/// What brought a record about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An event from a source.
    Input {
        /// Who sent it.
        source: String,
        /// Its id there.
        id: String,
        /// Its type.
        kind: String,
        /// Hash of its content: the same id with other content is a conflict.
        content: String,
    },
    /// A timer of the core.
    Timer(TimerKind),
    /// The daemon took the shard over, or the clock jumped.
    Clock,
    /// A rule set came into force.
    Rules,
    /// A customer or an account changed, and who waits is planned anew.
    Customer,
    /// Other shards have what was forwarded to them.
    Forwarding,
    /// A domain went to another shard, or came from one.
    Moving,
    /// What the broker delivers lags behind, or does so no more.
    Lag,
    /// Somebody was not heard of in time, or is again.
    Presence,
}

/// Whether a cause took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did.
    Applied,
    /// It did not.
    Rejected {
        /// The stable code.
        code: String,
        /// What exactly.
        detail: String,
    },
}

/// A change of the shell's own state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellFact {
    /// A contact belongs to a domain.
    ContactIn {
        /// Which contact.
        contact: ContactId,
        /// Its domain.
        domain: String,
    },
    /// How a source calls an agent.
    Alias {
        /// Which agent.
        agent: AgentId,
        /// Which source.
        source: SourceId,
        /// Her name there; none takes it away.
        alias: Option<String>,
    },
    /// Somebody did this by hand: who and why, as the message said it.
    ByHand {
        /// Who.
        by: Option<String>,
        /// Why.
        why: Option<String>,
    },
    /// An end is kept whose contact has not come yet.
    EndedEarly {
        /// The contact's name, `<source> <contact>`: it has no number yet.
        contact: String,
        /// How it ended.
        ending: Ending,
        /// When, by the source's clock.
        said: Option<Timestamp>,
    },
    /// The input is another shard's, and on its way there.
    Forwarded {
        /// The contact that it is about, if it is about one, by its name: `<source> <contact>`.
        contact: Option<String>,
        /// The domain that has it.
        domain: String,
    },
    /// What was forwarded has arrived.
    ForwardsArrived {
        /// The records that forwarded it.
        records: Vec<u64>,
    },
    /// A domain is another shard's from here on, with all that is live in it.
    DomainMoved {
        /// Which domain.
        domain: String,
        /// The shard that has it.
        shard: String,
    },
    /// The journal begins with the state of another shard, from which a domain came.
    BeganAs {
        /// That shard.
        shard: String,
        /// Its last record that is contained.
        record: u64,
    },
    /// A contact's plan goes by this account.
    AccountOf {
        /// Which contact.
        contact: ContactId,
        /// The account's id; none when it goes by none any more.
        account: Option<String>,
    },
    /// What rules may know of a customer changed, who has live contacts.
    CustomerChanged {
        /// Whose keyed hash.
        customer: CustomerId,
    },
    /// What rules may know of an account changed, which has live contacts.
    AccountChanged {
        /// Its id.
        account: String,
    },
    /// The plans of these contacts stand although their customer or account changed.
    PlanStands {
        /// Which.
        contacts: Vec<ContactId>,
    },
    /// The wall clock was set back, or is behind the journal at a take-over; journal time goes on.
    ClockSetBack {
        /// By.
        by: Millis,
    },
    /// A rule set is in force.
    RulesActivated {
        /// Its content hash.
        hash: String,
        /// Counted by activation, from 1.
        number: u32,
        /// The domains it routes, the first one for whatever names none.
        domains: Vec<String>,
    },
    /// A source was not heard of for so long.
    SourceSilent {
        /// Which.
        source: String,
        /// How long.
        silent: Millis,
    },
    /// A customer entered or left the circle of valued ones.
    ValuedChanged {
        /// Whose keyed hash.
        customer: CustomerId,
        /// Now.
        valued: bool,
        /// The score behind it.
        score: i64,
    },
}

/// Why a stored record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a record this build can read.
    #[error("record {seq} cannot be read")]
    Unreadable {
        /// Which.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A newer build wrote it.
    #[error("record {seq} has version {version}, and this build reads up to {VERSION}: start the newer build again")]
    TooNew {
        /// Which.
        seq: u64,
        /// Its version.
        version: u16,
    },
    /// The chain of hashes is broken.
    #[error("record {seq} does not continue the journal: the hash chain is broken there")]
    Broken {
        /// Which.
        seq: u64,
    },
}

impl Record {
    /// What its sender is told beside that it took effect.
    #[must_use]
    pub fn remark(&self) -> Option<Code> {
        self.facts.iter().find_map(|fact| match fact {
            ShellFact::EndedEarly { .. } => Some(Code::KeptUntilReceived),
            ShellFact::Forwarded { .. } => Some(Code::Forwarded),
            _ => None,
        })
    }

    /// Whether the journal goes on from another shard's state.
    #[must_use]
    pub fn began_as_another(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, ShellFact::BeganAs { .. }))
    }

    /// Whether its input went to another shard.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, ShellFact::Forwarded { .. }))
    }

    /// The record as it is stored.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no record of this type does.
    pub fn to_entry(&self) -> Result<Entry, serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        Ok(Entry { seq: self.seq, hash: digest(&body), body: Bytes::from(body) })
    }

    /// Reads a stored record and checks that it continues the journal at `head`.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn from_entry(entry: &Entry, head: &Head) -> Result<Self, Error> {
        let seq = entry.seq;
        let version: VersionOnly =
            serde_json::from_slice(&entry.body).map_err(|source| Error::Unreadable { seq, source })?;
        if version.v > VERSION {
            return Err(Error::TooNew { seq, version: version.v });
        }
        let record: Self = serde_json::from_slice(&entry.body).map_err(|source| Error::Unreadable { seq, source })?;
        let follows = record.seq == seq && seq == head.seq + 1 && record.prev == head.hash;
        if follows && digest(&entry.body) == entry.hash { Ok(record) } else { Err(Error::Broken { seq }) }
    }
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u16,
}

/// The hash that chains records, in hexadecimal.
#[must_use]
pub fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
