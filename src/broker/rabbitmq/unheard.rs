//! Decides how it is noticed that nobody has bound a queue for an output.
//!
//! A return tells nothing of it: behind the gate every output is also routed to the archive. So `picket.out` has an alternate
//! exchange, `picket.unheard`, and that a queue of the same name, which keeps the last of what nobody heard. The owner of a
//! shard empties it as it looks, whichever shard it is of. A `picket.out` from before has no alternate exchange, and
//! RabbitMQ changes none that is there: it is taken as it is, and a policy can give it one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicGetOptions, QueuePurgeOptions};
use lapin::{Channel, Connection, ExchangeKind};

use super::link::{Link, Opening};
use super::topology::{
    Binding, Exchange, OUT, Queue, Target, Topology, close, close_connection, number, private_channel, table, text,
};
use super::{Options, Setup, link, short};
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::shard::ports::{BrokerError, Ear, Unheard};

/// The exchange and the queue of outputs that nobody has bound a queue for.
pub const UNHEARD: &str = "picket.unheard";

/// As many outputs are kept until somebody looks: as many as are looked at each second are counted.
const KEPT: i64 = 10_000;
/// At so many of them one looks for their routing keys.
const LOOKED_AT: usize = 64;
/// How long a look that failed rests.
const REST: Duration = Duration::from_secs(30);

/// Whether outputs that nobody hears are noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listening {
    /// They are.
    Noticed,
    /// `picket.out` is from before and has no alternate exchange of its own; a policy may have given it one.
    ByPolicy,
    /// They are not.
    Missing(String),
}

/// `picket.out`, whose messages go to `picket.unheard` where it has no other way for them.
pub(super) fn out() -> Exchange {
    let arguments = table(&[("alternate-exchange", text(UNHEARD))]);
    Exchange { name: OUT.to_owned(), kind: ExchangeKind::Topic, arguments }
}

/// The same as earlier versions made it.
pub(super) fn out_of_before() -> Exchange {
    Exchange { arguments: table(&[]), ..out() }
}

pub(super) fn exchange() -> Exchange {
    Exchange { name: UNHEARD.to_owned(), kind: ExchangeKind::Fanout, arguments: table(&[]) }
}

pub(super) fn queue() -> Queue {
    Queue { name: UNHEARD.to_owned(), arguments: table(&[("x-max-length", number(KEPT))]) }
}

pub(super) fn binding() -> Binding {
    Binding { from: UNHEARD.to_owned(), to: UNHEARD.to_owned(), target: Target::Queue, key: String::new() }
}

impl Topology {
    /// Makes or checks what outputs that nobody hears go to, as the options say. Nothing else depends on it.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    pub async fn settle_unheard(&self, options: &Options, connection: &Connection) -> Result<Listening, BrokerError> {
        let channel = private_channel(connection).await?;
        let passive = options.setup == Setup::Check;
        let settled = async {
            exchange().declare(&channel, passive).await?;
            queue().declare(&channel, passive).await?;
            if passive { Ok(()) } else { binding().bind(&channel).await }
        };
        let settled = settled.await;
        close(&channel).await;
        match settled {
            Ok(()) => Ok(Listening::Noticed),
            Err(BrokerError::Topology { what }) => Ok(Listening::Missing(what)),
            // A queue of one node, which may be away: everything else goes on.
            Err(error) if connection.status().connected() => Ok(Listening::Missing(link::chain(&error))),
            Err(error) => Err(error),
        }
    }
}

/// Looks whether outputs that nobody hears are noticed; makes nothing.
///
/// # Errors
/// [`BrokerError::Topology`] when the url cannot be read; [`BrokerError::Unavailable`].
pub async fn listening(options: &Options) -> Result<Listening, BrokerError> {
    let options = Options { setup: Setup::Check, ..options.clone() };
    let looking = async {
        let connection = link::connect(&options, "doctor").await?;
        let mut found = Topology::shared(&options).settle_unheard(&options, &connection).await?;
        let channel = private_channel(&connection).await?;
        // One that is there is made by nobody again; it is compared.
        if found == Listening::Noticed && out().declare(&channel, true).await.is_ok() {
            let same = out().declare(&channel, false).await;
            if matches!(same, Err(BrokerError::Topology { .. })) {
                found = Listening::ByPolicy;
            }
        }
        close(&channel).await;
        close_connection(&connection).await;
        Ok(found)
    };
    tokio::time::timeout(options.connect_timeout(), looking)
        .await
        .unwrap_or_else(|_| Err(unavailable("looking for outputs that nobody hears", "no answer in time")))
}

/// Looks at what nobody heard, over a connection that publishes nothing: no alarm stops it, and it holds up no output.
#[derive(Debug)]
pub(super) struct RabbitEar {
    link: Link<Connection>,
    limit: Duration,
    channel: Option<Channel>,
    failed: Option<Monotonic>,
}

impl RabbitEar {
    /// Prepares it; its first use connects.
    #[must_use]
    pub(super) fn new(options: &Arc<Options>) -> Self {
        let opens = |connection: Connection| -> Opening<Connection> { Box::pin(async { Ok(connection) }) };
        let link = Link::new(Arc::clone(options), UNHEARD.to_owned(), opens);
        Self { link, limit: options.publish_timeout(), channel: None, failed: None }
    }

    async fn take(&mut self) -> Result<Unheard, Box<dyn std::error::Error + Send + Sync>> {
        let (_, connection) = self.link.session().await?;
        if !connection.status().connected() {
            self.channel = None;
            self.link.lose("the connection closed without a word");
            return Ok(Unheard::default());
        }
        let channel = match self.channel.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => connection.create_channel().await?,
        };
        let mut found = Unheard::default();
        while found.routing_keys.len() < LOOKED_AT {
            let Some(message) = channel.basic_get(short(UNHEARD), BasicGetOptions { no_ack: true }).await? else {
                break;
            };
            found.routing_keys.push(message.delivery.routing_key.to_string());
        }
        found.count = found.routing_keys.len() as u64;
        if found.routing_keys.len() == LOOKED_AT {
            found.count += u64::from(channel.queue_purge(short(UNHEARD), QueuePurgeOptions::default()).await?);
        }
        self.channel = Some(channel);
        Ok(found)
    }
}

#[async_trait]
impl Ear for RabbitEar {
    async fn listen(&mut self) -> Unheard {
        if self.failed.is_some_and(|since| since.elapsed() < REST) {
            return Unheard::default();
        }
        let limit = self.limit;
        let taken = tokio::time::timeout(limit, self.take()).await.unwrap_or_else(|late| Err(late.into()));
        self.failed = taken.is_err().then(Monotonic::now);
        taken.unwrap_or_else(|error| {
            tracing::debug!(%error, "what nobody heard cannot be looked at");
            Unheard::default()
        })
    }
}
