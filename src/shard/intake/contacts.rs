//! Decides what events about contacts and offers ask of the core.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use std::collections::BTreeMap;

use picket_core::{
    AgentId, Arrival, ChannelId, ConnectFailure, ContactCommand, ContactId, ContactState, CustomerId, EarlyEnd,
    Familiar, FenceReason, Fit, Input, Kind, MatterId, Millis, Need, OfferCommand, OfferId, OutsideEnd, ReasonId,
    Rejection, Relation, Replanning, SkillId, SourceId, Supervision, ThreadId, Timestamp, Transfer,
};
use picket_rules::Planned;
use picket_rules::facts::{ContactFacts, Facts};

use super::{Context, Prepared, Refused, elsewhere, put};
use crate::contract::inbound::Inbound;
use crate::contract::inbound::contact::{
    Choice, Chosen, ConnectFailed, Direction, Identity, Received, Side, Target, Updated, Wants, Withdrawn,
};
use crate::contract::value::Id;
use crate::contract::{Code, Envelope};
use crate::shard::early::Ending;
use crate::shard::identify::{ContactRow, Identified, Lookup, ValueRow};
use crate::shard::ports::{DirectoryKind, DirectoryWrite};
use crate::shard::record::ShellFact;

/// How far back a contact's age may begin; an older beginning counts from intake.
const OLDEST_AGE: Millis = Millis(24 * 3600 * 1000);

/// The customers and the account that an event's contact may be from.
pub(super) fn whose(lookup: &Lookup<'_>, envelope: &Envelope) -> (Vec<String>, Option<String>) {
    let (customer, from) = match &envelope.message {
        Inbound::ContactReceived(received) => (received.customer.as_ref(), received.from.as_ref()),
        Inbound::ContactUpdated(updated) => {
            let row = lookup.contact(&envelope.source, updated.contact.as_str()).unwrap_or_default();
            if updated.customer.is_none() && updated.from.is_none() {
                return (row.customer.into_iter().collect(), row.account);
            }
            (updated.customer.as_ref(), updated.from.as_ref())
        }
        _ => (None, None),
    };
    if let Some(customer) = customer {
        return (vec![customer.as_str().to_owned()], None);
    }
    let owners = from.map(|from| lookup.owners(from.as_str())).unwrap_or_default();
    (owners.customers, owners.accounts.into_iter().next())
}

/// A contact arrives.
pub(super) fn received(
    context: &mut Context<'_>,
    envelope: &Envelope,
    message: &Received,
) -> Result<Prepared, Refused> {
    if context.state.find_contact(&envelope.source, message.contact.as_str()).is_some() {
        return Err(Refused::by_core(Rejection::ContactExists));
    }
    let channel = context.state.names.find(Kind::Channel, message.channel.as_str()).map(ChannelId);
    let channel = channel.ok_or_else(|| Refused::by_core(Rejection::UnknownChannel))?;
    let domain = domain(context, envelope, message)?;
    let (customer, account, matched) = {
        let (customer, from) = (message.customer.as_ref(), message.from.as_ref());
        context.lookup.whose(customer.map(Id::as_str), from.map(|from| from.as_str()))
    };
    let identified = context.lookup.identify(customer.as_deref(), account.as_deref());
    let facts = contact_facts(message, matched, &domain);
    let row = ContactRow { facts: facts.clone(), customer: customer.clone(), account };
    let planned = plan(context, facts, &identified)?;
    let home = elsewhere::home(context, envelope, &planned);
    let mut prepared = match &home {
        Some(home) => elsewhere::send(context, envelope, home)?,
        None => Prepared::default(),
    };
    let customer = customer.map(|id| {
        let hash = context.lookup.pepper.hash("customer", &id);
        let number = CustomerId(context.intern(Kind::Customer, &hash));
        let valued = valuation(&hash, number, &identified, &planned).filter(|_| home.is_none());
        if let Some((fact, write)) = valued {
            prepared.facts.push(fact);
            prepared.writes.push(write);
        }
        number
    });
    let name = format!("{} {}", envelope.source, message.contact);
    let contact = ContactId(context.intern(Kind::Contact, &name));
    prepared.facts.insert(0, ShellFact::ContactIn { contact, domain });
    prepared.facts.extend(account_of(context, contact, &identified));
    prepared.writes.push(put(DirectoryKind::Contact, name.as_str(), &row));
    prepared.trace = Some(planned.trace);
    let Relation { familiar, mut prefers, avoids, fit, .. } =
        relation(context, &identified, customer, planned.team.as_deref());
    prefers.extend(wanted_agent(context, envelope, message));
    let source = SourceId(context.intern(Kind::Source, &envelope.source));
    let thread = message.thread.as_ref();
    let thread = thread.map(|id| ThreadId(context.intern(Kind::Thread, &format!("{} {id}", envelope.source))));
    let matter = message.matter.as_ref().map(|id| MatterId(context.intern(Kind::Matter, id.as_str())));
    let arrival = Box::new(Arrival {
        contact,
        channel,
        customer,
        source,
        since: age_from(context, message.waiting_since.map(|moment| moment.0), envelope.time),
        plan: planned.plan,
        thread,
        matter,
        familiar,
        prefers,
        avoids,
        fit,
        scheduled_for: scheduled(message),
    });
    let end = home.map(|_| EarlyEnd::Forwarded);
    prepared.inputs.push(match end.or_else(|| context.state.early.of(&name, envelope.time, context.now)) {
        Some(end) => Input::ReceiveEnded(arrival, end),
        None => Input::Receive(arrival),
    });
    Ok(prepared)
}

