//! Decides what the directory says while its latest writes are not committed yet.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::neighbours::Homes;
use super::ports::{DirectoryKey, DirectoryWrite, Store, StoreError};

/// Writes of records that are decided and not yet committed; they win over what the store holds.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    rows: HashMap<DirectoryKey, (u64, Option<Bytes>)>,
    order: VecDeque<(u64, DirectoryKey)>,
}

/// Rows read from the store for one batch.
#[derive(Debug, Default)]
pub(super) struct Rows {
    own: HashMap<DirectoryKey, Option<Bytes>>,
    /// Where those are at home whom only another shard knows.
    pub(super) homes: Homes,
}

impl Overlay {
    /// Lays writes of record `seq` over the store.
    pub(super) fn write(&mut self, seq: u64, writes: &[DirectoryWrite]) {
        for write in writes {
            self.rows.insert(write.key.clone(), (seq, write.body.clone()));
            self.order.push_back((seq, write.key.clone()));
        }
    }

    /// Takes away what the store holds by now: everything up to record `seq`.
    pub(super) fn committed(&mut self, seq: u64) {
        while let Some((written, key)) = self.order.pop_front_if(|(written, _)| *written <= seq) {
            if self.rows.get(&key).is_some_and(|(latest, _)| *latest == written) {
                self.rows.remove(&key);
            }
        }
    }

    /// A row as it will be once everything decided is committed.
    pub(super) fn row<T: serde::de::DeserializeOwned>(&self, rows: &Rows, key: &DirectoryKey) -> Option<T> {
        let body = match self.rows.get(key) {
            Some((_, body)) => body.as_ref(),
            None => rows.own.get(key)?.as_ref(),
        }?;
        serde_json::from_slice(body)
            .inspect_err(|error| tracing::error!(kind = ?key.kind, %error, "a directory row cannot be read"))
            .ok()
    }
}

impl Rows {
    /// Reads rows that are not there yet.
    pub(super) async fn fetch(
        &mut self,
        store: &dyn Store,
        shard: &str,
        keys: Vec<DirectoryKey>,
    ) -> Result<(), StoreError> {
        let keys: Vec<DirectoryKey> = keys.into_iter().filter(|key| !self.own.contains_key(key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let bodies = store.directory(shard, &keys).await?;
        self.own.extend(keys.into_iter().zip(bodies));
        Ok(())
    }
}
