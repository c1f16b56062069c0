//! Decides how a snapshot, which may be large, gets into Redis and out: in chunks, and only whole.

use ::redis::pipe;
use bytes::Bytes;

use super::keys::Keys;
use super::link::Link;
use super::reply::number;
use crate::shard::ports::{Head, Snapshot, StoreError};

/// How much is sent at once: little enough that no other caller of the server waits long.
const CHUNK: usize = 1024 * 1024;
/// How many chunks are fetched at once.
const CHUNKS_AT_ONCE: u64 = 8;
/// How long an upload that was never completed lies around.
const UPLOAD_EXPIRES_S: u32 = 3600;
/// How often a snapshot may be replaced while it is read before the reader gives up.
const ATTEMPTS: u32 = 5;
const READING: &str = "reading the snapshots";
/// What is known of the two slots, in the order of [`Slot::read`].
const FIELDS: [&str; 8] = ["a_seq", "a_hash", "a_chunks", "a_upload", "b_seq", "b_hash", "b_chunks", "b_upload"];

/// A kept snapshot as the shard's hash describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    name: char,
    head: Head,
    chunks: u64,
    /// Counts the uploads, so that a snapshot that was replaced is recognised.
    upload: u64,
}

/// Snapshots were replaced faster than they could be read.
#[derive(Debug, thiserror::Error)]
#[error("they were replaced while they were read, {ATTEMPTS} times")]
struct Replaced;

/// Puts a body under `key` and returns of how many chunks it consists.
pub(super) async fn upload(link: &Link, key: &str, body: &[u8]) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "uploading a snapshot";
    let mut commands = pipe();
    commands.cmd("DEL").arg(key);
    link.run::<()>(ATTEMPT, &commands).await?;
    let mut count = 0;
    // An empty body is one empty chunk, because an empty list does not exist.
    for chunk in body.chunks(CHUNK).chain(body.is_empty().then_some(body)) {
        let mut commands = pipe();
        commands.cmd("RPUSH").arg(key).arg(chunk).ignore();
        commands.cmd("EXPIRE").arg(key).arg(UPLOAD_EXPIRES_S).ignore();
        link.run::<()>(ATTEMPT, &commands).await?;
        count += 1;
    }
    Ok(count)
}

/// The kept snapshots, newest first. One whose chunks are not all there is left out, so that the other can be used.
pub(super) async fn kept(link: &Link, keys: &Keys) -> Result<Vec<Snapshot>, StoreError> {
    let mut before = slots(link, keys).await?;
    for _ in 0..ATTEMPTS {
        let mut found = Vec::new();
        for slot in &before {
            match body(link, &keys.snapshot(slot.name), slot.chunks).await? {
                Some(body) => found.push(Snapshot { head: slot.head.clone(), body }),
                None => tracing::warn!(seq = slot.head.seq, "a snapshot is not whole and cannot be used"),
            }
        }
        let after = slots(link, keys).await?;
        if before == after {
            return Ok(found);
        }
        before = after;
    }
    Err(StoreError::Unavailable { attempt: READING, source: Box::new(Replaced) })
}

async fn slots(link: &Link, keys: &Keys) -> Result<Vec<Slot>, StoreError> {
    let mut commands = pipe();
    commands.cmd("HMGET").arg(keys.own()).arg(&FIELDS);
    let (fields,): (Vec<Option<String>>,) = link.run(READING, &commands).await?;
    ['a', 'b'].into_iter().zip(fields.chunks(4)).filter_map(|(name, fields)| Slot::read(name, fields)).collect()
}

impl Slot {
    fn read(name: char, fields: &[Option<String>]) -> Option<Result<Self, StoreError>> {
        let [Some(seq), Some(hash), Some(chunks), Some(upload)] = fields else { return None };
        let slot = || {
            Ok(Self {
                name,
                head: Head { seq: number("snapshot seq", Some(seq))?, hash: hash.clone() },
                chunks: number("snapshot chunks", Some(chunks))?,
                upload: number("snapshot upload", Some(upload))?,
            })
        };
        Some(slot())
    }
}

async fn body(link: &Link, key: &str, chunks: u64) -> Result<Option<Bytes>, StoreError> {
    let mut whole = Vec::new();
    let mut found = 0;
    while found < chunks {
        let mut commands = pipe();
        commands.cmd("LRANGE").arg(key).arg(found).arg(found + CHUNKS_AT_ONCE - 1);
        let (part,): (Vec<Bytes>,) = link.run(READING, &commands).await?;
        if part.is_empty() {
            return Ok(None);
        }
        found += part.len() as u64;
        for chunk in part {
            whole.extend_from_slice(&chunk);
        }
    }
    Ok((found == chunks).then(|| whole.into()))
}
