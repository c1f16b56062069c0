//! Decides how a plan is shown: every step with its people, holds and needs, by name.

use picket_core::{ExitAction, Finally, Hold, Holds, Joining, Need, Outcome, Plan, Step, Who};
use serde_json::{Value, json};

use super::names;
use crate::shard::ShardState;

/// A whole plan.
pub(super) fn plan(state: &ShardState, plan: &Plan) -> Value {
    json!({
        "rules": plan.rules,
        "urgency": names::word(&plan.urgency),
        "queue": names::queue(state, plan.queue),
        "fence": plan.fence.map(|team| names::team(state, team)),
        "lead": plan.lead.map(|agent| names::agent(state, agent)),
        "promise": { "within_ms": plan.promise.within.0, "by": names::word(&plan.promise.by) },
        "needs": needs(state, &plan.needs),
        "steps": plan.steps.iter().map(|each| step(state, each)).collect::<Vec<_>>(),
        "finally": finally(state, &plan.finally),
        "offer": {
            "mode": names::word(&plan.offer.mode),
            "expires_ms": plan.offer.expires.0,
            "accept_within_ms": plan.offer.accept_within.0,
            "misses": plan.offer.misses,
        },
        "wrap_up_ms": plan.wrap_up.0,
        "longest_ms": plan.longest.map(|span| span.0),
    })
}

/// Skills at levels, by name.
pub(super) fn needs(state: &ShardState, needs: &[Need]) -> Value {
    needs.iter().map(|need| (names::skill(state, need.skill), json!(need.level.0))).collect()
}

fn step(state: &ShardState, step: &Step) -> Value {
    json!({
        "who": who(state, step.who),
        "hold_ms": holds(state, &step.holds),
        "only": step.joining == Joining::Only,
        "needs": needs(state, &step.needs),
        "bypass": names::word(&step.bypass),
        "pick": names::word(&step.pick),
    })
}

fn who(state: &ShardState, who: Who) -> Value {
    match who {
        Who::Agent(agent) => json!({ "agent": names::agent(state, agent) }),
        Who::Team(Some(role)) => json!({ "team": { "role": names::role(state, role) } }),
        Who::Team(None) => json!("team"),
        Who::Lead => json!("lead"),
        Who::Backups => json!("backups"),
        Who::Covers => json!("covers"),
        Who::Queue => json!("queue"),
    }
}

fn holds(state: &ShardState, holds: &Holds) -> Value {
    let hold = |hold: Hold| match hold {
        Hold::For(span) => json!(span.0),
        Hold::Smart(span, least) => json!({ "smart": span.0, "least_permille": least }),
        Hold::Working(span, calendar) => json!({ "working": span.0, "hours": names::calendar(state, calendar) }),
    };
    json!({
        "busy": hold(holds.busy),
        "away": hold(holds.away),
        "absent": hold(holds.absent),
        "off_shift": hold(holds.off_shift),
        "left": hold(holds.left),
    })
}

fn finally(state: &ShardState, finally: &Finally) -> Value {
    json!({
        "busy": exit(state, finally.busy),
        "closed_hours": exit(state, finally.closed_hours),
        "holiday": exit(state, finally.holiday),
        "no_cover": exit(state, finally.no_cover),
    })
}

/// What is done at the end of a plan.
pub(super) fn exit(state: &ShardState, action: ExitAction) -> Value {
    match action {
        ExitAction::Stay => json!("stay"),
        ExitAction::Open => json!("open"),
        ExitAction::Callback => json!("callback"),
        ExitAction::Overflow(to) => json!({ "overflow": names::queue(state, to) }),
        ExitAction::Divert(to) => json!({ "divert": names::destination(state, to) }),
    }
}

/// How a contact ended.
pub(super) fn outcome(state: &ShardState, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Handled { agent, wrap_up_expired } => {
            json!({ "outcome": "handled", "agent": names::agent(state, agent), "wrap_up_expired": wrap_up_expired })
        }
        Outcome::Abandoned { waited, while_offered } => {
            json!({ "outcome": "abandoned", "waited_ms": waited.0, "while_offered": while_offered })
        }
        Outcome::Diverted { to, cause } => {
            json!({ "outcome": "diverted", "to": names::destination(state, to), "cause": names::word(&cause) })
        }
        Outcome::Expired => json!({ "outcome": "expired" }),
        Outcome::Withdrawn(end) => json!({ "outcome": "withdrawn", "cause": names::word(&end) }),
        Outcome::Forwarded => json!({ "outcome": "forwarded" }),
    }
}
