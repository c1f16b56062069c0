//! Decides how one machine remembers: one SQLite file, one thread that writes it and one that reads it.
//!
//! A write is committed when SQLite has synced its log (`WAL`, `synchronous=FULL`), which outlives a kill of the
//! process and a loss of power. The file can be opened with `sqlite3` for reading at any time.

mod file;
mod journal;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;

use self::worker::Worker;
use super::check_batch;
use crate::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, Entry, Head, Snapshot, Store, StoreError, StoreTraits, Token,
};

/// How long a caller waits for the file: longer than any healthy disk needs, shorter than anybody's patience.
const PATIENCE: Duration = Duration::from_secs(10);

/// A store in one SQLite file. Clones share the file; when the last one is dropped, it is closed and unlocked.
#[derive(Clone, Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    // In the order in which they must end: both connections are closed before the lock is given up.
    reader: Worker,
    writer: Worker,
    _lock: file::Lock,
}

impl Embedded {
    /// Opens the file, which is made if it is missing, and keeps every other process out of it.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when another process uses the file, or when it is no file of Picket's or one of a newer
    /// version; [`StoreError::Damaged`] when it is no sound database; [`StoreError::Unavailable`] when the folder or
    /// the disk does not let it be used.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        let lock = file::lock(&path)?;
        let writer = Worker::start("picket-store", file::open(&path)?)?;
        let reader = Worker::start("picket-store-read", file::open_for_reading(&path)?)?;
        Ok(Self { shared: Arc::new(Shared { path, reader, writer, _lock: lock }) })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Lets other parts of the daemon keep tables of their own in the file; `use_it` runs on the writing thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with what SQLite said.
    pub(crate) async fn with_connection<T: Send + 'static>(
        &self,
        use_it: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        const ATTEMPT: &str = "using a table of the store's file";
        self.write(ATTEMPT, move |connection| use_it(connection).map_err(file::failed(ATTEMPT))).await
    }

    async fn write<T: Send + 'static>(
        &self,
        attempt: &'static str,
        write: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.writer.run(attempt, PATIENCE, write).await
    }

    async fn query<T: Send + 'static>(
        &self,
        attempt: &'static str,
        read: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.reader.run(attempt, PATIENCE, read).await
    }
}

#[async_trait]
impl Store for Embedded {
    fn traits(&self) -> StoreTraits {
        StoreTraits { durable: true, shared: false }
    }

    async fn acquire(
        &self,
        shard: &str,
        instance: &str,
        nonce: &str,
        epoch_floor: u64,
    ) -> Result<(Token, Head), StoreError> {
        let (shard, instance, nonce) = (shard.to_owned(), instance.to_owned(), nonce.to_owned());
        self.write("taking a shard over", move |connection| {
            journal::acquire(connection, &shard, &instance, &nonce, epoch_floor)
        })
        .await
    }

    async fn append(&self, shard: &str, token: &Token, expected: &Head, batch: &Batch) -> Result<Head, StoreError> {
        check_batch(expected, batch)?;
        let (shard, token, expected, batch) = (shard.to_owned(), token.clone(), expected.clone(), batch.clone());
        self.write("appending to the journal", move |connection| {
            journal::append(connection, &shard, &token, &expected, &batch)
        })
        .await
    }

    async fn head(&self, shard: &str) -> Result<Head, StoreError> {
        let shard = shard.to_owned();
        self.query("reading the journal's head", move |connection| journal::head(connection, &shard)).await
    }

    async fn read(&self, shard: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let shard = shard.to_owned();
        self.query("reading the journal", move |connection| journal::read(connection, &shard, after, limit)).await
    }

    async fn save_snapshot(&self, shard: &str, token: &Token, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (shard, token, snapshot) = (shard.to_owned(), token.clone(), snapshot.clone());
        self.write("saving a snapshot", move |connection| journal::save_snapshot(connection, &shard, &token, &snapshot))
            .await
    }

    async fn snapshots(&self, shard: &str) -> Result<Vec<Snapshot>, StoreError> {
        let shard = shard.to_owned();
        self.query("reading the snapshots", move |connection| journal::snapshots(connection, &shard)).await
    }

    async fn trim(&self, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        self.write("trimming the journal", move |connection| journal::trim(connection, &shard, &token, seq)).await
    }

