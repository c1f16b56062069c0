//! Decides how a simulated daemon lives: it is started, stopped, killed, frozen, and cut off.

use std::sync::{Arc, OnceLock};

use picket::clock::Clock;
use picket::contract::Sources;
use picket::shard::{Limits, Neighbours, Pepper, Service, ShardHandle, Spread, pair};
use picket::telemetry::Metrics;
use picket_core::Timestamp;
use picket_rules::{RuleSet, Source};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fate::Fate;
use crate::link::Process;
use crate::{broker, store};

/// The shard's name.
pub(crate) const SHARD: &str = "main";

/// One process.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Arc<Process>,
    pub(crate) handle: ShardHandle,
    pub(crate) clock: Clock,
    /// Since when it has been told to stop.
    pub(crate) stopping: Option<Instant>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    // Holding it keeps the rules in force.
    _rules: watch::Sender<Arc<RuleSet>>,
}

impl Daemon {
    /// Starts one; `name` is its own, and that of no other start of it.
    pub(crate) fn start(
        name: String,
        now: Timestamp,
        store: &store::Server,
        broker: &broker::Server,
        fate: &Arc<Fate>,
    ) -> Self {
        let process = Arc::new(Process::new(Arc::clone(fate)));
        let (activate, rules) = watch::channel(rules());
        let (handle, side) = pair(1_000);
        let (clock, stop) = (Clock::set_to(now), CancellationToken::new());
        let service = Service {
            shard: SHARD.to_owned(),
            instance: name.clone(),
            holder: name.clone(),
            limits: Limits { batch: 64, outbox: 64 },
            snapshot_every: 80,
            clock: clock.clone(),
            store: Arc::new(store.seen_by(&process, fate)),
            broker: Arc::new(broker.seen_by(&process)),
            sources: Arc::new(Sources::default()),
            pepper: Pepper::new(vec![7; 32]),
            metrics: Arc::new(Metrics::new()),
            rules,
            neighbours: Neighbours::default(),
            spread: Spread::new(name.clone(), vec![SHARD.to_owned()]),
            side,
        };
        let task = tokio::spawn(service.run(stop.clone()));
        Self { process, handle, clock, stopping: None, task, stop, _rules: activate }
    }

    /// Ends it at once, wherever it is.
    pub(crate) async fn kill(self) {
        self.process.die();
        self.task.abort();
        let _ = self.task.await;
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
        self.stop.cancel();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

/// The rules of the demo, whose customers and agents the runs are about.
fn rules() -> Arc<RuleSet> {
    static RULES: OnceLock<Arc<RuleSet>> = OnceLock::new();
    let read = || {
        let text = include_str!("../../config/demo-rules/demo.toml").to_owned();
        let source = Source { name: "demo.toml".to_owned(), text };
        Arc::new(RuleSet::parse(&[source]).expect("the demo's rules pass their check").0)
    };
    Arc::clone(RULES.get_or_init(read))
}
