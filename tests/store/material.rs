//! What the stories write: records, batches and rows that are recognised when they come back.

use bytes::Bytes;
use picket::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, DirectoryWrite, Entry, Head, Snapshot, Store, StoreError, Token,
};

pub(crate) const SHARD: &str = "s1";

/// A record of which seq, hash and body tell who wrote it.
pub(crate) fn entry(author: &str, seq: u64) -> Entry {
    Entry { seq, hash: format!("{author}-{seq}"), body: Bytes::from(format!("{{\"by\":\"{author}\",\"seq\":{seq}}}")) }
}

/// `count` records of one author behind `head`.
pub(crate) fn batch(author: &str, head: &Head, count: u64) -> Batch {
    Batch { entries: (head.seq + 1..=head.seq + count).map(|seq| entry(author, seq)).collect(), ..Batch::default() }
}

pub(crate) fn head(author: &str, seq: u64) -> Head {
    Head { seq, hash: format!("{author}-{seq}") }
}

pub(crate) fn key(kind: DirectoryKind, id: &str) -> DirectoryKey {
    DirectoryKey { kind, id: id.to_owned() }
}

pub(crate) fn row(kind: DirectoryKind, id: &str, body: Option<&'static str>) -> DirectoryWrite {
    DirectoryWrite { key: key(kind, id), body: body.map(Bytes::from) }
}

pub(crate) fn snapshot(author: &str, seq: u64) -> Snapshot {
    Snapshot { head: head(author, seq), body: Bytes::from(format!("state of {author} at {seq}")) }
}

pub(crate) async fn acquire(store: &dyn Store, nonce: &str) -> (Token, Head) {
    store.acquire(SHARD, "picket-1", nonce, 0).await.expect("the shard can be acquired")
}

/// Acquires the shard and appends `count` records as one batch.
pub(crate) async fn owner_with(store: &dyn Store, author: &str, count: u64) -> (Token, Head) {
    let (token, start) = acquire(store, author).await;
    let end = store.append(SHARD, &token, &start, &batch(author, &start, count)).await.expect("the batch is written");
    (token, end)
}

/// The numbers and hashes of all records.
pub(crate) async fn records(store: &dyn Store) -> Vec<(u64, String)> {
    let found = store.read(SHARD, 0, 100_000).await.expect("the journal can be read");
    found.into_iter().map(|entry| (entry.seq, entry.hash)).collect()
}

pub(crate) fn is_fenced<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Fenced { .. }))
}

pub(crate) fn is_damaged<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Damaged { .. }))
}

pub(crate) fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable { .. }))
}

/// The sentence of a refusal to serve with these settings.
pub(crate) fn unfit<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Unfit { what }) => what,
        other => panic!("expected an unfit store, got {other:?}"),
    }
}

/// Where a refused append found the journal to end.
pub(crate) fn found_head<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Head {
    match result {
        Err(StoreError::HeadMismatch { found }) => found,
        other => panic!("expected another head, got {other:?}"),
    }
}
