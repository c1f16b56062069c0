//! Decides what is asked of the core by hand: by an agent with a contact, by a supervisor with a contact or a team.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use picket_core::{
    AgentCommand, ContactCommand, ContactId, FenceReason as CoreReason, Handler, Input, Rejection, Supervision,
    TeamCommand,
};

use super::{Context, Prepared, Refused};
use crate::contract::inbound::Inbound;
use crate::contract::inbound::contact::{Consult, Pull, Target};
use crate::contract::inbound::control::{FenceReason, OpenFence};
use crate::contract::value::{Id, Text};
use crate::contract::{Code, Envelope};
use crate::shard::record::ShellFact;

/// An agent asks a colleague, or either of them ends it.
pub(super) fn consult(context: &mut Context<'_>, envelope: &Envelope, message: &Consult) -> Result<Prepared, Refused> {
    let source = envelope.source.as_str();
    let contact = context.contact(source, message.contact.as_str())?;
    if let Some(called) = &message.agent {
        let agent = context.agent(source, called.as_str())?;
        let view = context.state.router.contact(contact);
        let is_holder = view.and_then(|view| view.agent).is_none_or(|holder| holder == agent);
        let is_asked = view.and_then(|view| view.consulted) == Some(agent);
        if !(is_holder || message.ended && is_asked) {
            return Err(Refused::by_core(Rejection::NotYourContact));
        }
    }
    let command = match (&message.with, message.ended) {
        (_, true) => ContactCommand::EndConsult,
        (Some(Target::Agent(asked)), false) => ContactCommand::Consult(context.agent(source, asked.as_str())?),
        (Some(Target::Team(_) | Target::Queue(_) | Target::Needs(_)), false) => {
            let detail = "data.with: this version asks one agent; name her, as `agent`";
            return Err(Refused::new(Code::NotSupportedYet, detail));
        }
        (None, false) => {
            let detail = "data.with: a consultation needs `with`, or `ended`: true";
            return Err(Refused::new(Code::MissingField, detail));
        }
    };
    Ok(Input::Contact(contact, command).into())
}

/// An agent takes a waiting contact.
pub(super) fn pull(context: &mut Context<'_>, envelope: &Envelope, message: &Pull) -> Result<Prepared, Refused> {
    let contact = contact(context, envelope, message.contact_source.as_ref(), &message.contact)?;
    let agent = context.agent(&envelope.source, message.agent.as_str())?;
    Ok(Input::Agent(agent, AgentCommand::Pull(contact)).into())
}

/// A supervisor steps in with a contact.
pub(super) fn with_contact(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    let find = |source: &Option<Id>, id: &Id| contact(context, envelope, source.as_ref(), id);
    let (contact, supervision, by, why) = match &envelope.message {
        Inbound::SupervisorOpenFence(it) => {
            (find(&it.contact_source, &it.contact)?, opening(it)?, it.by.as_ref(), it.why.as_ref())
        }
        Inbound::SupervisorCloseFence(it) => {
            (find(&it.contact_source, &it.contact)?, Supervision::CloseFence, it.by.as_ref(), it.why.as_ref())
        }
        Inbound::SupervisorAssign(it) => {
            let contact = find(&it.contact_source, &it.contact)?;
            let handler = Handler { agent: context.agent("", it.agent.as_str())? };
            let supervision = if it.force { Supervision::Force(handler) } else { Supervision::Assign(handler) };
            (contact, supervision, it.by.as_ref(), it.why.as_ref())
        }
        Inbound::SupervisorTakeBack(it) => {
            (find(&it.contact_source, &it.contact)?, Supervision::TakeBack, it.by.as_ref(), it.why.as_ref())
        }
        Inbound::SupervisorHold(it) => {
            let supervision = Supervision::Hold(it.until.map(|until| until.0));
            (find(&it.contact_source, &it.contact)?, supervision, Some(&it.by), Some(&it.why))
        }
        Inbound::SupervisorRelease(it) => {
            (find(&it.contact_source, &it.contact)?, Supervision::Release, it.by.as_ref(), it.why.as_ref())
        }
        other => return Err(Refused::new(Code::NotSupportedYet, format!("{} has no effect yet", other.kind()))),
    };
    Ok(by_hand(Input::Supervise(contact, supervision), by, why))
}

/// A supervisor lends a team, or ends that.
pub(super) fn with_team(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    match &envelope.message {
        Inbound::SupervisorLend(it) => {
            let (team, queue) = (context.team(it.team.as_str())?, context.queue(it.queue.as_str())?);
            let command = TeamCommand::Lend(queue, it.until.map(|until| until.0));
            Ok(by_hand(Input::Team(team, command), Some(&it.by), Some(&it.why)))
        }
        Inbound::SupervisorEndLend(it) => {
            let (team, queue) = (context.team(it.team.as_str())?, context.queue(it.queue.as_str())?);
            let view = context.state.router.team(team).ok_or_else(|| Refused::by_core(Rejection::UnknownTeam))?;
            if !view.lent_to.iter().any(|(lent, _)| *lent == queue) {
                let detail = "no supervisor lends this team to this queue now";
                return Err(Refused::new(Code::NotLent, detail));
            }
            let command = TeamCommand::EndLend(queue);
            Ok(by_hand(Input::Team(team, command), it.by.as_ref(), it.why.as_ref()))
        }
        other => Err(Refused::new(Code::NotSupportedYet, format!("{} has no effect yet", other.kind()))),
    }
}

/// The contact that a message names: of the source it says, else of its own.
fn contact(
    context: &Context<'_>,
    envelope: &Envelope,
    source: Option<&Id>,
    contact: &Id,
) -> Result<ContactId, Refused> {
    context.contact(source.map_or(&envelope.source, |source| source.as_str()), contact.as_str())
}

fn opening(message: &OpenFence) -> Result<Supervision, Refused> {
    match (message.reason, message.until) {
        (FenceReason::Supervisor, Some(until)) => Ok(Supervision::OpenFenceUntil(until.0)),
        (reason, None) => Ok(Supervision::OpenFence(CoreReason::from(reason))),
        (_, Some(_)) => {
            let detail = "data.until: only an opening with the reason `supervisor` has an end; leave it out";
            Err(Refused::new(Code::InvalidValue, detail))
        }
    }
}

/// What is asked, and on the record who did so and why.
fn by_hand(input: Input, by: Option<&Text>, why: Option<&Text>) -> Prepared {
    let text = |text: Option<&Text>| text.map(|text| text.as_str().to_owned());
    let mut prepared = Prepared::from(input);
    if by.is_some() || why.is_some() {
        prepared.facts.push(ShellFact::ByHand { by: text(by), why: text(why) });
    }
    prepared
}
