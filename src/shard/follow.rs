//! Decides what a daemon that stands by knows: it reads the journal behind the owner, so that its read model and its feed
//! show what the owner's do, and it can go on from there at once.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::backoff::Backoff;
use super::feed::Feed;
use super::ports::{Head, Store};
use super::recover::{Error, PAGE, Read, replay, replay_aloud};
use super::state::ShardState;
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
    /// What the next owner begins with, beside the read model, so that nothing is copied when it takes over; none before the
    /// journal was read.
    read: Option<Read>,
}

impl Follower {
    pub(super) const fn new(store: Arc<dyn Store>, shard: String, model: Arc<RwLock<ShardState>>, feed: Feed) -> Self {
        Self { store, shard, model, feed, read: None }
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
                        self.read = None;
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    /// What was read, for the next owner.
    pub(super) fn into_read(self) -> Option<Read> {
        self.read
    }

    async fn read_on(&mut self) -> Result<(), Error> {
        let watermark = self.store.watermark(&self.shard).await?;
        match &mut self.read {
            None => self.read = Some(self.begin(watermark).await?),
            Some(read) => read.outputs.retain(|output| output.number > watermark),
        }
        while let Some(read) = &mut self.read {
            let page = self.store.read(&self.shard, read.state.head.seq, PAGE).await?;
            let Some(last) = page.last() else { break };
            // Nobody sees what could still be lost.
            self.store.settle(&self.shard, &Head { seq: last.seq, hash: last.hash.clone() }).await?;
            let mut fresh = Vec::new();
            let replayed = replay_aloud(&mut read.state, &self.shard, &page, u64::MAX, &mut fresh);
            read.outputs.extend(fresh.iter().map(Arc::clone));
            let shown = {
                let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
                replay(&mut model, &page, u64::MAX, |_, _, _| {})
            };
            self.feed.push(fresh);
            replayed.and(shown)?;
        }
        Ok(())
    }

    /// Begins with what is there now, instead of what this daemon knew before.
    async fn begin(&self, watermark: u64) -> Result<Read, Error> {
        let end = self.store.head(&self.shard).await?;
        let read = Read::begin(&*self.store, &self.shard, watermark).await?;
        let mut read = read.up_to(&*self.store, &self.shard, &end).await?;
        self.store.settle(&self.shard, &end).await?;
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = read.state.clone();
        read.replayed = 0;
        let shown = self.feed.last();
        self.feed.push(read.outputs.iter().filter(|output| output.number > shown).map(Arc::clone).collect());
        Ok(read)
    }
}
