//! The daemon over RabbitMQ and Redis, beside a bare relay: the same queue types, the same messages in and out.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use picket::clock::Monotonic;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::embedded::RULES;
use super::relay;
use super::table::Row;
use crate::common::daemon::{Setup, event};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;

/// Contacts of one run.
const CONTACTS: usize = 5_000;
/// Contacts of a run at half load.
const PACED: usize = 3_000;
/// Publishes of the platform that are not confirmed yet.
const WINDOW: usize = 256;
/// Longer than a run takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// One output as the platform heard it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
}

/// What an event brought about, by the event: `<source> <id>`.
pub(crate) type Outputs = BTreeMap<String, Vec<Heard>>;

/// What a platform sends.
#[derive(Clone, Debug)]
struct Load {
    /// The contacts, by number, in turn to these domains.
    numbers: Range<usize>,
    domains: Vec<&'static str>,
    /// How long from one to the next; none sends as fast as confirms come.
    pace: Option<Duration>,
}

/// What came of a load.
#[derive(Debug)]
struct Run {
    took: Duration,
    outputs: Outputs,
    /// From each event's sending to its contact's assignment, in order of length.
    waits: Vec<Duration>,
}

impl Load {
    fn domain(&self, number: usize) -> &'static str {
        self.domains[number % self.domains.len()]
    }
}

impl Run {
    fn count(&self) -> usize {
        self.outputs.values().map(Vec::len).sum()
    }

    fn wait(&self, permille: usize) -> Duration {
        self.waits[(self.waits.len() * permille / 1000).min(self.waits.len() - 1)]
    }
}

/// Contacts per second of the daemon and of the relay, and how long each takes at half the daemon's load.
pub(crate) fn measure() -> Vec<Row> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (broker, store) = (Server::start(), RedisServer::start());
    let full = Load { numbers: 0..CONTACTS, domains: vec!["bench"], pace: None };
    let amqp = broker.vhost("daemon");
    let daemon = Setup::with_services(RULES, "bench", &amqp, &store.url()).start();
    let (at_full, half, at_half) = runtime.block_on(async {
        let mut platform = Platform::open(&amqp).await;
        platform.ready("bench").await;
        let at_full = platform.run(&full).await;
        let pace = at_full.took * 2 / u32::try_from(CONTACTS).expect("a number of contacts");
        let half = Load { numbers: CONTACTS..CONTACTS + PACED, pace: Some(pace), ..full.clone() };
        let at_half = platform.run(&half).await;
        (at_full, half, at_half)
    });
    drop(daemon);
    let mut rows = vec![
        row("RabbitMQ + Redis daemon: contacts in, outputs out", &full, &at_full, "redis-single"),
        row("  the same at half that load", &half, &at_half, &latency(&at_half)),
    ];
    let said: Outputs = at_full.outputs.into_iter().chain(at_half.outputs).collect();
    for (name, guarded) in [("relay", true), ("bare", false)] {
        let amqp = broker.vhost(name);
        let (at_full, at_half) = runtime.block_on(async {
            let relay = relay::start(&amqp, "bench", said.clone(), guarded).await;
            let mut platform = Platform::open(&amqp).await;
            let runs = (platform.run(&full).await, platform.run(&half).await);
            relay.abort();
            runs
        });
        let what = if guarded { "the same queues, archives, gate, confirms" } else { "neither archives nor gate" };
        rows.push(row(&format!("  beside: a bare relay, {what}"), &full, &at_full, "nothing decided, nothing stored"));
        rows.push(row("  the same at the load of the daemon's half", &half, &at_half, &latency(&at_half)));
    }
    rows.push(two_shards(&runtime, &broker, &store));
    rows
}

/// Two daemons with a shard each.
fn two_shards(runtime: &Runtime, broker: &Server, store: &RedisServer) -> Row {
    let amqp = broker.vhost("two");
    let _daemons = ["west", "east"].map(|domain| Setup::with_services(RULES, domain, &amqp, &store.url()).start());
    let load = Load { numbers: 0..CONTACTS, domains: vec!["west", "east"], pace: None };
    let run = runtime.block_on(async {
        let mut platform = Platform::open(&amqp).await;
        platform.ready("west").await;
        platform.ready("east").await;
        platform.run(&load).await
    });
    row("two daemons with a shard each, the same broker and store", &load, &run, "half of the contacts each")
}

fn row(what: &str, load: &Load, run: &Run, note: &str) -> Row {
    let outputs = ratio(run.count(), load.numbers.len());
    let note = format!("{outputs:.1} outputs a contact; {note}");
    Row { what: what.to_owned(), unit: "contacts/s", count: load.numbers.len(), took: run.took, note }
}

