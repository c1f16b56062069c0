//! Decides how outputs leave: in order, over one channel, behind the gate, until one fails; and how senders are answered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::archive::Archiving;
use super::convert::answer;
use super::flight::{Failure, Flight, Returns};
use super::link::{Health, Link};
use super::topology::{OUT, ShardRoute, Topology, gate};
use super::unheard::Listening;
use super::{Options, beacon, gate as gates, lock, short};
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::contract::wire::OutMessage;
use crate::shard::ports::{Beacon, BrokerError, Outbox, Token};

/// How often an alarm of the broker is looked for, under which no confirm is late.
const PACE: Duration = Duration::from_millis(500);
/// How often a missing archive is looked for.
const LOOK: Duration = Duration::from_secs(30);
/// Queues of ours that no sender may name as its `reply_to`.
const OURS: &str = "picket.";
const PUBLISHING: &str = "publishing";

/// The way out of one shard, over a connection that consumes nothing.
#[derive(Debug)]
pub struct RabbitOutbox {
    options: Arc<Options>,
    shard: String,
    topology: Arc<Topology>,
    link: Link<Publishing>,
    token: Option<Token>,
    /// Outputs that were taken and are not confirmed; over whatever session.
    taken: usize,
    /// When a missing archive was looked for last.
    looked: Monotonic,
}

struct Publishing {
    archiving: Archiving,
    flight: Flight,
    replies: Option<Channel>,
    connection: Connection,
}

impl RabbitOutbox {
    /// Prepares the outbox; its first use connects.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when the url cannot be read.
    pub fn new(options: Arc<Options>, shard: &ShardRoute) -> Result<Self, BrokerError> {
        options.uri()?;
        let topology = Arc::new(Topology::for_shard(&options, shard));
        let (inner, outer) = (Arc::clone(&options), Arc::clone(&topology));
        let link = Link::new(Arc::clone(&options), format!("outbox {}", shard.name), move |connection| {
            Box::pin(open(connection, Arc::clone(&inner), Arc::clone(&outer)))
        });
        Ok(Self { options, shard: shard.name.clone(), topology, link, token: None, taken: 0, looked: Monotonic::now() })
    }

    /// Looks at the connection from outside.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health()
    }

    /// Looks, now and then, whether an archive that was missing is up.
    async fn look_for_archive(&mut self) -> Result<(), BrokerError> {
        let Some((_, publishing)) = self.link.current() else { return Ok(()) };
        if !matches!(publishing.archiving, Archiving::Missing(_)) || self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Monotonic::now();
        let archiving = self.topology.settle_archives(&self.options, &publishing.connection).await?;
        if let (Archiving::Kept, Some(token)) = (&archiving, self.token.as_ref().filter(|_| self.options.output_gate)) {
            gates::keep(&publishing.connection, &self.shard, token).await?;
            tracing::info!(shard = self.shard, "the archives are up: what passes is kept again");
        }
        publishing.archiving = archiving;
        Ok(())
    }

    /// Makes sure that all of what was taken is still on its way. It is not once its session is lost, whoever found out.
    fn is_whole(&mut self) -> Result<(), BrokerError> {
        let under_way = self.link.live().map_or(0, |publishing| publishing.flight.len());
        if under_way == self.taken {
            return Ok(());
        }
        self.taken = 0;
        Err(unavailable(PUBLISHING, "the connection was lost"))
    }

    /// What its sender hears of a failure, after which nothing is on its way.
    fn failed(&mut self, failure: Failure) -> BrokerError {
        self.taken = 0;
        match failure {
            Failure::Returned => BrokerError::GateClosed,
            Failure::Refused => {
                unavailable(PUBLISHING, "the broker refused an output: a queue it is routed to is full")
            }
            Failure::Broken(error) => {
                self.link.lose(&format!("a publish failed: {error}"));
                unavailable(PUBLISHING, error)
            }
        }
    }
}

async fn open(
    connection: Connection,
    options: Arc<Options>,
    topology: Arc<Topology>,
) -> Result<Publishing, BrokerError> {
    topology.settle(&options, &connection).await?;
    let archiving = topology.settle_archives(&options, &connection).await?;
    if let Archiving::Missing(what) = &archiving {
        tracing::warn!(what, "an archive is missing");
    }
    if let Listening::Missing(what) = topology.settle_unheard(&options, &connection).await? {
        tracing::warn!(what, "outputs that nobody hears are not noticed");
    }
    let returns = if options.output_gate { Returns::GateClosed } else { Returns::Unwanted };
    let flight = Flight::new(confirming(&connection).await?, returns);
    Ok(Publishing { archiving, flight, replies: None, connection })
}

/// A channel with confirms.
pub(super) async fn confirming(connection: &Connection) -> Result<Channel, BrokerError> {
    let failed = |error| unavailable("opening a channel to publish", error);
    let channel = connection.create_channel().await.map_err(failed)?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
    Ok(channel)
}

/// Publishes one message; resolves with its confirm. The frame leaves at the first poll.
pub(super) async fn publish_one(
    channel: Channel,
    exchange: String,
    key: String,
    body: Bytes,
    properties: BasicProperties,
) -> Result<Confirmation, lapin::Error> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(short(&exchange), short(&key), options, &body, properties).await?.await
}

impl Publishing {
    async fn reply(&mut self, to: &str, properties: BasicProperties, body: &[u8]) -> Result<(), lapin::Error> {
        let channel = match self.replies.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.connection.create_channel().await?,
        };
        // Without `mandatory`: an answer nobody waits for any more is dropped by the broker.
        let sent = channel.basic_publish(short(""), short(to), BasicPublishOptions::default(), body, properties).await;
        self.replies = Some(channel);
        sent.map(drop)
    }
}

