//! Decides what is shown of agents: readiness per channel, capacity in use, what they have and what lies before them.

use axum::Json;
use axum::extract::State;
use picket_core::{AgentId, AgentView, ChannelPresence, Kind, StateCause, StateSetter};
use serde_json::{Value, json};

use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::shards::Which;
use super::{Api, contacts, names};
use crate::shard::ShardState;

/// `GET /v1/agents`: every agent.
pub(super) async fn list(State(api): State<Api>, which: Query<Which>) -> Result<Json<Value>, Refusal> {
    api.all_of(which, "agents", |state| state.router.agents().map(|agent| shown(state, &agent)).collect())
}

/// `GET /v1/agents/{id}`: one agent.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    which: Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let unknown = Refusal::unknown("unknown_agent", "no agent of this id is known");
    api.one_of(which, unknown, |state| {
        let number = state.names.find(Kind::Agent, &id)?;
        Some(shown(state, &state.router.agent(AgentId(number))?))
    })
}

fn shown(state: &ShardState, agent: &AgentView<'_>) -> Value {
    let spec = agent.spec;
    let contact = |id: &picket_core::ContactId| names::contact(state, *id);
    json!({
        "agent": names::agent(state, agent.id),
        "channels": agent.channels.iter().map(|one| channel(state, one)).collect::<Value>(),
        "points": { "have": spec.points, "in_use": agent.points_in_use },
        "skills": spec.skills.iter().map(|(skill, level)| (names::skill(state, *skill), json!(level.0))).collect::<Value>(),
        "queues": spec.queues.iter().map(|queue| names::queue(state, *queue)).collect::<Vec<_>>(),
        "slots": spec.slots.iter().map(|(one, slots)| (names::channel(state, *one), json!(slots))).collect::<Value>(),
        "shift": spec.shift.map(|hours| names::calendar(state, hours)),
        "teams": agent.teams.iter().map(|team| names::team(state, *team)).collect::<Vec<_>>(),
        "contacts": agent.contacts.iter().map(contact).collect::<Vec<_>>(),
        "consults": agent.consults.iter().map(contact).collect::<Vec<_>>(),
        "over_capacity": agent.over_capacity.iter().map(contact).collect::<Vec<_>>(),
        "parked": agent.parked.iter().map(contact).collect::<Vec<_>>(),
        "offers": agent.offers.iter().filter_map(|id| contacts::offer(state, *id)).collect::<Vec<_>>(),
        "absent_until": agent.absent_until.map(names::time),
        "deputy": agent.deputy.map(|deputy| names::agent(state, deputy)),
        "lost": agent.lost,
        "login": names::time(agent.login),
    })
}

fn channel(state: &ShardState, one: &ChannelPresence) -> (String, Value) {
    let (cause, reason) = match one.cause {
        StateCause::Said(reason) => ("said", reason.map(|reason| names::reason(state, reason))),
        StateCause::NoAnswer => ("no_answer", None),
        StateCause::HeartbeatLost => ("heartbeat_lost", None),
        StateCause::PauseOver => ("pause_over", None),
    };
    let by = match one.by {
        StateSetter::Source(source) => json!({ "source": names::source(state, source) }),
        StateSetter::Supervisor => json!("supervisor"),
        StateSetter::Picket => json!("picket"),
    };
    let shown = json!({
        "state": names::word(&one.presence),
        "cause": cause,
        "reason": reason,
        "by": by,
        "since": names::time(one.since),
        "until": one.until.map(names::time),
        "free": one.free,
        "idle_since": names::time(one.idle_since),
    });
    (names::channel(state, one.channel), shown)
}
