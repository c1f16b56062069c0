//! The store in Redis: what it promises beside the suite, on servers of its own.

use std::sync::Arc;
use std::time::Duration;

use picket::shard::ports::{Head, Lease, Store};
use picket::store::Redis;
use picket::store::redis::{Options, Profile};
use tokio::task::JoinSet;

use crate::material::{SHARD, acquire, batch, head, is_damaged, is_unavailable, owner_with, records, snapshot, unfit};
use crate::proxy::Proxy;
use crate::redis_server::RedisServer;

pub(crate) struct Fixture {
    pub(crate) server: RedisServer,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self { server: RedisServer::start() }
    }

    pub(crate) async fn open(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        (Arc::new(connect(&self.server).await), Arc::new(connect(&self.server).await))
    }
}

/// Settings for a server, with little patience.
pub(crate) fn options(server: &RedisServer) -> Options {
    Options {
        url: server.url().parse().unwrap(),
        connect_timeout_ms: 500,
        response_timeout_ms: 1000,
        wait_timeout_ms: 500,
        ..Options::default()
    }
}

pub(crate) async fn connect(server: &RedisServer) -> Redis {
    Redis::open(options(server)).await.expect("the server can be used")
}

#[tokio::test]
async fn a_server_that_would_lose_records_is_refused_with_the_setting_to_mend() {
    for (name, weak, needed) in [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ] {
        let server = RedisServer::start_with(&[(name, weak)]);
        let sentence = unfit(Redis::open(options(&server)).await);
        assert!(sentence.contains(&format!("`{name} {weak}`")), "{sentence}");
        assert!(sentence.contains(&format!("set `{name} {needed}`")), "{sentence}");
        let trusting = Options { assume_durable: true, ..options(&server) };
        Redis::open(trusting).await.unwrap().check().await.unwrap();
    }
}

#[tokio::test]
async fn daemons_that_share_shards_know_of_each_other_until_one_is_forgotten() {
    let server = RedisServer::start();
    let (one, other) = (connect(&server).await, connect(&server).await);
    let (short, long) = (Duration::from_millis(100), Duration::from_mins(1));
    assert_eq!(one.attend("s1,s2", "ann", long).await.unwrap(), ["ann"]);
    assert_eq!(other.attend("s1,s2", "bob", short).await.unwrap(), ["ann", "bob"]);
    assert_eq!(other.attend("s3", "bob", long).await.unwrap(), ["bob"], "other shards are others' business");
    tokio::time::sleep(2 * short).await;
    assert_eq!(one.attend("s1,s2", "ann", long).await.unwrap(), ["ann"], "who says nothing is forgotten");
    assert_eq!(other.attend("s1,s2", "bob", long).await.unwrap().len(), 2);
    assert_eq!(one.attend("s1,s2", "ann", Duration::ZERO).await.unwrap(), ["bob"], "who leaves is forgotten at once");
}

#[tokio::test]
async fn a_lease_has_one_holder_who_prolongs_it_until_it_is_given_back_or_ends_by_itself() {
    let server = RedisServer::start();
    let (one, other) = (connect(&server).await, connect(&server).await);
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(1));
    for _ in 0..2 {
        assert_eq!(one.lease(SHARD, "ann", long).await.unwrap(), Lease::Held);
        assert_eq!(other.lease(SHARD, "bob", long).await.unwrap(), Lease::HeldBy("ann".to_owned()));
    }
    assert_eq!(other.lease("s2", "bob", long).await.unwrap(), Lease::Held, "another shard's is another one");
    other.release(SHARD, "bob").await.unwrap();
    assert_eq!(
        other.lease(SHARD, "bob", long).await.unwrap(),
        Lease::HeldBy("ann".to_owned()),
        "it is not his to give"
    );
    one.release(SHARD, "ann").await.unwrap();
    assert_eq!(other.lease(SHARD, "bob", short).await.unwrap(), Lease::Held);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(one.lease(SHARD, "ann", long).await.unwrap(), Lease::Held);
}

#[tokio::test]
async fn a_server_that_is_weakened_while_it_runs_is_noticed() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    store.check().await.unwrap();
    let _: String = server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert!(unfit(store.check().await).contains("appendfsync"));
}

#[tokio::test]
async fn a_server_whose_settings_cannot_be_read_is_refused_unless_it_is_trusted() {
    let server = RedisServer::start_with(&[("rename-command", "CONFIG nobody")]);
    let sentence = unfit(Redis::open(options(&server)).await);
    assert!(sentence.contains("assume_durable"), "{sentence}");
    Redis::open(Options { assume_durable: true, ..options(&server) }).await.unwrap();
}

