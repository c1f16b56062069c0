//! Decides what a shard's state is and how a record changes it: the same way while deciding, reading and replaying.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use std::collections::BTreeMap;

use picket_core::{
    AgentId, ConnectFailure, ContactFact, ContactId, ContactState, CustomerId, Event, Familiar, FenceFact, Kind, Names,
    OfferFact, OfferId, Outcome, Router, SourceId, Standing, Timestamp, WorldFact,
};
use serde::{Deserialize, Serialize};

use super::early::Early;
use super::forwards::{self, Forwards};
use super::ports::Head;
use super::record::{Cause, Record, ShellFact, Verdict};
use super::seen::Seen;
use super::ties::Ties;
use crate::contract::Code;

/// Everything a shard knows at one point of its journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShardState {
    /// Contacts, agents, teams and queues.
    pub router: Router,
    /// Outside names and their numbers.
    pub names: Names,
    /// The last record.
    pub head: Head,
    /// Its time.
    pub time: Timestamp,
    /// The number of the last output.
    pub outputs: u64,
    /// The rule set in force.
    pub rules: Option<RulesInForce>,
    pub(super) seen: Seen,
    /// Ends whose contacts have not come yet.
    pub(super) early: Early,
    /// Which live contacts are whose.
    pub(super) ties: Ties,
    contacts: BTreeMap<ContactId, ContactMeta>,
    aliases: BTreeMap<(AgentId, SourceId), String>,
    called: BTreeMap<(SourceId, String), AgentId>,
    offers: BTreeMap<OfferId, (ContactId, AgentId)>,
    /// Who knows the customers of live contacts, with the count of these contacts.
    familiar: BTreeMap<CustomerId, (u32, Vec<Familiar>)>,
    /// What went to other shards. New parts of the state come last: see `snapshot`.
    pub(super) forwards: Forwards,
}

/// What a record brought about, beside the state.
#[derive(Debug, Default)]
pub struct Noted<'a> {
    /// The outputs it causes, in order.
    pub voices: Vec<Voice<'a>>,
    /// Customers whom somebody knows better now.
    pub familiar: Vec<(CustomerId, Vec<Familiar>)>,
}

/// Agents remembered per customer.
const FAMILIAR: usize = 32;

/// The rule set in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesInForce {
    /// Its content hash.
    pub hash: String,
    /// Counted by activation, from 1.
    pub number: u32,
    /// The domains it routes.
    pub domains: Vec<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What the shell knows of a contact beside the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactMeta {
    /// Its domain.
    pub domain: Box<str>,
    /// How many outputs were about it.
    pub outputs: u32,
    /// When it was connected first.
    pub connected_at: Option<Timestamp>,
    /// What the agent who has it, or had it last, is to it.
    pub standing: Option<Standing>,
    /// Whom its agent asked last: by the time that a consultation is over, the core has forgotten.
    #[serde(default)]
    pub consulted: Option<AgentId>,
}

/// One output that a record causes, before it is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice<'a> {
    /// Counts the shard's outputs from 1.
    pub number: u64,
    /// What it says.
    pub topic: Topic<'a>,
    /// The contact it is about, and the count of that contact's outputs with this one.
    pub contact: Option<(ContactId, u32)>,
    /// The agent it concerns.
    pub agent: Option<AgentId>,
}

