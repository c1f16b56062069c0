//! Decides what is different at the broker from what the options say. A passive declare compares nothing: what is there is
//! declared once more, which makes nothing either, and is refused where it differs.

use lapin::ErrorKind;

use super::topology::{Topology, close, close_connection, private_channel, refused};
use super::{Options, ShardRoute, link};
use crate::broker::unavailable;
use crate::shard::ports::BrokerError;

const DIFFERENT: u16 = 406;

/// What is there for a shard and differs, in words that say how to mend it. Of what the user may not declare nothing is known.
///
/// # Errors
/// [`BrokerError::Topology`] when the url cannot be read; [`BrokerError::Unavailable`].
pub async fn differences(options: &Options, shard: &ShardRoute) -> Result<Vec<String>, BrokerError> {
    let topology = Topology::for_shard(options, shard);
    let looking = async {
        let connection = link::connect(options, "doctor").await?;
        let mut found = Vec::new();
        for queue in topology.queues.iter().chain(topology.archives.iter().map(|archive| &archive.queue)) {
            let channel = private_channel(&connection).await?;
            if queue.declare(&channel, true).await.is_ok()
                && let Err(error) = queue.try_declare(&channel, false).await
                && is_different(&error)
                && let BrokerError::Topology { what } = refused("queue", &queue.name, error)
            {
                found.push(what);
            }
            close(&channel).await;
        }
        close_connection(&connection).await;
        Ok(found)
    };
    tokio::time::timeout(options.connect_timeout(), looking)
        .await
        .unwrap_or_else(|_| Err(unavailable("comparing queues", "no answer in time")))
}

fn is_different(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == DIFFERENT)
}
