//! Decides what the loop needs of the world: a store that remembers, an inbox that delivers, an outbox that publishes.
//!
//! Backends in `store/` and `broker/` implement these; the loop knows nothing else of them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::contract::wire::{OutMessage, WireMessage};

/// The proof of ownership of a shard: `epoch:nonce`, compared for equality on every write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Rises with every take-over; it orders, it does not protect.
    pub epoch: u64,
    /// 128 random bits in hexadecimal; what protects.
    pub nonce: String,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.epoch, self.nonce)
    }
}

/// The end of a journal: its last sequence number and that record's hash. `(0, "")` when it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The last sequence number; records count from 1.
    pub seq: u64,
    /// Hash of the last record, in hexadecimal.
    pub hash: String,
}

/// One record as it is kept: opaque to the store but for its place and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// Its hash, which contains the hash of the record before.
    pub hash: String,
    /// The record in the journal's own JSON.
    pub body: Bytes,
}

/// What a directory row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryKind {
    /// A customer, by id.
    Customer,
    /// An account, by id.
    Account,
    /// An agent put by a platform, by id.
    Agent,
    /// The customers and accounts behind an address.
    Address,
    /// Who knows a customer how well.
    Familiarity,
    /// Whether a customer is valued, and since when.
    Value,
    /// The attributes and texts of a contact, by (source, contact).
    Contact,
}

/// The key of a directory row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct DirectoryKey {
    /// What it is about.
    pub kind: DirectoryKind,
    /// Which, in the installation's own id.
    pub id: String,
}

/// One change of the directory; no body removes the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryWrite {
    /// Which row.
    pub key: DirectoryKey,
    /// The whole new row in JSON.
    pub body: Option<Bytes>,
}

/// What one append carries. Either all of it is there afterwards, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Records in order, the first one right behind the expected head.
    pub entries: Vec<Entry>,
    /// Directory rows, in order; the last write of a key wins.
    pub directory: Vec<DirectoryWrite>,
    /// Content-addressed bodies (rule sets), by hash.
    pub blobs: Vec<(String, Bytes)>,
}

/// A state at one point of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The record it contains last.
    pub head: Head,
    /// The encoded state, with its own checksum and version inside.
    pub body: Bytes,
}

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another owner holds the shard: stop at once.
    #[error("another owner holds the shard: the stored token is {stored}")]
    Fenced {
        /// Whose token it is now.
        stored: String,
    },
    /// The journal ends elsewhere than expected: stop at once.
    #[error("the journal ends at {} {}, not where this owner left it", found.seq, found.hash)]
    HeadMismatch {
        /// Where it ends.
        found: Head,
    },
    /// What is stored contradicts itself.
    #[error("stored data is damaged: {what}")]
    Damaged {
        /// What and where.
        what: String,
    },
    /// The store cannot keep the profile's promise as it is set up.
    #[error("the store cannot keep its promise: {what}")]
    Unfit {
        /// Which setting, and how to mend it.
        what: String,
    },
    /// It cannot be reached, or did not answer in time: whether a write happened is not known.
    #[error("the store cannot be used while {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether ownership is in doubt: the owner drops its state and starts over.
    #[must_use]
    pub const fn ends_ownership(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::HeadMismatch { .. } | Self::Damaged { .. })
    }
}

/// Whose a shard's lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// That of who asked, from now on for as long as was asked for.
    Held,
    /// Another daemon's.
    HeldBy(String),
}

/// What a store can do beside the journal; the shared test suite reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreTraits {
    /// What is written outlives the process.
    pub durable: bool,
    /// Several processes may contend for a shard.
    pub shared: bool,
}

