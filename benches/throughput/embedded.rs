//! The embedded daemon over HTTP batches, beside raw SQLite appends of the journal bytes it wrote.

use std::path::Path;
use std::time::Duration;

use picket::clock::Monotonic;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};

use super::table::Row;
use crate::common::daemon::{Setup, event};

/// Contacts that never find anybody: what is measured is the way in and the journal.
const EVENTS: usize = 50_000;
/// Events of one request.
const BATCH: usize = 500;
pub(crate) const RULES: &str = include_str!("rules.toml");

/// Events per second of the daemon and of bare SQLite.
pub(crate) fn measure() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let daemon = Setup::embedded(RULES, "bench").set("PICKET_STORE__PATH", &data.display().to_string()).start();
    let batches: Vec<Vec<u8>> = (0..EVENTS / BATCH).map(batch).collect();
    let began = Monotonic::now();
    for body in &batches {
        let reply = daemon.post("application/cloudevents-batch+json", body);
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let took = began.elapsed();
    let answers = daemon.post("application/cloudevents-batch+json", &batches[0]).json();
    let duplicates =
        answers.as_array().map(|list| list.iter().filter(|answer| answer["result"] == "duplicate").count());
    assert_eq!(duplicates, Some(BATCH), "the first batch was not taken: {answers}");
    drop(daemon);
    let bodies = journal(&data);
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    vec![
        Row {
            what: format!("embedded daemon: events over HTTP, {BATCH} a batch"),
            unit: "events/s",
            count: EVENTS,
            took,
            note: "one client, one request at a time".to_owned(),
        },
        Row {
            what: format!("  beside: SQLite appends of its journal, {BATCH} a commit"),
            unit: "records/s",
            count: bodies.len(),
            took: append(&bodies, &folder.path().join("raw")),
            note: format!("WAL, synchronous=FULL; {} bytes a record", bytes / bodies.len().max(1)),
        },
    ]
}

fn batch(number: usize) -> Vec<u8> {
    let one = |n: usize| {
        let contact = format!("c-{}", number * BATCH + n);
        let data = json!({"contact": contact, "channel": "sms", "from": "+441632960001", "topic": "order"});
        event("bench", &format!("e-{contact}"), "contact.received", data)
    };
    Value::Array((0..BATCH).map(one).collect()).to_string().into_bytes()
}

/// The records that the daemon wrote.
fn journal(data: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(data).expect("the daemon's folder").flatten().map(|entry| entry.path());
    let journal_of = |path: std::path::PathBuf| {
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let mut rows = store.prepare("SELECT body FROM journal ORDER BY seq").ok()?;
        let bodies = rows.query_map([], |row| row.get(0)).ok()?;
        bodies.collect::<Result<Vec<Vec<u8>>, _>>().ok()
    };
    files.filter_map(journal_of).next().expect("a file with a journal")
}

/// Appends the same bytes with nothing around it.
fn append(bodies: &[Vec<u8>], path: &Path) -> Duration {
    let mut store = Connection::open(path).expect("a file");
    store.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    store.pragma_update(None, "synchronous", "FULL").expect("synchronous");
    store.execute_batch("CREATE TABLE journal (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT").expect("a table");
    let began = Monotonic::now();
    for chunk in bodies.chunks(BATCH) {
        let transaction = store.transaction().expect("a transaction");
        let mut insert = transaction.prepare("INSERT INTO journal (body) VALUES (?1)").expect("a statement");
        for body in chunk {
            insert.execute(params![body]).expect("an insert");
        }
        drop(insert);
        transaction.commit().expect("a commit");
    }
    began.elapsed()
}