/// What an output says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// An event of the core.
    Event(&'a Event),
    /// A contact's end in particular (`abandoned`, `diverted`, `forwarded`), before its `closed`.
    End(ContactId, &'a Outcome),
    /// A fact of the shell.
    Fact(&'a ShellFact),
    /// An input was refused.
    Refused,
}

impl ShardState {
    /// Applies a record from the journal whose hash is `hash`; returns the outputs it caused.
    pub fn replay<'a>(&mut self, record: &'a Record, hash: &str) -> Noted<'a> {
        for event in &record.events {
            self.router.apply(record.at, event);
        }
        self.note(record, hash)
    }

    /// Applies a record whose events the router has applied while it decided.
    pub(super) fn note<'a>(&mut self, record: &'a Record, hash: &str) -> Noted<'a> {
        for name in &record.names {
            self.names.apply(name);
        }
        let mut noted = Noted::default();
        let voices = &mut noted.voices;
        for fact in &record.facts {
            self.note_fact(fact, record);
            if matches!(
                fact,
                ShellFact::RulesActivated { .. } | ShellFact::ValuedChanged { .. } | ShellFact::SourceSilent { .. }
            ) {
                self.voice(Topic::Fact(fact), None, None, voices);
            }
        }
        for event in &record.events {
            self.note_event(event, record.at, voices);
            noted.familiar.extend(self.note_familiarity(event, record.at));
        }
        if matches!(record.verdict, Verdict::Rejected { .. }) {
            self.voice(Topic::Refused, None, None, voices);
        }
        self.note_cause(record);
        self.head = Head { seq: record.seq, hash: hash.to_owned() };
        self.time = record.at;
        for contact in self.router.drain_forgotten() {
            self.contacts.remove(&contact);
            self.names.forget(Kind::Contact, contact.0);
        }
        noted
    }

    /// Who knows a customer better by a contact that was handled; the memory ends with the customer's last live one.
    fn note_familiarity(&mut self, event: &Event, at: Timestamp) -> Option<(CustomerId, Vec<Familiar>)> {
        match event {
            Event::Contact(_, ContactFact::Received(arrival)) => {
                let known = self.familiar.entry(arrival.customer?);
                known.or_insert_with(|| (0, arrival.familiar.clone())).0 += 1;
                None
            }
            Event::Contact(contact, ContactFact::Closed { outcome }) => {
                let customer = self.router.contact(*contact)?.customer?;
                let (live, familiar) = self.familiar.get_mut(&customer)?;
                *live -= 1;
                let last = *live == 0;
                let changed = match outcome {
                    Outcome::Handled { agent, .. } => {
                        remember(familiar, *agent, at);
                        Some((customer, familiar.clone()))
                    }
                    _ => None,
                };
                if last {
                    self.familiar.remove(&customer);
                }
                changed
            }
            _ => None,
        }
    }

    fn note_cause(&mut self, record: &Record) {
        if let Cause::Input { source, id, content, .. } = &record.cause {
            let code = match &record.verdict {
                Verdict::Applied => record.remark().map(Code::as_str),
                Verdict::Rejected { code, .. } => Some(code.as_str()),
            };
            self.seen.note((source, id, content), record.at, record.seq, self.outputs, code);
        }
    }

    fn note_fact(&mut self, fact: &ShellFact, record: &Record) {
        let at = record.at;
        match fact {
            ShellFact::ContactIn { contact, domain } => {
                if let Some(name) = self.names.text(Kind::Contact, contact.0) {
                    self.early.forget(name);
                    self.forwards.received(name);
                }
                let domain = domain.as_str().into();
                let meta = ContactMeta { domain, outputs: 0, connected_at: None, standing: None, consulted: None };
                self.contacts.insert(*contact, meta);
            }
            ShellFact::Alias { agent, source, alias } => {
                let key = (*agent, *source);
                let earlier = match alias {
                    Some(alias) => self.aliases.insert(key, alias.clone()),
                    None => self.aliases.remove(&key),
                };
                if let Some(earlier) = earlier {
                    self.called.remove(&(*source, earlier));
                }
                if let Some(alias) = alias {
                    self.called.insert((*source, alias.clone()), *agent);
                }
            }
            ShellFact::RulesActivated { hash, number, domains } => {
                let (hash, domains) = (hash.clone(), domains.clone());
                self.rules = Some(RulesInForce { hash, number: *number, domains, since: at });
            }
            ShellFact::EndedEarly { contact, ending, said } => self.early.keep(contact, *ending, *said, at),
            ShellFact::Forwarded { contact, domain } => {
                if let Cause::Input { source, id, .. } = &record.cause {
                    let row = forwards::row(source, id);
                    self.forwards.send(record.seq, row, contact.as_deref(), domain, at);
                }
            }
            ShellFact::ForwardsArrived { records } => self.forwards.arrived(records),
            ShellFact::DomainMoved { domain, shard } => self.forwards.moved(domain, shard),
            // It was the state before the record already; see `recover`.
            ShellFact::BeganAs { .. } => {}
            ShellFact::AccountOf { contact, account } => self.ties.tie_account(*contact, account.as_deref()),
            ShellFact::CustomerChanged { customer } => {
                self.ties.customer_changed(*customer, |contact| waits(&self.router, contact));
            }
            ShellFact::AccountChanged { account } => {
                self.ties.account_changed(account, |contact| waits(&self.router, contact));
            }
            ShellFact::PlanStands { contacts } => contacts.iter().for_each(|contact| self.ties.stands(*contact)),
            ShellFact::ValuedChanged { .. }
            | ShellFact::ByHand { .. }
            | ShellFact::ClockSetBack { .. }
            | ShellFact::SourceSilent { .. } => {}
        }
    }

    fn note_event<'a>(&mut self, event: &'a Event, at: Timestamp, voices: &mut Vec<Voice<'a>>) {
        match event {
            Event::Contact(contact, fact) => {
                self.ties.note(*contact, fact);
                self.note_course(*contact, fact, at);
                self.note_contact(event, *contact, fact, voices);
            }
            Event::Fence(contact, FenceFact::Set { .. } | FenceFact::Opened { .. } | FenceFact::Closed) => {
                self.voice(Topic::Event(event), Some(*contact), None, voices);
            }
            // Log and metrics say it; no platform is told.
            Event::Fence(_, FenceFact::TeamMissing { .. }) => {}
            Event::Offer(offer, fact) => self.note_offer(event, *offer, fact, voices),
            Event::Agent(agent, _) => self.voice(Topic::Event(event), None, Some(*agent), voices),
            Event::World(
                WorldFact::ReserveReleased { .. }
                | WorldFact::ReserveRestored { .. }
                | WorldFact::Lent { .. }
                | WorldFact::LendingEnded { .. },
            ) => {
                self.voice(Topic::Event(event), None, None, voices);
            }
            Event::World(..) => {}
        }
    }

    fn note_course(&mut self, contact: ContactId, fact: &ContactFact, at: Timestamp) {
        let Some(meta) = self.contacts.get_mut(&contact) else { return };
        match fact {
            ContactFact::Assigned { standing, .. } => meta.standing = Some(*standing),
            ContactFact::Consulted { agent, .. } => meta.consulted = Some(*agent),
            ContactFact::Connected => meta.connected_at = meta.connected_at.or(Some(at)),
            _ => {}
        }
    }

    fn note_contact<'a>(
        &mut self,
        event: &'a Event,
        contact: ContactId,
        fact: &'a ContactFact,
        voices: &mut Vec<Voice<'a>>,
    ) {
        let agent = match fact {
            ContactFact::Assigned { agent, .. }
            | ContactFact::Resumed { agent, .. }
            | ContactFact::Consulted { agent, .. } => Some(*agent),
            ContactFact::ConsultEnded => self.meta(contact).and_then(|meta| meta.consulted),
            _ => self.router.contact(contact).and_then(|view| view.agent),
        };
        if silent(fact) {
            return;
        }
        if let ContactFact::Closed { outcome } = fact
            && matches!(outcome, Outcome::Abandoned { .. } | Outcome::Diverted { .. } | Outcome::Forwarded)
        {
            self.voice(Topic::End(contact, outcome), Some(contact), agent, voices);
        }
        self.voice(Topic::Event(event), Some(contact), agent, voices);
    }

    fn note_offer<'a>(&mut self, event: &'a Event, offer: OfferId, fact: &OfferFact, voices: &mut Vec<Voice<'a>>) {
        if let OfferFact::Made { contact, agent, .. } = fact {
            self.offers.insert(offer, (*contact, *agent));
        }
        let parties = self.offers.get(&offer).copied();
        if !matches!(fact, OfferFact::Made { .. } | OfferFact::Extended { .. }) {
            self.offers.remove(&offer);
        }
        self.voice(Topic::Event(event), parties.map(|p| p.0), parties.map(|p| p.1), voices);
    }

    fn voice<'a>(
        &mut self,
        topic: Topic<'a>,
        contact: Option<ContactId>,
        agent: Option<AgentId>,
        voices: &mut Vec<Voice<'a>>,
    ) {
        // The shard that has its domain by now tells the rest of a contact.
        if contact.is_some_and(|contact| self.has_left(contact)) {
            return;
        }
        self.outputs += 1;
        let contact = contact.map(|contact| {
            let count = self.contacts.get_mut(&contact).map_or(0, |meta| {
                meta.outputs += 1;
                meta.outputs
            });
            (contact, count)
        });
        voices.push(Voice { number: self.outputs, topic, contact, agent });
    }

    /// Whether a contact's domain was moved to another shard.
    fn has_left(&self, contact: ContactId) -> bool {
        !self.forwards.has_all() && self.meta(contact).is_some_and(|meta| self.forwards.has(&meta.domain).is_some())
    }

    /// Live contacts whose domains were moved to other shards: they go on there.
    pub(super) fn left_behind(&self) -> Vec<ContactId> {
        if self.forwards.has_all() {
            return Vec::new();
        }
        let live = self.router.contacts().filter(|view| view.state != ContactState::Closed);
        live.map(|view| view.id).filter(|contact| self.has_left(*contact)).collect()
    }

    /// What the shell knows of a contact.
    #[must_use]
    pub fn meta(&self, contact: ContactId) -> Option<&ContactMeta> {
        self.contacts.get(&contact)
    }

    /// The source's id and the contact's id there.
    #[must_use]
    pub fn contact_name(&self, contact: ContactId) -> Option<(&str, &str)> {
        self.names.text(Kind::Contact, contact.0)?.split_once(' ')
    }

    /// The number of a source's contact.
    #[must_use]
    pub fn find_contact(&self, source: &str, contact: &str) -> Option<ContactId> {
        self.names.find(Kind::Contact, &format!("{source} {contact}")).map(ContactId)
    }

    /// Every known contact of this id, whatever its source.
    #[must_use]
    pub fn contacts_called(&self, id: &str) -> Vec<ContactId> {
        self.names.all(Kind::Source).filter_map(|(_, source)| self.find_contact(source, id)).collect()
    }

    /// How a source calls an agent: its alias, or her own id.
    #[must_use]
    pub fn alias(&self, agent: AgentId, source: SourceId) -> Option<&str> {
        self.aliases.get(&(agent, source)).map(String::as_str)
    }

    /// What each source calls an agent, by source.
    #[must_use]
    pub fn aliases_of(&self, agent: AgentId) -> BTreeMap<String, String> {
        let of = self.aliases.range((agent, SourceId(0))..=(agent, SourceId(u32::MAX)));
        let named = of.filter_map(|((_, source), alias)| {
            Some((self.names.text(Kind::Source, source.0)?.to_owned(), alias.clone()))
        });
        named.collect()
    }

    /// The agent whom a source calls so: by alias first, then by id.
    #[must_use]
    pub fn find_agent(&self, source: &str, called: &str) -> Option<AgentId> {
        let source = self.names.find(Kind::Source, source).map(SourceId);
        let by_alias = source.and_then(|source| self.called.get(&(source, called.to_owned())).copied());
        by_alias.or_else(|| self.names.find(Kind::Agent, called).map(AgentId))
    }

    /// Names that a source gives agents, as far as they differ from `wanted`: to be recorded as changes.
    pub(super) fn alias_changes(&self, agent: AgentId, wanted: &BTreeMap<SourceId, String>) -> Vec<ShellFact> {
        let gone = self.aliases.keys().filter(|(of, source)| *of == agent && !wanted.contains_key(source));
        let gone = gone.map(|(_, source)| ShellFact::Alias { agent, source: *source, alias: None });
        let new = wanted.iter().filter(|(source, alias)| self.alias(agent, **source) != Some(alias.as_str()));
        let new = new.map(|(source, alias)| ShellFact::Alias { agent, source: *source, alias: Some(alias.clone()) });
        gone.chain(new).collect()
    }

    /// The contact and agent of a live offer.
    #[must_use]
    pub fn offer_parties(&self, offer: OfferId) -> Option<(ContactId, AgentId)> {
        self.offers.get(&offer).copied()
    }

    /// Live offers, with contact and agent.
    pub fn live_offers(&self) -> impl Iterator<Item = (&OfferId, &(ContactId, AgentId))> {
        self.offers.iter()
    }

    /// How many events are on their way to other shards.
    #[must_use]
    pub fn forwarding(&self) -> usize {
        self.forwards.len()
    }

    /// The domain for what names none.
    #[must_use]
    pub fn default_domain(&self) -> &str {
        self.rules.as_ref().and_then(|rules| rules.domains.first()).map_or("default", String::as_str)
    }

    /// The keyed hash of a customer.
    #[must_use]
    pub fn customer_hash(&self, customer: CustomerId) -> Option<&str> {
        self.names.text(Kind::Customer, customer.0)
    }
}

