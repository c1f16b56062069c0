//! Decides how a platform behaves under load: it confirms what it sends, writes down what it hears, and answers offers.
//!
//! It knows the contract and nothing else. Whatever breaks, it connects again and sends what was not confirmed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::daemon::event;

/// A publish that takes longer is sent again over another connection.
const CONFIRM: Duration = Duration::from_secs(10);
/// The pause before a lost connection is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// What was sent and heard. It is all that a judge may see.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Inputs whose publish the broker has confirmed, in that order.
    pub(crate) confirmed: Vec<Value>,
    /// Outputs by the shard's number.
    pub(crate) outputs: BTreeMap<u64, Value>,
    /// Numbers that came with two different outputs.
    pub(crate) contradictions: Vec<String>,
    /// Contacts that were closed.
    pub(crate) closed: BTreeSet<String>,
    /// Outputs that came more than once.
    pub(crate) repeated: u64,
}

/// A platform that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Platform {
    ledger: Arc<Mutex<Ledger>>,
    inputs: mpsc::Sender<Value>,
    source: String,
    // Its tasks end with it.
    _runtime: Runtime,
}

/// Where a platform finds its broker, and who it is there.
#[derive(Clone, Debug)]
struct Place {
    url: String,
    domain: String,
    source: String,
}

impl Platform {
    /// Starts one; exchanges must be there.
    pub(crate) fn start(url: &str, domain: &str, source: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let place = Place { url: url.to_owned(), domain: domain.to_owned(), source: source.to_owned() };
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        // Far more than one platform has on its way at once.
        let (inputs, sent) = mpsc::channel(10_000);
        let platform = Self {
            ledger: Arc::clone(&ledger),
            inputs: inputs.clone(),
            source: place.source.clone(),
            _runtime: runtime,
        };
        let handle = platform._runtime.handle();
        let bound = handle.block_on(async { open_feed(&place).await.map(drop) });
        assert!(bound.is_ok(), "the platform's queue could not be bound: {bound:?}");
        handle.spawn(publish(place.clone(), sent, Arc::clone(&ledger)));
        handle.spawn(listen(place, inputs, ledger));
        platform
    }

    /// Hands an input over to be published, as soon and as often as it takes.
    pub(crate) fn send(&self, id: &str, kind: &str, data: Value) {
        self.inputs.blocking_send(event(&self.source, id, kind, data)).expect("the platform runs");
    }

    /// What was sent and heard so far.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Writes an output down; whether it is new.
    fn hear(&mut self, output: Value) -> bool {
        let number = output["picketseq"].as_str().and_then(|n| n.parse().ok()).unwrap_or(0);
        if let Some(known) = self.outputs.get(&number) {
            self.repeated += 1;
            if known["id"] != output["id"] {
                self.contradictions.push(format!("output {number} is {} and {}", known["id"], output["id"]));
            }
            return false;
        }
        if output["type"] == "picket.contact.closed.v1" {
            self.closed.extend(output["data"]["contact"].as_str().map(str::to_owned));
        }
        self.outputs.insert(number, output);
        true
    }

    /// Confirmed inputs about contacts that no output names as its cause and that were not sent twice.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let causes: BTreeSet<_> = self.outputs.values().filter_map(|o| o["picketcause"].as_str()).collect();
        let about_contacts = |event: &&Value| {
            let kind = event["type"].as_str().unwrap_or_default();
            kind.starts_with("picket.contact.") || kind.starts_with("picket.offer.")
        };
        let text = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
        let name = |event: &Value| format!("{} {}", text(event, "source"), text(event, "id"));
        self.confirmed.iter().filter(about_contacts).map(name).filter(|name| !causes.contains(name.as_str())).collect()
    }
}

/// Publishes one input and returns the broker's answer.
pub(crate) fn publish_once(url: &str, domain: &str, input: &Value) -> Confirmation {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_connection, channel) = open(url).await.expect("a connection");
        publish_one(&channel, domain, input).await.expect("an answer of the broker")
    })
}

/// Publishes inputs in order over one connection, each confirmed.
pub(crate) fn publish_all(url: &str, domain: &str, inputs: &[Value]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_connection, channel) = open(url).await.expect("a connection");
        for input in inputs {
            let confirmation = publish_one(&channel, domain, input).await.expect("an answer of the broker");
            assert!(matches!(confirmation, Confirmation::Ack(None)), "{input} is not taken: {confirmation:?}");
        }
    });
}

