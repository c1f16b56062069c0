//! Decides in which order the daemon is built, runs and is drained.

mod certificates;
pub mod doctor;
mod parts;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Shard};
use crate::clock::Clock;
use crate::settings::{BrokerKind, BrokerSetup, ClockKind, Settings};
use crate::shard::moving::{Move, Moved};
use crate::shard::{Health, Limits, Neighbours, Service, ShardSide, Spread, pair};
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
    let all = parts::shards(&settings, &rules);
    parts::warn_of_unrouted(&all, &rules);
    let (activate, staged) = watch::channel(Arc::new(rules));
    let holder = parts::holder(&settings)?;
    let spread = Spread::new(holder.clone(), all.iter().map(|(name, _)| name.clone()).collect());
    let service = |shard: &str, domains: &[String], side: ShardSide| Service {
        shard: shard.to_owned(),
        holder: holder.clone(),
        instance: settings.instance(),
        limits: Limits { batch: settings.shard.batch_most.clamp(1, 512), outbox: settings.shard.outbox_bound },
        snapshot_every: settings.shard.snapshot_records,
        clock: clock.clone(),
        sources: Arc::new(sources.of_shard(domains)),
        broker: Arc::clone(&broker),
        metrics: Arc::clone(&metrics),
        rules: staged.clone(),
        store: Arc::clone(&store),
        pepper: pepper.clone(),
        neighbours: Neighbours::of(shard, &all),
        spread: Arc::clone(&spread),
        side,
    };
    let (mut shards, mut services, mut healths) = (Vec::new(), Vec::new(), Vec::new());
    for (name, domains) in &all {
        let (handle, side) = pair(settings.shard.feed_keep);
        healths.push(side.health());
        services.push(service(name, domains, side));
        shards.push(Shard { name: name.clone(), domains: domains.clone(), handle });
    }
    let (stop, drained) = (CancellationToken::new(), CancellationToken::new());
    let shards: Arc<[Shard]> = shards.into();
    let (dead, counted) = (broker.dead_letters(), Arc::clone(&metrics));
    let server = api::Server::bind(&settings, Arc::clone(&shards), dead, counted, drained.clone())
        .await
        .with_context(|| format!("cannot listen on {}", settings.http.listen))?;
    tracing::info!(address = %server.address(), "the API listens");
    let mut parts = Parts { stop: stop.clone(), drained, ..Parts::default() };
    for service in services {
        parts.shard.spawn(service.run(stop.clone()));
    }
    parts.shard.spawn(Arc::clone(&spread).run(Arc::clone(&store), stop.clone()));
    parts.rest.spawn(server.run());
    parts.rest.spawn(notify_systemd(shards, stop.clone()));
    parts.rest.spawn(certificates::watch(certificates::places(&settings), Arc::clone(&metrics), stop.clone()));
    parts.rest.spawn(reload::at_hangup(settings.rules.path.clone(), activate, healths, stop));
    parts.run_until(stop_signal()).await
}

/// What runs in the daemon. None of it ends before the daemon does.
#[derive(Debug, Default)]
struct Parts {
    shard: JoinSet<()>,
    /// The API, and what else is around the shard.
    rest: JoinSet<()>,
    /// Tells the shard to end.
    stop: CancellationToken,
    /// Tells the API to, once the shard has.
    drained: CancellationToken,
}

impl Parts {
    /// Waits for the signal to stop, or for a part that ends by itself, and drains everything then.
    ///
    /// # Errors
    /// A part ended by itself: whoever watches the process has to start it again.
    async fn run_until(mut self, told: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let ended = tokio::select! {
            signal = told => { signal?; None }
            ended = self.shard.join_next() => ended,
            ended = self.rest.join_next() => ended,
        };
        tracing::info!("stopping: what was taken is committed and published first");
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        let ending = async {
            // The shard first, then the API, so that whoever waits for an answer gets it.
            self.stop.cancel();
            while self.shard.join_next().await.is_some() {}
            self.drained.cancel();
            while self.rest.join_next().await.is_some() {}
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
}

/// Makes what the daemon needs at its broker, or looks whether it is there; the names of all of it, none where the broker
/// is embedded.
///
/// # Errors
/// What is missing or different, in words that say how to mend it.
pub async fn set_up(settings: &Settings, how: BrokerSetup) -> anyhow::Result<Vec<String>> {
    match settings.broker.kind {
        BrokerKind::Embedded => Ok(Vec::new()),
        BrokerKind::Rabbitmq => {
            let rules = reload::read(&settings.rules.path)?;
            let names = parts::set_up(settings, &rules, how).await?;
            let different = match how {
                BrokerSetup::Declare => Vec::new(),
                BrokerSetup::Check => parts::differences(settings, &rules).await?,
            };
            if !different.is_empty() {
                bail!("{}", different.join("\n"));
            }
            Ok(names)
        }
    }
}

/// Moves a domain out of a shard into the new one that has it by the settings, while no daemon runs. Its input queue is made
/// first: from then on whatever comes for the domain is in both, and each of them knows what it has seen.
///
/// # Errors
/// What keeps it from being moved, and how to mend it.
pub async fn move_domain(settings: &Settings, domain: &str, from: &str) -> anyhow::Result<Moved> {
    let has = |domains: &[String]| domains.iter().any(|known| known == domain);
    let rules = reload::read(&settings.rules.path)?;
    let shards = parts::shards(settings, &rules);
    let to = shards.iter().find(|(_, domains)| has(domains)).map(|(name, _)| name.clone());
    let Some(to) = to.filter(|to| to != from) else {
        bail!(
            "the settings do not give the domain {domain} to another shard than {from}: name it under [shards.NAME], the \
             new shard, and no more under [shards.{from}]"
        )
    };
    let ready = async {
        if settings.broker.kind == BrokerKind::Rabbitmq {
            parts::set_up(settings, &rules, BrokerSetup::Declare).await?;
        }
        anyhow::Ok(())
    };
    let (store, _) = parts::store(settings).await?;
    let (pepper, holder) = (parts::pepper(settings)?, parts::holder(settings)?);
    let moving =
        Move { store: &*store, pepper: &pepper, domain, from, to: &to, holder: &holder, now: Clock::System.now() };
    let moved = moving.run(ready).await?;
    if settings.broker.kind == BrokerKind::Rabbitmq {
        parts::unbind(settings, from, domain).await.context(
            "the domain is moved, but its old queue still receives it, which is sent on: do the same again to mend it",
        )?;
    }
    Ok(moved)
}

/// What was accepted of a journal that lost data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    /// The shard whose journal it is.
    pub shard: String,
    /// Its last record now: the shard goes on behind it.
    pub goes_on_behind: u64,
    /// The last record that was known to be committed, if one was.
    pub was_at: Option<u64>,
    /// When the last record that is left was written, in milliseconds UTC; none where nothing is left.
    pub since: Option<i64>,
    /// What becomes of what was received since.
    pub repair: AfterLoss,
}

/// Whether what was received since is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Whatever the archive has.
    Wanted,
    /// Nothing.
    Unwanted,
}

