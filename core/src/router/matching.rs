//! Decides which contact an agent gets, and carries out every match that has become possible: after each input, no
//! waiting contact has an available agent (invariant 5).

use alloc::vec::Vec;
use core::cmp::Ordering;

use smallvec::SmallVec;

use super::Router;
use super::choice::{ASKED_LIMIT, Choice};
use super::lanes::{Lane, Turn, Waiting};
use super::line::Ease;
use super::state::{Agent, Contact};
use super::steps::Advance;
use super::stirred::Stirred;
use super::timers::Timer;
use crate::bugs::Bug;
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

/// The contact that an agent should have next, and before whom it is put with it.
#[derive(Clone, Debug)]
struct Claim {
    agent: AgentId,
    head: Head,
    choices: Vec<Choice>,
    /// Nothing happened since it was made.
    is_fresh: bool,
}

/// What is known of the agents who may have become available.
#[derive(Debug, Default)]
struct Round {
    claims: Vec<Claim>,
    /// Agents looked at since something happened last, by number.
    looked_at: Vec<AgentId>,
    /// Agents who would have a contact if another did not come before them.
    passed_over: Vec<AgentId>,
    /// Whether every queue compares its contacts as different queues are compared, once that was asked.
    is_one_order: Option<bool>,
}

impl Round {
    fn note(&mut self, agent: AgentId) {
        if let Err(place) = self.looked_at.binary_search(&agent) {
            self.looked_at.insert(place, agent);
        }
    }
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
    /// Carries out everything that has become possible. First everybody moves on whose time has come and whom nobody
    /// can take, then the best contact that anybody can take is put before whom it is entitled to; and so on.
    pub(crate) fn settle(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        if self.is_nobody_offered() {
            return self.settle_without_offers(now, out);
        }
        self.stir_due(now);
        let mut round = Round::default();
        let mut stirred = Stirred::default();
        let mut served: Vec<ContactId> = Vec::new();
        loop {
            while let Some(id) = self.next_stirred(&mut stirred) {
                let is_only = round.claims.is_empty() && served.is_empty() && stirred.is_empty();
                self.look_at(now, id, is_only, &mut served, out);
            }
            if self.serve_best(now, &mut round, out) {
                // Whom somebody could take a moment ago may have nobody now, and move on.
                self.work.contacts.extend(served.drain(..));
            } else if !self.review_floors(now, out) {
                return;
            }
        }
    }

    /// A deadline is compared with `now`, not with whether its timer has fired: whose time has come is looked at.
    pub(super) fn stir_due(&mut self, now: Timestamp) {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        let due = due.filter_map(|(_, timer)| if let Timer::Contact(_, id) = timer { Some(id) } else { None });
        self.work.contacts.extend(due);
    }

