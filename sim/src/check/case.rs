//! Decides what one contact's outputs may say next.

use std::collections::BTreeMap;

use super::load::{Load, TooMuch};
use super::place::{Place, Side};
use super::report::Opening;
use crate::output::{Contact, Fact};

/// The reasons for which a fence may open: the whole list of the promise.
const REASONS: [&str; 8] = [
    "hold_over",
    "no_cover",
    "longest",
    "supervisor",
    "customer_choice",
    "transfer",
    "no_longer_valued",
    "reidentified",
];

/// What is known of one contact.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) contact: Contact,
    pub(super) channel: String,
    pub(super) seq: u64,
    pub(super) first_at: i64,
    pub(super) answered_at: Option<i64>,
    pub(super) standing: Option<String>,
    pub(super) team: Option<String>,
    pub(super) openings: Vec<Opening>,
    pub(super) outcome: Option<String>,
    open: bool,
    offers: BTreeMap<String, String>,
    accepted: Option<String>,
    hands: Hands,
}

/// Who has the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hands {
    Nobodys,
    Agents(String),
    /// Handed on by its agent; what follows says to whom.
    HandedOn(String),
    Parked(String),
}

/// What a contact's output is judged against.
pub(super) struct Bench<'a> {
    pub(super) place: &'a Place,
    pub(super) load: &'a mut Load,
    pub(super) found: Vec<String>,
}

impl Case {
    pub(super) fn new(contact: Contact, channel: String, at: i64) -> Self {
        Self {
            contact,
            channel,
            seq: 0,
            first_at: at,
            answered_at: None,
            standing: None,
            team: None,
            openings: Vec::new(),
            outcome: None,
            open: false,
            offers: BTreeMap::new(),
            accepted: None,
            hands: Hands::Nobodys,
        }
    }

    /// Takes one output about this contact.
    pub(super) fn take(&mut self, fact: &Fact, at: i64, bench: &mut Bench<'_>) {
        if self.outcome.is_some() {
            bench.say(self, &format!("{} after it was closed", name(fact)));
            return;
        }
        match fact {
            Fact::Queued { channel } => self.channel.clone_from(channel),
            Fact::FenceSet { team } => {
                self.team = Some(team.clone());
                self.open = false;
            }
            Fact::FenceClosed => self.open = false,
            Fact::FenceOpened { reason, held_ms } => self.open_fence(reason, *held_ms, at, bench),
            Fact::OfferMade { offer, agent, standing } => self.offer(offer, agent, standing, bench),
            Fact::OfferAccepted { offer, agent } => self.accept(offer, agent, bench),
            Fact::OfferOver { offer, how } => self.end_offer(offer, how, bench),
            Fact::Assigned { agent, standing, over_capacity } => {
                self.assign(agent, standing, *over_capacity, at, bench);
            }
            Fact::Connected => self.must_be_held("connected", bench),
            Fact::Ended => self.must_be_held("ended", bench),
            Fact::Parked => self.park(bench),
            Fact::Resumed { agent, over_capacity } => self.resume(agent, *over_capacity, bench),
            Fact::Requeued { .. } => self.release(bench),
            Fact::Transferred => {
                if let Hands::Agents(agent) = &self.hands {
                    self.hands = Hands::HandedOn(agent.clone());
                }
            }
            Fact::Closed { outcome } => self.close(outcome, bench),
            Fact::AgentState { .. } | Fact::Rejected { .. } | Fact::Other(_) => {}
        }
    }

    fn open_fence(&mut self, reason: &str, held_ms: u64, at: i64, bench: &mut Bench<'_>) {
        if self.team.is_none() {
            bench.say(self, "a fence opened that was never set");
        }
        if self.open {
            bench.say(self, "the fence opened twice");
        }
        if !REASONS.contains(&reason) {
            bench.say(self, &format!("the fence opened for {reason:?}, which is no listed reason"));
        }
        self.open = true;
        self.openings.push(Opening { contact: self.contact.clone(), reason: reason.to_owned(), held_ms, at });
    }

    /// A closed fence lets nobody in from outside, whatever the router calls them.
    fn may_reach(&self, agent: &str, standing: &str, what: &str, bench: &mut Bench<'_>) {
        let Some(team) = &self.team else { return };
        let side = bench.place.side(team, agent);
        if !self.open && (standing == "outside" || side == Some(Side::Outside)) {
            bench.say(self, &format!("{what} {agent}, who is outside {team}, and its fence is closed"));
        }
        let claims_inside = matches!(standing, "lead" | "team" | "cover");
        if claims_inside && side == Some(Side::Outside) {
            bench.say(self, &format!("{agent} is called {standing} of {team} and is outside"));
        }
        // A deputy may stand in for the lead from a cover; nobody becomes a member by covering.
        if standing == "team" && side == Some(Side::Cover) {
            bench.say(self, &format!("{agent} is called {standing} of {team} and only covers for it"));
        }
    }

    fn offer(&mut self, offer: &str, agent: &str, standing: &str, bench: &mut Bench<'_>) {
        if let Hands::Agents(holder) = &self.hands {
            bench.say(self, &format!("offered to {agent} while it is with {holder}"));
        }
        self.may_reach(agent, standing, "offered to", bench);
        self.hand_back(bench);
        if self.offers.values().any(|other| other == agent) {
            bench.say(self, &format!("two live offers to {agent}"));
        }
        self.offers.insert(offer.to_owned(), agent.to_owned());
        self.burden(agent, "offered to", bench);
    }

