//! Decides whether a queue's people can keep its promise at its stated load, by the Erlang A model: Poisson arrivals,
//! exponential handling and patience, one line (Palm 1957; Garnett, Mandelbaum and Reiman 2002).

use crate::codes::Code;
use crate::finding::Finding;
use crate::model::{Load, RuleSet};

/// Waiting places that are reckoned with; beyond them the chance is nothing.
const MOST_WAITING: u32 = 5000;

impl RuleSet {
    /// Promises that the people on a queue can not keep.
    pub(super) fn lint_staffing(&self, findings: &mut Vec<Finding>) {
        for load in &self.loads {
            let Some(queue) = self.queues.get(load.queue) else { continue };
            let agents = self.agents.iter().filter(|agent| agent.queues.contains(&queue.id)).count();
            let agents = u32::try_from(agents).unwrap_or(u32::MAX);
            let wanted = f64::from(queue.share_permille) / 1000.0;
            let within = f64::from(queue.within.0) / 1000.0;
            let reached = answered_within(load, agents, within);
            if reached >= wanted {
                continue;
            }
            let enough = (agents..agents.saturating_add(500)).find(|n| answered_within(load, *n, within) >= wanted);
            let message = format!(
                "`{}` promises {:.0}% within {within:.0} s; with {agents} agents and this load about {:.0}% are answered in time",
                queue.id,
                wanted * 100.0,
                reached * 100.0
            );
            let finding = Finding::new(Code::Understaffed, load.place.clone(), message)
                .also(queue.place.clone(), "promised here");
            findings.push(match enough {
                Some(enough) => finding.help(format!("{enough} agents would keep it, if this were all they did")),
                None => finding,
            });
        }
    }
}

/// The share of contacts answered within so many seconds, of all that come.
fn answered_within(load: &Load, agents: u32, within: f64) -> f64 {
    let arrivals = f64::from(load.per_hour) / 3600.0;
    let service = 1000.0 / f64::from(load.handling.0.max(1));
    let leaving = 1000.0 / f64::from(load.patience.0.max(1));
    if agents == 0 || arrivals <= 0.0 {
        return if agents == 0 { 0.0 } else { 1.0 };
    }
    // Weights of the states of the birth and death process, scaled so that the state "all busy" has weight 1.
    let servers = f64::from(agents);
    let (mut idle, mut weight) = (0.0, 1.0);
    for busy in (1..=agents).rev() {
        weight *= f64::from(busy) * service / arrivals;
        idle += weight;
    }
    let (mut total, mut answered) = (idle + 1.0, idle);
    let (mut weight, mut waiting) = (1.0, 0u32);
    while waiting < MOST_WAITING {
        answered += weight * in_time(waiting, servers * service, leaving, within);
        waiting += 1;
        weight *= arrivals / (servers * service + f64::from(waiting) * leaving);
        total += weight;
        if weight < 1e-12 * total {
            break;
        }
    }
    answered / total
}

/// The chance that a contact with so many before it is answered in time and before its own patience ends. The line
/// before it moves at the rate of its expected length; a normal approximation of its time would change little.
fn in_time(before: u32, departures: f64, leaving: f64, within: f64) -> f64 {
    let mut expected = 0.0;
    for place in 0..=before {
        expected += 1.0 / (departures + f64::from(place) * leaving);
    }
    let stages = f64::from(before + 1);
    erlang_within(stages, stages / expected, within) * (-leaving * expected.min(within)).exp()
}

/// The chance that so many equal exponential stages end in time.
fn erlang_within(stages: f64, rate: f64, within: f64) -> f64 {
    let x = rate * within;
    let (mut term, mut sum, mut k) = ((-x).exp(), 0.0, 0.0);
    while k < stages {
        sum += term;
        k += 1.0;
        term *= x / k;
    }
    (1.0f64 - sum).clamp(0.0, 1.0)
}
