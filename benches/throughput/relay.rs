//! The relay that the daemon is compared with: takes each event, publishes what the daemon published for it, confirms,
//! acknowledges. It uses the daemon's own topology, and nothing else of it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};

use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, PublisherConfirm};
use picket::broker::rabbitmq::{Options, RabbitOutbox, ShardRoute, settle};
use picket::shard::ports::{Outbox, Token};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::services::{Heard, Outputs};

/// Events whose outputs are not all confirmed yet.
const WINDOW: usize = 64;

/// Declares the topology, opens the gate where there is one, and relays until it is aborted. Guarded means with archives and
/// gate.
pub(crate) async fn start(url: &str, domain: &str, outputs: Outputs, guarded: bool) -> JoinHandle<()> {
    let options =
        Arc::new(Options { url: url.to_owned(), archive: guarded, output_gate: guarded, ..Options::default() });
    let shard = ShardRoute { name: domain.to_owned(), domains: vec![domain.to_owned()], is_one_of_several: false };
    settle(&options, &shard).await.expect("a topology");
    let token = Token { epoch: 1, nonce: "0".repeat(32) };
    let mut outbox = RabbitOutbox::new(options, &shard).expect("a readable url");
    outbox.take_over(&token).await.expect("an open gate");
    let exchange = if guarded { format!("picket.gate.{domain}") } else { "picket.out".to_owned() };
    let (url, gate) = (url.to_owned(), gate_key(&token));
    tokio::runtime::Handle::current().spawn(relay(url, shard.name, exchange, gate, outputs))
}

/// What the gate's binding matches for this token.
fn gate_key(token: &Token) -> String {
    let digest = Sha256::digest(format!("picket gate {token}"));
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn relay(url: String, shard: String, exchange: String, gate: String, outputs: Outputs) {
    let consuming = Connection::connect(&url, ConnectionProperties::default()).await.expect("a connection");
    let publishing = Connection::connect(&url, ConnectionProperties::default()).await.expect("a connection");
    let input = consuming.create_channel().await.expect("a channel");
    let output = publishing.create_channel().await.expect("a channel");
    output.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    input.basic_qos(128, BasicQosOptions::default()).await.expect("a prefetch");
    let queue = format!("picket.in.{shard}");
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = input.basic_consume(queue.into(), "".into(), options, none).await.expect("a consumer");
    let mut flight: VecDeque<(Delivery, Vec<PublisherConfirm>)> = VecDeque::new();
    loop {
        // Take what is there; settle the oldest when the window is full or nothing arrives.
        let taken = if flight.len() >= WINDOW {
            None
        } else if flight.is_empty() {
            consumer.next().await
        } else {
            tokio::select! {
                biased;
                delivery = consumer.next() => delivery,
                () = std::future::ready(()) => None,
            }
        };
        match taken {
            Some(Ok(delivery)) => {
                let confirms = pass_on(&output, &exchange, &gate, &delivery, &outputs).await;
                flight.push_back((delivery, confirms));
            }
            Some(Err(error)) => panic!("the relay lost its broker: {error}"),
            None => {
                let Some((delivery, confirms)) = flight.pop_front() else { continue };
                for confirm in confirms {
                    confirm.await.expect("a confirm");
                }
                delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
            }
        }
    }
}

/// Publishes what the daemon published for this event.
async fn pass_on(
    channel: &Channel,
    exchange: &str,
    gate: &str,
    delivery: &Delivery,
    outputs: &Outputs,
) -> Vec<PublisherConfirm> {
    let event: Value = serde_json::from_slice(&delivery.data).expect("an event");
    let cause =
        format!("{} {}", event["source"].as_str().unwrap_or_default(), event["id"].as_str().unwrap_or_default());
    let mut confirms = Vec::new();
    for Heard { key, id, body } in outputs.get(&cause).into_iter().flatten() {
        let mut headers = FieldTable::default();
        headers.insert("ce-id".into(), AMQPValue::LongString(id.as_str().into()));
        headers.insert("picket-gate".into(), AMQPValue::LongString(gate.into()));
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/cloudevents+json".into())
            .with_message_id(id.as_str().into())
            .with_headers(headers);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = channel.basic_publish(exchange.into(), key.as_str().into(), options, body, properties).await;
        confirms.push(sent.expect("a publish"));
    }
    confirms
}
