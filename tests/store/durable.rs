//! What outlives the end of a process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use picket::shard::ports::{DirectoryKind, Store};
use picket::store::Embedded;

use crate::material::{SHARD, acquire, batch, key, owner_with, records, row, snapshot, unfit};
use crate::{embedded, redis};

#[tokio::test]
async fn a_file_that_was_closed_and_opened_again_has_everything() {
    let fixture = embedded::Fixture::start().await;
    {
        let store = Embedded::open(fixture.file()).unwrap();
        write_one_of_each(&store).await;
    }
    let store = Embedded::open(fixture.file()).unwrap();
    assert_one_of_each(&store).await;
}

/// The variable that makes this program, started by its own test, the one that is killed; it holds the file's path.
const VICTIM: &str = "PICKET_TEST_VICTIM";

#[tokio::test]
async fn what_a_process_was_told_is_committed_outlives_its_kill_and_until_then_the_file_is_its_own() {
    if let Some(file) = std::env::var_os(VICTIM) {
        return append_until_killed(&Embedded::open(file).unwrap()).await;
    }
    let fixture = embedded::Fixture::start().await;
    let this = "durable::what_a_process_was_told_is_committed_outlives_its_kill_and_until_then_the_file_is_its_own";
    let mut before = 0;
    for wanted in [50, 300, 777] {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--nocapture"])
            .env(VICTIM, fixture.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut committed = lines.filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok());
        assert!(committed.any(|seq| seq >= before + wanted), "the victim ended too early");
        assert!(unfit(Embedded::open(fixture.file())).contains("in use by another Picket"));
        victim.kill().unwrap();
        // What it still had said before it died counts too.
        let last = committed.last().unwrap_or(before + wanted);
        victim.wait().unwrap();
        let store = Embedded::open(fixture.file()).unwrap();
        let kept = records(&store).await;
        assert!(kept.len() as u64 >= last, "{} of {last} are left", kept.len());
        assert_eq!(kept.len() % 7, 0, "a batch was cut in two");
        before = store.head(SHARD).await.unwrap().seq;
        assert_eq!(before, kept.len() as u64);
    }
}

/// Appends batches of seven for ever and says after each how far it came.
async fn append_until_killed(store: &dyn Store) {
    let (token, mut end) = acquire(store, "victim").await;
    loop {
        end = store.append(SHARD, &token, &end, &batch("ann", &end, 7)).await.unwrap();
        println!("committed {}", end.seq);
    }
}

#[tokio::test]
async fn a_server_that_was_killed_and_started_again_has_everything() {
    let mut fixture = redis::Fixture::start().await;
    write_one_of_each(&redis::connect(&fixture.server).await).await;
    fixture.server.kill();
    fixture.server.restart();
    assert_one_of_each(&redis::connect(&fixture.server).await).await;
}

/// Writes one thing of every kind.
pub(crate) async fn write_one_of_each(store: &dyn Store) {
    let (token, end) = owner_with(store, "ann", 3).await;
    let mut write = batch("ann", &end, 1);
    write.directory.push(row(DirectoryKind::Contact, "pbx 1", Some("{}")));
    write.blobs.push(("abc".to_owned(), "rules".into()));
    store.append(SHARD, &token, &end, &write).await.unwrap();
    store.save_snapshot(SHARD, &token, &snapshot("ann", 2)).await.unwrap();
    store.save_snapshot(SHARD, &token, &snapshot("ann", 4)).await.unwrap();
    store.trim(SHARD, &token, 1).await.unwrap();
    store.set_watermark(SHARD, &token, 11).await.unwrap();
}

/// Finds again what [`write_one_of_each`] wrote, and that the next owner can go on.
pub(crate) async fn assert_one_of_each(store: &dyn Store) {
    let hashes: Vec<String> = records(store).await.into_iter().map(|(_, hash)| hash).collect();
    assert_eq!(hashes, ["ann-2", "ann-3", "ann-4"]);
    assert_eq!(store.directory(SHARD, &[key(DirectoryKind::Contact, "pbx 1")]).await.unwrap(), [Some("{}".into())]);
    assert_eq!(store.blob(SHARD, "abc").await.unwrap(), Some("rules".into()));
    assert_eq!(store.snapshots(SHARD).await.unwrap(), [snapshot("ann", 4), snapshot("ann", 2)]);
    assert_eq!(store.watermark(SHARD).await.unwrap(), 11);
    let (token, end) = acquire(store, "bob").await;
    assert_eq!((end.seq, token.epoch), (4, 2));
    store.append(SHARD, &token, &end, &batch("bob", &end, 1)).await.unwrap();
}
