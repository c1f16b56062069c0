//! Decides what each part of the daemon is made of, by the settings.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use picket_rules::RuleSet;

use super::{Accepted, AfterLoss, Repair};
use crate::broker::{embedded, rabbitmq};
use crate::clock::Clock;
use crate::contract::{SourceConfig, Sources};
use crate::settings::{BrokerKind, BrokerSetup, Plaintext, RedisProfile, Settings, Span, StoreKind};
use crate::shard::ports::{Beacon, Broker, LostTail, Store, StoreError};
use crate::shard::{Pepper, time_of};
use crate::store::redis::{self, Redis};
use crate::store::{Embedded, Memory};
use crate::telemetry::chain;

/// The store, and its file where it is one.
pub(super) async fn store(settings: &Settings) -> anyhow::Result<(Arc<dyn Store>, Option<Embedded>)> {
    match settings.store.kind {
        StoreKind::Memory => Ok((Arc::new(Memory::default()), None)),
        StoreKind::Embedded => {
            let folder = &settings.store.path;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let file = Embedded::open(folder.join("picket.db"))?;
            Ok((Arc::new(file.clone()), Some(file)))
        }
        StoreKind::Redis => {
            let redis = Redis::new(redis_options(settings)?)?;
            match redis.check().await {
                // It will be back, and readiness says so. One that cannot keep what the profile promises is refused.
                Err(error @ StoreError::Unavailable { .. }) => {
                    tracing::warn!(error = %chain(&error), "the store is waited for");
                }
                known => known?,
            }
            Ok((Arc::new(redis), None))
        }
    }
}

pub(super) fn redis_options(settings: &Settings) -> anyhow::Result<redis::Options> {
    let given = &settings.store.redis;
    Ok(redis::Options {
        url: given.url.expose().parse().context("store.redis.url")?,
        profile: match given.profile {
            RedisProfile::Single => redis::Profile::Single,
            RedisProfile::Ha => redis::Profile::Ha,
        },
        replicas: u8::try_from(given.replicas).context("store.redis.replicas is at most 255")?,
        response_timeout_ms: millis(given.response_timeout),
        wait_timeout_ms: millis(given.replica_timeout),
        allow_plaintext: given.plaintext == Plaintext::Allowed,
        ..redis::Options::default()
    })
}

/// The broker; dead letters of the embedded one lie in the store's file.
pub(super) async fn broker(
    settings: &Settings,
    rules: &RuleSet,
    file: Option<Embedded>,
) -> anyhow::Result<Arc<dyn Broker>> {
    match settings.broker.kind {
        BrokerKind::Embedded => Ok(Arc::new(embedded::Embedded::open(file).await?)),
        BrokerKind::Rabbitmq => {
            Ok(Arc::new(rabbitmq::Rabbitmq::new(rabbitmq_options(settings), routes(settings, rules))?))
        }
    }
}

pub(super) fn rabbitmq_options(settings: &Settings) -> rabbitmq::Options {
    let given = &settings.broker.rabbitmq;
    rabbitmq::Options {
        url: given.url.expose().to_owned(),
        prefetch: given.prefetch,
        heartbeat_s: u16::try_from(given.heartbeat.duration().as_secs()).unwrap_or(u16::MAX),
        publish_timeout_ms: millis(given.confirm_timeout),
        backoff_min_ms: millis(given.reconnect_least),
        backoff_max_ms: millis(given.reconnect_most),
        delivery_limit: given.delivery_limit,
        queue_limit_bytes: given.queue_limit_bytes,
        archive: given.archive,
        archive_age_ms: u64::from(millis(given.archive_age)),
        dead_age_ms: u64::from(millis(given.dead_letter_age)),
        output_gate: given.output_gate,
        setup: setup_of(given.setup),
        ..rabbitmq::Options::default()
    }
}

const fn setup_of(how: BrokerSetup) -> rabbitmq::Setup {
    match how {
        BrokerSetup::Declare => rabbitmq::Setup::Declare,
        BrokerSetup::Check => rabbitmq::Setup::Check,
    }
}

/// Makes what the shards need at the broker, or looks whether it is there; the names of all of it.
pub(super) async fn set_up(settings: &Settings, rules: &RuleSet, how: BrokerSetup) -> anyhow::Result<Vec<String>> {
    let options = rabbitmq::Options { setup: setup_of(how), ..rabbitmq_options(settings) };
    let mut names = Vec::new();
    for route in routes(settings, rules) {
        rabbitmq::settle(&options, &route).await?;
        let all = rabbitmq::Topology::for_shard(&options, &route).names();
        // What all shards share is named once.
        let fresh: Vec<String> = all.into_iter().filter(|name| !names.contains(name)).collect();
        names.extend(fresh);
    }
    Ok(names)
}

/// What is at the broker for the shards and differs from the settings, in words.
pub(super) async fn differences(settings: &Settings, rules: &RuleSet) -> anyhow::Result<Vec<String>> {
    let (options, mut found) = (rabbitmq_options(settings), Vec::new());
    for route in routes(settings, rules) {
        found.extend(rabbitmq::differences(&options, &route).await?);
    }
    // What all shards share is said once.
    found.sort();
    found.dedup();
    Ok(found)
}

/// Takes a domain away from what a shard receives.
pub(super) async fn unbind(settings: &Settings, shard: &str, domain: &str) -> anyhow::Result<()> {
    Ok(rabbitmq::unbind(&rabbitmq_options(settings), shard, domain).await?)
}

