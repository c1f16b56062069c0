//! Decides how a shard lives without a broker: contacts come over HTTP, outputs leave over the live feeds.
//!
//! Nothing is delivered from outside, so the inbox brings only dead letters that are sent again; everything published
//! is in the feed already, which is fed from committed records, so the outbox has nothing left to do.

mod shelf;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use self::shelf::Shelf;
use super::unavailable;
use crate::contract::wire::{HeaderValue, OutMessage, WireMessage};
use crate::shard::ports::{
    Broker, BrokerError, BrokerTraits, DeadLetter, DeadLetters, Delivery, Forward, Inbox, Outbox, Pulse, Receipt, Token,
};
use crate::store;

/// What this backend can do.
pub const TRAITS: BrokerTraits = BrokerTraits { gate: false, archive: false, reply: false, redelivery: false };

/// Messages that may wait for a shard before whoever sends them again has to.
const WAITING: usize = 64;
/// How long a shard may take for a message that is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything inside the process.
#[derive(Clone, Debug)]
pub struct Embedded {
    shelf: Shelf,
    inlets: Arc<Mutex<BTreeMap<String, mpsc::Sender<Injected>>>>,
    sessions: Arc<AtomicU64>,
}

/// A message on its way to a shard; `done` is told when the shard has acknowledged it.
#[derive(Debug)]
struct Injected {
    message: WireMessage,
    done: oneshot::Sender<()>,
}

impl Embedded {
    /// Opens it with its dead letters in the store's file, or in memory where the store has none.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] when the table of dead letters cannot be made.
    pub async fn open(file: Option<store::Embedded>) -> Result<Self, BrokerError> {
        Ok(Self { shelf: Shelf::open(file).await?, inlets: Arc::default(), sessions: Arc::default() })
    }

    /// Brings a message to a shard and waits until that has acknowledged it.
    async fn inject(&self, shard: &str, message: WireMessage, attempt: &'static str) -> Result<(), BrokerError> {
        let inlet = self.inlet(shard).ok_or_else(|| unavailable(attempt, "its shard does not run here"))?;
        let (done, acknowledged) = oneshot::channel();
        let taken = async {
            let injected = Injected { message, done };
            inlet.send(injected).await.map_err(|_| unavailable(attempt, "its shard has stopped"))?;
            acknowledged.await.map_err(|_| unavailable(attempt, "its shard stopped before it was done"))
        };
        tokio::time::timeout(PATIENCE, taken)
            .await
            .unwrap_or_else(|_| Err(unavailable(attempt, "its shard takes nothing at the moment")))
    }

    /// The way to a shard; to the only one where the letter names none.
    fn inlet(&self, shard: &str) -> Option<mpsc::Sender<Injected>> {
        let inlets = self.inlets.lock().unwrap_or_else(PoisonError::into_inner);
        let named = inlets.get(shard);
        let only = inlets.values().next().filter(|_| shard.is_empty());
        named.or(only).cloned()
    }
}

#[async_trait]
impl Broker for Embedded {
    fn inbox(&self, shard: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        let (inlet, messages) = mpsc::channel(WAITING);
        self.inlets.lock().unwrap_or_else(PoisonError::into_inner).insert(shard.to_owned(), inlet);
        let session = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Box::new(EmbeddedInbox { messages, session, taken: 0, open: BTreeMap::new() }))
    }

    fn outbox(&self, _shard: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(EmbeddedOutbox { out: 0 }))
    }

    async fn forward(&self, forward: &Forward) -> Result<(), BrokerError> {
        let message = WireMessage {
            body: forward.event.clone().into(),
            content_type: Some("application/cloudevents+json".to_owned()),
            user: forward.user.clone(),
            forwarded: true,
            ..WireMessage::default()
        };
        self.inject(&forward.shard, message, "forwarding an event").await
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.clone())
    }
}

#[derive(Debug)]
struct EmbeddedInbox {
    messages: mpsc::Receiver<Injected>,
    session: u64,
    taken: u64,
    open: BTreeMap<u64, oneshot::Sender<()>>,
}

#[async_trait]
impl Inbox for EmbeddedInbox {
    async fn take(&mut self, most: usize) -> Vec<Delivery> {
        let mut arrived = Vec::new();
        if self.messages.recv_many(&mut arrived, most.max(1)).await == 0 {
            // A later inbox of the same shard has taken this one's place, or it was closed.
            return std::future::pending().await;
        }
        let mut deliveries = Vec::with_capacity(arrived.len());
        for Injected { message, done } in arrived {
            self.taken += 1;
            self.open.insert(self.taken, done);
            deliveries.push(Delivery { receipt: Receipt { session: self.session, tag: self.taken }, message });
        }
        deliveries
    }

    async fn acknowledge(&mut self, receipts: &[Receipt]) {
        for receipt in receipts.iter().filter(|receipt| receipt.session == self.session) {
            if let Some(done) = self.open.remove(&receipt.tag)
                && done.send(()).is_err()
            {
                tracing::debug!("nobody waits any more for a message that was sent again");
            }
        }
    }

    async fn close(&mut self) {
        self.messages.close();
        self.open.clear();
    }

    fn pulse(&self) -> Option<Arc<dyn Pulse>> {
        None
    }
}

/// Confirms everything: an output is out once it is in the feed, and it was there before it came here.
#[derive(Debug)]
struct EmbeddedOutbox {
    /// Outputs that nobody has asked about yet.
    out: usize,
}

#[async_trait]
impl Outbox for EmbeddedOutbox {
    async fn take_over(&mut self, _token: &Token) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        self.out += messages.len();
        Ok(messages.len())
    }

    async fn confirmed(&mut self) -> Result<usize, BrokerError> {
        match std::mem::take(&mut self.out) {
            0 => std::future::pending().await,
            out => Ok(out),
        }
    }

    async fn reply(&mut self, _to: &str, _correlation: Option<&str>, _body: Bytes) -> Result<(), BrokerError> {
        // Senders over HTTP are answered over HTTP.
        Ok(())
    }

    async fn check(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Embedded {
    async fn put(&self, letter: DeadLetter) -> Result<(), BrokerError> {
        self.shelf.put(letter).await
    }

    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.shelf.list(limit).await
    }

    async fn replay(&self, id: &str) -> Result<bool, BrokerError> {
        let Some(letter) = self.shelf.find(id).await? else { return Ok(false) };
        self.inject(&letter.shard.clone(), as_message(letter), "sending a dead letter again").await?;
        // Acknowledged first, removed afterwards: a crash in between leaves it here, and the shard sees a duplicate.
        self.shelf.remove(id).await?;
        Ok(true)
    }

    async fn drop_one(&self, id: &str) -> Result<bool, BrokerError> {
        self.shelf.remove(id).await
    }
}

/// What arrived when the letter did.
fn as_message(letter: DeadLetter) -> WireMessage {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    WireMessage {
        body: letter.body.into(),
        content_type: some(letter.content_type),
        headers: letter.headers.into_iter().map(|(name, value)| (name, HeaderValue::Text(value))).collect(),
        exchange: some(letter.exchange),
        routing_key: some(letter.routing_key),
        user: letter.user,
        ..WireMessage::default()
    }
}
