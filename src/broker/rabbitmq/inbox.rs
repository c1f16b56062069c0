//! Decides how deliveries come in, in order, and what their acknowledgement is worth.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery as Delivered;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, Consumer};

use super::convert::incoming;
use super::link::{Health, Link};
use super::topology::{ShardRoute, Topology, input_queue, refused};
use super::{Options, short};
use crate::broker::unavailable;
use crate::shard::ports::{BrokerError, Delivery, Inbox, Pulse, Receipt};

/// How often a silent session is looked at: a closed channel can leave its consumer waiting for ever.
const LOOK: Duration = Duration::from_millis(500);
const CLOSING: Duration = Duration::from_secs(5);

/// The input queue of one shard, over a connection that publishes nothing: an alarm of the broker, which blocks
/// publishers, cannot keep acknowledgements back.
#[derive(Debug)]
pub struct RabbitInbox {
    link: Link<Consuming>,
}

/// One session: everything of it ends together.
struct Consuming {
    // The order of the fields is the order of their drop; see `Drop`.
    channel: Channel,
    consumer: Consumer,
    connection: Connection,
    daemon: String,
    unacknowledged: BTreeSet<u64>,
    broken: Option<String>,
}

impl RabbitInbox {
    /// Prepares the inbox; the first `take` connects.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when the url cannot be read.
    pub fn new(options: Arc<Options>, shard: &ShardRoute) -> Result<Self, BrokerError> {
        options.uri()?;
        let topology = Arc::new(Topology::for_shard(&options, shard));
        let (inner, queue) = (Arc::clone(&options), input_queue(&shard.name));
        let link = Link::new(options, format!("inbox {}", shard.name), move |connection| {
            Box::pin(consume(connection, Arc::clone(&inner), Arc::clone(&topology), queue.clone()))
        });
        Ok(Self { link })
    }

    /// Looks at the connection from outside.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health()
    }
}

async fn consume(
    connection: Connection,
    options: Arc<Options>,
    topology: Arc<Topology>,
    queue: String,
) -> Result<Consuming, BrokerError> {
    topology.settle(&options, &connection).await?;
    let failed = |error| unavailable("opening the inbox", error);
    let channel = connection.create_channel().await.map_err(failed)?;
    channel.basic_qos(options.prefetch.clamp(1, 2000), BasicQosOptions::default()).await.map_err(failed)?;
    let consumer = channel
        .basic_consume(short(&queue), ShortString::default(), BasicConsumeOptions::default(), FieldTable::default())
        .await
        .map_err(|error| refused("queue", &queue, error))?;
    let daemon = options.uri()?.authority.userinfo.username;
    Ok(Consuming { channel, consumer, connection, daemon, unacknowledged: BTreeSet::new(), broken: None })
}

impl Consuming {
    /// Waits for one delivery and adds what else is here. Cancel-safe: nothing is awaited once one was taken.
    async fn next(&mut self, most: usize) -> Result<Vec<Delivered>, String> {
        if let Some(why) = self.broken.take() {
            return Err(why);
        }
        let (connection, channel) = (self.connection.status().clone(), self.channel.status().clone());
        let watch = async move {
            while connection.connected() && channel.connected() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let first = tokio::select! {
            biased;
            item = self.consumer.next() => understood(item)?,
            () = watch => return Err(String::from("the connection or channel closed without a word")),
        };
        let mut taken = vec![first];
        while taken.len() < most {
            let Some(item) = self.consumer.next().now_or_never() else { break };
            match understood(item) {
                Ok(delivery) => taken.push(delivery),
                Err(why) => {
                    self.broken = Some(why);
                    break;
                }
            }
        }
        self.unacknowledged.extend(taken.iter().map(|delivery| delivery.delivery_tag));
        Ok(taken)
    }

    /// Hands acknowledgements over, in order, and waits for none to be written: its loop has other things to do.
    fn acknowledge(&mut self, mut tags: Vec<u64>) -> Result<(), lapin::Error> {
        tags.retain(|tag| self.unacknowledged.remove(tag));
        tags.sort_unstable();
        // Everything below the oldest delivery still open can go in one frame.
        let oldest = self.unacknowledged.first().copied().unwrap_or(u64::MAX);
        let together = tags.partition_point(|tag| *tag < oldest);
        if let Some(last) = together.checked_sub(1).and_then(|at| tags.get(at)) {
            self.hand_over(*last, BasicAckOptions { multiple: true })?;
        }
        for tag in tags.iter().skip(together) {
            self.hand_over(*tag, BasicAckOptions { multiple: false })?;
        }
        Ok(())
    }

    fn hand_over(&self, tag: u64, options: BasicAckOptions) -> Result<(), lapin::Error> {
        // The first poll queues the frame; whether it was written shows with the connection.
        self.channel.basic_ack(tag, options).now_or_never().unwrap_or(Ok(()))
    }
}

impl Drop for Consuming {
    fn drop(&mut self) {
        // A dropped `Consumer` cancels itself, and a cancelled consumer hands the queue over while its deliveries are
        // still out: they would return behind newer ones. Closing the channel first returns them in their place. The
        // first poll sends the frame; the answer is of no interest.
        drop(self.channel.close(200, ShortString::from("done")).now_or_never());
    }
}

fn understood(item: Option<Result<Delivered, lapin::Error>>) -> Result<Delivered, String> {
    match item {
        Some(Ok(delivery)) => Ok(delivery),
        Some(Err(error)) => Err(error.to_string()),
        None => Err(String::from("the broker cancelled the consumer")),
    }
}

#[async_trait]
impl Inbox for RabbitInbox {
    async fn take(&mut self, most: usize) -> Vec<Delivery> {
        loop {
            // A failed attempt has said so in the log and in the health, and the next one begins with its pause.
            let Ok((session, consuming)) = self.link.session().await else { continue };
            match consuming.next(most.max(1)).await {
                Ok(taken) => {
                    let daemon = consuming.daemon.as_str();
                    let deliver = |delivery: Delivered| Delivery {
                        receipt: Receipt { session, tag: delivery.delivery_tag },
                        message: incoming(delivery, daemon),
                    };
                    return taken.into_iter().map(deliver).collect();
                }
                Err(why) => self.link.lose(&why),
            }
        }
    }

    async fn acknowledge(&mut self, receipts: &[Receipt]) {
        let Some((session, consuming)) = self.link.current() else { return };
        let tags = receipts.iter().filter(|receipt| receipt.session == session).map(|receipt| receipt.tag).collect();
        if let Err(error) = consuming.acknowledge(tags) {
            // What was not acknowledged comes again under the next session, and is a duplicate then.
            self.link.lose(&format!("an acknowledgement failed: {error}"));
        }
    }

    async fn close(&mut self) {
        let Some(consuming) = self.link.take() else { return };
        let orderly = async {
            consuming.channel.close(200, ShortString::from("done")).await?;
            consuming.connection.close(200, ShortString::from("done")).await
        };
        match tokio::time::timeout(CLOSING, orderly).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the inbox was closed already"),
            Err(_) => tracing::warn!("the inbox did not close in time"),
        }
    }

    fn pulse(&self) -> Option<Arc<dyn Pulse>> {
        Some(Arc::new(self.link.health()))
    }
}
