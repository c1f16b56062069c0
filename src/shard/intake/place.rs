//! Decides what a rule set means for the core, and what an event needs of the place before it can be carried out.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use picket_core::{AgentId, CalendarId, ChannelId, Kind, Name, SourceId, Timestamp, WorldChange};
use picket_rules::RuleSet;

use super::{Context, Prepared, Refused};
use crate::contract::inbound::Inbound;
use crate::contract::inbound::control::Activate;
use crate::contract::{Code, Envelope};
use crate::shard::record::ShellFact;
use crate::shard::state::ShardState;

/// Every definition of a rule set, in an order in which each names only what is known by then.
pub(in crate::shard) fn world(
    rules: &RuleSet,
    state: &mut ShardState,
    fresh: &mut Vec<Name>,
    now: Timestamp,
) -> Vec<WorldChange> {
    rules.world(&mut state.names, fresh, now)
}

/// What the rule set says sources call its agents, as far as that is news.
pub(in crate::shard) fn aliases(rules: &RuleSet, state: &mut ShardState, fresh: &mut Vec<Name>) -> Vec<ShellFact> {
    let mut facts = Vec::new();
    for agent in rules.agents() {
        let aliases = rules.aliases(agent);
        let agent = AgentId(state.names.intern(Kind::Agent, agent, fresh));
        let wanted: BTreeMap<SourceId, String> = aliases
            .map(|(source, alias)| (SourceId(state.names.intern(Kind::Source, source, fresh)), alias.to_owned()))
            .collect();
        facts.extend(state.alias_changes(agent, &wanted));
    }
    facts
}

/// The domains of a rule set that a shard routes, in the order of its files; all of them, where none are said.
pub(in crate::shard) fn domains(rules: &RuleSet, routed: &BTreeSet<String>) -> Vec<String> {
    let is_routed = |domain: &&str| routed.is_empty() || routed.contains(*domain);
    rules.domains().filter(is_routed).map(str::to_owned).collect()
}

/// A rule set as it is kept: its files by name, in JSON.
pub(in crate::shard) fn rules_body(rules: &RuleSet) -> Bytes {
    let files: Vec<(&str, &str)> = rules.files().iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    serde_json::to_vec(&files).map(Bytes::from).unwrap_or_default()
}

/// What an event needs of the place and the place lacks: a channel that nobody configured, the hours of a shift.
pub(in crate::shard) fn prerequisites(
    rules: &RuleSet,
    state: &mut ShardState,
    fresh: &mut Vec<Name>,
    envelope: &Envelope,
    now: Timestamp,
) -> Option<WorldChange> {
    match &envelope.message {
        Inbound::ContactReceived(message) => {
            let channel = message.channel.as_str();
            if state.names.find(Kind::Channel, channel).is_some() {
                return None;
            }
            tracing::warn!(channel, "nobody configured this channel: it gets the default");
            let spec = rules.channel_spec(channel, &mut state.names, fresh);
            Some(WorldChange::PutChannel(ChannelId(state.names.intern(Kind::Channel, channel, fresh)), spec))
        }
        Inbound::AgentPut(message) => {
            let hours = message.shift.as_ref()?.as_str();
            let (name, calendar) = rules.hours(hours, state.default_domain(), now).ok()?;
            if state.names.find(Kind::Calendar, &name).is_some() {
                return None;
            }
            Some(WorldChange::PutCalendar(CalendarId(state.names.intern(Kind::Calendar, &name, fresh)), calendar))
        }
        _ => None,
    }
}

/// Only what is in force already can be activated by an event; another rule set comes with the daemon's own reload.
pub(super) fn activate(context: &Context<'_>, message: &Activate) -> Result<Prepared, Refused> {
    let wanted = message.rules.as_str();
    if context.state.rules.as_ref().is_some_and(|rules| rules.hash == wanted) {
        return Ok(Prepared::default());
    }
    let detail =
        format!("no rule set {wanted} is staged here: put its files in the rules folder and reload the daemon");
    Err(Refused::new(Code::UnknownRules, detail))
}