/// Leaves the word at the broker that the journal may end where it ends now, and what to do about what is missing.
pub(super) async fn accept_loss(settings: &Settings, shard: String, repair: Repair) -> anyhow::Result<Accepted> {
    let options = rabbitmq_options(settings);
    let (store, _) = store(settings).await?;
    let head = store.head(&shard).await?;
    let (goes_on_behind, since) = (head.seq, time_of(&*store, &shard, &head).await?);
    let repair = match repair {
        Repair::Unwanted => AfterLoss::Nothing("nothing of it is wanted".to_owned()),
        Repair::Wanted => archive_for(&options, &shard, since).await?,
    };
    let beacon = |before: Option<&Beacon>| {
        let until = before.map(|beacon| beacon.head.seq);
        let lost = LostTail { after: goes_on_behind, until, since }.and(before.and_then(|beacon| beacon.lost.as_ref()));
        let lost = matches!(repair, AfterLoss::From(_)).then_some(lost);
        Beacon { epoch: 0, head, at: Clock::System.now().0, lost }
    };
    let before = rabbitmq::replace_beacon(&options, &shard, beacon).await?;
    Ok(Accepted { shard, goes_on_behind, was_at: before.map(|beacon| beacon.head.seq), since, repair })
}

/// The archive that has what a shard received since, or why there is none.
async fn archive_for(options: &rabbitmq::Options, shard: &str, since: Option<i64>) -> anyhow::Result<AfterLoss> {
    let kept_since = Clock::System.now().0.saturating_sub(i64::try_from(options.archive_age_ms).unwrap_or(i64::MAX));
    Ok(match rabbitmq::has_input_archive(options, shard).await? {
        rabbitmq::Archiving::Off => {
            AfterLoss::Nothing("broker.rabbitmq.archive is false, so nothing was kept".to_owned())
        }
        rabbitmq::Archiving::Missing(why) => AfterLoss::Nothing(why),
        rabbitmq::Archiving::Kept => {
            if since.is_some_and(|since| since < kept_since) {
                tracing::warn!("the archive keeps less (broker.rabbitmq.archive_age): what is older stays lost");
            }
            AfterLoss::From(rabbitmq::topology::input_archive(shard))
        }
    })
}

/// Every shard with the domains that it routes: as set, otherwise all that the rules name.
pub(super) fn shards(settings: &Settings, rules: &RuleSet) -> Vec<(String, Vec<String>)> {
    let mut shards = settings.all_shards();
    for (_, domains) in shards.iter_mut().filter(|(_, domains)| domains.is_empty()) {
        domains.extend(rules.domains().map(str::to_owned));
    }
    shards
}

/// Says which domains of the rules nobody here routes: another daemon may.
pub(super) fn warn_of_unrouted(shards: &[(String, Vec<String>)], rules: &RuleSet) {
    let is_routed = |domain: &&str| shards.iter().any(|(_, domains)| domains.iter().any(|one| one == domain));
    for domain in rules.domains().filter(|domain| !is_routed(domain)) {
        tracing::warn!(domain, "the rules name a domain that no shard here routes");
    }
}

/// The shards as the broker sees them.
pub(super) fn routes(settings: &Settings, rules: &RuleSet) -> Vec<rabbitmq::ShardRoute> {
    let shards = shards(settings, rules);
    let is_one_of_several = shards.len() > 1;
    shards.into_iter().map(|(name, domains)| rabbitmq::ShardRoute { name, domains, is_one_of_several }).collect()
}

/// What each platform may send, whichever shard takes it.
pub(super) fn sources(settings: &Settings, rules: &RuleSet) -> anyhow::Result<Sources> {
    let configured = settings.source.iter().map(|(name, given)| {
        let config = SourceConfig {
            user: given.user.clone(),
            domains: given.domains.0.clone(),
            types: given.types.0.clone(),
            reply: given.reply,
            personal: given.personal.0.clone(),
            lost_after_ms: given.lost_after.map(millis),
        };
        (name.clone(), config)
    });
    let domains = shards(settings, rules).into_iter().flat_map(|(_, domains)| domains);
    Ok(Sources::new(configured.collect(), domains)?)
}

/// The secret that turns people into keyed hashes; made at the first start where the data lie in a folder of ours.
pub(super) fn pepper(settings: &Settings) -> anyhow::Result<Pepper> {
    if let Some(path) = &settings.people.pepper_file {
        return read_pepper(path);
    }
    match settings.store.kind {
        StoreKind::Memory => Ok(Pepper::new(random()?)),
        StoreKind::Redis => bail!(
            "people.pepper_file: daemons that share a store need the same key; make one with `openssl rand -hex 32`"
        ),
        StoreKind::Embedded => {
            let path = settings.store.path.join("pepper");
            if !path.exists() {
                write_pepper(&path).with_context(|| format!("cannot make the key file {}", path.display()))?;
            }
            read_pepper(&path)
        }
    }
}

/// A name that no other daemon has, nor this one after a restart.
pub(super) fn holder(settings: &Settings) -> anyhow::Result<String> {
    let chance = random()?;
    Ok(format!("{} {}", settings.instance(), crate::shard::record::hex(chance.get(..4).unwrap_or_default())))
}

fn random() -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}

fn write_pepper(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", crate::shard::record::hex(&random()?))?;
    file.sync_all()?;
    Ok(())
}

fn read_pepper(path: &Path) -> anyhow::Result<Pepper> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the key file {}", path.display()))?;
    let digits = text.trim();
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
        .map(|at| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    match bytes {
        Some(bytes) if bytes.len() >= 16 && digits.len() % 2 == 0 => Ok(Pepper::new(bytes)),
        _ => bail!(
            "the key file {} must hold at least 16 bytes in hexadecimal: make one with `openssl rand -hex 32`",
            path.display()
        ),
    }
}

fn millis(span: Span) -> u32 {
    u32::try_from(span.duration().as_millis()).unwrap_or(u32::MAX)
}
