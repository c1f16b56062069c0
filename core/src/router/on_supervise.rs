//! Decides what a supervisor can do with a contact.

use alloc::vec::Vec;

use super::Router;
use super::audience::Audience;
use super::check::Demand;
use super::state::Contact;
use crate::bugs::Bug;
use crate::{
    AgentId, Assignment, Bypass, ContactFact, ContactId, Event, FenceFact, FenceReason, Obstacle, Rejection,
    RevokeCause, Supervision, Timestamp,
};

impl Router {
    pub(super) fn on_supervise(
        &mut self,
        now: Timestamp,
        id: ContactId,
        act: Supervision,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        match act {
            Supervision::OpenFence(reason) => {
                if !matches!(reason, FenceReason::Supervisor | FenceReason::CustomerChoice) {
                    return Err(Rejection::ReasonNotAllowed);
                }
                let fence = contact.fence.ok_or(Rejection::NoFence)?;
                if fence.open.is_some() {
                    return Err(Rejection::FenceUnchanged);
                }
                self.open_fence(now, id, reason, out);
            }
            Supervision::CloseFence => {
                let fence = contact.fence.ok_or(Rejection::NoFence)?;
                if fence.open.is_none() {
                    return Err(Rejection::FenceUnchanged);
                }
                self.emit(now, Event::Fence(id, FenceFact::Closed), out);
                if !self.has(Bug::ClosingKeepsOffers) {
                    self.revoke_outside(now, out);
                }
            }
            Supervision::Assign(handler) => self.assign(now, id, handler.agent, out)?,
        }
        Ok(())
    }

    /// Assigns by hand, inside the same checks: a waiting contact, inside the fence, skilled and free.
    fn assign(&mut self, now: Timestamp, id: ContactId, agent: AgentId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        if !contact.is_waiting() {
            return Err(Rejection::WrongContactState);
        }
        let person = self.live_agent(agent).ok_or(Rejection::UnknownAgent)?;
        if !self.is_admitted(contact, person) {
            return Err(Rejection::OutsideFence);
        }
        let found = self.obstacle(person, &by_hand(contact));
        let is_asked = self.is_asked(id, person);
        if found != Obstacle::None && !(found == Obstacle::Busy && is_asked) || contact.avoids(agent) {
            return Err(Rejection::AgentUnavailable);
        }
        let standing = self.standing(contact, person);
        self.revoke_offers_of(now, id, RevokeCause::TakenByOther, out);
        let fact = ContactFact::Assigned {
            agent,
            how: Assignment::Manual,
            standing,
            over_capacity: false,
            bypassed: Bypass::default(),
        };
        self.emit(now, Event::Contact(id, fact), out);
        Ok(())
    }
}

/// What a contact asks of an agent named by hand: everything but being among the people of a step.
fn by_hand(contact: &Contact) -> Demand<'_> {
    Demand {
        audience: Audience::Queue(contact.plan.queue),
        channel: contact.channel,
        fence: contact.gate(),
        bypass: Bypass::default(),
        needs: &contact.plan.needs,
    }
}
