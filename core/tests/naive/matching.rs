//! Who gets what: first everybody moves on whose time has come and whom nobody can take, then the best contact that
//! anybody can take is put before whom it is entitled to, and so on until nothing is possible any more.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use picket_core::*;

use super::people::{Ask, Whom};
use super::{Case, Naive};

/// An agent for a contact.
#[derive(Clone)]
struct Choice {
    agent: AgentId,
    ask: Ask,
}

/// A contact that an agent could have, as it is compared with others.
#[derive(Clone, Copy)]
struct Claim {
    contact: ContactId,
    /// Urgent first, then those behind a fence of her own teams, then by urgency, then those who were with somebody.
    rank: (bool, bool, Urgency, bool),
    queue: Option<QueueId>,
    since: Timestamp,
    within: Millis,
}

impl Naive {
    pub(super) fn settle(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        loop {
            if let Some(id) = self.next_to_move(now) {
                self.move_on(now, id, out);
            } else if let Some(id) = self.next_to_serve(now) {
                self.put_before(now, id, out);
            } else if !self.review_floors(now, out) {
                return;
            }
        }
    }

    fn next_to_move(&self, now: Timestamp) -> Option<ContactId> {
        let due = self.cases.values().filter(|case| self.moves_at(case).is_some_and(|(at, _)| at <= now));
        let stuck = due.filter(|case| self.choose(case).is_empty());
        stuck.min_by_key(|case| (case.plan.urgency, !case.ahead, case.arrival.since, case.id)).map(|case| case.id)
    }

    /// One pass over everybody: whom nobody can take moves on first, then each agent is looked at, by number.
    pub(super) fn end_catch_up(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.emit(now, Event::World(WorldFact::CatchUpEnded), out);
        while let Some(id) = self.next_to_move(now) {
            self.move_on(now, id, out);
        }
        let agents: Vec<AgentId> = self.people.keys().copied().collect();
        for agent in agents {
            while let Some(id) = self.best_from(agent, now) {
                self.put_before(now, id, out);
            }
        }
    }

    /// The best contact that an agent could have, or of whoever has that one instead, and so on.
    fn best_from(&self, agent: AgentId, now: Timestamp) -> Option<ContactId> {
        let mut looked_at = vec![agent];
        loop {
            let agent = *looked_at.last().expect("there is one");
            let mut claims = Vec::new();
            for case in self.cases.values().filter(|case| self.is_open(case)) {
                let asks = self.asks(case);
                let hers =
                    asks.iter().filter(|ask| self.meant(ask.whom).contains(&agent) && self.may_have(agent, case, ask));
                claims.extend(hers.map(|ask| self.claim(agent, case, ask)));
            }
            let id = self.best_claim(claims, now)?.contact;
            let first = self.choose(&self.cases[&id]).first().expect("somebody can take it").agent;
            if looked_at.contains(&first) {
                return Some(id);
            }
            looked_at.push(first);
        }
    }

    /// Waits, and may be put before somebody (or somebody more).
    fn is_open(&self, case: &Case) -> bool {
        self.catching_up.is_none()
            && case.waits()
            && (self.offers_of(case.id).is_empty() || case.plan.offer.mode == OfferMode::All)
    }

    /// The best contact that anybody can take now: the best for each agent who would get one, then the best of those.
    fn next_to_serve(&self, now: Timestamp) -> Option<ContactId> {
        let mut claims: BTreeMap<AgentId, Vec<Claim>> = BTreeMap::new();
        for case in self.cases.values().filter(|case| self.is_open(case)) {
            let Some(agent) = self.choose(case).first().map(|choice| choice.agent) else { continue };
            for ask in self.asks(case) {
                if self.meant(ask.whom).contains(&agent) && self.may_have(agent, case, &ask) {
                    claims.entry(agent).or_default().push(self.claim(agent, case, &ask));
                }
            }
        }
        let best: Vec<Claim> = claims.into_values().filter_map(|claims| self.best_claim(claims, now)).collect();
        self.best_claim(best, now).map(|claim| claim.contact)
    }

