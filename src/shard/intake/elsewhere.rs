//! Decides what another shard takes: a contact of whoever is at home there, and what is said of it afterwards.

use picket_core::{ContactId, ContactState, Kind, Outcome};
use picket_rules::Planned;
use serde_json::json;

use super::{Context, Prepared, Refused, put};
use crate::contract::inbound::Inbound;
use crate::contract::inbound::contact::Received;
use crate::contract::value::{Id, Moment};
use crate::contract::{Code, Envelope, routing_key};
use crate::shard::forwards::row;
use crate::shard::identify::{ContactRow, Lookup};
use crate::shard::neighbours::Who;
use crate::shard::ports::{DirectoryKind, Forward};
use crate::shard::record::ShellFact;

/// Who an event says that a contact is from, if nobody knows them here.
pub(in crate::shard) fn stranger(lookup: &Lookup<'_>, envelope: &Envelope) -> Option<Who> {
    who(envelope).filter(|who| !who.is_known(lookup))
}

fn who(envelope: &Envelope) -> Option<Who> {
    let (customer, from) = match &envelope.message {
        _ if envelope.forwarded => return None,
        Inbound::ContactReceived(received) => (&received.customer, &received.from),
        Inbound::ContactUpdated(updated) => (&updated.customer, &updated.from),
        _ => return None,
    };
    Who::of(customer.as_ref().map(Id::as_str), from.as_ref().map(|from| from.as_str()))
}

/// The domain of another shard in which a contact belongs: where its customer is at home, or where those work who are to
/// serve it. None if it stays here, and for whatever came from another shard: that is not sent on.
pub(super) fn home(context: &Context<'_>, envelope: &Envelope, planned: &Planned) -> Option<String> {
    if envelope.forwarded || context.neighbours.is_empty() {
        return None;
    }
    let known_there = who(envelope).and_then(|who| context.lookup.rows.homes.get(&who).cloned());
    let of_team = || planned.team.as_deref().and_then(|team| context.rules.team_domain(team));
    let of_queue = || context.rules.queue_domain(context.state.names.text(Kind::Queue, planned.plan.queue.0)?);
    let planned_there = || of_team().or_else(of_queue).map(str::to_owned);
    known_there.or_else(planned_there).filter(|domain| context.neighbours.shard_of(domain).is_some())
}

/// The domain of another shard that an event is sent on to: the one it names, which was moved while the event waited here;
/// or the one that its contact went to.
pub(in crate::shard) fn of(context: &Context<'_>, envelope: &Envelope) -> Option<String> {
    // A word of ops is bound to the shard that has the domain, and came there too.
    let is_sent_on = envelope.entry().is_some_and(|kind| !kind.is_control());
    let named = envelope.domain.as_ref().filter(|domain| is_sent_on && context.neighbours.shard_of(domain).is_some());
    named.cloned().or_else(|| follows(context, envelope))
}

/// The domain that an event about a contact follows it to, which went there and is not back.
fn follows(context: &Context<'_>, envelope: &Envelope) -> Option<String> {
    let is_about_contact = envelope.entry().is_some_and(|kind| kind.noun == "contact");
    if envelope.forwarded || !is_about_contact || matches!(envelope.message, Inbound::ContactReceived(_)) {
        return None;
    }
    let contact = envelope.subject()?;
    let found = context.state.find_contact(&envelope.source, &contact);
    let view = found.and_then(|contact| context.state.router.contact(contact));
    let is_here = view.is_some_and(|view| view.outcome != Some(Outcome::Forwarded));
    let gone = context.state.forwards.of(&format!("{} {contact}", envelope.source));
    gone.filter(|_| !is_here).map(str::to_owned)
}

/// Sends an event to a domain of another shard.
pub(super) fn send(context: &Context<'_>, envelope: &Envelope, domain: &str) -> Result<Prepared, Refused> {
    let lost = |why: String| Refused::new(Code::UnknownDomain, format!("it cannot be forwarded to {domain}: {why}"));
    let shard = context.neighbours.shard_of(domain).ok_or_else(|| lost("no shard has that domain".to_owned()))?;
    let kind = envelope.entry().ok_or_else(|| lost("it is of no type of the contract".to_owned()))?;
    let event = Envelope { domain: Some(domain.to_owned()), ..envelope.clone() };
    let event = event.to_json().map_err(|error| lost(error.to_string()))?;
    let forward = Forward {
        shard: shard.to_owned(),
        routing_key: routing_key::input(domain, kind.noun, kind.verb),
        user: envelope.user.clone(),
        event: event.to_string(),
    };
    let contact = envelope.subject().filter(|_| kind.noun == "contact");
    let contact = contact.map(|contact| format!("{} {contact}", envelope.source));
    Ok(Prepared {
        facts: vec![ShellFact::Forwarded { contact, domain: domain.to_owned() }],
        writes: vec![put(DirectoryKind::Forward, row(&envelope.source, &envelope.id), &forward)],
        ..Prepared::default()
    })
}

/// The arrival of a contact that waits here, as it would be said now. None if it does not wait any more: it stays with
/// whoever has it.
pub(super) fn again(
    context: &Context<'_>,
    envelope: &Envelope,
    contact: ContactId,
    kept: &ContactRow,
) -> Option<Envelope> {
    let view = context.state.router.contact(contact)?;
    if !matches!(view.state, ContactState::Waiting | ContactState::Offered | ContactState::Scheduled) {
        return None;
    }
    let facts = &kept.facts;
    let wants = facts.wants.as_ref().filter(|wants| *wants != "callback").map(|agent| json!({ "agent": agent }));
    let received = json!({
        "contact": envelope.subject()?,
        "channel": facts.channel,
        "from": facts.from,
        "customer": kept.customer,
        "identity": facts.identity,
        "to": facts.to,
        "topic": facts.topic,
        "language": facts.language,
        "thread": facts.thread,
        "matter": facts.matter,
        "waiting_since": Moment(view.since),
        "direction": facts.direction,
        "wants": wants,
        "scheduled_for": view.due.filter(|_| view.state == ContactState::Scheduled).map(Moment),
        "attributes": facts.attributes,
    });
    let received: Received = serde_json::from_value(received)
        .inspect_err(|error| tracing::warn!(%error, "what was kept of a contact cannot be forwarded; it stays"))
        .ok()?;
    let message = Inbound::ContactReceived(received.into());
    Some(Envelope { kind: message.kind(), message, ..envelope.clone() })
}
