//! Decides what a contact is entitled to. Pure: the same rules, facts, names and time make the same plan.

mod score;
mod steps;
mod trace;

use std::collections::BTreeMap;

use chrono::{Datelike, Timelike};
use picket_core::{
    Kind, Level, Millis, Names, Need, Plan, Promise, PromisedBy, SkillId, TeamId, Timestamp, Urgency, Who,
};
use serde::{Deserialize, Serialize};

pub use score::Valuation;
pub(crate) use steps::queue_finally;
pub use trace::{RuleStage, RuleTrace, RuleView, StageTrace, TriedRule};

use crate::expr::{Now, Scope, TeamView};
use crate::facts::Facts;
use crate::model::{Channel, FenceChoice, Head, RuleSet, Team};

/// What the rules say about one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it is entitled to.
    pub plan: Plan,
    /// The customer's points, and whether they are valued now; remembered for the next time.
    pub valued: Valuation,
    /// Which rules were tried, and what failed first.
    pub trace: RuleTrace,
    /// What somebody should look at.
    pub alarms: Vec<Alarm>,
    /// The domain that routes it.
    pub domain: String,
    /// The customer's own team, fenced or not.
    pub team: Option<String>,
}

/// Something about a contact that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// A fence rule entitles the contact to its own team, and no team is its own.
    FencedWithoutTeam,
    /// The directory names a team that the rules do not define.
    UnknownTeam(String),
    /// The directory names a lead that nobody knows.
    UnknownLead(String),
    /// The channel is not configured; `[channel.default]` holds.
    UnknownChannel(String),
    /// The topic is not declared; no rule about topics matches it.
    UnknownTopic,
}

/// Why no plan could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The world of this rule set was not applied before: a name has no number.
    #[error("no number for the {0:?} `{1}`: the world of this rule set is not applied")]
    Unnumbered(Kind, String),
    /// The rule set has no queue; one that passed its check has.
    #[error("the rule set has no queue")]
    NoQueue,
}

impl RuleSet {
    /// What a contact is entitled to under this rule set, the `number`-th to be activated.
    ///
    /// # Errors
    /// If a name of the rule set has no number: apply [`RuleSet::world`] first.
    pub fn plan(&self, facts: &Facts, names: &Names, now: Timestamp, number: u32) -> Result<Planned, Error> {
        let mut alarms = Vec::new();
        let domain = self.domain_of(facts);
        let mut scope = self.scope(facts, domain, now);
        let valued = self.valuation(&scope, facts.was_valued);
        scope.valued = valued.valued;
        let mut trace = RuleTrace::default();
        let own = self.own_team(&scope, &mut trace, &mut alarms);
        scope.team = own.map(|team| self.team_view(team));
        let channel = self.channel_or_default(&facts.contact.channel, &mut alarms);
        if facts.contact.topic.is_some() && !self.declares_topic(facts.contact.topic.as_deref()) {
            alarms.push(Alarm::UnknownTopic);
        }
        let class = self.classified(&scope, &mut trace);
        let fence = self.fence(&scope, own, &mut trace, &mut alarms);
        let queue = self.queue_for(&scope, &mut trace).ok_or(Error::NoQueue)?;
        let lead = facts.named_lead().and_then(|lead| self.lead(lead, names, &mut alarms));
        let needs = self.needs(&class.needs, names)?;
        let fence_id = fence.map(|team| self.team_number(team, names)).transpose()?;
        let steps = match fence {
            Some(team) => self.fenced_steps(team, channel, &scope, names)?,
            None => vec![steps::queue_step(channel, queue.pick)],
        };
        let within = class.promise.or_else(|| fence.and_then(|team| team.promise)).unwrap_or(queue.within);
        let by = match (fence, steps.first().map(|step| step.who)) {
            (Some(_), Some(Who::Lead)) => PromisedBy::Lead,
            (Some(_), _) => PromisedBy::Team,
            (None, _) => PromisedBy::Anyone,
        };
        let plan = Plan {
            rules: number,
            urgency: class.urgency.unwrap_or(Urgency::Normal),
            queue: picket_core::QueueId(found(names, Kind::Queue, &queue.id)?),
            fence: fence_id,
            lead,
            promise: Promise { within, by },
            needs,
            steps,
            finally: self.finally(fence, queue, channel, names)?,
            offer: channel.offer,
            wrap_up: channel.wrap_up,
            longest: channel.longest,
        };
        let domain = self.domains.get(domain).map(|domain| domain.name.clone()).unwrap_or_default();
        Ok(Planned { plan, valued, trace, alarms, domain, team: own.map(|team| team.id.clone()) })
    }

