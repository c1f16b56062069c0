//! Decides what is shown of shards: who owns each, and how far this daemon's knowledge of it reaches.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Api, names};

/// `GET /v1/shards`: every shard of this daemon.
pub(super) async fn list(State(api): State<Api>) -> Json<Value> {
    let health = api.0.shard.health();
    let model = api.0.shard.model();
    let state = match (health.active, health.standby) {
        (true, _) => "owner",
        (false, true) => "standby",
        (false, false) => "starting",
    };
    // Who stands by is not in trouble.
    let trouble = if health.standby { None } else { health.trouble() };
    Json(json!({ "shards": [{
        "shard": api.0.name,
        "state": state,
        "owner": health.owner.as_ref().map(|owner| &owner.name),
        "since": health.owner.as_ref().map(|owner| names::time(owner.since)),
        "token": health.owner.as_ref().and_then(|owner| owner.token.as_ref()),
        "record": model.head.seq,
        "time": (model.head.seq > 0).then(|| names::time(model.time)),
        "outputs": model.outputs,
        "trouble": trouble,
    }] }))
}