/// More is known: the contact is planned anew.
pub(super) fn updated(context: &mut Context<'_>, envelope: &Envelope, message: &Updated) -> Result<Prepared, Refused> {
    let contact = context.contact(&envelope.source, message.contact.as_str())?;
    let mut row = context.lookup.contact(&envelope.source, message.contact.as_str()).unwrap_or_default();
    let reidentified = message.customer.is_some() || message.from.is_some();
    let mut matched = None;
    if reidentified {
        let (customer, from) = (message.customer.as_ref(), message.from.as_ref());
        let (customer, account, how) = context.lookup.whose(customer.map(Id::as_str), from.map(|from| from.as_str()));
        (row.customer, row.account, matched) = (customer, account, how);
    }
    let replace = |field: &mut Option<String>, value: Option<&str>| {
        if let Some(value) = value {
            *field = Some(value.to_owned());
        }
    };
    replace(&mut row.facts.topic, message.topic.as_ref().map(|text| text.as_str()));
    replace(&mut row.facts.language, message.language.as_ref().map(|text| text.as_str()));
    replace(&mut row.facts.matter, message.matter.as_ref().map(Id::as_str));
    replace(&mut row.facts.from, message.from.as_ref().map(|text| text.as_str()));
    replace(&mut row.facts.identity, message.identity.map(identity).or(matched));
    row.facts.attributes.extend(texts(&message.attributes));
    let identified = context.lookup.identify(row.customer.as_deref(), row.account.as_deref());
    let planned = plan(context, row.facts.clone(), &identified)?;
    if let Some(home) = elsewhere::home(context, envelope, &planned)
        && let Some(again) = elsewhere::again(context, envelope, contact, &row)
    {
        let mut prepared = elsewhere::send(context, &again, &home)?;
        prepared.inputs.push(Input::Contact(contact, ContactCommand::Forward));
        return Ok(prepared);
    }
    let why = if reidentified { Replanning::Reidentified } else { Replanning::Updated };
    let mut prepared = Prepared::default();
    if reidentified {
        // Of several inputs a refused one is not told of, so what would refuse them all is asked here.
        let view = context.state.router.contact(contact);
        if view.is_some_and(|view| view.state == ContactState::Closed) {
            return Err(Refused::by_core(Rejection::ContactClosed));
        }
        let customer = row.customer.as_ref().map(|id| {
            let hash = context.lookup.pepper.hash("customer", id);
            CustomerId(context.intern(Kind::Customer, &hash))
        });
        let relation = relation(context, &identified, customer, planned.team.as_deref());
        prepared.inputs.push(Input::Contact(contact, ContactCommand::Identify(Box::new(relation))));
    }
    prepared.facts.extend(account_of(context, contact, &identified));
    let command = ContactCommand::Replan(Box::new(planned.plan), why);
    let name = format!("{} {}", envelope.source, message.contact);
    prepared.inputs.push(Input::Contact(contact, command));
    prepared.trace = Some(planned.trace);
    prepared.writes.push(put(DirectoryKind::Contact, name, &row));
    Ok(prepared)
}

