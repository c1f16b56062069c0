//! Decides nothing that lasts: a store in the memory of one process, with the semantics of the durable ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{check_batch, check_read};
use crate::shard::ownership::{Ownership, Place};
use crate::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, DirectoryWrite, Entry, Head, Snapshot, Store, StoreError, StoreTraits, Token,
};

/// A store that is forgotten with the process. Clones share what they hold, as two daemons share a server.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    shards: Arc<Mutex<BTreeMap<String, Shard>>>,
}

#[derive(Clone, Debug, Default)]
struct Shard {
    owner: Ownership,
    trimmed: u64,
    journal: VecDeque<Entry>,
    /// Oldest first, at most two.
    snapshots: Vec<Snapshot>,
    watermark: u64,
    directory: BTreeMap<DirectoryKey, Bytes>,
    blobs: BTreeMap<String, Bytes>,
    /// In how many lives a message was tried, and the last of them.
    attempts: BTreeMap<String, (u32, String)>,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another store that holds the same, as a replica or a backup does.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { shards: Arc::new(Mutex::new(self.locked().clone())) }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Shard>> {
        // No method leaves a shard half changed, so what a panicking thread left behind is whole.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading<T>(&self, shard: &str, read: impl FnOnce(&Shard) -> T) -> T {
        read(self.locked().entry(shard.to_owned()).or_default())
    }

    fn owning<T>(
        &self,
        shard: &str,
        token: &Token,
        write: impl FnOnce(&mut Shard) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut shards = self.locked();
        let shard = shards.entry(shard.to_owned()).or_default();
        shard.owner.admit(token)?;
        write(shard)
    }
}

impl Shard {
    fn append(&mut self, batch: &Batch) {
        self.journal.extend(batch.entries.iter().cloned());
        for DirectoryWrite { key, body } in &batch.directory {
            match body {
                Some(body) => self.directory.insert(key.clone(), body.clone()),
                None => self.directory.remove(key),
            };
        }
        for (hash, body) in &batch.blobs {
            self.blobs.insert(hash.clone(), body.clone());
        }
    }

    fn keep(&mut self, snapshot: &Snapshot) {
        self.snapshots.retain(|kept| kept.head.seq != snapshot.head.seq);
        self.snapshots.push(snapshot.clone());
        self.snapshots.sort_by_key(|kept| kept.head.seq);
        let surplus = self.snapshots.len().saturating_sub(2);
        self.snapshots.drain(..surplus);
    }

    fn trim(&mut self, seq: u64) {
        let safe = self.snapshots.first().map_or(0, |snapshot| snapshot.head.seq).min(seq);
        while self.journal.front().is_some_and(|entry| entry.seq <= safe) {
            self.journal.pop_front();
        }
        self.trimmed = self.trimmed.max(safe);
    }
}

#[async_trait]
impl Store for Memory {
    fn traits(&self) -> StoreTraits {
        StoreTraits { durable: false, shared: false }
    }

    async fn acquire(
        &self,
        shard: &str,
        _instance: &str,
        nonce: &str,
        epoch_floor: u64,
    ) -> Result<(Token, Head), StoreError> {
        let mut shards = self.locked();
        let shard = shards.entry(shard.to_owned()).or_default();
        let token = shard.owner.take_over(nonce, epoch_floor);
        Ok((token, shard.owner.head.clone()))
    }

    async fn append(&self, shard: &str, token: &Token, expected: &Head, batch: &Batch) -> Result<Head, StoreError> {
        check_batch(expected, batch)?;
        self.owning(shard, token, |shard| {
            if shard.owner.advance(expected, batch)? == Place::Free {
                shard.append(batch);
            }
            Ok(shard.owner.head.clone())
        })
    }

    async fn head(&self, shard: &str) -> Result<Head, StoreError> {
        Ok(self.reading(shard, |shard| shard.owner.head.clone()))
    }

    async fn read(&self, shard: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.reading(shard, |shard| {
            let skipped = usize::try_from(after.saturating_sub(shard.trimmed)).unwrap_or(usize::MAX);
            let found: Vec<Entry> = shard.journal.iter().skip(skipped).take(limit).cloned().collect();
            check_read(found.iter().map(|entry| entry.seq), after, shard.trimmed, shard.owner.head.seq, limit)?;
            Ok(found)
        })
    }

    async fn save_snapshot(&self, shard: &str, token: &Token, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.owning(shard, token, |shard| {
            if snapshot.head.seq > shard.owner.head.seq {
                return Err(StoreError::HeadMismatch { found: shard.owner.head.clone() });
            }
            shard.keep(snapshot);
            Ok(())
        })
    }

    async fn snapshots(&self, shard: &str) -> Result<Vec<Snapshot>, StoreError> {
        Ok(self.reading(shard, |shard| shard.snapshots.iter().rev().cloned().collect()))
    }

    async fn trim(&self, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError> {
        self.owning(shard, token, |shard| {
            shard.trim(seq);
            Ok(())
        })
    }

    async fn set_watermark(&self, shard: &str, token: &Token, number: u64) -> Result<(), StoreError> {
        self.owning(shard, token, |shard| {
            shard.watermark = shard.watermark.max(number);
            Ok(())
        })
    }

    async fn watermark(&self, shard: &str) -> Result<u64, StoreError> {
        Ok(self.reading(shard, |shard| shard.watermark))
    }

    async fn directory(&self, shard: &str, keys: &[DirectoryKey]) -> Result<Vec<Option<Bytes>>, StoreError> {
        Ok(self.reading(shard, |shard| keys.iter().map(|key| shard.directory.get(key).cloned()).collect()))
    }

    async fn rows(&self, shard: &str, kind: DirectoryKind) -> Result<Vec<(String, Bytes)>, StoreError> {
        Ok(self.reading(shard, |shard| {
            let of_kind = shard.directory.iter().filter(|(key, _)| key.kind == kind);
            of_kind.map(|(key, body)| (key.id.clone(), body.clone())).collect()
        }))
    }

    async fn shards(&self) -> Result<Vec<String>, StoreError> {
        let shards = self.locked();
        Ok(shards.iter().filter(|(_, shard)| shard.owner.epoch > 0).map(|(name, _)| name.clone()).collect())
    }

    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.reading(shard, |shard| shard.blobs.get(hash).cloned()))
    }

    async fn note_attempt(&self, shard: &str, token: &Token, message: &str, life: &str) -> Result<u32, StoreError> {
        self.owning(shard, token, |shard| {
            let (lives, last) = shard.attempts.entry(message.to_owned()).or_default();
            if last != life {
                *lives += 1;
                life.clone_into(last);
            }
            Ok(*lives)
        })
    }

    async fn forget_attempts(&self, shard: &str, token: &Token, message: Option<&str>) -> Result<(), StoreError> {
        self.owning(shard, token, |shard| {
            shard.attempts.retain(|known, _| message.is_some_and(|message| known != message));
            Ok(())
        })
    }

    async fn attempts(&self, shard: &str) -> Result<u64, StoreError> {
        Ok(self.reading(shard, |shard| shard.attempts.len() as u64))
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
