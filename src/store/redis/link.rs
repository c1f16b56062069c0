//! Decides when a connection is made, trusted and thrown away. Nothing reconnects behind our back: a new connection may
//! lead to another server, so each is examined before it is used.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, TlsCertificates};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::fitness;
use super::library::{self, Trouble};
use super::options::Options;
use super::rights;
use crate::shard::ports::StoreError;

/// A way to one server.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    options: Options,
}

/// One connection at a time, made when it is needed.
pub(super) struct Link {
    server: Server,
    current: Mutex<Current>,
    /// Held while a connection is made, so that many callers make one.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    /// Counts the connections, so that only the one that failed is thrown away.
    session: u64,
    connection: Option<MultiplexedConnection>,
}

/// Nothing came back in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer from Redis within {} ms", .0.as_millis())]
struct Late(Duration);

impl Server {
    pub(super) fn new(options: &Options) -> Result<Self, StoreError> {
        let unfit = |what: String| StoreError::Unfit { what };
        if options.url.is_exposed() && !options.allow_plaintext {
            return Err(unfit(format!(
                "{} would be spoken to in the clear over a network; use rediss://, or set `allow_plaintext = true`",
                options.url
            )));
        }
        let info = options.url.connection().map_err(|error| unfit(error.to_string()))?;
        // Off by default in this client, and then small writes wait for delayed acknowledgements, 40 ms each.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = match &options.ca_file {
            None => Client::open(info),
            Some(file) => {
                let root_cert = std::fs::read(file)
                    .map_err(|error| unfit(format!("`ca_file` {} cannot be read: {error}", file.display())))?;
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
            }
        };
        let client = client.map_err(|error| unfit(format!("{} cannot be used: {error}", options.url)))?;
        Ok(Self { client, options: options.clone() })
    }

    /// Makes a connection and makes sure that what is at its other end can be used.
    async fn connect(&self) -> Result<MultiplexedConnection, Trouble> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout()))
            .set_response_timeout(Some(self.options.response_timeout()));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        fitness::examine(&mut connection, &self.options).await?;
        library::ensure(&mut connection).await?;
        Ok(connection)
    }

    /// What the server says about the first command that its user may not use, asked over a connection of its own.
    pub(super) async fn refusal(&self, shard: &str) -> Result<Option<String>, StoreError> {
        const ATTEMPT: &str = "looking at the rights of its user";
        let asked = timeout(self.patience(), async {
            let mut connection = self.connect().await?;
            rights::refusal(&mut connection, shard).await
        });
        let late = |_| StoreError::Unavailable { attempt: ATTEMPT, source: Box::new(Late(self.patience())) };
        asked.await.map_err(late)?.map_err(|trouble| trouble.while_attempting(ATTEMPT))
    }

    /// The most a call may take: to connect, to examine the server, and to be answered.
    fn patience(&self) -> Duration {
        self.options.connect_timeout() + self.options.response_timeout() * 2
    }
}

impl Link {
    pub(super) fn new(server: &Server) -> Self {
        Self { server: server.clone(), current: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// Runs commands, all on the same connection and none between them, and returns their answers as a tuple.
    ///
    /// After a failure the next call makes a new connection; what was sent may still be carried out.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        attempt: &'static str,
        commands: &Pipeline,
    ) -> Result<T, StoreError> {
        let before = self.current().session;
        let mut used = None;
        let call = timeout(self.server.patience(), async {
            let (session, mut connection) = self.connection().await?;
            let idle = session == before;
            used = Some(session);
            match commands.query_async(&mut connection).await {
                // It broke while nobody used it, perhaps hours ago; every call may be repeated.
                Err(error) if idle && error.is_connection_dropped() => {
                    self.discard(session);
                    let (session, mut connection) = self.connection().await?;
                    used = Some(session);
                    Ok(commands.query_async(&mut connection).await?)
                }
                answers => Ok(answers?),
            }
        });
        let outcome = call.await;
        self.settle(attempt, used, outcome)
    }

    /// Asks a server that was examined when its connection was made whether it is still in order.
    pub(super) async fn examine(&self, attempt: &'static str) -> Result<(), StoreError> {
        let mut used = None;
        let call = timeout(self.server.patience(), async {
            let (session, mut connection) = self.connection().await?;
            used = Some(session);
            fitness::examine(&mut connection, &self.server.options).await?;
            fitness::examine_health(&mut connection, &self.server.options).await
        });
        let outcome = call.await;
        self.settle(attempt, used, outcome)
    }

    /// Tells what an outcome means, and throws away the connection it came over unless it is beyond doubt.
    fn settle<T>(
        &self,
        attempt: &'static str,
        used: Option<u64>,
        outcome: Result<Result<T, Trouble>, Elapsed>,
    ) -> Result<T, StoreError> {
        let error = match outcome {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(trouble)) => trouble.while_attempting(attempt),
            Err(_) => StoreError::Unavailable { attempt, source: Box::new(Late(self.server.patience())) },
        };
        if let Some(session) = used {
            self.discard(session);
        }
        Err(error)
    }

    /// Throws the connection away: what it leads to may have been replaced, and only a new one finds out by whom.
    pub(super) fn doubt(&self) {
        self.current().connection = None;
    }

    fn discard(&self, session: u64) {
        let mut current = self.current();
        if current.session == session {
            current.connection = None;
        }
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Trouble> {
        let _one_at_a_time = self.connecting.lock().await;
        {
            let current = self.current();
            if let Some(connection) = &current.connection {
                return Ok((current.session, connection.clone()));
            }
        }
        let connection = self.server.connect().await?;
        let mut current = self.current();
        current.session += 1;
        current.connection = Some(connection.clone());
        Ok((current.session, connection))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Nothing that can panic is done with it.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
