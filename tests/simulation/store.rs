//! Decides how a store behaves that has the measured vices of Redis: it does what nobody hears of, does things late, and
//! loses, when a replica takes over, what no replica has confirmed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use picket::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, Entry, Head, Lease, Snapshot, Store, StoreError, StoreTraits, Token,
};
use picket::store::Memory;
use tokio::time::Instant;

use crate::fate::{Fate, Flaw, Slip};
use crate::link::{Broken, Process};

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    primary: Memory,
    /// What every replica has, where that is less.
    replica: Option<Memory>,
    leases: BTreeMap<String, (String, Instant)>,
    away: bool,
    torn: bool,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            primary: Memory::new(),
            replica: None,
            leases: BTreeMap::new(),
            away: false,
            torn: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// A replica takes over: one that has everything, or one that has only what counts as committed.
    pub(crate) fn fail_over(&self, fate: &Fate) {
        let state = &mut *self.state();
        if let Some(replica) = state.replica.take()
            && fate.below(2) == 0
        {
            state.primary = replica;
        }
        if fate.below(2) == 0 {
            state.leases.clear();
        }
    }

    /// What is stored, for the judge.
    pub(crate) fn memory(&self) -> Memory {
        self.state().primary.clone()
    }

    /// What one process sees of it.
    pub(crate) fn seen_by(&self, process: &Arc<Process>, fate: &Arc<Fate>) -> Seen {
        Seen { server: self.clone(), process: Arc::clone(process), fate: Arc::clone(fate) }
    }
}

impl State {
    /// Does something; what is not answered is not known to be on the replicas, what is answered is, with all before.
    fn act<T>(&mut self, answers: bool, act: impl FnOnce(&Memory) -> T) -> T {
        if answers {
            self.replica = None;
        } else if self.replica.is_none() {
            self.replica = Some(self.primary.copy());
        }
        act(&self.primary)
    }

    fn lease(&mut self, shard: &str, holder: &str, lasts: Duration) -> Lease {
        let now = Instant::now();
        match self.leases.get(shard) {
            Some((other, until)) if other != holder && *until > now => Lease::HeldBy(other.clone()),
            _ => {
                self.leases.insert(shard.to_owned(), (holder.to_owned(), now + lasts));
                Lease::Held
            }
        }
    }
}

/// The store as one process sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    server: Server,
    process: Arc<Process>,
    fate: Arc<Fate>,
}

impl Seen {
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut State, bool) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let server = self.server.clone();
        let reaches = || self.process.store.load(Ordering::Relaxed) && !self.server.state().away;
        let carried = self.process.carry(what, reaches, move |answers| act(&mut server.state(), answers)).await;
        carried.unwrap_or_else(|Broken(why)| Err(StoreError::Unavailable { attempt: what, source: why.into() }))
    }
}

/// Calls the memory's method of this name; it never waits.
macro_rules! at_once {
    ($memory:expr, $method:ident($($argument:expr),*)) => {
        $memory.$method($($argument),*).now_or_never().expect("a store in memory never waits")
    };
}

/// Whether a journal has what was read, perhaps before another server took over.
fn has(memory: &Memory, shard: &str, read: &Head) -> Result<(), StoreError> {
    let kept = at_once!(memory, read(shard, read.seq.saturating_sub(1), 1))?;
    let kept = kept.into_iter().find(|entry| entry.seq == read.seq);
    let there = match kept {
        Some(entry) => Head { seq: entry.seq, hash: entry.hash },
        None => at_once!(memory, head(shard))?,
    };
    let source = || format!("record {} is not there as it was read", read.seq).into();
    if read.seq == 0 || there == *read {
        Ok(())
    } else {
        Err(StoreError::Unavailable { attempt: "settle", source: source() })
    }
}

#[async_trait]
impl Store for Seen {
    fn traits(&self) -> StoreTraits {
        StoreTraits { durable: true, shared: true }
    }

    async fn lease(&self, shard: &str, holder: &str, lasts: Duration) -> Result<Lease, StoreError> {
        let (shard, holder) = (shard.to_owned(), holder.to_owned());
        if self.fate.has(Flaw::LeaseForEverybody) {
            return Ok(Lease::Held);
        }
        self.call("lease", move |state, _| Ok(state.lease(&shard, &holder, lasts))).await
    }

    async fn release(&self, shard: &str, holder: &str) -> Result<(), StoreError> {
        let (shard, holder) = (shard.to_owned(), holder.to_owned());
        self.call("release", move |state, _| {
            if state.leases.get(&shard).is_some_and(|(owner, _)| *owner == holder) {
                state.leases.remove(&shard);
            }
            Ok(())
        })
        .await
    }

    async fn acquire(
        &self,
        shard: &str,
        instance: &str,
        nonce: &str,
        epoch_floor: u64,
    ) -> Result<(Token, Head), StoreError> {
        let (shard, instance, nonce) = (shard.to_owned(), instance.to_owned(), nonce.to_owned());
        let unreplicated = self.fate.has(Flaw::ReplicasIgnored);
        self.call("acquire", move |state, answers| {
            let answers = answers && !unreplicated;
            state.act(answers, |memory| at_once!(memory, acquire(&shard, &instance, &nonce, epoch_floor)))
        })
        .await
    }

