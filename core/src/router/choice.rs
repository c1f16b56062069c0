//! Decides which of several available agents gets a contact, in this order:
//!
//! 1. the agent of the same conversation, then of the same matter, if she is among the people of any step reached (or
//!    who stands in for her during an absence);
//! 2. an earlier step before a later one; while the fence is open, then the whole team, its covers and the queue;
//! 3. in a queue, its own agents before those lent to it;
//! 4. whom the customer prefers, in the customer's order; more contacts handled before fewer, then the later last one;
//!    better fit before worse;
//! 5. backups by rank; everybody else by the step's way of choosing; then idle longest on the channel, then by number.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::ControlFlow;

use super::Router;
use super::audience::Audience;
use super::capacity::{Condition, Shift};
use super::check::Demand;
use super::lanes::{Lane, LaneId};
use super::pool::{Pool, Tie};
use super::state::{Agent, Contact, Place};
use crate::bugs::Bug;
use crate::{AgentId, Bypass, ChannelId, ContactId, Need, Obstacle, OfferMode, Pick, Timestamp};

/// Agents asked at once by one `all` offer, at most.
pub const ASKED_LIMIT: usize = 16;

/// An agent for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) agent: AgentId,
    pub(crate) step: u8,
    /// The lane through which she was found.
    pub(crate) lane: LaneId,
    pub(crate) bypassed: Bypass,
}

/// Whether agents who missed or declined the contact count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    Skip,
    Allow,
}

/// How close an agent is to a contact's customer: preferred before familiar, familiar before fitting; the lesser is
/// closer. Whom the customer prefers counts as most familiar, in the customer's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Closeness {
    /// Her place among those preferred.
    preferred: usize,
    /// Contacts handled for this customer, and when the last one ended.
    familiar: (u32, Timestamp),
    fit: (u64, u64),
}

impl Closeness {
    fn of(contact: &Contact, agent: AgentId) -> Self {
        let known = contact.familiar.iter().find(|known| known.agent == agent);
        let fit = contact.fit.iter().find(|fit| fit.agent == agent && fit.stated > 0);
        Self {
            preferred: contact.prefers.iter().position(|known| *known == agent).unwrap_or(usize::MAX),
            familiar: known.map_or((0, Timestamp(i64::MIN)), |known| (known.contacts, known.last)),
            fit: fit.map_or((0, 1), |fit| (u64::from(fit.matched), u64::from(fit.stated))),
        }
    }
}

impl Ord for Closeness {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_preference = self.preferred.cmp(&other.preferred);
        let by_familiarity = by_preference.then_with(|| other.familiar.cmp(&self.familiar));
        by_familiarity.then_with(|| (other.fit.0 * self.fit.1).cmp(&(self.fit.0 * other.fit.1)))
    }
}

impl PartialOrd for Closeness {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Router {
    /// The agents to put a contact before now: one, or all at once; none if nobody can serve.
    pub(crate) fn choose(&self, contact: &Contact) -> Vec<Choice> {
        let found = self.choose_among(contact, Tried::Skip);
        if found.is_empty() && self.is_alone_possible(contact) {
            return self.choose_among(contact, Tried::Allow);
        }
        found
    }

    /// Whether agents who missed or declined a contact may be asked again: nobody else of its last step is there.
    pub(crate) fn is_alone_possible(&self, contact: &Contact) -> bool {
        if contact.excluded.is_empty() || !contact.is_at_last_step() {
            return false;
        }
        let other = |id: AgentId, demand: &Demand<'_>| {
            if contact.excludes(id) || contact.avoids(id) {
                return false;
            }
            let shift = if demand.bypass.hours { Shift::Skip } else { Shift::Matters };
            self.agents.get(id.index()).is_some_and(|agent| {
                self.condition(agent, demand.channel, shift) == Condition::Here && self.is_able(agent, demand)
            })
        };
        !self.lanes_of(contact).any(|(lane, _)| {
            let demand = lane.key.demand();
            let visit = |id| if other(id, &demand) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            self.each_person(demand.audience, visit).is_break()
        })
    }

    fn lanes_of(&self, contact: &Contact) -> impl Iterator<Item = (&Lane, Place)> {
        contact.places.iter().filter_map(|place| self.lanes.get(place.lane).map(|lane| (lane, *place)))
    }

    /// Whether a choice still stands after another of the same contact was asked: her team may be at its reserve now.
    pub(crate) fn still_stands(&self, choice: Choice) -> bool {
        match (self.agents.get(choice.agent.index()), self.lanes.get(choice.lane)) {
            (Some(agent), Some(lane)) => self.obstacle(agent, &lane.key.demand()) == Obstacle::None,
            _ => false,
        }
    }

    /// Whether an agent may have a contact that stands in this lane.
    fn suits(&self, contact: &Contact, agent: &Agent, demand: &Demand<'_>, tried: Tried) -> bool {
        (!contact.avoids(agent.id) || self.has(Bug::AvoidedAsked))
            && (tried == Tried::Allow || !contact.excludes(agent.id))
            && self.obstacle(agent, demand) == Obstacle::None
            && !self.is_asked(contact.id, agent)
    }