fn latency(run: &Run) -> String {
    format!("from event to assignment: median {:?}, p99 {:?}", run.wait(500), run.wait(990))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(of: usize, to: usize) -> f64 {
    of as f64 / to as f64
}

/// A platform that publishes contacts with confirms and hears what becomes of them.
struct Platform {
    // The channels live as long as it does.
    _connection: Connection,
    channel: Channel,
    feed: Consumer,
}

impl Platform {
    async fn open(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let listening = connection.create_channel().await.expect("a channel");
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        listening.queue_declare("feed".into(), QueueDeclareOptions::durable(), arguments).await.expect("a queue");
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        listening.queue_bind("feed".into(), "picket.out".into(), "#".into(), options, none).await.expect("a binding");
        listening.basic_qos(512, BasicQosOptions::default()).await.expect("a prefetch");
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let feed = listening.basic_consume("feed".into(), "".into(), options, none).await.expect("a consumer");
        Self { _connection: connection, channel, feed }
    }

    /// Lets the one agent of a domain be ready.
    async fn ready(&self, domain: &str) {
        let data = json!({"agent": "ann", "state": "ready"});
        let input = event("bench", &format!("ready-{domain}"), "agent.set_state", data);
        publish(&self.channel, domain, &input).await.await.expect("a confirm");
    }

    /// Publishes every contact, ends each once it is assigned, and listens until all are closed.
    async fn run(&mut self, load: &Load) -> Run {
        let began = Monotonic::now();
        let sent = Mutex::new(BTreeMap::new());
        let both =
            async { tokio::join!(send(&self.channel, load, &sent), hear(&self.channel, &mut self.feed, load, &sent)) };
        let ((), (outputs, mut waits)) = tokio::time::timeout(PATIENCE, both).await.expect("the run takes too long");
        waits.sort_unstable();
        Run { took: began.elapsed(), outputs, waits }
    }
}

/// When each contact was sent.
type Sent = Mutex<BTreeMap<String, Monotonic>>;

async fn send(channel: &Channel, load: &Load, sent: &Sent) {
    let mut unconfirmed = VecDeque::new();
    let mut pace = tokio::time::interval(load.pace.unwrap_or(Duration::from_nanos(1)));
    for number in load.numbers.clone() {
        if load.pace.is_some() {
            pace.tick().await;
        }
        let contact = format!("c-{number}");
        let data = json!({"contact": contact, "channel": "email", "topic": "order"});
        let input = event("bench", &format!("received-{number}"), "contact.received", data);
        sent.lock().expect("the times").insert(contact, Monotonic::now());
        unconfirmed.push_back(publish(channel, load.domain(number), &input).await);
        if unconfirmed.len() >= WINDOW
            && let Some(oldest) = unconfirmed.pop_front()
        {
            oldest.await.expect("a confirm");
        }
    }
    for confirm in unconfirmed {
        confirm.await.expect("a confirm");
    }
}

/// Ends each contact that is assigned, until all are closed; and how long each took to be assigned.
async fn hear(channel: &Channel, feed: &mut Consumer, load: &Load, sent: &Sent) -> (Outputs, Vec<Duration>) {
    let (mut outputs, mut waits) = (Outputs::new(), Vec::new());
    let mut open = load.numbers.len();
    while open > 0 {
        let delivery = feed.next().await.expect("an open feed").expect("a delivery");
        let heard = Monotonic::now();
        delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
        let body: Value = serde_json::from_slice(&delivery.data).expect("an event");
        let Some(contact) = body["data"]["contact"].as_str() else { continue };
        let Some(began) = sent.lock().expect("the times").get(contact).copied() else { continue };
        let key = delivery.routing_key.to_string();
        if key.contains(".contact.assigned.") {
            waits.push(heard.since(began));
            let number = contact.trim_start_matches("c-").parse().expect("a contact of ours");
            let end = event(
                "bench",
                &format!("closed-{number}"),
                "contact.close",
                json!({"contact": contact, "agent": "ann"}),
            );
            // Its confirm is not waited for: the output that follows is.
            drop(publish(channel, load.domain(number), &end).await);
        }
        open -= usize::from(key.contains(".contact.closed."));
        let (cause, id) = (text(&body["picketcause"]), text(&body["id"]));
        outputs.entry(cause).or_default().push(Heard { key, id, body: delivery.data });
    }
    (outputs, waits)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn publish(channel: &Channel, domain: &str, input: &Value) -> lapin::PublisherConfirm {
    let kind = input["type"].as_str().unwrap_or_default();
    let key = format!("{domain}.{}", kind.trim_start_matches("picket.").trim_end_matches(".v1"));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(input["id"].as_str().unwrap_or_default().into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = input.to_string();
    let sent = channel.basic_publish("picket.in".into(), key.into(), options, body.as_bytes(), properties);
    sent.await.expect("a publish")
}
