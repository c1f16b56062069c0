//! Decides what an event changes. Applying is total: an event about something unknown changes nothing.

use super::Router;
use super::flow::Left;
use super::pool::Gain;
use super::state::Offer;
use super::timers::Timer;
use crate::bugs::Bug;
use crate::{Event, FenceFact, OfferFact, OfferId, Timestamp};

/// Agents that a contact remembers as tried, at most.
const EXCLUDED_LIMIT: usize = 8;

impl Router {
    /// Applies an event, and notes what must be looked at because of it.
    pub(super) fn apply_event(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Contact(id, fact) => self.apply_contact(at, *id, fact),
            Event::Fence(id, fact) => self.apply_fence(at, *id, fact),
            Event::Offer(id, fact) => self.apply_offer(at, *id, fact),
            Event::Agent(id, fact) => self.apply_agent(at, *id, fact),
            Event::World(fact) => self.apply_world(at, fact),
        }
        self.judge();
        self.forget(at);
    }

    fn apply_fence(&mut self, at: Timestamp, id: crate::ContactId, fact: &FenceFact) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        match (fact, &mut contact.fence) {
            (FenceFact::Set { team }, fence) => {
                *fence = Some(super::state::Fence { team: *team, set_at: at, open: None, until: None });
            }
            (FenceFact::Opened { reason, until, .. }, Some(fence)) => {
                fence.open = Some(*reason);
                fence.until = *until;
            }
            (FenceFact::Closed, Some(fence)) => {
                fence.open = None;
                fence.until = None;
                fence.set_at = at;
            }
            (FenceFact::Opened { .. } | FenceFact::Closed, None) | (FenceFact::TeamMissing { .. }, _) => {}
        }
        self.replace(id);
    }

    fn apply_offer(&mut self, at: Timestamp, id: OfferId, fact: &OfferFact) {
        match fact {
            OfferFact::Made { .. } => self.apply_made(at, id, fact),
            OfferFact::Accepted => {
                // The assignment follows and takes what the offer took: neither of them is available in between.
                if let Some(offer) = self.take_offer(at, id)
                    && !self.has(Bug::MissesNeverForgiven)
                    && let Some(agent) = self.agents.get_mut(offer.agent.index())
                {
                    agent.misses.retain(|(channel, _)| *channel != offer.channel);
                }
            }
            OfferFact::Declined { .. } => {
                if let Some(offer) = self.take_offer(at, id) {
                    if let Some(agent) = self.agents.get_mut(offer.agent.index()) {
                        agent.misses.retain(|(channel, _)| *channel != offer.channel);
                    }
                    self.exclude(&offer);
                }
            }
            OfferFact::Expired => {
                if let Some(offer) = self.take_offer(at, id) {
                    if let Some(agent) = self.agents.get_mut(offer.agent.index()) {
                        agent.miss(offer.channel);
                    }
                    self.exclude(&offer);
                }
            }
            OfferFact::Revoked { .. } => {
                if let Some(offer) = self.end_offer(at, id)
                    && self.has(Bug::CapacityForgottenOnRevoke)
                    && let Some(agent) = self.agents.get_mut(offer.agent.index())
                {
                    agent.offers.push((id, offer.channel));
                }
            }
            OfferFact::Extended { expires_at } => {
                let Some(offer) = self.offers.get_mut(&id) else { return };
                let before = core::mem::replace(&mut offer.expires_at, *expires_at);
                self.rearm(Some((before, Timer::Offer(id))), Some((*expires_at, Timer::Offer(id))));
            }
        }
    }

    fn apply_made(&mut self, at: Timestamp, id: OfferId, fact: &OfferFact) {
        let OfferFact::Made { contact, agent, standing, step, mode, expires_at, bypassed } = *fact else { return };
        self.note_departure(at, contact, Left::Served);
        let Some(known) = self.contacts.get_mut(contact.index()) else { return };
        known.offers.push(id);
        let channel = known.channel;
        let offer = Offer { id, contact, agent, channel, standing, step, mode, made_at: at, expires_at, bypassed };
        self.offers.insert(id, offer);
        self.last_offer = self.last_offer.max(id.0);
        self.turns = self.turns.saturating_add(1);
        self.rearm(None, Some((expires_at, Timer::Offer(id))));
        let turn = self.turns;
        if let Some(agent) = self.agents.get_mut(agent.index()) {
            agent.offers.push((id, channel));
            agent.turn = turn;
        }
        self.replace(contact);
        self.reindex(agent, Gain::Possible);
    }

    /// Takes an offer off contact and agent, who has that much more room then.
    fn end_offer(&mut self, at: Timestamp, id: OfferId) -> Option<Offer> {
        let offer = self.take_offer(at, id)?;
        self.replace(offer.contact);
        self.reindex(offer.agent, Gain::Possible);
        Some(offer)
    }

    /// Takes an offer off contact and agent, and leaves it to the caller to look at both again.
    fn take_offer(&mut self, at: Timestamp, id: OfferId) -> Option<Offer> {
        let offer = self.offers.remove(&id)?;
        self.rearm(Some((offer.expires_at, Timer::Offer(id))), None);
        if let Some(contact) = self.contacts.get_mut(offer.contact.index()) {
            contact.offers.retain(|own| *own != id);
            if contact.offers.is_empty() && contact.is_waiting() {
                contact.kept_since = at;
            }
        }
        if let Some(agent) = self.agents.get_mut(offer.agent.index()) {
            agent.offers.retain(|(own, _)| *own != id);
        }
        Some(offer)
    }

    /// Remembers who did not take the contact of an offer just taken off both.
    fn exclude(&mut self, offer: &Offer) {
        if !self.has(Bug::ExclusionForgotten) {
            self.exclude_agent(offer.contact, offer.agent);
        }
        self.replace(offer.contact);
        self.reindex(offer.agent, Gain::Possible);
    }

    /// Remembers that an agent was tried; the oldest is forgotten first.
    pub(super) fn exclude_agent(&mut self, contact: crate::ContactId, agent: crate::AgentId) {
        let Some(contact) = self.contacts.get_mut(contact.index()) else { return };
        contact.excluded.retain(|known| *known != agent);
        if contact.excluded.len() >= EXCLUDED_LIMIT {
            contact.excluded.remove(0);
        }
        contact.excluded.push(agent);
    }
}
