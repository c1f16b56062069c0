//! Decides how waiting contacts come by their plans when their customer changed or another rule set is in force: a few at
//! a time, between inputs, until all have one. Until its turn a contact keeps its plan, and one that gets no new one keeps
//! it for good.
//!
//! Whose customer changed is in the state, and so in the journal. The walk over everybody when the rules change is not,
//! only what comes of it: after a restart it begins again, and finds those whose plan is still of an earlier rule set.

use std::collections::VecDeque;

use picket_core::{ContactCommand, ContactFact, ContactId, Event, Input, Kind, Plan, ReplanCursor, Replanning};

use super::decide::{Decider, Draft};
use super::decided::Decided;
use super::identify::{Lookup, key};
use super::intake::{self, Anew};
use super::overlay::Rows;
use super::ports::DirectoryKind;
use super::record::{Cause, ShellFact, Verdict};

/// Contacts planned in one turn of the loop: a few milliseconds.
const AT_ONCE: usize = 50;

/// Where the walk over the waiting contacts stands.
#[derive(Debug, Default)]
pub(super) struct Walk {
    found: VecDeque<ContactId>,
    cursor: Option<ReplanCursor>,
    /// Nobody comes after those found.
    is_at_end: bool,
}

impl Decider {
    /// Begins to plan anew whoever waits with a plan of another rule set than the one in force.
    pub(super) fn begin_replanning(&mut self) {
        self.walk = Some(Walk::default());
    }

    /// Whether somebody may still have to be planned anew.
    pub(super) fn is_replanning(&self) -> bool {
        self.walk.is_some() || self.state.ties.stale().next().is_some()
    }

    /// Plans the next few anew.
    pub(super) async fn replan_some(&mut self) -> Vec<Decided> {
        let stale: Vec<ContactId> = self.state.ties.stale().take(AT_ONCE).collect();
        let (slice, because) =
            if stale.is_empty() { (self.next_slice(), Replanning::Rules) } else { (stale, Replanning::Customer) };
        if slice.is_empty() {
            return Vec::new();
        }
        let rows = self.look_up_contacts(&slice).await;
        let mut decided = self.catch_up();
        decided.extend(self.replan_slice(&slice, because, &rows));
        decided
    }

    fn next_slice(&mut self) -> Vec<ContactId> {
        let (Some(walk), Some(rules)) = (self.walk.as_mut(), self.state.rules.as_ref()) else {
            self.walk = None;
            return Vec::new();
        };
        if walk.found.is_empty() && !walk.is_at_end {
            let (found, cursor) = self.state.router.to_replan(rules.number, walk.cursor);
            walk.is_at_end = cursor.is_none();
            walk.cursor = cursor;
            walk.found.extend(found);
        }
        let slice = walk.found.drain(..walk.found.len().min(AT_ONCE)).collect();
        if walk.found.is_empty() && walk.is_at_end {
            self.walk = None;
        }
        slice
    }

    /// Reads the directory rows that planning these contacts needs.
    async fn look_up_contacts(&self, slice: &[ContactId]) -> Rows {
        let name = |contact: &ContactId| self.state.names.text(Kind::Contact, contact.0);
        let names: Vec<&str> = slice.iter().filter_map(name).collect();
        let mut rows = Rows::default();
        self.fetch(&mut rows, |_| names.iter().map(|name| key(DirectoryKind::Contact, *name)).collect()).await;
        for round in [intake::people, intake::ties] {
            let of = |lookup: &Lookup<'_>, name: &str| {
                let row = lookup.contact_named(name).unwrap_or_default();
                round(lookup, row.customer.into_iter().collect(), row.account)
            };
            self.fetch(&mut rows, |lookup| names.iter().flat_map(|name| of(lookup, name)).collect()).await;
        }
        rows
    }

    /// One record for the whole slice; none if the rules leave everybody as they are.
    fn replan_slice(&mut self, slice: &[ContactId], because: Replanning, rows: &Rows) -> Option<Decided> {
        let mut draft = Draft::default();
        let mut plans: Vec<(ContactId, Box<Plan>)> = Vec::new();
        for contact in slice {
            match intake::planned_anew(&mut self.context(rows, &mut draft.names), *contact, because) {
                Ok(anew) => plans.extend(self.take_up(*contact, because, anew, &mut draft)),
                Err(refused) => {
                    tracing::warn!(contact = contact.0, refused.detail, "a waiting contact keeps its plan");
                }
            }
        }
        // One plan that cannot be taken would keep all others of a slice out.
        let whole = Input::Replan(plans.clone(), because);
        if self.state.router.handle(self.keeper.last(), whole, &mut draft.events).is_err() {
            for plan in plans {
                self.hand_in(Input::Replan(vec![plan], because), &mut draft);
            }
        }
        if because == Replanning::Customer {
            draft.facts.extend(standing(slice, &draft.events));
        }
        if draft.events.is_empty() && draft.facts.is_empty() {
            // No record will say these names.
            self.state.names.rollback(&mut draft.names);
            return None;
        }
        let cause = if because == Replanning::Customer { Cause::Customer } else { Cause::Rules };
        Some(self.seal(cause, Verdict::Applied, draft))
    }

    /// Puts down what belongs to a new plan; the plan, if it is to be handed in.
    fn take_up(
        &mut self,
        contact: ContactId,
        because: Replanning,
        anew: Anew,
        draft: &mut Draft,
    ) -> Option<(ContactId, Box<Plan>)> {
        let Anew { plan, relation, valued, account } = anew;
        if let Some(relation) = relation {
            self.hand_in(Input::Contact(contact, ContactCommand::Identify(relation)), draft);
        }
        if let Some((fact, write)) = valued.filter(|(fact, _)| !draft.facts.contains(fact)) {
            draft.facts.push(fact);
            draft.writes.push(write);
        }
        draft.facts.extend(account);
        // The same plan again would take offers back for nothing.
        let is_news = because != Replanning::Customer
            || self.state.router.contact(contact).is_none_or(|view| *view.plan != *plan);
        is_news.then_some((contact, plan))
    }

    fn hand_in(&mut self, input: Input, draft: &mut Draft) {
        if let Err(rejection) = self.state.router.handle(self.keeper.last(), input, &mut draft.events) {
            tracing::warn!(%rejection, "a waiting contact keeps its plan");
        }
    }
}

/// The contacts of a slice that did not get another plan.
fn standing(slice: &[ContactId], events: &[Event]) -> Option<ShellFact> {
    let is_replanned = |contact: &ContactId| {
        let mut facts = events.iter().filter_map(|event| match event {
            Event::Contact(of, fact) if of == contact => Some(fact),
            Event::Contact(..) | Event::Fence(..) | Event::Offer(..) | Event::Agent(..) | Event::World(_) => None,
        });
        facts.any(|fact| matches!(fact, ContactFact::Replanned { .. }))
    };
    let contacts: Vec<ContactId> = slice.iter().filter(|contact| !is_replanned(contact)).copied().collect();
    (!contacts.is_empty()).then_some(ShellFact::PlanStands { contacts })
}
