//! Decides which exchanges, queues and bindings there are: one description, made by `picket setup` or the daemon.

use lapin::options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use super::archive::Archive;
use super::{Options, Setup, short, unheard};
use crate::broker::unavailable;
use crate::shard::ports::BrokerError;

/// Where platforms publish.
pub const IN: &str = "picket.in";
/// Where ops and the daemons publish `supervisor.*`, `rules.*`, `clock.*`.
pub const CONTROL: &str = "picket.control";
/// Where platforms bind their queues to receive outputs.
pub const OUT: &str = "picket.out";
/// The exchange and the queue of what could not be understood or handled.
pub const DEAD: &str = "picket.dead";

/// Dead letters are returned to their queue by every look at them, which must never count against them; a limit that
/// is never reached also keeps their place in the queue, which no limit at all does not.
const NEVER: i64 = i32::MAX as i64;

const SINK: &str = ".sink";

/// The input queue of a shard.
#[must_use]
pub fn input_queue(shard: &str) -> String {
    format!("{IN}.{shard}")
}

/// The output gate of a shard: an exchange, and the queue that remembers whose token its bindings carry.
#[must_use]
pub fn gate(shard: &str) -> String {
    format!("picket.gate.{shard}")
}

/// The queue with the one message that says how far the journal of a shard was.
#[must_use]
pub fn beacon(shard: &str) -> String {
    format!("picket.beacon.{shard}")
}

/// The stream of everything a shard received.
#[must_use]
pub fn input_archive(shard: &str) -> String {
    format!("picket.archive.in.{shard}")
}

/// The stream of everything a shard published.
#[must_use]
pub fn output_archive(shard: &str) -> String {
    format!("picket.archive.out.{shard}")
}

/// A queue that holds the last output. It takes every output that passes the gate while no archive does, so that none
/// is unroutable.
pub(super) fn gate_sink(shard: &str) -> String {
    format!("{}{SINK}", gate(shard))
}

/// A shard as the broker sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardRoute {
    /// Its name, `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// The domains it owns; each binds `<domain>.#`. What moves a domain away unbinds it: AMQP can add what is missing and
    /// cannot list what is too much.
    pub domains: Vec<String>,
    /// Whether other shards have other domains: then a word of ops that names none of its own is not for it.
    pub is_one_of_several: bool,
}

/// One exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Its arguments.
    pub arguments: FieldTable,
}

/// One durable queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: FieldTable,
}

/// What a binding leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A queue.
    Queue,
    /// Another exchange.
    Exchange,
}

/// One binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The exchange it comes from.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// What that is.
    pub target: Target,
    /// The routing key or pattern.
    pub key: String,
}

/// Everything there must be, in the order it is made. The bindings of a gate are not part of it: they belong to the
/// owner of the shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Exchanges.
    pub exchanges: Vec<Exchange>,
    /// Queues and streams.
    pub queues: Vec<Queue>,
    /// Bindings.
    pub bindings: Vec<Binding>,
    /// The streams, which routing does not depend on.
    pub archives: Vec<Archive>,
}

impl Topology {
    /// What all shards share, and what this one needs.
    #[must_use]
    pub fn for_shard(options: &Options, shard: &ShardRoute) -> Self {
        let mut this = Self::shared(options);
        let (input, gate) = (input_queue(&shard.name), gate(&shard.name));
        this.exchanges.push(exchange(&gate, ExchangeKind::Headers, &[]));
        this.queues.extend([
            queue(
                &input,
                &[
                    ("x-queue-type", text("quorum")),
                    ("x-single-active-consumer", AMQPValue::Boolean(true)),
                    ("x-delivery-limit", number(i64::from(options.delivery_limit))),
                    ("x-max-length-bytes", number(i64::try_from(options.queue_limit_bytes).unwrap_or(i64::MAX))),
                    ("x-overflow", text("reject-publish")),
                    ("x-dead-letter-exchange", text(DEAD)),
                    ("x-dead-letter-strategy", text("at-least-once")),
                ],
            ),
            queue(&gate, &[("x-queue-type", text("quorum")), ("x-delivery-limit", number(NEVER))]),
            queue(
                &beacon(&shard.name),
                &[
                    ("x-queue-type", text("quorum")),
                    ("x-delivery-limit", number(NEVER)),
                    ("x-max-length", number(1)),
                    ("x-overflow", text("drop-head")),
                ],
            ),
            queue(&gate_sink(&shard.name), &[("x-max-length", number(1))]),
        ]);
        this.bindings.extend(everything_of(shard, &input));
        if options.archive {
            let (received, published) = (input_archive(&shard.name), output_archive(&shard.name));
            let bindings = everything_of(shard, &received);
            this.archives.push(Archive { queue: stream(&received, options), bindings });
            this.archives.push(Archive { queue: stream(&published, options), bindings: Vec::new() });
        }
        this
    }

