//! Decides what a platform that restarted is told, and what its own account of what is live changes.

use std::collections::BTreeSet;

use picket_core::{
    AgentCommand, ContactCommand, ContactState, Input, Kind, OutsideEnd, ReasonId, SourceId, StateSetter,
};
use serde_json::{Value, json};

use super::{Context, Prepared, agents};
use crate::contract::Envelope;
use crate::contract::inbound::Inbound;
use crate::contract::inbound::source::Sync;
use crate::shard::state::ShardState;

/// What a source says is live: contacts it no longer names have ended; its agents are as it says.
pub(super) fn sync(context: &mut Context<'_>, envelope: &Envelope, message: &Sync) -> Prepared {
    let source = SourceId(context.intern(Kind::Source, &envelope.source));
    let named: BTreeSet<&str> = message.contacts.iter().map(|live| live.contact.as_str()).collect();
    let gone = context.state.router.contacts().filter(|view| {
        let ours = view.source == source && !matches!(view.state, ContactState::Closed | ContactState::Scheduled);
        ours && context.state.contact_name(view.id).is_some_and(|(_, name)| !named.contains(name))
    });
    let mut inputs: Vec<Input> =
        gone.map(|view| Input::Contact(view.id, ContactCommand::Withdraw(OutsideEnd::Gone))).collect();
    for live in &message.agents {
        let Ok(agent) = context.agent(&envelope.source, live.agent.as_str()) else { continue };
        let channels = live
            .channels
            .iter()
            .filter_map(|name| context.state.names.find(Kind::Channel, name.as_str()).map(picket_core::ChannelId));
        let channels = channels.collect();
        let reason = live.reason.as_ref().map(|reason| ReasonId(context.intern(Kind::Reason, reason.as_str())));
        let (presence, by) = (agents::presence(live.state), StateSetter::Source(source));
        inputs.push(Input::Agent(agent, AgentCommand::SetState { channels, presence, reason, until: None, by }));
    }
    Prepared { inputs, ..Prepared::default() }
}

/// What is live for the agent or the source that asks, if the event asks.
pub(in crate::shard) fn live(state: &ShardState, envelope: &Envelope) -> Option<Value> {
    let Inbound::StateRequest(request) = &envelope.message else { return None };
    let source = state.names.find(Kind::Source, &envelope.source).map(SourceId);
    let agent = request.agent.as_ref().map(|called| state.find_agent(&envelope.source, called.as_str()));
    let contacts = state.router.contacts().filter(|view| {
        view.state != ContactState::Closed
            && agent.map_or(Some(view.source) == source, |agent| agent.is_some() && view.agent == agent)
    });
    let contacts: Vec<Value> = contacts
        .filter_map(|view| {
            let (source, contact) = state.contact_name(view.id)?;
            let agent = view.agent.and_then(|agent| state.names.text(Kind::Agent, agent.0));
            Some(json!({ "source": source, "contact": contact, "state": view.state, "agent": agent }))
        })
        .collect();
    let offers = state.live_offers().filter(|(_, (_, to))| agent.is_none_or(|agent| agent == Some(*to)));
    let offers: Vec<Value> = offers
        .filter_map(|(offer, (contact, to))| {
            let (source, contact) = state.contact_name(*contact)?;
            let view = state.router.offer(*offer)?;
            let agent = state.names.text(Kind::Agent, to.0)?;
            let expires_at = crate::contract::value::Moment(view.expires_at);
            Some(json!({
                "offer": format!("o-{}", offer.0), "source": source, "contact": contact, "agent": agent,
                "expires_at": expires_at,
            }))
        })
        .collect();
    Some(json!({ "contacts": contacts, "offers": offers }))
}
