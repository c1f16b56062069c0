//! Decides what is shown of dedicated teams: who is in, who is free, what the reserve is, who waits behind the fence.

use axum::Json;
use axum::extract::State;
use picket_core::{Kind, Member, TeamId, TeamView};
use serde_json::{Value, json};

use super::extract::Path;
use super::refusal::Refusal;
use super::{Api, names};
use crate::shard::ShardState;

/// `GET /v1/teams`: every team.
pub(super) async fn list(State(api): State<Api>) -> Json<Value> {
    let model = api.0.shard.model();
    let teams: Vec<Value> = model.router.teams().map(|team| shown(&model, &team)).collect();
    Json(json!({ "teams": teams }))
}

/// `GET /v1/teams/{id}`: one team.
pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let model = api.0.shard.model();
    let team = model.names.find(Kind::Team, &id).and_then(|number| model.router.team(TeamId(number)));
    let team = team.ok_or_else(|| Refusal::unknown("unknown_team", "no team of this id is known"))?;
    Ok(Json(shown(&model, &team)))
}

fn shown(state: &ShardState, team: &TeamView<'_>) -> Value {
    let spec = team.spec;
    let queues = |queues: &[picket_core::QueueId]| -> Vec<String> {
        queues.iter().map(|queue| names::queue(state, *queue)).collect()
    };
    let idle = team.idle.iter().map(|one| (names::channel(state, one.channel), json!(one.idle)));
    let lent = team
        .lent_to
        .iter()
        .map(|(queue, until)| json!({ "queue": names::queue(state, *queue), "until": names::time(*until) }));
    json!({
        "team": names::team(state, team.id),
        "members": spec.members.iter().map(|one| member(state, team, one)).collect::<Vec<_>>(),
        "covers": spec.covers.iter().map(|cover| names::team(state, *cover)).collect::<Vec<_>>(),
        "idle": idle.collect::<Value>(),
        "reserve": { "defined": team.reserve, "effective": team.effective_reserve, "released_for": queues(team.released_for) },
        "lends_to": queues(&spec.lends_to),
        "lent_to": lent.collect::<Vec<_>>(),
        "hours": spec.hours.map(|hours| names::calendar(state, hours)),
        "waiting": team.waiting,
        "oldest_since": team.oldest_since.map(names::time),
    })
}

fn member(state: &ShardState, team: &TeamView<'_>, member: &Member) -> Value {
    json!({
        "agent": names::agent(state, member.agent),
        "rank": member.rank,
        "role": member.role.map(|role| names::role(state, role)),
        "from": member.from.map(names::time),
        "until": member.until.map(names::time),
        "now": team.members.contains(&member.agent),
    })
}
