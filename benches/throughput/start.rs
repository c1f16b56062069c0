//! How long a start takes with a million records behind it and the snapshots that the daemon makes by itself: after a stop in
//! order, and after a kill with as much behind the older snapshot as there can be.

use picket::clock::Monotonic;
use serde_json::{Value, json};

use super::embedded::RULES;
use super::table::Row;
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;

/// Events, and so at least as many records.
const RECORDS: usize = 1_000_000;
/// Events of one request.
const AT_ONCE: usize = 500;
/// Records between two snapshots, as the settings have it.
const EVERY: usize = 10_000;

/// Starts on a store in a file and on Redis.
pub(crate) fn measure() -> Vec<Row> {
    let embedded = Setup::embedded(RULES, "start").start();
    let mut rows = starts(embedded, "a file");
    let (broker, store) = (Server::start(), RedisServer::start());
    let amqp = broker.vhost("start");
    rows.extend(starts(Setup::with_services(RULES, "start", &amqp, &store.url()).start(), "Redis"));
    rows
}

fn starts(mut daemon: Daemon, store: &str) -> Vec<Row> {
    let mut told = 0;
    let began = Monotonic::now();
    tell(&daemon, &mut told, RECORDS);
    let filled = began.elapsed();
    let mut rows = vec![Row {
        what: format!("a million events over HTTP, kept in {store}"),
        unit: "events/s",
        count: RECORDS,
        took: filled,
        note: String::new(),
    }];
    let mut starts = |daemon: &mut Daemon, how: &str, end: fn(&mut Daemon)| {
        let times = [(); 3].map(|()| {
            // Nearly as much as makes the next snapshot.
            tell(daemon, &mut told, EVERY - 2 * AT_ONCE);
            end(daemon);
            let began = Monotonic::now();
            daemon.start();
            (began.elapsed(), replayed(daemon))
        });
        let mut sorted = times.map(|(took, _)| took);
        sorted.sort_unstable();
        rows.push(Row {
            what: format!("a start behind a million records in {store}, {how}"),
            unit: "starts/s",
            count: 1,
            took: sorted[1],
            note: format!("of three, with the records replayed: {times:?}"),
        });
    };
    starts(&mut daemon, "stopped", |daemon| assert_eq!(daemon.stop(), Some(0)));
    starts(&mut daemon, "killed", Daemon::kill);
    rows
}

/// Contacts come, and each is gone with the next event.
fn tell(daemon: &Daemon, told: &mut usize, count: usize) {
    let end = *told + count;
    while *told < end {
        let batch: Vec<Value> = (*told..*told + AT_ONCE).map(one).collect();
        let reply = daemon.post("application/cloudevents-batch+json", Value::from(batch).to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
        *told += AT_ONCE;
    }
}

fn one(number: usize) -> Value {
    let contact = format!("c-{}", number / 2);
    let (kind, data) = if number.is_multiple_of(2) {
        ("contact.received", json!({"contact": contact, "channel": "sms"}))
    } else {
        ("contact.abandoned", json!({"contact": contact}))
    };
    event("bench", &format!("e-{number}"), kind, data)
}

/// How many records the last start has replayed.
fn replayed(daemon: &Daemon) -> u64 {
    let log = daemon.log();
    let taken = log.lines().rev().find(|line| line.contains("shard taken over")).unwrap_or_default();
    let count = taken.split("replayed").nth(1).unwrap_or_default();
    let digits: String =
        count.chars().skip_while(|one| !one.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
