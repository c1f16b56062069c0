//! Decides what is shown of dedicated teams: who is in, who is free, what the reserve is, who waits behind the fence.

use axum::Json;
use axum::extract::State;
use picket_core::{Kind, Member, TeamId, TeamView};
use serde_json::{Value, json};

use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::shards::Which;
use super::{Api, names};
use crate::shard::ShardState;

/// `GET /v1/teams`: every team.
pub(super) async fn list(State(api): State<Api>, which: Query<Which>) -> Result<Json<Value>, Refusal> {
    api.all_of(which, "teams", |state| state.router.teams().map(|team| shown(state, &team)).collect())
}

/// `GET /v1/teams/{id}`: one team.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    which: Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let unknown = Refusal::unknown("unknown_team", "no team of this id is known");
    api.one_of(which, unknown, |state| {
        let number = state.names.find(Kind::Team, &id)?;
        Some(shown(state, &state.router.team(TeamId(number))?))
    })
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
