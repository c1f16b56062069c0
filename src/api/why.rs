//! Decides how it is explained why a contact still waits: what it waits for and when that is expected, each step with its
//! hold, and everybody looked at with the check each of them fails.

use axum::Json;
use axum::extract::State;
use picket_core::{Candidate, Check, ContactState, ContactView, Decision, Estimate};
use serde_json::{Map, Value, json};

use super::contacts::{self, Which};
use super::extract::{Path, Query};
use super::refusal::Refusal;
use super::{Api, names, plan};
use crate::shard::ShardState;

/// `GET /v1/contacts/{id}/why`: why a contact waits; `source` tells apart those of several platforms.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    contacts::find(&api, &id, &which, shown)
}

fn shown(state: &ShardState, contact: &ContactView<'_>) -> Value {
    let decision = state.router.why(contact.id, state.time);
    let estimates = state.router.estimates(contact.id, state.time).unwrap_or_default();
    let expected = |estimate: Option<Estimate>| estimate.map(|estimate| estimated(state, estimate));
    let mut shown = contacts::short(state, contact);
    let more = json!({
        "rules": contact.plan.rules,
        "held_until": contact.held_until.map(names::time),
        "waits_for": waits_for(state, contact),
        "expected": { "own": expected(estimates.own), "any": expected(estimates.any) },
        "chance_permille": state.router.chance_permille(contact.id, state.time),
        "steps": steps(state, contact),
        "finally": plan::plan(state, contact.plan)["finally"],
        "longest_ms": contact.plan.longest.map(|longest| longest.0),
        "offers": contact.offers.iter().filter_map(|id| contacts::offer(state, *id)).collect::<Vec<_>>(),
        "candidates": decision.as_ref().map(|decision| candidates(state, decision)),
        "others": decision.as_ref().map(others),
        "outcome": contact.outcome.map(|outcome| plan::outcome(state, outcome)),
        "as_of": { "time": names::time(state.time), "record": state.head.seq, "output": state.outputs },
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    shown
}

/// An expected wait, and the moment at which it would be over.
pub(super) fn estimated(state: &ShardState, estimate: Estimate) -> Value {
    json!({
        "wait_ms": estimate.wait.0,
        "band_ms": estimate.band.0,
        "at": names::time(state.time + estimate.wait),
    })
}

/// What happens next, and when at the latest.
fn waits_for(state: &ShardState, contact: &ContactView<'_>) -> Value {
    let (what, until) = match contact.state {
        ContactState::Scheduled => ("its_time", contact.due),
        ContactState::Waiting => ("somebody_free", contact.step_until),
        ContactState::Offered => {
            let ends = contact.offers.iter().filter_map(|id| state.router.offer(*id)).map(|offer| offer.expires_at);
            ("an_answer", ends.max())
        }
        ContactState::Assigned => ("a_connection", contact.due),
        ContactState::Connected => ("its_end", None),
        ContactState::Orphaned => ("its_agent_to_return", contact.due),
        ContactState::WrapUp => ("after_contact_work", contact.due),
        ContactState::Parked => ("the_customer", None),
        ContactState::Closed => ("nothing", None),
    };
    json!({ "what": what, "until": until.map(names::time) })
}

fn steps(state: &ShardState, contact: &ContactView<'_>) -> Vec<Value> {
    let planned = plan::plan(state, contact.plan);
    let steps = planned["steps"].as_array().cloned().unwrap_or_default();
    let step = |(number, mut step): (usize, Value)| {
        let reached = usize::from(contact.step);
        let is_now = number == reached;
        let now = if is_now {
            "now"
        } else if number < reached {
            "begun"
        } else {
            "to_come"
        };
        if let Value::Object(step) = &mut step {
            step.insert("state".to_owned(), json!(now));
            step.insert("since".to_owned(), json!(is_now.then(|| names::time(contact.step_since))));
            step.insert("until".to_owned(), json!(contact.step_until.filter(|_| is_now).map(names::time)));
        }
        step
    };
    steps.into_iter().enumerate().map(step).collect()
}

fn candidates(state: &ShardState, decision: &Decision) -> Vec<Value> {
    let shown = |(rank, candidate): (usize, &Candidate)| {
        json!({
            "rank": rank + 1,
            "agent": names::agent(state, candidate.agent),
            "standing": names::word(&candidate.standing),
            "step": candidate.step,
            "check": names::word(&candidate.check),
            "slots_in_use": candidate.slots.0,
            "slots": candidate.slots.1,
            "points_in_use": candidate.points.0,
            "points": candidate.points.1,
        })
    };
    decision.candidates.iter().enumerate().map(shown).collect()
}

fn others(decision: &Decision) -> Value {
    let word = |check: &Check| names::word(check).as_str().unwrap_or("unknown").to_owned();
    let counts: Map<String, Value> = decision.others.iter().map(|(check, count)| (word(check), json!(count))).collect();
    Value::Object(counts)
}
