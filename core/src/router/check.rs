//! Decides whether one agent may serve the contacts of one lane, and names the first check that fails.

use super::Router;
use super::audience::Audience;
use super::capacity::{Condition, Shift, Slots};
use super::lanes::{Gate, LaneKey};
use super::pool::Pool;
use super::state::{Agent, Contact};
use crate::bugs::Bug;
use crate::{AgentId, Bypass, ChannelId, Need, Obstacle, QueueId, TeamId};

/// What a lane asks of an agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand<'a> {
    pub(crate) audience: Audience,
    pub(crate) channel: ChannelId,
    pub(crate) fence: Option<(TeamId, Gate)>,
    pub(crate) bypass: Bypass,
    pub(crate) needs: &'a [Need],
}

impl LaneKey {
    pub(crate) fn demand(&self) -> Demand<'_> {
        Demand {
            audience: self.audience,
            channel: self.channel,
            fence: self.fence,
            bypass: self.bypass,
            needs: &self.needs,
        }
    }
}

impl Agent {
    /// Whether she has every skill at its level.
    pub(crate) fn meets(&self, needs: &[Need]) -> bool {
        needs
            .iter()
            .all(|need| self.spec.skills.iter().any(|(skill, level)| *skill == need.skill && *level >= need.level))
    }
}

impl Router {
    /// Whether an agent of the audience could ever serve: inside a closed fence, with the skills.
    pub(crate) fn is_able(&self, agent: &Agent, demand: &Demand<'_>) -> bool {
        !agent.removed && self.passes_gate(agent, demand.fence) && (demand.bypass.skill || agent.meets(demand.needs))
    }

    /// Whether a fence lets an agent in.
    pub(crate) fn passes_gate(&self, agent: &Agent, fence: Option<(TeamId, Gate)>) -> bool {
        match fence {
            Some((team, Gate::Closed)) => self.is_inside(agent, team),
            Some((_, Gate::Open)) | None => true,
        }
    }

    /// The first check that an agent of the audience fails now; `Obstacle::None` if she could serve.
    pub(crate) fn obstacle(&self, agent: &Agent, demand: &Demand<'_>) -> Obstacle {
        if !self.passes_gate(agent, demand.fence) {
            return Obstacle::Left;
        }
        let shift = if demand.bypass.hours { Shift::Skip } else { Shift::Matters };
        match self.condition(agent, demand.channel, shift) {
            Condition::Left => return Obstacle::Left,
            Condition::Absent => return Obstacle::Absent,
            Condition::OffShift => return Obstacle::OffShift,
            Condition::Away => return Obstacle::Away,
            Condition::Here => {}
        }
        let slots = if demand.bypass.slots { Slots::Skip } else { Slots::Count };
        if !self.has_room(agent, demand.channel, slots) {
            return Obstacle::Busy;
        }
        if !demand.bypass.skill && !agent.meets(demand.needs) {
            return Obstacle::Skill;
        }
        if let Audience::Queue(queue) = demand.audience
            && !self.may_lend(agent, queue, demand)
        {
            return Obstacle::Reserved;
        }
        Obstacle::None
    }

    /// The inward gate: work that is not behind her own teams' fence goes to a member only while more than the reserve
    /// of each of her teams are idle.
    fn may_lend(&self, agent: &Agent, queue: QueueId, demand: &Demand<'_>) -> bool {
        if demand.fence.is_some_and(|(team, _)| self.is_inside(agent, team)) {
            return true;
        }
        agent.teams.iter().all(|team| {
            let reserve = self.effective_reserve(*team, queue);
            let idle = self.pools.len(Pool::Idle(*team, demand.channel));
            reserve == 0 || idle > reserve || (idle == reserve && self.has(Bug::ReserveOffByOne))
        })
    }

    /// Members that a team keeps free from a queue's contacts now.
    pub(crate) fn effective_reserve(&self, team: TeamId, queue: QueueId) -> u32 {
        self.teams.get(team.index()).map_or(0, |team| team.reserve_from(queue))
    }

    /// Checks that the agent fails and that are skipped for her.
    pub(crate) fn bypassed(&self, agent: &Agent, demand: &Demand<'_>) -> Bypass {
        let allowed = demand.bypass;
        Bypass {
            skill: allowed.skill && !agent.meets(demand.needs),
            slots: allowed.slots && !self.has_room(agent, demand.channel, Slots::Count),
            hours: allowed.hours && self.condition(agent, demand.channel, Shift::Matters) == Condition::OffShift,
        }
    }
}

impl Contact {
    /// Whether the customer refuses this agent.
    pub(crate) fn avoids(&self, agent: AgentId) -> bool {
        self.avoids.contains(&agent)
    }

    /// Whether this agent missed, declined or gave back the contact.
    pub(crate) fn excludes(&self, agent: AgentId) -> bool {
        self.excluded.contains(&agent)
    }
}
