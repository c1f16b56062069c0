//! Decides when a snapshot is made and kept, and from what: from the snapshot before it and the records behind, read back
//! from the journal beside the loop. So the loop never waits for a snapshot, and each shows that journal and snapshots
//! still read.

use std::sync::Arc;
use std::time::Duration;

use picket_core::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::bugs::{self, Bug};
use super::ports::{Snapshot, Store, Token};
use super::recover::{self, replay};
use super::snapshot::{self, is_whole};
use super::state::ShardState;
use crate::clock::Monotonic;
use crate::telemetry::{Metrics, chain};

/// Records that are read at once.
const PAGE: usize = 200;
/// How many times as long as it works it rests, so that whoever routes has the machine almost alone.
const REST: u32 = 3;
const LONGEST_REST: Duration = Duration::from_millis(50);

/// Notices when a snapshot is due.
#[derive(Debug)]
pub(super) struct Snapshots {
    every: u64,
    last: (u64, Timestamp),
    /// The record that the next one contains last, and the outputs up to there.
    next: Option<(u64, u64)>,
    due: mpsc::Sender<u64>,
}

impl Snapshots {
    /// One is due so many records behind the last one, or five minutes after the take-over; `due` is told the record that it
    /// contains last. Counted from the take-over, a daemon that ends again and again would never make one.
    pub(super) const fn new(every: u64, last: (u64, Timestamp), due: mpsc::Sender<u64>) -> Self {
        Self { every, last, next: None, due }
    }

    /// Whether one is due that waits for its outputs.
    pub(super) const fn waits(&self) -> bool {
        self.next.is_some()
    }

    /// Looks whether one is due, and whether all its outputs are published: `published` is the last one on record as
    /// such.
    pub(super) fn consider(&mut self, model: &ShardState, published: u64) {
        if self.next.is_none() && snapshot::due(self.last, (model.head.seq, model.time), self.every) {
            self.last = (model.head.seq, model.time);
            self.next = Some((model.head.seq, model.outputs));
        }
        if let Some((seq, _)) = self.next.filter(|(_, outputs)| *outputs <= published) {
            self.next = None;
            if let Err(error) = self.due.try_send(seq) {
                // The one before is still being made: the next one will do.
                tracing::debug!(%error, "a snapshot is skipped");
            }
        }
    }
}

/// Makes and keeps snapshots, and trims the journal behind the older one kept.
#[derive(Clone, Debug)]
pub(super) struct SnapshotKeeper {
    pub(super) store: Arc<dyn Store>,
    pub(super) shard: String,
    pub(super) token: Token,
    pub(super) over: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
}

/// Why a snapshot was not kept.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Journal(#[from] recover::Error),
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    #[error("the store kept something else than was written")]
    NotAsWritten,
    #[error("the shard's term is over")]
    Over,
}

impl SnapshotKeeper {
    pub(super) async fn run(self, mut due: mpsc::Receiver<u64>) {
        while let Some(seq) = due.recv().await {
            match self.keep_apart(seq).await {
                Ok(Ok(bytes)) => {
                    self.metrics.snapshot();
                    tracing::info!(shard = self.shard, seq, bytes, "snapshot kept");
                }
                Ok(Err(error)) => {
                    tracing::warn!(shard = self.shard, seq, error = %chain(&error), "a snapshot could not be kept");
                }
                Err(error) => tracing::error!(shard = self.shard, seq, %error, "making a snapshot panicked"),
            }
        }
    }

