//! Decides what a change of the place does, and what follows when time alone changes it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Router;
use super::apply_world::is_open;
use super::state::Phase;
use crate::{
    AgentId, CalendarId, ContactFact, Event, OfferFact, Outcome, Rejection, RequeueCause, RevokeCause, TeamId,
    Timestamp, WorldChange, WorldFact,
};

impl Router {
    pub(super) fn on_world(
        &mut self,
        now: Timestamp,
        change: WorldChange,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_change(&change)?;
        if let WorldChange::PutQueue(id, spec) = &change
            && spec.floor.is_none()
        {
            self.restore_reserves(now, *id, out);
        }
        let leaver = if let WorldChange::RemoveAgent(id) = &change { Some(*id) } else { None };
        if let Some(id) = leaver {
            self.free_from(now, id, out);
        }
        self.emit(now, Event::World(WorldFact::Changed(Box::new(change))), out);
        self.revoke_all_unfit(now, out);
        self.revoke_outside(now, out);
        Ok(())
    }

    /// Takes everything from an agent who leaves the company.
    fn free_from(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        let offers: Vec<_> = self
            .agents
            .get(id.index())
            .map(|agent| agent.offers.iter().map(|(offer, _)| *offer).collect())
            .unwrap_or_default();
        for offer in offers {
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause: RevokeCause::AgentAway }), out);
        }
        let asked: Vec<_> = self
            .agents
            .get(id.index())
            .map(|agent| agent.consults.iter().map(|(contact, _)| *contact).collect())
            .unwrap_or_default();
        for contact in asked {
            self.emit(now, Event::Contact(contact, ContactFact::ConsultEnded), out);
        }
        for contact in self.held_by(id) {
            let is_done =
                matches!(self.contacts.get(contact.index()).map(|contact| contact.phase), Some(Phase::WrapUp { .. }));
            if is_done {
                self.close(now, contact, Outcome::Handled { agent: id, wrap_up_expired: false }, out);
            } else {
                let fact = ContactFact::Requeued { cause: RequeueCause::AgentLost };
                self.emit(now, Event::Contact(contact, fact), out);
            }
        }
    }

    /// Takes back offers that a change has made impossible, whoever they lie before.
    fn revoke_all_unfit(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let mut asked: Vec<AgentId> = self.offers.values().map(|offer| offer.agent).collect();
        asked.sort_unstable();
        asked.dedup();
        for agent in asked {
            self.revoke_unfit(now, agent, out);
        }
    }

    /// Takes back offers to people who are no longer inside the closed fence of the contact.
    pub(super) fn revoke_outside(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let outside: Vec<_> = self
            .offers
            .values()
            .filter(|offer| {
                self.pair(offer.contact, offer.agent).is_some_and(|(contact, agent)| !self.is_admitted(contact, agent))
            })
            .map(|offer| offer.id)
            .collect();
        for offer in outside {
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause: RevokeCause::Replanned }), out);
        }
    }

    pub(super) fn turn_hours(&mut self, now: Timestamp, calendar: CalendarId, out: &mut Vec<Event>) {
        let Some(hours) = self.hours.get(calendar.index()) else { return };
        let open = is_open(&hours.calendar, now);
        self.emit(now, Event::World(WorldFact::HoursTurned { calendar, open }), out);
        self.revoke_all_unfit(now, out);
    }

    pub(super) fn turn_members(&mut self, now: Timestamp, team: TeamId, out: &mut Vec<Event>) {
        self.emit(now, Event::World(WorldFact::MembershipTurned { team }), out);
        self.revoke_outside(now, out);
    }

    pub(super) fn ask_for_calendar(&mut self, now: Timestamp, calendar: CalendarId, out: &mut Vec<Event>) {
        self.emit(now, Event::World(WorldFact::CalendarRunsOut { calendar }), out);
    }
}
