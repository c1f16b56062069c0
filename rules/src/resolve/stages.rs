//! Decides what the scorecard, the roles, the stages and the expectations come to.

use picket_core::{Millis, Urgency};

use super::{Resolver, place_of};
use crate::codes::Code;
use crate::draft::At;
use crate::expr::{Condition, Stage};
use crate::finding::{Finding, Place, closest};
use crate::format::{Sp, UrgencyName};
use crate::model::{Classify, FenceChoice, FenceRule, Head, Points, QueueRule, Role, Scorecard};

impl Resolver<'_> {
    pub(super) fn scorecard(&mut self) -> Option<Scorecard> {
        let at = self.draft.scorecards.first()?;
        let mut points = Vec::with_capacity(at.item.points.len());
        for text in at.item.points.values() {
            if let Some(score) = self.score(text, at.place.file) {
                let of_account = score.uses.roots.contains("account") && !score.uses.roots.contains("customer");
                points.push(Points { score, of_account });
            }
        }
        let (enter, leave) = (*at.item.enter.get(), *at.item.leave.get());
        Some(Scorecard { place: at.at(at.item.leave.span()), enter, leave, combine: at.item.combine, points })
    }

    pub(super) fn roles(&mut self) -> Vec<Role> {
        let draft = self.draft;
        let mut roles = Vec::with_capacity(draft.roles.len());
        for named in &draft.roles {
            let when = self.condition(&named.item, named.place.file, Stage::Rules);
            roles.push(Role { name: named.name.clone(), place: named.place.clone(), when });
        }
        roles
    }

    fn head<T>(&mut self, rule: &At<T>, name: Option<&String>, when: Option<&Sp<String>>) -> Head {
        Head {
            name: name.cloned(),
            place: place_of(rule),
            when: when.map_or_else(Condition::default, |when| self.condition(when, rule.place.file, Stage::Rules)),
            when_place: when.map(|when| rule.at(when.span())),
        }
    }

    pub(super) fn classify(&mut self) -> Vec<Classify> {
        let draft = self.draft;
        let mut rules = Vec::with_capacity(draft.classify.len());
        for rule in &draft.classify {
            let head = self.head(rule, rule.item.name.as_ref(), rule.item.when.as_ref());
            rules.push(Classify {
                urgency: rule.item.urgency.map(urgency),
                needs: self.needs(&rule.item.needs, rule.place.file),
                promise: rule
                    .item
                    .promise
                    .map(|wait| Millis(self.passing(Some(wait), Millis::ZERO, &head.place).0.max(1))),
                head,
            });
        }
        rules
    }

    pub(super) fn fences(&mut self) -> Vec<FenceRule> {
        let draft = self.draft;
        let mut rules = Vec::with_capacity(draft.fences.len());
        for rule in &draft.fences {
            let head = self.head(rule, rule.item.name.as_ref(), rule.item.when.as_ref());
            let fence = match rule.item.fence.get().as_str() {
                "none" => FenceChoice::None,
                "own_team" => FenceChoice::OwnTeam,
                id => match draft.teams.iter().position(|team| team.item.id.get() == id) {
                    Some(team) => FenceChoice::Team(team),
                    None => {
                        let teams = draft.teams.iter().map(|team| team.item.id.get().as_str());
                        let near = closest(id, teams.chain(["own_team", "none"]));
                        let place = rule.at(rule.item.fence.span());
                        let finding = Finding::new(Code::UnknownName, place, format!("no team `{id}` is declared"));
                        self.find(finding.label("unknown").suggest(near));
                        FenceChoice::None
                    }
                },
            };
            rules.push(FenceRule { head, fence });
        }
        rules
    }

    pub(super) fn queue_rules(&mut self) -> Vec<QueueRule> {
        let draft = self.draft;
        let mut rules = Vec::with_capacity(draft.queue_rules.len());
        for rule in &draft.queue_rules {
            let head = self.head(rule, rule.item.name.as_ref(), rule.item.when.as_ref());
            let queue = self.queue_index(&rule.item.queue, rule.place.file).unwrap_or(0);
            rules.push(QueueRule { head, queue });
        }
        if !rules.iter().any(|rule| rule.head.when.always()) {
            let place = rules.last().map(|rule| rule.head.place.clone());
            let finding = Finding::new(
                Code::NoQueue,
                place,
                "some contacts match no queue rule, and every contact needs a queue",
            );
            self.find(finding.help("end with a [[queue_rule]] without `when`"));
        }
        rules
    }

    /// The names in expectations; whether they are met is another question.
    pub(super) fn expects(&mut self) {
        let draft = self.draft;
        let agents =
            draft.agents.iter().map(|agent| agent.item.id.get().as_str()).collect::<std::collections::BTreeSet<_>>();
        let first = agents.iter().copied().chain(["nobody"]).collect();
        let fences = draft.teams.iter().map(|team| team.item.id.get().as_str()).chain(["none"]).collect();
        let queues = draft.queues.iter().map(|queue| queue.item.id.get().as_str()).collect();
        for expect in &draft.expects {
            let at = |sp: &Sp<String>| expect.at(sp.span());
            for free in &expect.item.free {
                self.known("agent", free.get(), at(free), &agents);
            }
            let plan = &expect.item.plan;
            for (kind, name, known) in
                [("agent", &plan.first, &first), ("team", &plan.fence, &fences), ("queue", &plan.queue, &queues)]
            {
                if let Some(name) = name {
                    self.known(kind, name.get(), at(name), known);
                }
            }
            if expect.item.at.get().parse::<jiff::Timestamp>().is_err() {
                let finding = Finding::new(Code::BadValue, at(&expect.item.at), "not a moment in time");
                self.find(finding.help("write RFC 3339, as in \"2026-11-23T09:00:00Z\""));
            }
            self.expected_words(expect.item.contact.topic.as_deref(), &expect.item.contact.channel, &expect.place);
        }
    }

    fn expected_words(&mut self, topic: Option<&str>, channel: &str, place: &Place) {
        let (topics, channels) =
            (std::mem::take(&mut self.environment.topics), std::mem::take(&mut self.environment.channels));
        if let Some(topic) = topic {
            self.known("topic", topic, place.clone(), &topics);
        }
        self.known("channel", channel, place.clone(), &channels);
        (self.environment.topics, self.environment.channels) = (topics, channels);
    }
}

pub(crate) const fn urgency(name: UrgencyName) -> Urgency {
    match name {
        UrgencyName::Urgent => Urgency::Urgent,
        UrgencyName::High => Urgency::High,
        UrgencyName::Normal => Urgency::Normal,
        UrgencyName::Low => Urgency::Low,
    }
}
