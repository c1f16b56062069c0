//! Never a crash, never a silent drop, never a blocked queue: every kind of bad input, over HTTP and over RabbitMQ.

use std::time::Duration;

use picket::clock::Clock;
use picket::contract::wire::{HeaderValue, WireMessage};
use serde_json::Value;

use crate::bad_inputs::{self, Over};
use crate::bad_sequences::{self, Sequence, Step};
use crate::common::daemon::{Daemon, Setup};
use crate::common::http::{self, Reply, Stream};
use crate::common::wait::until;

const RULES: &str = include_str!("bad.rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn over_http_every_kind_of_bad_message_gets_its_code_and_the_next_good_event_is_taken() {
    let daemon = Setup::embedded(RULES, "emea").start();
    let kinds = bad_inputs::kinds("http", Clock::System.now());
    let sent: Vec<_> = kinds.into_iter().filter(|kind| kind.over != Over::Amqp).collect();
    assert!(sent.len() >= 40, "only {} kinds", sent.len());
    let mut wrong = Vec::new();
    for (number, kind) in sent.iter().enumerate() {
        let reply = post(&daemon, &kind.over_http());
        let (codes, accepted) =
            (said(&reply, "code"), said(&reply, "result").iter().filter(|r| *r == "accepted").count());
        if !codes.contains(&kind.code.as_str().to_owned()) || accepted != kind.good {
            let expected = (kind.code.as_str(), kind.good);
            wrong.push(format!("{}: expected {expected:?}, got {} {}", kind.name, reply.status, reply.text));
        }
        next_good_event_is_taken(&daemon, &format!("http-{number}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn over_http_every_event_that_comes_at_the_wrong_moment_is_rejected_with_its_code() {
    let daemon = Setup::embedded(RULES, "emea").start();
    let mut feed = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    for sequence in bad_sequences::sequences("moment", Clock::System.now()) {
        let offer = prepare(&daemon, &mut feed, &sequence);
        let answer = daemon.send(&bad_sequences::fill(&sequence.event, &offer));
        assert_eq!(answer["result"], "rejected", "{}: {answer}", sequence.name);
        expect_code(&sequence, &answer["code"]);
        sequence.after.iter().for_each(|event| assert_taken(&daemon, &sequence, event, &offer));
    }
}

fn post(daemon: &Daemon, message: &WireMessage) -> Reply {
    let mut headers: Vec<(&str, &str)> =
        message.content_type.iter().map(|value| ("content-type", value.as_str())).collect();
    for (name, value) in &message.headers {
        if let HeaderValue::Text(text) = value {
            headers.push((name, text));
        }
    }
    http::post(&daemon.url("/v1/events"), &headers, &message.body)
        .unwrap_or_else(|| panic!("no answer\n{}", daemon.log_end()))
}

/// Every value of this member, wherever it stands in the answer.
fn said(reply: &Reply, member: &str) -> Vec<String> {
    fn collect(value: &Value, member: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, member, found)),
            Value::Object(map) => {
                found.extend(map.get(member).and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|inner| collect(inner, member, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(&reply.text).unwrap_or_default(), member, &mut found);
    found
}

fn next_good_event_is_taken(daemon: &Daemon, unique: &str) {
    let answer = daemon.send(&bad_inputs::good(&format!("{unique}-next"), Clock::System.now()));
    assert_eq!(answer["result"], "accepted", "the next good event: {answer}");
}

/// Does what comes before the bad message; the offer that was made meanwhile.
fn prepare(daemon: &Daemon, feed: &mut Stream, sequence: &Sequence) -> String {
    let mut offer = String::new();
    for step in &sequence.before {
        match step {
            Step::Send(event) => assert_taken(daemon, sequence, event, &offer),
            Step::Await { kind, contact } => {
                let output = until(&format!("{}: {kind}", sequence.name), PATIENCE, || {
                    let (_, output) = feed.event();
                    (output["type"] == *kind && output["data"]["contact"] == contact.as_str()).then_some(output)
                });
                output["data"]["offer"].as_str().unwrap_or_default().clone_into(&mut offer);
            }
        }
    }
    offer
}

fn assert_taken(daemon: &Daemon, sequence: &Sequence, event: &Value, offer: &str) {
    let answer = daemon.send(&bad_sequences::fill(event, offer));
    assert_eq!(answer["result"], "accepted", "{}: {event}: {answer}", sequence.name);
}

fn expect_code(sequence: &Sequence, code: &Value) {
    let wanted: Vec<_> = sequence.codes.iter().map(|code| code.as_str()).collect();
    let code = code.as_str().unwrap_or_default();
    assert!(wanted.contains(&code), "{}: {code} instead of {wanted:?}", sequence.name);
}
