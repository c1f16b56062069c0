//! Decides what the loop needs of a broker: an inbox that delivers, an outbox that publishes, a place for dead letters.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Head, Token};
use crate::contract::wire::{OutMessage, WireMessage};

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

    /// Begins to read again what a shard received; none where nothing is kept.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when it should be kept and is not there; [`BrokerError::Unavailable`].
    async fn archive(&self, shard: &str, start: ArchiveStart) -> Result<Option<Box<dyn Archive>>, BrokerError> {
        let _ = (shard, start);
        Ok(None)
    }

    /// Hands an event to another shard's input, durably before `Ok` is returned; behind whatever waits there. The same event
    /// again is safe: that shard knows it by source and id.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`], also where there is no way from shard to shard.
    async fn forward(&self, forward: &Forward) -> Result<(), BrokerError> {
        Err(BrokerError::Unavailable {
            attempt: "forwarding an event",
            source: format!("there is no way to the shard {}", forward.shard).into(),
        })
    }

    /// Begins to listen for outputs that nobody has bound a queue for; none where platforms need not bind any.
    fn ear(&self) -> Option<Box<dyn Ear>> {
        None
    }

    /// Where dead letters are kept.
    fn dead_letters(&self) -> std::sync::Arc<dyn DeadLetters>;
}

/// An event that another shard is to take, as it is kept until that shard has it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forward {
    /// Which shard.
    pub shard: String,
    /// The key that leads there: `<domain>.<noun>.<verb>`.
    pub routing_key: String,
    /// Who the broker, or the HTTP token, vouched sent it.
    pub user: Option<String>,
    /// The event in structured mode.
    pub event: String,
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

/// How far a journal was, as somebody beside the store remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Beacon {
    /// The owner whose word it is, by its epoch; 0 where it is an operator's.
    pub epoch: u64,
    /// The end of the journal, committed.
    #[serde(flatten)]
    pub head: Head,
    /// When it was written, in milliseconds UTC.
    pub at: i64,
    /// The tail whose loss was accepted, until its inputs are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostTail>,
}

/// A tail of the journal that is gone for good, and whose inputs are to be taken again from the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LostTail {
    /// The last record that is left; 0 if none is.
    pub after: u64,
    /// The last one that is known to have been committed, where one is.
    pub until: Option<u64>,
    /// The time of the last record that is left, in milliseconds UTC; none where nothing is left, or nobody knows.
    pub since: Option<i64>,
}

impl LostTail {
    /// Both losses as one: for a loss that is accepted before an earlier one is made good.
    #[must_use]
    pub fn and(self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        Self {
            after: self.after.min(earlier.after),
            until: self.until.max(earlier.until),
            // No time is the beginning of all.
            since: self.since.min(earlier.since),
        }
    }
}

impl std::fmt::Display for LostTail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.until.filter(|until| *until > self.after) {
            Some(until) => write!(f, "records {} to {until} are lost", self.after + 1),
            None => write!(f, "what was committed behind record {} is lost", self.after),
        }
    }
}

/// Where reading of an archive begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveStart {
    /// With the oldest message that is kept.
    Oldest,
    /// With what was received at this time, in milliseconds UTC, or a little before.
    At(i64),
    /// Behind the message at this place.
    Behind(u64),
}

/// One message of an archive.
#[derive(Clone, Debug)]
pub struct Archived {
    /// Where it stands; later ones have higher places.
    pub place: u64,
    /// The message, as it was delivered first.
    pub message: WireMessage,
}

/// Reads again what a shard received, up to what was received last when reading began.
#[async_trait]
pub trait Archive: Send + std::fmt::Debug {
    /// Waits for the next messages, in the order in which they were received; none once all were read. What was returned
    /// before is done with.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]: reading may begin again behind the last message that was returned.
    async fn next(&mut self) -> Result<Vec<Archived>, BrokerError>;
}

/// Publishes for one shard, over a connection of its own that it supervises itself.
#[async_trait]
pub trait Outbox: Send + std::fmt::Debug {
    /// Opens the gate for this owner and closes it for every other.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
    async fn take_over(&mut self, token: &Token) -> Result<(), BrokerError>;

    /// Reads the beacon that was left last; none where there is none yet, or none is kept.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
    async fn beacon(&mut self) -> Result<Option<Beacon>, BrokerError> {
        Ok(None)
    }

    /// Leaves a beacon in the place of the one before, durably.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
    async fn set_beacon(&mut self, beacon: &Beacon) -> Result<(), BrokerError> {
        let _ = beacon;
        Ok(())
    }

    /// Hands outputs over, in order, behind those that are on their way, and waits for nothing that becomes of them. Returns
    /// how many were taken: fewer, or none, where one that is on its way is known to have failed, so that nothing follows it.
    ///
    /// # Errors
    /// Nothing is on its way any more, neither of these nor of earlier ones; see [`Outbox::confirmed`].
    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError>;

    /// Waits until some of what is on its way, from the front, is confirmed and routed or known to be wanted by nobody, and
    /// returns how many. It waits for ever while nothing is on its way, and as long as an alarm of the broker holds up what
    /// is: [`Outbox::check`] tells of that. Cancel-safe: what is confirmed and not returned comes with the next call.
    ///
    /// # Errors
    /// The front failed, and nothing is on its way any more: it must be sent again, and everything behind it, in order and
    /// under the same ids (go-back-N). Of what was behind it the broker may have taken some already, so that a consumer can
    /// see a later one once before the one that failed, and then all again in order.
    async fn confirmed(&mut self) -> Result<usize, BrokerError>;

    /// Answers a sender at its `reply_to`, at most once, without holding anything up.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn reply(&mut self, to: &str, correlation: Option<&str>, body: Bytes) -> Result<(), BrokerError>;

    /// Whether messages can be published now; asked about once a second. What is on its way stays there, unless the connection
    /// is lost: [`Outbox::confirmed`] tells then.
    ///
    /// # Errors
    /// Any; see [`BrokerError`].
    async fn check(&mut self) -> Result<(), BrokerError>;

    /// What is missing that nothing else waits for.
    fn degraded(&self) -> Option<String> {
        None
    }
}

/// Listens for outputs that are out and that nobody has bound a queue for, over a connection of its own.
#[async_trait]
pub trait Ear: Send + std::fmt::Debug {
    /// Those since the last call. Where it cannot be looked at there are none: what is there stays, as long as there is room.
    async fn listen(&mut self) -> Unheard;
}

/// Outputs that nobody heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unheard {
    /// How many, at least.
    pub count: u64,
    /// The routing keys of some of them.
    pub routing_keys: Vec<String>,
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
