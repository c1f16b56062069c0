//! Decides who of several daemons may do a thing that only one may do at a time: whose connection holds the queue.
//!
//! An exclusive queue belongs to the connection that declared it and ends with it. Whoever lost the connection can do
//! nothing more over it either, so the lock cannot outlive the right to act, which a lease could.

use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ErrorKind};

use super::short;
use super::topology::{private_channel, refused};
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::shard::ports::BrokerError;

/// How long one daemon waits for another; longer than a frozen one keeps its connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);
const RESOURCE_LOCKED: u16 = 405;

/// A lock held over a connection, until released or until the connection ends.
pub(super) struct Lock {
    name: String,
}

impl Lock {
    /// Waits for the lock.
    pub(super) async fn acquire(connection: &Connection, name: String) -> Result<Self, BrokerError> {
        let since = Monotonic::now();
        loop {
            let channel = private_channel(connection).await?;
            let declared =
                channel.queue_declare(short(&name), QueueDeclareOptions::exclusive(), FieldTable::default()).await;
            match declared {
                Ok(_) => return Ok(Self { name }),
                Err(error) if !is_locked(&error) => return Err(refused("queue", &name, error)),
                Err(_) if since.elapsed() >= PATIENCE => {
                    return Err(unavailable("waiting for a lock", format!("{name} is held by another daemon")));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Gives it back, over the connection that holds it.
    pub(super) async fn release(self, connection: &Connection) -> Result<(), BrokerError> {
        let channel = private_channel(connection).await?;
        channel
            .queue_delete(short(&self.name), QueueDeleteOptions::default())
            .await
            .map(|_| ())
            .map_err(|error| unavailable("releasing a lock", error))
    }
}

fn is_locked(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == RESOURCE_LOCKED)
}
