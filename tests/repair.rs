//! What a shard takes again from an archive once a loss is accepted: the real shell in virtual time, a store in memory, and a
//! broker whose archive holds what it is told to.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on says what it expected; its daemon is a task that it ends itself"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use picket::clock::Clock;
use picket::contract::Sources;
use picket::contract::wire::{OutMessage, WireMessage};
use picket::shard::ports::{
    Archive, ArchiveStart, Archived, Beacon, Broker, BrokerError, DeadLetter, DeadLetters, Delivery, Inbox, LostTail,
    Outbox, Pulse, Receipt, Store as _, Token,
};
use picket::shard::{Limits, Neighbours, Pepper, Service, ShardHandle, Spread, chance, pair, time_of};
use picket::store::Memory;
use picket::telemetry::Metrics;
use picket_core::Timestamp;
use picket_rules::{RuleSet, Source};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SHARD: &str = "main";
/// A Monday in November 2026.
const NOON: i64 = 1_795_435_200_000;
const MINUTE: i64 = 60_000;
const RULES: &str = include_str!("daemon/rules.toml");

/// A broker that has received some messages, each at its time.
#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    received: Vec<(i64, WireMessage)>,
    /// Where reading began, each time.
    begun: Vec<ArchiveStart>,
    /// The place at which reading breaks off, once.
    breaks_at: Option<u64>,
    is_missing: bool,
    /// What waits in the queue.
    queue: Vec<WireMessage>,
    beacon: Option<Beacon>,
    letters: usize,
    replies: usize,
    /// Outputs whose confirms nobody has heard of yet.
    out: usize,
}

impl Scripted {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Broker for Scripted {
    fn inbox(&self, _: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        Ok(Box::new(self.clone()))
    }

    fn outbox(&self, _: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(self.clone()))
    }

    async fn archive(&self, _: &str, start: ArchiveStart) -> Result<Option<Box<dyn Archive>>, BrokerError> {
        let mut script = self.script();
        script.begun.push(start);
        if script.is_missing {
            return Err(BrokerError::Topology { what: "there is no stream".to_owned() });
        }
        let at = match start {
            ArchiveStart::Oldest => 0,
            ArchiveStart::At(since) => script.received.iter().position(|(at, _)| *at >= since).unwrap_or(usize::MAX),
            ArchiveStart::Behind(place) => usize::try_from(place).expect("a place") + 1,
        };
        drop(script);
        Ok(Some(Box::new(Reading { broker: self.clone(), at })))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.clone())
    }
}

#[derive(Debug)]
struct Reading {
    broker: Scripted,
    at: usize,
}

#[async_trait]
impl Archive for Reading {
    async fn next(&mut self) -> Result<Vec<Archived>, BrokerError> {
        let mut script = self.broker.script();
        let place = self.at as u64;
        if script.breaks_at.is_some_and(|breaks_at| place >= breaks_at) {
            script.breaks_at = None;
            return Err(BrokerError::Unavailable { attempt: "reading", source: "it broke off".into() });
        }
        let Some((_, message)) = script.received.get(self.at) else { return Ok(Vec::new()) };
        self.at += 1;
        Ok(vec![Archived { place, message: message.clone() }])
    }
}

#[async_trait]
impl Inbox for Scripted {
    async fn take(&mut self, most: usize) -> Vec<Delivery> {
        let taken: Vec<WireMessage> = {
            let mut script = self.script();
            let count = script.queue.len().min(most);
            script.queue.drain(..count).collect()
        };
        if taken.is_empty() {
            return std::future::pending().await;
        }
        let receipt = |at: usize| Receipt { session: 1, tag: at as u64 };
        taken.into_iter().enumerate().map(|(at, message)| Delivery { receipt: receipt(at), message }).collect()
    }

    async fn acknowledge(&mut self, _: &[Receipt]) {}

    async fn close(&mut self) {}

    fn pulse(&self) -> Option<Arc<dyn Pulse>> {
        None
    }
}

#[async_trait]
impl Outbox for Scripted {
    async fn take_over(&mut self, _: &Token) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn beacon(&mut self) -> Result<Option<Beacon>, BrokerError> {
        Ok(self.script().beacon.clone())
    }

