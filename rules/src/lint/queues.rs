//! Decides what is odd about queues and channels: nobody can serve, nobody is on shift, nobody has the skill.

use std::collections::BTreeSet;

use picket_core::Calendar;

use crate::codes::Code;
use crate::finding::{Finding, Place};
use crate::model::{Agent, Needs, Queue, RuleSet};

impl RuleSet {
    /// Agents who serve a queue: its own, and members of teams that lend to it.
    fn serving<'a>(&'a self, queue: &'a Queue) -> impl Iterator<Item = &'a Agent> {
        let lent: BTreeSet<&str> = self
            .teams
            .iter()
            .filter(|team| team.lends_to.iter().any(|(to, _)| *to == queue.id))
            .flat_map(|team| team.members.iter().map(|member| member.agent.as_str()))
            .collect();
        let last = queue.widen.last().map_or(&queue.needs, |(_, needs)| needs);
        self.agents
            .iter()
            .filter(move |agent| agent.queues.contains(&queue.id) || lent.contains(agent.id.as_str()))
            .filter(move |agent| meets(agent, &queue.needs) || meets(agent, last))
    }

    /// Queues without people. Sites that keep their people in the directory are not looked at.
    pub(super) fn lint_queues(&self, findings: &mut Vec<Finding>) {
        if self.agents.is_empty() {
            return;
        }
        for queue in &self.queues {
            if self.serving(queue).next().is_none() {
                let message = format!("nobody can serve the queue `{}`", queue.id);
                let finding = Finding::new(Code::UnservedQueue, queue.place.clone(), message);
                findings.push(finding.help("name it among an agent's queues, and look at its needs"));
            }
        }
    }

    /// Opening hours in which nobody works.
    pub(super) fn lint_hours(&self, findings: &mut Vec<Finding>) {
        for queue in &self.queues {
            let Some((hours, place)) = &queue.hours else { continue };
            let shifts: Option<Vec<Calendar>> =
                self.serving(queue).map(|agent| Some(agent.shift.as_ref()?.calendar(super::REFERENCE))).collect();
            let Some(shifts) = shifts.filter(|shifts| !shifts.is_empty()) else { continue };
            if let Some(gap) = super::first_gap(&hours.calendar(super::REFERENCE), &crate::hours::union(&shifts)) {
                let message = format!("`{}` is open from {} with nobody on shift", queue.id, super::words(gap));
                findings.push(Finding::new(Code::NobodyOnShift, place.clone(), message));
            }
        }
    }

    /// Needs that nobody meets.
    pub(super) fn lint_needs(&self, findings: &mut Vec<Finding>) {
        if self.agents.is_empty() {
            return;
        }
        let queues = self
            .queues
            .iter()
            .flat_map(|queue| queue.needs.iter().chain(queue.widen.iter().flat_map(|(_, needs)| needs)));
        let rules = self.classify.iter().flat_map(|rule| &rule.needs);
        let steps = self.teams.iter().flat_map(|team| team.policy.steps.iter().flat_map(|step| &step.needs));
        for (skill, level, place) in queues.chain(rules).chain(steps) {
            self.unmet(skill, *level, place, findings);
        }
    }

    fn unmet(&self, skill: &str, level: u8, place: &Place, findings: &mut Vec<Finding>) {
        let levels = self.agents.iter().flat_map(|agent| &agent.skills).filter(|(known, _)| known == skill);
        let best = levels.map(|(_, level)| *level).max();
        if best.is_none_or(|best| best < level) {
            let message = format!("no agent has `{skill}` at {level}");
            let finding = Finding::new(Code::UnmetNeed, place.clone(), message);
            findings.push(match best {
                Some(best) => finding.help(format!("the best has {best}")),
                None => finding.help("nobody has this skill at all"),
            });
        }
    }

    /// Channels that nobody has the points for.
    pub(super) fn lint_channels(&self, findings: &mut Vec<Finding>) {
        let most = self.agents.iter().map(|agent| agent.points).max().unwrap_or(crate::defaults::POINTS);
        for channel in self.channels.iter().chain(std::iter::once(&self.default_channel)) {
            if channel.cost > most {
                let message = format!(
                    "a contact on `{}` costs {} points, and no agent has more than {most}",
                    channel.name, channel.cost
                );
                findings.push(Finding::new(Code::CostOverPoints, channel.place.clone(), message));
            }
        }
    }
}

fn meets(agent: &Agent, needs: &Needs) -> bool {
    needs.iter().all(|(skill, level, _)| agent.skills.iter().any(|(known, has)| known == skill && has >= level))
}
