//! Decides what an event asks of the core: names become numbers, people are identified, the rules make the plan.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

mod agents;
mod anew;
mod contacts;
mod customers;
mod elsewhere;
mod hands;
mod place;
mod state;

use bytes::Bytes;
use picket_core::{AgentId, ContactId, Input, Kind, Millis, Name, QueueId, Rejection, TeamId, Timestamp};
use picket_rules::{RuleSet, RuleTrace};
use serde::Serialize;

use super::identify::{Lookup, key};
use super::neighbours::Neighbours;
use super::ports::{DeadLetter, DirectoryKey, DirectoryKind, DirectoryWrite};
use super::record::ShellFact;
use super::state::ShardState;
use crate::contract::inbound::Inbound;
use crate::contract::wire::{HeaderValue, WireMessage};
use crate::contract::{Code, Envelope, Refusal};

pub(super) use anew::{Anew, planned_anew};
pub(super) use elsewhere::stranger;
pub(super) use place::{aliases, domains, prerequisites, rules_body, world};
pub(super) use state::live;

/// What an event needs to be carried out.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) state: &'a mut ShardState,
    pub(super) rules: &'a RuleSet,
    pub(super) lookup: Lookup<'a>,
    pub(super) neighbours: &'a Neighbours,
    pub(super) now: Timestamp,
    /// How far the wall clock is behind `now`: what others say of the past is that much earlier.
    pub(super) behind: Millis,
    pub(super) fresh: &'a mut Vec<Name>,
}

/// What an event comes down to.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// What is asked of the core: one input; several only where each may fail for itself.
    pub(super) inputs: Vec<Input>,
    /// Changes of the shell.
    pub(super) facts: Vec<ShellFact>,
    /// Directory rows.
    pub(super) writes: Vec<DirectoryWrite>,
    /// Which rules were tried.
    pub(super) trace: Option<RuleTrace>,
}

impl From<Input> for Prepared {
    fn from(input: Input) -> Self {
        Self { inputs: vec![input], ..Self::default() }
    }
}

/// Why an event is not carried out.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) detail: String,
}

impl Refused {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    pub(super) fn by_core(rejection: Rejection) -> Self {
        Self { code: Code::from(rejection), detail: rejection.to_string() }
    }

    pub(super) fn conflict() -> Self {
        Self::new(
            Code::IdConflict,
            "an event of this source and id was taken before with other content: give each event an id of its own",
        )
    }
}

