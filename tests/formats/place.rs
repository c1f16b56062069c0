//! Decides where the run whose journal is kept takes place: one shard of the real shell in virtual time, a store in memory,
//! and a broker that says nothing.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use picket::clock::Clock;
use picket::contract::Sources;
use picket::contract::wire::OutMessage;
use picket::shard::ports::{
    Batch, Broker, BrokerError, DeadLetter, DeadLetters, Delivery, Entry, Inbox, Outbox, Pulse, Receipt, Snapshot,
    Store as _, Token,
};
use picket::shard::{Limits, Pepper, Service, ShardHandle, Spread, pair};
use picket::store::Memory;
use picket::telemetry::Metrics;
use picket_core::Timestamp;
use picket_rules::{RuleSet, Source};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The shard's name.
const SHARD: &str = "main";
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
    daemon: Option<Daemon>,
    rules: watch::Sender<Arc<RuleSet>>,
    kept: Vec<Entry>,
}

struct Daemon {
    handle: ShardHandle,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Place {
    pub(crate) fn open(now: Timestamp, store: Memory, rules: &Arc<RuleSet>) -> Self {
        let (rules, _) = watch::channel(Arc::clone(rules));
        let mut place = Self { clock: Clock::set_to(now), store, daemon: None, rules, kept: Vec::new() };
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
            broker: Arc::new(Quiet::default()),
            sources: Arc::new(Sources::default()),
            pepper: Pepper::new(vec![7; 32]),
            metrics: Arc::new(Metrics::new()),
            rules: self.rules.subscribe(),
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
        while !self.handle().health().ready() {
            sleep(Duration::from_millis(10)).await;
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

/// A broker that delivers nothing and publishes to nobody.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    /// Outputs whose confirms nobody has heard of yet.
    out: usize,
}

#[async_trait]
impl Broker for Quiet {
    fn inbox(&self, _: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        Ok(Box::new(Self::default()))
    }

    fn outbox(&self, _: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(Self::default()))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(Self::default())
    }
}

#[async_trait]
impl Inbox for Quiet {
    async fn take(&mut self, _: usize) -> Vec<Delivery> {
        std::future::pending().await
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
