//! Decides what else the shell may ask of a rule set: domains, entries, aliases, promises, texts, and who defined what.

use picket_core::{Class, Millis, Timestamp};

use crate::facts::Facts;
use crate::finding::Source;
use crate::model::{Agent, Channel, RuleSet, Team};

/// A service level: this share within this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLevel {
    /// Of all contacts, in thousandths.
    pub share_permille: u32,
    /// Answered within.
    pub within: Millis,
}

impl RuleSet {
    /// The content hash: SHA-256 over names and texts of all files, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The files it was made of; parsing them again makes the same set.
    #[must_use]
    pub fn files(&self) -> &[Source] {
        &self.sources
    }

    /// What the set holds, in one line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
        let rules = self.classify.len() + self.fences.len() + self.queue_rules.len();
        let parts = [
            count(self.sources.len(), "file"),
            count(rules, "rule"),
            count(self.agents.len(), "agent"),
            count(self.teams.len(), "team"),
            count(self.queues.len(), "queue"),
            count(self.expects.len(), "expectation"),
        ];
        format!("{}; version {}", parts.join(", "), self.hash.get(..12).unwrap_or_default())
    }

    /// The names of all domains, in the order of the files; the first is the default.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(|domain| domain.name.as_str())
    }

    /// The domain of an entry, by the address contacts were sent to.
    #[must_use]
    pub fn entry(&self, to: &str) -> Option<&str> {
        let entry = self.entries.get(*self.index.entries.get(to)?)?;
        self.domains.get(entry.domain).map(|domain| domain.name.as_str())
    }

    /// The domain of a queue.
    #[must_use]
    pub fn queue_domain(&self, queue: &str) -> Option<&str> {
        let queue = self.queues.get(*self.index.queues.get(queue)?)?;
        self.domains.get(queue.domain).map(|domain| domain.name.as_str())
    }

    /// The domain of a team.
    #[must_use]
    pub fn team_domain(&self, team: &str) -> Option<&str> {
        self.domains.get(self.team_named(team)?.domain).map(|domain| domain.name.as_str())
    }

    /// The ids of all channels that are configured, `default` apart.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| channel.name.as_str())
    }

    /// The class of a channel; an unknown one has that of `[channel.default]`.
    #[must_use]
    pub fn channel_class(&self, channel: &str) -> Class {
        self.channel_or_default(channel, &mut Vec::new()).class
    }

    /// What a queue promises.
    #[must_use]
    pub fn promise(&self, queue: &str) -> Option<ServiceLevel> {
        let queue = self.queues.get(*self.index.queues.get(queue)?)?;
        Some(ServiceLevel { share_permille: queue.share_permille, within: queue.within })
    }

    /// The ids of all agents that the rules define, in the order of the files.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.agents.iter().map(|agent| agent.id.as_str())
    }

    /// Whether the rules define this agent, so that the directory may not.
    #[must_use]
    pub fn defines_agent(&self, agent: &str) -> bool {
        self.index.agents.contains_key(agent)
    }

    /// What people call an agent.
    #[must_use]
    pub fn agent_name(&self, agent: &str) -> Option<&str> {
        let agent = self.agent_named(agent)?;
        Some(agent.name.as_deref().unwrap_or(&agent.id))
    }

    /// An agent's id at a source, where it differs from her own.
    #[must_use]
    pub fn alias(&self, agent: &str, source: &str) -> Option<&str> {
        self.agent_named(agent)?.aliases.get(source).map(String::as_str)
    }

    /// The agent whom a source calls so.
    #[must_use]
    pub fn agent_by_alias(&self, source: &str, alias: &str) -> Option<&str> {
        let known = self.agents.iter().find(|agent| agent.aliases.get(source).is_some_and(|known| known == alias));
        known.map(|agent| agent.id.as_str())
    }

    /// The ids of all teams, in the order of the files.
    pub fn teams(&self) -> impl Iterator<Item = &str> {
        self.teams.iter().map(|team| team.id.as_str())
    }

    /// The agents of a team, by rank.
    pub fn members(&self, team: &str) -> impl Iterator<Item = &str> {
        self.team_named(team).into_iter().flat_map(|team| team.members.iter().map(|member| member.agent.as_str()))
    }

    /// The teams that a team declares as its covers.
    pub fn covers(&self, team: &str) -> impl Iterator<Item = &str> {
        self.team_named(team).into_iter().flat_map(|team| team.covers.iter().map(|(cover, _)| cover.as_str()))
    }

    /// The ids of all queues, in the order of the files.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.queues.iter().map(|queue| queue.id.as_str())
    }

    /// Whether a role answers this contact; an unknown role answers none.
    #[must_use]
    pub fn role_answers(&self, role: &str, facts: &Facts, now: Timestamp) -> bool {
        let scope = self.scope(facts, 0, now);
        self.roles.iter().find(|known| known.name == role).is_some_and(|known| known.when.holds(&scope))
    }

    pub(crate) fn declares_topic(&self, topic: Option<&str>) -> bool {
        topic.is_some_and(|topic| self.topics.contains(topic))
    }

    pub(crate) fn agent_named(&self, id: &str) -> Option<&Agent> {
        self.agents.get(*self.index.agents.get(id)?)
    }

    pub(crate) fn team_named(&self, id: &str) -> Option<&Team> {
        self.teams.get(*self.index.teams.get(id)?)
    }

    pub(crate) fn default_channel(&self) -> &Channel {
        &self.default_channel
    }
}
