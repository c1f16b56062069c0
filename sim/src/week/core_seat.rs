//! Decides how the core is driven directly: rules and core in this process, no daemon, no wire, no journal.
//!
//! It does what the shell does around the core, written again and as plainly as possible: names, plans, familiarity.

use std::collections::BTreeMap;

use picket_core::{
    AgentCommand, AgentId, Arrival, ChannelId, ContactCommand, ContactFact, ContactId, CustomerId, Event, Familiar,
    FenceFact, Input, Kind, Name, Names, OfferCommand, OfferFact, OfferId, Outcome, Presence, Router, SourceId,
    Standing, StateSetter, TeamId, Timestamp,
};
use picket_rules::facts::{ContactFacts, CustomerFacts, Facts};
use picket_rules::{Finding, RuleSet, Source};

use super::seat::{Act, Seat};
use crate::output::{Contact, Fact, Output};

/// The source of every contact.
const SOURCE: &str = "pbx";
/// Agents remembered per customer.
const FAMILIAR_MOST: usize = 32;

/// Rules and core without anything around them.
#[derive(Debug)]
pub struct CoreSeat {
    rules: RuleSet,
    names: Names,
    fresh: Vec<Name>,
    router: Router,
    started: bool,
    directory: BTreeMap<String, CustomerFacts>,
    valued: BTreeMap<String, bool>,
    familiar: BTreeMap<String, Vec<Familiar>>,
    whose: BTreeMap<ContactId, String>,
    offers: BTreeMap<OfferId, (ContactId, AgentId)>,
    numbered: u64,
    seqs: BTreeMap<ContactId, u64>,
}

/// Why the core could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum CoreSeatError {
    /// The rules do not pass their check.
    #[error("the rules do not pass their check: {0:?}")]
    Rules(Vec<Finding>),
    /// A contact has no plan.
    #[error("a contact has no plan")]
    Plan(#[from] picket_rules::plan::Error),
    /// The core refused the place or an arrival.
    #[error("the core refused {what}: {rejection}")]
    Refused {
        /// What it refused.
        what: String,
        /// Why.
        rejection: picket_core::Rejection,
    },
}

impl CoreSeat {
    /// A core under these rules.
    ///
    /// # Errors
    /// [`CoreSeatError::Rules`].
    pub fn new(rules: &str) -> Result<Self, CoreSeatError> {
        let source = Source { name: "week.toml".to_owned(), text: rules.to_owned() };
        let (rules, _) = RuleSet::parse(&[source]).map_err(CoreSeatError::Rules)?;
        Ok(Self {
            rules,
            names: Names::default(),
            fresh: Vec::new(),
            router: Router::new(),
            started: false,
            directory: BTreeMap::new(),
            valued: BTreeMap::new(),
            familiar: BTreeMap::new(),
            whose: BTreeMap::new(),
            offers: BTreeMap::new(),
            numbered: 0,
            seqs: BTreeMap::new(),
        })
    }

    fn number(&mut self, kind: Kind, text: &str) -> u32 {
        self.names.intern(kind, text, &mut self.fresh)
    }

    fn name(&self, kind: Kind, number: u32) -> String {
        self.names.text(kind, number).unwrap_or_default().to_owned()
    }

    fn contact(&mut self, contact: &str) -> ContactId {
        ContactId(self.number(Kind::Contact, &format!("{SOURCE} {contact}")))
    }

    fn agent(&mut self, agent: &str) -> AgentId {
        AgentId(self.number(Kind::Agent, agent))
    }

    /// The place, at the first moment there is.
    fn start(&mut self, now: Timestamp) -> Result<(), CoreSeatError> {
        for change in self.rules.world(&mut self.names, &mut self.fresh, now) {
            let what = format!("{change:?}");
            let told = self.router.handle(now, Input::World(Box::new(change)), &mut Vec::new());
            told.map_err(|rejection| CoreSeatError::Refused { what, rejection })?;
        }
        self.started = true;
        Ok(())
    }

