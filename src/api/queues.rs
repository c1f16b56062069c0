//! Decides what is shown of queues: who waits, who serves, what is promised and whether it is kept.

use axum::Json;
use axum::extract::State;
use picket_core::{Kind, QueueId, QueueOrder, QueueView};
use serde_json::{Value, json};

use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::shards::Which;
use super::{Api, names, plan, why};
use crate::shard::ShardState;

/// `GET /v1/queues`: every queue.
pub(super) async fn list(State(api): State<Api>, which: Query<Which>) -> Result<Json<Value>, Refusal> {
    api.all_of(which, "queues", |state| state.router.queues().map(|queue| shown(state, &queue)).collect())
}

/// `GET /v1/queues/{id}`: one queue.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    which: Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let unknown = Refusal::unknown("unknown_queue", "no queue of this id is known");
    api.one_of(which, unknown, |state| {
        let number = state.names.find(Kind::Queue, &id)?;
        Some(shown(state, &state.router.queue(QueueId(number))?))
    })
}

fn shown(state: &ShardState, queue: &QueueView<'_>) -> Value {
    let spec = queue.spec;
    let order = match &spec.order {
        QueueOrder::Promise => "promise",
        QueueOrder::Fifo => "fifo",
        QueueOrder::Due(_) => "due",
    };
    json!({
        "queue": names::queue(state, queue.id),
        "waiting": queue.waiting,
        "oldest_since": queue.oldest_since.map(names::time),
        "staff": queue.staff,
        "estimates": estimates(state, queue.id),
        "needs": plan::needs(state, &spec.needs),
        "order": order,
        "pick": names::word(&spec.pick),
        "limit": spec.limit.map(|limit| json!({
            "length": limit.length,
            "wait_ms": limit.wait.map(|wait| wait.0),
            "then": plan::exit(state, limit.then),
        })),
        "floor": spec.floor.map(|floor| json!({
            "share_permille": floor.share_permille,
            "within_ms": floor.within.0,
            "over_ms": floor.over.0,
            "now_permille": state.router.service_permille(queue.id, state.time),
        })),
        "hours": spec.hours.map(|hours| names::calendar(state, hours)),
        "closed": plan::exit(state, spec.closed),
    })
}

/// What one more contact would wait, where anybody waited lately: by channel and urgency.
fn estimates(state: &ShardState, queue: QueueId) -> Vec<Value> {
    let shown = |(channel, urgency, estimate)| {
        let mut shown = why::estimated(state, estimate);
        shown["channel"] = json!(names::channel(state, channel));
        shown["urgency"] = names::word(&urgency);
        shown
    };
    state.router.queue_estimates(queue, state.time).map(shown).collect()
}