/// Publishes one input after the other, each until it is confirmed.
async fn publish(place: Place, mut inputs: mpsc::Receiver<Value>, ledger: Arc<Mutex<Ledger>>) {
    let mut next = None;
    loop {
        let Ok((_connection, channel)) = open(&place.url).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        loop {
            let input = match next.take() {
                Some(input) => input,
                None => match inputs.recv().await {
                    Some(input) => input,
                    None => return,
                },
            };
            let confirmed = tokio::time::timeout(CONFIRM, publish_one(&channel, &place.domain, &input)).await;
            if matches!(confirmed, Ok(Ok(Confirmation::Ack(None)))) {
                ledger.lock().unwrap_or_else(PoisonError::into_inner).confirmed.push(input);
            } else {
                next = Some(input);
                break;
            }
        }
    }
}

async fn publish_one(channel: &Channel, domain: &str, input: &Value) -> Result<Confirmation, lapin::Error> {
    let kind = input["type"].as_str().unwrap_or_default();
    let key = format!("{domain}.{}", kind.trim_start_matches("picket.").trim_end_matches(".v1"));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(input["id"].as_str().unwrap_or_default().into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = input.to_string();
    let sent = channel.basic_publish("picket.in".into(), key.into(), options, body.as_bytes(), properties).await?;
    sent.await
}

async fn open(url: &str) -> Result<(Connection, Channel), lapin::Error> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// The platform's own queue: durable, so that what was published while it was away is there when it is back.
async fn open_feed(place: &Place) -> Result<(Connection, lapin::Consumer), lapin::Error> {
    let (connection, channel) = open(&place.url).await?;
    let queue = format!("platform.{}", place.domain);
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), arguments).await?;
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let pattern = format!("{}.#", place.domain);
    channel.queue_bind(queue.as_str().into(), "picket.out".into(), pattern.into(), options, none).await?;
    channel.basic_qos(64, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue.into(), "".into(), options, none).await?;
    Ok((connection, consumer))
}

/// Reads everything Picket says, and does what a platform has to do about it.
async fn listen(place: Place, inputs: mpsc::Sender<Value>, ledger: Arc<Mutex<Ledger>>) {
    loop {
        let Ok((connection, mut consumer)) = open_feed(&place).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        loop {
            let delivery = match tokio::time::timeout(Duration::from_secs(2), consumer.next()).await {
                Ok(Some(Ok(delivery))) => delivery,
                // Silence is fine while the connection lives.
                Err(_) if connection.status().connected() => continue,
                Ok(Some(Err(_)) | None) | Err(_) => break,
            };
            let Ok(output) = serde_json::from_slice::<Value>(&delivery.data) else { continue };
            let answers = reactions(&place.source, &output);
            let new = ledger.lock().unwrap_or_else(PoisonError::into_inner).hear(output);
            for answer in answers.into_iter().filter(|_| new) {
                if inputs.send(answer).await.is_err() {
                    return;
                }
            }
            if delivery.ack(BasicAckOptions::default()).await.is_err() {
                break;
            }
        }
    }
}

/// What the platform does about an output. Ids follow from the output's, so that an output heard twice is answered once.
fn reactions(source: &str, output: &Value) -> Vec<Value> {
    let data = &output["data"];
    let id = output["id"].as_str().unwrap_or_default();
    let answer = |n: u8, kind: &str, body: Value| event(source, &format!("re-{id}-{n}"), kind, body);
    let (contact, agent, offer) = (&data["contact"], &data["agent"], &data["offer"]);
    match output["type"].as_str().unwrap_or_default() {
        // People misbehave: one in sixteen declines, one in sixteen does not answer at all.
        "picket.offer.made.v1" => match id.bytes().last() {
            Some(b'0') => vec![answer(0, "offer.decline", json!({"offer": offer, "agent": agent}))],
            Some(b'1') => Vec::new(),
            _ => vec![answer(0, "offer.accept", json!({"offer": offer, "agent": agent}))],
        },
        "picket.contact.assigned.v1" => vec![answer(0, "contact.connected", json!({"contact": contact}))],
        "picket.contact.connected.v1" => vec![
            answer(0, "contact.ended", json!({"contact": contact})),
            answer(1, "contact.close", json!({"contact": contact, "disposition": "answered"})),
        ],
        // Whoever did not answer comes back.
        "picket.agent.state_changed.v1" if data["state"] == "not_ready" => {
            vec![answer(0, "agent.set_state", json!({"agent": agent, "state": "ready"}))]
        }
        _ => Vec::new(),
    }
}
