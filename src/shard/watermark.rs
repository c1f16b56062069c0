//! Decides when it is put on record how far outputs are published: once a second, beside publishing, which waits for no store.

use std::sync::Arc;
use std::time::Duration;

use super::outqueue::Outqueue;
use super::ports::{Store, StoreError, Token};
use crate::telemetry::chain;

/// How often it is written.
const PACE: Duration = Duration::from_secs(1);

/// Writes the number of the last published output down.
#[derive(Debug)]
pub(super) struct Watermark {
    pub(super) queue: Arc<Outqueue>,
    pub(super) store: Arc<dyn Store>,
    pub(super) shard: String,
    pub(super) token: Token,
}

impl Watermark {
    /// Writes it again and again, until ownership ends.
    pub(super) async fn keep(&self) -> StoreError {
        let mut pace = tokio::time::interval(PACE);
        loop {
            pace.tick().await;
            if let Err(error) = self.note().await {
                return error;
            }
        }
    }

    /// Writes it down, if it has moved. Being late with it only publishes something again, under the same id.
    ///
    /// # Errors
    /// When ownership has ended.
    pub(super) async fn note(&self) -> Result<(), StoreError> {
        let (published, persisted) = (self.queue.published(), self.queue.persisted());
        if published == persisted {
            return Ok(());
        }
        match self.store.set_watermark(&self.shard, &self.token, published).await {
            Ok(()) => {
                self.queue.persist(published);
                Ok(())
            }
            Err(error) if error.ends_ownership() => Err(error),
            Err(error) => {
                tracing::debug!(error = %chain(&error), "the watermark is written later");
                Ok(())
            }
        }
    }
}
