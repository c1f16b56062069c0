//! Decides how the archive of what a shard received is read again: in order, from a time on, up to a mark of the reader's own.
//!
//! AMQP does not tell where a stream ends. So the reader leaves a mark in it, once it reads, and is done when it meets that.
//! Marks of others are passed over; they go with the age of the archive.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer, ErrorKind};

use super::archive::{Archiving, PATIENCE};
use super::convert::{incoming, persistent, string};
use super::link::connect;
use super::outbox::{confirming, publish_one};
use super::topology::{close, close_connection, input_archive, is_down, private_channel, refused, table, text};
use super::{Options, short};
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::contract::wire::WireMessage;
use crate::shard::ports::{Archive, ArchiveStart, Archived, BrokerError};

const ATTEMPT: &str = "reading the archive";
/// Messages that the broker sends ahead, and that are returned at once.
const AHEAD: u16 = 256;
/// A stream that says nothing for so long, while a mark is to come, is no use.
const SILENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// Where a message stands in its stream; on a consumer, where to begin.
const OFFSET: &str = "x-stream-offset";
/// The type of a mark.
const MARK: &str = "picket.archive.mark";

/// The archive of what one shard received, over a connection of its own.
pub(super) struct InputArchive {
    // The order of the fields is the order of their drop.
    channel: Channel,
    consumer: Consumer,
    connection: Connection,
    daemon: String,
    mark: String,
    /// The last delivery returned, which is not acknowledged yet.
    last: Option<u64>,
    is_over: bool,
}

impl std::fmt::Debug for InputArchive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InputArchive").field("mark", &self.mark).field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

impl InputArchive {
    /// Begins to read.
    pub(super) async fn open(options: &Arc<Options>, shard: &str, start: ArchiveStart) -> Result<Self, BrokerError> {
        let limit = options.connect_timeout() + PATIENCE;
        tokio::time::timeout(limit, Self::begin(options, shard, start))
            .await
            .unwrap_or_else(|late| Err(unavailable(ATTEMPT, late)))
    }

