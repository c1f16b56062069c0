//! Decides how dead letters are kept, looked at, sent again and removed.
//!
//! They lie in the quorum queue `picket.dead`: those a shard refused (with code and detail in headers), those the
//! alternate exchange of `picket.in` caught (no code: `unknown_domain`), and those the broker took out of an input
//! queue (`delivery_limit`). A look consumes on a channel of its own and closes it: what was not acknowledged returns
//! to its place. Nothing is requeued by hand, which would put it at the end, nor taken by `basic.get`, which counts as
//! a consumer of its own for every message, and a broker returns those in the order of their tags.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, Consumer};

use super::letter::{as_letter, for_replay, letter_id, properties_of};
use super::link::{Health, connect};
use super::lock::Lock;
use super::sender::Sender;
use super::topology::{DEAD, close, close_connection, private_channel, refused};
use super::{Options, short};
use crate::broker::unavailable;
use crate::shard::ports::{BrokerError, DeadLetter, DeadLetters};

/// Letters one consumer may hold.
const PAGE: u16 = 1_000;
/// The furthest look goes to this many of the oldest letters: 32 consumers, which a broker still keeps in order.
const FURTHEST: u32 = 32 * PAGE as u32;
/// Letters that are there come at once.
const SILENCE: Duration = Duration::from_secs(2);

/// The dead letters of every shard of a broker.
#[derive(Debug)]
pub struct RabbitDeadLetters {
    options: Arc<Options>,
    daemon: String,
    writer: Sender,
}

impl RabbitDeadLetters {
    /// Prepares them; their first use connects.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when the url cannot be read.
    pub fn new(options: Arc<Options>) -> Result<Self, BrokerError> {
        let daemon = options.uri()?.authority.userinfo.username;
        let writer = Sender::new(&options, "dead letters", "keeping a dead letter");
        Ok(Self { options, daemon, writer })
    }

    /// Looks at the connection from outside.
    pub async fn health(&self) -> Health {
        self.writer.health().await
    }

    /// Finds a letter and hands it, still in the queue, to the caller.
    async fn find(&self, reading: &mut Reading, id: &str) -> Result<Option<Delivery>, BrokerError> {
        while let Some(delivery) = reading.next().await? {
            if letter_id(&delivery, &self.daemon) == id {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    async fn replay_from(&self, reading: &mut Reading, id: &str) -> Result<bool, BrokerError> {
        let Some(delivery) = self.find(reading, id).await? else { return Ok(false) };
        let tag = delivery.delivery_tag;
        let again = for_replay(delivery, &self.daemon);
        // Confirmed first, removed afterwards: a crash in between leaves both, and the shard sees a duplicate.
        self.writer.publish(&again.exchange, &again.key, again.body, again.properties).await?;
        reading.remove(tag).await?;
        Ok(true)
    }

    async fn drop_from(&self, reading: &mut Reading, id: &str) -> Result<bool, BrokerError> {
        let Some(delivery) = self.find(reading, id).await? else { return Ok(false) };
        reading.remove(delivery.delivery_tag).await?;
        Ok(true)
    }

    async fn list_from(&self, reading: &mut Reading, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let mut letters = Vec::new();
        while letters.len() < limit {
            let Some(delivery) = reading.next().await? else { break };
            letters.push(as_letter(delivery, &self.daemon));
        }
        Ok(letters)
    }
}

/// One look at the queue, alone.
struct Reading {
    // A dropped consumer cancels itself; the channel is closed before, see `end` and `Drop`.
    channel: Channel,
    lock: Option<Lock>,
    connection: Connection,
    consumers: Vec<Consumer>,
    /// Letters that were there when the look began and are not seen yet.
    left: u32,
    /// Letters the present consumer may still bring.
    room: u32,
}

impl Reading {
    async fn begin(options: &Options) -> Result<Self, BrokerError> {
        let connection = connect(options, "dead letters").await?;
        // Two looks at once would each see what the other left.
        let lock = Lock::acquire(&connection, format!("{DEAD}.lock")).await?;
        let channel = private_channel(&connection).await?;
        let there = QueueDeclareOptions::durable().passive();
        let queue = channel
            .queue_declare(short(DEAD), there, FieldTable::default())
            .await
            .map_err(|error| refused("queue", DEAD, error))?;
        let failed = |error| unavailable("looking at dead letters", error);
        channel.basic_qos(PAGE, BasicQosOptions::default()).await.map_err(failed)?;
        let left = queue.message_count().min(FURTHEST);
        Ok(Self { channel, lock: Some(lock), connection, consumers: Vec::new(), left, room: 0 })
    }

    /// The next message, up to the last that was there when the look began.
    async fn next(&mut self) -> Result<Option<Delivery>, BrokerError> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.room == 0 {
            self.turn_page().await?;
        }
        let Some(consumer) = self.consumers.last_mut() else { return Ok(None) };
        match tokio::time::timeout(SILENCE, consumer.next()).await {
            Ok(Some(Ok(delivery))) => {
                self.left -= 1;
                self.room -= 1;
                Ok(Some(delivery))
            }
            Ok(Some(Err(error))) => Err(unavailable("looking at dead letters", error)),
            Ok(None) => Err(unavailable("looking at dead letters", "the broker cancelled the consumer")),
            // Letters that expired while we looked do not come.
            Err(_) => Ok(None),
        }
    }

    /// A consumer brings as many as it may hold unacknowledged; the next one goes on behind it. Their tags are in
    /// order, so what they hold returns in order.
    async fn turn_page(&mut self) -> Result<(), BrokerError> {
        let tag = format!("look-{:04}", self.consumers.len());
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = self
            .channel
            .basic_consume(short(DEAD), short(&tag), options, none)
            .await
            .map_err(|error| refused("queue", DEAD, error))?;
        self.consumers.push(consumer);
        self.room = u32::from(PAGE);
        Ok(())
    }

    async fn remove(&self, tag: u64) -> Result<(), BrokerError> {
        self.channel
            .basic_ack(tag, BasicAckOptions::default())
            .await
            .map_err(|error| unavailable("removing a dead letter", error))
    }

    /// Puts back what was not removed. Waits for the broker, so that the next look sees it.
    async fn end(mut self) {
        close(&self.channel).await;
        if let Some(lock) = self.lock.take()
            && let Err(error) = lock.release(&self.connection).await
        {
            tracing::debug!(%error, "a lock ends with its connection");
        }
        close_connection(&self.connection).await;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // For a look that was given up half-way; see the inbox.
        drop(self.channel.close(200, ShortString::from("done")).now_or_never());
    }
}

#[async_trait]
impl DeadLetters for RabbitDeadLetters {
    async fn put(&self, letter: DeadLetter) -> Result<(), BrokerError> {
        let properties = properties_of(&letter, &self.daemon)?;
        self.writer.publish(DEAD, &letter.routing_key, letter.body, properties).await
    }

    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let mut reading = Reading::begin(&self.options).await?;
        let listed = self.list_from(&mut reading, limit).await;
        reading.end().await;
        listed
    }

    async fn replay(&self, id: &str) -> Result<bool, BrokerError> {
        let mut reading = Reading::begin(&self.options).await?;
        let replayed = self.replay_from(&mut reading, id).await;
        reading.end().await;
        replayed
    }

    async fn drop_one(&self, id: &str) -> Result<bool, BrokerError> {
        let mut reading = Reading::begin(&self.options).await?;
        let dropped = self.drop_from(&mut reading, id).await;
        reading.end().await;
        dropped
    }
}
