//! Decides what people can do with messages that could not be understood: see them, send them again, drop them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use picket_core::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::{Api, names};
use crate::shard::ports::DeadLetter;

/// Dead letters shown at once, unless fewer are asked for.
const PAGE: usize = 100;

/// Dead letters looked at for one of them.
const LOOKED_AT: usize = 10_000;

/// What may stand in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    limit: Option<usize>,
}

/// `GET /v1/dead`: the oldest dead letters, without their bodies.
pub(super) async fn list(State(api): State<Api>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Refusal> {
    let letters = api.0.dead.list(wanted.limit.unwrap_or(PAGE).clamp(1, LOOKED_AT)).await?;
    let shown: Vec<Value> = letters.iter().map(head).collect();
    Ok(Json(json!({ "dead": shown })))
}

/// `GET /v1/dead/{id}`: one, with headers and body.
pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let letters = api.0.dead.list(LOOKED_AT).await?;
    let letter = letters.into_iter().find(|letter| letter.id == id).ok_or_else(unknown)?;
    let mut shown = head(&letter);
    shown["headers"] = letter.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    shown["body_is_text"] = json!(std::str::from_utf8(&letter.body).is_ok());
    shown["body"] = json!(String::from_utf8_lossy(&letter.body));
    Ok(Json(shown))
}

/// `POST /v1/dead/{id}/replay`: sends it to where it came from again, and removes it.
pub(super) async fn replay(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let done = api.0.dead.replay(&id).await?;
    if done { Ok(Json(json!({ "id": id, "result": "replayed" }))) } else { Err(unknown()) }
}

/// `DELETE /v1/dead/{id}`: removes it for good.
pub(super) async fn drop_one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let done = api.0.dead.drop_one(&id).await?;
    if done { Ok(Json(json!({ "id": id, "result": "dropped" }))) } else { Err(unknown()) }
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown_dead_letter", "no dead letter of this id is kept")
}

fn head(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "code": letter.code,
        "detail": letter.detail,
        "at": names::time(Timestamp(letter.at)),
        "shard": letter.shard,
        "exchange": letter.exchange,
        "routing_key": letter.routing_key,
        "content_type": letter.content_type,
        "bytes": letter.body.len(),
    })
}