    async fn begin(options: &Arc<Options>, shard: &str, start: ArchiveStart) -> Result<Self, BrokerError> {
        let (connection, queue) = (connect(options, &format!("archive {shard}")).await?, input_archive(shard));
        let failed = |error| unavailable(ATTEMPT, error);
        let from = match start {
            ArchiveStart::Oldest => text("first"),
            // In seconds, and never a little late.
            ArchiveStart::At(at) => AMQPValue::Timestamp(u64::try_from(at.div_euclid(1_000)).unwrap_or(0)),
            ArchiveStart::Behind(place) => {
                AMQPValue::LongLongInt(i64::try_from(place.saturating_add(1)).unwrap_or(i64::MAX))
            }
        };
        let since = Monotonic::now();
        let (channel, consumer) = loop {
            let channel = private_channel(&connection).await?;
            channel.basic_qos(AHEAD, BasicQosOptions::default()).await.map_err(failed)?;
            match consume(&channel, &queue, from.clone()).await {
                Ok(consumer) => break (channel, consumer),
                Err(error) if !is_down(&error) => return Err(missing(&queue, error)),
                Err(_) if since.elapsed() >= PATIENCE => {
                    let what =
                        format!("the broker cannot bring the stream {queue} up: see its log, and delete the stream");
                    return Err(BrokerError::Topology { what });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        // Once the consumer is there, so that it comes whatever the broker makes of the time.
        let mark = leave_mark(options, shard, &queue).await?;
        let daemon = options.uri()?.authority.userinfo.username;
        Ok(Self { channel, consumer, connection, daemon, mark, last: None, is_over: false })
    }

    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        let Some(tag) = self.last.take() else { return Ok(()) };
        let all = BasicAckOptions { multiple: true };
        self.channel.basic_ack(tag, all).await.map(drop).map_err(|error| unavailable(ATTEMPT, error))
    }

    /// What a delivery holds, unless it is a mark.
    fn understood(&mut self, delivery: Delivery) -> Result<Option<Archived>, BrokerError> {
        self.last = Some(delivery.delivery_tag);
        if string(delivery.properties.kind()).as_deref() == Some(MARK) {
            self.is_over |= string(delivery.properties.message_id()).as_ref() == Some(&self.mark);
            return Ok(None);
        }
        let place = place(delivery.properties.headers().as_ref());
        let place = place.ok_or_else(|| unavailable(ATTEMPT, "a message came without its place"))?;
        let mut message: WireMessage = incoming(delivery, &self.daemon);
        message.headers.retain(|(name, _)| name != OFFSET);
        Ok(Some(Archived { place, message }))
    }
}

#[async_trait]
impl Archive for InputArchive {
    async fn next(&mut self) -> Result<Vec<Archived>, BrokerError> {
        let mut messages = Vec::new();
        while messages.is_empty() && !self.is_over {
            self.acknowledge().await?;
            let first = tokio::time::timeout(SILENCE, self.consumer.next()).await;
            let mut item = first.map_err(|late| unavailable(ATTEMPT, late))?;
            loop {
                match item {
                    Some(Ok(delivery)) => messages.extend(self.understood(delivery)?),
                    Some(Err(error)) => return Err(unavailable(ATTEMPT, error)),
                    None => return Err(unavailable(ATTEMPT, "the broker cancelled the consumer")),
                }
                if self.is_over || messages.len() >= usize::from(AHEAD) {
                    break;
                }
                let Some(more) = self.consumer.next().now_or_never() else { break };
                item = more;
            }
        }
        if messages.is_empty() {
            close(&self.channel).await;
            close_connection(&self.connection).await;
        }
        Ok(messages)
    }
}

async fn consume(channel: &Channel, queue: &str, from: AMQPValue) -> Result<Consumer, lapin::Error> {
    let there = QueueDeclareOptions::durable().passive();
    channel.queue_declare(short(queue), there, FieldTable::default()).await?;
    let (options, from) = (BasicConsumeOptions::default(), table(&[(OFFSET, from)]));
    channel.basic_consume(short(queue), ShortString::default(), options, from).await
}

/// Whether what a shard received is kept, without anything that is made.
///
/// # Errors
/// [`BrokerError::Unavailable`], [`BrokerError::Topology`] when it may not be looked at.
pub async fn has_input_archive(options: &Options, shard: &str) -> Result<Archiving, BrokerError> {
    if !options.archive {
        return Ok(Archiving::Off);
    }
    let look = async {
        let connection = connect(options, &format!("archive {shard}")).await?;
        let (channel, queue) = (private_channel(&connection).await?, input_archive(shard));
        let there = QueueDeclareOptions::durable().passive();
        let found = match channel.queue_declare(short(&queue), there, FieldTable::default()).await {
            Ok(_) => Ok(Archiving::Kept),
            // It may be back by the time that it is read.
            Err(error) if is_down(&error) => Ok(Archiving::Kept),
            Err(error) => match missing(&queue, error) {
                BrokerError::Topology { what } => Ok(Archiving::Missing(what)),
                error @ (BrokerError::Unavailable { .. } | BrokerError::GateClosed) => Err(error),
            },
        };
        close(&channel).await;
        close_connection(&connection).await;
        found
    };
    tokio::time::timeout(options.connect_timeout(), look).await.unwrap_or_else(|late| Err(unavailable(ATTEMPT, late)))
}

/// Leaves a mark behind everything that is in the stream, over a connection that an alarm of the broker may block.
async fn leave_mark(options: &Arc<Options>, shard: &str, queue: &str) -> Result<String, BrokerError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| unavailable(ATTEMPT, error.to_string()))?;
    let mark = crate::shard::record::hex(&bytes);
    let connection = connect(options, &format!("archive mark {shard}")).await?;
    let channel = confirming(&connection).await?;
    let properties: BasicProperties = persistent().with_message_id(short(&mark)).with_type(short(MARK));
    let sent = publish_one(channel.clone(), String::new(), queue.to_owned(), bytes::Bytes::new(), properties).await;
    close(&channel).await;
    close_connection(&connection).await;
    match sent {
        Ok(Confirmation::Ack(None)) => Ok(mark),
        Ok(Confirmation::Ack(Some(_))) => Err(gone(queue)),
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => {
            Err(unavailable(ATTEMPT, "the broker did not take a mark"))
        }
        Err(error) => Err(unavailable(ATTEMPT, error)),
    }
}

fn place(headers: Option<&FieldTable>) -> Option<u64> {
    let value = headers?.inner().get(OFFSET)?;
    u64::try_from(value.as_long_long_int()?).ok()
}

fn missing(queue: &str, error: lapin::Error) -> BrokerError {
    if let ErrorKind::ProtocolError(amqp) = error.kind()
        && amqp.get_id() == 404
    {
        return gone(queue);
    }
    refused("stream", queue, error)
}

fn gone(queue: &str) -> BrokerError {
    BrokerError::Topology { what: format!("the stream {queue} does not exist: nothing was kept in it") }
}
