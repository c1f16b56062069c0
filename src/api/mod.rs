//! Decides what is asked and answered over HTTP: events in, the live feed out, and committed state, one file per resource.

mod agents;
mod auth;
mod contacts;
mod dead;
mod events;
mod extract;
mod health;
mod names;
mod plan;
mod queues;
mod refusal;
mod server;
mod shards;
mod stream;
mod teams;
mod why;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::settings::{ClockKind, Settings};
use crate::shard::ports::DeadLetters;
use crate::telemetry::Metrics;

pub use server::Server;
pub use shards::Shard;

/// What every request can reach. Cheap to clone.
#[derive(Clone, Debug)]
struct Api(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shards: Arc<[Shard]>,
    dead: Arc<dyn DeadLetters>,
    metrics: Arc<Metrics>,
    access: auth::Access,
    clock: ClockKind,
    body_limit: usize,
    body_timeout: Duration,
    streams: Arc<Semaphore>,
    keep_alive: Duration,
    retry: Duration,
    /// Ends live feeds, which would otherwise never end.
    drained: CancellationToken,
}

impl Api {
    fn new(
        settings: &Settings,
        shards: Arc<[Shard]>,
        dead: Arc<dyn DeadLetters>,
        metrics: Arc<Metrics>,
        drained: CancellationToken,
    ) -> Self {
        let http = &settings.http;
        Self(Arc::new(Shared {
            shards,
            dead,
            metrics,
            access: auth::Access::new(http),
            clock: settings.clock.kind,
            body_limit: http.body_limit_bytes,
            body_timeout: http.body_timeout.duration(),
            streams: Arc::new(Semaphore::new(http.streams)),
            keep_alive: http.keep_alive.duration(),
            retry: http.retry.duration(),
            drained,
        }))
    }

    /// Every route there is. What needs which right is decided in `auth`.
    fn router(self) -> Router {
        Router::new()
            .route("/", get(health::index))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(health::metrics))
            .route("/v1/events", post(events::take))
            .route("/v1/stream", get(stream::follow))
            .route("/v1/contacts", get(contacts::list))
            .route("/v1/contacts/{id}", get(contacts::one))
            .route("/v1/contacts/{id}/why", get(why::one))
            .route("/v1/agents", get(agents::list))
            .route("/v1/agents/{id}", get(agents::one))
            .route("/v1/teams", get(teams::list))
            .route("/v1/teams/{id}", get(teams::one))
            .route("/v1/queues", get(queues::list))
            .route("/v1/queues/{id}", get(queues::one))
            .route("/v1/shards", get(shards::list))
            .route("/v1/dead", get(dead::list))
            .route("/v1/dead/{id}", get(dead::one).delete(dead::drop_one))
            .route("/v1/dead/{id}/replay", post(dead::replay))
            .fallback(refusal::nothing_here)
            .method_not_allowed_fallback(refusal::wrong_method)
            .layer(axum::middleware::from_fn_with_state(self.clone(), auth::guard))
            .with_state(self)
    }
}

/// Everything that is answered, for whoever brings requests without a connection; [`Server`] answers the same.
pub fn router(
    settings: &Settings,
    shards: Arc<[Shard]>,
    dead: Arc<dyn DeadLetters>,
    metrics: Arc<Metrics>,
    drained: CancellationToken,
) -> Router {
    Api::new(settings, shards, dead, metrics, drained).router()
}

#[cfg(test)]
mod tests;
