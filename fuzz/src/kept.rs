//! What `tests/formats.rs` keeps of the present versions: a rich state to begin from.

use crate::shard::ports::{Entry, Head, Snapshot};

const JOURNAL: &str = include_str!("../../tests/formats/kept/records-3-snapshots-3/journal");
const SNAPSHOT: &[u8] = include_bytes!("../../tests/formats/kept/records-3-snapshots-3/snapshot");

/// The journal.
pub fn journal() -> Vec<Entry> {
    let entry = |line: &str| {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        let mut part = || parts.next().expect("number, hash and body");
        Entry { seq: part().parse().expect("a number"), hash: part(), body: part().into() }
    };
    JOURNAL.lines().map(entry).collect()
}

/// The snapshot at its end.
pub fn snapshot() -> Snapshot {
    let head = journal().pop().map(|last| Head { seq: last.seq, hash: last.hash });
    Snapshot { head: head.expect("records"), body: SNAPSHOT.into() }
}