/// What becomes of what a shard received behind the last record that is left.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLoss {
    /// The next owner takes it again from this archive.
    From(String),
    /// It stays lost; why.
    Nothing(String),
}

/// Lets a shard go on from where its journal ends now, whatever was committed earlier: the word of an operator who has no
/// backup to restore. What was received since is taken again from the archive, if the operator wants it. None where the
/// broker is embedded, which keeps no beacon.
///
/// # Errors
/// Store or broker cannot be used; several shards and none of them named.
pub async fn accept_loss(settings: &Settings, shard: Option<&str>, repair: Repair) -> anyhow::Result<Option<Accepted>> {
    let known: Vec<String> = settings.all_shards().into_iter().map(|(name, _)| name).collect();
    let shard = match shard {
        Some(named) if known.iter().any(|name| name == named) => named.to_owned(),
        Some(named) => bail!("there is no shard {named}; there are {}", known.join(", ")),
        None if known.len() > 1 => {
            bail!("there are several shards; say which with --shard, one of {}", known.join(", "))
        }
        None => known.concat(),
    };
    match settings.broker.kind {
        BrokerKind::Embedded => Ok(None),
        BrokerKind::Rabbitmq => parts::accept_loss(settings, shard, repair).await.map(Some),
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
async fn notify_systemd(shards: Arc<[Shard]>, stop: CancellationToken) {
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    let mut said_ready = false;
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            () = stop.cancelled() => return,
        }
        let healths: Vec<Health> = shards.iter().map(|shard| shard.handle.health()).collect();
        if healths.iter().all(Health::has_started) && !said_ready {
            said_ready = sd_notify::notify(&[sd_notify::NotifyState::Ready]).is_ok();
            tracing::info!(standby = healths.iter().all(|health| health.standby), "ready");
        }
        let trouble = healths.iter().find_map(Health::trouble);
        let status = trouble.unwrap_or_else(|| "routing".to_owned());
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog, sd_notify::NotifyState::Status(&status)]);
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;

    /// A daemon whose shard does this, and whose API ends when it is told to.
    async fn ended(shard: impl Future<Output = ()> + Send + 'static) -> String {
        let mut parts = Parts::default();
        let drained = parts.drained.clone();
        parts.shard.spawn(shard);
        parts.rest.spawn(async move { drained.cancelled().await });
        let ended = parts.run_until(std::future::pending()).await;
        ended.expect_err("it fails").to_string()
    }

    #[tokio::test]
    async fn a_shard_that_dies_takes_the_daemon_with_it_and_says_so() {
        let died = ended(async { panic!("the dispatcher is dead") }).await;
        assert!(died.contains("panicked"), "{died}");
        let gone = ended(std::future::ready(())).await;
        assert!(gone.contains("by itself"), "{gone}");
    }

    #[tokio::test]
    async fn a_part_beside_the_shard_that_dies_ends_the_daemon_and_the_shard_is_drained_first() {
        let mut parts = Parts::default();
        let (stop, done) = (parts.stop.clone(), parts.drained.clone());
        parts.shard.spawn(async move {
            stop.cancelled().await;
            assert!(!done.is_cancelled(), "the API answers until the shard is done");
        });
        parts.rest.spawn(async { panic!("the API is dead") });
        let ended = parts.run_until(std::future::pending()).await;
        assert!(ended.expect_err("it fails").to_string().contains("panicked"));
    }
}
