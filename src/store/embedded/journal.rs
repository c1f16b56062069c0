//! Decides how a shard lies in the tables of the file, and guards every write of it with the owner's token.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, named_params, params};

use super::file::failed;
use crate::shard::ownership::{Ownership, Place};
use crate::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, DirectoryWrite, Entry, Head, Snapshot, StoreError, Token,
};
use crate::store::{check_read, kind_name};

/// One row of the table `shard`.
#[derive(Default)]
struct Row {
    owner: Ownership,
    trimmed: u64,
    watermark: u64,
}

type Outcome<T> = rusqlite::Result<Result<T, StoreError>>;

/// Runs `write` in a transaction that is committed only when it succeeds.
fn writing<T>(
    connection: &mut Connection,
    attempt: &'static str,
    write: impl FnOnce(&Transaction<'_>) -> Outcome<T>,
) -> Result<T, StoreError> {
    let outcome = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = write(&transaction)?;
        if result.is_ok() {
            transaction.commit()?;
        }
        Ok(result)
    })();
    outcome.map_err(failed(attempt))?
}

/// Runs `write` as the owner: refuses when the token is not the stored one.
fn owning<T>(
    connection: &mut Connection,
    attempt: &'static str,
    shard: &str,
    token: &Token,
    write: impl FnOnce(&Transaction<'_>, Row) -> Outcome<T>,
) -> Result<T, StoreError> {
    writing(connection, attempt, |transaction| {
        let row = row(transaction, shard)?;
        match row.owner.admit(token) {
            Ok(()) => write(transaction, row),
            Err(refused) => Ok(Err(refused)),
        }
    })
}

/// Runs `read` on one consistent state of the file.
fn reading<T>(
    connection: &mut Connection,
    attempt: &'static str,
    read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    connection.transaction().and_then(|transaction| read(&transaction)).map_err(failed(attempt))
}

fn row(connection: &Connection, shard: &str) -> rusqlite::Result<Row> {
    let found = connection
        .query_row("SELECT epoch, token, seq, hash, trimmed, watermark FROM shard WHERE name = ?1", [shard], |row| {
            Ok(Row {
                owner: Ownership {
                    epoch: unsigned(row.get(0)?),
                    token: row.get(1)?,
                    head: Head { seq: unsigned(row.get(2)?), hash: row.get(3)? },
                },
                trimmed: unsigned(row.get(4)?),
                watermark: unsigned(row.get(5)?),
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// SQLite counts in `i64`; ours never reach half of that.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn acquire(
    connection: &mut Connection,
    shard: &str,
    instance: &str,
    nonce: &str,
    epoch_floor: u64,
) -> Result<(Token, Head), StoreError> {
    writing(connection, "taking a shard over", |transaction| {
        let mut row = row(transaction, shard)?;
        let last: (i64, String) = transaction
            .query_row("SELECT seq, hash FROM journal WHERE shard = ?1 ORDER BY seq DESC LIMIT 1", [shard], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?
            .unwrap_or_else(|| (signed(row.trimmed), row.owner.head.hash.clone()));
        if (unsigned(last.0), &last.1) != (row.owner.head.seq, &row.owner.head.hash) {
            let what = format!(
                "the journal of shard {shard} ends at record {}, but its row says {}",
                last.0, row.owner.head.seq
            );
            return Ok(Err(StoreError::Damaged { what }));
        }
        let token = row.owner.take_over(nonce, epoch_floor);
        transaction.execute(
            "INSERT INTO shard (name, epoch, token, owner) VALUES (:name, :epoch, :token, :owner)
             ON CONFLICT (name) DO UPDATE SET epoch = :epoch, token = :token, owner = :owner",
            named_params! { ":name": shard, ":epoch": signed(token.epoch), ":token": row.owner.token, ":owner": instance },
        )?;
        Ok(Ok((token, row.owner.head)))
    })
}

pub(super) fn append(
    connection: &mut Connection,
    shard: &str,
    token: &Token,
    expected: &Head,
    batch: &Batch,
) -> Result<Head, StoreError> {
    owning(connection, "appending to the journal", shard, token, |transaction, mut row| {
        match row.owner.advance(expected, batch) {
            Ok(Place::Free) => {}
            Ok(Place::Written) => return Ok(Ok(row.owner.head)),
            Err(refused) => return Ok(Err(refused)),
        }
        let head = row.owner.head;
        let mut insert = transaction.prepare("INSERT INTO journal (shard, seq, hash, body) VALUES (?1, ?2, ?3, ?4)")?;
        for entry in &batch.entries {
            insert.execute(params![shard, signed(entry.seq), entry.hash, entry.body.as_ref()])?;
        }
        write_directory(transaction, shard, &batch.directory)?;
        let mut keep = transaction.prepare("INSERT OR REPLACE INTO blob (shard, hash, body) VALUES (?1, ?2, ?3)")?;
        for (hash, body) in &batch.blobs {
            keep.execute(params![shard, hash, body.as_ref()])?;
        }
        transaction.execute(
            "UPDATE shard SET seq = ?2, hash = ?3 WHERE name = ?1",
            params![shard, signed(head.seq), head.hash],
        )?;
        Ok(Ok(head))
    })
}

fn write_directory(transaction: &Transaction<'_>, shard: &str, writes: &[DirectoryWrite]) -> rusqlite::Result<()> {
    let mut put =
        transaction.prepare("INSERT OR REPLACE INTO directory (shard, kind, id, body) VALUES (?1, ?2, ?3, ?4)")?;
    let mut remove = transaction.prepare("DELETE FROM directory WHERE shard = ?1 AND kind = ?2 AND id = ?3")?;
    for DirectoryWrite { key, body } in writes {
        match body {
            Some(body) => put.execute(params![shard, kind_name(key.kind), key.id, body.as_ref()])?,
            None => remove.execute(params![shard, kind_name(key.kind), key.id])?,
        };
    }
    Ok(())
}

pub(super) fn head(connection: &mut Connection, shard: &str) -> Result<Head, StoreError> {
    Ok(row(connection, shard).map_err(failed("reading the journal's head"))?.owner.head)
}

pub(super) fn read(
    connection: &mut Connection,
    shard: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let (row, found) = reading(connection, "reading the journal", |transaction| {
        let mut select = transaction
            .prepare("SELECT seq, hash, body FROM journal WHERE shard = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = select.query_map(params![shard, signed(after), limit], |row| {
            Ok(Entry { seq: unsigned(row.get(0)?), hash: row.get(1)?, body: row.get::<_, Vec<u8>>(2)?.into() })
        })?;
        Ok((row(transaction, shard)?, found.collect::<rusqlite::Result<Vec<Entry>>>()?))
    })?;
    check_read(found.iter().map(|entry| entry.seq), after, row.trimmed, row.owner.head.seq, limit)?;
    Ok(found)
}

pub(super) fn save_snapshot(
    connection: &mut Connection,
    shard: &str,
    token: &Token,
    snapshot: &Snapshot,
) -> Result<(), StoreError> {
    owning(connection, "saving a snapshot", shard, token, |transaction, row| {
        if snapshot.head.seq > row.owner.head.seq {
            return Ok(Err(StoreError::HeadMismatch { found: row.owner.head }));
        }
        transaction.execute(
            "INSERT OR REPLACE INTO snapshot (shard, seq, hash, body) VALUES (?1, ?2, ?3, ?4)",
            params![shard, signed(snapshot.head.seq), snapshot.head.hash, snapshot.body.as_ref()],
        )?;
        transaction.execute(
            "DELETE FROM snapshot WHERE shard = ?1 AND seq NOT IN
             (SELECT seq FROM snapshot WHERE shard = ?1 ORDER BY seq DESC LIMIT 2)",
            [shard],
        )?;
        Ok(Ok(()))
    })
}

pub(super) fn snapshots(connection: &mut Connection, shard: &str) -> Result<Vec<Snapshot>, StoreError> {
    reading(connection, "reading the snapshots", |transaction| {
        transaction
            .prepare("SELECT seq, hash, body FROM snapshot WHERE shard = ?1 ORDER BY seq DESC")?
            .query_map([shard], |row| {
                let head = Head { seq: unsigned(row.get(0)?), hash: row.get(1)? };
                Ok(Snapshot { head, body: row.get::<_, Vec<u8>>(2)?.into() })
            })?
            .collect()
    })
}

pub(super) fn trim(connection: &mut Connection, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError> {
    owning(connection, "trimming the journal", shard, token, |transaction, row| {
        let contained: Option<i64> =
            transaction.query_row("SELECT min(seq) FROM snapshot WHERE shard = ?1", [shard], |row| row.get(0))?;
        let safe = contained.unwrap_or(0).min(signed(seq));
        transaction.execute("DELETE FROM journal WHERE shard = ?1 AND seq <= ?2", params![shard, safe])?;
        let trimmed = signed(row.trimmed).max(safe);
        transaction.execute("UPDATE shard SET trimmed = ?2 WHERE name = ?1", params![shard, trimmed])?;
        Ok(Ok(()))
    })
}

pub(super) fn set_watermark(
    connection: &mut Connection,
    shard: &str,
    token: &Token,
    number: u64,
) -> Result<(), StoreError> {
    owning(connection, "raising the watermark", shard, token, |transaction, _| {
        transaction.execute(
            "UPDATE shard SET watermark = max(watermark, ?2) WHERE name = ?1",
            params![shard, signed(number)],
        )?;
        Ok(Ok(()))
    })
}

pub(super) fn watermark(connection: &mut Connection, shard: &str) -> Result<u64, StoreError> {
    Ok(row(connection, shard).map_err(failed("reading the watermark"))?.watermark)
}

pub(super) fn directory(
    connection: &mut Connection,
    shard: &str,
    keys: &[DirectoryKey],
) -> Result<Vec<Option<Bytes>>, StoreError> {
    reading(connection, "looking up the directory", |transaction| {
        let mut select =
            transaction.prepare("SELECT body FROM directory WHERE shard = ?1 AND kind = ?2 AND id = ?3")?;
        let mut body = |key: &DirectoryKey| {
            let found = select.query_row(params![shard, kind_name(key.kind), key.id], |row| row.get::<_, Vec<u8>>(0));
            Ok(found.optional()?.map(Bytes::from))
        };
        keys.iter().map(&mut body).collect()
    })
}

pub(super) fn rows(
    connection: &mut Connection,
    shard: &str,
    kind: DirectoryKind,
) -> Result<Vec<(String, Bytes)>, StoreError> {
    reading(connection, "listing the directory", |transaction| {
        transaction
            .prepare("SELECT id, body FROM directory WHERE shard = ?1 AND kind = ?2")?
            .query_map(params![shard, kind_name(kind)], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?.into())))?
            .collect()
    })
}

pub(super) fn shards(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    reading(connection, "listing the shards", |transaction| {
        transaction.prepare("SELECT name FROM shard WHERE epoch > 0")?.query_map([], |row| row.get(0))?.collect()
    })
}

pub(super) fn blob(connection: &mut Connection, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError> {
    let found = connection
        .query_row("SELECT body FROM blob WHERE shard = ?1 AND hash = ?2", [shard, hash], |row| {
            row.get::<_, Vec<u8>>(0)
        })
        .optional()
        .map_err(failed("reading a blob"))?;
    Ok(found.map(Bytes::from))
}

pub(super) fn note_attempt(
    connection: &mut Connection,
    shard: &str,
    token: &Token,
    message: &str,
    life: &str,
) -> Result<u32, StoreError> {
    owning(connection, "noting an attempt", shard, token, |transaction, _| {
        let lives = transaction.query_row(
            "INSERT INTO attempt (shard, message, lives, life) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (shard, message) DO UPDATE SET lives = lives + (life <> ?3), life = ?3
             RETURNING lives",
            params![shard, message, life],
            |row| row.get(0),
        )?;
        Ok(Ok(lives))
    })
}

pub(super) fn forget_attempts(
    connection: &mut Connection,
    shard: &str,
    token: &Token,
    message: Option<&str>,
) -> Result<(), StoreError> {
    owning(connection, "forgetting attempts", shard, token, |transaction, _| {
        transaction.execute(
            "DELETE FROM attempt WHERE shard = ?1 AND message = coalesce(?2, message)",
            params![shard, message],
        )?;
        Ok(Ok(()))
    })
}

pub(super) fn attempts(connection: &mut Connection, shard: &str) -> Result<u64, StoreError> {
    let found: i64 = connection
        .query_row("SELECT count(*) FROM attempt WHERE shard = ?1", [shard], |row| row.get(0))
        .map_err(failed("counting attempts"))?;
    Ok(unsigned(found))
}
