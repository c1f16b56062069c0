//! Decides when an output counts as published: confirmed by the broker, and not returned.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::archive::Archiving;
use super::convert::{answer, outgoing};
use super::link::{Health, Link};
use super::topology::{OUT, ShardRoute, Topology, gate};
use super::unheard::{Ear, Listening};
use super::{Options, beacon, gate as gates, lock, short};
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::contract::wire::OutMessage;
use crate::shard::ports::{Beacon, BrokerError, Outbox, Token, Unheard};

/// How long a refused publish rests before its sender hears of it: a full queue at a platform empties no faster.
const REFUSED: Duration = Duration::from_millis(200);
/// How often a missing archive is looked for.
const LOOK: Duration = Duration::from_secs(30);
/// Queues of ours that no sender may name as its `reply_to`.
const OURS: &str = "picket.";

type Outcome = Result<Confirmation, lapin::Error>;

/// The way out of one shard, over a connection that consumes nothing.
#[derive(Debug)]
pub struct RabbitOutbox {
    options: Arc<Options>,
    shard: String,
    topology: Arc<Topology>,
    link: Link<Publishing>,
    token: Option<Token>,
    /// When a missing archive was looked for last.
    looked: Monotonic,
}

struct Publishing {
    archiving: Archiving,
    channel: Channel,
    replies: Option<Channel>,
    connection: Connection,
    /// None where nothing tells what nobody hears.
    ear: Option<Ear>,
    flight: VecDeque<Sent>,
}

/// One output on its way. It stays here over calls, so that an alarm of the broker, or a caller that gave up waiting,
/// does not send it twice.
struct Sent {
    id: String,
    confirm: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    settled: Option<Settled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Taken,
    Refused,
}

/// How far the front of a flight is.
#[derive(Debug, PartialEq, Eq)]
enum Obstacle {
    Nothing,
    Pending,
    Refused,
    Returned,
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
        Ok(Self { options, shard: shard.name.clone(), topology, link, token: None, looked: Monotonic::now() })
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
    let ear = match topology.settle_unheard(&options, &connection).await? {
        Listening::Noticed | Listening::ByPolicy => Some(Ear::default()),
        Listening::Missing(what) => {
            tracing::warn!(what, "outputs that nobody hears are not noticed");
            None
        }
    };
    let channel = confirming(&connection).await?;
    Ok(Publishing { archiving, channel, replies: None, connection, ear, flight: VecDeque::new() })
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
) -> Outcome {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(short(&exchange), short(&key), options, &body, properties).await?.await
}

impl Publishing {
    /// Whether what is in flight is the beginning of what is asked for.
    fn continues(&self, messages: &[OutMessage]) -> bool {
        self.flight.iter().zip(messages).all(|(sent, message)| sent.id == message.id)
    }

    /// Sends what is not in flight yet, in order.
    async fn send(&mut self, messages: &[OutMessage], gate: &str, key: &str) {
        for message in messages.iter().skip(self.flight.len()) {
            let mut confirm: Pin<Box<dyn Future<Output = Outcome> + Send>> = Box::pin(publish_one(
                self.channel.clone(),
                gate.to_owned(),
                message.routing_key.clone(),
                message.body.clone(),
                outgoing(message, key),
            ));
            // One poll each, in order: that hands the frames over in order without waiting for each to be written.
            let early = poll_fn(|context| Poll::Ready(confirm.as_mut().poll(context))).await;
            if let Poll::Ready(outcome) = early {
                confirm = Box::pin(std::future::ready(outcome));
            }
            self.flight.push_back(Sent { id: message.id.clone(), confirm, settled: None });
        }
    }

