//! Decides what a daemon gets of RabbitMQ: an inbox and an outbox per shard, and the dead letters.

use std::sync::Arc;

use async_trait::async_trait;

use super::convert::forwarded;
use super::replay::InputArchive;
use super::sender::Sender;
use super::topology::IN;
use super::unheard::RabbitEar;
use super::{Options, RabbitDeadLetters, RabbitInbox, RabbitOutbox, ShardRoute};
use crate::shard::ports::{Archive, ArchiveStart, Broker, BrokerError, DeadLetters, Ear, Forward, Inbox, Outbox};

/// RabbitMQ as a daemon uses it.
#[derive(Clone, Debug)]
pub struct Rabbitmq {
    options: Arc<Options>,
    shards: Arc<[ShardRoute]>,
    dead: Arc<RabbitDeadLetters>,
    daemon: Arc<str>,
    forwards: Arc<Sender>,
}

impl Rabbitmq {
    /// Prepares everything for these shards and connects to nothing: a daemon starts while its broker is away, says so in its health,
    /// and goes on when it comes.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when the url cannot be read.
    pub fn new(options: Options, shards: Vec<ShardRoute>) -> Result<Self, BrokerError> {
        let options = Arc::new(options);
        let daemon = options.uri()?.authority.userinfo.username.into();
        let dead = Arc::new(RabbitDeadLetters::new(Arc::clone(&options))?);
        let forwards = Arc::new(Sender::new(&options, "forwards", "forwarding an event"));
        Ok(Self { dead, daemon, forwards, options, shards: shards.into() })
    }

    fn route(&self, shard: &str) -> ShardRoute {
        let known = self.shards.iter().find(|route| route.name == shard);
        known.cloned().unwrap_or_else(|| ShardRoute { name: shard.to_owned(), ..ShardRoute::default() })
    }
}

#[async_trait]
impl Broker for Rabbitmq {
    fn inbox(&self, shard: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        Ok(Box::new(RabbitInbox::new(Arc::clone(&self.options), &self.route(shard))?))
    }

    fn outbox(&self, shard: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(RabbitOutbox::new(Arc::clone(&self.options), &self.route(shard))?))
    }

    async fn archive(&self, shard: &str, start: ArchiveStart) -> Result<Option<Box<dyn Archive>>, BrokerError> {
        if !self.options.archive {
            return Ok(None);
        }
        Ok(Some(Box::new(InputArchive::open(&self.options, shard, start).await?)))
    }

    async fn forward(&self, forward: &Forward) -> Result<(), BrokerError> {
        let properties = forwarded(forward, &self.daemon);
        self.forwards.publish(IN, &forward.routing_key, forward.event.clone().into_bytes(), properties).await
    }

    fn ear(&self) -> Option<Box<dyn Ear>> {
        Some(Box::new(RabbitEar::new(&self.options)))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::clone(&self.dead) as Arc<dyn DeadLetters>
    }
}