#[tokio::test]
async fn a_replica_is_no_place_to_write() {
    let server = RedisServer::start();
    let replica = server.start_replica();
    let refused = Redis::open(options(&replica)).await;
    assert!(is_unavailable(&refused));
    assert!(format!("{:?}", refused.unwrap_err()).contains("the url must lead to the primary"));
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_soon_and_works_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    let (token, end) = owner_with(&store, "ann", 3).await;
    server.kill();
    let write = batch("ann", &end, 2);
    assert!(is_unavailable(&store.append(SHARD, &token, &end, &write).await));
    assert!(is_unavailable(&store.read(SHARD, 0, 10).await));
    assert!(is_unavailable(&store.check().await));
    assert!(is_unavailable(&Redis::open(options(&server)).await));
    server.restart();
    assert_eq!(store.append(SHARD, &token, &end, &write).await.unwrap(), head("ann", 5));
    assert_eq!(records(&store).await.len(), 5);
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_what_it_does_later_is_recognised() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (token, end) = owner_with(&store, "ann", 3).await;
    let write = batch("ann", &end, 2);
    server.freeze();
    assert!(is_unavailable(&store.append(SHARD, &token, &end, &write).await));
    assert!(is_unavailable(&store.append(SHARD, &token, &end, &write).await));
    server.go_on();
    let end = store.append(SHARD, &token, &end, &write).await.unwrap();
    assert_eq!(end, head("ann", 5));
    store.append(SHARD, &token, &end, &batch("ann", &end, 1)).await.unwrap();
    assert_eq!(records(&store).await.len(), 6);
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill_in_the_middle_of_writing() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    for round in 0..5 {
        let (token, mut end) = acquire(&store, &format!("n{round}")).await;
        let writer = store.clone();
        let mut writing = JoinSet::new();
        writing.spawn(async move {
            loop {
                match writer.append(SHARD, &token, &end, &batch("ann", &end, 7)).await {
                    Ok(next) => end = next,
                    Err(_) => return end,
                }
            }
        });
        let wanted = 200 * (round + 1);
        while store.head(SHARD).await.unwrap().seq < wanted {}
        server.kill();
        let acknowledged = writing.join_next().await.unwrap().unwrap();
        server.restart();
        let kept = records(&store).await;
        assert!(kept.len() as u64 >= acknowledged.seq, "{} of {} are left", kept.len(), acknowledged.seq);
        assert_eq!(kept.len() % 7, 0, "a batch was cut in two");
        assert_eq!(kept.last().map(|(seq, _)| *seq), Some(kept.len() as u64));
    }
}

#[tokio::test]
async fn what_something_else_wrote_behind_the_journal_stops_the_owner_and_the_next() {
    for id in ["*", "4-0", "3-1", "9-0"] {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let (token, end) = owner_with(&store, "ann", 3).await;
        let _: String = server.ask(&["XADD", "pk:{s1}:journal", id, "h", "x", "d", "{}"]);
        let write = batch("ann", &end, 2);
        assert!(is_damaged(&store.append(SHARD, &token, &end, &write).await), "{id}");
        assert!(is_damaged(&store.acquire(SHARD, "picket-2", "bob", 0).await), "{id}");
        assert!(is_damaged(&store.read(SHARD, 0, 100).await), "{id}");
        assert_eq!(store.head(SHARD).await.unwrap(), end, "{id}");
    }
}

#[tokio::test]
async fn what_something_else_wrote_and_took_away_again_stops_the_owner_too() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (token, end) = owner_with(&store, "ann", 3).await;
    let _: String = server.ask(&["XADD", "pk:{s1}:journal", "9-0", "h", "x", "d", "{}"]);
    let _: u32 = server.ask(&["XDEL", "pk:{s1}:journal", "9-0"]);
    let mut write = batch("ann", &end, 2);
    write.blobs.push(("abc".to_owned(), "rules".into()));
    assert!(is_damaged(&store.append(SHARD, &token, &end, &write).await));
    assert_eq!(store.blob(SHARD, "abc").await.unwrap(), None);
    assert_eq!(records(&store).await.len(), 3);
}

#[tokio::test]
async fn a_record_that_was_taken_away_is_noticed() {
    for (command, gone) in [("XDEL", "2-0"), ("XDEL", "3-0"), ("XDEL", "1-0")] {
        let server = RedisServer::start();
        let store = connect(&server).await;
        owner_with(&store, "ann", 3).await;
        let _: u32 = server.ask(&[command, "pk:{s1}:journal", gone]);
        assert!(is_damaged(&store.read(SHARD, 0, 100).await), "{gone}");
    }
    let server = RedisServer::start();
    let store = connect(&server).await;
    owner_with(&store, "ann", 3).await;
    let _: u32 = server.ask(&["DEL", "pk:{s1}:journal"]);
    assert!(is_damaged(&store.acquire(SHARD, "picket-2", "bob", 0).await));
    assert!(is_damaged(&store.read(SHARD, 0, 100).await));
}