    /// Waits for the first `count` confirms; adds the ids of what came back.
    async fn settle(&mut self, count: usize, returned: &mut HashSet<String>) -> Result<(), lapin::Error> {
        for sent in self.flight.iter_mut().take(count).filter(|sent| sent.settled.is_none()) {
            let confirmation = (&mut sent.confirm).await?;
            sent.settled = Some(if confirmation.is_ack() { Settled::Taken } else { Settled::Refused });
            // A returned message may ride on another one's confirm: only its own id says which it is.
            if let Some(message) = confirmation.take_message() {
                let id = message.delivery.properties.message_id().as_ref().map(ToString::to_string);
                returned.insert(id.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// How many of the first `count` are out, and what stopped the next.
    fn progress(&self, count: usize, returned: &HashSet<String>) -> (usize, Obstacle) {
        for (at, sent) in self.flight.iter().take(count).enumerate() {
            let obstacle = match sent.settled {
                _ if returned.contains(&sent.id) => Obstacle::Returned,
                Some(Settled::Taken) => continue,
                Some(Settled::Refused) => Obstacle::Refused,
                None => Obstacle::Pending,
            };
            return (at, obstacle);
        }
        (count, Obstacle::Nothing)
    }

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

    async fn publish(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        let Some(token) = &self.token else { return Err(BrokerError::GateClosed) };
        let key = gates::key(&token.to_string());
        let limit = self.options.publish_timeout();
        if self.link.current().is_some_and(|(_, publishing)| !publishing.continues(messages)) {
            self.link.lose("other outputs are asked for than were on their way");
        }
        let (_, publishing) = self.link.session().await?;
        let (exchange, gated) =
            if self.options.output_gate { (gate(&self.shard), true) } else { (String::from(OUT), false) };
        publishing.send(messages, &exchange, &key).await;
        let mut returned = HashSet::new();
        let waited = tokio::time::timeout(limit, publishing.settle(messages.len(), &mut returned)).await;
        if !gated {
            // Without a gate, what comes back is wanted by nobody.
            returned.clear();
        }
        let (done, obstacle) = publishing.progress(messages.len(), &returned);
        publishing.flight.drain(..done);
        let blocked = publishing.connection.status().blocked();
        let error = match (waited, obstacle) {
            (Ok(Ok(())), Obstacle::Nothing | Obstacle::Pending) => return Ok(done),
            (Ok(Ok(())), Obstacle::Returned) => {
                publishing.flight.clear();
                BrokerError::GateClosed
            }
            (Ok(Ok(())), Obstacle::Refused) => {
                publishing.flight.clear();
                tokio::time::sleep(REFUSED).await;
                unavailable("publishing", "the broker refused an output: a queue it is routed to is full")
            }
            (Ok(Err(error)), _) => {
                self.link.lose(&format!("a publish failed: {error}"));
                unavailable("publishing", error)
            }
            // Nothing was refused, and what is on its way leaves when the alarm ends: keep it there.
            (Err(_), Obstacle::Nothing | Obstacle::Pending) if blocked => {
                unavailable("publishing", "the broker has a memory or disk alarm and takes nothing")
            }
            (Err(_), _) => {
                self.link.lose("a publish was not confirmed in time");
                unavailable("publishing", "no confirm in time")
            }
        };
        if done > 0 { Ok(done) } else { Err(error) }
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
        let (connection, channel) = (publishing.connection.status(), publishing.channel.status());
        if connection.blocked() {
            return Err(unavailable(ATTEMPT, "the broker has a memory or disk alarm and takes nothing"));
        }
        if connection.connected() && channel.connected() {
            return self.look_for_archive().await;
        }
        self.link.lose("the connection or channel closed without a word");
        Err(unavailable(ATTEMPT, "the connection was lost"))
    }

    async fn unheard(&mut self) -> Unheard {
        let limit = self.options.publish_timeout();
        let Some((_, Publishing { connection, ear: Some(ear), .. })) = self.link.current() else {
            return Unheard::default();
        };
        if connection.status().blocked() {
            return Unheard::default();
        }
        tokio::time::timeout(limit, ear.listen(connection)).await.unwrap_or_default()
    }

    fn degraded(&self) -> Option<String> {
        match &self.link.live()?.archiving {
            Archiving::Missing(what) => Some(what.clone()),
            Archiving::Kept | Archiving::Off => None,
        }
    }
}