    /// Among those of the best rank, the best of each queue by its own order, then the best of those.
    fn best_claim(&self, mut claims: Vec<Claim>, now: Timestamp) -> Option<Claim> {
        let best_rank = claims.iter().map(|claim| claim.rank).min()?;
        claims.retain(|claim| claim.rank == best_rank);
        let queues: BTreeSet<Option<QueueId>> = claims.iter().map(|claim| claim.queue).collect();
        let heads = queues.into_iter().filter_map(|queue| {
            let of_queue = claims.iter().filter(|claim| claim.queue == queue);
            of_queue.min_by(|one, other| self.compare(queue, one, other, now))
        });
        heads.min_by(|one, other| by_promise(one, other, now)).copied()
    }

    fn may_have(&self, agent: AgentId, case: &Case, ask: &Ask) -> bool {
        let offers = self.offers_of(case.id);
        !case.avoids(agent)
            && offers.len() < ASKED_LIMIT
            && !offers.iter().any(|offer| self.asked[offer].agent == agent)
            && self.obstacle(agent, ask) == Obstacle::None
            && (!case.excludes(agent) || self.is_nobody_else(case))
    }

    fn claim(&self, agent: AgentId, case: &Case, ask: &Ask) -> Claim {
        let own = ask.fence.is_some_and(|gate| self.is_member(agent, gate.team));
        let urgency = case.plan.urgency;
        Claim {
            contact: case.id,
            rank: (urgency != Urgency::Urgent, !own, urgency, !case.ahead),
            queue: matches!(ask.whom, Whom::Queue(_)).then_some(case.plan.queue),
            since: case.arrival.since,
            within: case.plan.promise.within,
        }
    }

    fn compare(&self, queue: Option<QueueId>, one: &Claim, other: &Claim, now: Timestamp) -> Ordering {
        match queue.map(|queue| &self.queues[&queue].spec.order) {
            Some(QueueOrder::Fifo) => (one.since, one.contact).cmp(&(other.since, other.contact)),
            Some(QueueOrder::Due(curve)) => {
                let cost = |claim: &Claim| cost_of(now.since(claim.since), curve);
                cost(other).cmp(&cost(one)).then_with(|| by_promise(one, other, now))
            }
            Some(QueueOrder::Promise) | None => by_promise(one, other, now),
        }
    }

    /// Whether nobody of the last step is there but those who were tried: then they may be asked again.
    fn is_nobody_else(&self, case: &Case) -> bool {
        let is_last = case.redirect.is_none() && case.step + 1 >= case.plan.steps.len();
        is_last
            && !case.excluded.is_empty()
            && !self.asks(case).iter().any(|ask| {
                self.meant(ask.whom).into_iter().any(|agent| {
                    !case.excludes(agent)
                        && !case.avoids(agent)
                        && self.is_able(agent, ask)
                        && self.kept(agent, case.channel(), ask.bypass.hours).is_none()
                })
            })
    }

