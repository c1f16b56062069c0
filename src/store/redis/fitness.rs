//! Decides whether a server, as it is set up, can keep what a profile promises.

use std::collections::BTreeMap;

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, RedisError, RedisResult, cmd};

use super::library::Trouble;
use super::options::{Options, Profile};

/// What every server must be set to, and what would be lost otherwise.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("appendonly", "yes", "nothing would outlive its end"),
    ("appendfsync", "always", "a power cut would take records that were acknowledged"),
    ("no-appendfsync-on-rewrite", "no", "records would go unsynced while the file is rewritten"),
    ("maxmemory-policy", "noeviction", "records would be evicted when memory runs short"),
];

/// Refuses a server that is none, too old, no primary, or set so that it may lose what it acknowledged.
pub(super) async fn examine(connection: &mut MultiplexedConnection, options: &Options) -> Result<(), Trouble> {
    let report: String = cmd("INFO").query_async(connection).await?;
    let report = parse(&report);
    let fact = |name: &str| report.get(name).copied().unwrap_or_default();
    let version = fact("redis_version");
    if version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major < 7) {
        return Err(Trouble::Unfit(format!("the server says it is Redis {version}; functions need 7.0, or Valkey")));
    }
    if fact("role") != "master" {
        return Err(busy("this server is a replica; the url must lead to the primary"));
    }
    if fact("loading") == "1" {
        return Err(busy("the server is still loading its data"));
    }
    if options.profile == Profile::Ha && options.replicas == 0 {
        return Err(Trouble::Unfit(
            "profile redis-ha needs replicas; set `replicas`, or use profile redis-single".to_owned(),
        ));
    }
    if options.assume_durable {
        return Ok(());
    }
    let connected: u32 = fact("connected_slaves").parse().unwrap_or_default();
    if options.profile == Profile::Ha && connected > u32::from(options.replicas) {
        return Err(Trouble::Unfit(format!(
            "{connected} replicas are connected, but `replicas` is {}: one that is not waited for could be promoted and \
             lose records; set `replicas` to {connected}",
            options.replicas
        )));
    }
    examine_settings(connection).await
}

/// Finds out whether writes would be committed now: the file can be written and every replica is there.
pub(super) async fn examine_health(connection: &mut MultiplexedConnection, options: &Options) -> Result<(), Trouble> {
    let report: String = cmd("INFO").query_async(connection).await?;
    let report = parse(&report);
    let fact = |name: &str| report.get(name).copied().unwrap_or_default();
    if fact("aof_enabled") == "1" && fact("aof_last_write_status") != "ok" {
        return Err(busy("the server could not write its file the last time; look at its disk"));
    }
    let (online, needed) = (online(&report), usize::from(options.awaited()));
    if online < needed {
        return Err(busy(&format!("{online} of {needed} replicas are there")));
    }
    Ok(())
}

async fn examine_settings(connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
    let mut ask = cmd("CONFIG");
    ask.arg("GET");
    for (name, _, _) in SETTINGS {
        ask.arg(name);
    }
    let found: RedisResult<BTreeMap<String, String>> = ask.query_async(connection).await;
    let found = match found {
        Ok(found) => found,
        Err(error) if error.code().is_none_or(|code| code == "LOADING") => return Err(error.into()),
        Err(error) => {
            return Err(Trouble::Unfit(format!(
                "the server does not let its settings be read ({error}); allow CONFIG GET, or set `assume_durable = \
                 true` if it is known to keep what it acknowledges"
            )));
        }
    };
    for (name, needed, loss) in SETTINGS {
        let value = found.get(name).map_or("unknown", String::as_str);
        if value != needed {
            return Err(Trouble::Unfit(format!(
                "the server has `{name} {value}`, so {loss}; set `{name} {needed}` in its configuration"
            )));
        }
    }
    Ok(())
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its version, such as `7.0.15`.
    pub version: String,
    /// Replicas that follow it and are up to date.
    pub replicas: usize,
    /// Bytes it uses.
    pub used: u64,
    /// Bytes it may use; none where nothing limits it.
    pub most: Option<u64>,
}

/// Reads what a server says of itself.
pub(super) fn condition(report: &str) -> Condition {
    let report = parse(report);
    let bytes = |name: &str| report.get(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
    Condition {
        version: report.get("redis_version").copied().unwrap_or_default().to_owned(),
        replicas: online(&report),
        used: bytes("used_memory"),
        most: Some(bytes("maxmemory")).filter(|most| *most > 0),
    }
}

/// `connected_slaves` also counts those that are still being brought up to date, and acknowledge nothing.
fn online(report: &BTreeMap<&str, &str>) -> usize {
    report.iter().filter(|(name, value)| name.starts_with("slave") && value.contains("state=online")).count()
}

fn parse(report: &str) -> BTreeMap<&str, &str> {
    report.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

/// A server that cannot be used now and may be later.
fn busy(why: &str) -> Trouble {
    Trouble::Failed(RedisError::from((ErrorKind::Client, "not ready", why.to_owned())))
}