    /// What all shards share.
    #[must_use]
    pub fn shared(options: &Options) -> Self {
        let age = i64::try_from(options.dead_age_ms).unwrap_or(i64::MAX);
        Self {
            exchanges: vec![
                exchange(DEAD, ExchangeKind::Fanout, &[]),
                exchange(IN, ExchangeKind::Topic, &[("alternate-exchange", text(DEAD))]),
                exchange(CONTROL, ExchangeKind::Topic, &[]),
                unheard::out(),
            ],
            queues: vec![queue(
                DEAD,
                &[
                    ("x-queue-type", text("quorum")),
                    ("x-delivery-limit", number(NEVER)),
                    ("x-message-ttl", number(age)),
                ],
            )],
            bindings: vec![binding(DEAD, DEAD, Target::Queue, "")],
            archives: Vec::new(),
        }
    }

    /// What there is, in words.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let exchanges = self.exchanges.iter().map(|one| format!("exchange {}", one.name));
        let queues = self.queues.iter().map(|one| format!("queue {}", one.name));
        let archives = self.archives.iter().map(|one| format!("stream {}", one.queue.name));
        let unheard = [format!("exchange {}", unheard::UNHEARD), format!("queue {}", unheard::UNHEARD)];
        exchanges.chain(queues).chain(archives).chain(unheard).collect()
    }

    /// Makes or checks it, as the options say, but for the archives; what is there already stays as it is.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] names the object and how to mend it; [`BrokerError::Unavailable`] otherwise.
    pub async fn settle(&self, options: &Options, connection: &Connection) -> Result<(), BrokerError> {
        match options.setup {
            Setup::Declare => self.declare(connection).await,
            Setup::Check => self.check(connection).await,
        }
    }

    /// Makes everything that is missing.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] for what is there and is different; [`BrokerError::Unavailable`].
    pub async fn declare(&self, connection: &Connection) -> Result<(), BrokerError> {
        // A refusal closes its channel, so this one is nobody else's.
        let mut channel = private_channel(connection).await?;
        for exchange in &self.exchanges {
            match exchange.declare(&channel, false).await {
                Err(BrokerError::Topology { .. }) if exchange.name == OUT => {
                    channel = private_channel(connection).await?;
                    unheard::out_of_before().declare(&channel, false).await?;
                }
                done => done?,
            }
        }
        let channel = self.settle_queues(connection, channel, false).await?;
        for binding in &self.bindings {
            binding.bind(&channel).await?;
        }
        close(&channel).await;
        Ok(())
    }

    /// Looks whether every exchange and queue is there. Arguments are not compared, see `differences`; bindings cannot be seen.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] for what is missing; [`BrokerError::Unavailable`].
    pub async fn check(&self, connection: &Connection) -> Result<(), BrokerError> {
        let channel = private_channel(connection).await?;
        for exchange in &self.exchanges {
            exchange.declare(&channel, true).await?;
        }
        close(&self.settle_queues(connection, channel, true).await?).await;
        Ok(())
    }

    /// Returns the channel to go on with.
    async fn settle_queues(
        &self,
        connection: &Connection,
        mut channel: Channel,
        passive: bool,
    ) -> Result<Channel, BrokerError> {
        for queue in &self.queues {
            match queue.try_declare(&channel, passive).await {
                // It lives on one node, which is away. Whoever needs it finds out; where archives are, nobody does.
                Err(error) if is_down(&error) && queue.name.ends_with(SINK) => {
                    channel = private_channel(connection).await?;
                }
                done => done.map_err(|error| refused("queue", &queue.name, error))?,
            }
        }
        Ok(channel)
    }
}

impl Exchange {
    pub(super) async fn declare(&self, channel: &Channel, passive: bool) -> Result<(), BrokerError> {
        let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(short(&self.name), self.kind.clone(), options, self.arguments.clone())
            .await
            .map_err(|error| refused("exchange", &self.name, error))
    }
}

impl Queue {
    pub(super) async fn declare(&self, channel: &Channel, passive: bool) -> Result<(), BrokerError> {
        self.try_declare(channel, passive).await.map_err(|error| refused("queue", &self.name, error))
    }

    pub(super) async fn try_declare(&self, channel: &Channel, passive: bool) -> Result<(), lapin::Error> {
        let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(short(&self.name), options, self.arguments.clone()).await.map(|_| ())
    }
}

impl Binding {
    pub(super) async fn bind(&self, channel: &Channel) -> Result<(), BrokerError> {
        let (to, from, key) = (short(&self.to), short(&self.from), short(&self.key));
        let done = match self.target {
            Target::Queue => {
                channel.queue_bind(to, from, key, QueueBindOptions::default(), FieldTable::default()).await
            }
            Target::Exchange => {
                channel.exchange_bind(to, from, key, ExchangeBindOptions::default(), FieldTable::default()).await
            }
        };
        done.map_err(|error| refused("binding of", &self.to, error))
    }
}