#[async_trait]
impl Outbox for RabbitOutbox {
    async fn take_over(&mut self, token: &Token) -> Result<(), BrokerError> {
        let (_, publishing) = self.link.session().await?;
        if !self.options.output_gate {
            self.token = Some(token.clone());
            return Ok(());
        }
        // A broker that is still starting its queues can leave a request without any answer.
        let limit = lock::PATIENCE + self.options.publish_timeout();
        let taking = gates::take_over(&publishing.connection, &publishing.archiving, &self.shard, token);
        let taken = tokio::time::timeout(limit, taking).await;
        match taken.unwrap_or_else(|late| Err(unavailable("taking over the gate", late))) {
            Ok(()) => {
                self.token = Some(token.clone());
                Ok(())
            }
            Err(error) => {
                if matches!(error, BrokerError::Unavailable { .. }) {
                    self.link.lose("the gate could not be taken over");
                }
                Err(error)
            }
        }
    }

    async fn beacon(&mut self) -> Result<Option<Beacon>, BrokerError> {
        // A broker that is still starting its queues can leave a request without any answer.
        let limit = lock::PATIENCE + self.options.publish_timeout();
        let (_, publishing) = self.link.session().await?;
        let read = tokio::time::timeout(limit, beacon::read(&publishing.connection, &self.shard)).await;
        let read = read.unwrap_or_else(|late| Err(unavailable("reading the beacon", late)));
        if matches!(read, Err(BrokerError::Unavailable { .. })) {
            self.link.lose("the beacon could not be read");
        }
        read
    }

    async fn set_beacon(&mut self, beacon: &Beacon) -> Result<(), BrokerError> {
        const ATTEMPT: &str = "leaving the beacon";
        let limit = self.options.publish_timeout();
        let Some((_, publishing)) = self.link.current() else {
            return Err(unavailable(ATTEMPT, "the outbox is not connected"));
        };
        if publishing.connection.status().blocked() {
            return Err(unavailable(ATTEMPT, "the broker has an alarm and takes nothing"));
        }
        tokio::time::timeout(limit, beacon::write(&publishing.connection, &self.shard, beacon))
            .await
            .unwrap_or_else(|late| Err(unavailable(ATTEMPT, late)))
    }

    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        let Some(token) = &self.token else { return Err(BrokerError::GateClosed) };
        let key = gates::key(&token.to_string());
        self.is_whole()?;
        let exchange = if self.options.output_gate { gate(&self.shard) } else { String::from(OUT) };
        let (_, publishing) = self.link.session().await?;
        if publishing.flight.has_failed() {
            return Ok(0);
        }
        publishing.flight.add(messages, &exchange, &key);
        self.taken += messages.len();
        Ok(messages.len())
    }

    async fn confirmed(&mut self) -> Result<usize, BrokerError> {
        self.is_whole()?;
        let limit = self.options.publish_timeout();
        loop {
            let Some((_, publishing)) = self.link.current() else { return std::future::pending().await };
            let span = limit.saturating_sub(publishing.flight.since().elapsed()).min(PACE);
            match tokio::time::timeout(span, publishing.flight.progress()).await {
                Ok(Ok(out)) => {
                    self.taken -= out;
                    return Ok(out);
                }
                Ok(Err(failure)) => return Err(self.failed(failure)),
                // Nothing is late, and what is on its way leaves when the alarm ends: keep it there.
                Err(_) if publishing.flight.len() == 0 || publishing.connection.status().blocked() => {
                    publishing.flight.excuse();
                }
                Err(_) if publishing.flight.since().elapsed() >= limit => {
                    self.taken = 0;
                    self.link.lose("a publish was not confirmed in time");
                    return Err(unavailable(PUBLISHING, "no confirm in time"));
                }
                Err(_) => {}
            }
        }
    }

    async fn reply(&mut self, to: &str, correlation: Option<&str>, body: Bytes) -> Result<(), BrokerError> {
        if to.is_empty() || to.starts_with(OURS) {
            tracing::warn!("an answer was asked for at a queue that is not the sender's; none is sent");
            return Ok(());
        }
        let limit = self.options.publish_timeout();
        let Some((_, publishing)) = self.link.current() else {
            return Err(unavailable("answering a sender", "the outbox is not connected"));
        };
        if publishing.connection.status().blocked() {
            return Err(unavailable("answering a sender", "the broker has an alarm and takes nothing"));
        }
        tokio::time::timeout(limit, publishing.reply(to, answer(correlation), &body))
            .await
            .map_err(|elapsed| unavailable("answering a sender", elapsed))?
            .map_err(|error| unavailable("answering a sender", error))
    }

    async fn check(&mut self) -> Result<(), BrokerError> {
        const ATTEMPT: &str = "looking at the outbox";
        let (_, publishing) = self.link.session().await?;
        let (connection, channel) = (publishing.connection.status(), publishing.flight.channel().status());
        if connection.blocked() {
            return Err(unavailable(ATTEMPT, "the broker has a memory or disk alarm and takes nothing"));
        }
        if connection.connected() && channel.connected() {
            return self.look_for_archive().await;
        }
        self.link.lose("the connection or channel closed without a word");
        Err(unavailable(ATTEMPT, "the connection was lost"))
    }

    fn degraded(&self) -> Option<String> {
        match &self.link.live()?.archiving {
            Archiving::Missing(what) => Some(what.clone()),
            Archiving::Kept | Archiving::Off => None,
        }
    }
}
