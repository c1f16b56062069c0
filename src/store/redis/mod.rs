//! Decides how many machines remember together: a shard's keys in Redis, changed only by the functions of `picket.lua`.
//!
//! Every write names the owner's token and runs on a connection that belongs to the shard, in one pipeline with the
//! `WAIT` that proves it to be on the replicas: on another connection `WAIT` would answer for something else.

mod fitness;
mod keys;
mod library;
mod link;
mod options;
mod reply;
mod rights;
mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{Pipeline, pipe};
use async_trait::async_trait;
use bytes::Bytes;
use picket_core::Timestamp;

pub use self::fitness::Condition;
use self::keys::Keys;
use self::link::{Link, Server};
pub use self::options::{InvalidUrl, Options, Profile, Url};
use self::reply::{Fields, Reply, number};
use super::{check_batch, check_read};
use crate::shard::ports::{
    Batch, DirectoryKey, DirectoryKind, Entry, Head, Lease, Snapshot, Store, StoreError, StoreTraits, Token,
};

/// A store in Redis. Clones share their connections.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    server: Server,
    /// For small questions.
    reader: Link,
    /// For snapshots, which would hold small questions up.
    bulk: Link,
    /// For the writes of one shard each, because `WAIT` holds up what comes after it.
    writers: Mutex<BTreeMap<String, Arc<Link>>>,
}

/// Fewer replicas have a write than must.
#[derive(Debug, thiserror::Error)]
#[error("{reached} of {needed} replicas had it after {} ms", .wait_ms)]
struct NotReplicated {
    reached: u32,
    needed: u8,
    wait_ms: u32,
}

/// What was read is not there: it came from another server, or is trimmed by now.
#[derive(Debug, thiserror::Error)]
#[error("record {seq} is not there as it was read")]
struct NotThere {
    seq: u64,
}

/// `seq` and `hash` of a shard, as they are kept.
type End = (Option<String>, Option<String>);

fn head((seq, hash): End) -> Result<Head, StoreError> {
    Ok(Head { seq: number("seq", seq.as_deref())?, hash: hash.unwrap_or_default() })
}

impl Redis {
    /// Prepares a store; nothing is connected before it is used.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when the options cannot be used: which one and why.
    pub fn new(options: Options) -> Result<Self, StoreError> {
        let server = Server::new(&options)?;
        let (reader, bulk) = (Link::new(&server), Link::new(&server));
        Ok(Self { shared: Arc::new(Shared { options, server, reader, bulk, writers: Mutex::default() }) })
    }

