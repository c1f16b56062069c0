//! Decides what a new plan changes: who may serve from now on, never how long a contact has waited, and its fence only
//! when the entitlement ended.
//!
//! When another rule set comes into force, the shell walks the waiting contacts with `Router::to_replan`, those behind a
//! closed fence first, makes their plans and hands them in by slices; until its slice a contact keeps its plan.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Router;
use crate::bugs::Bug;
use crate::{
    ContactFact, ContactId, Event, FenceFact, FenceReason, Plan, Rejection, Relation, Replanning, RevokeCause,
    StepCause, Timestamp,
};

/// Contacts planned anew by one input, at most.
pub const SLICE_LIMIT: usize = 500;

/// Where a walk over the waiting contacts stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplanCursor {
    roll: u64,
    since: Timestamp,
    contact: ContactId,
}

impl Router {
    /// Waiting contacts whose plan is not of this rule set, at most `SLICE_LIMIT` after the cursor: those behind closed
    /// fences first, each group by age. The cursor to go on from, if there may be more.
    #[must_use]
    pub fn to_replan(&self, rules: u32, after: Option<ReplanCursor>) -> (Vec<ContactId>, Option<ReplanCursor>) {
        let mut found = Vec::new();
        let start = after.map(|cursor| (cursor.roll, (cursor.since, cursor.contact)));
        for (roll, (since, contact)) in self.lanes.rolls_after(start) {
            if self.contacts.get(contact.index()).is_some_and(|known| known.plan.rules != rules) {
                found.push(contact);
            }
            if found.len() >= SLICE_LIMIT {
                return (found, Some(ReplanCursor { roll, since, contact }));
            }
        }
        (found, None)
    }

    /// Plans a slice anew: all of it, or none if one plan can not be taken.
    pub(super) fn replan_slice(
        &mut self,
        now: Timestamp,
        mut slice: Vec<(ContactId, Box<Plan>)>,
        because: Replanning,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        if slice.len() > SLICE_LIMIT {
            return Err(Rejection::BadPlan);
        }
        slice.iter().try_for_each(|(_, plan)| self.check_plan(plan))?;
        slice.sort_by_key(|(id, _)| {
            let fence = self.contacts.get(id.index()).and_then(|contact| contact.fence);
            (fence.is_none_or(|fence| fence.open.is_some()), *id)
        });
        for (id, plan) in slice {
            if self.open_contact(id).is_ok() {
                self.replan(now, id, plan, because, out)?;
            }
        }
        Ok(())
    }

    pub(super) fn replan(
        &mut self,
        now: Timestamp,
        id: ContactId,
        mut plan: Box<Plan>,
        because: Replanning,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        self.check_plan(&plan)?;
        let before = contact.fence;
        let keeps = because == Replanning::Updated && plan.fence.is_none() && !self.has(Bug::UpdateOpensTheFence);
        if let Some(fence) = before.filter(|fence| keeps && fence.open.is_none()) {
            // An update never opens a fence: who may serve stays as it was.
            plan.fence = Some(fence.team);
            plan.lead = contact.plan.lead;
            plan.steps.clone_from(&contact.plan.steps);
            plan.finally = contact.plan.finally;
        }
        let wanted = plan.fence;
        let is_waiting = contact.is_waiting();
        self.revoke_offers_of(now, id, RevokeCause::Replanned, out);
        if wanted.is_none() && !keeps {
            let reason = match because {
                Replanning::Reidentified => FenceReason::Reidentified,
                Replanning::Rules | Replanning::Customer | Replanning::Updated => FenceReason::NoLongerValued,
            };
            self.open_fence(now, id, reason, out);
        }
        self.say(now, id, ContactFact::Replanned { plan, because }, out);
        if let Some(team) = wanted.filter(|team| before.is_none_or(|fence| fence.team != *team)) {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
            // Once open it stays open, unless it is another customer's fence now.
            let was_open = before.filter(|_| because != Replanning::Reidentified);
            if let Some((reason, until)) = was_open.and_then(|fence| Some((fence.open?, fence.until))) {
                self.open_fence_until(now, id, (reason, until), out);
            }
        }
        if is_waiting {
            self.say(now, id, ContactFact::StepEntered { step: 0, cause: StepCause::Replanned }, out);
        }
        Ok(())
    }

    /// Whose it is, and who knows the customer: an offer to somebody whom the customer avoids is taken back.
    pub(super) fn identify(
        &mut self,
        now: Timestamp,
        id: ContactId,
        relation: Box<Relation>,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let offers = contact.offers.iter().filter_map(|offer| self.offers.get(offer));
        let avoided: Vec<_> =
            offers.filter(|offer| relation.avoids.contains(&offer.agent)).map(|offer| offer.id).collect();
        self.say(now, id, ContactFact::Identified(relation), out);
        for offer in avoided {
            let fact = crate::OfferFact::Revoked { cause: RevokeCause::Replanned };
            self.emit(now, Event::Offer(offer, fact), out);
        }
        Ok(())
    }
}