#[tokio::test]
async fn a_key_of_another_type_is_noticed_before_anything_is_written() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (token, end) = owner_with(&store, "ann", 3).await;
    let _: String = server.ask(&["SET", "pk:{s1}:blobs", "x"]);
    assert!(is_damaged(&store.append(SHARD, &token, &end, &batch("ann", &end, 1)).await));
    let _: u32 = server.ask(&["DEL", "pk:{s1}:blobs"]);
    assert_eq!(records(&store).await.len(), 3);
    store.append(SHARD, &token, &end, &batch("ann", &end, 1)).await.unwrap();
}

#[tokio::test]
async fn a_full_server_takes_no_batch_but_can_be_taken_over_read_and_trimmed() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (token, end) = owner_with(&store, "ann", 3).await;
    store.save_snapshot(SHARD, &token, &snapshot("ann", 1)).await.unwrap();
    let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "100kb"]);
    let write = batch("ann", &end, 2);
    assert!(is_unavailable(&store.append(SHARD, &token, &end, &write).await));
    let store = connect(&server).await;
    let (token, found) = acquire(&store, "bob").await;
    assert_eq!(found, end);
    store.set_watermark(SHARD, &token, 3).await.unwrap();
    store.trim(SHARD, &token, 1).await.unwrap();
    assert_eq!(records(&store).await.len(), 2);
    let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    store.append(SHARD, &token, &end, &write).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_is_not_whole_is_left_out_and_the_other_kept() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (token, _) = owner_with(&store, "ann", 9).await;
    for seq in [4, 8] {
        store.save_snapshot(SHARD, &token, &snapshot("ann", seq)).await.unwrap();
    }
    let _: u32 = server.ask(&["DEL", "pk:{s1}:snap:a"]);
    assert_eq!(store.snapshots(SHARD).await.unwrap(), [snapshot("ann", 4)]);
    // The lost one must not push the sound one out.
    store.save_snapshot(SHARD, &token, &snapshot("ann", 9)).await.unwrap();
    assert_eq!(store.snapshots(SHARD).await.unwrap().first(), Some(&snapshot("ann", 9)));
    let ttl: i64 = server.ask(&["TTL", "pk:{s1}:snap:a"]);
    assert_eq!(ttl, -1, "a kept snapshot does not expire");
}

