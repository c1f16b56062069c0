//! Decides how connections are taken and ended: bounded in number, patient with heads only so long, drained at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shard;
use crate::settings::Settings;
use crate::shard::ports::DeadLetters;
use crate::telemetry::Metrics;

/// How long to wait after a connection could not be taken, which is when files run out.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The API, bound to its address.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    connections: Arc<Semaphore>,
    header_timeout: Duration,
    drain: Duration,
    drained: CancellationToken,
}

impl Server {
    /// Binds to `http.listen`. Requests are answered once [`Server::run`] is called, until `drained` is cancelled.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(
        settings: &Settings,
        shards: Arc<[Shard]>,
        dead: Arc<dyn DeadLetters>,
        metrics: Arc<Metrics>,
        drained: CancellationToken,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.http.listen).await?;
        let address = listener.local_addr()?;
        let router = super::router(settings, shards, dead, metrics, drained.clone());
        let connections = Arc::new(Semaphore::new(settings.http.connections));
        let header_timeout = settings.http.header_timeout.duration();
        let drain = settings.http.drain.duration();
        Ok(Self { listener, address, router, connections, header_timeout, drain, drained })
    }

    /// Where it listens; with port 0 in the settings, the port the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `drained` is cancelled, then lets requests under way end, for at most `http.drain`.
    pub async fn run(self) {
        let mut open = JoinSet::new();
        while let Some((stream, permit)) = self.next_connection().await {
            open.spawn(self.connection(stream, permit));
            while open.try_join_next().is_some() {}
        }
        while open.join_next().await.is_some() {}
    }

    /// The next connection as soon as there is room for one; none when the API is drained.
    async fn next_connection(&self) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        loop {
            let taken = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
                Some((self.listener.accept().await, permit))
            };
            let (accepted, permit) = tokio::select! {
                () = self.drained.cancelled() => return None,
                taken = taken => taken?,
            };
            match accepted {
                Ok((stream, _)) => return Some((stream, permit)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// One connection, to its end.
    fn connection(&self, stream: TcpStream, permit: OwnedSemaphorePermit) -> impl Future<Output = ()> + use<> {
        let service = TowerToHyperService::new(self.router.clone());
        let (timeout, drain, drained) = (self.header_timeout, self.drain, self.drained.clone());
        async move {
            let _permit = permit;
            // Live feeds are small messages that must not wait for more.
            let _ = stream.set_nodelay(true);
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(timeout)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = drained.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    match tokio::time::timeout(drain, connection).await {
                        Ok(ended) => ended,
                        Err(_) => return tracing::warn!("a request did not end in time and was cut off"),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
        }
    }
}
