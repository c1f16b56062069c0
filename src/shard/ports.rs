//! Decides what the loop needs of the world: a store that remembers, an inbox that delivers, an outbox that publishes.
//!
//! Backends in `store/` and `broker/` implement these; the loop knows nothing else of them.

mod broker;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use broker::{
    Archive, ArchiveStart, Archived, Beacon, Broker, BrokerError, BrokerTraits, DeadLetter, DeadLetters, Delivery, Ear,
    Forward, Inbox, LostTail, Outbox, Pulse, Receipt, Unheard,
};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
    /// An event on its way to another shard, by (source, id).
    Forward,
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

    /// Says that a daemon is there for the shards of this list, for a time that may be zero, and returns all that are. A
    /// store that one process has alone knows of no other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn attend(&self, shards: &str, daemon: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        let _ = (shards, lasts);
        Ok(vec![daemon.to_owned()])
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

    /// Returns once a journal that was read up to `read` is committed, by the profile's rule: nothing of it is lost when one
    /// server fails. Where whatever can be read is committed, that is at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when the store has another record in that place, or none: what was read came from
    /// a server that has been replaced, or is trimmed by now.
    async fn settle(&self, shard: &str, read: &Head) -> Result<(), StoreError> {
        let _ = (shard, read);
        Ok(())
    }

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

    /// Every row of a kind of the shard's directory, in no order. For what is done rarely and by hand: they may be many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn rows(&self, shard: &str, kind: DirectoryKind) -> Result<Vec<(String, Bytes)>, StoreError>;

    /// Every shard that was ever taken over here, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn shards(&self) -> Result<Vec<String>, StoreError>;

    /// A content-addressed body.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError>;

    /// Notes, durably, that a message is about to be tried, and returns in how many lives it was by now, this one
    /// included. A life is one run of one daemon: noting the same message again in it changes nothing, so the same call
    /// again after [`StoreError::Unavailable`] is safe.
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn note_attempt(&self, shard: &str, token: &Token, message: &str, life: &str) -> Result<u32, StoreError>;

    /// Forgets the attempts at one message, or at all of them.
    ///
    /// # Errors
    /// Any; see [`StoreError`].
    async fn forget_attempts(&self, shard: &str, token: &Token, message: Option<&str>) -> Result<(), StoreError>;

    /// At how many messages attempts are noted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn attempts(&self, shard: &str) -> Result<u64, StoreError>;

    /// Whether it can be used now; `Err` says why not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn check(&self) -> Result<(), StoreError>;
}