/// Remembers one installation: a journal, snapshots, a watermark, a directory and blobs per shard.
///
/// The directory belongs to a shard because its rows are written in the same transaction as the shard's records, and a
/// transaction of Redis Cluster cannot leave the shard's slot.
///
/// A returned `Ok` of [`Store::append`] means committed, by the profile's rule.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// What this store can do.
    fn traits(&self) -> StoreTraits;

    /// Takes a shard's lease for a time, or prolongs it. It says who may try to own the shard and protects nothing. A store
    /// that one process has alone grants it always.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn lease(&self, shard: &str, holder: &str, lasts: Duration) -> Result<Lease, StoreError> {
        let _ = (shard, holder, lasts);
        Ok(Lease::Held)
    }

    /// Ends a lease, if it is this holder's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn release(&self, shard: &str, holder: &str) -> Result<(), StoreError> {
        let _ = (shard, holder);
        Ok(())
    }

    /// Takes the shard over: a new token with an epoch above every earlier one and above `epoch_floor`, and the head.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`], [`StoreError::Damaged`].
    async fn acquire(
        &self,
        shard: &str,
        instance: &str,
        nonce: &str,
        epoch_floor: u64,
    ) -> Result<(Token, Head), StoreError>;

    /// Appends a batch if the token is the stored one and the journal ends at `expected`; returns the new head.
    ///
    /// The same call again after [`StoreError::Unavailable`] is safe: a batch that was written before is recognised
    /// by its hashes and counts as success.
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn append(&self, shard: &str, token: &Token, expected: &Head, batch: &Batch) -> Result<Head, StoreError>;

    /// Where the journal ends now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn head(&self, shard: &str) -> Result<Head, StoreError>;

    /// At most `limit` records behind `after`, in order and without gaps. Where records were trimmed, the first one
    /// returned is the oldest kept, which is then not the one right behind `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn read(&self, shard: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Keeps a snapshot (the newest two are kept).
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn save_snapshot(&self, shard: &str, token: &Token, snapshot: &Snapshot) -> Result<(), StoreError>;

    /// The snapshots kept, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn snapshots(&self, shard: &str) -> Result<Vec<Snapshot>, StoreError>;

    /// Removes records up to and including `seq`; the caller has made sure that their outputs are published. What the
    /// older of the kept snapshots does not contain stays, whatever is asked for: the newer one may turn out damaged.
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn trim(&self, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError>;

    /// Notes that every output with a number up to this one is published.
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn set_watermark(&self, shard: &str, token: &Token, number: u64) -> Result<(), StoreError>;

    /// The number of the last output known to be published; 0 at first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn watermark(&self, shard: &str) -> Result<u64, StoreError>;

    /// Rows of the shard's directory, in the order of the keys asked for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn directory(&self, shard: &str, keys: &[DirectoryKey]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// A content-addressed body.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError>;

    /// Whether it can be used now; `Err` says why not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn check(&self) -> Result<(), StoreError>;
}

/// Names a delivery towards the broker. A receipt of an earlier session is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// Which connection it came over.
    pub session: u64,
    /// Which delivery of it.
    pub tag: u64,
}

/// One delivered message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// For its acknowledgement.
    pub receipt: Receipt,
    /// The message.
    pub message: WireMessage,
}

/// Why a broker did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// It cannot be reached, or did not answer in time.
    #[error("the broker cannot be used while {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Exchanges or queues are not as the contract says.
    #[error("the broker's topology is not as it must be: {what}")]
    Topology {
        /// Which object, and how to mend it.
        what: String,
    },
    /// The output gate let nothing through: another owner holds the shard.
    #[error("the output gate is closed to this owner")]
    GateClosed,
}

/// Makes the two ends of a shard's traffic, anew at every take-over.
#[async_trait]
pub trait Broker: Send + Sync + std::fmt::Debug {
    /// Begins to deliver what arrives for a shard, once its token is held.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when it can never work as it is set up.
    fn inbox(&self, shard: &str) -> Result<Box<dyn Inbox>, BrokerError>;

    /// Begins to publish for a shard.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when it can never work as it is set up.
    fn outbox(&self, shard: &str) -> Result<Box<dyn Outbox>, BrokerError>;

    /// Where dead letters are kept.
    fn dead_letters(&self) -> std::sync::Arc<dyn DeadLetters>;
}

/// Looks at a connection from outside.
pub trait Pulse: Send + Sync + std::fmt::Debug {
    /// What is wrong with it now; nothing when it works.
    fn trouble(&self) -> Option<String>;
}

