//! Decides where it is remembered, outside the store, how far the journal of a shard was: in one message.
//!
//! The quorum queue `picket.beacon.<shard>` holds the last beacon and drops the one before. Whoever looks takes it without
//! an acknowledgement and closes the channel, which returns it. Meanwhile the queue seems to be empty; so one looks at a
//! time, by a lock that ends with the connection of who holds it.

use std::time::Duration;

use lapin::options::BasicGetOptions;
use lapin::{Channel, Confirmation, Connection};

use super::convert::persistent;
use super::lock::{self, Lock};
use super::outbox::{confirming, publish_one};
use super::topology::{beacon as queue_of, close, close_connection, private_channel, refused};
use super::{Options, link, short};
use crate::broker::unavailable;
use crate::shard::ports::{Beacon, BrokerError};

/// What a connection that was lost had taken returns in a moment: only then a queue is empty.
const MOMENT: Duration = Duration::from_millis(500);

/// Reads the beacon of a shard.
pub(super) async fn read(connection: &Connection, shard: &str) -> Result<Option<Beacon>, BrokerError> {
    let lock = Lock::acquire(connection, format!("{}.lock", queue_of(shard))).await?;
    let channel = private_channel(connection).await?;
    let found = match look(&channel, shard).await {
        Ok(None) => {
            tokio::time::sleep(MOMENT).await;
            look(&channel, shard).await
        }
        found => found,
    };
    close(&channel).await;
    lock.release(connection).await?;
    found
}

async fn look(channel: &Channel, shard: &str) -> Result<Option<Beacon>, BrokerError> {
    let queue = queue_of(shard);
    let got = channel.basic_get(short(&queue), BasicGetOptions::default()).await;
    let Some(message) = got.map_err(|error| refused("queue", &queue, error))? else { return Ok(None) };
    let read = serde_json::from_slice(&message.delivery.data);
    let what = |error| format!("queue {queue} holds something that is no beacon ({error}): purge it");
    read.map(Some).map_err(|error| BrokerError::Topology { what: what(error) })
}

/// Leaves a beacon, confirmed.
pub(super) async fn write(connection: &Connection, shard: &str, beacon: &Beacon) -> Result<(), BrokerError> {
    const ATTEMPT: &str = "leaving the beacon";
    let channel = confirming(connection).await?;
    let body = serde_json::to_vec(beacon).map_err(|error| unavailable(ATTEMPT, error))?;
    let sent = publish_one(channel.clone(), String::new(), queue_of(shard), body.into(), persistent()).await;
    let done = match sent {
        Ok(Confirmation::Ack(None)) => Ok(()),
        Ok(Confirmation::Ack(Some(_))) => Err(BrokerError::Topology {
            what: format!("queue {} does not exist: run `picket setup`, or start again", queue_of(shard)),
        }),
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => {
            Err(unavailable(ATTEMPT, "the broker did not take it"))
        }
        Err(error) => Err(unavailable(ATTEMPT, error)),
    };
    close(&channel).await;
    done
}

/// Puts another beacon in the place of the one that is there, which is returned: an operator's word, who knows the other.
///
/// # Errors
/// [`BrokerError::Topology`], [`BrokerError::Unavailable`].
pub async fn replace_beacon(
    options: &Options,
    shard: &str,
    beacon: impl FnOnce(Option<&Beacon>) -> Beacon,
) -> Result<Option<Beacon>, BrokerError> {
    let attempt = async {
        let connection = link::connect(options, "beacon").await?;
        let before = read(&connection, shard).await?;
        write(&connection, shard, &beacon(before.as_ref())).await?;
        close_connection(&connection).await;
        Ok(before)
    };
    tokio::time::timeout(options.connect_timeout() + lock::PATIENCE, attempt)
        .await
        .unwrap_or_else(|late| Err(unavailable("leaving the beacon", late)))
}