    /// Who is valued, without making a plan.
    #[must_use]
    pub fn value(&self, facts: &Facts, now: Timestamp) -> Valuation {
        self.valuation(&self.scope(facts, self.domain_of(facts), now), facts.was_valued)
    }

    fn domain_of(&self, facts: &Facts) -> usize {
        let entry = facts.contact.to.as_deref().and_then(|to| self.index.entries.get(to));
        let entry = entry.and_then(|at| self.entries.get(*at)).map(|entry| entry.domain);
        let named = facts.contact.domain.as_deref().and_then(|name| self.index.domains.get(name)).copied();
        named.or(entry).unwrap_or(0)
    }

    pub(crate) fn scope<'a>(&'a self, facts: &'a Facts, domain: usize, at: Timestamp) -> Scope<'a> {
        let local = self.domains.get(domain).map(|domain| domain.zone.local(at)).unwrap_or_default();
        let now = Now {
            at,
            weekday: i64::from(local.weekday().number_from_monday()),
            hour: i64::from(local.hour()),
            minute: i64::from(local.minute()),
            day: i64::from(local.day()),
            month: i64::from(local.month()),
        };
        Scope { facts, valued: false, team: None, now, hours: &self.hours }
    }

    fn team_view<'a>(&'a self, team: &'a Team) -> TeamView<'a> {
        let domain = self.domains.get(team.domain).map_or("", |domain| domain.name.as_str());
        TeamView { id: &team.id, domain, size: i64::try_from(team.members.len()).unwrap_or(i64::MAX) }
    }

    /// The team that the directory names, else the first that owns the customer.
    fn own_team(&self, scope: &Scope<'_>, trace: &mut RuleTrace, alarms: &mut Vec<Alarm>) -> Option<&Team> {
        if let Some(named) = scope.facts.named_team() {
            match self.index.teams.get(named).and_then(|at| self.teams.get(*at)) {
                Some(team) => {
                    trace.stages.push(StageTrace { stage: RuleStage::Team, tried: Vec::new(), by_directory: true });
                    return Some(team);
                }
                None => alarms.push(Alarm::UnknownTeam(named.to_owned())),
            }
        }
        let mut tried = Vec::new();
        let mut own = None;
        for (number, team) in (1..).zip(&self.teams) {
            let Some((owns, _)) = &team.owns else { continue };
            let failed = owns.first_failed(scope).and_then(|clause| u32::try_from(clause).ok());
            tried.push(TriedRule { rule: number, failed });
            if failed.is_none() {
                own = Some(team);
                break;
            }
        }
        trace.stages.push(StageTrace { stage: RuleStage::Team, tried, by_directory: false });
        own
    }

    fn classified(&self, scope: &Scope<'_>, trace: &mut RuleTrace) -> Classified {
        let mut class = Classified::default();
        let mut tried = Vec::with_capacity(self.classify.len());
        for (number, rule) in (1..).zip(&self.classify) {
            let entry = tried_rule(number, &rule.head, scope);
            tried.push(entry);
            if entry.failed.is_some() {
                continue;
            }
            class.urgency = class.urgency.into_iter().chain(rule.urgency).min();
            class.promise = class.promise.into_iter().chain(rule.promise).min();
            for (skill, level, _) in &rule.needs {
                let known = class.needs.entry(skill.clone()).or_insert(*level);
                *known = (*known).max(*level);
            }
        }
        trace.stages.push(StageTrace { stage: RuleStage::Classify, tried, by_directory: false });
        class
    }