    fn accept(&mut self, offer: &str, agent: &str, bench: &mut Bench<'_>) {
        match self.offers.get(offer) {
            None => bench.say(self, &format!("accepted by {agent} on offer {offer}, which is not live")),
            Some(asked) if asked != agent => {
                bench.say(self, &format!("offer {offer} to {asked} was accepted by {agent}"));
            }
            Some(_) => {}
        }
        if let Some(first) = self.accepted.replace(agent.to_owned()) {
            bench.say(self, &format!("accepted by {agent} after {first} had accepted"));
        }
        self.offers.remove(offer);
    }

    fn end_offer(&mut self, offer: &str, how: &str, bench: &mut Bench<'_>) {
        match self.offers.remove(offer) {
            Some(agent) => bench.load.release(&agent, &self.contact),
            None => bench.say(self, &format!("offer {offer} was {how} and was not live")),
        }
    }

    fn assign(&mut self, agent: &str, standing: &str, over_capacity: bool, at: i64, bench: &mut Bench<'_>) {
        if let Hands::Agents(holder) = &self.hands {
            bench.say(self, &format!("assigned to {agent} while it is with {holder}"));
        }
        if let Some(accepted) = self.accepted.take()
            && accepted != agent
        {
            bench.say(self, &format!("accepted by {accepted} and assigned to {agent}"));
        }
        self.may_reach(agent, standing, "assigned to", bench);
        self.hand_back(bench);
        self.hands = Hands::Agents(agent.to_owned());
        self.answered_at.get_or_insert(at);
        self.standing = Some(standing.to_owned());
        if over_capacity {
            bench.load.take(bench.place, agent, &self.contact, &self.channel);
        } else {
            self.burden(agent, "assigned to", bench);
        }
    }

    fn burden(&self, agent: &str, what: &str, bench: &mut Bench<'_>) {
        match bench.load.take(bench.place, agent, &self.contact, &self.channel) {
            None => {}
            Some(TooMuch::Points { used, of }) => {
                bench.say(self, &format!("{what} {agent}, who then has {used} of {of} points in use"));
            }
            Some(TooMuch::Slots { used, of }) => {
                bench.say(self, &format!("{what} {agent}, who then has {used} of {of} on {}", self.channel));
            }
        }
    }

    fn must_be_held(&self, what: &str, bench: &mut Bench<'_>) {
        if !matches!(self.hands, Hands::Agents(_)) {
            bench.say(self, &format!("{what} and with nobody"));
        }
    }

    fn park(&mut self, bench: &mut Bench<'_>) {
        self.must_be_held("parked", bench);
        if let Hands::Agents(agent) = &self.hands {
            bench.load.release(agent, &self.contact);
            self.hands = Hands::Parked(agent.clone());
        }
    }

    fn resume(&mut self, agent: &str, over_capacity: bool, bench: &mut Bench<'_>) {
        if !matches!(self.hands, Hands::Parked(_)) {
            bench.say(self, "resumed and was not parked");
        }
        self.hands = Hands::Agents(agent.to_owned());
        if over_capacity {
            bench.load.take(bench.place, agent, &self.contact, &self.channel);
        } else {
            self.burden(agent, "resumed with", bench);
        }
    }

    /// Ends what an agent had of it by having handed it on.
    fn hand_back(&mut self, bench: &mut Bench<'_>) {
        if let Hands::HandedOn(agent) = &self.hands {
            bench.load.release(agent, &self.contact);
            self.hands = Hands::Nobodys;
        }
    }

    fn release(&mut self, bench: &mut Bench<'_>) {
        if let Hands::Agents(agent) | Hands::HandedOn(agent) = &self.hands {
            bench.load.release(agent, &self.contact);
        }
        self.hands = Hands::Nobodys;
        self.accepted = None;
    }

    fn close(&mut self, outcome: &str, bench: &mut Bench<'_>) {
        if outcome == "handled" && !matches!(self.hands, Hands::Agents(_)) {
            bench.say(self, "closed as handled and nobody had it");
        }
        if let Some((offer, agent)) = self.offers.iter().next() {
            bench.say(self, &format!("closed while offer {offer} is live before {agent}"));
        }
        for agent in self.offers.values() {
            bench.load.release(agent, &self.contact);
        }
        self.release(bench);
        self.outcome = Some(outcome.to_owned());
    }
}

impl Bench<'_> {
    pub(super) fn say(&mut self, case: &Case, what: &str) {
        self.found.push(format!("contact {}: {what}", case.contact));
    }
}

fn name(fact: &Fact) -> &str {
    match fact {
        Fact::Queued { .. } => "queued",
        Fact::FenceSet { .. } => "fence set",
        Fact::FenceOpened { .. } => "fence opened",
        Fact::FenceClosed => "fence closed",
        Fact::OfferMade { .. } => "offered",
        Fact::OfferAccepted { .. } => "accepted",
        Fact::OfferOver { how, .. } => how,
        Fact::Assigned { .. } => "assigned",
        Fact::Connected => "connected",
        Fact::Ended => "ended",
        Fact::Parked => "parked",
        Fact::Resumed { .. } => "resumed",
        Fact::Requeued { .. } => "requeued",
        Fact::Transferred => "transferred",
        Fact::Closed { .. } => "closed again",
        Fact::AgentState { .. } => "agent state",
        Fact::Rejected { .. } => "rejected",
        Fact::Other(kind) => kind,
    }
}