    async fn append(&self, shard: &str, token: &Token, expected: &Head, batch: &Batch) -> Result<Head, StoreError> {
        let (shard, token, expected, batch) = (shard.to_owned(), token.clone(), expected.clone(), batch.clone());
        let last = batch.entries.last().map(|entry| Head { seq: entry.seq, hash: entry.hash.clone() });
        let unreplicated = self.fate.has(Flaw::ReplicasIgnored);
        let appended = self.call("append", move |state, answers| {
            let answers = answers && !unreplicated;
            state.act(answers, |memory| at_once!(memory, append(&shard, &token, &expected, &batch)))
        });
        match (appended.await, last) {
            (Err(StoreError::Unavailable { .. }), Some(last)) if self.fate.has(Flaw::UnknownCountsAsDone) => Ok(last),
            (appended, _) => appended,
        }
    }

    async fn head(&self, shard: &str) -> Result<Head, StoreError> {
        let shard = shard.to_owned();
        self.call("head", move |state, _| at_once!(state.primary, head(&shard))).await
    }

    async fn read(&self, shard: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let shard = shard.to_owned();
        let mut entries =
            self.call("read", move |state, _| at_once!(state.primary, read(&shard, after, limit))).await?;
        if self.fate.has(Flaw::LastRecordUnread) {
            entries.pop();
        }
        Ok(entries)
    }

    async fn settle(&self, shard: &str, read: &Head) -> Result<(), StoreError> {
        let (shard, read) = (shard.to_owned(), read.clone());
        self.call("settle", move |state, answers| state.act(answers, |memory| has(memory, &shard, &read))).await
    }

    async fn save_snapshot(&self, shard: &str, token: &Token, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (shard, token, mut snapshot) = (shard.to_owned(), token.clone(), snapshot.clone());
        let fate = Arc::clone(&self.fate);
        self.call("save_snapshot", move |state, answers| {
            // Never two in a row: one of the two that are kept reads.
            state.torn = !state.torn && fate.slips(Slip::SnapshotTorn);
            if state.torn {
                snapshot.body.truncate(snapshot.body.len() / 2);
            }
            state.act(answers, |memory| at_once!(memory, save_snapshot(&shard, &token, &snapshot)))
        })
        .await
    }

    async fn snapshots(&self, shard: &str) -> Result<Vec<Snapshot>, StoreError> {
        let shard = shard.to_owned();
        self.call("snapshots", move |state, _| at_once!(state.primary, snapshots(&shard))).await
    }

    async fn trim(&self, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        self.call("trim", move |state, answers| {
            state.act(answers, |memory| at_once!(memory, trim(&shard, &token, seq)))
        })
        .await
    }

    async fn set_watermark(&self, shard: &str, token: &Token, number: u64) -> Result<(), StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        let number = if self.fate.has(Flaw::WatermarkAhead) { number + 20 } else { number };
        self.call("set_watermark", move |state, answers| {
            state.act(answers, |memory| at_once!(memory, set_watermark(&shard, &token, number)))
        })
        .await
    }

    async fn watermark(&self, shard: &str) -> Result<u64, StoreError> {
        let shard = shard.to_owned();
        if self.fate.has(Flaw::WatermarkAtTheEnd) {
            return Ok(u64::MAX / 2);
        }
        self.call("watermark", move |state, _| at_once!(state.primary, watermark(&shard))).await
    }

    async fn directory(&self, shard: &str, keys: &[DirectoryKey]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let (shard, keys) = (shard.to_owned(), keys.to_vec());
        self.call("directory", move |state, _| at_once!(state.primary, directory(&shard, &keys))).await
    }

    async fn rows(&self, shard: &str, kind: DirectoryKind) -> Result<Vec<(String, Bytes)>, StoreError> {
        let shard = shard.to_owned();
        self.call("rows", move |state, _| at_once!(state.primary, rows(&shard, kind))).await
    }

    async fn shards(&self) -> Result<Vec<String>, StoreError> {
        self.call("shards", move |state, _| at_once!(state.primary, shards())).await
    }

    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError> {
        let (shard, hash) = (shard.to_owned(), hash.to_owned());
        self.call("blob", move |state, _| at_once!(state.primary, blob(&shard, &hash))).await
    }

    async fn note_attempt(&self, shard: &str, token: &Token, message: &str, life: &str) -> Result<u32, StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        let (message, life) = (message.to_owned(), life.to_owned());
        self.call("note_attempt", move |state, answers| {
            state.act(answers, |memory| at_once!(memory, note_attempt(&shard, &token, &message, &life)))
        })
        .await
    }

    async fn forget_attempts(&self, shard: &str, token: &Token, message: Option<&str>) -> Result<(), StoreError> {
        let (shard, token, message) = (shard.to_owned(), token.clone(), message.map(str::to_owned));
        self.call("forget_attempts", move |state, answers| {
            state.act(answers, |memory| at_once!(memory, forget_attempts(&shard, &token, message.as_deref())))
        })
        .await
    }

    async fn attempts(&self, shard: &str) -> Result<u64, StoreError> {
        let shard = shard.to_owned();
        self.call("attempts", move |state, _| at_once!(state.primary, attempts(&shard))).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.call("check of the store", |_, _| Ok(())).await
    }
}
