//! Decides in which lanes a waiting contact stands, from its steps, its fence and where it was handed on to.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use smallvec::SmallVec;

use super::Router;
use super::audience::Audience;
use super::check::Demand;
use super::lanes::{LaneKey, Waiting};
use super::line::Ease;
use super::state::{Contact, Phase, Place, Roll};
use crate::{Bypass, ContactId, Hold, Joining, Need, OfferMode, Step};

impl Contact {
    /// Waits, or is offered.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    /// Stands in lanes: waits, and may be put before somebody.
    fn is_placed(&self) -> bool {
        self.is_waiting() && (self.offers.is_empty() || self.plan.offer.mode == OfferMode::All)
    }

    /// The first step whose people are still entitled.
    fn first_step(&self) -> usize {
        let reached = usize::from(self.step);
        let entitled = self.plan.steps.iter().take(reached + 1);
        entitled.into_iter().rposition(|step| step.joining == Joining::Only).unwrap_or(0)
    }

    /// The step whose hold runs, unless a transfer's comes first.
    pub(crate) fn current_step(&self) -> Option<&Step> {
        self.plan.steps.get(usize::from(self.step))
    }

    /// The people whose hold runs.
    pub(crate) fn current_audience(&self) -> Option<Audience> {
        match &self.redirect {
            Some(to) => Audience::of_transfer(to),
            None => self.current_step().and_then(|step| Audience::of_step(step.who, self)),
        }
    }

    /// Whether the plan has no later step.
    pub(crate) fn is_at_last_step(&self) -> bool {
        self.redirect.is_none() && usize::from(self.step) + 1 >= self.plan.steps.len()
    }

    /// Whether the hold of the current step is the same whatever keeps its people.
    fn has_one_hold(&self) -> bool {
        self.redirect.is_some()
            || self.current_step().is_none_or(|step| {
                let holds = step.holds;
                [holds.away, holds.absent, holds.off_shift].iter().all(|hold: &Hold| *hold == holds.busy)
            })
    }

    /// Whether every agent of its lanes may have it.
    fn ease(&self) -> Ease {
        let is_plain = self.avoids.is_empty() && self.excluded.is_empty() && self.offers.is_empty();
        if is_plain { Ease::Plain } else { Ease::Particular }
    }

    fn is_in_queue(&self) -> bool {
        self.progress.opened || self.fence.is_some_and(|fence| fence.open.is_some())
    }
}

