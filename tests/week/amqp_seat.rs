//! Decides how a daemon is driven over RabbitMQ: an event a message with `reply_to`, and its outputs from `picket.out`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use picket_sim::output::Output;
use picket_sim::week::{Act, Seat};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::messages::Messages;
use crate::common::daemon::Daemon;

/// An answer that takes longer is asked for again: it is sent at most once.
const ANSWER: Duration = Duration::from_secs(15);
/// Rounds of asking before the daemon counts as gone.
const ROUNDS: u32 = 8;

/// A daemon behind a broker, on a driven clock, killed at some steps.
pub(crate) struct AmqpSeat {
    daemon: Daemon,
    domain: String,
    messages: Messages,
    _connection: Connection,
    channel: Channel,
    outputs: Consumer,
    replies: Consumer,
    reply_to: String,
    last: u64,
    steps: u64,
    kills: BTreeSet<u64>,
    killed: u32,
    // Dropped last: everything above lives in it.
    runtime: Runtime,
}

impl AmqpSeat {
    pub(crate) fn new(daemon: Daemon, url: &str, domain: &str, kills: &[u64]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (connection, channel, outputs, replies, reply_to) = runtime.block_on(connect(url, domain));
        Self {
            daemon,
            domain: domain.to_owned(),
            messages: Messages::new(),
            _connection: connection,
            channel,
            outputs,
            replies,
            reply_to,
            last: 0,
            steps: 0,
            kills: kills.iter().copied().collect(),
            killed: 0,
            runtime,
        }
    }

    /// How often it was killed so far.
    pub(crate) fn killed(&self) -> u32 {
        self.killed
    }

    /// Publishes events and waits for an answer to each; whatever is not answered is sent again.
    fn ask(&mut self, events: &[Value], kill: bool) -> Result<u64, String> {
        let mut unanswered: BTreeMap<String, &Value> = BTreeMap::new();
        for event in events {
            unanswered.insert(name(event), event);
        }
        let mut until = 0;
        for round in 0..ROUNDS {
            // In their order, also when they are sent again.
            for event in events.iter().filter(|event| unanswered.contains_key(&name(event))) {
                self.runtime.block_on(self.publish(event)).map_err(|error| error.to_string())?;
            }
            if kill && round == 0 {
                self.daemon.kill();
                self.killed += 1;
                self.daemon.start();
            }
            while !unanswered.is_empty() {
                let next = self.runtime.block_on(async { tokio::time::timeout(ANSWER, self.replies.next()).await });
                let Ok(Some(Ok(delivery))) = next else { break };
                let answer: Value = serde_json::from_slice(&delivery.data).map_err(|error| error.to_string())?;
                unanswered.remove(&name(&answer));
                until = until.max(answer["output"].as_u64().unwrap_or(0));
            }
            if unanswered.is_empty() {
                return Ok(until);
            }
        }
        Err(format!("{} events are not answered: {}", unanswered.len(), self.daemon.log_end()))
    }

    async fn publish(&self, event: &Value) -> Result<(), lapin::Error> {
        let kind = event["type"].as_str().unwrap_or_default();
        let short = kind.trim_start_matches("picket.").trim_end_matches(".v1");
        let exchange = if short.starts_with("clock.") { "picket.control" } else { "picket.in" };
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/cloudevents+json".into())
            .with_reply_to(self.reply_to.as_str().into())
            .with_correlation_id(name(event).as_str().into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let key = format!("{}.{short}", self.domain);
        let body = event.to_string();
        let confirm =
            self.channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties).await?;
        confirm.await?;
        Ok(())
    }
}

/// Ids count per platform; a name is both.
fn name(event: &Value) -> String {
    format!("{} {}", event["source"].as_str().unwrap_or_default(), event["id"].as_str().unwrap_or_default())
}

async fn connect(url: &str, domain: &str) -> (Connection, Channel, Consumer, Consumer, String) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("the broker is there");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let mut names = Vec::new();
    for _ in 0..2 {
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("a queue");
        names.push(queue.name().to_string());
    }
    let bound = format!("{domain}.#");
    let options = QueueBindOptions::default();
    let feed = names[0].as_str();
    channel
        .queue_bind(feed.into(), "picket.out".into(), bound.into(), options, FieldTable::default())
        .await
        .expect("the outputs can be bound");
    let mut consumers = Vec::new();
    for queue in &names {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer = channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await;
        consumers.push(consumer.expect("a consumer"));
    }
    let replies = consumers.pop().expect("two were made");
    let outputs = consumers.pop().expect("two were made");
    (connection, channel, outputs, replies, names[1].clone())
}

impl Seat for AmqpSeat {
    type Error = String;

    fn step(&mut self, to: i64, acts: &[Act]) -> Result<Vec<Output>, String> {
        self.steps += 1;
        let events = self.messages.step(to, acts);
        let kill = self.kills.contains(&self.steps);
        let until = self.ask(&events, kill)?;
        let mut outputs = Vec::new();
        while self.last < until {
            let next = self.runtime.block_on(async { tokio::time::timeout(4 * ANSWER, self.outputs.next()).await });
            let Ok(Some(Ok(delivery))) = next else {
                return Err(format!("output {} of {until} did not come: {}", self.last + 1, self.daemon.log_end()));
            };
            let event: Value = serde_json::from_slice(&delivery.data).map_err(|error| error.to_string())?;
            let output = Output::read(&event).map_err(|error| error.to_string())?;
            // What was published before a kill may come again; its number says so.
            if output.number > self.last {
                self.last = output.number;
                outputs.push(output);
            }
        }
        Ok(outputs)
    }
}