/// Everything else that can be said of a contact.
pub(super) fn command(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    let source = envelope.source.as_str();
    let (id, agent) = subject(&envelope.message)?;
    let contact = match (context.contact(source, id), ending(&envelope.message)) {
        (Err(_), Some(ending)) => return Ok(kept(envelope, id, ending)),
        (found, _) => found?,
    };
    if let Some(called) = agent {
        let agent = context.agent(source, called.as_str())?;
        let holder = context.state.router.contact(contact).and_then(|view| view.agent);
        if holder.is_some_and(|holder| holder != agent) {
            return Err(Refused::by_core(Rejection::NotYourContact));
        }
    }
    let command = match &envelope.message {
        Inbound::ContactAbandoned(_) => ContactCommand::Abandon,
        Inbound::ContactConnected(_) => ContactCommand::Connect,
        Inbound::ContactConnectFailed(failed) => ContactCommand::FailToConnect(failure(failed)),
        Inbound::ContactEnded(_) => ContactCommand::End,
        Inbound::ContactParked(_) => ContactCommand::Park,
        Inbound::ContactResumed(_) => ContactCommand::Resume,
        Inbound::ContactWithdrawn(message) => ContactCommand::Withdraw(outside(message)),
        Inbound::ContactClose(_) => ContactCommand::Close,
        Inbound::ContactRequeue(_) => ContactCommand::Requeue,
        Inbound::ContactTransfer(message) => ContactCommand::Transfer(target(context, source, &message.to)?),
        Inbound::ContactCallback(message) => ContactCommand::Schedule(message.at.map_or(context.now, |at| at.0)),
        Inbound::ContactSchedule(message) => ContactCommand::Schedule(message.at.0),
        Inbound::ContactChoice(Choice { choice: Chosen::Callback, at, .. }) => {
            ContactCommand::Schedule(at.map_or(context.now, |at| at.0))
        }
        Inbound::ContactChoice(Choice { choice: Chosen::Colleague, .. }) => {
            return Ok(Input::Supervise(contact, Supervision::OpenFence(FenceReason::CustomerChoice)).into());
        }
        // Waiting on is what happens anyway.
        Inbound::ContactChoice(_) => return Ok(Prepared::default()),
        other => return Err(Refused::new(Code::NotSupportedYet, format!("{} has no effect yet", other.kind()))),
    };
    Ok(Input::Contact(contact, command).into())
}

/// How an event says that its contact is over, whatever state that is in.
fn ending(message: &Inbound) -> Option<Ending> {
    match message {
        Inbound::ContactAbandoned(_) | Inbound::ContactEnded(_) => Some(Ending::Left),
        Inbound::ContactWithdrawn(message) => Some(Ending::Withdrawn(outside(message))),
        _ => None,
    }
}

/// An end that came before its contact: it is kept.
fn kept(envelope: &Envelope, contact: &str, ending: Ending) -> Prepared {
    let contact = format!("{} {contact}", envelope.source);
    Prepared { facts: vec![ShellFact::EndedEarly { contact, ending, said: envelope.time }], ..Prepared::default() }
}

const fn outside(message: &Withdrawn) -> OutsideEnd {
    match message.by {
        Some(_) => OutsideEnd::HandledElsewhere,
        None => OutsideEnd::Gone,
    }
}

/// An agent answers an offer.
pub(super) fn offer(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    let (offer, called, contact, reason) = match &envelope.message {
        Inbound::OfferAccept(message) => (&message.offer, &message.agent, &message.contact, None),
        Inbound::OfferDecline(message) => {
            (&message.offer, &message.agent, &message.contact, Some(message.reason.as_ref()))
        }
        other => return Err(Refused::new(Code::UnknownOffer, format!("{} answers no offer", other.kind()))),
    };
    let unknown = || Refused::by_core(Rejection::UnknownOffer);
    let number = offer.as_str().strip_prefix("o-").and_then(|text| text.parse().ok()).map(OfferId);
    let number = number.ok_or_else(unknown)?;
    let agent = context.agent(&envelope.source, called.as_str())?;
    if let (Some(contact), Some((of, _))) = (contact, context.state.offer_parties(number))
        && context.state.contact_name(of).is_none_or(|(_, name)| name != contact.as_str())
    {
        let detail = format!("offer {offer} is not about contact {contact}");
        return Err(Refused::new(Code::UnknownOffer, detail));
    }
    let command = match reason {
        None => OfferCommand::Accept(agent),
        Some(reason) => {
            let reason = reason.map(|reason| ReasonId(context.intern(Kind::Reason, reason.as_str())));
            OfferCommand::Decline(agent, reason)
        }
    };
    Ok(Input::Offer(number, command).into())
}