    /// Keeps one on a thread of its own, away from whoever routes, since what it computes takes as long as there are
    /// contacts. Where there is one thread alone, as in a simulation, nothing would be won.
    async fn keep_apart(&self, seq: u64) -> Result<Result<usize, Error>, JoinError> {
        let (keeper, runtime) = (self.clone(), Handle::current());
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Ok(keeper.keep(seq).await);
        }
        tokio::task::spawn_blocking(move || runtime.block_on(keeper.keep(seq))).await
    }

    async fn keep(&self, seq: u64) -> Result<usize, Error> {
        let known = self.store.snapshots(&self.shard).await.map_err(recover::Error::Store)?;
        // A newer one pushes the older of two out, which may be the only one that reads: first a damaged one is made again.
        if let Some(damaged) = known.first().filter(|newest| !is_whole(newest) && newest.head.seq < seq) {
            self.save(&self.make(&known, damaged.head.seq).await?).await?;
        }
        let snapshot = self.make(&known, seq).await?;
        let older = self.save(&snapshot).await?;
        if let Some(older) = older {
            self.store.trim(&self.shard, &self.token, older).await.map_err(recover::Error::Store)?;
        }
        Ok(snapshot.body.len())
    }

    /// Writes one, and reads it back as a start would. Tells what the older of two contains last, if both are whole:
    /// records up to there are in both.
    async fn save(&self, snapshot: &Snapshot) -> Result<Option<u64>, Error> {
        self.store.save_snapshot(&self.shard, &self.token, snapshot).await.map_err(recover::Error::Store)?;
        let kept = self.store.snapshots(&self.shard).await.map_err(recover::Error::Store)?;
        if !kept.iter().any(|one| one == snapshot) {
            return Err(Error::NotAsWritten);
        }
        Ok(kept.get(1).filter(|_| kept.iter().all(is_whole)).map(|older| older.head.seq))
    }

    /// The state at a record, from the newest snapshot that reads.
    async fn make(&self, known: &[Snapshot], until: u64) -> Result<Snapshot, Error> {
        let mut state = recover::first_that_reads(&self.shard, known, |state| state.head.seq <= until);
        while state.head.seq < until {
            if self.over.is_cancelled() {
                return Err(Error::Over);
            }
            let began = Monotonic::now();
            let page = self.store.read(&self.shard, state.head.seq, PAGE).await.map_err(recover::Error::Store)?;
            if replay(&mut state, &page, until, |_, _, _| {})? == 0 {
                return Err(recover::Error::Short { found: state.head.seq, expected: until }.into());
            }
            tokio::time::sleep((began.elapsed() * REST).min(LONGEST_REST)).await;
        }
        if bugs::has(Bug::NumbersForgottenWithSnapshot) {
            state.outputs = 0;
        }
        Ok(snapshot::encode(&state)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use picket_core::Timestamp;
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::{SnapshotKeeper, Snapshots};
    use crate::shard::ports::{Batch, Head, Snapshot, Store as _, Token};
    use crate::shard::record::{Cause, Record, VERSION, Verdict};
    use crate::shard::recover::Read;
    use crate::shard::snapshot::decode;
    use crate::shard::state::ShardState;
    use crate::store::Memory;
    use crate::telemetry::Metrics;

    fn record(seq: u64, prev: &Head, token: &Token) -> Record {
        Record {
            v: VERSION,
            seq,
            at: Timestamp(i64::try_from(seq).unwrap()),
            token: token.to_string(),
            prev: prev.hash.clone(),
            cause: Cause::Clock,
            verdict: Verdict::Applied,
            names: Vec::new(),
            facts: Vec::new(),
            events: Vec::new(),
            trace: None,
            directory: Vec::new(),
            first_output: 1,
        }
    }

    /// An owner's journal of records that say nothing but the time.
    async fn keeper(records: u64) -> SnapshotKeeper {
        let store = Memory::new();
        let (token, mut head) = store.acquire("s", "one", "n", 0).await.unwrap();
        for seq in 1..=records {
            let entry = record(seq, &head, &token).to_entry().unwrap();
            let batch = Batch { entries: vec![entry], ..Batch::default() };
            head = store.append("s", &token, &head, &batch).await.unwrap();
        }
        let (store, metrics) = (Arc::new(store), Arc::new(Metrics::new()));
        SnapshotKeeper { store, shard: "s".to_owned(), token, over: CancellationToken::new(), metrics }
    }

    #[tokio::test]
    async fn a_snapshot_holds_exactly_what_the_journal_says_up_to_its_record_and_the_next_builds_on_it() {
        let keeper = keeper(5_000).await;
        for until in [1, 2_500, 4_999] {
            let made = keeper.make(&kept(&keeper).await, until).await.unwrap();
            assert_eq!((made.head.seq, decode(&made).unwrap().time), (until, Timestamp(i64::try_from(until).unwrap())));
            keeper.keep(until).await.unwrap();
        }
        let seqs: Vec<u64> = kept(&keeper).await.iter().map(|one| one.head.seq).collect();
        assert_eq!(seqs, [4_999, 2_500]);
        let first = keeper.store.read("s", 0, 1).await.unwrap();
        assert_eq!(first.first().map(|entry| entry.seq), Some(2_501), "what both contain is trimmed");
    }

    #[test]
    fn one_is_due_every_so_many_records_once_all_its_outputs_are_published() {
        let (due, mut told) = mpsc::channel(1);
        let mut state = ShardState::default();
        let mut snapshots = Snapshots::new(100, (0, Timestamp(0)), due);
        let mut at = |seq: u64, outputs: u64, published: u64| {
            (state.head.seq, state.outputs) = (seq, outputs);
            snapshots.consider(&state, published);
            told.try_recv().ok()
        };
        assert_eq!(at(99, 50, 50), None);
        assert_eq!(at(100, 60, 59), None);
        assert_eq!(at(150, 90, 60), Some(100), "as it was due");
        assert_eq!(at(199, 99, 99), None);
        assert_eq!(at(250, 99, 99), Some(250));
    }

    #[test]
    fn terms_that_end_before_their_first_snapshot_do_not_put_it_off_for_ever() {
        let (due, mut told) = mpsc::channel(1);
        let mut snapshots = Snapshots::new(100, (40, Timestamp(0)), due);
        let mut state = ShardState::default();
        state.head.seq = 139;
        snapshots.consider(&state, 0);
        assert!(told.try_recv().is_err());
        state.head.seq = 140;
        snapshots.consider(&state, 0);
        assert_eq!(told.try_recv().ok(), Some(140), "a hundred behind the one before the take-over");
    }

    #[tokio::test]
    async fn a_start_reads_only_what_lies_behind_the_older_snapshot_however_long_the_journal_was() {
        let keeper = keeper(25_000).await;
        for seq in [5_000, 10_000, 15_000, 20_000] {
            keeper.keep(seq).await.unwrap();
        }
        let end = keeper.store.head("s").await.unwrap();
        let read = Read::begin(&*keeper.store, "s", 0).await.unwrap();
        assert_eq!(read.state.head.seq, 15_000);
        let read = read.up_to(&*keeper.store, "s", &end).await.unwrap();
        assert_eq!((read.state.head, read.replayed), (end, 10_000));
        let first = keeper.store.read("s", 0, 1).await.unwrap();
        assert_eq!(first.first().map(|entry| entry.seq), Some(15_001), "nothing else is left to be read");
    }

    async fn kept(keeper: &SnapshotKeeper) -> Vec<Snapshot> {
        keeper.store.snapshots("s").await.unwrap()
    }

    #[tokio::test]
    async fn a_damaged_snapshot_is_passed_over_and_made_again_before_the_whole_one_is_pushed_out() {
        let keeper = keeper(4_000).await;
        keeper.keep(1_000).await.unwrap();
        keeper.keep(2_000).await.unwrap();
        let made = keeper.make(&kept(&keeper).await, 3_000).await.unwrap();
        let torn = Snapshot { body: made.body.slice(..made.body.len() / 2), ..made.clone() };
        keeper.store.save_snapshot("s", &keeper.token, &torn).await.unwrap();
        assert_eq!(decode(&keeper.make(&kept(&keeper).await, 4_000).await.unwrap()).unwrap().head.seq, 4_000);
        keeper.keep(4_000).await.unwrap();
        assert_eq!(kept(&keeper).await.get(1), Some(&made));
    }

    #[tokio::test]
    async fn nothing_is_trimmed_behind_a_snapshot_that_is_not_whole() {
        let keeper = keeper(2_000).await;
        let made = keeper.make(&[], 1_000).await.unwrap();
        let torn = Snapshot { body: made.body.slice(..made.body.len() / 2), ..made };
        keeper.store.save_snapshot("s", &keeper.token, &torn).await.unwrap();
        let whole = keeper.make(&[], 2_000).await.unwrap();
        assert_eq!(keeper.save(&whole).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_journal_that_ends_too_early_or_of_a_term_that_is_over() {
        let keeper = keeper(10).await;
        assert!(keeper.make(&[], 11).await.unwrap_err().to_string().contains("ends at record 10"));
        keeper.over.cancel();
        assert!(keeper.keep(10).await.is_err());
        assert!(keeper.store.snapshots("s").await.unwrap().is_empty());
    }
}
