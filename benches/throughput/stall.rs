//! How long an event takes while snapshots of many live contacts are made, beside how long it takes while none is.

use std::time::Duration;

use picket::clock::Monotonic;

use super::embedded::RULES;
use super::table::Row;
use super::takeover::{contact, fill};
use crate::common::daemon::{Daemon, Setup};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;

/// Contacts that wait.
const LIVE: usize = 100_000;
/// Events that are timed.
const EVENTS: usize = 6_000;
/// Records between two snapshots, where some are made.
const OFTEN: usize = 2_000;

pub(crate) fn measure() -> Vec<Row> {
    let (broker, store) = (Server::start(), RedisServer::start());
    [("often", OFTEN), ("never", 10 * LIVE)]
        .map(|(name, every)| {
            let amqp = broker.vhost(name);
            let setup = Setup::with_services(RULES, name, &amqp, &store.url());
            let daemon = setup.set("PICKET_SHARD__SNAPSHOT_RECORDS", &every.to_string()).start();
            fill(&daemon, LIVE);
            let before = snapshots(&daemon);
            let began = Monotonic::now();
            let mut waits: Vec<Duration> = (LIVE..LIVE + EVENTS).map(|number| timed(&daemon, number)).collect();
            let took = began.elapsed();
            waits.sort_unstable();
            let at = |permille: usize| waits[waits.len() * permille / 1000];
            let made = snapshots(&daemon) - before;
            Row {
                what: format!("an event with {LIVE} live contacts, snapshots {name}"),
                unit: "events/s",
                count: EVENTS,
                took,
                note: format!(
                    "{made} snapshots; p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
                    at(500),
                    at(990),
                    at(999),
                    waits[EVENTS - 1]
                ),
            }
        })
        .into()
}

fn timed(daemon: &Daemon, number: usize) -> Duration {
    let event = contact(number).to_string();
    let began = Monotonic::now();
    assert_eq!(daemon.post("application/cloudevents+json", event.as_bytes()).status, 200);
    began.elapsed()
}

fn snapshots(daemon: &Daemon) -> usize {
    let text = daemon.get("/metrics").text;
    let line = text.lines().find_map(|line| line.strip_prefix("picket_snapshots_total "));
    line.and_then(|count| count.parse().ok()).unwrap_or(0)
}