fn subject(message: &Inbound) -> Result<(&str, Option<&Id>), Refused> {
    Ok(match message {
        Inbound::ContactAbandoned(message) => (message.contact.as_str(), None),
        Inbound::ContactConnected(message) => (message.contact.as_str(), message.agent.as_ref()),
        Inbound::ContactConnectFailed(message) => (message.contact.as_str(), None),
        Inbound::ContactEnded(message) => (message.contact.as_str(), None),
        Inbound::ContactParked(message) => (message.contact.as_str(), None),
        Inbound::ContactResumed(message) => (message.contact.as_str(), None),
        Inbound::ContactWithdrawn(message) => (message.contact.as_str(), None),
        Inbound::ContactClose(message) => (message.contact.as_str(), message.agent.as_ref()),
        Inbound::ContactRequeue(message) => (message.contact.as_str(), message.agent.as_ref()),
        Inbound::ContactTransfer(message) => (message.contact.as_str(), message.agent.as_ref()),
        Inbound::ContactCallback(message) => (message.contact.as_str(), None),
        Inbound::ContactSchedule(message) => (message.contact.as_str(), None),
        Inbound::ContactChoice(message) => (message.contact.as_str(), None),
        other => return Err(Refused::new(Code::NotSupportedYet, format!("{} has no effect yet", other.kind()))),
    })
}

fn failure(failed: &ConnectFailed) -> ConnectFailure {
    match failed.side {
        Side::Agent => ConnectFailure::Agent,
        Side::Customer => ConnectFailure::Customer { retry_at: failed.retry_at.map(|at| at.0) },
    }
}

fn target(context: &mut Context<'_>, source: &str, to: &Target) -> Result<Transfer, Refused> {
    Ok(match to {
        Target::Agent(agent) => Transfer::Agent(context.agent(source, agent.as_str())?),
        Target::Team(team) => Transfer::Team(context.team(team.as_str())?),
        Target::Queue(queue) => Transfer::Queue(context.queue(queue.as_str())?),
        Target::Needs(needs) => {
            let needs = needs.iter().map(|(skill, level)| {
                let number = context.state.names.find(Kind::Skill, skill.as_str());
                let skill = number.map(SkillId).ok_or_else(|| {
                    Refused::new(
                        Code::InvalidValue,
                        format!("data.to.needs: no skill {skill} is declared in the rules"),
                    )
                })?;
                Ok(Need { skill, level: picket_core::Level(level.0) })
            });
            Transfer::Needs(needs.collect::<Result<_, Refused>>()?)
        }
    })
}

fn domain(context: &Context<'_>, envelope: &Envelope, message: &Received) -> Result<String, Refused> {
    let named = envelope.domain.clone();
    let entry = message.to.as_ref().and_then(|to| context.rules.entry(to.as_str()).map(str::to_owned));
    let domain = named.or(entry).unwrap_or_else(|| context.state.default_domain().to_owned());
    let known = context.state.rules.as_ref().is_none_or(|rules| rules.domains.contains(&domain));
    if known {
        Ok(domain)
    } else {
        Err(Refused::new(
            Code::UnknownDomain,
            format!("domain {domain} is not configured: add [domain.{domain}] to the rules"),
        ))
    }
}

/// What the rules in force entitle a contact to.
pub(super) fn plan(
    context: &mut Context<'_>,
    contact: ContactFacts,
    identified: &Identified,
) -> Result<Planned, Refused> {
    let facts = Facts {
        contact,
        customer: identified.customer.as_ref().map(|row| row.facts.clone()),
        account: identified.account.as_ref().map(|row| row.facts.clone()),
        was_valued: identified.was_valued,
        queues: BTreeMap::new(),
    };
    let number = context.state.rules.as_ref().map_or(0, |rules| rules.number);
    context.rules.plan(&facts, &context.state.names, context.now, number).map_err(|error| {
        Refused::new(Code::PlanFailed, format!("the rules in force give this contact no plan: {error}"))
    })
}

/// Whether a customer entered or left the circle of valued ones by this plan.
pub(super) fn valuation(
    hash: &str,
    customer: CustomerId,
    identified: &Identified,
    planned: &Planned,
) -> Option<(ShellFact, DirectoryWrite)> {
    let valued = planned.valued.valued;
    let fact = ShellFact::ValuedChanged { customer, valued, score: planned.valued.score };
    (valued != identified.was_valued).then(|| (fact, put(DirectoryKind::Value, hash, &ValueRow { valued })))
}

/// The account that a contact's plan goes by, as far as that is news.
pub(super) fn account_of(context: &Context<'_>, contact: ContactId, identified: &Identified) -> Option<ShellFact> {
    let account = identified.account.as_ref().and_then(|row| row.facts.id.clone());
    (account.as_deref() != context.state.ties.account(contact)).then_some(ShellFact::AccountOf { contact, account })
}

