//! Decides when what is forwarded goes out: once it is committed, in order, again and again until the other shard has it.
//!
//! It waits for nobody and nobody waits for it: inputs are acknowledged when their records are committed, and what is on
//! its way lies in the directory meanwhile.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::backoff::Backoff;
use super::handle::Health;
use super::identify::key;
use super::ports::{Broker, DirectoryKind, Forward, Store};
use super::state::ShardState;
use crate::telemetry::chain;

/// How much is read of the directory at once.
const PAGE: usize = 64;

/// Hands committed events to other shards, for one shard.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) shard: String,
    pub(super) store: Arc<dyn Store>,
    pub(super) broker: Arc<dyn Broker>,
    /// What is committed.
    pub(super) model: Arc<RwLock<ShardState>>,
    pub(super) health: Arc<watch::Sender<Health>>,
    /// There is something to do.
    pub(super) news: Arc<Notify>,
    /// Told of each record whose event has arrived.
    pub(super) arrived: mpsc::Sender<u64>,
}

impl Forwarder {
    /// Forwards until the loop hangs up.
    pub(super) async fn run(self) {
        let mut last = 0;
        loop {
            let page = self.model.read().unwrap_or_else(PoisonError::into_inner).forwards.behind(last, PAGE);
            if page.is_empty() {
                self.news.notified().await;
            }
            for ((record, row), forward) in page.iter().zip(self.read(&page).await) {
                match forward {
                    Some(forward) => self.forward(&forward).await,
                    // Erased by hand, or damaged: nothing could ever be sent.
                    None => {
                        tracing::error!(shard = self.shard, row, "an event to be forwarded is not in the directory")
                    }
                }
                last = *record;
                if self.arrived.send(last).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn read(&self, page: &[(u64, String)]) -> Vec<Option<Forward>> {
        let keys: Vec<_> = page.iter().map(|(_, row)| key(DirectoryKind::Forward, row.as_str())).collect();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            match self.store.directory(&self.shard, &keys).await {
                Ok(bodies) => {
                    return bodies.iter().map(|body| serde_json::from_slice(body.as_ref()?).ok()).collect();
                }
                Err(error) => self.wait(chain(&error), &mut backoff).await,
            }
        }
    }

    async fn forward(&self, forward: &Forward) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while let Err(error) = self.broker.forward(forward).await {
            self.wait(chain(&error), &mut backoff).await;
        }
        self.report(None);
    }

    async fn wait(&self, trouble: String, backoff: &mut Backoff) {
        self.report(Some(trouble));
        backoff.wait().await;
    }

    fn report(&self, trouble: Option<String>) {
        let is_news = self.health.send_if_modified(|health| {
            (trouble.is_some() || health.knows("forwarding")) && health.set("forwarding", trouble.clone())
        });
        if let Some(trouble) = trouble.filter(|_| is_news) {
            tracing::warn!(shard = self.shard, error = trouble, "forwarding is tried again");
        }
    }
}
