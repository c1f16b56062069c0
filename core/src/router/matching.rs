//! Decides which contact an agent gets, and carries out every match that has become possible: after each input, no
//! waiting contact has an available agent (invariant 5).

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Router;
use super::choice::{ASKED_LIMIT, Choice};
use super::lanes::{Lane, Turn, Waiting};
use super::state::{Agent, Contact};
use super::steps::Advance;
use crate::{
    AgentId, Assignment, ContactFact, ContactId, Event, Millis, Obstacle, OfferFact, OfferId, OfferMode, QueueId,
    QueueOrder, Timestamp, Urgency,
};

/// A contact at the head of a lane, as an agent compares it with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    rank: HeadRank,
    /// The queue whose order applies, if the lane is a queue's.
    queue: Option<QueueId>,
    within: Millis,
    waiting: Waiting,
}

/// What comes before any comparison of waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HeadRank {
    urgent: Order,
    own: Order,
    urgency: Urgency,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    First,
    Second,
}

const fn first_if(condition: bool) -> Order {
    if condition { Order::First } else { Order::Second }
}

impl Head {
    fn waited(&self, now: Timestamp) -> u64 {
        u64::from(now.since(self.waiting.since).0)
    }

    /// The larger `waited ÷ promised` first, then the older, then the lower number.
    fn by_promise(&self, other: &Self, now: Timestamp) -> Ordering {
        let own = self.waited(now) * u64::from(other.within.0.max(1));
        let others = other.waited(now) * u64::from(self.within.0.max(1));
        others.cmp(&own).then_with(|| self.by_age(other))
    }

    fn by_age(&self, other: &Self) -> Ordering {
        (self.waiting.since, self.waiting.contact).cmp(&(other.waiting.since, other.waiting.contact))
    }
}

/// The cost of a wait on a piecewise linear curve; level after its last point.
fn cost_of(waited: u64, curve: &[(Millis, u32)]) -> u64 {
    let mut before = (0_u64, 0_u64);
    for (at, cost) in curve {
        let (at, cost) = (u64::from(at.0), u64::from(*cost));
        if waited < at {
            let (span, rise) = (at - before.0, cost.saturating_sub(before.1));
            return before.1 + rise * (waited - before.0) / span.max(1);
        }
        before = (at, cost);
    }
    before.1
}

impl Router {
    /// Carries out everything that has become possible, best contact first.
    pub(crate) fn settle(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        loop {
            self.serve_agents(now, out);
            let Some(contact) = self.next_stirred() else {
                if self.work.agents.is_empty() && !self.review_floors(now, out) {
                    return;
                }
                continue;
            };
            self.serve_contact(now, contact, out);
        }
    }

    /// The first in order of service of the contacts to be looked at.
    fn next_stirred(&mut self) -> Option<ContactId> {
        while let Some(id) = self.work.contacts.iter().copied().min_by_key(|id| {
            let contact = self.contacts.get(id.index());
            contact.map(|contact| (contact.plan.urgency, !contact.ahead, contact.since, contact.id))
        }) {
            self.work.contacts.remove(&id);
            if self.contacts.get(id.index()).is_some_and(|contact| contact.is_waiting()) {
                return Some(id);
            }
        }
        None
    }

    /// Puts a contact before whom it is entitled to, or moves it on.
    fn serve_contact(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let choices = self.choose(contact);
        if choices.is_empty() {
            if self.advance(now, id, out) == Advance::Moved {
                self.work.contacts.insert(id);
            }
            return;
        }
        self.put_before_all(now, id, choices, out);
    }

    fn put_before_all(&mut self, now: Timestamp, id: ContactId, choices: Vec<Choice>, out: &mut Vec<Event>) {
        for (number, choice) in choices.into_iter().enumerate() {
            if number == 0 || self.still_stands(choice) {
                self.put_before(now, id, choice, out);
            }
        }
    }

    /// Lets agents who may have become available have the best contact that waits for any of them, until none does.
    fn serve_agents(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let mut heads: Vec<(AgentId, Head)> = Vec::new();
        loop {
            while let Some(id) = self.work.agents.pop_first() {
                heads.retain(|(agent, _)| *agent != id);
                heads.extend(self.best_for(id, now).map(|head| (id, head)));
            }
            let Some((place, (agent, head))) = heads
                .iter()
                .copied()
                .enumerate()
                .min_by(|(_, (_, one)), (_, (_, other))| self.compare(one, other, now))
            else {
                return;
            };
            heads.swap_remove(place);
            let current = self.best_for(agent, now);
            if current != Some(head) {
                heads.extend(current.map(|head| (agent, head)));
                continue;
            }
            let contact = head.waiting.contact;
            let choices = self.contacts.get(contact.index()).map(|contact| self.choose(contact)).unwrap_or_default();
            if choices.is_empty() {
                continue;
            }
            self.put_before_all(now, contact, choices, out);
            self.work.agents.insert(agent);
        }
    }