/// What one round of look-ups wants to know for an event.
pub(super) type Round = fn(&ShardState, &Lookup<'_>, &Envelope) -> Vec<DirectoryKey>;

/// The rounds of look-ups: each needs what the one before found.
pub(super) const ROUNDS: [Round; 3] = [first_round, second_round, third_round];

fn first_round(_: &ShardState, lookup: &Lookup<'_>, envelope: &Envelope) -> Vec<DirectoryKey> {
    let address = |from: &str| key(DirectoryKind::Address, lookup.pepper.hash("address", from));
    match &envelope.message {
        Inbound::ContactReceived(received) => match (&received.customer, &received.from) {
            (None, Some(from)) => vec![address(from.as_str())],
            _ => Vec::new(),
        },
        Inbound::ContactUpdated(updated) => {
            let row = key(DirectoryKind::Contact, format!("{} {}", envelope.source, updated.contact));
            updated.from.iter().map(|from| address(from.as_str())).chain([row]).collect()
        }
        Inbound::CustomerPut(put) => {
            let addresses = put.addresses.iter().map(|text| address(text.as_str()));
            addresses.chain([key(DirectoryKind::Customer, put.customer.as_str())]).collect()
        }
        Inbound::AccountPut(put) => {
            let addresses = put.addresses.iter().map(|text| address(text.as_str()));
            addresses.chain([key(DirectoryKind::Account, put.account.as_str())]).collect()
        }
        Inbound::CustomerErase(erase) => vec![key(DirectoryKind::Customer, erase.customer.as_str())],
        _ => Vec::new(),
    }
}

fn second_round(_: &ShardState, lookup: &Lookup<'_>, envelope: &Envelope) -> Vec<DirectoryKey> {
    match &envelope.message {
        Inbound::ContactReceived(_) | Inbound::ContactUpdated(_) => {
            let (customers, account) = contacts::whose(lookup, envelope);
            people(lookup, customers, account)
        }
        Inbound::CustomerPut(put) => customers::former_addresses(lookup, put.customer.as_str()),
        Inbound::CustomerErase(erase) => customers::former_addresses(lookup, erase.customer.as_str()),
        Inbound::AccountPut(put) => customers::former_account_addresses(lookup, put.account.as_str()),
        _ => Vec::new(),
    }
}

fn third_round(_: &ShardState, lookup: &Lookup<'_>, envelope: &Envelope) -> Vec<DirectoryKey> {
    if !matches!(&envelope.message, Inbound::ContactReceived(_) | Inbound::ContactUpdated(_)) {
        return Vec::new();
    }
    let (customers, account) = contacts::whose(lookup, envelope);
    ties(lookup, customers, account)
}

/// The rows of those whom a contact may be from.
pub(super) fn people(_: &Lookup<'_>, customers: Vec<String>, account: Option<String>) -> Vec<DirectoryKey> {
    let accounts = account.map(|id| key(DirectoryKind::Account, id));
    customers.into_iter().map(|id| key(DirectoryKind::Customer, id)).chain(accounts).collect()
}

/// What those customers are worth, who knows them, and their accounts.
pub(super) fn ties(lookup: &Lookup<'_>, customers: Vec<String>, _: Option<String>) -> Vec<DirectoryKey> {
    let mut keys = Vec::new();
    for id in customers {
        let hash = lookup.pepper.hash("customer", &id);
        keys.push(key(DirectoryKind::Value, hash.as_str()));
        keys.push(key(DirectoryKind::Familiarity, hash));
        let account = lookup.customer(&id).and_then(|row| row.facts.account);
        keys.extend(account.map(|account| key(DirectoryKind::Account, account)));
    }
    keys
}

/// Turns an event into what it asks of the core.
pub(super) fn prepare(context: &mut Context<'_>, envelope: &Envelope) -> Result<Prepared, Refused> {
    if let Some(domain) = elsewhere::of(context, envelope) {
        return elsewhere::send(context, envelope, &domain);
    }
    match &envelope.message {
        Inbound::ContactReceived(received) => contacts::received(context, envelope, received),
        Inbound::ContactUpdated(updated) => contacts::updated(context, envelope, updated),
        Inbound::OfferAccept(_) | Inbound::OfferDecline(_) => contacts::offer(context, envelope),
        Inbound::AgentPut(put) => agents::put(context, put),
        Inbound::AgentSetState(_) | Inbound::AgentAbsence(_) | Inbound::AgentLoad(_) | Inbound::AgentRemove(_) => {
            agents::command(context, envelope)
        }
        Inbound::CustomerPut(put) => customers::put(context, envelope.domain.as_deref(), put),
        Inbound::AccountPut(put) => customers::put_account(context, envelope.domain.as_deref(), put),
        Inbound::CustomerErase(erase) => Ok(customers::erase(context, erase)),
        Inbound::SourceSync(sync) => Ok(state::sync(context, envelope, sync)),
        Inbound::AgentHeartbeat(heartbeat) => {
            context.agent(&envelope.source, heartbeat.agent.as_str()).map(|_| Prepared::default())
        }
        // That a source is there is telemetry; what is live is answered.
        Inbound::SourceHeartbeat(_) | Inbound::StateRequest(_) => Ok(Prepared::default()),
        Inbound::ContactConsult(consult) => hands::consult(context, envelope, consult),
        Inbound::ContactPull(pull) => hands::pull(context, envelope, pull),
        Inbound::SupervisorOpenFence(_)
        | Inbound::SupervisorCloseFence(_)
        | Inbound::SupervisorAssign(_)
        | Inbound::SupervisorTakeBack(_)
        | Inbound::SupervisorHold(_)
        | Inbound::SupervisorRelease(_) => hands::with_contact(context, envelope),
        Inbound::SupervisorLend(_) | Inbound::SupervisorEndLend(_) => hands::with_team(context, envelope),
        Inbound::RulesActivate(activate) => place::activate(context, activate),
        _ => contacts::command(context, envelope),
    }
}

impl Context<'_> {
    /// The contact that this source calls so.
    fn contact(&self, source: &str, contact: &str) -> Result<ContactId, Refused> {
        self.state.find_contact(source, contact).ok_or_else(|| {
            let detail = format!("source {source} has no contact {contact}: send contact.received first");
            Refused::new(Code::from(Rejection::UnknownContact), detail)
        })
    }

    /// The agent whom this source calls so.
    fn agent(&self, source: &str, called: &str) -> Result<AgentId, Refused> {
        self.state.find_agent(source, called).filter(|agent| self.state.router.agent(*agent).is_some()).ok_or_else(
            || {
                let detail = format!("source {source} has no agent {called}: define her in the rules or by agent.put");
                Refused::new(Code::from(Rejection::UnknownAgent), detail)
            },
        )
    }

    fn team(&self, id: &str) -> Result<TeamId, Refused> {
        self.state.names.find(Kind::Team, id).map(TeamId).ok_or_else(|| Refused::by_core(Rejection::UnknownTeam))
    }

    fn queue(&self, id: &str) -> Result<QueueId, Refused> {
        self.state.names.find(Kind::Queue, id).map(QueueId).ok_or_else(|| Refused::by_core(Rejection::UnknownQueue))
    }

    fn intern(&mut self, kind: Kind, text: &str) -> u32 {
        self.state.names.intern(kind, text, self.fresh)
    }
}

/// Where a driven clock is to go, if the event says so.
pub(super) const fn clock_advance(envelope: &Envelope) -> Option<Timestamp> {
    match &envelope.message {
        Inbound::ClockAdvance(advance) => Some(advance.to.0),
        _ => None,
    }
}

/// A row to be written.
pub(super) fn put<T: Serialize>(kind: DirectoryKind, id: impl Into<String>, row: &T) -> DirectoryWrite {
    // Rows are plain structs of ours: writing one as JSON cannot fail.
    let body = serde_json::to_vec(row).map(Bytes::from).ok();
    DirectoryWrite { key: key(kind, id), body }
}

/// A message that could not be understood, as people will find it.
pub(super) fn dead_letter(message: &WireMessage, refusal: &Refusal, shard: &str, at: Timestamp) -> DeadLetter {
    let text = |(name, value): &(String, HeaderValue)| match value {
        HeaderValue::Text(value) => Some((name.clone(), value.clone())),
        HeaderValue::Other(_) => None,
    };
    DeadLetter {
        id: String::new(),
        code: refusal.code.as_str().to_owned(),
        detail: refusal.detail.clone(),
        at: at.0,
        shard: shard.to_owned(),
        exchange: message.exchange.clone().unwrap_or_default(),
        routing_key: message.routing_key.clone().unwrap_or_default(),
        user: message.user.clone(),
        content_type: message.content_type.clone().unwrap_or_default(),
        headers: message.headers.iter().filter_map(text).collect(),
        body: message.body.to_vec(),
    }
}