    async fn set_beacon(&mut self, beacon: &Beacon) -> Result<(), BrokerError> {
        self.script().beacon = Some(beacon.clone());
        Ok(())
    }

    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        self.script().out += messages.len();
        Ok(messages.len())
    }

    async fn confirmed(&mut self) -> Result<usize, BrokerError> {
        let out = std::mem::take(&mut self.script().out);
        if out == 0 { std::future::pending().await } else { Ok(out) }
    }

    async fn reply(&mut self, _: &str, _: Option<&str>, _: Bytes) -> Result<(), BrokerError> {
        self.script().replies += 1;
        Ok(())
    }

    async fn check(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Scripted {
    async fn put(&self, _: DeadLetter) -> Result<(), BrokerError> {
        self.script().letters += 1;
        Ok(())
    }

    async fn list(&self, _: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        Ok(Vec::new())
    }

    async fn replay(&self, _: &str) -> Result<bool, BrokerError> {
        Ok(false)
    }

    async fn drop_one(&self, _: &str) -> Result<bool, BrokerError> {
        Ok(false)
    }
}

/// A daemon that runs until it is stopped.
struct Daemon {
    handle: ShardHandle,
    task: JoinHandle<()>,
    stop: CancellationToken,
    _rules: watch::Sender<Arc<RuleSet>>,
}

impl Daemon {
    async fn start(store: &Memory, broker: &Scripted, clock: &Clock) -> Self {
        let source = Source { name: "rules.toml".to_owned(), text: RULES.replace("DOMAIN", SHARD) };
        let rules = RuleSet::parse(&[source]).unwrap_or_else(|findings| panic!("{findings:#?}")).0;
        let ((handle, side), (sender, rules)) = (pair(100), watch::channel(Arc::new(rules)));
        let stop = CancellationToken::new();
        let service = Service {
            shard: SHARD.to_owned(),
            instance: "picket".to_owned(),
            holder: "picket".to_owned(),
            limits: Limits { batch: 16, outbox: 1_000 },
            snapshot_every: 1_000_000,
            clock: clock.clone(),
            store: Arc::new(store.clone()),
            broker: Arc::new(broker.clone()),
            sources: Arc::new(Sources::default()),
            pepper: Pepper::new(vec![7; 32]),
            metrics: Arc::new(Metrics::new()),
            rules,
            neighbours: Neighbours::default(),
            spread: Spread::new("picket".to_owned(), vec![SHARD.to_owned()]),
            side,
        };
        let task = tokio::spawn(service.run(stop.clone()));
        let daemon = Self { handle, task, stop, _rules: sender };
        while !daemon.handle.health().ready() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        daemon
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the daemon ends by itself");
    }
}

/// A contact that is received.
fn received(number: usize) -> WireMessage {
    let event = json!({
        "specversion": "1.0", "id": format!("e-{number}"), "source": "web", "type": "picket.contact.received.v1",
        "data": {"contact": format!("c-{number}"), "channel": "sms"},
    });
    WireMessage {
        body: event.to_string().into(),
        content_type: Some("application/cloudevents+json".to_owned()),
        reply_to: Some("answers".to_owned()),
        ..WireMessage::default()
    }
}

/// Ids of inputs, and what is said of the loss, in the order of the journal.
async fn journal(store: &Memory) -> (Vec<String>, Vec<String>) {
    let records = store.read(SHARD, 0, usize::MAX).await.expect("the journal reads");
    let records = records.iter().map(|entry| serde_json::from_slice::<Value>(&entry.body).expect("JSON"));
    let (mut inputs, mut said) = (Vec::new(), Vec::new());
    for record in records {
        inputs.extend(record["cause"]["input"]["id"].as_str().map(str::to_owned));
        let facts = record["facts"].as_array().into_iter().flatten();
        said.extend(facts.filter_map(|fact| fact["by_hand"]["why"].as_str()).map(str::to_owned));
    }
    (inputs, said)
}

/// A journal that has the first contact only, a broker that was told that the loss of the rest is accepted, and what
/// became of both, once the next daemon was ready and was stopped.
async fn repaired(script: Script) -> (Memory, Scripted) {
    let (store, broker, clock) = (Memory::new(), Scripted::default(), Clock::set_to(Timestamp(NOON)));
    let first = Daemon::start(&store, &broker, &clock).await;
    first.handle.submit(received(0)).await.expect("taken");
    first.stop().await;
    let head = store.head(SHARD).await.expect("a head");
    let since = time_of(&store, SHARD, &head).await.expect("an answer");
    assert!(since.is_some_and(|since| since.abs_diff(NOON) < 10_000), "{since:?}");
    let lost = Some(LostTail { after: head.seq, until: Some(head.seq + 3), since });
    *broker.script() = Script { beacon: Some(Beacon { epoch: 0, head, at: NOON, lost }), ..script };
    let second = Daemon::start(&store, &broker, &clock).await;
    // Long enough for what waits in the queue, and for the next beacon.
    tokio::time::sleep(Duration::from_secs(5)).await;
    second.stop().await;
    (store, broker)
}

fn in_virtual_time<T>(act: impl Future<Output = T>) -> T {
    chance::seed(2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(act)
}

#[test]
fn what_waited_in_its_queue_before_the_loss_is_found_further_back_and_what_is_known_is_not_taken_twice() {
    let ago = |minutes: i64, number| (NOON - minutes * MINUTE, received(number));
    let received = vec![ago(300, 8), ago(200, 0), ago(199, 1), ago(30, 2), ago(2, 3)];
    let (store, broker) = in_virtual_time(repaired(Script { received, ..Script::default() }));
    let begun: Vec<i64> = broker.script().begun.iter().map(|start| since(*start)).collect();
    assert_eq!(begun, [-10, -60, -360], "minutes before the last record");
    let (inputs, said) = in_virtual_time(journal(&store));
    assert_eq!(inputs, ["e-0", "e-8", "e-1", "e-2", "e-3"]);
    assert!(said.last().is_some_and(|said| said.ends_with("5 messages were read from the archive, 4 inputs are back")));
}

fn since(start: ArchiveStart) -> i64 {
    match start {
        ArchiveStart::At(at) => (at - NOON).div_euclid(MINUTE),
        ArchiveStart::Oldest | ArchiveStart::Behind(_) => panic!("{start:?}"),
    }
}

#[test]
fn an_archive_that_breaks_off_is_read_on_and_what_waits_comes_behind_it_while_nobody_is_told_again() {
    let mut all: Vec<(i64, WireMessage)> = (0..700).map(|number| (NOON, received(number))).collect();
    // Dead letters are not lost with a journal, and this one was one.
    all[300].1.body = "no event".into();
    let queue = vec![received(700), received(699)];
    let script = Script { received: all, breaks_at: Some(400), queue, ..Script::default() };
    let (store, broker) = in_virtual_time(repaired(script));
    let (inputs, said) = in_virtual_time(journal(&store));
    let wanted: Vec<String> = (0..=700).filter(|number| *number != 300).map(|number| format!("e-{number}")).collect();
    assert_eq!(inputs, wanted);
    assert_eq!(said.len(), 2);
    assert!(
        said[0].starts_with("tail.lost: records ") && said[0].contains(" are lost; what was received since 2026-11-")
    );
    assert!(said[1].ends_with("700 messages were read from the archive, 698 inputs are back"), "{said:?}");
    let script = broker.script();
    assert_eq!(script.begun[1..], [ArchiveStart::Behind(399)]);
    assert_eq!((script.letters, script.replies), (0, 2), "only what waited in the queue is answered");
    assert!(script.beacon.as_ref().is_some_and(|beacon| beacon.lost.is_none()), "it would be done again");
}

#[test]
fn without_its_archive_a_shard_says_so_and_goes_on() {
    let script = Script { is_missing: true, queue: vec![received(1)], ..Script::default() };
    let (store, broker) = in_virtual_time(repaired(script));
    let (inputs, said) = in_virtual_time(journal(&store));
    assert_eq!(inputs, ["e-0", "e-1"]);
    assert!(said[1].starts_with("tail.not_repaired: ") && said[1].contains("there is no stream"), "{said:?}");
    assert!(broker.script().beacon.as_ref().is_some_and(|beacon| beacon.lost.is_none()));
}
