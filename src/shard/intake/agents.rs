//! Decides what events about agents ask of the core.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use std::collections::BTreeMap;

use picket_core::{
    AgentCommand, AgentId, AgentSpec, CalendarId, ChannelId, Input, Kind, Level, Presence, QueueId, ReasonId,
    Rejection, SkillId, SourceId, StateSetter, WorldChange,
};

use super::{Context, Prepared, Refused};
use crate::contract::inbound::Inbound;
use crate::contract::inbound::agent::{Absence, Put, SetState, State};
use crate::contract::value::Name;
use crate::contract::{Code, Envelope};

/// Points of an agent for whom nobody says otherwise.
const POINTS: u32 = 100;

/// What an event says about an agent.
pub(super) fn command(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    let source = envelope.source.as_str();
    match &envelope.message {
        Inbound::AgentSetState(message) => {
            let agent = context.agent(source, message.agent.as_str())?;
            let command = set_state(context, source, message)?;
            Ok(Input::Agent(agent, command).into())
        }
        Inbound::AgentAbsence(message) => {
            let agent = context.agent(source, message.agent.as_str())?;
            let command = absence(context, source, message)?;
            Ok(Input::Agent(agent, command).into())
        }
        Inbound::AgentLoad(message) => {
            let agent = context.agent(source, message.agent.as_str())?;
            let channel = channel(context, &message.channel)?;
            Ok(Input::Agent(agent, AgentCommand::Load(channel, message.contacts)).into())
        }
        Inbound::AgentRemove(message) => {
            owned_by_rules(context, message.agent.as_str())?;
            let agent = context.agent("", message.agent.as_str())?;
            let mut prepared = Prepared::from(Input::World(Box::new(WorldChange::RemoveAgent(agent))));
            prepared.facts = context.state.alias_changes(agent, &BTreeMap::new());
            Ok(prepared)
        }
        other => Err(Refused::new(Code::NotSupportedYet, format!("{} has no effect yet", other.kind()))),
    }
}

pub(super) fn set_state(context: &mut Context<'_>, source: &str, message: &SetState) -> Result<AgentCommand, Refused> {
    let channels = message.channels.iter().map(|name| channel(context, name)).collect::<Result<_, _>>()?;
    let reason = message.reason.as_ref().map(|reason| ReasonId(context.intern(Kind::Reason, reason.as_str())));
    let by = StateSetter::Source(SourceId(context.intern(Kind::Source, source)));
    let until = message.until.map(|until| until.0);
    Ok(AgentCommand::SetState { channels, presence: presence(message.state), reason, until, by })
}

pub(super) const fn presence(state: State) -> Presence {
    match state {
        State::Offline => Presence::Offline,
        State::Ready => Presence::Ready,
        State::NotReady => Presence::NotReady,
    }
}

fn absence(context: &mut Context<'_>, source: &str, message: &Absence) -> Result<AgentCommand, Refused> {
    if message.ended {
        return Ok(AgentCommand::Return);
    }
    let (Some(from), Some(until)) = (message.from, message.until) else {
        let detail = "data: an absence needs `from` and `until`, or `ended`: true";
        return Err(Refused::new(Code::MissingField, detail));
    };
    let deputy = message.deputy.as_ref().map(|deputy| context.agent(source, deputy.as_str())).transpose()?;
    let reason = message.reason.as_ref().map(|reason| ReasonId(context.intern(Kind::Reason, reason.as_str())));
    Ok(AgentCommand::Absent { from: from.0, until: until.0, reason, deputy })
}

/// The whole definition of an agent.
pub(super) fn put(context: &mut Context<'_>, message: &Put) -> Result<Prepared, Refused> {
    owned_by_rules(context, message.agent.as_str())?;
    let skills = message.skills.iter().map(|(skill, level)| {
        let number = context.state.names.find(Kind::Skill, skill.as_str()).ok_or_else(|| {
            Refused::new(Code::InvalidValue, format!("data.skills: no skill {skill} is declared in the rules"))
        })?;
        Ok((SkillId(number), Level(level.0)))
    });
    let skills = skills.collect::<Result<_, Refused>>()?;
    let queues = message.queues.iter().map(|queue| {
        context.queue(queue.as_str()).map_err(|refused| {
            Refused::new(refused.code, format!("data.queues: no queue {queue} is defined in the rules"))
        })
    });
    let queues = queues.collect::<Result<Vec<QueueId>, Refused>>()?;
    let slots = message.slots.iter().map(|(name, slots)| Ok((channel(context, name)?, *slots)));
    let slots = slots.collect::<Result<_, Refused>>()?;
    let shift = message.shift.as_ref().map(|shift| calendar(context, shift.as_str())).transpose()?;
    let agent = AgentId(context.intern(Kind::Agent, message.agent.as_str()));
    let spec = AgentSpec { points: message.points.unwrap_or(POINTS), skills, queues, slots, shift };
    let mut prepared = Prepared::from(Input::World(Box::new(WorldChange::PutAgent(agent, spec))));
    let aliases = message
        .aliases
        .iter()
        .map(|(source, alias)| (SourceId(context.intern(Kind::Source, source.as_str())), alias.as_str().to_owned()));
    let aliases = aliases.collect();
    prepared.facts = context.state.alias_changes(agent, &aliases);
    Ok(prepared)
}

/// The calendar of these hours, which was put just before.
fn calendar(context: &Context<'_>, hours: &str) -> Result<CalendarId, Refused> {
    let compiled = context.rules.hours(hours, context.state.default_domain(), context.now);
    let (name, _) = compiled.map_err(|error| Refused::new(Code::InvalidValue, format!("data.shift: {error}")))?;
    let known = context.state.names.find(Kind::Calendar, &name).map(CalendarId);
    known.ok_or_else(|| Refused::by_core(Rejection::UnknownCalendar))
}

fn channel(context: &Context<'_>, name: &Name) -> Result<ChannelId, Refused> {
    context.state.names.find(Kind::Channel, name.as_str()).map(ChannelId).ok_or_else(|| {
        let detail = format!("channel {name} is not configured: add [channel.{name}] to the rules");
        Refused::new(Code::from(Rejection::UnknownChannel), detail)
    })
}

fn owned_by_rules(context: &Context<'_>, agent: &str) -> Result<(), Refused> {
    if context.rules.defines_agent(agent) {
        let detail = format!("agent {agent} is defined in the rule files: change her there");
        return Err(Refused::new(Code::OwnedByRules, detail));
    }
    Ok(())
}
