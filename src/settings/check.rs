//! Decides which settings are refused although each can be read: dangerous together, or out of range.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Settings;
use super::error::Error;
use super::layers::Layers;
use super::section::{BrokerKind, ClockKind, Plaintext, RedisProfile, StoreKind};
use super::value::ServiceUrl;

/// The shortest and the longest silence after which somebody is lost.
const SILENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3_600));

/// Refuses what must not run.
pub(super) fn check(settings: &Settings, layers: &Layers) -> Result<(), Error> {
    let refuse = |key: &'static str, problem: String, remedy: &'static str| {
        Err(Error::Refused { key, origin: layers.origin(key), problem, remedy })
    };
    let complaint = http(settings).or_else(|| store(settings)).or_else(|| broker(settings)).or_else(|| shard(settings));
    let complaint = complaint.or_else(|| source(settings));
    match complaint {
        Some(Complaint { key, problem, remedy }) => refuse(key, problem, remedy),
        None => Ok(()),
    }
}

struct Complaint {
    key: &'static str,
    problem: String,
    remedy: &'static str,
}

fn complain(key: &'static str, problem: impl Into<String>, remedy: &'static str) -> Option<Complaint> {
    Some(Complaint { key, problem: problem.into(), remedy })
}

fn http(settings: &Settings) -> Option<Complaint> {
    let http = &settings.http;
    if !http.listen.ip().is_loopback() {
        let listen = http.listen;
        if settings.clock.kind == ClockKind::Driven {
            return complain(
                "clock.kind",
                format!("a driven clock can be moved by whoever reaches {listen}"),
                "set http.listen to a loopback address such as 127.0.0.1:7420",
            );
        }
        if http.token.is_empty() {
            return complain(
                "http.listen",
                format!("{listen} can be reached from other machines, and no access token is configured"),
                "set http.token_file, or http.listen to a loopback address such as 127.0.0.1:7420",
            );
        }
    }
    for (key, value) in [
        ("http.body_limit_bytes", http.body_limit_bytes),
        ("http.connections", http.connections),
        ("http.streams", http.streams),
    ] {
        if value == 0 {
            return complain(key, "it must be at least 1", "nothing could come in");
        }
    }
    None
}

fn store(settings: &Settings) -> Option<Complaint> {
    let redis = &settings.store.redis;
    if settings.store.kind != StoreKind::Redis {
        return None;
    }
    if !["redis", "rediss"].contains(&redis.url.scheme()) {
        return complain(
            "store.redis.url",
            format!("{} is no address of a Redis", redis.url),
            "write redis:// or rediss://",
        );
    }
    if redis.profile == RedisProfile::Ha && redis.replicas == 0 {
        return complain(
            "store.redis.replicas",
            "a commit of the profile redis-ha waits for every replica that may be promoted",
            "set it to how many there are",
        );
    }
    if redis.profile == RedisProfile::Single && redis.replicas > 0 {
        return complain(
            "store.redis.profile",
            format!(
                "{} replicas may be promoted, and redis-single waits for none: a failover would lose commits",
                redis.replicas
            ),
            "set it to \"redis-ha\"",
        );
    }
    if unprotected(&redis.url, "rediss", redis.plaintext) {
        return complain("store.redis.url", format!("{} is remote and not encrypted", redis.url), PLAINTEXT_REDIS);
    }
    None
}

const PLAINTEXT_REDIS: &str = "write rediss://, or set store.redis.plaintext = \"allowed\" on a trusted network";

fn broker(settings: &Settings) -> Option<Complaint> {
    let rabbitmq = &settings.broker.rabbitmq;
    if settings.broker.kind != BrokerKind::Rabbitmq {
        return None;
    }
    if !["amqp", "amqps"].contains(&rabbitmq.url.scheme()) {
        return complain(
            "broker.rabbitmq.url",
            format!("{} is no address of a RabbitMQ", rabbitmq.url),
            "write amqp:// or amqps://",
        );
    }
    if unprotected(&rabbitmq.url, "amqps", rabbitmq.plaintext) {
        return complain(
            "broker.rabbitmq.url",
            format!("{} is remote and not encrypted", rabbitmq.url),
            "write amqps://, or set broker.rabbitmq.plaintext = \"allowed\" on a trusted network",
        );
    }
    if rabbitmq.prefetch == 0 {
        return complain("broker.rabbitmq.prefetch", "0 means without bound", "set it to at least 1");
    }
    if rabbitmq.reconnect_most < rabbitmq.reconnect_least {
        return complain(
            "broker.rabbitmq.reconnect_most",
            "it is shorter than reconnect_least",
            "set it to at least as much",
        );
    }
    None
}

/// Whether a remote host would be reached without TLS where that is not allowed.
fn unprotected(url: &ServiceUrl, encrypted: &str, plaintext: Plaintext) -> bool {
    let host = url.host();
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    plaintext == Plaintext::Loopback && url.scheme() != encrypted && !here
}

fn shard(settings: &Settings) -> Option<Complaint> {
    let shard = &settings.shard;
    let plain = |text: &str| {
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let key = if settings.shards.is_empty() { "shard.name" } else { "shards" };
    if let Some((name, _)) = settings.all_shards().iter().find(|(name, _)| !plain(name)) {
        let problem = format!("`{name}` names queues and keys");
        return complain(key, problem, "use 1 to 32 letters, digits, \"-\" and \"_\"");
    }
    if let Some(complaint) = several(settings) {
        return Some(complaint);
    }
    for (key, value) in [
        ("shard.batch_most", shard.batch_most),
        ("shard.outbox_bound", shard.outbox_bound),
        ("shard.feed_keep", shard.feed_keep),
    ] {
        if value == 0 {
            return complain(key, "it must be at least 1", "see config/picket.toml for the default");
        }
    }
    if shard.snapshot_records == 0 {
        return complain("shard.snapshot_records", "it must be at least 1", "see config/picket.toml for the default");
    }
    None
}

fn source(settings: &Settings) -> Option<Complaint> {
    let spans = settings.source.iter().filter_map(|(name, source)| Some((name, source.lost_after?.duration())));
    let (name, span) = spans.into_iter().find(|(_, span)| !(SILENCE.0..=SILENCE.1).contains(span))?;
    complain("source", format!("`lost_after` of `{name}` is {span:?}"), "set it to something from 2s to 1h")
}

/// Several shards: each domain belongs to exactly one.
fn several(settings: &Settings) -> Option<Complaint> {
    if !settings.shards.is_empty() && !settings.shard.domains.0.is_empty() {
        return complain(
            "shard.domains",
            "there are several shards, each with domains of its own",
            "remove it, or name its domains under [shards.NAME]",
        );
    }
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (shard, one) in &settings.shards {
        if one.domains.0.is_empty() {
            return complain(
                "shards",
                format!("the shard {shard} has no domains"),
                "name them: domains = [\"emea\"]; no contact would ever reach it",
            );
        }
        for domain in &one.domains.0 {
            if let Some(other) = owners.insert(domain, shard) {
                return complain(
                    "shards",
                    format!("the domain {domain} belongs to {other} and to {shard}"),
                    "a domain, with all agents who serve it, belongs to one shard: remove it from the other",
                );
            }
        }
    }
    None
}
