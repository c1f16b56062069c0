//! Decides when to connect again: always, after a pause drawn at random, under a new session number.
//!
//! Nothing is recovered behind our back. A session is one connection with what was opened on it; when anything about
//! it is in doubt it is dropped as a whole, and with it everything that was not acknowledged or confirmed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::{Connection, ConnectionProperties, ConnectionStatus};

use super::Options;
use crate::broker::unavailable;
use crate::clock::Monotonic;
use crate::shard::ports::{BrokerError, Pulse};

/// A session that lived this long ended by accident, not by its own fault: the next attempt comes soon.
const SETTLED: Duration = Duration::from_secs(10);

pub(super) type Opening<S> = Pin<Box<dyn Future<Output = Result<S, BrokerError>> + Send>>;
type Open<S> = Arc<dyn Fn(Connection) -> Opening<S> + Send + Sync>;

/// Whether a connection can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It can.
    Up,
    /// The broker has an alarm and takes nothing from publishers.
    Blocked,
    /// It is not connected; why, as far as known.
    Down(String),
}

/// Looks at a connection from outside, for readiness and metrics.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<Looking>>);

#[derive(Debug)]
struct Looking {
    status: Option<ConnectionStatus>,
    why: String,
}

impl Health {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Looking { status: None, why: String::from("not connected yet") })))
    }

    /// The state at this moment.
    #[must_use]
    pub fn state(&self) -> LinkState {
        let looking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &looking.status {
            Some(status) if status.blocked() => LinkState::Blocked,
            Some(status) if status.connected() => LinkState::Up,
            Some(_) => LinkState::Down(String::from("the connection was lost")),
            None => LinkState::Down(looking.why.clone()),
        }
    }

    fn set(&self, status: Option<ConnectionStatus>, why: &str) {
        let mut looking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looking.status = status;
        looking.why = why.to_owned();
    }
}

impl Pulse for Health {
    fn trouble(&self) -> Option<String> {
        match self.state() {
            LinkState::Up => None,
            // Only publishers are blocked: what is consumed and acknowledged goes on.
            LinkState::Blocked => None,
            LinkState::Down(why) => Some(why),
        }
    }
}

/// One supervised connection and what `open` makes of it.
pub(super) struct Link<S> {
    options: Arc<Options>,
    name: String,
    open: Open<S>,
    opening: Option<Opening<(ConnectionStatus, S)>>,
    session: Option<Live<S>>,
    sessions: u64,
    failures: u32,
    health: Health,
}

struct Live<S> {
    number: u64,
    since: Monotonic,
    inner: S,
}

impl<S> fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .field("session", &self.session.as_ref().map(|live| live.number))
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

impl<S: Send + 'static> Link<S> {
    pub(super) fn new(
        options: Arc<Options>,
        name: String,
        open: impl Fn(Connection) -> Opening<S> + Send + Sync + 'static,
    ) -> Self {
        Self {
            options,
            name,
            open: Arc::new(open),
            opening: None,
            session: None,
            sessions: 0,
            failures: 0,
            health: Health::new(),
        }
    }

    pub(super) fn health(&self) -> Health {
        self.health.clone()
    }

    /// The live session and its number, if there is one.
    pub(super) fn current(&mut self) -> Option<(u64, &mut S)> {
        self.session.as_mut().map(|live| (live.number, &mut live.inner))
    }

    /// Looks at the live session, if there is one.
    pub(super) fn live(&self) -> Option<&S> {
        self.session.as_ref().map(|live| &live.inner)
    }

    /// The live session; makes one attempt, after its pause, where there is none.
    ///
    /// Cancel-safe: an attempt that was begun goes on with the next call.
    pub(super) async fn session(&mut self) -> Result<(u64, &mut S), BrokerError> {
        if self.session.is_none() {
            let opening = self.opening.get_or_insert_with(|| {
                let pause = if self.sessions == 0 && self.failures == 0 {
                    Duration::ZERO
                } else {
                    pause(self.failures, &self.options)
                };
                begin(Arc::clone(&self.options), self.name.clone(), Arc::clone(&self.open), pause)
            });
            let opened = opening.await;
            self.opening = None;
            self.settle(opened)?;
        }
        let live = self.session.as_mut().ok_or_else(|| unavailable("connecting", "the session ended at once"))?;
        Ok((live.number, &mut live.inner))
    }

    fn settle(&mut self, opened: Result<(ConnectionStatus, S), BrokerError>) -> Result<(), BrokerError> {
        match opened {
            Ok((status, inner)) => {
                self.sessions += 1;
                tracing::info!(link = %self.name, broker = %self.options.place(), session = self.sessions, "connected");
                self.health.set(Some(status), "");
                self.session = Some(Live { number: self.sessions, since: Monotonic::now(), inner });
                Ok(())
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let why = chain(&error);
                tracing::warn!(link = %self.name, broker = %self.options.place(), failures = self.failures, why, "not connected");
                self.health.set(None, &why);
                Err(error)
            }
        }
    }

    /// Drops the session; the next call of [`Link::session`] makes another.
    pub(super) fn lose(&mut self, why: &str) {
        if let Some(live) = self.session.take() {
            tracing::warn!(link = %self.name, session = live.number, why, "the session is lost");
            self.failures = if live.since.elapsed() >= SETTLED { 0 } else { self.failures.saturating_add(1) };
            self.health.set(None, why);
        }
    }

    /// Takes the session out, to close it in order.
    pub(super) fn take(&mut self) -> Option<S> {
        self.opening = None;
        self.health.set(None, "closed");
        self.session.take().map(|live| live.inner)
    }
}

fn begin<S: Send + 'static>(
    options: Arc<Options>,
    name: String,
    open: Open<S>,
    pause: Duration,
) -> Opening<(ConnectionStatus, S)> {
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        let limit = options.connect_timeout();
        let attempt = async {
            let connection = connect(&options, &name).await?;
            let status = connection.status().clone();
            Ok((status, open(connection).await?))
        };
        tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or_else(|_| Err(unavailable("connecting", format!("no answer within {} ms", limit.as_millis()))))
    })
}

/// Connects once.
pub(super) async fn connect(options: &Options, name: &str) -> Result<Connection, BrokerError> {
    let properties = ConnectionProperties::default().with_connection_name(format!("picket {name}").into());
    Connection::connect_uri(options.uri()?, properties).await.map_err(|error| unavailable("connecting", error))
}

/// Full jitter: anything from nothing to a limit that doubles with every failure.
fn pause(failures: u32, options: &Options) -> Duration {
    let grown = u64::from(options.backoff_min_ms) << failures.min(16);
    let limit = grown.min(u64::from(options.backoff_max_ms)).max(1);
    let mut bytes = [0_u8; 8];
    // Without randomness the pause is the limit itself: late, never early.
    let drawn = getrandom::fill(&mut bytes).map_or(limit, |()| u64::from_le_bytes(bytes) % limit);
    Duration::from_millis(drawn)
}

/// An error with everything behind it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_never_beyond() {
        let options = Options::default();
        for failures in 0..80 {
            let bound = Duration::from_millis((100_u64 << failures.min(16)).min(5_000));
            assert!(pause(failures, &options) < bound);
        }
    }
}