    async fn set_watermark(&self, shard: &str, token: &Token, number: u64) -> Result<(), StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        self.write("raising the watermark", move |connection| {
            journal::set_watermark(connection, &shard, &token, number)
        })
        .await
    }

    async fn watermark(&self, shard: &str) -> Result<u64, StoreError> {
        let shard = shard.to_owned();
        self.query("reading the watermark", move |connection| journal::watermark(connection, &shard)).await
    }

    async fn directory(&self, shard: &str, keys: &[DirectoryKey]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let (shard, keys) = (shard.to_owned(), keys.to_vec());
        self.query("looking up the directory", move |connection| journal::directory(connection, &shard, &keys)).await
    }

    async fn rows(&self, shard: &str, kind: DirectoryKind) -> Result<Vec<(String, Bytes)>, StoreError> {
        let shard = shard.to_owned();
        self.query("listing the directory", move |connection| journal::rows(connection, &shard, kind)).await
    }

    async fn shards(&self) -> Result<Vec<String>, StoreError> {
        self.query("listing the shards", journal::shards).await
    }

    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError> {
        let (shard, hash) = (shard.to_owned(), hash.to_owned());
        self.query("reading a blob", move |connection| journal::blob(connection, &shard, &hash)).await
    }

    async fn note_attempt(&self, shard: &str, token: &Token, message: &str, life: &str) -> Result<u32, StoreError> {
        let (shard, token) = (shard.to_owned(), token.clone());
        let (message, life) = (message.to_owned(), life.to_owned());
        self.write("noting an attempt", move |connection| {
            journal::note_attempt(connection, &shard, &token, &message, &life)
        })
        .await
    }

    async fn forget_attempts(&self, shard: &str, token: &Token, message: Option<&str>) -> Result<(), StoreError> {
        let (shard, token, message) = (shard.to_owned(), token.clone(), message.map(str::to_owned));
        self.write("forgetting attempts", move |connection| {
            journal::forget_attempts(connection, &shard, &token, message.as_deref())
        })
        .await
    }

    async fn attempts(&self, shard: &str) -> Result<u64, StoreError> {
        let shard = shard.to_owned();
        self.query("counting attempts", move |connection| journal::attempts(connection, &shard)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.write("checking the store's file", file::check).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::ports::{DirectoryKind, DirectoryWrite};

    fn batch(behind: &Head, bytes: usize) -> Batch {
        let seq = behind.seq + 1;
        let body = Bytes::from(vec![b'x'; bytes]);
        let key = DirectoryKey { kind: DirectoryKind::Agent, id: format!("agent-{seq}") };
        Batch {
            entries: vec![Entry { seq, hash: format!("h{seq}"), body: body.clone() }],
            directory: vec![DirectoryWrite { key, body: Some("{}".into()) }],
            blobs: vec![(format!("b{seq}"), body)],
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_a_batch_whole_and_the_next_one_fits_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path().join("picket.db")).unwrap();
        let (token, start) = store.acquire("s1", "picket-1", "ann", 0).await.unwrap();
        let end = store.append("s1", &token, &start, &batch(&start, 10)).await.unwrap();
        let limit = |pages: u32| {
            store.with_connection(move |connection| connection.pragma_update(None, "max_page_count", pages))
        };
        // SQLite answers to this limit exactly as it does to a disk without room.
        limit(1).await.unwrap();
        let refused = store.append("s1", &token, &end, &batch(&end, 200_000)).await;
        assert!(matches!(&refused, Err(StoreError::Unavailable { source, .. }) if source.to_string().contains("full")));
        assert_eq!(store.head("s1").await.unwrap(), end);
        assert_eq!(store.read("s1", 0, 10).await.unwrap().len(), 1);
        assert_eq!(store.blob("s1", "b2").await.unwrap(), None);
        let key = DirectoryKey { kind: DirectoryKind::Agent, id: "agent-2".to_owned() };
        assert_eq!(store.directory("s1", std::slice::from_ref(&key)).await.unwrap(), [None]);
        limit(1_000_000).await.unwrap();
        store.append("s1", &token, &end, &batch(&end, 200_000)).await.unwrap();
        assert!(store.directory("s1", &[key]).await.unwrap()[0].is_some());
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path().join("picket.db")).unwrap();
        let (token, start) = store.acquire("s1", "picket-1", "ann", 0).await.unwrap();
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        let failed = store.with_connection::<()>(move |_| Err(rusqlite::Error::SqliteFailure(failure, None))).await;
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })));
        for result in [store.append("s1", &token, &start, &batch(&start, 10)).await.map(drop), store.check().await] {
            let Err(StoreError::Unavailable { source, .. }) = result else { panic!("the disk is still trusted") };
            assert!(source.to_string().contains("failed to keep"), "{source}");
        }
        assert_eq!(store.head("s1").await.unwrap(), start, "reading goes on");
    }
}
