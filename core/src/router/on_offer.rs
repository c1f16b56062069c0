//! Decides what an answer to an offer does, and how offers are taken back.

use alloc::vec::Vec;

use super::Router;
use super::state::Offer;
use crate::bugs::Bug;
use crate::{
    AgentFact, AgentId, Assignment, ContactFact, ContactId, Event, Millis, OfferCommand, OfferFact, OfferId, Presence,
    ReasonId, Rejection, RevokeCause, StateCause, StateSetter, Timestamp, WorldFact,
};

impl Router {
    pub(super) fn on_offer(
        &mut self,
        now: Timestamp,
        id: OfferId,
        command: OfferCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        match command {
            OfferCommand::Accept(agent) => self.accept(now, id, agent, out),
            OfferCommand::Decline(agent, reason) => self.decline(now, id, agent, reason, out),
        }
    }

    fn live_offer(&self, now: Timestamp, id: OfferId, agent: AgentId) -> Result<Offer, Rejection> {
        let Some(offer) = self.offers.get(&id) else {
            let was_made = id.0 >= 1 && id.0 <= self.last_offer;
            return Err(if was_made { Rejection::OfferGone } else { Rejection::UnknownOffer });
        };
        if offer.agent != agent {
            return Err(Rejection::NotYourOffer);
        }
        // The timer that ends this offer may still be behind us; time decides, not luck.
        let is_over = if self.has(Bug::DeadlineInclusive) { now > offer.expires_at } else { now >= offer.expires_at };
        if is_over && !self.has(Bug::StaleAcceptTaken) {
            return Err(Rejection::OfferExpired);
        }
        Ok(*offer)
    }

    fn accept(&mut self, now: Timestamp, id: OfferId, agent: AgentId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let offer = self.live_offer(now, id, agent)?;
        self.emit(now, Event::Offer(id, OfferFact::Accepted), out);
        if !self.has(Bug::OtherOffersStay) {
            self.revoke_offers_of(now, offer.contact, RevokeCause::TakenByOther, out);
        }
        let fact = ContactFact::Assigned {
            agent,
            how: Assignment::Accepted(id),
            standing: offer.standing,
            over_capacity: false,
            bypassed: offer.bypassed,
        };
        self.emit(now, Event::Contact(offer.contact, fact), out);
        Ok(())
    }

    fn decline(
        &mut self,
        now: Timestamp,
        id: OfferId,
        agent: AgentId,
        reason: Option<ReasonId>,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.live_offer(now, id, agent)?;
        self.emit(now, Event::Offer(id, OfferFact::Declined { reason }), out);
        Ok(())
    }

    /// An offer's deadline: nobody answered. Too many of these on one channel without an answer of either kind, and the
    /// agent takes nothing more on any channel until a source says that she is ready, or for the time the plan states.
    pub(super) fn expire_offer(&mut self, now: Timestamp, id: OfferId, out: &mut Vec<Event>) {
        let Some(offer) = self.offers.get(&id).copied() else { return };
        let policy = self.contacts.get(offer.contact.index()).map(|contact| contact.plan.offer);
        let (limit, away_for) = policy.map_or((0, Millis::ZERO), |policy| (policy.misses, policy.away_for));
        self.emit(now, Event::Offer(id, OfferFact::Expired), out);
        let agent = self.agents.get(offer.agent.index());
        let row = agent.and_then(|agent| agent.misses.iter().find(|(channel, _)| *channel == offer.channel));
        let misses = row.map_or(0, |(_, misses)| *misses);
        if limit > 0 && misses >= limit {
            let fact = AgentFact::StateChanged {
                channels: Vec::new(),
                presence: Presence::NotReady,
                cause: StateCause::NoAnswer,
                until: (away_for > Millis::ZERO).then(|| now + away_for),
                by: StateSetter::Picket,
            };
            self.emit(now, Event::Agent(offer.agent, fact), out);
            self.revoke_unfit(now, offer.agent, out);
        }
    }

    /// Takes back every offer of a contact.
    pub(super) fn revoke_offers_of(&mut self, now: Timestamp, id: ContactId, cause: RevokeCause, out: &mut Vec<Event>) {
        let offers = self.contacts.get(id.index()).map(|contact| contact.offers.clone()).unwrap_or_default();
        for offer in offers {
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
    }

    /// A jump of the clock is nobody's fault: what is out stays out as long as it would have.
    pub(super) fn on_clock_jump(&mut self, now: Timestamp, by: Millis, out: &mut Vec<Event>) {
        let offers: Vec<(OfferId, Timestamp)> =
            self.offers.values().map(|offer| (offer.id, offer.expires_at)).collect();
        self.emit(now, Event::World(WorldFact::ClockJumped { by }), out);
        for (id, expires_at) in offers {
            self.emit(now, Event::Offer(id, OfferFact::Extended { expires_at: expires_at + by }), out);
        }
    }
}
