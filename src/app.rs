//! Decides in which order the daemon is built, runs and is drained.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use picket_rules::RuleSet;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::broker::{embedded, rabbitmq};
use crate::clock::Clock;
use crate::settings::{BrokerKind, ClockKind, Settings, StoreKind};
use crate::shard::ports::{Broker, Store};
use crate::shard::{Limits, Pepper, Service, ShardHandle, pair};
use crate::store::{Embedded, Memory, redis::Redis};
use crate::telemetry::Metrics;

/// Runs the daemon until it is told to stop (SIGTERM, SIGINT), or until a part of it fails for good.
///
/// # Errors
/// What kept it from starting, in words that say how to mend it.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let rules = load_rules(&settings.rules.path)?;
    let clock = match settings.clock.kind {
        ClockKind::System => Clock::System,
        ClockKind::Driven => Clock::driven(),
    };
    let metrics = Arc::new(Metrics::new());
    let (store, file) = open_store(&settings).await?;
    let broker = open_broker(&settings, file).await?;
    let pepper = pepper(&settings)?;
    let (activate, staged) = watch::channel(Arc::new(rules));
    let (handle, side) = pair(settings.shard.feed_keep);
    let service = Service {
        shard: settings.shard.name.clone(),
        instance: settings.instance(),
        limits: Limits { batch: settings.shard.batch_most.min(512), outbox: settings.shard.outbox_bound },
        snapshot_every: settings.shard.snapshot_records,
        clock: clock.clone(),
        sources: Arc::new(sources(&settings)),
        broker: Arc::clone(&broker),
        metrics: Arc::clone(&metrics),
        rules: staged,
        store,
        pepper,
        side,
    };
    let stop = CancellationToken::new();
    let drained = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let server = api::Server::bind(&settings, handle.clone(), broker.dead_letters(), metrics, drained.clone())
        .await
        .with_context(|| format!("cannot listen on {}", settings.http.listen))?;
    tracing::info!(address = %server.address(), "the API listens");
    let api = tasks.spawn(server.run());
    tasks.spawn(service.run(stop.clone()));
    tasks.spawn(notify_systemd(handle.clone(), stop.clone()));
    tasks.spawn(reload(settings.rules.path.clone(), activate, stop.clone()));
    let ended = tokio::select! {
        signal = stop_signal() => { signal?; None }
        ended = tasks.join_next() => ended,
    };
    tracing::info!("stopping: what was taken is committed and published first");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    stop.cancel();
    let _ = api;
    let rest = async {
        // The shard first, then the API, so that whoever waits for an answer gets it.
        while !handle.is_stopped() && tasks.len() > 1 {
            if tasks.join_next().await.is_none() {
                break;
            }
        }
        drained.cancel();
        while tasks.join_next().await.is_some() {}
    };
    if tokio::time::timeout(Duration::from_secs(20), rest).await.is_err() {
        tracing::warn!("not everything ended in time; the journal has what was taken");
    }
    match ended {
        Some(Err(panic)) => bail!("a part of the daemon panicked: {panic}"),
        Some(Ok(())) => bail!("a part of the daemon ended by itself; its reason is in the log"),
        None => Ok(()),
    }
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Reads and checks the rules; everything that is wrong is said at once.
fn load_rules(path: &Path) -> anyhow::Result<RuleSet> {
    match RuleSet::load(path) {
        Ok((rules, findings)) => {
            for finding in findings {
                tracing::warn!(code = finding.code(), "rules: {finding}");
            }
            Ok(rules)
        }
        Err(findings) => {
            let mut text = format!("the rules in {} do not pass their check", path.display());
            for finding in findings {
                let _ = write!(text, "\n  {finding}");
            }
            let _ = write!(text, "\nrun `picket check {}` to see each place", path.display());
            bail!(text)
        }
    }
}

/// Checks the rules again at each SIGHUP, and puts them in force if they pass; otherwise those in force stay.
async fn reload(path: PathBuf, activate: watch::Sender<Arc<RuleSet>>, stop: CancellationToken) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        tracing::error!("cannot wait for SIGHUP: rules are reloaded by a restart only");
        return stop.cancelled().await;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = stop.cancelled() => return,
        }
        let file = path.clone();
        match tokio::task::spawn_blocking(move || load_rules(&file)).await {
            Ok(Ok(rules)) => {
                tracing::info!(hash = rules.hash(), "rules reloaded");
                activate.send_replace(Arc::new(rules));
            }
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the rules in force stay"),
            Err(panic) => tracing::error!(%panic, "the rules in force stay: reading the new ones panicked"),
        }
    }
}

/// Tells systemd when the shard is ready, and that it is alive as long as its health can be read.
async fn notify_systemd(handle: ShardHandle, stop: CancellationToken) {
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    let mut said_ready = false;
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            () = stop.cancelled() => return,
        }
        let health = handle.health();
        if health.ready() && !said_ready {
            said_ready = sd_notify::notify(&[sd_notify::NotifyState::Ready]).is_ok();
            tracing::info!("ready");
        }
        let status = health.trouble().unwrap_or_else(|| "routing".to_owned());
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog, sd_notify::NotifyState::Status(&status)]);
    }
}

async fn open_store(settings: &Settings) -> anyhow::Result<(Arc<dyn Store>, Option<Embedded>)> {
    match settings.store.kind {
        StoreKind::Memory => Ok((Arc::new(Memory::default()), None)),
        StoreKind::Embedded => {
            let folder = &settings.store.path;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let file = Embedded::open(&folder.join("picket.db"))?;
            Ok((Arc::new(file.clone()), Some(file)))
        }
        StoreKind::Redis => Ok((Arc::new(Redis::connect(settings.store.redis.options()).await?), None)),
    }
}

async fn open_broker(settings: &Settings, file: Option<Embedded>) -> anyhow::Result<Arc<dyn Broker>> {
    match settings.broker.kind {
        BrokerKind::Embedded => Ok(Arc::new(embedded::Embedded::open(file).await?)),
        BrokerKind::Rabbitmq => {
            let options = settings.broker.rabbitmq.options(&settings.shard);
            Ok(Arc::new(rabbitmq::Rabbitmq::connect(options).await?))
        }
    }
}
