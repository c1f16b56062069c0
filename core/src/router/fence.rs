//! Decides who is inside a fence, what an agent is to a contact, and who was tried when a fence opens.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Router;
use super::audience::Audience;
use super::check::Demand;
use super::lanes::Gate;
use super::on_agent::OVERRIDE_SPAN;
use super::state::{Agent, Contact};
use crate::bugs::Bug;
use crate::{AgentId, Bypass, ContactId, Event, FenceFact, FenceReason, Obstacle, Standing, TeamId, Timestamp, Tried};

/// People named when a fence opens, at most.
pub const TRIED_LIMIT: usize = 16;

impl Contact {
    /// The fence as lanes are keyed by it.
    pub(crate) fn gate(&self) -> Option<(TeamId, Gate)> {
        self.fence.map(|fence| (fence.team, if fence.open.is_some() { Gate::Open } else { Gate::Closed }))
    }
}

impl Router {
    /// Whether an agent is a member of a team or of a cover it declares, now.
    pub(crate) fn is_inside(&self, agent: &Agent, team: TeamId) -> bool {
        agent.teams.contains(&team)
            || (!self.has(Bug::CoversForgotten) && self.covers(team).any(|cover| agent.teams.contains(&cover.id)))
    }

    /// Whether a contact's fence lets an agent in.
    pub(crate) fn is_admitted(&self, contact: &Contact, agent: &Agent) -> bool {
        self.passes_gate(agent, contact.gate())
    }

    /// What an agent is to a contact at this moment.
    pub(crate) fn standing(&self, contact: &Contact, agent: &Agent) -> Standing {
        let Some(fence) = contact.fence else {
            return if agent.spec.queues.contains(&contact.plan.queue) || agent.teams.is_empty() {
                Standing::Queue
            } else {
                Standing::Lent
            };
        };
        let lead = contact.plan.lead.or_else(|| self.teams.get(fence.team.index()).and_then(super::state::Team::lead));
        let leads = lead.is_some_and(|lead| lead == agent.id || agent.deputises.contains(&lead));
        if leads && self.is_inside(agent, fence.team) {
            Standing::Lead
        } else if agent.teams.contains(&fence.team) {
            Standing::Team
        } else if self.is_inside(agent, fence.team) {
            Standing::Cover
        } else {
            Standing::Outside
        }
    }

    /// Opens a contact's fence; what a supervisor opens closes again by itself.
    pub(crate) fn open_fence(&mut self, now: Timestamp, id: ContactId, reason: FenceReason, out: &mut Vec<Event>) {
        let until = (reason == FenceReason::Supervisor).then(|| now + OVERRIDE_SPAN);
        self.open_fence_until(now, id, (reason, until), out);
    }

    /// Opens a contact's fence, with who was tried and what kept each of them.
    pub(crate) fn open_fence_until(
        &mut self,
        now: Timestamp,
        id: ContactId,
        (reason, until): (FenceReason, Option<Timestamp>),
        out: &mut Vec<Event>,
    ) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let Some(fence) = contact.fence.filter(|fence| fence.open.is_none()) else { return };
        let (held, tried) = (now.since(fence.set_at), self.tried(contact, fence.team));
        let fact = FenceFact::Opened { reason, held, tried, until };
        self.emit(now, Event::Fence(id, fact), out);
    }

    /// Whether a team is gone, or has nobody left: then no plan opens its fences.
    pub(crate) fn is_missing(&self, team: TeamId) -> bool {
        let team = self.teams.get(team.index()).filter(|team| !team.removed);
        team.is_none_or(|team| !team.people().any(|agent| self.live_agent(agent).is_some()))
    }

    fn tried(&self, contact: &Contact, team: TeamId) -> Vec<Tried> {
        let mut tried: Vec<Tried> = Vec::new();
        let mut note = |agent: AgentId| {
            if !tried.iter().any(|known| known.agent == agent) {
                tried.push(Tried { agent, obstacle: self.insider_obstacle(contact, agent, team) });
            }
            if tried.len() < TRIED_LIMIT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let named = contact.plan.lead.map_or(ControlFlow::Continue(()), &mut note);
        if named.is_continue() && self.each_person(Audience::Team(team, None), &mut note).is_continue() {
            let _ = self.each_person(Audience::Covers(team), &mut note);
        }
        tried
    }

    /// What keeps a member of team or covers from a contact.
    fn insider_obstacle(&self, contact: &Contact, agent: AgentId, team: TeamId) -> Obstacle {
        let Some(agent) = self.agents.get(agent.index()) else { return Obstacle::Left };
        let demand = Demand {
            audience: Audience::Team(team, None),
            channel: contact.channel,
            fence: Some((team, Gate::Closed)),
            bypass: Bypass::default(),
            needs: &contact.plan.needs,
        };
        let found = self.obstacle(agent, &demand);
        if found == Obstacle::None && contact.avoids(agent.id) {
            return Obstacle::Avoided;
        }
        if found == Obstacle::None && contact.excludes(agent.id) {
            return Obstacle::Excluded;
        }
        found
    }
}