    /// Which of two heads is served first: by rank, then in one queue by its order, across queues by promise.
    fn compare(&self, one: &Head, other: &Head, now: Timestamp) -> Ordering {
        let by_rank = one.rank.cmp(&other.rank);
        by_rank.then_with(|| {
            let order = match (one.queue, other.queue) {
                (Some(own), Some(others)) if own == others => {
                    self.queues.get(own.index()).map(|queue| &queue.spec.order)
                }
                _ => None,
            };
            match order {
                Some(QueueOrder::Fifo) => one.by_age(other),
                Some(QueueOrder::Due(curve)) => cost_of(other.waited(now), curve)
                    .cmp(&cost_of(one.waited(now), curve))
                    .then_with(|| one.by_promise(other, now)),
                Some(QueueOrder::Promise) | None => one.by_promise(other, now),
            }
        })
    }

    /// The contact that an agent should have next: the best head of each queue, and then the best of those.
    fn best_for(&self, id: AgentId, now: Timestamp) -> Option<Head> {
        let agent = self.live_agent(id)?;
        let mut heads: Vec<Head> = Vec::new();
        for audience in self.audiences(agent) {
            for (_, lane) in self.lanes.of(audience) {
                let Some(head) = self.head_for(agent, lane) else { continue };
                let rival = heads.iter_mut().find(|known| known.queue == head.queue && known.rank == head.rank);
                match rival {
                    Some(known) if self.compare(&head, known, now).is_lt() => *known = head,
                    Some(_) => {}
                    None => heads.push(head),
                }
            }
        }
        heads.into_iter().min_by(|one, other| one.rank.cmp(&other.rank).then_with(|| one.by_promise(other, now)))
    }

    /// The first contact of a lane that this agent may have.
    fn head_for(&self, agent: &Agent, lane: &Lane) -> Option<Head> {
        let demand = lane.key.demand();
        if self.obstacle(agent, &demand) != Obstacle::None {
            return None;
        }
        let waiting = lane.waiting.iter().copied().find(|waiting| self.may_have(agent, waiting.contact))?;
        let fenced = lane.key.fence.is_some_and(|(team, _)| agent.teams.contains(&team));
        let rank = HeadRank {
            urgent: first_if(lane.key.urgency == Urgency::Urgent),
            own: first_if(fenced),
            urgency: lane.key.urgency,
            turn: waiting.turn,
        };
        let queue = matches!(lane.key.audience, super::audience::Audience::Queue(_)).then_some(lane.key.queue);
        Some(Head { rank, queue, within: lane.key.within, waiting })
    }

    fn may_have(&self, agent: &Agent, contact: ContactId) -> bool {
        let Some(contact) = self.contacts.get(contact.index()) else { return false };
        !contact.avoids(agent.id)
            && contact.offers.len() < ASKED_LIMIT
            && !self.is_asked(contact.id, agent)
            && (!contact.excludes(agent.id) || self.is_alone_possible(contact))
    }

    /// Offers or assigns a contact.
    fn put_before(&mut self, now: Timestamp, id: ContactId, choice: Choice, out: &mut Vec<Event>) {
        let Some((contact, agent)) = self.pair(id, choice.agent) else { return };
        let standing = self.standing(contact, agent);
        let policy = contact.plan.offer;
        self.record(now, id, &choice);
        if policy.mode == OfferMode::Auto {
            let fact = ContactFact::Assigned {
                agent: choice.agent,
                how: Assignment::Auto,
                standing,
                over_capacity: false,
                bypassed: choice.bypassed,
            };
            self.emit(now, Event::Contact(id, fact), out);
            return;
        }
        let offer = OfferId(self.last_offer.saturating_add(1));
        let fact = OfferFact::Made {
            contact: id,
            agent: choice.agent,
            standing,
            step: choice.step,
            mode: policy.mode,
            expires_at: now + policy.expires,
            bypassed: choice.bypassed,
        };
        self.emit(now, Event::Offer(offer, fact), out);
    }

    /// A contact and an agent, where both are known.
    pub(crate) fn pair(&self, contact: ContactId, agent: AgentId) -> Option<(&Contact, &Agent)> {
        Some((self.contacts.get(contact.index())?, self.agents.get(agent.index())?))
    }
}