    /// Moves a contact on, if nobody can take it and its time has come; else has those looked at who can.
    fn look_at(
        &mut self,
        now: Timestamp,
        id: ContactId,
        is_only: bool,
        served: &mut Vec<ContactId>,
        out: &mut Vec<Event>,
    ) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let choices = self.choose(contact);
        if choices.is_empty() {
            if self.advance(now, id, out) == Advance::Moved {
                self.work.contacts.insert(id);
            }
        } else if is_only && self.work.contacts.is_empty() && self.work.agents.is_empty() {
            // Nobody else has anything to gain: it is the best there is.
            self.put_before_all(now, id, choices, out);
        } else {
            self.work.agents.extend(choices.iter().map(|choice| choice.agent));
            served.push(id);
        }
    }

    pub(super) fn put_before_all(&mut self, now: Timestamp, id: ContactId, choices: Vec<Choice>, out: &mut Vec<Event>) {
        for (number, choice) in choices.into_iter().enumerate() {
            if number == 0 || self.still_stands(choice) {
                self.put_before(now, id, choice, out);
            }
        }
    }

    /// Puts the best contact that waits for any of the agents who may have become available before whom it is entitled
    /// to; false if there is none.
    fn serve_best(&mut self, now: Timestamp, round: &mut Round, out: &mut Vec<Event>) -> bool {
        loop {
            while let Some(id) = self.work.agents.pop_first() {
                round.claims.retain(|claim| claim.agent != id);
                round.note(id);
                let claim = self.best_for(id, now, round);
                round.claims.extend(claim);
            }
            let heads = round.claims.iter().map(|claim| claim.head);
            let Some(place) = self.best_of(heads, now) else { return false };
            let claim = round.claims.swap_remove(place);
            self.work.agents.insert(claim.agent);
            if !claim.is_fresh {
                continue;
            }
            self.put_before_all(now, claim.head.waiting.contact, claim.choices, out);
            round.claims.iter_mut().for_each(|claim| claim.is_fresh = false);
            round.looked_at.clear();
            self.work.agents.extend(round.passed_over.drain(..));
            return true;
        }
    }

    /// The place of the best of several heads: the best of each queue by its own order, then the best of those.
    fn best_of(&self, heads: impl Iterator<Item = Head> + Clone, now: Timestamp) -> Option<usize> {
        self.best_of_each(heads, now).first().map(|(place, _)| *place)
    }

    /// Of those of the first rank the best of each queue by its own order, and their places; the best of all comes first.
    fn best_of_each(&self, heads: impl Iterator<Item = Head> + Clone, now: Timestamp) -> SmallVec<[(usize, Head); 4]> {
        let mut best: SmallVec<[(usize, Head); 4]> = SmallVec::new();
        let Some(rank) = heads.clone().map(|head| head.rank).min() else { return best };
        for (place, head) in heads.enumerate().filter(|(_, head)| head.rank == rank) {
            match best.iter_mut().find(|(_, known)| known.queue == head.queue) {
                Some(known) if self.compare(&head, &known.1, now).is_lt() => *known = (place, head),
                Some(_) => {}
                None => best.push((place, head)),
            }
        }
        best.sort_by(|(_, one), (_, other)| one.by_promise(other, now));
        best
    }

    /// Whether a head stands for its queue in an order that compares nothing with other queues.
    fn has_own_order(&self, head: &Head) -> bool {
        let queue = head.queue.and_then(|queue| self.queues.get(queue.index()));
        queue.is_some_and(|queue| queue.spec.order != QueueOrder::Promise)
    }

    /// Which of two heads of one rank is served first: in one queue by its order, across queues by promise.
    fn compare(&self, one: &Head, other: &Head, now: Timestamp) -> Ordering {
        let order = match (one.queue, other.queue) {
            (Some(own), Some(others)) if own == others => self.queues.get(own.index()).map(|queue| &queue.spec.order),
            _ => None,
        };
        match order {
            Some(QueueOrder::Fifo) if !self.has(Bug::FifoByPromise) => one.by_age(other),
            Some(QueueOrder::Due(curve)) => cost_of(other.waited(now), curve)
                .cmp(&cost_of(one.waited(now), curve))
                .then_with(|| one.by_promise(other, now)),
            Some(QueueOrder::Promise | QueueOrder::Fifo) | None => one.by_promise(other, now),
        }
    }

    /// The best of the contacts that an agent may have now.
    pub(super) fn best_contact(&self, id: AgentId, now: Timestamp) -> Option<ContactId> {
        let agent = self.live_agent(id).filter(|agent| self.takes_anything(agent))?;
        self.best_heads(agent, &[], now).first().map(|head| head.waiting.contact)
    }

    /// The contact that an agent should have next: the best head of each queue, and then the best of those. One that
    /// would be put before somebody else instead is hers to claim, who is looked at too unless she was already.
    fn best_for(&mut self, id: AgentId, now: Timestamp, round: &mut Round) -> Option<Claim> {
        let mut passed: Vec<ContactId> = Vec::new();
        loop {
            let agent = self.live_agent(id).filter(|agent| self.takes_anything(agent))?;
            let heads = self.best_heads(agent, &passed, now);
            let best = *heads.first()?;
            let mut claim = None;
            // What another gets does not stand for its queue either: behind it may be one that comes before the best.
            let others = heads.iter().skip(1).filter(|head| self.has_own_order(head));
            for head in [&best].into_iter().chain(others) {
                let contact = self.contacts.get(head.waiting.contact.index());
                let choices = contact.map(|contact| self.choose(contact)).unwrap_or_default();
                let first = choices.first().map(|choice| choice.agent);
                if first == Some(id) {
                    claim = claim.or(Some(Claim { agent: id, head: best, choices, is_fresh: true }));
                    continue;
                }
                if let Some(other) = first {
                    round.passed_over.push(id);
                    if round.looked_at.binary_search(&other).is_err() {
                        self.work.agents.insert(other);
                    }
                    // What she could have instead comes after what the other has: it can wait, and the line may be long.
                    if self.is_settled_before(other, head, round) {
                        return None;
                    }
                }
                passed.push(head.waiting.contact);
                claim = None;
                break;
            }
            if claim.is_some() {
                return claim;
            }
        }
    }

    /// Whether what another has instead of this head comes before everything behind it: it is this one or a better one by
    /// the same order, and of no lower rank for the other.
    fn is_settled_before(&self, other: AgentId, head: &Head, round: &mut Round) -> bool {
        let by_promise = || self.queues.iter().all(|(_, queue)| queue.spec.order == QueueOrder::Promise);
        if !*round.is_one_order.get_or_insert_with(by_promise) {
            return false;
        }
        let pair = self.pair(head.waiting.contact, other);
        let is_own = |(contact, agent): (&Contact, &Agent)| {
            contact.fence.is_some_and(|fence| agent.teams.contains(&fence.team)) && !self.has(Bug::OwnTeamNotFirst)
        };
        head.rank.own == Order::Second || pair.is_some_and(is_own)
    }

    /// The best of each queue of the contacts at the heads of an agent's lanes that she may have now; the best of all
    /// comes first. What keeps her from a lane is looked for last, and only where nothing better is open to her.
    fn best_heads(&self, agent: &Agent, passed: &[ContactId], now: Timestamp) -> SmallVec<[Head; 4]> {
        let mut heads: SmallVec<[(Head, &Lane); 16]> = SmallVec::new();
        for audience in self.audiences(agent) {
            let lanes = self.lanes.of(audience);
            heads.extend(lanes.filter_map(|(_, lane)| Some((self.head_for(agent, lane, passed)?, lane))));
        }
        heads.sort_by_key(|(head, _)| head.rank);
        let groups = heads.chunk_by(|(one, _), (other, _)| one.rank == other.rank).map(|equal| {
            let open = equal.iter().filter(|(_, lane)| self.obstacle(agent, &lane.key.demand()) == Obstacle::None);
            let open: SmallVec<[Head; 8]> = open.map(|(head, _)| *head).collect();
            self.best_of_each(open.iter().copied(), now)
                .into_iter()
                .map(|(_, head)| head)
                .collect::<SmallVec<[Head; 4]>>()
        });
        groups.into_iter().find(|best| !best.is_empty()).unwrap_or_default()
    }

    /// The first contact of a lane that nothing particular keeps from this agent.
    fn head_for(&self, agent: &Agent, lane: &Lane, passed: &[ContactId]) -> Option<Head> {
        let is_hers = |waiting: &Waiting| !passed.contains(&waiting.contact) && self.may_have(agent, waiting.contact);
        let waiting = match lane.waiting.head()? {
            (waiting, Ease::Plain) if !passed.contains(&waiting.contact) => waiting,
            (_, Ease::Plain | Ease::Particular) => {
                // The line may be long: it is not walked for what she cannot have anyhow.
                if self.obstacle(agent, &lane.key.demand()) != Obstacle::None {
                    return None;
                }
                lane.waiting.iter().find(is_hers)?
            }
        };
        debug_assert!(is_hers(&waiting), "what keeps agents from a contact is noted in its lanes");
        let fenced = lane.key.fence.is_some_and(|(team, _)| agent.teams.contains(&team));
        let rank = HeadRank {
            urgent: first_if(lane.key.urgency == Urgency::Urgent),
            own: first_if(fenced && !self.has(Bug::OwnTeamNotFirst)),
            urgency: if self.has(Bug::UrgencyIgnored) { Urgency::Normal } else { lane.key.urgency },
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