    fn fence<'a>(
        &'a self,
        scope: &Scope<'_>,
        own: Option<&'a Team>,
        trace: &mut RuleTrace,
        alarms: &mut Vec<Alarm>,
    ) -> Option<&'a Team> {
        let winner = first_match(self.fences.iter().map(|rule| &rule.head), RuleStage::Fence, scope, trace);
        match winner.and_then(|at| self.fences.get(at)).map(|rule| &rule.fence)? {
            FenceChoice::None => None,
            FenceChoice::Team(team) => self.teams.get(*team),
            FenceChoice::OwnTeam => {
                if own.is_none() {
                    alarms.push(Alarm::FencedWithoutTeam);
                }
                own
            }
        }
    }

    fn queue_for(&self, scope: &Scope<'_>, trace: &mut RuleTrace) -> Option<&crate::model::Queue> {
        let winner = first_match(self.queue_rules.iter().map(|rule| &rule.head), RuleStage::Queue, scope, trace);
        let queue = winner.and_then(|at| self.queue_rules.get(at)).map_or(0, |rule| rule.queue);
        self.queues.get(queue)
    }

    fn lead(&self, lead: &str, names: &Names, alarms: &mut Vec<Alarm>) -> Option<picket_core::AgentId> {
        let number = names.find(Kind::Agent, lead).map(picket_core::AgentId);
        if number.is_none() {
            alarms.push(Alarm::UnknownLead(lead.to_owned()));
        }
        number
    }

    pub(crate) fn channel_or_default(&self, name: &str, alarms: &mut Vec<Alarm>) -> &Channel {
        let known = self.index.channels.get(name).and_then(|at| self.channels.get(*at));
        known.unwrap_or_else(|| {
            alarms.push(Alarm::UnknownChannel(name.to_owned()));
            self.default_channel()
        })
    }

    fn needs(&self, needs: &BTreeMap<String, u8>, names: &Names) -> Result<Vec<Need>, Error> {
        needs.iter().map(|(skill, level)| need(names, skill, *level)).collect()
    }

    fn team_number(&self, team: &Team, names: &Names) -> Result<TeamId, Error> {
        found(names, Kind::Team, &team.id).map(TeamId)
    }
}

/// What the first stage says of a contact.
#[derive(Default)]
struct Classified {
    urgency: Option<Urgency>,
    needs: BTreeMap<String, u8>,
    promise: Option<Millis>,
}

fn tried_rule(number: u32, head: &Head, scope: &Scope<'_>) -> TriedRule {
    TriedRule { rule: number, failed: head.when.first_failed(scope).and_then(|clause| u32::try_from(clause).ok()) }
}

/// The first rule that matches.
fn first_match<'a>(
    rules: impl Iterator<Item = &'a Head>,
    stage: RuleStage,
    scope: &Scope<'_>,
    trace: &mut RuleTrace,
) -> Option<usize> {
    let mut tried = Vec::new();
    let mut winner = None;
    for (at, head) in rules.enumerate() {
        let entry = tried_rule(u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1), head, scope);
        tried.push(entry);
        if entry.failed.is_none() {
            winner = Some(at);
            break;
        }
    }
    trace.stages.push(StageTrace { stage, tried, by_directory: false });
    winner
}

/// A need by its number.
pub(crate) fn need(names: &Names, skill: &str, level: u8) -> Result<Need, Error> {
    Ok(Need { skill: SkillId(found(names, Kind::Skill, skill)?), level: Level(level) })
}

/// The number of a name.
pub(crate) fn found(names: &Names, kind: Kind, text: &str) -> Result<u32, Error> {
    names.find(kind, text).ok_or_else(|| Error::Unnumbered(kind, text.to_owned()))
}