/// Says what the broker refused, and how to mend it, where the fault is in the topology.
pub(super) fn refused(what: &str, name: &str, error: lapin::Error) -> BrokerError {
    let ErrorKind::ProtocolError(amqp) = error.kind() else {
        return unavailable("setting up exchanges and queues", error);
    };
    let mend = match amqp.get_id() {
        // A broker that has just started takes connections before its queues are up: it will be there.
        404 if is_down(&error) => return unavailable("setting up exchanges and queues", error),
        404 => "it does not exist: run `picket setup`, or let the daemon declare it (setup = \"declare\")",
        403 => "the daemon's user may not do this: grant it configure, write and read on ^picket\\.",
        406 => {
            "it exists and is different: set the option back to what the broker has, or delete the object when it is \
             empty and start again"
        }
        _ => return unavailable("setting up exchanges and queues", error),
    };
    BrokerError::Topology { what: format!("{what} {name}: {mend} (the broker says: {})", amqp.get_message()) }
}

/// Whether RabbitMQ knows a durable queue and cannot bring it up, yet or for good.
pub(super) fn is_down(error: &lapin::Error) -> bool {
    const DOWN: &str = "is down or inaccessible";
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_message().as_str().contains(DOWN))
}

/// A channel for things that may fail.
pub(super) async fn private_channel(connection: &Connection) -> Result<Channel, BrokerError> {
    connection.create_channel().await.map_err(|error| unavailable("opening a channel", error))
}

/// Closes a channel whose work is done; that it is closed already is no harm.
pub(super) async fn close(channel: &Channel) {
    if let Err(error) = channel.close(200, ShortString::from("done")).await {
        tracing::debug!(%error, "a channel was closed already");
    }
}

/// Closes a connection whose work is done.
pub(super) async fn close_connection(connection: &Connection) {
    if let Err(error) = connection.close(200, ShortString::from("done")).await {
        tracing::debug!(%error, "a connection was closed already");
    }
}

/// Takes a domain away from a shard's queue and archive: AMQP adds what is missing and never takes away what is too much.
///
/// # Errors
/// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
pub(super) async fn unbind(connection: &Connection, shard: &str, domain: &str) -> Result<(), BrokerError> {
    let all = |from: &str| [input_queue(shard), input_archive(shard)].map(|queue| (from.to_owned(), queue));
    // An only shard takes every word of ops, and is none any more.
    let words = all(CONTROL).map(|binding| (binding, "#".to_owned()));
    let of_domain = [all(IN), all(CONTROL)].concat().into_iter().map(|binding| (binding, format!("{domain}.#")));
    for ((from, queue), key) in of_domain.chain(words) {
        // A queue that is not there, as an archive may be, closes the channel.
        let channel = private_channel(connection).await?;
        match channel.queue_unbind(short(&queue), short(&from), short(&key), FieldTable::default()).await {
            Err(error) if is_missing(&error) => tracing::debug!(queue, "there is nothing to unbind"),
            done => done.map_err(|error| refused("binding of", &queue, error))?,
        }
        close(&channel).await;
    }
    Ok(())
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404)
}

/// What a shard receives: all of its domains, and what ops say to it.
fn everything_of(shard: &ShardRoute, queue: &str) -> Vec<Binding> {
    let of_domains = |from: &str| -> Vec<Binding> {
        shard.domains.iter().map(|domain| binding(from, queue, Target::Queue, &format!("{domain}.#"))).collect()
    };
    let words =
        if shard.is_one_of_several { of_domains(CONTROL) } else { vec![binding(CONTROL, queue, Target::Queue, "#")] };
    [of_domains(IN), words].concat()
}

fn exchange(name: &str, kind: ExchangeKind, arguments: &[(&str, AMQPValue)]) -> Exchange {
    Exchange { name: name.to_owned(), kind, arguments: table(arguments) }
}

fn queue(name: &str, arguments: &[(&str, AMQPValue)]) -> Queue {
    Queue { name: name.to_owned(), arguments: table(arguments) }
}

fn stream(name: &str, options: &Options) -> Queue {
    let age = format!("{}s", options.archive_age_ms / 1000);
    queue(name, &[("x-queue-type", text("stream")), ("x-max-age", text(&age))])
}

fn binding(from: &str, to: &str, target: Target, key: &str) -> Binding {
    Binding { from: from.to_owned(), to: to.to_owned(), target, key: key.to_owned() }
}

pub(super) fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert(short(key), value.clone());
    }
    table
}

pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

pub(super) const fn number(value: i64) -> AMQPValue {
    AMQPValue::LongLongInt(value)
}
