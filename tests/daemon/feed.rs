//! What a client of the live feed can rely on: no output is missed or seen twice, whoever reconnects or restarts.

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;

const RULES: &str = include_str!("rules.toml");

/// Sends a contact that waits, and returns its answer.
fn receive(daemon: &Daemon, contact: &str) -> Value {
    let data = json!({"contact": contact, "channel": "sms"});
    let answer = daemon.send(&event("web", &format!("received-{contact}"), "contact.received", data));
    assert_eq!(answer["result"], "accepted", "{answer}");
    answer
}

fn number(event: &Value) -> u64 {
    event["picketseq"].as_str().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no picketseq in {event}"))
}

/// Reads the feed up to an output about this contact; the numbers that were read.
fn read_up_to(stream: &mut Stream, contact: &str) -> (String, Vec<u64>) {
    let mut numbers = Vec::new();
    loop {
        let (message, event) = stream.event();
        numbers.push(number(&event));
        if event["type"] == "picket.contact.queued.v1" && event["data"]["contact"] == contact {
            return (message.id, numbers);
        }
    }
}

fn no_gap(numbers: &[u64], from: u64) {
    let expected: Vec<_> = (from..from + numbers.len() as u64).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let daemon = Setup::embedded(RULES, "feed").start();
    receive(&daemon, "c-1");
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let (last, first) = read_up_to(&mut stream, "c-1");
    no_gap(&first, 1);
    drop(stream);
    receive(&daemon, "c-2");
    receive(&daemon, "c-3");
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some(&last));
    let (_, missed) = read_up_to(&mut stream, "c-3");
    no_gap(&missed, first.len() as u64 + 1);
}

#[test]
fn a_client_that_comes_back_after_the_daemon_was_killed_misses_nothing_either() {
    let mut daemon = Setup::embedded(RULES, "feed").start();
    receive(&daemon, "c-1");
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let (last, first) = read_up_to(&mut stream, "c-1");
    receive(&daemon, "c-2");
    daemon.kill();
    daemon.start();
    receive(&daemon, "c-3");
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some(&last));
    let (_, missed) = read_up_to(&mut stream, "c-3");
    no_gap(&missed, first.len() as u64 + 1);
}

#[test]
fn a_filtered_feed_carries_only_what_was_asked_for() {
    let daemon = Setup::embedded(RULES, "feed").start();
    let ready = json!({"agent": "ann", "state": "ready", "channels": ["sms"]});
    daemon.send(&event("web", "ready", "agent.set_state", ready));
    receive(&daemon, "c-1");
    let mut stream = Stream::open(&daemon.url("/v1/stream?type=offer.*&agent=ann"), Some("0"));
    let (_, event) = stream.event();
    assert_eq!(event["type"], "picket.offer.made.v1");
    assert_eq!(event["data"]["agent"], "ann");
}

#[test]
fn a_restarted_daemon_shows_what_it_showed_before() {
    let mut daemon = Setup::embedded(RULES, "feed").start();
    let ready = json!({"agent": "ann", "state": "ready", "channels": ["sms"]});
    daemon.send(&event("web", "ready", "agent.set_state", ready));
    receive(&daemon, "c-1");
    let shown = |daemon: &Daemon| ["/v1/queues", "/v1/teams", "/v1/contacts/c-1"].map(|path| daemon.get(path).json());
    let agent = |daemon: &Daemon| daemon.get("/v1/agents").json();
    let (before, agents) = (shown(&daemon), agent(&daemon));
    daemon.kill();
    daemon.start();
    assert_eq!(agents.as_array().map(Vec::len), agent(&daemon).as_array().map(Vec::len));
    assert_eq!(contact_of(&before[2]), contact_of(&shown(&daemon)[2]));
}

/// What identifies a contact and where it stands, without the times that pass meanwhile.
fn contact_of(shown: &Value) -> Value {
    let one = shown.as_array().and_then(|list| list.first()).unwrap_or(shown);
    assert_eq!(one["contact"], "c-1", "{shown}");
    json!({"contact": one["contact"], "source": one["source"], "channel": one["channel"]})
}
