//! Decides what happens when an archive is not there: it is waited for a little, and then routing goes on without it.
//!
//! The archives are streams that keep everything received and published. A broker that was killed brings its streams up
//! moments after it takes connections; and a RabbitMQ 3.10 that is killed within half a second of making its first
//! stream never brings that one up again, and can neither delete nor replace it. Contacts must not wait for either.

use std::time::Duration;

use lapin::Connection;

use super::topology::{Binding, Queue, Topology, close, is_down, private_channel, refused};
use super::{Options, Setup};
use crate::clock::Monotonic;
use crate::shard::ports::BrokerError;

/// How long an archive may take to come up, behind its broker.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(200);

/// One stream, and what it keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// The stream.
    pub queue: Queue,
    /// What is kept in it.
    pub bindings: Vec<Binding>,
}

/// Whether everything that passes is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Archiving {
    /// It is.
    Kept,
    /// The options say no.
    Off,
    /// It should be, and the broker cannot bring an archive up.
    Missing(String),
}

impl Topology {
    /// Makes or checks the archives, as the options say, and waits a little for those that are not up.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] for what is there and is different; [`BrokerError::Unavailable`].
    pub async fn settle_archives(&self, options: &Options, connection: &Connection) -> Result<Archiving, BrokerError> {
        if self.archives.is_empty() {
            return Ok(Archiving::Off);
        }
        let since = Monotonic::now();
        for archive in &self.archives {
            while !archive.settle(options.setup, connection).await? {
                if since.elapsed() >= PATIENCE {
                    return Ok(Archiving::Missing(format!(
                        "the broker cannot bring {} up; nothing is kept there meanwhile",
                        archive.queue.name
                    )));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(Archiving::Kept)
    }
}

impl Archive {
    /// Whether it is there now, with its bindings.
    async fn settle(&self, setup: Setup, connection: &Connection) -> Result<bool, BrokerError> {
        let channel = private_channel(connection).await?;
        match self.queue.try_declare(&channel, setup == Setup::Check).await {
            Err(error) if is_down(&error) => return Ok(false),
            Err(error) => return Err(refused("queue", &self.queue.name, error)),
            Ok(()) => {}
        }
        if setup == Setup::Declare {
            for binding in &self.bindings {
                binding.bind(&channel).await?;
            }
        }
        close(&channel).await;
        Ok(true)
    }
}
