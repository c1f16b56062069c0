//! Decides what is said about the daemon itself: whether it lives, whether it can route, what it counts, what it offers.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use picket_core::Presence;
use serde_json::{Value, json};

use super::{Api, Shard, contacts, names};
use crate::settings::ClockKind;
use crate::telemetry::{self, Gauges};

/// `GET /`: what there is.
pub(super) async fn index(State(api): State<Api>) -> Json<Value> {
    let clock = match api.0.clock {
        ClockKind::System => "system",
        ClockKind::Driven => "driven",
    };
    Json(json!({
        "name": "picket",
        "version": env!("CARGO_PKG_VERSION"),
        "clock": clock,
        "send": "POST /v1/events",
        "follow": "GET /v1/stream",
        "look": ["/v1/contacts", "/v1/contacts/{id}/why", "/v1/agents", "/v1/teams", "/v1/queues", "/v1/shards", "/v1/dead"],
        "health": ["/healthz", "/readyz", "/metrics"],
    }))
}

/// `GET /healthz`: 200 as long as requests are answered. A dependency that is away is no reason to restart.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /readyz`: 200 when events are taken and decided, otherwise 503 with what is wrong.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let healths: Vec<_> = api.0.shards.iter().map(|shard| (&shard.name, shard.handle.health())).collect();
    // Of several shards some may be another daemon's, as long as one is this one's.
    let is_ready = healths.iter().any(|(_, health)| health.ready())
        && healths.iter().all(|(_, health)| health.ready() || health.standby);
    let (status, word) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let dependencies: Vec<Value> = healths
        .iter()
        .flat_map(|(shard, health)| health.dependencies.iter().map(move |one| (shard, one)))
        .map(|(shard, one)| json!({ "shard": shard, "name": one.name, "trouble": one.trouble }))
        .collect();
    let troubles = healths.iter().filter(|(_, health)| !is_ready || !health.standby);
    let troubles: Vec<String> = troubles
        .filter_map(|(shard, health)| Some((shard, health.trouble()?)))
        .map(|(shard, trouble)| if healths.len() == 1 { trouble } else { format!("{shard}: {trouble}") })
        .collect();
    let why = (!troubles.is_empty()).then(|| troubles.join("; "));
    (status, Json(json!({ "status": word, "why": why, "dependencies": dependencies }))).into_response()
}

/// `GET /metrics`: OpenMetrics text.
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let now: Vec<Gauges> = api.0.shards.iter().map(gauges).collect();
    match api.0.metrics.render(&now) {
        Ok(text) => ([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn gauges(shard: &Shard) -> Gauges {
    let state = &*shard.handle.model();
    let queues = state.router.queues().map(|queue| (names::queue(state, queue.id), i64::from(queue.waiting))).collect();
    let mut contacts: Vec<(&'static str, i64)> = contacts::STATES.iter().map(|word| (*word, 0)).collect();
    for contact in state.router.contacts() {
        let word = contacts::word(contact.state);
        if let Some((_, count)) = contacts.iter_mut().find(|(state, _)| *state == word) {
            *count += 1;
        }
    }
    let mut agents = [Presence::Ready, Presence::NotReady, Presence::Offline].map(|presence| (presence, 0));
    for agent in state.router.agents() {
        // On several channels, the readiest one counts.
        let has = |presence| agent.channels.iter().any(|channel| channel.presence == presence);
        let index = if has(Presence::Ready) { 0 } else { 2 - usize::from(has(Presence::NotReady)) };
        agents[index].1 += 1;
    }
    let label = |presence| match presence {
        Presence::Offline => telemetry::Presence::Offline,
        Presence::Ready => telemetry::Presence::Ready,
        Presence::NotReady => telemetry::Presence::NotReady,
    };
    let agents = agents.into_iter().map(|(presence, count)| (label(presence), count)).collect();
    let health = shard.handle.health();
    Gauges {
        shard: shard.name.clone(),
        rules: state.rules.as_ref().map(|rules| (rules.number, rules.hash.clone())),
        dependencies: health.dependencies.iter().map(|one| (one.name, one.trouble.is_none())).collect(),
        queues,
        contacts,
        agents,
        subscribers: i64::try_from(shard.handle.feed().subscribers()).unwrap_or(i64::MAX),
    }
}