    /// Before whom a contact is put now: one, or everybody who can; nobody if nobody can.
    fn choose(&self, case: &Case) -> Vec<Choice> {
        if !self.is_open(case) {
            return Vec::new();
        }
        let offers = self.offers_of(case.id);
        let suits = |agent: AgentId, ask: &Ask| {
            !offers.iter().any(|offer| self.asked[offer].agent == agent) && self.may_have(agent, case, ask)
        };
        let asks = self.asks(case);
        if case.plan.offer.mode == OfferMode::All {
            let mut all: Vec<Choice> = Vec::new();
            for ask in &asks {
                for agent in self.in_turn(ask) {
                    if suits(agent, ask) && !all.iter().any(|choice| choice.agent == agent) {
                        all.push(Choice { agent, ask: ask.clone() });
                    }
                }
            }
            all.truncate(ASKED_LIMIT - offers.len());
            return all;
        }
        let thread = case.arrival.thread.and_then(|thread| self.threads.get(&thread));
        let matter = case.arrival.matter.and_then(|matter| self.matters.get(&matter));
        let known = thread.into_iter().chain(matter).flat_map(|agent| [Some(*agent), self.deputy(*agent)]);
        for known in known.flatten() {
            for ask in &asks {
                if self.meant(ask.whom).contains(&known) && suits(known, ask) {
                    return vec![Choice { agent: known, ask: ask.clone() }];
                }
            }
        }
        for ask in &asks {
            let fit: Vec<AgentId> = self.meant(ask.whom).into_iter().filter(|agent| suits(*agent, ask)).collect();
            if let Some(agent) = self.best_of(case, ask, &fit) {
                return vec![Choice { agent, ask: ask.clone() }];
            }
        }
        Vec::new()
    }

    /// The order in which people are asked all at once: by rank; in a queue its own people first, in its order.
    fn in_turn(&self, ask: &Ask) -> Vec<AgentId> {
        let mut people = self.meant(ask.whom);
        if let Whom::Queue(queue) = ask.whom {
            let spec = self.queues.get(&queue).map(|line| &line.spec);
            let (pick, needs) = spec.map_or((Pick::LongestIdle, &[][..]), |spec| (spec.pick, &spec.needs[..]));
            people.sort_by_key(|agent| {
                let own = self.people[agent].spec.queues.contains(&queue);
                (!own, self.rank(*agent, pick, needs), self.people[agent].idle_since(ask.channel), *agent)
            });
        }
        people
    }

    /// The best of those who can take it: in a queue its own people before those lent; then whom the customer prefers, who
    /// is more familiar, who fits better; then by the step's way of choosing.
    fn best_of(&self, case: &Case, ask: &Ask, fit: &[AgentId]) -> Option<AgentId> {
        let is_lent = |agent: &AgentId| match ask.whom {
            Whom::Queue(queue) => !self.people[agent].spec.queues.contains(&queue),
            _ => false,
        };
        let first = fit.iter().map(is_lent).min()?;
        let group: Vec<AgentId> = fit.iter().copied().filter(|agent| is_lent(agent) == first).collect();
        let step = &case.plan.steps[ask.step.min(case.plan.steps.len() - 1)];
        let is_of_step = super::plans::whom_of_step(step.who, case) == Some(ask.whom);
        let pick = match ask.whom {
            _ if is_of_step => step.pick,
            Whom::Queue(queue) => self.queues.get(&queue).map_or(Pick::LongestIdle, |line| line.spec.pick),
            _ => Pick::LongestIdle,
        };
        let order =
            |agent: &AgentId| (self.rank(*agent, pick, &ask.needs), self.people[agent].idle_since(ask.channel), *agent);
        let known = group.iter().copied().filter(|agent| is_known(&case.arrival, *agent));
        let closest = known
            .min_by(|one, other| compare_ties(&case.arrival, *one, *other).then_with(|| order(one).cmp(&order(other))));
        closest.or_else(|| match ask.whom {
            Whom::Agent(_) | Whom::Lead(_) | Whom::Backups(..) => group.first().copied(),
            Whom::Team(..) | Whom::Covers(_) | Whom::Queue(_) => group.iter().copied().min_by_key(order),
        })
    }

    /// The lowest is chosen.
    fn rank(&self, agent: AgentId, pick: Pick, needs: &[Need]) -> u64 {
        let person = &self.people[&agent];
        let proficiency: u64 = needs
            .iter()
            .filter_map(|need| person.spec.skills.iter().find(|(skill, _)| *skill == need.skill))
            .map(|(_, level)| u64::from(level.0))
            .sum();
        match pick {
            Pick::LongestIdle => 0,
            Pick::LeastOccupied => self.points(agent, None) * 1000 / u64::from(person.spec.points.max(1)),
            Pick::MostProficient => u64::MAX - proficiency,
            Pick::LeastProficient => proficiency,
            Pick::FewestToday => (u64::try_from(person.today.0).unwrap_or(0) << 32) | u64::from(person.today.1),
            Pick::RoundRobin => person.turn,
        }
    }

