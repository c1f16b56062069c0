//! Decides how RabbitMQ is reached and with which limits.

use std::fmt;
use std::time::Duration;

use lapin::uri::AMQPUri;
use serde::{Deserialize, Serialize};

use crate::shard::ports::BrokerError;

/// Whether the daemon makes the exchanges and queues itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// Declares everything at each connection; needs the `configure` permission. What is there already stays.
    #[default]
    Declare,
    /// Only looks whether everything is there; `picket setup` has made it before.
    Check,
}

/// How RabbitMQ is reached and with which limits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost`, or `amqps://`; the vhost `/` is written `%2f`, and is the default.
    pub url: String,
    /// Messages the broker sends ahead of their acknowledgement, 1–2000. Default 256.
    pub prefetch: u16,
    /// Seconds between heartbeats, 5–60; a frozen owner is replaced after about 2.5 times this. Default 5.
    pub heartbeat_s: u16,
    /// Milliseconds one attempt to connect and set up may take. Default 10000.
    pub connect_timeout_ms: u32,
    /// Milliseconds until a publish that is not confirmed counts as of unknown outcome. Default 10000.
    pub publish_timeout_ms: u32,
    /// The limit of the first pause after a lost connection, in milliseconds; it doubles with every failure. Default 100.
    pub backoff_min_ms: u32,
    /// Longest pause between two attempts, in milliseconds; the pause is drawn from zero to a growing limit, and
    /// attempts never end. Default 5000.
    pub backoff_max_ms: u32,
    /// Whether the daemon makes exchanges and queues itself. Default `declare`.
    pub setup: Setup,
    /// Deliveries after which the broker itself takes a message out of an input queue to `picket.dead`. High, because
    /// every restart of a daemon counts for all it held. Default 100.
    pub delivery_limit: u32,
    /// Bytes an input queue holds before the broker refuses more, so that its senders see it. Default 1 GiB.
    pub queue_limit_bytes: u64,
    /// Whether streams keep everything received and published. Default true.
    pub archive: bool,
    /// How long they keep it, in milliseconds; whole seconds count. Default 72 hours.
    pub archive_age_ms: u64,
    /// How long dead letters are kept, in milliseconds. Default 14 days.
    pub dead_age_ms: u64,
    /// Whether only the current owner's outputs come through to `picket.out`. Default true.
    pub output_gate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: String::from("amqp://127.0.0.1:5672/%2f"),
            prefetch: 256,
            heartbeat_s: 5,
            connect_timeout_ms: 10_000,
            publish_timeout_ms: 10_000,
            backoff_min_ms: 100,
            backoff_max_ms: 5_000,
            setup: Setup::Declare,
            delivery_limit: 100,
            queue_limit_bytes: 1 << 30,
            archive: true,
            archive_age_ms: 72 * 3_600_000,
            dead_age_ms: 14 * 24 * 3_600_000,
            output_gate: true,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.place())
            .field("prefetch", &self.prefetch)
            .field("heartbeat_s", &self.heartbeat_s)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("publish_timeout_ms", &self.publish_timeout_ms)
            .field("backoff_min_ms", &self.backoff_min_ms)
            .field("backoff_max_ms", &self.backoff_max_ms)
            .field("setup", &self.setup)
            .field("delivery_limit", &self.delivery_limit)
            .field("queue_limit_bytes", &self.queue_limit_bytes)
            .field("archive", &self.archive)
            .field("archive_age_ms", &self.archive_age_ms)
            .field("dead_age_ms", &self.dead_age_ms)
            .field("output_gate", &self.output_gate)
            .finish()
    }
}

impl Options {
    /// Where the broker is, without credentials: for logs, errors and health.
    #[must_use]
    pub fn place(&self) -> String {
        self.url.parse::<AMQPUri>().map_or_else(
            |_| String::from("an unreadable url"),
            |uri| format!("{}://{}:{}/{}", uri.scheme, uri.authority.host, uri.authority.port, vhost(&uri.vhost)),
        )
    }

    /// User and virtual host, as `rabbitmqctl` needs them; none where the url cannot be read.
    #[must_use]
    pub fn user_and_vhost(&self) -> Option<(String, String)> {
        self.url.parse::<AMQPUri>().ok().map(|uri| (uri.authority.userinfo.username, uri.vhost))
    }

    /// The url with what the other options say about the connection.
    pub(super) fn uri(&self) -> Result<AMQPUri, BrokerError> {
        let mut uri: AMQPUri = self.url.parse().map_err(|_| BrokerError::Topology {
            what: String::from("its url cannot be read; it must look like amqp://user:password@host:5672/%2f"),
        })?;
        uri.query.heartbeat = Some(self.heartbeat_s.max(1));
        uri.query.connection_timeout = Some(u64::from(self.connect_timeout_ms));
        Ok(uri)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.connect_timeout_ms))
    }

    pub(super) fn publish_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.publish_timeout_ms))
    }
}

fn vhost(name: &str) -> &str {
    if name == "/" { "%2f" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        let options = Options { url: String::from("amqp://ann:s3cret@broker:5671/site"), ..Options::default() };
        let shown = format!("{options:?} {}", options.place());
        assert!(shown.contains("amqp://broker:5671/site"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("ann"), "{shown}");
        let broken = Options { url: String::from("ann:s3cret@@broker"), ..Options::default() };
        let error = broken.uri().expect_err("not a url");
        assert!(!format!("{broken:?} {error} {error:?}").contains("s3cret"));
    }

    #[test]
    fn an_unknown_option_is_an_error_and_the_rest_have_defaults() {
        let read: Options = serde_json::from_str(r#"{"prefetch": 10}"#).expect("valid");
        assert_eq!(read, Options { prefetch: 10, ..Options::default() });
        assert!(serde_json::from_str::<Options>(r#"{"prefetsh": 10}"#).is_err());
    }
}
