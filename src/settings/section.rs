//! Decides which settings there are. `config/picket.toml` says what each means and what its default is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::value::{List, ServiceUrl, Span, TokenDigest};

/// An enum whose values are written as words; a wrong one is answered with the words there are.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                match String::deserialize(input)?.as_str() {
                    $($word => Ok(Self::$variant),)*
                    other => Err(serde::de::Error::custom(format!("`{other}` is none of {}", [$($word),*].join(", ")))),
                }
            }
        }
    };
}

/// `[http]`: the API, the live feed, health and metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// A file of access tokens, one a line.
    pub token_file: Option<PathBuf>,
    /// Access tokens by name; those of the file are added when the settings are loaded.
    #[serde(default)]
    pub token: BTreeMap<String, AccessToken>,
    /// Longest request body.
    pub body_limit_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// For a request's head.
    pub header_timeout: Span,
    /// For a request's body.
    pub body_timeout: Span,
    /// Live feeds at once.
    pub streams: usize,
    /// A live feed says something at least this often.
    pub keep_alive: Span,
    /// How long a client waits before it reconnects to a live feed.
    pub retry: Span,
    /// For requests under way at shutdown.
    pub drain: Span,
}

/// `[http.token.NAME]`: who may use the API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// The token's SHA-256.
    pub sha256: TokenDigest,
    /// What it may do.
    #[serde(default = "AccessToken::usual_rights")]
    pub rights: Vec<Right>,
}

impl AccessToken {
    /// What a token may do that does not say: read and send.
    #[must_use]
    pub fn usual_rights() -> Vec<Right> {
        vec![Right::Read, Right::Send]
    }
}

choice! {
    /// What an access token may do.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Right {
        /// See contacts, agents, teams, queues, the live feed and metrics.
        Read = "read",
        /// Send events.
        Send = "send",
        /// See and handle dead letters; send events of supervisors, rules and clock.
        Operate = "operate",
    }
}

/// `[store]`: what is remembered, and where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which store.
    pub kind: StoreKind,
    /// The folder of the embedded store and of generated secrets.
    pub path: PathBuf,
    /// The shared store.
    pub redis: Redis,
}

choice! {
    /// Which store.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum StoreKind {
        /// One SQLite file.
        Embedded = "embedded",
        /// Shared by several daemons.
        Redis = "redis",
        /// Gone with the process.
        Memory = "memory",
    }
}

/// `[store.redis]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Where it is.
    pub url: ServiceUrl,
    /// What a commit means.
    pub profile: RedisProfile,
    /// Replicas that may be promoted, all of which a commit waits for.
    pub replicas: u32,
    /// How long one attempt waits for them.
    pub replica_timeout: Span,
    /// An answer that takes longer counts as lost.
    pub response_timeout: Span,
    /// Whether a remote host may be reached without TLS.
    pub plaintext: Plaintext,
}

choice! {
    /// What a commit to Redis means.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum RedisProfile {
        /// Appended with `appendfsync always`.
        Single = "redis-single",
        /// And received by every replica that may be promoted.
        Ha = "redis-ha",
    }
}

choice! {
    /// Whether a remote host may be reached without TLS.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Plaintext {
        /// Only this machine.
        Loopback = "loopback",
        /// The network is trusted.
        Allowed = "allowed",
    }
}

choice! {
    /// Who makes exchanges and queues.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BrokerSetup {
        /// The daemon, at each connection, where they are missing.
        Declare = "declare",
        /// `picket setup`, beforehand; the daemon only looks, and needs no right to configure.
        Check = "check",
    }
}

/// `[broker]`: where events come from and go to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// Which broker.
    pub kind: BrokerKind,
    /// The message queue.
    pub rabbitmq: Rabbitmq,
}

choice! {
    /// Which broker.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BrokerKind {
        /// HTTP and the live feed only.
        Embedded = "embedded",
        /// RabbitMQ as well.
        Rabbitmq = "rabbitmq",
    }
}

/// `[broker.rabbitmq]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rabbitmq {
    /// Where it is.
    pub url: ServiceUrl,
    /// Deliveries not yet acknowledged.
    pub prefetch: u16,
    /// A dead connection is noticed after two of them.
    pub heartbeat: Span,
    /// A confirm that takes longer counts as lost.
    pub confirm_timeout: Span,
    /// The shortest wait between attempts to connect.
    pub reconnect_least: Span,
    /// The longest.
    pub reconnect_most: Span,
    /// Size of the input queue above which a publish is refused.
    pub queue_limit_bytes: u64,
    /// Deliveries of one message before it counts as poison.
    pub delivery_limit: u32,
    /// How long dead letters are kept.
    pub dead_letter_age: Span,
    /// Who makes exchanges and queues.
    pub setup: BrokerSetup,
    /// Whether streams keep everything received and published.
    pub archive: bool,
    /// For how long.
    pub archive_age: Span,
    /// Whether only the current owner's outputs come through.
    pub output_gate: bool,
    /// Whether a remote host may be reached without TLS.
    pub plaintext: Plaintext,
}

/// `[shard]`: the loop that decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Names the queue, the keys and the journal.
    pub name: String,
    /// Domains routed by this shard; none means every domain the rules name.
    pub domains: List,
    /// This daemon among others.
    pub instance: Option<String>,
    /// Inputs decided and written together.
    pub batch_most: usize,
    /// A snapshot after this many records.
    pub snapshot_records: u64,
    /// Outputs waiting to be published above which nothing more is taken.
    pub outbox_bound: usize,
    /// Outputs kept for clients that reconnect.
    pub feed_keep: usize,
}

/// `[shards.NAME]`: one of several shards.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOfShards {
    /// The domains that it routes.
    pub domains: List,
}

/// `[rules]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// A rule file, or a folder of them.
    pub path: PathBuf,
}

/// `[people]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// The key under which customers and addresses are journaled; without one the embedded store makes its own.
    pub pepper_file: Option<PathBuf>,
}

/// `[clock]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Whose time it is.
    pub kind: ClockKind,
}

choice! {
    /// Whose time it is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
    pub enum ClockKind {
        /// The machine's.
        System = "system",
        /// Moved by `clock.advance` events only.
        Driven = "driven",
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For whom it is written.
    pub format: LogFormat,
    /// Level, or levels per module.
    pub filter: String,
}

choice! {
    /// For whom the log is written.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum LogFormat {
        /// Human on a terminal, otherwise JSON.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}

/// `[source.NAME]`: a platform that sends and receives; the name is the CloudEvents `source` of its events.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Who must have sent them: RabbitMQ user or name of the access token.
    pub user: Option<String>,
    /// Domains it may send to; none means all.
    pub domains: List,
    /// Types it may send; none means all but those of supervisors, rules and clock, which have to be listed.
    pub types: List,
    /// Whether its `reply_to` is answered.
    pub reply: bool,
    /// Attributes of its contacts that are personal data.
    pub personal: List,
    /// After how long a silence it, or an agent it told of, is lost; none means never.
    pub lost_after: Option<Span>,
}

impl Default for Source {
    fn default() -> Self {
        let none = List::default;
        Self { user: None, domains: none(), types: none(), reply: true, personal: none(), lost_after: None }
    }
}