    fn arrival(&mut self, contact: &str, customer: Option<&str>, now: Timestamp) -> Result<Input, CoreSeatError> {
        let facts = Facts {
            contact: ContactFacts { channel: "voice".to_owned(), ..ContactFacts::default() },
            customer: customer.and_then(|customer| self.directory.get(customer)).cloned(),
            was_valued: customer.and_then(|customer| self.valued.get(customer)).copied().unwrap_or(false),
            ..Facts::default()
        };
        let planned = self.rules.plan(&facts, &self.names, now, 1)?;
        if let Some(customer) = customer {
            self.valued.insert(customer.to_owned(), planned.valued.valued);
        }
        let contact = self.contact(contact);
        if let Some(customer) = customer {
            self.whose.insert(contact, customer.to_owned());
        }
        let number = customer.map(|customer| CustomerId(self.number(Kind::Customer, customer)));
        Ok(Input::Receive(Box::new(Arrival {
            contact,
            channel: ChannelId(self.number(Kind::Channel, "voice")),
            customer: number,
            source: SourceId(self.number(Kind::Source, SOURCE)),
            since: now,
            plan: planned.plan,
            thread: None,
            matter: None,
            familiar: customer.and_then(|customer| self.familiar.get(customer)).cloned().unwrap_or_default(),
            prefers: Vec::new(),
            avoids: Vec::new(),
            fit: Vec::new(),
            scheduled_for: None,
        })))
    }

    fn input(&mut self, act: &Act, now: Timestamp) -> Result<Option<Input>, CoreSeatError> {
        Ok(Some(match act {
            Act::Value { customer, calls, team, lead } => {
                let facts = CustomerFacts {
                    id: Some(customer.clone()),
                    team: Some(team.clone()),
                    lead: Some(lead.clone()),
                    frequency: i64::try_from(*calls).ok(),
                    ..CustomerFacts::default()
                };
                self.directory.insert(customer.clone(), facts);
                return Ok(None);
            }
            Act::Duty { agent, here } => {
                let presence = if *here { Presence::Ready } else { Presence::Offline };
                let by = StateSetter::Source(SourceId(self.number(Kind::Source, SOURCE)));
                let state = AgentCommand::SetState { channels: Vec::new(), presence, reason: None, until: None, by };
                Input::Agent(self.agent(agent), state)
            }
            Act::Receive { contact, customer } => self.arrival(contact, customer.as_deref(), now)?,
            Act::Accept { offer, agent } => {
                let offer = OfferId(offer.parse().unwrap_or(u64::MAX));
                Input::Offer(offer, OfferCommand::Accept(self.agent(agent)))
            }
            Act::Connect { contact } => Input::Contact(self.contact(contact), ContactCommand::Connect),
            Act::End { contact } => Input::Contact(self.contact(contact), ContactCommand::End),
            Act::Close { contact, .. } => Input::Contact(self.contact(contact), ContactCommand::Close),
            Act::Abandon { contact } => Input::Contact(self.contact(contact), ContactCommand::Abandon),
        }))
    }

    fn publish(&mut self, now: Timestamp, events: &[Event], outputs: &mut Vec<Output>) {
        for event in events {
            let Some((contact, fact)) = self.fact(event, now) else { continue };
            self.numbered += 1;
            let seq = self.seqs.entry(contact).or_insert(0);
            *seq += 1;
            let seq = *seq;
            let text = self.name(Kind::Contact, contact.0);
            let id = text.split_once(' ').map_or_else(String::new, |(_, id)| id.to_owned());
            outputs.push(Output {
                number: self.numbered,
                at: now.0,
                contact: Some(Contact { source: SOURCE.to_owned(), id }),
                seq: Some(seq),
                fact,
            });
        }
    }

    fn fact(&mut self, event: &Event, now: Timestamp) -> Option<(ContactId, Fact)> {
        match event {
            Event::Contact(contact, fact) => Some((*contact, self.contact_fact(*contact, fact, now)?)),
            Event::Fence(contact, fact) => {
                let fact = match fact {
                    FenceFact::Set { team } => Fact::FenceSet { team: self.team(*team) },
                    FenceFact::Opened { reason, held, .. } => {
                        Fact::FenceOpened { reason: word(reason), held_ms: u64::from(held.0) }
                    }
                    FenceFact::Closed => Fact::FenceClosed,
                    FenceFact::TeamMissing { .. } => return None,
                };
                Some((*contact, fact))
            }
            Event::Offer(offer, fact) => self.offer_fact(*offer, fact),
            Event::Agent(..) | Event::World(_) => None,
        }
    }

    fn offer_fact(&mut self, id: OfferId, fact: &OfferFact) -> Option<(ContactId, Fact)> {
        let offer = id.0.to_string();
        if let OfferFact::Made { contact, agent, standing, .. } = fact {
            self.offers.insert(id, (*contact, *agent));
            let agent = self.name(Kind::Agent, agent.0);
            return Some((*contact, Fact::OfferMade { offer, agent, standing: standing_word(*standing) }));
        }
        let (contact, agent) = self.offers.get(&id).copied()?;
        let fact = match fact {
            OfferFact::Accepted => Fact::OfferAccepted { offer, agent: self.name(Kind::Agent, agent.0) },
            OfferFact::Declined { .. } => Fact::OfferOver { offer, how: "declined" },
            OfferFact::Expired => Fact::OfferOver { offer, how: "expired" },
            OfferFact::Revoked { .. } => Fact::OfferOver { offer, how: "revoked" },
            OfferFact::Extended { .. } | OfferFact::Made { .. } => return None,
        };
        Some((contact, fact))
    }

