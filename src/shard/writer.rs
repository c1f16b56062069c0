//! Decides when a batch counts as committed: it is appended at the expected head, again and again until the store
//! says yes, or says that somebody else owns the shard.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::backoff::Backoff;
use super::decided::{Decided, batch_of};
use super::handle::Health;
use super::ports::{Head, Store, StoreError, Token};
use crate::clock::Monotonic;
use crate::telemetry::{CommitResult, Metrics, chain};

/// Appends batches, one at a time.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) shard: String,
    pub(super) token: Token,
    pub(super) head: Head,
    pub(super) health: Arc<watch::Sender<Health>>,
    pub(super) metrics: Arc<Metrics>,
}

/// What became of a batch.
pub(super) type Written = Result<Vec<Decided>, StoreError>;

impl Writer {
    /// Writes what comes until the loop hangs up or ownership ends.
    pub(super) async fn run(mut self, mut batches: mpsc::Receiver<Vec<Decided>>, written: mpsc::Sender<Written>) {
        while let Some(decided) = batches.recv().await {
            let result = self.write(&decided).await;
            let over = result.is_err();
            if written.send(result.map(|()| decided)).await.is_err() || over {
                return;
            }
        }
    }

    async fn write(&mut self, decided: &[Decided]) -> Result<(), StoreError> {
        let batch = batch_of(decided);
        if batch.entries.is_empty() {
            return Ok(());
        }
        let started = Monotonic::now();
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            match self.store.append(&self.shard, &self.token, &self.head, &batch).await {
                Ok(head) => {
                    self.head = head;
                    self.metrics.committed(&self.shard, batch.entries.len(), started.elapsed(), self.head.seq);
                    self.metrics.append(CommitResult::Committed);
                    self.report(None);
                    return Ok(());
                }
                Err(error) if error.ends_ownership() => {
                    self.metrics.append(CommitResult::Lost);
                    return Err(error);
                }
                Err(error) => {
                    let trouble = chain(&error);
                    tracing::warn!(shard = self.shard, error = trouble, "append is tried again");
                    self.metrics.append(CommitResult::Retried);
                    self.report(Some(trouble));
                    backoff.wait().await;
                }
            }
        }
    }

    fn report(&self, trouble: Option<String>) {
        self.health.send_if_modified(|health| health.set("store", trouble));
    }
}
