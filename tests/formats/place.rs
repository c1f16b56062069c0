//! Decides where the run whose journal is kept takes place: one shard of the real shell in virtual time, a store in memory,
//! and a broker that delivers what it is given, and publishes to nobody.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use picket::clock::Clock;
use picket::contract::wire::{OutMessage, WireMessage};
use picket::contract::{SourceConfig, Sources};
use picket::shard::moving::{Error, Move};
use picket::shard::ports::{
    Batch, Broker, BrokerError, DeadLetter, DeadLetters, Delivery, DirectoryKey, DirectoryKind, DirectoryWrite, Entry,
    Forward, Inbox, Outbox, Pulse, Receipt, Snapshot, Store as _, Token,
};
use picket::shard::{Limits, Neighbours, Pepper, Service, ShardHandle, Spread, pair};
use picket::store::Memory;
use picket::telemetry::Metrics;
use picket_core::Timestamp;
use picket_rules::{RuleSet, Source};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The shard's name.
const SHARD: &str = "main";
/// The name of the other one, which has a domain and a customer of its own.
const NEIGHBOUR: &str = "other";
/// The rules at the beginning of the run.
pub(crate) static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rule_set(include_str!("rules.toml")));
/// The rules at its end.
pub(crate) static LATER_RULES: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| rule_set(&include_str!("rules.toml").replace("longest = \"20s\"", "longest = \"1h\"")));
/// How often the journal is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The store, and the shard's daemon in front of it.
pub(crate) struct Place {
    pub(crate) clock: Clock,
    pub(crate) store: Memory,
    broker: Quiet,
    daemon: Option<Daemon>,
    rules: watch::Sender<Arc<RuleSet>>,
    kept: Vec<Entry>,
    neighbours: Vec<(String, Vec<String>)>,
}

struct Daemon {
    handle: ShardHandle,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Place {
    pub(crate) fn open(now: Timestamp, store: Memory, rules: &Arc<RuleSet>) -> Self {
        let (rules, _) = watch::channel(Arc::clone(rules));
        let (clock, broker) = (Clock::set_to(now), Quiet::default());
        let neighbours = vec![(NEIGHBOUR.to_owned(), vec!["mars".to_owned()])];
        let mut place = Self { clock, store, broker, daemon: None, rules, kept: Vec::new(), neighbours };
        place.start();
        place
    }

    fn start(&mut self) {
        let (handle, side) = pair(100);
        let stop = CancellationToken::new();
        let service = Service {
            shard: SHARD.to_owned(),
            instance: "picket".to_owned(),
            holder: "picket".to_owned(),
            limits: Limits { batch: 16, outbox: 1_000 },
            snapshot_every: 1_000_000,
            clock: self.clock.clone(),
            store: Arc::new(self.store.clone()),
            broker: Arc::new(self.broker.clone()),
            sources: Arc::new(sources()),
            pepper: pepper(),
            metrics: Arc::new(Metrics::new()),
            rules: self.rules.subscribe(),
            neighbours: Neighbours::of(SHARD, &self.neighbours),
            spread: Spread::new("picket".to_owned(), vec![SHARD.to_owned()]),
            side,
        };
        let task = tokio::spawn(service.run(stop.clone()));
        self.daemon = Some(Daemon { handle, task, stop });
    }

    /// Ends the daemon and starts another one.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start();
        self.until_ready().await;
    }

    /// Moves a domain to a new shard, and goes on without it.
    pub(crate) async fn move_domain(&mut self, domain: &str, to: &str) {
        self.stop().await;
        let (pepper, now) = (pepper(), self.clock.now());
        let moving = Move { store: &self.store, pepper: &pepper, domain, from: SHARD, to, holder: "ops", now };
        moving.run::<Error>(async { Ok(()) }).await.expect("the domain is moved");
        self.neighbours.push((to.to_owned(), vec![domain.to_owned()]));
        self.start();
        self.until_ready().await;
    }

    /// Ends the daemon.
    pub(crate) async fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop.cancel();
            daemon.task.await.expect("the daemon ends by itself");
        }
    }

    pub(crate) fn handle(&self) -> &ShardHandle {
        &self.daemon.as_ref().expect("a daemon runs").handle
    }

    pub(crate) async fn until_ready(&self) {
        let ready = async {
            while !self.handle().health().ready() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), ready).await.is_err() {
            panic!("it is not ready: {:?}", self.handle().health());
        }
    }

    /// Lets time go by, and looks at the journal often enough that nothing is trimmed before.
    pub(crate) async fn live(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            sleep(LOOK.min(end - Instant::now())).await;
            self.journal();
        }
    }

    /// Has the broker deliver a message.
    pub(crate) fn deliver(&self, message: WireMessage) {
        let Queue { messages, news } = &*self.broker.queue;
        messages.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
        news.notify_one();
    }

    /// Puts other rules in force.
    pub(crate) fn activate(&self, rules: &Arc<RuleSet>) {
        self.rules.send_replace(Arc::clone(rules));
    }

    /// Every record so far, those that were trimmed since included.
    pub(crate) fn journal(&mut self) -> &[Entry] {
        let after = self.kept.last().map_or(0, |last| last.seq);
        let more = self.store.read(SHARD, after, usize::MAX).now_or_never();
        self.kept.extend(more.expect("a store in memory never waits").expect("a store in memory reads"));
        &self.kept
    }
}

