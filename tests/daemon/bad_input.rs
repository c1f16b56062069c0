//! Never a crash, never a silent drop, never a blocked queue: every kind of bad input, over HTTP and over RabbitMQ.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use picket::broker::rabbitmq::{Options, RabbitDeadLetters};
use picket::clock::Clock;
use picket::contract::Code;
use picket::contract::wire::{HeaderValue, WireMessage};
use picket::shard::ports::DeadLetters;
use serde_json::Value;

use crate::bad_inputs::{self, Bad, Over};
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

#[test]
fn over_rabbitmq_every_kind_of_bad_message_is_a_dead_letter_with_its_code_and_blocks_nothing() {
    let services = crate::services();
    let amqp = services.vhost("bad");
    let daemon = Setup::with_services(RULES, "emea", &amqp, &services.redis()).start();
    let sent: Vec<_> =
        bad_inputs::kinds("amqp", Clock::System.now()).into_iter().filter(|kind| kind.over != Over::Http).collect();
    assert!(sent.len() >= 40, "only {} kinds", sent.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(publish_all(&amqp, &sent));

    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for kind in &sent {
        // What goes to a domain that no shard owns never reaches one: the broker sets it aside.
        let code = if kind.code == Code::DomainMismatch { "unknown_domain" } else { kind.code.as_str() };
        *expected.entry(code.to_owned()).or_default() += 1;
    }
    let dead = RabbitDeadLetters::new(Arc::new(Options { url: amqp, ..Options::default() })).expect("a readable url");
    let what = format!("the dead letters {expected:?}");
    let mut found = BTreeMap::new();
    let began = picket::clock::Monotonic::now();
    while found != expected {
        let letters = runtime.block_on(dead.list(1_000)).expect("the dead letters can be read");
        found.clear();
        letters.into_iter().for_each(|letter| *found.entry(letter.code).or_default() += 1);
        assert!(began.elapsed() < PATIENCE, "{what}; found {found:?}\n{}", daemon.log_end());
    }

    // The good ones that were sent between them were all taken.
    let mut feed = Stream::open(&daemon.url("/v1/stream?type=contact.queued"), Some("0"));
    let good: usize = sent.iter().map(|kind| kind.good).sum::<usize>() + sent.len();
    (0..good).for_each(|_| drop(feed.event()));
}

/// Publishes each bad message and a good one behind it.
async fn publish_all(url: &str, kinds: &[Bad]) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    for (number, kind) in kinds.iter().enumerate() {
        let good = bad_inputs::good(&format!("amqp-{number}-next"), Clock::System.now());
        for message in [&kind.message, &bad_inputs::structured(&good)] {
            assert!(publish(&channel, message).await, "{}: the broker did not take it", kind.name);
        }
    }
}

async fn publish(channel: &Channel, message: &WireMessage) -> bool {
    let mut headers = FieldTable::default();
    for (name, value) in &message.headers {
        let value = match value {
            HeaderValue::Text(text) => AMQPValue::LongString(text.as_str().into()),
            HeaderValue::Other(_) => AMQPValue::LongLongInt(7),
        };
        headers.insert(name.as_str().into(), value);
    }
    let mut properties = BasicProperties::default().with_delivery_mode(2).with_headers(headers);
    if let Some(content_type) = &message.content_type {
        properties = properties.with_content_type(content_type.as_str().into());
    }
    if let Some(id) = &message.message_id {
        properties = properties.with_message_id(id.as_str().into());
    }
    let (exchange, key) = (message.exchange.as_deref().unwrap_or("picket.in"), message.routing_key.as_deref());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel
        .basic_publish(exchange.into(), key.unwrap_or_default().into(), options, &message.body, properties)
        .await
        .expect("a publish");
    matches!(sent.await.expect("a confirm"), Confirmation::Ack(None))
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
