//! Decides what is shown of contacts: a page of them, or one with its plan, fence, offers and what it waits for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use picket_core::{ContactId, ContactState, ContactView, OfferId, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::{Api, names, plan, shards, why};
use crate::shard::ShardState;

/// Contacts on one page, unless fewer are asked for.
const PAGE: usize = 200;

/// Contacts on one page at most.
const LARGEST_PAGE: usize = 1000;

/// Every state there is, in the order of a contact's life.
pub(super) const STATES: [&str; 9] =
    ["scheduled", "waiting", "offered", "assigned", "connected", "orphaned", "wrap_up", "parked", "closed"];

/// The contract's word for a state.
pub(super) const fn word(state: ContactState) -> &'static str {
    match state {
        ContactState::Scheduled => "scheduled",
        ContactState::Waiting => "waiting",
        ContactState::Offered => "offered",
        ContactState::Assigned => "assigned",
        ContactState::Connected => "connected",
        ContactState::Orphaned => "orphaned",
        ContactState::WrapUp => "wrap_up",
        ContactState::Parked => "parked",
        ContactState::Closed => "closed",
    }
}

/// What may stand in the query of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Comma list of states; none means all but closed.
    state: Option<String>,
    source: Option<String>,
    queue: Option<String>,
    team: Option<String>,
    agent: Option<String>,
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<u32>,
    /// Which of several shards; each numbers its contacts by itself.
    shard: Option<String>,
}

/// `GET /v1/contacts`: a page of contacts in order of arrival, and where the next one begins.
pub(super) async fn list(State(api): State<Api>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Refusal> {
    let states: Vec<&str> = match &wanted.state {
        Some(list) => list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect(),
        None => STATES.into_iter().filter(|word| *word != "closed").collect(),
    };
    if let Some(wrong) = states.iter().find(|word| !STATES.contains(word)) {
        let detail = format!("`{wrong}` is no state of a contact; there are {}", STATES.join(", "));
        return Err(Refusal::bad_request("unknown_state", detail));
    }
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let shard = api.one_shard(wanted.shard.as_deref())?;
    let model = shard.handle.model();
    let state = &*model;
    let fits = |contact: &ContactView<'_>| {
        let same = |want: &Option<String>, name: &dyn Fn() -> Option<String>| {
            want.as_ref().is_none_or(|want| name().as_ref() == Some(want))
        };
        wanted.after.is_none_or(|after| contact.id.0 > after)
            && states.contains(&word(contact.state))
            && same(&wanted.source, &|| Some(names::source(state, contact.source)))
            && same(&wanted.queue, &|| Some(names::queue(state, contact.plan.queue)))
            && same(&wanted.team, &|| contact.fence.map(|fence| names::team(state, fence.team)))
            && same(&wanted.agent, &|| contact.agent.map(|agent| names::agent(state, agent)))
    };
    let mut page: Vec<(ContactId, Value)> = state
        .router
        .contacts()
        .filter(fits)
        .take(limit + 1)
        .map(|contact| (contact.id, short(state, &contact)))
        .collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|(id, _)| id.0);
    let contacts: Vec<Value> = page.into_iter().map(|(_, contact)| shards::of_shard(contact, &shard.name)).collect();
    Ok(Json(json!({ "contacts": contacts, "next": next })))
}

/// What may stand in the query of one contact.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    source: Option<String>,
    shard: Option<String>,
}

/// `GET /v1/contacts/{id}`: one contact; `source` tells apart those of several platforms.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    find(&api, &id, &which, whole)
}