impl Router {
    /// Brings lanes, watches, rolls and the timer of a contact up to what its state says. The only writer of places.
    pub(crate) fn replace(&mut self, id: ContactId) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let is_placed = contact.is_placed();
        let wanted = if is_placed { self.keys_of(contact) } else { SmallVec::new() };
        let watches = if is_placed { Self::watches_of(contact, &wanted) } else { SmallVec::new() };
        let roll = contact.is_waiting().then(|| match contact.fence {
            Some(fence) if fence.open.is_none() => Roll::Team(fence.team),
            Some(_) | None => Roll::Queue(contact.plan.queue),
        });
        if !is_placed && contact.places.is_empty() && contact.watches.is_empty() && contact.roll == roll {
            self.arm_contact(id);
            return;
        }
        let (since, entry, ease) = (contact.since, Waiting::of(contact), contact.ease());
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let old_places = core::mem::take(&mut contact.places);
        let old_watches = core::mem::take(&mut contact.watches);
        let old_roll = core::mem::replace(&mut contact.roll, roll);
        let mut places: SmallVec<[Place; 3]> = SmallVec::new();
        for (key, step) in wanted {
            let lane = match self.lanes.find(&key) {
                Some(lane) => lane,
                None => {
                    let able = self.is_anybody_able(&key.demand());
                    self.lanes.open(key, able)
                }
            };
            if !places.iter().any(|place| place.lane == lane) {
                self.lanes.enter(lane, entry, ease);
                places.push(Place { lane, step });
            }
        }
        for gone in old_places.iter().filter(|old| !places.iter().any(|new| new.lane == old.lane)) {
            self.lanes.leave(gone.lane, entry);
        }
        if old_watches != watches {
            old_watches.iter().for_each(|audience| self.lanes.unwatch(*audience, id));
            watches.iter().for_each(|audience| self.lanes.watch(*audience, id));
        }
        if old_roll != roll {
            if let Some(roll) = old_roll {
                self.lanes.strike(roll, since, id);
            }
            if let Some(roll) = roll {
                self.lanes.enrol(roll, since, id);
            }
        }
        if is_placed {
            self.work.contacts.insert(id);
        }
        if let Some(contact) = self.contacts.get_mut(id.index()) {
            contact.places = places;
            contact.watches = watches;
        }
        self.arm_contact(id);
    }

    /// The lanes a waiting contact would stand in, in order of preference: those of the steps reached, or of whom it was
    /// handed on to; while its fence is open, then the whole team, its covers and the queue.
    pub(crate) fn keys_of(&self, contact: &Contact) -> SmallVec<[(LaneKey, u8); 4]> {
        let mut keys = SmallVec::new();
        if let Some(audience) = contact.redirect.as_ref().and_then(Audience::of_transfer) {
            keys.push((self.key_of(contact, audience, &[], Bypass::default()), contact.step));
        } else {
            let reached = usize::from(contact.step);
            for (number, step) in contact.plan.steps.iter().enumerate().take(reached + 1).skip(contact.first_step()) {
                let number = u8::try_from(number).unwrap_or(u8::MAX);
                if let Some(audience) = Audience::of_step(step.who, contact) {
                    keys.push((self.key_of(contact, audience, &step.needs, step.bypass), number));
                }
            }
        }
        // Whom it was handed on to comes first, alone.
        if contact.redirect.is_none() && contact.is_in_queue() {
            let open = contact.fence.filter(|fence| fence.open.is_some()).map(|fence| fence.team);
            let insiders = open.into_iter().flat_map(|team| [Audience::Team(team, None), Audience::Covers(team)]);
            for audience in insiders.chain([Audience::Queue(contact.plan.queue)]) {
                keys.push((self.key_of(contact, audience, &[], Bypass::default()), contact.step));
            }
        }
        keys
    }

    fn key_of(&self, contact: &Contact, audience: Audience, further: &[Need], bypass: Bypass) -> LaneKey {
        let mut needs: SmallVec<[Need; 4]> = SmallVec::from_slice(&contact.plan.needs);
        needs.extend_from_slice(further);
        let mut bypass = bypass;
        if let Audience::Queue(queue) = audience {
            bypass = Bypass::default();
            match &contact.widened {
                Some(widened) => needs.extend_from_slice(widened),
                None => {
                    let queue = self.queues.get(queue.index());
                    needs.extend(queue.iter().flat_map(|queue| queue.spec.needs.iter().copied()));
                }
            }
        }
        needs.sort_unstable();
        needs.dedup();
        LaneKey {
            audience,
            channel: contact.channel,
            urgency: contact.plan.urgency,
            fence: contact.gate(),
            queue: contact.plan.queue,
            within: contact.plan.promise.within,
            bypass,
            needs,
        }
    }

    /// Whose changes of state can end or lengthen the contact's step, or lift an exclusion.
    fn watches_of(contact: &Contact, keys: &[(LaneKey, u8)]) -> SmallVec<[Audience; 1]> {
        let mut watches: SmallVec<[Audience; 1]> = SmallVec::new();
        if !contact.excluded.is_empty() {
            watches.extend(keys.iter().map(|(key, _)| key.audience));
        } else if !(contact.progress.exhausted || contact.has_one_hold() && contact.avoids.is_empty()) {
            // Whom the customer avoids may be the last who could serve.
            watches.extend(contact.current_audience());
        }
        watches.sort_unstable();
        watches.dedup();
        watches
    }

    /// Whether anybody of a queue could ever serve; other audiences are small and looked at when needed.
    pub(crate) fn is_anybody_able(&self, demand: &Demand<'_>) -> bool {
        let Audience::Queue(_) = demand.audience else { return true };
        self.each_person(demand.audience, |id| match self.agents.get(id.index()) {
            Some(agent) if self.is_able(agent, demand) => ControlFlow::Break(()),
            Some(_) | None => ControlFlow::Continue(()),
        })
        .is_break()
    }

    /// Looks again whether the lanes of a queue have anybody, after its staff or their skills changed.
    pub(crate) fn review_staff(&mut self, queue: crate::QueueId) {
        // Who was tried may be alone now.
        let watchers: Vec<_> = self.lanes.watchers(Audience::Queue(queue)).collect();
        watchers.into_iter().for_each(|contact| self.stir(contact));
        let lanes: Vec<_> = self.lanes.of(Audience::Queue(queue)).map(|(id, _)| id).collect();
        for id in lanes {
            let Some(lane) = self.lanes.get(id) else { continue };
            let able = self.is_anybody_able(&lane.key.demand());
            if able == lane.able {
                continue;
            }
            let stirred: Vec<_> = lane.waiting.iter().map(|place| place.contact).collect();
            if let Some(lane) = self.lanes.get_mut(id) {
                lane.able = able;
            }
            stirred.into_iter().for_each(|contact| self.stir(contact));
        }
    }

    /// Looks again at one contact: its step's end may have moved, somebody may be able to serve it.
    pub(crate) fn stir(&mut self, id: ContactId) {
        self.work.contacts.insert(id);
        self.arm_contact(id);
    }
}
