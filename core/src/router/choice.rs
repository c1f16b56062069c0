//! Decides which of several available agents gets a contact: thread, matter, step, familiarity, then the step's way of
//! choosing.

use alloc::vec::Vec;
use core::cmp::Reverse;
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
        let known = self.thread_agent(contact).into_iter().chain(self.matter_agent(contact));
        for agent in known {
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

    /// The best agent of one audience.
    fn choose_in(&self, contact: &Contact, demand: &Demand<'_>, step: u8, tried: Tried) -> Option<AgentId> {
        if let Some(agent) = self.most_familiar(contact, demand, tried) {
            return Some(agent);
        }
        let pick = self.pick_of(contact, demand.audience, step);
        let Audience::Queue(queue) = demand.audience else {
            return self.best_person(contact, demand, pick, tried);
        };
        let lent_first = self.has(Bug::LentBeforeOwn);
        for tie in if lent_first { [Tie::Lent, Tie::Own] } else { [Tie::Own, Tie::Lent] } {
            let free = self.pools.agents(Pool::Free(queue, demand.channel, tie));
            let mut fit = free
                .filter_map(|id| self.agents.get(id.index()))
                .filter(|agent| self.suits(contact, agent, demand, tried));
            let found = if self.is_pool_order(queue, pick) {
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

    /// Whether the queue's pools are already in the order of this way of choosing.
    fn is_pool_order(&self, queue: crate::QueueId, pick: Pick) -> bool {
        !matches!(pick, Pick::MostProficient | Pick::LeastProficient)
            && self.queues.get(queue.index()).is_some_and(|queue| queue.spec.pick == pick)
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

    pub(crate) fn pick_of(&self, contact: &Contact, audience: Audience, step: u8) -> Pick {
        let step = contact.plan.steps.get(usize::from(step));
        match (audience, step) {
            (_, Some(step)) if Audience::of_step(step.who, contact) == Some(audience) => step.pick,
            (Audience::Queue(queue), _) => {
                self.queues.get(queue.index()).map_or(Pick::LongestIdle, |queue| queue.spec.pick)
            }
            _ => Pick::LongestIdle,
        }
    }

    /// The rank of an agent by a way of choosing; the lowest is chosen, idle time and number break ties.
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

    /// Whom the customer prefers, then who handled them most often and most recently, among the available of an audience.
    fn most_familiar(&self, contact: &Contact, demand: &Demand<'_>, tried: Tried) -> Option<AgentId> {
        let available = |id: &AgentId| {
            self.agents
                .get(id.index())
                .is_some_and(|agent| self.is_among(agent, demand.audience) && self.suits(contact, agent, demand, tried))
        };
        contact.prefers.iter().copied().find(available).or_else(|| {
            let known = contact.familiar.iter().filter(|known| available(&known.agent));
            known.max_by_key(|known| (known.contacts, known.last, Reverse(known.agent))).map(|known| known.agent)
        })
    }

    pub(crate) fn thread_agent(&self, contact: &Contact) -> Option<AgentId> {
        self.threads.get(&contact.thread?).map(|(_, agent)| *agent)
    }

    pub(crate) fn matter_agent(&self, contact: &Contact) -> Option<AgentId> {
        self.matters.get(&contact.matter?).map(|(_, agent)| *agent)
    }
}