    /// Whether an offer of this contact lies before this agent.
    pub(crate) fn is_asked(&self, contact: ContactId, agent: &Agent) -> bool {
        agent.offers.iter().any(|(offer, _)| self.offers.get(offer).is_some_and(|offer| offer.contact == contact))
    }

    fn choose_among(&self, contact: &Contact, tried: Tried) -> Vec<Choice> {
        if contact.plan.offer.mode == OfferMode::All {
            return self.choose_all(contact, tried);
        }
        for agent in self.known_agents(contact) {
            for (lane, place) in self.lanes_of(contact) {
                if let Some(choice) = self.person(contact, agent, &lane.key.demand(), place, tried) {
                    return [choice].into();
                }
            }
        }
        let mut lanes: smallvec::SmallVec<[_; 4]> = self.lanes_of(contact).collect();
        if self.has(Bug::LaterStepFirst) {
            lanes.reverse();
        }
        if self.has(Bug::CoverBeforeTeam) {
            lanes.sort_by_key(|(lane, _)| !matches!(lane.key.audience, Audience::Covers(_)));
        }
        for (lane, place) in lanes {
            let demand = lane.key.demand();
            if let Some(agent) = self.choose_in(contact, &demand, place.step, tried) {
                return self.person(contact, agent, &demand, place, tried).into_iter().collect();
            }
        }
        Vec::new()
    }

    /// An agent as a choice, if she is of the audience and may have the contact.
    fn person(
        &self,
        contact: &Contact,
        id: AgentId,
        demand: &Demand<'_>,
        place: Place,
        tried: Tried,
    ) -> Option<Choice> {
        let agent = self.agents.get(id.index())?;
        let fits = self.is_among(agent, demand.audience) && self.suits(contact, agent, demand, tried);
        fits.then(|| Choice { agent: id, step: place.step, lane: place.lane, bypassed: self.bypassed(agent, demand) })
    }

    fn choose_all(&self, contact: &Contact, tried: Tried) -> Vec<Choice> {
        let mut found: Vec<Choice> = Vec::new();
        let room = ASKED_LIMIT.saturating_sub(contact.offers.len());
        for (lane, place) in self.lanes_of(contact) {
            let demand = lane.key.demand();
            let mut ask = |id: AgentId| {
                if found.len() >= room {
                    return ControlFlow::Break(());
                }
                if !found.iter().any(|choice| choice.agent == id) {
                    found.extend(self.person(contact, id, &demand, place, tried));
                }
                ControlFlow::Continue(())
            };
            let _ = if let Audience::Queue(queue) = demand.audience {
                self.each_free(queue, demand.channel, &mut ask)
            } else {
                self.each_person(demand.audience, &mut ask)
            };
        }
        found
    }