/// Delivers what arrives for one shard, over a connection of its own that it supervises itself.
///
/// While the broker is away, [`Inbox::take`] waits; it never ends by itself. After a reconnection unacknowledged
/// deliveries come again under a new session.
#[async_trait]
pub trait Inbox: Send + std::fmt::Debug {
    /// Waits for at least one message and returns at most `most`, in order. Cancel-safe: what was taken off the wire
    /// and not returned comes with the next call.
    async fn take(&mut self, most: usize) -> Vec<Delivery>;

    /// Acknowledges deliveries that are committed or dead-lettered; a void receipt is ignored.
    async fn acknowledge(&mut self, receipts: &[Receipt]);

    /// Closes the channel with its consumer still registered, so that what is unacknowledged returns in order.
    async fn close(&mut self);

    /// Looks at its connection; none where there is no connection that could be lost.
    fn pulse(&self) -> Option<std::sync::Arc<dyn Pulse>>;
}

/// Publishes for one shard, over a connection of its own that it supervises itself.
#[async_trait]
pub trait Outbox: Send + std::fmt::Debug {
    /// Opens the gate for this owner and closes it for every other.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
    async fn take_over(&mut self, token: &Token) -> Result<(), BrokerError>;

    /// Publishes in order, with confirms; returns how many from the front are confirmed and routed or known to be
    /// wanted by nobody. What is behind the first failure must be published again (go-back-N).
    ///
    /// # Errors
    /// When not even the first was confirmed.
    async fn publish(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError>;

    /// Answers a sender at its `reply_to`, at most once, without holding anything up.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn reply(&mut self, to: &str, correlation: Option<&str>, body: Bytes) -> Result<(), BrokerError>;

    /// Whether messages can be published now; asked about once a second while nothing else is done.
    ///
    /// # Errors
    /// Any; see [`BrokerError`].
    async fn check(&mut self) -> Result<(), BrokerError>;

    /// What is missing that nothing else waits for.
    fn degraded(&self) -> Option<String> {
        None
    }
}

/// A message that could not be understood or handled, as it is kept for people.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeadLetter {
    /// Its own id in the dead-letter store; empty before it is put there.
    pub id: String,
    /// Why, by a code of the contract.
    pub code: String,
    /// What exactly, in a sentence.
    pub detail: String,
    /// When, in milliseconds UTC.
    pub at: i64,
    /// Which shard refused it; empty when none could be found.
    pub shard: String,
    /// The exchange it was sent to; empty over HTTP. A replay goes there again and nowhere else, so that a refused
    /// message of a platform can never come back as a control message.
    pub exchange: String,
    /// Who the broker, or the HTTP token, vouched sent it.
    pub user: Option<String>,
    /// The routing key it was sent with.
    pub routing_key: String,
    /// Its content type.
    pub content_type: String,
    /// Its text headers.
    pub headers: Vec<(String, String)>,
    /// Its body; not necessarily text.
    pub body: Vec<u8>,
}

/// What a broker can do beside delivering and publishing; the shared test suite reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerTraits {
    /// Outputs go through a gate that lets only the current owner through.
    pub gate: bool,
    /// Everything received and published is kept for a while.
    pub archive: bool,
    /// Senders can be answered at their `reply_to`.
    pub reply: bool,
    /// What was delivered and not acknowledged is delivered again, in order.
    pub redelivery: bool,
}

/// Keeps what could not be understood or handled.
#[async_trait]
pub trait DeadLetters: Send + Sync + std::fmt::Debug {
    /// Keeps one, durably, before `Ok` is returned.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn put(&self, letter: DeadLetter) -> Result<(), BrokerError>;

    /// At most `limit`, oldest first, without taking them away.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError>;

    /// Sends one to where it came from again and removes it; `false` when there is none of this id.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn replay(&self, id: &str) -> Result<bool, BrokerError>;

    /// Removes one for good; `false` when there is none of this id.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn drop_one(&self, id: &str) -> Result<bool, BrokerError>;
}