    fn put_before(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) {
        let choices = self.choose(&self.cases[&id]);
        assert!(!choices.is_empty(), "somebody can take {id:?}");
        for (number, Choice { agent, ask }) in choices.into_iter().enumerate() {
            // Those asked before may have brought her team down to its reserve.
            if number > 0 && self.obstacle(agent, &ask) != Obstacle::None {
                continue;
            }
            let case = &self.cases[&id];
            let (standing, bypassed) = (self.standing(case, agent), self.bypassed(agent, &ask));
            let policy = case.plan.offer;
            if policy.mode == OfferMode::Auto {
                let how = Assignment::Auto;
                let fact = ContactFact::Assigned { agent, how, standing, over_capacity: false, bypassed };
                self.say(now, id, fact, out);
            } else {
                let fact = OfferFact::Made {
                    contact: id,
                    agent,
                    standing,
                    step: u8::try_from(ask.step).expect("few"),
                    mode: policy.mode,
                    expires_at: now + policy.expires,
                    bypassed,
                };
                self.emit(now, Event::Offer(OfferId(self.last_offer + 1), fact), out);
            }
        }
    }
}

fn familiarity(arrival: &Arrival, agent: AgentId) -> Option<(u32, Timestamp)> {
    arrival.familiar.iter().find(|known| known.agent == agent).map(|known| (known.contacts, known.last))
}

fn fit_of(arrival: &Arrival, agent: AgentId) -> (u64, u64) {
    let fit = arrival.fit.iter().find(|fit| fit.agent == agent && fit.stated > 0);
    fit.map_or((0, 1), |fit| (u64::from(fit.matched), u64::from(fit.stated)))
}

/// Whether anything ties the customer to an agent.
fn is_known(arrival: &Arrival, agent: AgentId) -> bool {
    arrival.prefers.contains(&agent)
        || arrival.familiar.iter().any(|known| known.agent == agent && known.contacts > 0)
        || arrival.fit.iter().any(|fit| fit.agent == agent && fit.stated > 0 && fit.matched > 0)
}

/// Preferred first, in the customer's order; then who handled more, then later; then the larger share of preferences.
fn compare_ties(arrival: &Arrival, one: AgentId, other: AgentId) -> Ordering {
    let place = |agent| arrival.prefers.iter().position(|known| *known == agent).unwrap_or(usize::MAX);
    let ((matched, stated), (others, of)) = (fit_of(arrival, one), fit_of(arrival, other));
    place(one)
        .cmp(&place(other))
        .then_with(|| familiarity(arrival, other).cmp(&familiarity(arrival, one)))
        .then_with(|| (others * stated).cmp(&(matched * of)))
}

/// The larger `waited ÷ promised` first, then the older, then the lower number.
fn by_promise(one: &Claim, other: &Claim, now: Timestamp) -> Ordering {
    let waited = |claim: &Claim| u64::from(now.since(claim.since).0);
    let own = waited(one) * u64::from(other.within.0.max(1));
    let others = waited(other) * u64::from(one.within.0.max(1));
    others.cmp(&own).then_with(|| (one.since, one.contact).cmp(&(other.since, other.contact)))
}

/// The cost of a wait on a piecewise linear curve through zero, level after its last point.
fn cost_of(waited: Millis, curve: &[(Millis, u32)]) -> u64 {
    let mut from = (0, 0);
    for (at, cost) in curve.iter().map(|(at, cost)| (u64::from(at.0), u64::from(*cost))) {
        if u64::from(waited.0) < at {
            return from.1 + (cost - from.1) * (u64::from(waited.0) - from.0) / (at - from.0);
        }
        from = (at, cost);
    }
    from.1
}