    /// The available agents of a queue in its order: its own, then those lent.
    fn each_free(
        &self,
        queue: crate::QueueId,
        channel: ChannelId,
        visit: &mut impl FnMut(AgentId) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for tie in [Tie::Own, Tie::Lent] {
            for agent in self.pools.agents(Pool::Free(queue, channel, tie)) {
                visit(agent)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The best agent of one audience: a queue's own agents before those lent to it, then who is tied to the customer,
    /// then by the step's way of choosing.
    fn choose_in(&self, contact: &Contact, demand: &Demand<'_>, step: u8, tried: Tried) -> Option<AgentId> {
        let pick = self.pick_of(contact, demand.audience, step);
        let Audience::Queue(queue) = demand.audience else {
            return self
                .best_known(contact, demand, pick, tried, |_| true)
                .or_else(|| self.best_person(contact, demand, pick, tried));
        };
        let lent_first = self.has(Bug::LentBeforeOwn);
        for tie in if lent_first { [Tie::Lent, Tie::Own] } else { [Tie::Own, Tie::Lent] } {
            let is_tied = |agent: &Agent| agent.spec.queues.contains(&queue) == (tie == Tie::Own);
            if let Some(agent) = self.best_known(contact, demand, pick, tried, is_tied) {
                return Some(agent);
            }
            let free = self.pools.agents(Pool::Free(queue, demand.channel, tie));
            let mut fit = free
                .filter_map(|id| self.agents.get(id.index()))
                .filter(|agent| self.suits(contact, agent, demand, tried));
            let found = if self.is_pool_order(queue, pick, demand) {
                fit.next()
            } else {
                fit.min_by_key(|agent| self.order_of(agent, pick, demand))
            };
            if let Some(agent) = found {
                return Some(agent.id);
            }
        }
        None
    }

    /// Whether the queue's pools are already in the order of this way of choosing. Proficiency is kept there for what the
    /// queue itself needs; a contact that needs something else is compared agent by agent.
    fn is_pool_order(&self, queue: crate::QueueId, pick: Pick, demand: &Demand<'_>) -> bool {
        let Some(queue) = self.queues.get(queue.index()).filter(|queue| queue.spec.pick == pick) else { return false };
        let own = &queue.spec.needs;
        !matches!(pick, Pick::MostProficient | Pick::LeastProficient)
            || (own.len() == demand.needs.len() && own.iter().all(|need| demand.needs.contains(need)))
    }

    /// The best of an audience whose people are few.
    fn best_person(&self, contact: &Contact, demand: &Demand<'_>, pick: Pick, tried: Tried) -> Option<AgentId> {
        let ranked = matches!(demand.audience, Audience::Agent(_) | Audience::Lead(_) | Audience::Backups(..));
        let mut best: Option<((u64, Timestamp, AgentId), AgentId)> = None;
        let _ = self.each_person(demand.audience, |id| {
            let Some(agent) = self.agents.get(id.index()) else { return ControlFlow::Continue(()) };
            if !self.suits(contact, agent, demand, tried) {
                return ControlFlow::Continue(());
            }
            let order = self.order_of(agent, pick, demand);
            if best.is_none_or(|(least, _)| order < least) {
                best = Some((order, id));
            }
            if ranked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        best.map(|(_, agent)| agent)
    }

    fn order_of(&self, agent: &Agent, pick: Pick, demand: &Demand<'_>) -> (u64, Timestamp, AgentId) {
        (self.pick_rank(agent, pick, demand.needs), agent.idle_since(demand.channel), agent.id)
    }

    fn pick_of(&self, contact: &Contact, audience: Audience, step: u8) -> Pick {
        let step = contact.plan.steps.get(usize::from(step));
        match (audience, step) {
            (_, Some(step)) if Audience::of_step(step.who, contact) == Some(audience) => step.pick,
            (Audience::Queue(queue), _) => {
                self.queues.get(queue.index()).map_or(Pick::LongestIdle, |queue| queue.spec.pick)
            }
            _ => Pick::LongestIdle,
        }
    }

    /// The rank of an agent by a way of choosing; the lowest is chosen, idle time and number break ties. `least_occupied`
    /// counts points in use, offers included, in thousandths of her points. `fewest_today` counts assignments since
    /// midnight UTC; who has had none today comes first, and among those whose last one is the most days ago.
    /// `round_robin` takes who was offered or assigned anything the longest ago.
    pub(crate) fn pick_rank(&self, agent: &Agent, pick: Pick, needs: &[Need]) -> u64 {
        let proficiency = || {
            let levels = needs.iter().filter_map(|need| {
                agent.spec.skills.iter().find(|(skill, _)| *skill == need.skill).map(|(_, level)| u64::from(level.0))
            });
            levels.sum::<u64>()
        };
        match pick {
            Pick::LongestIdle => 0,
            Pick::LeastOccupied => self.points_in_use(agent).saturating_mul(1000) / u64::from(agent.spec.points.max(1)),
            Pick::MostProficient => u64::MAX - proficiency(),
            Pick::LeastProficient => proficiency(),
            Pick::FewestToday => {
                let (day, count) = agent.today;
                (u64::try_from(day).unwrap_or(0) << 32) | u64::from(count)
            }
            Pick::RoundRobin => agent.turn,
        }
    }

    /// The closest of those whom the customer prefers, who handled them before, or who fit them, among the available of
    /// an audience. These are named by the arrival, so nobody is searched for.
    fn best_known(
        &self,
        contact: &Contact,
        demand: &Demand<'_>,
        pick: Pick,
        tried: Tried,
        is_meant: impl Fn(&Agent) -> bool,
    ) -> Option<AgentId> {
        let familiar = contact.familiar.iter().filter(|known| known.contacts > 0).map(|known| known.agent);
        let fitting = contact.fit.iter().filter(|fit| fit.matched > 0 && fit.stated > 0).map(|fit| fit.agent);
        let named = contact.prefers.iter().copied().chain(familiar).chain(fitting);
        let available = named.filter_map(|id| self.agents.get(id.index())).filter(|agent| {
            self.is_among(agent, demand.audience) && is_meant(agent) && self.suits(contact, agent, demand, tried)
        });
        let best = available.map(|agent| (Closeness::of(contact, agent.id), agent)).min_by(|(one, a), (other, b)| {
            one.cmp(other).then_with(|| self.order_of(a, pick, demand).cmp(&self.order_of(b, pick, demand)))
        });
        best.map(|(_, agent)| agent.id)
    }

    /// The agents of the same conversation, then of the same matter; each with who stands in for her now.
    fn known_agents(&self, contact: &Contact) -> impl Iterator<Item = AgentId> {
        let thread = contact.thread.and_then(|thread| self.threads.get(&thread));
        let matter = contact.matter.and_then(|matter| self.matters.get(&matter));
        let own = thread.into_iter().chain(matter).map(|(_, agent)| *agent);
        own.flat_map(move |agent| [Some(agent), self.deputy(agent)].into_iter().flatten())
    }
}
