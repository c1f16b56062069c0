//! Decides which commands the store needs of a server, and finds out which of them its user may not use.
//!
//! Each is put into a transaction that is never carried out: the server looks at rights when a command is queued.

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisError, RedisResult, Value, cmd};

use super::keys::Keys;
use super::library::Trouble;
use crate::shard::ports::DirectoryKind;

const REFUSED: &str = "NOPERM";

/// What the server says about the first command that the user of this connection may not use on the keys of a shard; none
/// where all may be used.
pub(super) async fn refusal(connection: &mut MultiplexedConnection, shard: &str) -> Result<Option<String>, Trouble> {
    cmd("MULTI").exec_async(connection).await?;
    let mut found = None;
    for command in commands(shard) {
        let queued: RedisResult<Value> = command.query_async(connection).await;
        if let Err(error) = queued {
            if !is_refusal(&error) {
                return Err(error.into());
            }
            found = Some(error.to_string());
            break;
        }
    }
    cmd("DISCARD").exec_async(connection).await?;
    Ok(found)
}

fn is_refusal(error: &RedisError) -> bool {
    error.code() == Some(REFUSED)
}

/// Each command that is sent, or called by the functions of `picket.lua`, on a key of each kind.
fn commands(shard: &str) -> Vec<Cmd> {
    let keys = Keys::of(shard);
    let (own, journal, upload) = (keys.own(), keys.journal(), keys.upload("doctor"));
    let (lease, daemons) = (keys.lease(), Keys::daemons(shard));
    let directory = keys.directory(DirectoryKind::Customer);
    let words: [&[&str]; 39] = [
        &["PING"],
        &["INFO"],
        &["TIME"],
        &["WAIT", "0", "1"],
        &["SCAN", "0"],
        &["FCALL_RO", "picket_read", "2", &own, &journal, "0", "1"],
        &["FCALL", "picket_watermark", "1", &own, "", "0"],
        &["GET", &lease],
        &["SET", &lease, "", "PX", "1"],
        &["DEL", &lease],
        &["SET", &keys.settled(), "1", "EX", "60"],
        &["ZREMRANGEBYSCORE", &daemons, "-inf", "0"],
        &["ZADD", &daemons, "0", ""],
        &["ZREM", &daemons, ""],
        &["ZRANGE", &daemons, "0", "-1"],
        &["HGET", &own, "seq"],
        &["HMGET", &own, "seq", "hash"],
        &["HSET", &own, "seq", "0"],
        &["HINCRBY", &own, "uploads", "1"],
        &["XADD", &journal, "1-0", "h", ""],
        &["XRANGE", &journal, "-", "+"],
        &["XREVRANGE", &journal, "+", "-"],
        &["XTRIM", &journal, "MINID", "=", "0-0"],
        &["TYPE", &directory],
        &["HSET", &directory, "", ""],
        &["HDEL", &directory, ""],
        &["HMGET", &directory, ""],
        &["HSET", &keys.blobs(), "", ""],
        &["HGET", &keys.blobs(), ""],
        &["HSET", &keys.attempts(), "", ""],
        &["HLEN", &keys.attempts()],
        &["DEL", &upload],
        &["RPUSH", &upload, ""],
        &["EXPIRE", &upload, "1"],
        &["LLEN", &upload],
        &["RENAME", &upload, &keys.snapshot('a')],
        &["PERSIST", &keys.snapshot('a')],
        &["EXISTS", &keys.snapshot('b')],
        &["LRANGE", &keys.snapshot('b'), "0", "-1"],
    ];
    let command = |words: &&[&str]| {
        let mut command = Cmd::new();
        command.arg(*words);
        command
    };
    words.iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::commands;

    /// The first word of each command.
    fn asked() -> BTreeSet<String> {
        let first = |command: &::redis::Cmd| {
            let packed = String::from_utf8(command.get_packed_command()).expect("text");
            packed.split("\r\n").nth(2).map(str::to_owned)
        };
        commands("main").iter().filter_map(first).collect()
    }

    #[test]
    fn every_command_of_the_function_library_is_asked_for() {
        let library = include_str!("picket.lua");
        let called = ["redis.call('", "redis.pcall('"].into_iter().flat_map(|call| library.split(call).skip(1));
        let called: BTreeSet<String> = called.filter_map(|rest| rest.split('\'').next()).map(str::to_owned).collect();
        assert!(called.contains("XADD"), "{called:?}");
        assert_eq!(called.difference(&asked()).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
