//! The store in one file: what it promises beside the suite.

use std::path::PathBuf;
use std::sync::Arc;

use picket::shard::ports::{Store, StoreError};
use picket::store::Embedded;
use tempfile::TempDir;

use crate::material::{SHARD, acquire, batch, is_damaged, owner_with, records, unfit};

pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder can be made") }
    }

    pub(crate) async fn open(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        let store = Embedded::open(self.file()).expect("the file can be opened");
        (Arc::new(store.clone()), Arc::new(store))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("data").join("picket.db")
    }

    /// Lets another program change the file while no store has it open.
    fn tamper(&self, sql: &str) {
        rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused_until_the_first_is_gone() {
    let fixture = Fixture::start().await;
    let first = Embedded::open(fixture.file()).unwrap();
    let clone = first.clone();
    let sentence = unfit(Embedded::open(fixture.file()));
    assert!(sentence.contains("picket.db is in use by another Picket; stop that one first"), "{sentence}");
    drop(first);
    unfit(Embedded::open(fixture.file()));
    drop(clone);
    Embedded::open(fixture.file()).unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let fixture = Fixture::start().await;
    owner_with(&Embedded::open(fixture.file()).unwrap(), "ann", 2).await;
    fixture.tamper("PRAGMA user_version = 99");
    let sentence = unfit(Embedded::open(fixture.file()));
    assert!(sentence.contains("newer Picket (version 99 of its tables"), "{sentence}");
    fixture.tamper("PRAGMA user_version = 2");
    assert_eq!(records(&Embedded::open(fixture.file()).unwrap()).await.len(), 2);
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up_to_date_with_what_it_holds() {
    let fixture = Fixture::start().await;
    owner_with(&Embedded::open(fixture.file()).unwrap(), "ann", 2).await;
    fixture.tamper("DROP TABLE attempt; PRAGMA user_version = 1");
    for _ in 0..2 {
        let store = Embedded::open(fixture.file()).unwrap();
        assert_eq!(records(&store).await.len(), 2);
        assert_eq!(store.attempts(SHARD).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let fixture = Fixture::start().await;
    std::fs::create_dir_all(fixture.file().parent().unwrap()).unwrap();
    fixture.tamper("CREATE TABLE holidays (day TEXT)");
    let sentence = unfit(Embedded::open(fixture.file()));
    assert!(sentence.contains("a database of something else"), "{sentence}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let fixture = Fixture::start().await;
    std::fs::create_dir_all(fixture.file().parent().unwrap()).unwrap();
    std::fs::write(fixture.file(), "contact,agent\n".repeat(1000)).unwrap();
    assert!(is_damaged(&Embedded::open(fixture.file())));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let fixture = Fixture::start().await;
    let file = fixture.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let Err(StoreError::Unavailable { source, .. }) = Embedded::open(file.join("picket.db")) else {
        panic!("a folder below a file cannot exist");
    };
    assert!(source.to_string().contains("file/picket.db"), "{source}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::start().await;
    let store = Embedded::open(fixture.file()).unwrap();
    owner_with(&store, "ann", 1).await;
    for beside in ["picket.db", "picket.db-wal", "picket.db.lock"] {
        let mode = std::fs::metadata(fixture.file().with_file_name(beside)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{beside} is open to others: {mode:o}");
    }
}

#[tokio::test]
async fn a_record_that_was_taken_away_is_noticed_by_who_reads() {
    let fixture = Fixture::start().await;
    owner_with(&Embedded::open(fixture.file()).unwrap(), "ann", 5).await;
    fixture.tamper("DELETE FROM journal WHERE seq = 3");
    let store = Embedded::open(fixture.file()).unwrap();
    assert!(is_damaged(&store.read(SHARD, 0, 100).await));
    assert!(is_damaged(&store.read(SHARD, 2, 1).await));
    assert_eq!(store.read(SHARD, 3, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_tail_that_was_added_or_cut_off_is_noticed_by_the_next_owner() {
    for sql in [
        "INSERT INTO journal VALUES ('s1', 6, 'x', x'00')",
        "DELETE FROM journal WHERE seq = 5",
        "UPDATE journal SET hash = 'x' WHERE seq = 5",
        "UPDATE shard SET seq = 4",
    ] {
        let fixture = Fixture::start().await;
        owner_with(&Embedded::open(fixture.file()).unwrap(), "ann", 5).await;
        fixture.tamper(sql);
        let store = Embedded::open(fixture.file()).unwrap();
        assert!(is_damaged(&store.acquire(SHARD, "picket-1", "bob", 0).await), "{sql}");
    }
}

#[tokio::test]
async fn another_program_can_read_the_file_while_it_is_in_use() {
    let fixture = Fixture::start().await;
    let store = Embedded::open(fixture.file()).unwrap();
    let (token, end) = owner_with(&store, "ann", 5).await;
    let reader = rusqlite::Connection::open(fixture.file()).unwrap();
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM journal"), 5);
    reader.execute_batch("BEGIN; SELECT * FROM journal").unwrap();
    store.append(SHARD, &token, &end, &batch("ann", &end, 1)).await.unwrap();
    assert_eq!(records(&store).await.len(), 6);
}

#[tokio::test]
async fn who_holds_the_file_for_long_makes_the_store_unavailable_and_not_hang() {
    let fixture = Fixture::start().await;
    let store = Embedded::open(fixture.file()).unwrap();
    let (token, end) = owner_with(&store, "ann", 1).await;
    let other = rusqlite::Connection::open(fixture.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let write = batch("ann", &end, 1);
    let held = store.append(SHARD, &token, &end, &write).await;
    assert!(crate::material::is_unavailable(&held), "{held:?}");
    assert_eq!(records(&store).await.len(), 1, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    store.append(SHARD, &token, &end, &write).await.unwrap();
}

#[tokio::test]
async fn an_append_whose_caller_went_away_is_recognised_afterwards() {
    let fixture = Fixture::start().await;
    let store = Embedded::open(fixture.file()).unwrap();
    let (token, start) = acquire(&store, "ann").await;
    let write = batch("ann", &start, 3);
    {
        let mut append = std::pin::pin!(store.append(SHARD, &token, &start, &write));
        assert!(futures_util::poll!(&mut append).is_pending());
    }
    store.append(SHARD, &token, &start, &write).await.unwrap();
    assert_eq!(records(&store).await.len(), 3);
}
