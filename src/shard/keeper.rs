//! Decides when a snapshot is taken and kept: from committed state, and only once all its outputs are published.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::ports::{Snapshot, Store, Token};
use super::snapshot;
use super::state::ShardState;
use crate::telemetry::chain;

/// Takes snapshots of the committed state.
#[derive(Debug)]
pub(super) struct Snapshots {
    every: u64,
    last: (u64, picket_core::Timestamp),
    waiting: Option<(u64, ShardState)>,
    keep: mpsc::Sender<ShardState>,
}

impl Snapshots {
    /// Takes one every so many records; what is taken goes to `keep`.
    pub(super) const fn new(every: u64, at: &ShardState, keep: mpsc::Sender<ShardState>) -> Self {
        Self { every, last: (at.head.seq, at.time), waiting: None, keep }
    }

    /// Looks whether one is due, and whether one taken earlier may be kept: `published` is the last output on record
    /// as published.
    pub(super) fn consider(&mut self, model: &ShardState, published: u64) {
        if self.waiting.is_none() && snapshot::due(self.last, (model.head.seq, model.time), self.every) {
            self.last = (model.head.seq, model.time);
            self.waiting = Some((model.outputs, model.clone()));
        }
        if let Some((outputs, state)) = self.waiting.take() {
            if outputs > published {
                self.waiting = Some((outputs, state));
            } else if let Err(error) = self.keep.try_send(state) {
                // The one before is still being written: the next one will do.
                tracing::debug!(%error, "a snapshot is skipped");
            }
        }
    }
}

/// Encodes and keeps snapshots, and trims the journal behind the older one kept.
pub(super) async fn keep_snapshots(
    store: Arc<dyn Store>,
    shard: String,
    token: Token,
    mut states: mpsc::Receiver<ShardState>,
) {
    while let Some(state) = states.recv().await {
        let encoded = tokio::task::spawn_blocking(move || snapshot::encode(&state)).await;
        match encoded {
            Ok(Ok(snapshot)) => keep_one(&*store, &shard, &token, &snapshot).await,
            Ok(Err(error)) => tracing::error!(shard, error = %chain(&error), "a snapshot could not be encoded"),
            Err(error) => tracing::error!(shard, %error, "encoding a snapshot panicked"),
        }
    }
}

async fn keep_one(store: &dyn Store, shard: &str, token: &Token, snapshot: &Snapshot) {
    let result = async {
        store.save_snapshot(shard, token, snapshot).await?;
        // Records up to the older snapshot are in both; a damaged newer one still leaves a way back.
        match store.snapshots(shard).await?.get(1) {
            Some(older) => store.trim(shard, token, older.head.seq).await,
            None => Ok(()),
        }
    };
    match result.await {
        Ok(()) => tracing::info!(shard, seq = snapshot.head.seq, bytes = snapshot.body.len(), "snapshot kept"),
        Err(error) => tracing::warn!(shard, error = %chain(&error), "a snapshot could not be kept"),
    }
}
