//! How long it takes until another daemon routes: the owner killed, stopped in order, or frozen, with many live contacts.

use std::time::Duration;

use picket::clock::Monotonic;
use serde_json::{Value, json};

use super::embedded::RULES;
use super::table::Row;
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

/// Contacts that wait.
const LIVE: usize = 100_000;
/// Events of one request.
const AT_ONCE: usize = 500;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// What happens to the owner.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    Stopped,
    Frozen,
}

/// Until another daemon has taken its first event, three times each.
pub(crate) fn measure() -> Vec<Row> {
    let (broker, store) = (Server::start(), RedisServer::start());
    let amqp = broker.vhost("takeover");
    let mut pair = [(); 2].map(|()| Setup::with_services(RULES, "bench", &amqp, &store.url()).idle());
    pair.iter_mut().for_each(Daemon::launch);
    let mut owner = until("an owner", PATIENCE, || (0..2).find(|at| is_ready(&pair[*at])));
    fill(&pair[owner], LIVE);
    let mut rows = Vec::new();
    let mut events = 0;
    for end in [End::Killed, End::Stopped, End::Frozen] {
        let mut times = Vec::new();
        for _ in 0..3 {
            let (old, new) = (owner, 1 - owner);
            until("both to know the same", PATIENCE, || (record(&pair[0]) == record(&pair[1])).then_some(()));
            let began = Monotonic::now();
            match end {
                End::Killed => pair[old].kill(),
                End::Stopped => drop(pair[old].stop()),
                End::Frozen => pair[old].freeze(),
            }
            events += 1;
            let first = contact(LIVE + events);
            until("the other daemon to take an event", PATIENCE, || takes(&pair[new], &first).then_some(()));
            times.push(began.elapsed());
            if matches!(end, End::Frozen) {
                pair[old].go_on();
            } else {
                pair[old].launch();
            }
            owner = new;
        }
        times.sort_unstable();
        rows.push(Row {
            what: format!("take-over with {LIVE} live contacts, the owner {end:?}").to_lowercase(),
            unit: "take-overs/s",
            count: 1,
            took: times[1],
            note: format!("until the other daemon has committed an event; of three {times:?}"),
        });
    }
    rows
}

pub(crate) fn contact(number: usize) -> Value {
    let id = format!("c-{number}");
    event("bench", &format!("received-{id}"), "contact.received", json!({"contact": id, "channel": "sms"}))
}

pub(crate) fn fill(daemon: &Daemon, count: usize) {
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(AT_ONCE) {
        let events: Vec<Value> = batch.iter().map(|number| contact(*number)).collect();
        let reply = daemon.post("application/cloudevents-batch+json", Value::from(events).to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

fn takes(daemon: &Daemon, event: &Value) -> bool {
    is_ready(daemon) && daemon.post("application/cloudevents+json", event.to_string().as_bytes()).status == 200
}

fn is_ready(daemon: &Daemon) -> bool {
    daemon.try_get("/readyz").is_some_and(|reply| reply.status == 200)
}

/// The last record that a daemon shows; none while it does not answer.
fn record(daemon: &Daemon) -> Option<u64> {
    daemon.try_get("/v1/shards")?.json()["shards"][0]["record"].as_u64()
}
