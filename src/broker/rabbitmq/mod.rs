//! Decides how a shard lives on RabbitMQ: an inbox, an outbox behind a gate, dead letters, and the topology for them.
//!
//! Four connections for a shard, so that none can hold another up: the inbox consumes, the outbox publishes, dead
//! letters publish on their own, and what nobody hears is listened for. RabbitMQ stops reading from a connection that publishes while it has a memory or disk
//! alarm; acknowledgements must not be behind that.

mod archive;
mod beacon;
mod broker;
mod convert;
mod dead;
mod differences;
mod flight;
mod gate;
mod inbox;
mod letter;
mod link;
mod lock;
mod options;
mod outbox;
mod replay;
mod rights;
mod sender;
mod server;
pub mod topology;
mod unheard;

use lapin::ErrorKind;
use lapin::types::{MAX_SHORT_STRING_LENGTH, ShortString};

pub use archive::{Archive, Archiving};
pub use beacon::replace_beacon;
pub use broker::Rabbitmq;
pub use dead::RabbitDeadLetters;
pub use differences::differences;
pub use inbox::RabbitInbox;
pub use link::{Health, LinkState};
pub use options::{Options, Setup};
pub use outbox::RabbitOutbox;
pub use replay::has_input_archive;
pub use rights::{Lacking, Right, lacking};
pub use server::{Age, Server};
pub use topology::{ShardRoute, Topology};
pub use unheard::{Listening, UNHEARD, listening};

use crate::shard::ports::{BrokerError, BrokerTraits};

/// What this backend can do.
pub const TRAITS: BrokerTraits = BrokerTraits { gate: true, archive: true, reply: true, redelivery: true };

/// Makes or checks the topology of a shard once: what `picket setup` does, and what a daemon does first so that it
/// fails at its start and not at its first message.
///
/// # Errors
/// [`BrokerError::Topology`] names the object and how to mend it; [`BrokerError::Unavailable`].
pub async fn settle(options: &Options, shard: &ShardRoute) -> Result<(), BrokerError> {
    let attempt = async {
        let connection = link::connect(options, "setup").await?;
        let topology = Topology::for_shard(options, shard);
        topology.settle(options, &connection).await?;
        if let Archiving::Missing(what) = topology.settle_archives(options, &connection).await? {
            tracing::warn!(what, "an archive is missing");
        }
        if let Listening::Missing(what) = topology.settle_unheard(options, &connection).await? {
            tracing::warn!(what, "outputs that nobody hears are not noticed");
        }
        topology::close_connection(&connection).await;
        Ok(())
    };
    let limit = options.connect_timeout();
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| Err(crate::broker::unavailable("setting up exchanges and queues", "no answer in time")))
}

/// Takes a domain away from what a shard receives.
///
/// # Errors
/// [`BrokerError::Unavailable`], [`BrokerError::Topology`].
pub async fn unbind(options: &Options, shard: &str, domain: &str) -> Result<(), BrokerError> {
    let connection = link::connect(options, "setup").await?;
    let unbound = topology::unbind(&connection, shard, domain).await;
    topology::close_connection(&connection).await;
    unbound
}

/// How to mend it that a broker which is there lets this user not in; none where something else is wrong.
#[must_use]
pub fn locked_out(error: &BrokerError) -> Option<&'static str> {
    let BrokerError::Unavailable { source, .. } = error else { return None };
    let ErrorKind::ProtocolError(refusal) = source.downcast_ref::<lapin::Error>()?.kind() else { return None };
    match refusal.get_id() {
        403 => Some("user or password in broker.rabbitmq.url are not right, or are `guest` from another machine"),
        530 => {
            Some("let the user into the virtual host of broker.rabbitmq.url: rabbitmqctl add_vhost, set_permissions")
        }
        _ => None,
    }
}

/// AMQP's short strings end at 255 bytes, and the client panics beyond; names and keys of the contract are shorter.
pub(crate) fn short(text: &str) -> ShortString {
    let end = text.floor_char_boundary(MAX_SHORT_STRING_LENGTH);
    ShortString::from(&text[..end])
}