/// The one contact of an id, shown.
pub(super) fn find(
    api: &Api,
    id: &str,
    which: &Which,
    show: impl Fn(&ShardState, &ContactView<'_>) -> Value,
) -> Result<Json<Value>, Refusal> {
    let mut found = Vec::new();
    let mut sources = Vec::new();
    for shard in api.chosen(which.shard.as_deref())? {
        let model = shard.handle.model();
        let known = match &which.source {
            Some(source) => model.find_contact(source, id).into_iter().collect(),
            None => model.contacts_called(id),
        };
        for contact in known.into_iter().filter_map(|contact| model.router.contact(contact)) {
            sources.push(names::source(&model, contact.source));
            found.push((contact.outcome == Some(Outcome::Forwarded), shard, show(&model, &contact)));
        }
    }
    // A contact that was forwarded is looked for where it went.
    let is_elsewhere = found.iter().any(|(is_forwarded, ..)| !is_forwarded);
    let found = found.into_iter().filter(|(is_forwarded, ..)| !(is_elsewhere && *is_forwarded));
    if sources.iter().any(|source| *source != sources[0]) {
        let detail = format!("several sources have a contact of this id; add ?source= one of {}", sources.join(", "));
        return Err(Refusal::new(StatusCode::CONFLICT, "ambiguous_contact", detail));
    }
    let unknown = Refusal::unknown("unknown_contact", "no contact of this id was received, or it is forgotten");
    shards::only(found.map(|(_, shard, shown)| (shard, shown)), unknown)
}

/// A line of the list.
pub(super) fn short(state: &ShardState, contact: &ContactView<'_>) -> Value {
    json!({
        "contact": names::contact(state, contact.id),
        "source": names::source(state, contact.source),
        "channel": names::channel(state, contact.channel),
        "state": word(contact.state),
        "state_since": names::time(contact.state_since),
        "since": names::time(contact.since),
        "queue": names::queue(state, contact.plan.queue),
        "urgency": names::word(&contact.plan.urgency),
        "fence": fence(state, contact),
        "agent": contact.agent.map(|agent| names::agent(state, agent)),
    })
}

/// Everything about one contact.
fn whole(state: &ShardState, contact: &ContactView<'_>) -> Value {
    let mut shown = short(state, contact);
    let waits = matches!(contact.state, ContactState::Waiting | ContactState::Offered);
    let estimates = state.router.estimates(contact.id, state.time).unwrap_or_default();
    let more = json!({
        "domain": state.meta(contact.id).map(|meta| meta.domain.to_string()),
        "customer_hash": contact.customer.and_then(|customer| state.customer_hash(customer)),
        "thread": contact.thread.map(|thread| names::thread(state, thread)),
        "matter": contact.matter.map(|matter| names::matter(state, matter)),
        "plan": plan::plan(state, contact.plan),
        "step": {
            "index": contact.step,
            "since": names::time(contact.step_since),
            "until": contact.step_until.map(names::time),
        },
        "ahead": if waits { state.router.position(contact.id) } else { None },
        "estimate_own": estimates.own.map(|estimate| why::estimated(state, estimate)),
        "estimate_any": estimates.any.map(|estimate| why::estimated(state, estimate)),
        "offers": contact.offers.iter().filter_map(|id| offer(state, *id)).collect::<Vec<_>>(),
        "handled_by": names::agents(state, contact.handled_by.iter().copied()),
        "excluded": names::agents(state, contact.excluded.iter().copied()),
        "held_until": contact.held_until.map(names::time),
        "consulted": contact.consulted.map(|agent| names::agent(state, agent)),
        "due": contact.due.map(names::time),
        "outcome": contact.outcome.map(|outcome| plan::outcome(state, outcome)),
        "as_of": { "time": names::time(state.time), "record": state.head.seq, "output": state.outputs },
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    shown
}

fn fence(state: &ShardState, contact: &ContactView<'_>) -> Value {
    contact.fence.map_or(Value::Null, |fence| {
        json!({
            "team": names::team(state, fence.team),
            "state": if fence.open.is_some() { "open" } else { "closed" },
            "since": names::time(fence.set_at),
            "reason": fence.open.map(|reason| names::word(&reason)),
            "until": fence.until.map(names::time),
        })
    })
}

/// One offer that is out.
pub(super) fn offer(state: &ShardState, id: OfferId) -> Option<Value> {
    let offer = state.router.offer(id)?;
    Some(json!({
        "offer": names::offer(id),
        "contact": names::contact(state, offer.contact),
        "agent": names::agent(state, offer.agent),
        "standing": names::word(&offer.standing),
        "step": offer.step,
        "mode": names::word(&offer.mode),
        "made_at": names::time(offer.made_at),
        "expires_at": names::time(offer.expires_at),
    }))
}
