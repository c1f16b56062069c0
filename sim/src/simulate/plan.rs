//! Decides what each contact is entitled to: the plan that its class states, or the one that the rules make.

use picket_core::{
    AgentId, ExitAction, Finally, Hold, Holds, Joining, Kind, Level, Millis, Need, OfferMode, OfferPolicy, Pick, Plan,
    Promise, PromisedBy, QueueId, SkillId, Step, TeamId, Timestamp, Who,
};
use picket_rules::facts::Facts;

use super::Error;
use super::place::Place;
use crate::scenario::{Class, FinallyFrom, PlanFrom, Scenario, Span, StepFrom, WhoFrom};

/// How plans of a class are made.
#[derive(Debug)]
pub(super) enum PlanOf {
    /// Always this one; customers have the leads in turn.
    Stated(Box<Plan>, Vec<AgentId>),
    /// By the rules, from these facts; customers have the leads in turn.
    Ruled(Box<Facts>, Vec<String>),
}

impl PlanOf {
    pub(super) fn new(scenario: &Scenario, place: &Place, class: &Class) -> Self {
        match &class.plan {
            Some(from) => {
                let fence = from.fence.as_deref();
                let members = scenario.teams.iter().filter(|team| Some(team.name.as_str()) == fence);
                let leads = members.flat_map(|team| place.members(&team.agents)).collect();
                Self::Stated(Box::new(stated(scenario, place, from)), leads)
            }
            None => {
                let facts = Facts {
                    contact: class.contact.clone().unwrap_or_default(),
                    customer: class.customer.clone(),
                    account: class.account.clone(),
                    ..Facts::default()
                };
                Self::Ruled(Box::new(facts), class.leads.clone())
            }
        }
    }

    /// The plan of one customer's contact.
    pub(super) fn plan(&self, place: &Place, customer: u32, now: Timestamp) -> Result<Plan, Error> {
        let turn = |length: usize| (customer as usize).checked_rem(length);
        match self {
            Self::Stated(plan, leads) => {
                let mut plan = Plan::clone(plan);
                if plan.steps.first().is_some_and(|step| step.who == Who::Lead) {
                    plan.lead = turn(leads.len()).and_then(|turn| leads.get(turn)).copied();
                }
                Ok(plan)
            }
            Self::Ruled(facts, leads) => {
                let mut facts = Facts::clone(facts);
                if let Some(lead) = turn(leads.len()).and_then(|turn| leads.get(turn)) {
                    facts.customer.get_or_insert_default().lead = Some(lead.clone());
                }
                let Some(rules) = &place.rules else { return Err(picket_rules::plan::Error::NoQueue.into()) };
                Ok(rules.plan(&facts, &place.names, now, 1)?.plan)
            }
        }
    }
}

fn stated(scenario: &Scenario, place: &Place, from: &PlanFrom) -> Plan {
    let number = |kind, name: &str| place.names.find(kind, name).unwrap_or(u32::MAX);
    let fence = from.fence.as_deref().map(|team| TeamId(number(Kind::Team, team)));
    let queue = scenario.queues.iter().find(|queue| queue.name == from.queue);
    let pick = queue.map_or(Pick::LongestIdle, |queue| queue.pick);
    let steps = steps_of(from).iter().map(|step| step_of(step, pick)).collect::<Vec<_>>();
    let last = match from.finally {
        FinallyFrom::Stay => ExitAction::Stay,
        FinallyFrom::Open => ExitAction::Open,
    };
    let by = match (fence, steps.first().map(|step| step.who)) {
        (Some(_), Some(Who::Lead)) => PromisedBy::Lead,
        (Some(_), _) => PromisedBy::Team,
        (None, _) => PromisedBy::Anyone,
    };
    Plan {
        rules: 1,
        urgency: from.urgency,
        queue: QueueId(number(Kind::Queue, &from.queue)),
        fence,
        lead: None,
        promise: Promise { within: from.promise.core(), by },
        needs: from
            .needs
            .iter()
            .map(|(skill, level)| Need { skill: SkillId(number(Kind::Skill, skill)), level: Level(*level) })
            .collect(),
        steps,
        finally: Finally { busy: last, closed_hours: last, holiday: last, no_cover: last },
        offer: OfferPolicy {
            mode: OfferMode::Auto,
            expires: Millis::from_secs(20),
            accept_within: Millis::ZERO,
            misses: 0,
            away_for: Millis::ZERO,
        },
        wrap_up: from.wrap_up.core(),
        longest: None,
    }
}

/// The steps as written, or those that the two holds are short for.
fn steps_of(from: &PlanFrom) -> Vec<StepFrom> {
    if !from.steps.is_empty() {
        return from.steps.clone();
    }
    let step = |who, hold: Span| StepFrom { who, hold, only: false };
    let own = from.hold_own.map(|hold| step(WhoFrom::Own, hold));
    let team = from.hold_team.map(|hold| step(WhoFrom::Team, hold));
    let held: Vec<StepFrom> = own.into_iter().chain(team).collect();
    match (held.is_empty(), &from.fence) {
        (false, _) => held,
        (true, Some(_)) => vec![step(WhoFrom::Team, Span::default())],
        (true, None) => vec![step(WhoFrom::Queue, Span::millis(f64::from(u32::MAX)))],
    }
}

fn step_of(from: &StepFrom, pick: Pick) -> Step {
    let who = match from.who {
        WhoFrom::Own => Who::Lead,
        WhoFrom::Backups => Who::Backups,
        WhoFrom::Team => Who::Team(None),
        WhoFrom::Covers => Who::Covers,
        WhoFrom::Queue => Who::Queue,
    };
    let (hold, none) = (Hold::For(from.hold.core()), Hold::For(Millis::ZERO));
    let holds = match who {
        Who::Queue => Holds::all(hold),
        Who::Agent(_) | Who::Lead | Who::Backups | Who::Team(_) | Who::Covers => {
            Holds { busy: hold, away: hold, absent: none, off_shift: none, left: none }
        }
    };
    Step {
        who,
        holds,
        joining: if from.only { Joining::Only } else { Joining::Widens },
        needs: Vec::new(),
        bypass: picket_core::Bypass::default(),
        pick: if who == Who::Queue { pick } else { Pick::LongestIdle },
    }
}