/// Who sends in the run; `cam` is lost after ten silent seconds.
fn sources() -> Sources {
    let plain = ["crm", "pbx", "hr", "desk", "chat", "mail"].map(|name| (name, SourceConfig::default()));
    let by_hand = ["supervisor.*", "rules.*", "clock.*"].map(str::to_owned).to_vec();
    let ops = ("ops", SourceConfig { types: by_hand, ..SourceConfig::default() });
    let cam = ("cam", SourceConfig { lost_after_ms: Some(10_000), ..SourceConfig::default() });
    let all = plain.into_iter().chain([ops, cam]).map(|(name, config)| (name.to_owned(), config));
    Sources::new(all.collect(), []).expect("sources")
}

fn pepper() -> Pepper {
    Pepper::new(vec![7; 32])
}

fn rule_set(text: &str) -> Arc<RuleSet> {
    let source = Source { name: "rules.toml".to_owned(), text: text.to_owned() };
    let parsed = RuleSet::parse(&[source]);
    Arc::new(parsed.unwrap_or_else(|findings| panic!("the rules of the run: {findings:#?}")).0)
}

/// A store that holds a journal, whose outputs are published, and perhaps a snapshot.
pub(crate) async fn store_of(journal: &[Entry], snapshot: Option<&Snapshot>) -> Memory {
    let store = Memory::new();
    let (token, head) = store.acquire(SHARD, "picket", "nonce", 0).await.expect("the shard is free");
    let batch = Batch { entries: journal.to_vec(), ..Batch::default() };
    store.append(SHARD, &token, &head, &batch).await.expect("a journal is written");
    store.set_watermark(SHARD, &token, 1_000_000).await.expect("a watermark is written");
    if let Some(snapshot) = snapshot {
        store.save_snapshot(SHARD, &token, snapshot).await.expect("a snapshot is written");
    }
    store
}

/// A store in which another shard has a customer called `far`.
pub(crate) async fn store_with_neighbour() -> Memory {
    let store = Memory::new();
    let (token, head) = store.acquire(NEIGHBOUR, "picket", "nonce", 0).await.expect("the shard is free");
    let key = DirectoryKey { kind: DirectoryKind::Customer, id: "far".to_owned() };
    let directory = vec![DirectoryWrite { key, body: Some(Bytes::from_static(b"{}")) }];
    let batch = Batch { directory, ..Batch::default() };
    store.append(NEIGHBOUR, &token, &head, &batch).await.expect("a row is written");
    store
}

/// A broker that delivers each message once, and publishes to nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quiet {
    queue: Arc<Queue>,
    /// Outputs whose confirms nobody has heard of yet.
    out: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: Mutex<VecDeque<WireMessage>>,
    news: Notify,
}

#[async_trait]
impl Broker for Quiet {
    fn inbox(&self, _: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        Ok(Box::new(self.clone()))
    }

    fn outbox(&self, _: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(self.clone()))
    }

    async fn forward(&self, _: &Forward) -> Result<(), BrokerError> {
        Ok(())
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Inbox for Quiet {
    async fn take(&mut self, most: usize) -> Vec<Delivery> {
        loop {
            {
                let mut messages = self.queue.messages.lock().unwrap_or_else(PoisonError::into_inner);
                let count = messages.len().min(most);
                let deliver = |(tag, message)| Delivery { receipt: Receipt { session: 1, tag }, message };
                let taken: Vec<Delivery> = (1..).zip(messages.drain(..count)).map(deliver).collect();
                if !taken.is_empty() {
                    return taken;
                }
            }
            self.queue.news.notified().await;
        }
    }

    async fn acknowledge(&mut self, _: &[Receipt]) {}

    async fn close(&mut self) {}

    fn pulse(&self) -> Option<Arc<dyn Pulse>> {
        None
    }
}

#[async_trait]
impl Outbox for Quiet {
    async fn take_over(&mut self, _: &Token) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        self.out += messages.len();
        Ok(messages.len())
    }

    async fn confirmed(&mut self) -> Result<usize, BrokerError> {
        let out = std::mem::take(&mut self.out);
        if out == 0 { std::future::pending().await } else { Ok(out) }
    }

    async fn reply(&mut self, _: &str, _: Option<&str>, _: Bytes) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn check(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Quiet {
    async fn put(&self, _: DeadLetter) -> Result<(), BrokerError> {
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
