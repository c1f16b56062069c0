//! Decides whether a journal is all there: as far as somebody beside the store remembers it to have been.
//!
//! A store that comes back empty, or as an older copy, is sound in itself. Only a witness can tell: the beacon, which each
//! owner leaves at the broker, and what this process itself saw committed. A journal that is shorter than its witness
//! says, or another one, is not gone on with until a backup is restored or an operator accepts the loss.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ports::{Beacon, BrokerError, Head, LostTail, Outbox, Store, StoreError};

/// What this process knows of the journal beside what is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The last beacon read or left. Another one at the broker is newer: another owner's word, or an operator's.
    beacon: Option<Beacon>,
    /// What is to be taken again from the archive.
    lost: Option<LostTail>,
}

/// Why a journal is not gone on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It ends too early.
    #[error(
        "the journal ends at record {found}, but record {expected} was committed earlier: the store lost data; restore a \
         backup of it, or accept the loss with `picket setup --accept-loss`"
    )]
    Short {
        /// Its last record.
        found: u64,
        /// The last one that is remembered.
        expected: u64,
    },
    /// It has another record in the place of one that was committed.
    #[error(
        "record {seq} of the journal is not the one that was committed earlier: the store lost data; restore a backup of \
         it, or accept the loss with `picket setup --accept-loss`"
    )]
    Other {
        /// Which record.
        seq: u64,
    },
    /// The broker does not say.
    #[error("the beacon could not be read")]
    Broker(#[source] BrokerError),
    /// The store does not.
    #[error("the journal could not be compared with its beacon")]
    Store(#[source] StoreError),
}

impl Witness {
    /// This beacon of ours is the broker's now.
    pub(super) fn left(&self, beacon: Beacon) {
        self.known().beacon = Some(beacon);
    }

    /// The end of the journal that this process left last.
    pub(super) fn last_left(&self) -> Option<Beacon> {
        self.known().beacon.clone()
    }

    /// The accepted loss whose inputs are still to be taken again from the archive. Each beacon says so until it is done:
    /// whoever takes over meanwhile begins again.
    pub(super) fn lost(&self) -> Option<LostTail> {
        self.known().lost.clone()
    }

    /// The inputs of the lost tail are back, as far as there is an archive.
    pub(super) fn made_good(&self) {
        self.known().lost = None;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares a journal that ends at `end` with its beacon. `seen` is the last record that this process saw committed:
    /// it counts as long as the beacon is the one that this process knows, or the broker does not answer.
    ///
    /// # Errors
    /// Any; see [`Error`]. [`Error::Broker`] only if nothing speaks against the journal.
    pub(super) async fn compare(
        &self,
        outbox: &mut dyn Outbox,
        store: &dyn Store,
        shard: &str,
        end: &Head,
        seen: &Head,
    ) -> Result<(), Error> {
        let read = outbox.beacon().await;
        let known = self.last_left();
        if let Ok(found) = &read
            && *found != known
        {
            let lost = found.as_ref().and_then(|beacon| beacon.lost.clone());
            *self.known() = Known { beacon: found.clone(), lost };
            return match found {
                Some(beacon) => holds(store, shard, end, &beacon.head).await,
                None => Ok(()),
            };
        }
        if let Some(beacon) = &known {
            holds(store, shard, end, &beacon.head).await?;
        }
        holds(store, shard, end, seen).await?;
        read.map(drop).map_err(Error::Broker)
    }
}

/// Whether a journal that ends at `end` has this record.
async fn holds(store: &dyn Store, shard: &str, end: &Head, witnessed: &Head) -> Result<(), Error> {
    let seq = witnessed.seq;
    if seq > end.seq {
        return Err(Error::Short { found: end.seq, expected: seq });
    }
    let kept = if seq == 0 {
        None
    } else if seq == end.seq {
        Some(end.hash.clone())
    } else {
        kept_hash(store, shard, seq).await.map_err(Error::Store)?
    };
    match kept {
        Some(hash) if hash != witnessed.hash => Err(Error::Other { seq }),
        // What was trimmed was there: each later record holds the hashes of all before.
        Some(_) | None => Ok(()),
    }
}

/// The hash of a record, where the journal or a snapshot still has it.
async fn kept_hash(store: &dyn Store, shard: &str, seq: u64) -> Result<Option<String>, StoreError> {
    let records = store.read(shard, seq - 1, 1).await?;
    if let Some(record) = records.into_iter().find(|record| record.seq == seq) {
        return Ok(Some(record.hash));
    }
    let snapshots = store.snapshots(shard).await?;
    Ok(snapshots.into_iter().find(|snapshot| snapshot.head.seq == seq).map(|snapshot| snapshot.head.hash))
}

#[cfg(test)]
mod tests {
    use super::{Error, holds};
    use crate::shard::ports::{Batch, Beacon, Entry, Head, LostTail, Snapshot, Store as _};
    use crate::store::Memory;

    fn at(seq: u64) -> Head {
        Head { seq, hash: format!("h{seq}") }
    }

    /// A journal of ten records, of which a snapshot contains the first three, which are trimmed.
    async fn journal() -> (Memory, Head) {
        let store = Memory::new();
        let (token, start) = store.acquire("s", "one", "n", 0).await.unwrap();
        let entries = (1..=10).map(|seq| Entry { seq, hash: at(seq).hash, body: "{}".into() }).collect();
        let end = store.append("s", &token, &start, &Batch { entries, ..Batch::default() }).await.unwrap();
        let snapshot = Snapshot { head: at(3), body: "state".into() };
        store.save_snapshot("s", &token, &snapshot).await.unwrap();
        store.trim("s", &token, 3).await.unwrap();
        (store, end)
    }

    #[tokio::test]
    async fn a_journal_is_all_there_if_it_has_the_record_that_is_remembered() {
        let (store, end) = journal().await;
        for seq in [0, 1, 3, 4, 9, 10] {
            let witnessed = if seq == 0 { Head::default() } else { at(seq) };
            assert!(holds(&store, "s", &end, &witnessed).await.is_ok(), "record {seq}");
        }
    }

    #[tokio::test]
    async fn a_journal_that_ends_before_or_has_another_record_there_is_not() {
        let (store, end) = journal().await;
        let short = holds(&store, "s", &end, &at(11)).await.unwrap_err();
        assert!(matches!(short, Error::Short { found: 10, expected: 11 }));
        assert!(short.to_string().contains("ends at record 10, but record 11 was committed earlier"), "{short}");
        for seq in [3, 4, 10] {
            let other = Head { seq, hash: "of another one".to_owned() };
            let refused = holds(&store, "s", &end, &other).await;
            assert!(matches!(refused, Err(Error::Other { seq: named }) if named == seq), "record {seq}");
        }
        let empty = holds(&Memory::new(), "s", &Head::default(), &at(10)).await;
        assert!(matches!(empty, Err(Error::Short { found: 0, expected: 10 })));
    }

    #[test]
    fn a_beacon_of_an_older_program_reads_and_what_is_left_without_a_loss_reads_there() {
        let older = r#"{"epoch":7,"seq":10,"hash":"h10","at":5}"#;
        let beacon = Beacon { epoch: 7, head: at(10), at: 5, lost: None };
        assert_eq!(serde_json::from_str::<Beacon>(older).unwrap(), beacon);
        assert_eq!(serde_json::to_string(&beacon).unwrap(), older);
        let lost = Some(LostTail { after: 10, until: Some(12), since: Some(4) });
        let beacon = Beacon { lost, ..beacon };
        assert_eq!(serde_json::from_str::<Beacon>(&serde_json::to_string(&beacon).unwrap()).unwrap(), beacon);
    }

    #[test]
    fn two_losses_are_made_good_as_one() {
        let tail = |after, until, since| LostTail { after, until, since };
        let both = tail(20, Some(25), Some(9)).and(Some(&tail(10, Some(40), Some(4))));
        assert_eq!(both, tail(10, Some(40), Some(4)));
        assert_eq!(tail(20, None, None).and(Some(&both)), tail(10, Some(40), None), "from the beginning");
        assert_eq!(tail(20, None, Some(9)).and(None), tail(20, None, Some(9)));
        assert_eq!(both.to_string(), "records 11 to 40 are lost");
    }
}
