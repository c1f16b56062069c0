//! Decides how Redis is reached and what it has to promise.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

/// The settings of a store in Redis. What is left out has the default named at its field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The primary; default `redis://127.0.0.1:6379`. `rediss://` is TLS. A password in it is never shown.
    pub url: Url,
    /// When a write counts as committed; default `redis-single`.
    pub profile: Profile,
    /// With `redis-ha`: how many replicas there are, each of which must have a write before it counts; default 1.
    /// Every replica that may be promoted belongs to them.
    pub replicas: u8,
    /// How long a connection may take to be made, in milliseconds; default 2000.
    pub connect_timeout_ms: u32,
    /// How long an answer may take, in milliseconds; default 3000.
    pub response_timeout_ms: u32,
    /// With `redis-ha`: how long the replicas may take beyond that, in milliseconds; default 2000.
    pub wait_timeout_ms: u32,
    /// Whether to believe without looking that the server keeps what it acknowledges, for services that do not let
    /// their settings be read; default `false`.
    pub assume_durable: bool,
    /// Whether to talk in the clear to a host other than this one; default `false`.
    pub allow_plaintext: bool,
    /// A file with the certificate authority to trust instead of the system's; default none.
    pub ca_file: Option<PathBuf>,
}

/// When a write counts as committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// Once the server has it on its disk (`appendfsync always`).
    #[serde(rename = "redis-single")]
    Single,
    /// Once, beside that, every replica has it.
    #[serde(rename = "redis-ha")]
    Ha,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: Url("redis://127.0.0.1:6379".to_owned()),
            profile: Profile::Single,
            replicas: 1,
            connect_timeout_ms: 2000,
            response_timeout_ms: 3000,
            wait_timeout_ms: 2000,
            assume_durable: false,
            allow_plaintext: false,
            ca_file: None,
        }
    }
}

impl Options {
    /// How many replicas a write waits for.
    pub(super) fn awaited(&self) -> u8 {
        match self.profile {
            Profile::Single => 0,
            Profile::Ha => self.replicas,
        }
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms.into())
    }

    /// The time for one answer, that of the replicas included.
    pub(super) fn response_timeout(&self) -> Duration {
        let wait = if self.awaited() > 0 { self.wait_timeout_ms } else { 0 };
        Duration::from_millis(u64::from(self.response_timeout_ms) + u64::from(wait))
    }
}

/// The address of a server, whose password is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(String);

/// Why an address was not understood; it never contains the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address of Redis: it must look like redis://user:password@host:6379/0, or rediss:// for TLS")]
pub struct InvalidUrl;

impl Url {
    pub(super) fn connection(&self) -> Result<ConnectionInfo, InvalidUrl> {
        self.0.as_str().into_connection_info().map_err(|_| InvalidUrl)
    }

    /// Whether everything would cross a network in the clear.
    pub(super) fn is_exposed(&self) -> bool {
        let Ok(info) = self.connection() else { return false };
        let ConnectionAddr::Tcp(host, _) = info.addr() else { return false };
        host != "localhost" && !host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url = Self(text.to_owned());
        url.connection().map(|_| url)
    }
}

impl TryFrom<String> for Url {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        text.parse()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // A password with an unescaped @ in it must not be shown in part either.
        match rest.rsplit_once('@') {
            Some((_, host)) => write!(f, "{scheme}://***@{host}"),
            None => write!(f, "{scheme}://{rest}"),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Url {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