    /// Prepares a store and makes sure that the server can keep what the profile promises.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when the options or the server's settings cannot be used, and how to mend them;
    /// [`StoreError::Unavailable`] when the server cannot be asked.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let store = Self::new(options)?;
        let mut commands = pipe();
        commands.cmd("PING").ignore();
        store.shared.reader.run::<()>("connecting to Redis", &commands).await?;
        Ok(store)
    }

    /// The server's clock.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be asked.
    pub async fn clock(&self) -> Result<Timestamp, StoreError> {
        let mut commands = pipe();
        commands.cmd("TIME");
        let ((seconds, micros),): ((i64, i64),) = self.shared.reader.run("asking for the time", &commands).await?;
        Ok(Timestamp(seconds * 1000 + micros / 1000))
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be asked.
    pub async fn condition(&self) -> Result<Condition, StoreError> {
        let mut commands = pipe();
        commands.cmd("INFO");
        let (report,): (String,) = self.shared.reader.run("asking the server how it is", &commands).await?;
        Ok(fitness::condition(&report))
    }

    /// What the server says about the first command on the keys of a shard that its user may not use; none where all may be
    /// used. Nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be asked, [`StoreError::Unfit`] when it is none to be asked.
    pub async fn refusal(&self, shard: &str) -> Result<Option<String>, StoreError> {
        self.shared.server.refusal(shard).await
    }

    fn writer(&self, shard: &str) -> Arc<Link> {
        let mut writers = self.shared.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = writers.get(shard) {
            return Arc::clone(link);
        }
        let link = Arc::new(Link::new(&self.shared.server));
        writers.insert(shard.to_owned(), Arc::clone(&link));
        link
    }

    /// Calls a function of the library, and returns once its effect is where the profile wants it.
    async fn call(&self, attempt: &'static str, shard: &str, call: Call<'_>) -> Result<Fields, StoreError> {
        let mut commands = Pipeline::new();
        call.add_to(&mut commands);
        let writer = self.writer(shard);
        if self.shared.options.awaited() == 0 {
            let (reply,): (Reply,) = writer.run(attempt, &commands).await?;
            return reply.into_fields();
        }
        self.wait_behind(&mut commands);
        let (reply, reached): (Reply, u32) = writer.run(attempt, &commands).await?;
        let fields = reply.into_fields()?;
        self.check_reached(attempt, &writer, reached)?;
        Ok(fields)
    }

    /// Waits for the replicas behind a write.
    fn wait_behind(&self, commands: &mut Pipeline) {
        commands.cmd("WAIT").arg(self.shared.options.awaited()).arg(self.wait_ms());
    }

    fn wait_ms(&self) -> u32 {
        self.shared.options.wait_timeout_ms.max(1)
    }

    /// Whether as many replicas have a write as must. Where they have not, they may follow another server by now.
    fn check_reached(&self, attempt: &'static str, writer: &Link, reached: u32) -> Result<(), StoreError> {
        let needed = self.shared.options.awaited();
        if reached >= u32::from(needed) {
            return Ok(());
        }
        writer.doubt();
        self.shared.reader.doubt();
        let why = NotReplicated { reached, needed, wait_ms: self.wait_ms() };
        Err(StoreError::Unavailable { attempt, source: Box::new(why) })
    }
}

/// A call of a function, before it is sent.
struct Call<'a> {
    function: &'static str,
    keys: Vec<String>,
    arguments: Vec<Argument<'a>>,
}

enum Argument<'a> {
    Text(&'a str),
    Number(u64),
    Bytes(&'a [u8]),
}

impl Call<'_> {
    fn add_to(&self, commands: &mut Pipeline) {
        let call = commands.cmd("FCALL").arg(self.function).arg(self.keys.len()).arg(&self.keys);
        for argument in &self.arguments {
            match argument {
                Argument::Text(text) => call.arg(*text),
                Argument::Number(number) => call.arg(*number),
                Argument::Bytes(bytes) => call.arg(*bytes),
            };
        }
    }
}

/// The arguments of `picket_append`, in the order its comment gives.
fn append_call<'a>(shard: &str, token: &'a str, expected: &'a Head, batch: &'a Batch) -> Call<'a> {
    use Argument::{Bytes, Number, Text};
    let keys = Keys::of(shard);
    let kinds: BTreeSet<DirectoryKind> = batch.directory.iter().map(|write| write.key.kind).collect();
    // Where the key of each kind comes in KEYS, which Lua counts from 1, behind the three fixed ones.
    let kinds: BTreeMap<DirectoryKind, u64> = kinds.into_iter().zip(4..).collect();
    let mut names = vec![keys.own(), keys.journal(), keys.blobs()];
    names.extend(kinds.keys().map(|kind| keys.directory(*kind)));
    let mut arguments = vec![Text(token), Number(expected.seq), Text(&expected.hash)];
    for count in [batch.entries.len(), batch.directory.len(), batch.blobs.len()] {
        arguments.push(Number(count as u64));
    }
    for entry in &batch.entries {
        arguments.extend([Text(&entry.hash), Bytes(&entry.body)]);
    }
    for write in &batch.directory {
        let put = write.body.as_ref().map_or("0", |_| "1");
        let body = write.body.as_deref().unwrap_or_default();
        arguments.extend([Number(kinds[&write.key.kind]), Text(&write.key.id), Text(put), Bytes(body)]);
    }
    for (hash, body) in &batch.blobs {
        arguments.extend([Text(hash), Bytes(body)]);
    }
    Call { function: "picket_append", keys: names, arguments }
}

