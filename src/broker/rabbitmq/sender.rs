//! Decides how one message at a time is published over a connection of its own: confirmed and routed, or refused.

use std::sync::Arc;

use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::Mutex;

use super::Options;
use super::link::{Health, Link};
use super::outbox::{confirming, publish_one};
use super::topology::Topology;
use crate::broker::unavailable;
use crate::shard::ports::BrokerError;

/// Publishes what is not the outbox's. Its first use connects.
#[derive(Debug)]
pub(super) struct Sender {
    options: Arc<Options>,
    attempt: &'static str,
    link: Mutex<Link<Sending>>,
}

struct Sending {
    channel: Channel,
    // Ends with the last channel; kept so that it ends with the session.
    _connection: Connection,
}

impl Sender {
    /// Prepares one, with a name for its connection and for what it attempts.
    pub(super) fn new(options: &Arc<Options>, name: &str, attempt: &'static str) -> Self {
        let topology = Arc::new(Topology::shared(options));
        let inner = Arc::clone(options);
        let link = Link::new(Arc::clone(options), name.to_owned(), move |connection| {
            let (options, topology) = (Arc::clone(&inner), Arc::clone(&topology));
            Box::pin(async move {
                topology.settle(&options, &connection).await?;
                Ok(Sending { channel: confirming(&connection).await?, _connection: connection })
            })
        });
        Self { options: Arc::clone(options), attempt, link: Mutex::new(link) }
    }

    /// Looks at the connection from outside.
    pub(super) async fn health(&self) -> Health {
        self.link.lock().await.health()
    }

    /// Publishes one message and waits until it is confirmed and routed.
    pub(super) async fn publish(
        &self,
        exchange: &str,
        key: &str,
        body: Vec<u8>,
        properties: BasicProperties,
    ) -> Result<(), BrokerError> {
        let mut link = self.link.lock().await;
        let (_, sending) = link.session().await?;
        let channel = sending.channel.clone();
        let publishing = publish_one(channel, exchange.to_owned(), key.to_owned(), body.into(), properties);
        let failure = match tokio::time::timeout(self.options.publish_timeout(), publishing).await {
            Ok(Ok(Confirmation::Ack(None))) => return Ok(()),
            // Only one message at a time is on its way here, so a return can be no other's.
            Ok(Ok(_)) => return Err(unavailable(self.attempt, "the broker did not take it")),
            Ok(Err(error)) => unavailable(self.attempt, error),
            Err(elapsed) => unavailable(self.attempt, elapsed),
        };
        link.lose("a publish was not confirmed");
        Err(failure)
    }
}
