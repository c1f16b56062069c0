//! The daemon over RabbitMQ and Redis, beside a bare relay: the same queue types, the same messages in and out.

use std::collections::{BTreeMap, VecDeque};
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

use super::embedded::RULES;
use super::relay;
use super::table::Row;
use crate::common::daemon::{Setup, event};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;

/// Contacts of one run.
const CONTACTS: usize = 5_000;
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

/// What a contact's arrival brought about, by contact.
pub(crate) type Outputs = BTreeMap<String, Vec<Heard>>;

/// Contacts per second of the daemon and of the relay.
pub(crate) fn measure() -> Vec<Row> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (broker, store) = (Server::start(), RedisServer::start());
    let amqp = broker.vhost("daemon");
    let daemon = Setup::with_services(RULES, "bench", &amqp, &store.url()).start();
    let (took, outputs) = runtime.block_on(async {
        let platform = Platform::open(&amqp).await;
        platform.say("ready", "agent.set_state", json!({"agent": "ann", "state": "ready"})).await;
        platform.run(|outputs| outputs.values().filter(|heard| assigned(heard)).count() == CONTACTS).await
    });
    drop(daemon);
    let count: usize = outputs.values().map(Vec::len).sum();
    let amqp = broker.vhost("relay");
    let (beside, again) = runtime.block_on(async {
        let relay = relay::start(&amqp, "bench", outputs.clone()).await;
        let platform = Platform::open(&amqp).await;
        let result = platform.run(|outputs| outputs.values().map(Vec::len).sum::<usize>() >= count).await;
        relay.abort();
        result
    });
    assert_eq!(again.len(), outputs.len(), "the relay did not relay every contact");
    vec![
        Row {
            what: "RabbitMQ + Redis daemon: contacts in, outputs out".to_owned(),
            unit: "contacts/s",
            count: CONTACTS,
            took,
            note: format!("{:.1} outputs a contact", ratio(count, CONTACTS)),
        },
        Row {
            what: "  beside: a bare relay of the same messages".to_owned(),
            unit: "contacts/s",
            count: CONTACTS,
            took: beside,
            note: "same queues, archives, gate, confirms; nothing decided, nothing stored".to_owned(),
        },
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(of: usize, to: usize) -> f64 {
    of as f64 / to as f64
}

fn assigned(heard: &[Heard]) -> bool {
    heard.iter().any(|output| output.key.contains(".contact.assigned."))
}

/// A platform that publishes contacts with confirms and hears what becomes of them.
struct Platform {
    connection: Connection,
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
        listening
            .queue_bind("feed".into(), "picket.out".into(), "bench.#".into(), options, none)
            .await
            .expect("a binding");
        listening.basic_qos(512, BasicQosOptions::default()).await.expect("a prefetch");
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let feed = listening.basic_consume("feed".into(), "".into(), options, none).await.expect("a consumer");
        Self { connection, channel, feed }
    }

    /// Publishes one event and waits for its confirm.
    async fn say(&self, id: &str, kind: &str, data: Value) {
        let confirm = publish(&self.channel, &event("bench", id, kind, data)).await;
        confirm.await.expect("a confirm");
    }

    /// Publishes every contact and listens until enough was heard; the time between the first and the last of it.
    async fn run(mut self, enough: impl Fn(&Outputs) -> bool) -> (Duration, Outputs) {
        let began = Monotonic::now();
        let (channel, feed) = (&self.channel, &mut self.feed);
        let sending = async {
            let mut unconfirmed = VecDeque::new();
            for number in 0..CONTACTS {
                let data = json!({"contact": format!("c-{number}"), "channel": "email", "topic": "order"});
                let input = event("bench", &format!("received-{number}"), "contact.received", data);
                unconfirmed.push_back(publish(channel, &input).await);
                if unconfirmed.len() >= WINDOW
                    && let Some(oldest) = unconfirmed.pop_front()
                {
                    oldest.await.expect("a confirm");
                }
            }
            for confirm in unconfirmed {
                confirm.await.expect("a confirm");
            }
        };
        let hearing = async {
            let mut outputs = Outputs::new();
            let mut heard = 0_usize;
            // Judging everything after each output would be most of the work; every hundredth is often enough.
            while heard < CONTACTS || !heard.is_multiple_of(100) || !enough(&outputs) {
                let next = tokio::time::timeout(Duration::from_secs(2), feed.next()).await;
                let Ok(Some(Ok(delivery))) = next else {
                    assert!(enough(&outputs), "the outputs ended after {heard}");
                    return (outputs, Duration::from_secs(2));
                };
                heard += 1;
                delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
                let body: Value = serde_json::from_slice(&delivery.data).expect("an event");
                let Some(contact) = body["data"]["contact"].as_str() else { continue };
                outputs.entry(contact.to_owned()).or_default().push(Heard {
                    key: delivery.routing_key.to_string(),
                    id: body["id"].as_str().unwrap_or_default().to_owned(),
                    body: delivery.data,
                });
            }
            (outputs, Duration::ZERO)
        };
        let both = async { tokio::join!(sending, hearing) };
        let ((), (outputs, idle)) = tokio::time::timeout(PATIENCE, both).await.expect("the run takes too long");
        let took = began.elapsed().saturating_sub(idle);
        // The connection lives until here.
        drop(self.connection);
        (took, outputs)
    }
}

async fn publish(channel: &Channel, input: &Value) -> lapin::PublisherConfirm {
    let kind = input["type"].as_str().unwrap_or_default();
    let key = format!("bench.{}", kind.trim_start_matches("picket.").trim_end_matches(".v1"));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(input["id"].as_str().unwrap_or_default().into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = input.to_string();
    let sent = channel.basic_publish("picket.in".into(), key.into(), options, body.as_bytes(), properties);
    sent.await.expect("a publish")
}