    fn contact_fact(&mut self, contact: ContactId, fact: &ContactFact, now: Timestamp) -> Option<Fact> {
        Some(match fact {
            ContactFact::Received(_) => Fact::Queued { channel: "voice".to_owned() },
            ContactFact::Assigned { agent, standing, over_capacity, .. } => Fact::Assigned {
                agent: self.name(Kind::Agent, agent.0),
                standing: standing_word(*standing),
                over_capacity: *over_capacity,
            },
            ContactFact::Connected => Fact::Connected,
            ContactFact::WrapUp { .. } => Fact::Ended,
            ContactFact::Parked => Fact::Parked,
            ContactFact::Resumed { agent, over_capacity } => {
                Fact::Resumed { agent: self.name(Kind::Agent, agent.0), over_capacity: *over_capacity }
            }
            ContactFact::Requeued { cause } => Fact::Requeued { cause: word(cause) },
            ContactFact::Transferred { .. } => Fact::Transferred,
            ContactFact::Closed { outcome } => Fact::Closed { outcome: self.closed(contact, *outcome, now) },
            ContactFact::Due
            | ContactFact::Scheduled { .. }
            | ContactFact::StepEntered { .. }
            | ContactFact::PlanExhausted { .. }
            | ContactFact::Replanned { .. }
            | ContactFact::ConnectFailed { .. }
            | ContactFact::Orphaned { .. }
            | ContactFact::Stalled
            | ContactFact::CallbackWanted
            | ContactFact::Identified(_)
            | ContactFact::Held { .. }
            | ContactFact::Consulted { .. }
            | ContactFact::ConsultEnded
            | ContactFact::Overflowed { .. } => return None,
        })
    }

    /// Whoever handled a customer knows them better next time.
    fn closed(&mut self, contact: ContactId, outcome: Outcome, now: Timestamp) -> String {
        if let (Outcome::Handled { agent, .. }, Some(customer)) = (outcome, self.whose.get(&contact)) {
            let known = self.familiar.entry(customer.clone()).or_default();
            if let Some(familiar) = known.iter_mut().find(|familiar| familiar.agent == agent) {
                familiar.contacts += 1;
                familiar.last = now;
            } else if known.len() < FAMILIAR_MOST {
                known.push(Familiar { agent, contacts: 1, last: now });
            }
        }
        self.whose.remove(&contact);
        let outcome = match outcome {
            Outcome::Handled { .. } => "handled",
            Outcome::Abandoned { .. } => "abandoned",
            Outcome::Diverted { .. } => "diverted",
            Outcome::Expired => "expired",
            Outcome::Withdrawn(_) => "withdrawn",
            Outcome::Forwarded => "forwarded",
        };
        outcome.to_owned()
    }

    fn team(&self, team: TeamId) -> String {
        self.name(Kind::Team, team.0)
    }
}

impl Seat for CoreSeat {
    type Error = CoreSeatError;

    fn step(&mut self, to: i64, acts: &[Act]) -> Result<Vec<Output>, CoreSeatError> {
        let now = Timestamp(to);
        if !self.started {
            self.start(now)?;
        }
        let mut outputs = Vec::new();
        while let Some(wake) = self.router.next_wake().filter(|wake| wake.at <= now) {
            let mut events = Vec::new();
            self.router.wake(wake.at, &mut events);
            self.publish(wake.at, &events, &mut outputs);
        }
        for act in acts {
            let Some(input) = self.input(act, now)? else { continue };
            let mut events = Vec::new();
            match (self.router.handle(now, input, &mut events), act) {
                (Ok(()), _) => self.publish(now, &events, &mut outputs),
                (Err(rejection), Act::Receive { .. }) => {
                    return Err(CoreSeatError::Refused { what: format!("{act:?}"), rejection });
                }
                // A late accept is refused in every seat, and changes nothing.
                (Err(_), _) => {}
            }
        }
        for gone in self.router.drain_forgotten() {
            self.names.forget(Kind::Contact, gone.0);
            self.seqs.remove(&gone);
        }
        Ok(outputs)
    }
}

fn standing_word(standing: Standing) -> String {
    word(&standing)
}

/// The word of a unit variant, as it is written in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
