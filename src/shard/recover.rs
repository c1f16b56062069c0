//! Decides what a shard's state is at take-over: the older snapshot that still reads, and every record behind it.

use std::sync::Arc;

use super::bugs::{self, Bug};
use super::outlet;
use super::ports::{Entry, Head, Snapshot, Store, StoreError, Token};
use super::record::{self, Record};
use super::seen::Seen;
use super::snapshot;
use super::state::{Noted, ShardState};
use crate::contract::wire::OutMessage;
use crate::telemetry::chain;

/// Records read at a time.
pub(super) const PAGE: usize = 2_000;

/// What a take-over found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// What the journal holds.
    pub(super) read: Read,
    /// The proof of ownership.
    pub(super) token: Token,
    /// The last output known to be published.
    pub(super) watermark: u64,
}

/// What a journal holds up to a record.
#[derive(Debug)]
pub(super) struct Read {
    /// The state there.
    pub(super) state: ShardState,
    /// The outputs of the records that were replayed, published or not, in order; the last ones without gaps.
    pub(super) outputs: Vec<Arc<OutMessage>>,
    /// How many records those were.
    pub(super) replayed: u64,
    /// The last record that the newest snapshot contained when reading began; 0 without one.
    pub(super) kept: u64,
}

/// Why a shard could not be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store did not do it.
    #[error("the shard could not be taken over")]
    Store(#[from] StoreError),
    /// The journal is damaged.
    #[error("the journal cannot be replayed")]
    Record(#[from] record::Error),
    /// The journal was trimmed, and no snapshot reads.
    #[error("the journal begins behind record {missing}, and no snapshot contains it: restore a backup of the store")]
    Gap {
        /// The first record that is missing.
        missing: u64,
    },
    /// It ended before the head that the store named.
    #[error(
        "the journal ends at record {found} instead of {expected}: the store lost its tail, restore it from a backup or replica"
    )]
    Short {
        /// The last record there.
        found: u64,
        /// The head.
        expected: u64,
    },
}

/// Takes a shard over and rebuilds its state: from what this daemon read while it stood by, or else from a snapshot.
pub(super) async fn recover(
    store: &dyn Store,
    shard: &str,
    instance: &str,
    nonce: &str,
    floor: u64,
    followed: Option<Read>,
) -> Result<Recovered, Error> {
    let (token, head) = store.acquire(shard, instance, nonce, floor).await?;
    let watermark = store.watermark(shard).await?;
    if let Some(warm) = followed.filter(|read| read.has_outputs_behind(watermark)) {
        match warm.up_to(store, shard, &head).await {
            Ok(read) => return Ok(Recovered { read, token, watermark }),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => tracing::warn!(shard, error = %chain(&error), "what was followed is dropped"),
        }
    }
    let read = Read::begin(store, shard, watermark).await?.up_to(store, shard, &head).await?;
    Ok(Recovered { read, token, watermark })
}

impl Read {
    /// A snapshot.
    pub(super) async fn begin(store: &dyn Store, shard: &str, watermark: u64) -> Result<Self, Error> {
        let mut known = store.snapshots(shard).await?;
        let kept = known.first().map_or(0, |newest| newest.head.seq);
        // The older one first, so that the feed can be resumed from further back. One whose outputs are not all published
        // would lose them.
        known.reverse();
        let mut state = first_that_reads(shard, &known, |state| state.outputs <= watermark);
        if bugs::has(Bug::SeenForgottenWithSnapshot) {
            state.seen = Seen::default();
        }
        Ok(Self { state, outputs: Vec::new(), replayed: 0, kept })
    }

    /// Reads on, up to a record that must be there.
    pub(super) async fn up_to(mut self, store: &dyn Store, shard: &str, end: &Head) -> Result<Self, Error> {
        while self.state.head.seq < end.seq {
            let page = store.read(shard, self.state.head.seq, PAGE).await?;
            let read = replay_aloud(&mut self.state, shard, &page, end.seq, &mut self.outputs)?;
            if read == 0 {
                break;
            }
            self.replayed += read;
        }
        check_end(&self.state.head, end)?;
        Ok(self)
    }

    fn has_outputs_behind(&self, watermark: u64) -> bool {
        self.state.outputs <= watermark || self.outputs.first().is_some_and(|first| first.number <= watermark + 1)
    }
}

/// Replays a page of the journal, up to a record, and writes the outputs of its records; returns how many those were.
pub(super) fn replay_aloud(
    state: &mut ShardState,
    shard: &str,
    page: &[Entry],
    until: u64,
    outputs: &mut Vec<Arc<OutMessage>>,
) -> Result<u64, Error> {
    replay(state, page, until, |state, record, noted| {
        outputs.extend(noted.voices.iter().map(|voice| Arc::new(outlet::write(state, shard, record, voice))));
    })
}

/// Replays a page of the journal, up to a record; returns how many those were.
pub(super) fn replay(
    state: &mut ShardState,
    page: &[Entry],
    until: u64,
    mut each: impl FnMut(&ShardState, &Record, &Noted<'_>),
) -> Result<u64, Error> {
    let mut replayed = 0;
    for entry in page.iter().take_while(|entry| entry.seq <= until) {
        if entry.seq > state.head.seq + 1 {
            return Err(Error::Gap { missing: state.head.seq + 1 });
        }
        let record = Record::from_entry(entry, &state.head)?;
        if record.began_as_another() && state.forwards.origin().is_none() {
            // The state that a moved domain came with is gone.
            return Err(Error::Gap { missing: 0 });
        }
        let noted = state.replay(&record, &entry.hash);
        replayed += 1;
        each(state, &record, &noted);
    }
    Ok(replayed)
}

fn check_end(found: &Head, expected: &Head) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Short { found: found.seq, expected: expected.seq }) }
}

/// The time of the last record of a journal, in milliseconds UTC; none where nothing is left that says so.
///
/// # Errors
/// The store does not answer.
pub async fn time_of(store: &dyn Store, shard: &str, head: &Head) -> Result<Option<i64>, StoreError> {
    let last = store.read(shard, head.seq.saturating_sub(1), 1).await?;
    let last = last.into_iter().find(|entry| entry.seq == head.seq);
    if let Some(record) = last.and_then(|entry| serde_json::from_slice::<Record>(&entry.body).ok()) {
        return Ok(Some(record.at.0));
    }
    let snapshots = store.snapshots(shard).await?;
    let state = snapshots.iter().filter(|one| one.head == *head).find_map(|one| snapshot::decode(one).ok());
    Ok(state.map(|state| state.time.0))
}

/// The state of the first snapshot that reads and fits; an empty one if none does.
pub(super) fn first_that_reads(shard: &str, snapshots: &[Snapshot], fits: impl Fn(&ShardState) -> bool) -> ShardState {
    for snapshot in snapshots {
        match snapshot::decode(snapshot) {
            Ok(state) if fits(&state) => return state,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(shard, seq = snapshot.head.seq, error = %chain(&error), "a snapshot is passed over");
            }
        }
    }
    ShardState::default()
}