fn known_agent(context: &Context<'_>, id: &str) -> Option<AgentId> {
    context.state.names.find(Kind::Agent, id).map(AgentId)
}

fn wanted_agent(context: &Context<'_>, envelope: &Envelope, message: &Received) -> Option<AgentId> {
    match &message.wants {
        Some(Wants::Agent(id)) => context.state.find_agent(&envelope.source, id.as_str()),
        Some(Wants::Callback(_)) | None => None,
    }
}

fn familiar(context: &Context<'_>, identified: &Identified) -> Vec<Familiar> {
    let known = identified.familiar.iter().filter_map(|row| {
        Some(Familiar { agent: known_agent(context, &row.agent)?, contacts: row.contacts, last: row.last })
    });
    known.collect()
}

/// What ties a customer to agents.
pub(super) fn relation(
    context: &Context<'_>,
    identified: &Identified,
    customer: Option<CustomerId>,
    team: Option<&str>,
) -> Relation {
    let facts = identified.customer.as_ref().map(|row| &row.facts);
    let agents = |ids: &[String]| ids.iter().filter_map(|id| known_agent(context, id)).collect();
    Relation {
        customer,
        familiar: familiar(context, identified),
        prefers: facts.map(|facts| agents(&facts.prefers)).unwrap_or_default(),
        avoids: facts.map(|facts| agents(&facts.avoids)).unwrap_or_default(),
        fit: fit(context, identified, team),
    }
}

/// How well the people of the customer's own team fit what the customer prefers.
fn fit(context: &Context<'_>, identified: &Identified, team: Option<&str>) -> Vec<Fit> {
    let (Some(customer), Some(team)) = (&identified.customer, team) else { return Vec::new() };
    let fits = context.rules.fit(&customer.facts, team).into_iter().filter_map(|fit| {
        Some(Fit { agent: known_agent(context, fit.agent)?, matched: fit.matched, stated: fit.stated })
    });
    fits.collect()
}

fn scheduled(message: &Received) -> Option<Timestamp> {
    let callback = match &message.wants {
        Some(Wants::Callback(at)) => Some(at.0),
        Some(Wants::Agent(_)) | None => None,
    };
    message.scheduled_for.map(|at| at.0).or(callback)
}

/// From when a contact's age counts, in journal time: a sender goes by the wall clock, which may be behind it.
fn age_from(context: &Context<'_>, waiting_since: Option<Timestamp>, sent: Option<Timestamp>) -> Timestamp {
    let now = context.now;
    let fits = |time: &Timestamp| *time <= now && now.since(*time) <= OLDEST_AGE;
    let mut told = [waiting_since, sent].into_iter().flatten().map(|time| time + context.behind);
    told.find(fits).unwrap_or(now)
}

fn contact_facts(message: &Received, matched: Option<&'static str>, domain: &str) -> ContactFacts {
    let text = |text: &str| text.to_owned();
    ContactFacts {
        channel: text(message.channel.as_str()),
        topic: message.topic.as_ref().map(|topic| text(topic.as_str())),
        language: message.language.as_ref().map(|language| text(language.as_str())),
        from: message.from.as_ref().map(|from| text(from.as_str())),
        to: message.to.as_ref().map(|to| text(to.as_str())),
        identity: message.identity.map(identity).or(matched).map(text),
        direction: message.direction.map(|direction| match direction {
            Direction::Inbound => text("inbound"),
            Direction::Outbound => text("outbound"),
        }),
        wants: message.wants.as_ref().map(|wants| match wants {
            Wants::Agent(agent) => text(agent.as_str()),
            Wants::Callback(_) => text("callback"),
        }),
        thread: message.thread.as_ref().map(|thread| text(thread.as_str())),
        matter: message.matter.as_ref().map(|matter| text(matter.as_str())),
        domain: Some(text(domain)),
        attributes: texts(&message.attributes).collect(),
    }
}

const fn identity(identity: Identity) -> &'static str {
    match identity {
        Identity::Verified => "verified",
        Identity::Claimed => "claimed",
        Identity::Matched => "matched",
    }
}

/// Attributes as rules read them: text as it is, everything else as its JSON.
fn texts(attributes: &BTreeMap<Id, serde_json::Value>) -> impl Iterator<Item = (String, String)> {
    attributes.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.as_str().to_owned(), value)
    })
}
