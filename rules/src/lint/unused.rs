//! Decides what is declared and never used.

use std::collections::BTreeSet;

use crate::codes::Code;
use crate::draft::Draft;
use crate::expr::{Condition, Owner, Uses};
use crate::finding::{Finding, Place};
use crate::model::{RuleSet, StepWho};

impl RuleSet {
    /// Definitions and attributes.
    pub(super) fn lint_unused(&self, draft: &Draft, findings: &mut Vec<Finding>) {
        let uses = self.uses();
        self.unused_skills(draft, findings);
        for topic in &draft.topics {
            let used = uses.iter().any(|uses| uses.topics.contains(&topic.item));
            let expected = self.expects.iter().any(|expect| expect.item.contact.topic.as_ref() == Some(&topic.item));
            // A topic that only reports need is fine as a note: the queue's last rule still takes it.
            if !used && !expected {
                unused("topic", &topic.item, &topic.place, findings);
            }
        }
        for hours in &draft.hours {
            if !uses.iter().any(|uses| uses.hours.contains(&hours.name)) {
                unused("hours", &hours.name, &hours.place, findings);
            }
        }
        let by_topic = self.teams.iter().flat_map(|team| &team.policy.steps).any(|step| step.who == StepWho::ByTopic);
        for role in &self.roles {
            let held =
                self.teams.iter().flat_map(|team| &team.members).any(|member| member.role.as_ref() == Some(&role.name));
            let named = self
                .teams
                .iter()
                .flat_map(|team| &team.policy.steps)
                .any(|step| step.who == StepWho::Role(role.name.clone()));
            if !(named || (held && by_topic)) {
                unused("role", &role.name, &role.place, findings);
            }
        }
        for policy in &draft.policies {
            let named = |team: &crate::draft::At<crate::format::Team>| {
                team.item.fence_policy.as_ref().is_some_and(|name| *name.get() == policy.name)
            };
            if !draft.teams.iter().any(named) {
                unused("fence policy", &policy.name, &policy.place, findings);
            }
        }
        for queue in &self.queues {
            let ruled =
                self.queue_rules.iter().any(|rule| self.queues.get(rule.queue).is_some_and(|to| to.id == queue.id));
            let overflown = || {
                let to = |queue: &crate::model::Queue| queue.limit.as_ref().map(|(_, _, then)| then.clone());
                self.queues.iter().filter_map(to).any(|exit| exit == crate::format::Exit::Overflow(queue.id.clone()))
            };
            if !ruled && !overflown() {
                unused("queue", &queue.id, &queue.place, findings);
            }
        }
        for agent in self.agents.iter().filter(|agent| agent.queues.is_empty()) {
            if !self.teams.iter().flat_map(|team| &team.members).any(|member| member.agent == agent.id) {
                let message = format!("the agent `{}` is in no team and serves no queue", agent.id);
                findings.push(Finding::new(Code::Unused, agent.place.clone(), message).label("gets no contact"));
            }
        }
        self.unused_attributes(draft, &uses, findings);
    }

    fn uses(&self) -> Vec<&Uses> {
        let heads = self.classify.iter().map(|rule| &rule.head).chain(self.fences.iter().map(|rule| &rule.head));
        let heads = heads.chain(self.queue_rules.iter().map(|rule| &rule.head)).map(|head| &head.when);
        let owns = self.teams.iter().filter_map(|team| team.owns.as_ref().map(|(owns, _)| owns));
        let roles = self.roles.iter().map(|role| &role.when);
        let points = self.scorecard.iter().flat_map(|card| card.points.iter().map(|points| &points.score.uses));
        heads.chain(owns).chain(roles).map(|condition: &Condition| &condition.uses).chain(points).collect()
    }

    fn unused_skills(&self, draft: &Draft, findings: &mut Vec<Finding>) {
        let queues = self
            .queues
            .iter()
            .flat_map(|queue| queue.needs.iter().chain(queue.widen.iter().flat_map(|(_, needs)| needs)));
        let rules = self.classify.iter().flat_map(|rule| &rule.needs);
        let steps = self.teams.iter().flat_map(|team| team.policy.steps.iter().flat_map(|step| &step.needs));
        let needed: BTreeSet<&str> = queues.chain(rules).chain(steps).map(|(skill, ..)| skill.as_str()).collect();
        let held: BTreeSet<&str> =
            self.agents.iter().flat_map(|agent| &agent.skills).map(|(skill, _)| skill.as_str()).collect();
        for skill in &draft.skills {
            if !needed.contains(skill.item.as_str()) && !held.contains(skill.item.as_str()) {
                unused("skill", &skill.item, &skill.place, findings);
            }
        }
    }

    fn unused_attributes(&self, draft: &Draft, uses: &[&Uses], findings: &mut Vec<Finding>) {
        for collected in &draft.collected {
            let item = &collected.item;
            for (owner, names) in
                [(Owner::Contact, &item.contact), (Owner::Customer, &item.customer), (Owner::Account, &item.account)]
            {
                for name in names.iter().flatten() {
                    let key = (owner, name.get().clone());
                    let prefers = owner == Owner::Customer && name.get().starts_with(crate::fit::PREFERENCE);
                    if !prefers && !uses.iter().any(|uses| uses.attributes.contains(&key)) {
                        let message =
                            format!("`{}.attributes.{}` is collected and never used", owner.text(), name.get());
                        let finding = Finding::new(Code::CollectedUnused, collected.at(name.span()), message);
                        findings.push(finding.help("use it, or stop collecting it"));
                    }
                }
            }
        }
    }
}

fn unused(kind: &str, name: &str, place: &Place, findings: &mut Vec<Finding>) {
    let finding = Finding::new(Code::Unused, place.clone(), format!("the {kind} `{name}` is never used"));
    findings.push(finding.label("unused"));
}