#[tokio::test]
async fn the_library_of_an_older_program_is_replaced_and_that_of_a_newer_one_is_not() {
    let server = RedisServer::start();
    let library = |version: &str| {
        format!(
            "#!lua name=picket\nredis.register_function{{function_name='picket_version', \
             callback=function() return '{version}' end, flags={{'no-writes'}}}}"
        )
    };
    let _: String = server.ask(&["FUNCTION", "LOAD", &library("0")]);
    let store = connect(&server).await;
    owner_with(&store, "ann", 1).await;
    let _: String = server.ask(&["FUNCTION", "LOAD", "REPLACE", &library("99")]);
    let sentence = unfit(Redis::open(options(&server)).await);
    assert!(sentence.contains("version 99"), "{sentence}");
    let _: String = server.ask(&["FUNCTION", "LOAD", "REPLACE", &library("of something else")]);
    let sentence = unfit(Redis::open(options(&server)).await);
    assert!(sentence.contains("FUNCTION DELETE picket"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lives_on_without_its_replicas_is_left_for_the_one_that_its_name_leads_to() {
    let old = RedisServer::start();
    let [new, mut other] = [(); 2].map(|()| old.start_replica());
    old.wait_for(|report| report.matches("state=online").count() == 2);
    let name = Proxy::start(old.port()).await;
    let url = format!("redis://127.0.0.1:{}", name.port()).parse().unwrap();
    let ha = |server| Options { profile: Profile::Ha, replicas: 2, wait_timeout_ms: 2_000, ..options(server) };
    let store = Redis::open(Options { url, ..ha(&old) }).await.unwrap();
    let (token, end) = owner_with(&store, "ann", 3).await;
    new.promote();
    other.follow(Some(new.port()));
    let _third = new.start_replica();
    new.wait_for(|report| report.matches("state=online").count() == 2);
    name.aim(new.port());
    let write = batch("ann", &end, 2);
    let mut attempts = 0;
    while let Err(error) = store.append(SHARD, &token, &end, &write).await {
        attempts += 1;
        assert!(!error.ends_ownership() && attempts < 50, "{error:?}");
    }
    let promoted = Redis::open(ha(&new)).await.unwrap();
    assert_eq!(records(&promoted).await.len(), 5, "it went to the server that was promoted");
}

#[tokio::test]
async fn a_write_counts_only_once_every_replica_has_it() {
    let server = RedisServer::start();
    let ha = |wait_timeout_ms| Options { profile: Profile::Ha, replicas: 2, wait_timeout_ms, ..options(&server) };
    // The hasty one is asked where replicas must be missing, the patient one where they only need time.
    let hasty = Redis::open(ha(200)).await.unwrap();
    let patient = Redis::open(ha(10_000)).await.unwrap();
    assert!(is_unavailable(&hasty.check().await), "replicas are missing");
    assert!(is_unavailable(&hasty.acquire(SHARD, "picket-1", "ann", 0).await));
    let first = server.start_replica();
    let second = server.start_replica();
    server.wait_for(|report| report.matches("state=online").count() == 2);
    hasty.check().await.unwrap();
    let (token, end) = owner_with(&patient, "ann", 3).await;
    second.freeze();
    let write = batch("ann", &end, 2);
    let refused = hasty.append(SHARD, &token, &end, &write).await;
    assert!(is_unavailable(&refused));
    let why = format!("{:?}", refused.unwrap_err());
    assert!(why.contains("reached: 1, needed: 2"), "{why}");
    // The retry finds the batch written, but may not count it before the replica has it; neither on a new connection.
    assert!(is_unavailable(&hasty.append(SHARD, &token, &end, &write).await));
    let fresh = Redis::open(ha(200)).await.unwrap();
    assert!(is_unavailable(&fresh.append(SHARD, &token, &end, &write).await));
    // What is read now is written, and could still be lost: who follows the journal does not show it.
    assert_eq!(records(&fresh).await.len(), 5);
    let read = head("ann", 5);
    assert!(is_unavailable(&fresh.settle(SHARD, &read).await));
    second.go_on();
    patient.settle(SHARD, &read).await.unwrap();
    patient.settle(SHARD, &end).await.unwrap();
    // What came from another server is not settled by what this one has.
    for seq in [3, 5, 6] {
        assert!(
            is_unavailable(&patient.settle(SHARD, &Head { seq, hash: "elsewhere".to_owned() }).await),
            "record {seq}"
        );
    }
    let end = patient.append(SHARD, &token, &end, &write).await.unwrap();
    drop(server);
    // Either replica may be promoted: both have everything that counted.
    for replica in [first, second] {
        replica.promote();
        let store = connect(&replica).await;
        let (token, found) = acquire(&store, "bob").await;
        assert_eq!(found, end);
        assert_eq!(records(&store).await.len(), 5);
        store.append(SHARD, &token, &found, &batch("bob", &found, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn more_replicas_than_are_waited_for_are_refused() {
    let server = RedisServer::start();
    let _replicas = [server.start_replica(), server.start_replica()];
    server.wait_for(|report| report.contains("connected_slaves:2"));
    let sentence = unfit(Redis::open(Options { profile: Profile::Ha, ..options(&server) }).await);
    assert!(sentence.contains("set `replicas` to 2"), "{sentence}");
    let none = Options { profile: Profile::Ha, replicas: 0, ..options(&server) };
    assert!(unfit(Redis::open(none).await).contains("needs replicas"));
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let server = RedisServer::start_with(&[("requirepass", "canary-7")]);
    let with = |url: String| Options { url: url.parse().unwrap(), ..options(&server) };
    let right = format!("redis://:canary-7@127.0.0.1:{}", server.port());
    let store = Redis::open(with(right)).await.unwrap();
    owner_with(&store, "ann", 1).await;
    let wrong = with(format!("redis://ann:canary-8@127.0.0.1:{}/0?protocol=resp3#canary-9", server.port()));
    let refused = Redis::open(wrong.clone()).await;
    assert!(is_unavailable(&refused));
    for text in [format!("{store:?}"), format!("{wrong:?}"), format!("{:?}", refused.unwrap_err())] {
        assert!(!text.contains("canary"), "{text}");
    }
    let invalid = "htp://ann:canary@host".parse::<picket::store::redis::Url>().unwrap_err().to_string();
    assert!(!invalid.contains("canary"), "{invalid}");
}

#[tokio::test]
async fn records_do_not_cross_a_network_in_the_clear_unless_that_is_wanted() {
    let remote = Options { url: "redis://192.0.2.1:6379".parse().unwrap(), ..Options::default() };
    assert!(unfit(Redis::new(remote.clone())).contains("allow_plaintext"));
    Redis::new(Options { allow_plaintext: true, ..remote }).unwrap();
    for url in ["rediss://192.0.2.1:6379", "redis://localhost", "redis://127.0.0.1", "redis://[::1]:6379"] {
        Redis::new(Options { url: url.parse().unwrap(), ..Options::default() }).unwrap();
    }
}
