//! Decides what a daemon that stands by knows: it reads the journal behind the owner, so that its read model and its feed
//! show what the owner's do, and it can go on from there at once.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::backoff::Backoff;
use super::feed::Feed;
use super::ports::{Head, Store};
use super::recover::{Error, PAGE, Read, replay_aloud};
use super::state::ShardState;
use crate::contract::wire::OutMessage;
use crate::telemetry::chain;

/// How often it looks for more.
const LOOKED: Duration = Duration::from_millis(200);

/// Reads the journal of a shard that another daemon owns.
#[derive(Debug)]
pub(super) struct Follower {
    store: Arc<dyn Store>,
    shard: String,
    model: Arc<RwLock<ShardState>>,
    feed: Feed,
    /// The outputs that may have to be published by who takes over; none before the journal was read.
    outputs: Option<Vec<Arc<OutMessage>>>,
}

impl Follower {
    pub(super) const fn new(store: Arc<dyn Store>, shard: String, model: Arc<RwLock<ShardState>>, feed: Feed) -> Self {
        Self { store, shard, model, feed, outputs: None }
    }

    /// Follows until dropped. What cannot be read now is read later, from a snapshot: after a doubt nothing is kept.
    pub(super) async fn follow(&mut self) -> Infallible {
        let again = || Backoff::new(LOOKED, Duration::from_secs(5));
        let mut backoff = again();
        loop {
            match self.read_on().await {
                Ok(()) => {
                    backoff = again();
                    tokio::time::sleep(LOOKED).await;
                }
                Err(error) => {
                    tracing::warn!(shard = self.shard, error = %chain(&error), "the journal is followed later");
                    if !matches!(error, Error::Store(_)) {
                        self.outputs = None;
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    /// What was read, for the next owner.
    pub(super) fn into_read(self) -> Option<Read> {
        let outputs = self.outputs?;
        let state = self.model.read().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Read { state, outputs, replayed: 0 })
    }

    async fn read_on(&mut self) -> Result<(), Error> {
        let watermark = self.store.watermark(&self.shard).await?;
        match &mut self.outputs {
            None => self.begin(watermark).await?,
            Some(outputs) => outputs.retain(|output| output.number > watermark),
        }
        loop {
            let after = self.model.read().unwrap_or_else(PoisonError::into_inner).head.seq;
            let page = self.store.read(&self.shard, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            let read = Head { seq: last.seq, hash: last.hash.clone() };
            // Nobody sees what could still be lost.
            self.store.settle(&self.shard, &read).await?;
            let mut fresh = Vec::new();
            let replayed = {
                let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
                replay_aloud(&mut model, &self.shard, &page, u64::MAX, &mut fresh)
            };
            if let Some(outputs) = &mut self.outputs {
                outputs.extend(fresh.iter().map(Arc::clone));
            }
            self.feed.push(fresh);
            replayed?;
        }
    }

    /// Begins with what is there now, instead of what this daemon knew before.
    async fn begin(&mut self, watermark: u64) -> Result<(), Error> {
        let end = self.store.head(&self.shard).await?;
        let read = Read::begin(&*self.store, &self.shard, watermark).await?;
        let Read { state, outputs, .. } = read.up_to(&*self.store, &self.shard, &end).await?;
        self.store.settle(&self.shard, &end).await?;
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = state;
        let shown = self.feed.last();
        self.feed.push(outputs.iter().filter(|output| output.number > shown).map(Arc::clone).collect());
        self.outputs = Some(outputs);
        Ok(())
    }
}