/// Whether a contact waits, now or from a later moment on.
fn waits(router: &Router, contact: ContactId) -> bool {
    let state = router.contact(contact).map(|view| view.state);
    matches!(state, Some(ContactState::Waiting | ContactState::Offered | ContactState::Scheduled))
}

/// Counts one more contact for an agent; beyond the limit the one who was last the longest ago is forgotten.
fn remember(familiar: &mut Vec<Familiar>, agent: AgentId, at: Timestamp) {
    match familiar.iter_mut().find(|known| known.agent == agent) {
        Some(known) => {
            known.contacts = known.contacts.saturating_add(1);
            known.last = at;
        }
        None => familiar.push(Familiar { agent, contacts: 1, last: at }),
    }
    familiar.sort_by_key(|known| (core::cmp::Reverse(known.last), known.agent));
    familiar.truncate(FAMILIAR);
}

/// Facts that no platform needs to hear: others say what came of them.
const fn silent(fact: &ContactFact) -> bool {
    use picket_core::StepCause::{Arrival, Replanned};
    match fact {
        // A customer who is called again later is told of as requeued; otherwise what follows says what came of it.
        ContactFact::ConnectFailed { failure } => !matches!(failure, ConnectFailure::Customer { retry_at: Some(_) }),
        ContactFact::StepEntered { cause, .. } => matches!(cause, Arrival | Replanned),
        ContactFact::Identified(_) => true,
        _ => false,
    }
}