#[async_trait]
impl Store for Redis {
    fn traits(&self) -> StoreTraits {
        StoreTraits { durable: true, shared: true }
    }

    async fn lease(&self, shard: &str, holder: &str, lasts: Duration) -> Result<Lease, StoreError> {
        let mut commands = pipe();
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).max(1);
        commands.cmd("FCALL").arg("picket_lease").arg(1).arg(Keys::of(shard).lease()).arg(holder).arg(lasts);
        let (reply,): (Reply,) = self.shared.reader.run("asking for the lease", &commands).await?;
        let found = reply.into_fields()?.text()?;
        Ok(if found == holder { Lease::Held } else { Lease::HeldBy(found) })
    }

    async fn release(&self, shard: &str, holder: &str) -> Result<(), StoreError> {
        let mut commands = pipe();
        commands.cmd("FCALL").arg("picket_release").arg(1).arg(Keys::of(shard).lease()).arg(holder);
        let (reply,): (Reply,) = self.shared.reader.run("giving the lease back", &commands).await?;
        reply.into_fields().map(drop)
    }

    async fn attend(&self, shards: &str, daemon: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        let mut commands = pipe();
        let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        commands.cmd("FCALL").arg("picket_attend").arg(1).arg(Keys::daemons(shards)).arg(daemon).arg(lasts);
        let (reply,): (Reply,) = self.shared.reader.run("saying that this daemon is there", &commands).await?;
        let mut there = reply.into_fields()?.texts();
        there.sort();
        Ok(there)
    }

    async fn acquire(
        &self,
        shard: &str,
        instance: &str,
        nonce: &str,
        epoch_floor: u64,
    ) -> Result<(Token, Head), StoreError> {
        let keys = Keys::of(shard);
        let call = Call {
            function: "picket_acquire",
            keys: vec![keys.own(), keys.journal()],
            arguments: vec![Argument::Text(instance), Argument::Text(nonce), Argument::Number(epoch_floor)],
        };
        let mut fields = self.call("taking a shard over", shard, call).await?;
        let token = Token { epoch: fields.number()?, nonce: nonce.to_owned() };
        Ok((token, fields.head()?))
    }

    async fn append(&self, shard: &str, token: &Token, expected: &Head, batch: &Batch) -> Result<Head, StoreError> {
        check_batch(expected, batch)?;
        let token = token.to_string();
        let call = append_call(shard, &token, expected, batch);
        self.call("appending to the journal", shard, call).await?.head()
    }

    async fn head(&self, shard: &str) -> Result<Head, StoreError> {
        let mut commands = pipe();
        commands.cmd("HMGET").arg(Keys::of(shard).own()).arg(&["seq", "hash"]);
        let (end,): (End,) = self.shared.reader.run("reading the journal's head", &commands).await?;
        head(end)
    }

    async fn read(&self, shard: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let keys = Keys::of(shard);
        let mut commands = pipe();
        commands.cmd("FCALL_RO").arg("picket_read").arg(2).arg(keys.own()).arg(keys.journal()).arg(after).arg(limit);
        let ((end, trimmed, records),): ((String, String, Vec<(String, Vec<Bytes>)>),) =
            self.shared.reader.run("reading the journal", &commands).await?;
        let (end, trimmed) = (number("seq", Some(&end))?, number("trimmed", Some(&trimmed))?);
        let found = records.into_iter().map(reply::entry).collect::<Result<Vec<Entry>, StoreError>>()?;
        check_read(found.iter().map(|entry| entry.seq), after, trimmed, end, limit)?;
        Ok(found)
    }

    async fn settle(&self, shard: &str, read: &Head) -> Result<(), StoreError> {
        const ATTEMPT: &str = "waiting for the replicas";
        if self.shared.options.awaited() == 0 || read.seq == 0 {
            return Ok(());
        }
        let (keys, id) = (Keys::of(shard), format!("{}-0", read.seq));
        let mut commands = pipe();
        // Readers have a connection of their own, which may lead to a server that was replaced: what counts is whether the
        // one that has replicas has the record.
        commands.cmd("HMGET").arg(keys.own()).arg(&["seq", "hash"]);
        commands.cmd("XRANGE").arg(keys.journal()).arg(&id).arg(&id);
        // Replicas get everything in one order: when they have this, they have all before.
        commands.cmd("SET").arg(keys.settled()).arg(1).arg("EX").arg(60).ignore();
        self.wait_behind(&mut commands);
        let writer = self.writer(shard);
        let (end, found, reached): (End, Vec<(String, Vec<Bytes>)>, u32) = writer.run(ATTEMPT, &commands).await?;
        let kept = found.into_iter().map(reply::entry).next().transpose()?;
        // Of a journal that is trimmed up to its end, only the end is left.
        let is_there = kept.map_or(head(end)?, |entry| Head { seq: entry.seq, hash: entry.hash }) == *read;
        if !is_there {
            return Err(StoreError::Unavailable { attempt: ATTEMPT, source: Box::new(NotThere { seq: read.seq }) });
        }
        self.check_reached(ATTEMPT, &writer, reached)
    }

    async fn save_snapshot(&self, shard: &str, token: &Token, snapshot: &Snapshot) -> Result<(), StoreError> {
        let keys = Keys::of(shard);
        let chunks = snapshots::upload(&self.shared.bulk, &keys.upload(&token.nonce), &snapshot.body).await?;
        let token_text = token.to_string();
        let call = Call {
            function: "picket_snapshot",
            keys: vec![keys.own(), keys.upload(&token.nonce), keys.snapshot('a'), keys.snapshot('b')],
            arguments: vec![
                Argument::Text(&token_text),
                Argument::Number(snapshot.head.seq),
                Argument::Text(&snapshot.head.hash),
                Argument::Number(chunks),
            ],
        };
        self.call("saving a snapshot", shard, call).await.map(drop)
    }

    async fn snapshots(&self, shard: &str) -> Result<Vec<Snapshot>, StoreError> {
        snapshots::kept(&self.shared.bulk, &Keys::of(shard)).await
    }

    async fn trim(&self, shard: &str, token: &Token, seq: u64) -> Result<(), StoreError> {
        let (keys, token) = (Keys::of(shard), token.to_string());
        let call = Call {
            function: "picket_trim",
            keys: vec![keys.own(), keys.journal()],
            arguments: vec![Argument::Text(&token), Argument::Number(seq)],
        };
        self.call("trimming the journal", shard, call).await.map(drop)
    }

    async fn set_watermark(&self, shard: &str, token: &Token, number: u64) -> Result<(), StoreError> {
        let (keys, token) = (Keys::of(shard), token.to_string());
        let call = Call {
            function: "picket_watermark",
            keys: vec![keys.own()],
            arguments: vec![Argument::Text(&token), Argument::Number(number)],
        };
        self.call("raising the watermark", shard, call).await.map(drop)
    }

    async fn watermark(&self, shard: &str) -> Result<u64, StoreError> {
        let mut commands = pipe();
        commands.cmd("HGET").arg(Keys::of(shard).own()).arg("watermark");
        let (found,): (Option<String>,) = self.shared.reader.run("reading the watermark", &commands).await?;
        number("watermark", found.as_deref())
    }

    async fn directory(&self, shard: &str, keys: &[DirectoryKey]) -> Result<Vec<Option<Bytes>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let names = Keys::of(shard);
        let mut by_kind: BTreeMap<DirectoryKind, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            by_kind.entry(key.kind).or_default().push(at);
        }
        let mut commands = pipe();
        for (kind, places) in &by_kind {
            let ask = commands.cmd("HMGET").arg(names.directory(*kind));
            for at in places {
                ask.arg(&keys[*at].id);
            }
        }
        let found: Vec<Vec<Option<Bytes>>> = self.shared.reader.run("looking up the directory", &commands).await?;
        let mut rows = vec![None; keys.len()];
        for (places, bodies) in by_kind.values().zip(found) {
            for (at, body) in places.iter().zip(bodies) {
                rows[*at] = body;
            }
        }
        Ok(rows)
    }

    async fn rows(&self, shard: &str, kind: DirectoryKind) -> Result<Vec<(String, Bytes)>, StoreError> {
        // Piece by piece, so that the server does nothing else for a moment only; a row may come twice.
        let (mut rows, mut cursor) = (BTreeMap::new(), 0_u64);
        loop {
            let mut commands = pipe();
            commands.cmd("HSCAN").arg(Keys::of(shard).directory(kind)).arg(cursor).arg("COUNT").arg(1000);
            let ((next, found),): ((u64, Vec<(String, Bytes)>),) =
                self.shared.reader.run("listing the directory", &commands).await?;
            rows.extend(found);
            if next == 0 {
                return Ok(rows.into_iter().collect());
            }
            cursor = next;
        }
    }

    async fn shards(&self) -> Result<Vec<String>, StoreError> {
        let (mut shards, mut cursor) = (BTreeSet::new(), 0_u64);
        loop {
            let mut commands = pipe();
            commands.cmd("SCAN").arg(cursor).arg("MATCH").arg(Keys::every_own()).arg("COUNT").arg(1000);
            let ((next, found),): ((u64, Vec<String>),) =
                self.shared.reader.run("listing the shards", &commands).await?;
            shards.extend(found.iter().filter_map(|own| Keys::shard_of(own)));
            if next == 0 {
                return Ok(shards.into_iter().collect());
            }
            cursor = next;
        }
    }

    async fn blob(&self, shard: &str, hash: &str) -> Result<Option<Bytes>, StoreError> {
        let mut commands = pipe();
        commands.cmd("HGET").arg(Keys::of(shard).blobs()).arg(hash);
        let (found,): (Option<Bytes>,) = self.shared.reader.run("reading a blob", &commands).await?;
        Ok(found)
    }

    async fn note_attempt(&self, shard: &str, token: &Token, message: &str, life: &str) -> Result<u32, StoreError> {
        let (keys, token) = (Keys::of(shard), token.to_string());
        let call = Call {
            function: "picket_attempt",
            keys: vec![keys.own(), keys.attempts()],
            arguments: vec![Argument::Text(&token), Argument::Text(message), Argument::Text(life)],
        };
        let lives = self.call("noting an attempt", shard, call).await?.number()?;
        Ok(u32::try_from(lives).unwrap_or(u32::MAX))
    }

    async fn forget_attempts(&self, shard: &str, token: &Token, message: Option<&str>) -> Result<(), StoreError> {
        let (keys, token) = (Keys::of(shard), token.to_string());
        let call = Call {
            function: "picket_forget",
            keys: vec![keys.own(), keys.attempts()],
            arguments: [&*token].into_iter().chain(message).map(Argument::Text).collect(),
        };
        self.call("forgetting attempts", shard, call).await.map(drop)
    }

    async fn attempts(&self, shard: &str) -> Result<u64, StoreError> {
        let mut commands = pipe();
        commands.cmd("HLEN").arg(Keys::of(shard).attempts());
        let (found,): (u64,) = self.shared.reader.run("counting attempts", &commands).await?;
        Ok(found)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.shared.reader.examine("checking Redis").await
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
