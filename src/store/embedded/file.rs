//! Decides what a store's file must be: whose it is, which version, how it is opened, and when it can be used.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::shard::ports::StoreError;

/// `PICK`: what `PRAGMA application_id` says of a file of ours.
const APPLICATION: i32 = 0x5049_434B;
/// The version of the tables below. A file of a newer one is refused; an older one is migrated here.
const VERSION: i32 = 2;
/// How long SQLite waits for a lock that somebody's `sqlite3` holds.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE shard (
        name TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL DEFAULT 0,
        token TEXT NOT NULL DEFAULT '',
        owner TEXT NOT NULL DEFAULT '',
        seq INTEGER NOT NULL DEFAULT 0,
        hash TEXT NOT NULL DEFAULT '',
        trimmed INTEGER NOT NULL DEFAULT 0,
        watermark INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE journal (
        shard TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (shard, seq)
    ) STRICT;
    CREATE TABLE snapshot (
        shard TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (shard, seq)
    ) STRICT;
    CREATE TABLE directory (
        shard TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (shard, kind, id)
    ) STRICT;
    CREATE TABLE blob (
        shard TEXT NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (shard, hash)
    ) STRICT;
";

/// What version 2 added.
const ATTEMPTS: &str = "
    CREATE TABLE attempt (
        shard TEXT NOT NULL, message TEXT NOT NULL, lives INTEGER NOT NULL, life TEXT NOT NULL,
        PRIMARY KEY (shard, message)
    ) STRICT;
";

/// The lock of a file, given up when dropped. A program that is being started in this moment still holds what this
/// process had open; so it is unlocked, and not only closed.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked is closed in a moment, which does the same.
        let _ = self.0.unlock();
    }
}

/// Takes the lock that keeps every other process, and every other store of this one, out of the file at `path`.
///
/// It is a lock of the operating system on a file beside it, so it cannot outlive the process that holds it.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let refused = |source: io::Error| StoreError::Unavailable {
        attempt: "locking the store's file",
        source: Box::new(io::Error::new(source.kind(), format!("{}: {source}", path.display()))),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let lock = private().open(beside).map_err(refused)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Unfit {
                what: format!(
                    "{} is in use by another Picket; stop that one first, or give this one a file of its own",
                    path.display()
                ),
            });
        }
        Err(TryLockError::Error(source)) => return Err(refused(source)),
    }
    // SQLite would make the file, and the log beside it, readable to everybody; what is in it is personal.
    private().open(path).map_err(refused)?;
    Ok(Lock(lock))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens the file for writing, and makes its tables if it is new.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    const ATTEMPT: &str = "opening the store's file";
    let failed = failed(ATTEMPT);
    let mut connection = Connection::open(path).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(&failed)?;
    if mode != "wal" {
        return Err(StoreError::Unfit {
            what: format!(
                "{} lies on a file system where SQLite cannot keep a write-ahead log; move it to a local disk",
                path.display()
            ),
        });
    }
    // What is erased is overwritten where that costs no writing of its own.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(())).map_err(&failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the file a second time, for queries that must not hold the writer up.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    const ATTEMPT: &str = "opening the store's file for reading";
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed(ATTEMPT))?;
    connection.busy_timeout(BUSY).map_err(failed(ATTEMPT))?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = failed("making the store's tables");
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(&failed);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&failed)?;
    let is_new = match (application, version) {
        (APPLICATION, VERSION) => return Ok(()),
        (APPLICATION, 1) => false,
        (0, 0) if tables == 0 => true,
        (APPLICATION, newer) if newer > VERSION => {
            return Err(StoreError::Unfit {
                what: format!(
                    "{} was written by a newer Picket (version {newer} of its tables, this one knows {VERSION}); \
                     run that version, or restore an older copy",
                    path.display()
                ),
            });
        }
        _ => {
            return Err(StoreError::Unfit {
                what: format!("{} is a database of something else; name another file", path.display()),
            });
        }
    };
    let transaction = connection.transaction().map_err(&failed)?;
    if is_new {
        transaction.execute_batch(TABLES).map_err(&failed)?;
    }
    transaction.execute_batch(ATTEMPTS).map_err(&failed)?;
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(&failed)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(&failed)?;
    transaction.commit().map_err(&failed)
}

/// Finds out whether the file can be written now: takes the write lock and gives it back.
pub(super) fn check(connection: &mut Connection) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(failed("checking the store's file"))
}

/// Tells what SQLite's refusal means while something was attempted.
pub(super) fn failed(attempt: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { what: format!("{attempt}: {error}") }
        }
        _ => StoreError::Unavailable { attempt, source: Box::new(error) },
    }
}

/// Whether the disk failed to keep what it was given.
pub(super) fn lost_trust(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| matches!(error.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}
