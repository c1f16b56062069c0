//! Decides in which order the daemon is built, runs and is drained.

mod parts;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::clock::Clock;
use crate::settings::{BrokerKind, BrokerSetup, ClockKind, Settings};
use crate::shard::{Limits, Service, ShardHandle, pair};
use crate::telemetry::Metrics;

/// How long everything may take to end.
const ENDING: Duration = Duration::from_secs(20);

/// Runs the daemon until it is told to stop (SIGTERM, SIGINT), or until a part of it fails for good.
///
/// # Errors
/// What kept it from starting, in words that say how to mend it.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let rules = reload::read(&settings.rules.path)?;
    let clock = match settings.clock.kind {
        ClockKind::System => Clock::System,
        ClockKind::Driven => Clock::driven(),
    };
    let metrics = Arc::new(Metrics::new());
    let (store, file) = parts::store(&settings).await?;
    let broker = parts::broker(&settings, &rules, file).await?;
    let sources = parts::sources(&settings, &rules)?;
    let pepper = parts::pepper(&settings)?;
    let (activate, staged) = watch::channel(Arc::new(rules));
    let (handle, side) = pair(settings.shard.feed_keep);
    let service = Service {
        shard: settings.shard.name.clone(),
        instance: settings.instance(),
        limits: Limits { batch: settings.shard.batch_most.clamp(1, 512), outbox: settings.shard.outbox_bound },
        snapshot_every: settings.shard.snapshot_records,
        clock,
        sources: Arc::new(sources),
        broker: Arc::clone(&broker),
        metrics: Arc::clone(&metrics),
        rules: staged,
        store,
        pepper,
        side,
    };
    let (stop, drained) = (CancellationToken::new(), CancellationToken::new());
    let server = api::Server::bind(&settings, handle.clone(), broker.dead_letters(), metrics, drained.clone())
        .await
        .with_context(|| format!("cannot listen on {}", settings.http.listen))?;
    tracing::info!(address = %server.address(), "the API listens");
    let (mut shard, mut rest) = (JoinSet::new(), JoinSet::new());
    shard.spawn(service.run(stop.clone()));
    rest.spawn(server.run());
    rest.spawn(notify_systemd(handle, stop.clone()));
    rest.spawn(reload::at_hangup(settings.rules.path.clone(), activate, stop.clone()));
    let ended = tokio::select! {
        signal = stop_signal() => { signal?; None }
        ended = shard.join_next() => ended,
        ended = rest.join_next() => ended,
    };
    tracing::info!("stopping: what was taken is committed and published first");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let ending = async {
        // The shard first, then the API, so that whoever waits for an answer gets it.
        stop.cancel();
        while shard.join_next().await.is_some() {}
        drained.cancel();
        while rest.join_next().await.is_some() {}
    };
    if tokio::time::timeout(ENDING, ending).await.is_err() {
        tracing::warn!("not everything ended in time; the journal has what was taken");
    }
    match ended {
        Some(Err(panic)) => bail!("a part of the daemon panicked: {panic}"),
        Some(Ok(())) => bail!("a part of the daemon ended by itself; its reason is in the log"),
        None => Ok(()),
    }
}

/// Makes what the daemon needs at its broker, or looks whether it is there; the names of all of it, none where the broker
/// is embedded.
///
/// # Errors
/// What is missing or different, in words that say how to mend it.
pub async fn set_up(settings: &Settings, how: BrokerSetup) -> anyhow::Result<Vec<String>> {
    match settings.broker.kind {
        BrokerKind::Embedded => Ok(Vec::new()),
        BrokerKind::Rabbitmq => parts::set_up(settings, &reload::read(&settings.rules.path)?, how).await,
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
