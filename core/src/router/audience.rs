//! Decides which people a step means at this moment, and which steps an agent belongs to.

use alloc::collections::BTreeMap;
use core::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Router;
use super::pool::Pool;
use super::state::{Agent, Contact, Team};
use super::table::Table;
use crate::bugs::Bug;
use crate::{AgentId, QueueId, RoleId, TeamId, Transfer, Who};

/// A group of people as lanes are keyed by it: symbolic, so that a change of membership moves nobody between lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Audience {
    /// One person, or who stands in during an absence.
    Agent(AgentId),
    /// The team's member of the lowest rank, or who stands in.
    Lead(TeamId),
    /// The team's members without this lead; without the lowest rank where none is named.
    Backups(TeamId, Option<AgentId>),
    /// The team's members, or those of one role.
    Team(TeamId, Option<RoleId>),
    /// Members of the teams that stand in for this one.
    Covers(TeamId),
    /// The queue's agents and those lent to it.
    Queue(QueueId),
}

/// Things by audience. Those named by one number are found by it; backups and roles are few, and searched for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ByAudience<T> {
    numbered: Table<T>,
    others: BTreeMap<Audience, T>,
}

impl<T: Default> ByAudience<T> {
    pub(crate) fn get(&self, audience: Audience) -> Option<&T> {
        match audience.number() {
            Some(number) => self.numbered.get(number),
            None => self.others.get(&audience),
        }
    }

    /// What is kept of an audience, or the beginning of it.
    pub(crate) fn get_or_default(&mut self, audience: Audience) -> Option<&mut T> {
        match audience.number() {
            Some(number) => self.numbered.get_or_default(number),
            None => Some(self.others.entry(audience).or_default()),
        }
    }

    /// The audiences of a team's backups, whoever leads, of which anything is kept.
    pub(crate) fn backups_of(&self, team: TeamId) -> impl Iterator<Item = (Audience, &T)> {
        let range = Audience::Backups(team, None)..=Audience::Backups(team, Some(AgentId(u32::MAX)));
        self.others.range(range).map(|(audience, kept)| (*audience, kept))
    }
}

impl Audience {
    /// One number for it, where it names one thing alone.
    const fn number(self) -> Option<usize> {
        let (family, whose) = match self {
            Self::Agent(agent) => (0, agent.index()),
            Self::Lead(team) => (1, team.index()),
            Self::Team(team, None) => (2, team.index()),
            Self::Covers(team) => (3, team.index()),
            Self::Queue(queue) => (4, queue.index()),
            Self::Backups(..) | Self::Team(_, Some(_)) => return None,
        };
        Some(whose * 5 + family)
    }

    /// The people that a step means; `None` where it names a team and the contact has none.
    pub(crate) fn of_step(who: Who, contact: &Contact) -> Option<Self> {
        let team = contact.fence.map(|fence| fence.team);
        match who {
            Who::Agent(agent) => Some(Self::Agent(agent)),
            Who::Lead => contact.plan.lead.map(Self::Agent).or_else(|| team.map(Self::Lead)),
            Who::Backups => team.map(|team| Self::Backups(team, contact.plan.lead)),
            Who::Team(role) => team.map(|team| Self::Team(team, role)),
            Who::Covers => team.map(Self::Covers),
            Who::Queue => Some(Self::Queue(contact.plan.queue)),
        }
    }

    /// The people that a transfer means; `None` where it only changes what the plan needs.
    pub(crate) const fn of_transfer(to: &Transfer) -> Option<Self> {
        match *to {
            Transfer::Agent(agent) => Some(Self::Agent(agent)),
            Transfer::Team(team) => Some(Self::Team(team, None)),
            Transfer::Queue(queue) => Some(Self::Queue(queue)),
            Transfer::Needs(_) => None,
        }
    }
}

impl Team {
    /// The member of the lowest rank.
    pub(crate) fn lead(&self) -> Option<AgentId> {
        self.members.first().map(|(agent, _)| *agent)
    }

    /// Whether its people serve a queue that need not be their own: always, while the queue is below its floor, or by a
    /// supervisor's word.
    pub(crate) fn lends(&self, queue: QueueId) -> bool {
        self.lends_to().any(|known| known == queue)
    }

    /// The queues it lends to now; one may be named twice.
    pub(crate) fn lends_to(&self) -> impl Iterator<Item = QueueId> {
        let by_hand = self.lent.iter().map(|(queue, _)| *queue);
        self.spec.lends_to.iter().chain(&self.released).copied().chain(by_hand)
    }

    /// Whether it does something for a queue below its floor: releases its reserve, or begins to lend.
    pub(crate) fn relieves(&self, queue: QueueId) -> bool {
        let lends = self.spec.lends_to.contains(&queue);
        !self.removed
            && ((lends && self.spec.releases && self.spec.reserve > 0) || (!lends && self.spec.helps.contains(&queue)))
    }

    /// Members that it keeps free from a queue's contacts now.
    pub(crate) fn reserve_from(&self, queue: QueueId) -> u32 {
        let released = self.spec.releases && self.released.contains(&queue);
        let by_hand = self.lent.iter().any(|(lent, _)| *lent == queue);
        if released || by_hand { 0 } else { self.spec.reserve }
    }

    /// Whether an agent is a member now.
    pub(crate) fn has(&self, agent: AgentId) -> bool {
        self.members.iter().any(|(member, _)| *member == agent)
    }

    /// Members by rank, each once.
    pub(crate) fn people(&self) -> impl Iterator<Item = AgentId> {
        self.members
            .iter()
            .enumerate()
            .filter(|(i, (agent, _))| !self.members.iter().take(*i).any(|(earlier, _)| earlier == agent))
            .map(|(_, (agent, _))| *agent)
    }
}

impl Router {
    /// Walks the people of an audience in their own order: by rank, by cover, by number in a queue.
    pub(crate) fn each_person<B>(
        &self,
        audience: Audience,
        mut visit: impl FnMut(AgentId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match audience {
            Audience::Agent(agent) => self.person_or_deputy(agent, &mut visit)?,
            Audience::Lead(_) if self.has(Bug::LeadIgnored) => {}
            Audience::Lead(team) => {
                if let Some(lead) = self.teams.get(team.index()).and_then(Team::lead) {
                    self.person_or_deputy(lead, &mut visit)?;
                }
            }
            Audience::Backups(team, lead) => {
                if let Some(team) = self.teams.get(team.index()) {
                    let lead = lead.or_else(|| team.lead());
                    for agent in team.people().filter(|agent| Some(*agent) != lead) {
                        visit(agent)?;
                    }
                }
            }
            Audience::Team(team, None) => {
                if let Some(team) = self.teams.get(team.index()) {
                    for agent in team.people() {
                        visit(agent)?;
                    }
                }
            }
            Audience::Team(team, role) => {
                if let Some(team) = self.teams.get(team.index()) {
                    for (agent, _) in team.members.iter().filter(|(_, own)| *own == role) {
                        visit(*agent)?;
                    }
                }
            }
            Audience::Covers(team) => {
                for cover in self.covers(team) {
                    for agent in cover.people() {
                        visit(agent)?;
                    }
                }
            }
            Audience::Queue(queue) => {
                for agent in self.pools.agents(Pool::Staff(queue)) {
                    visit(agent)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn person_or_deputy<B>(&self, agent: AgentId, visit: &mut impl FnMut(AgentId) -> ControlFlow<B>) -> ControlFlow<B> {
        visit(agent)?;
        self.deputy(agent).map_or(ControlFlow::Continue(()), visit)
    }

    /// Who stands in for an agent now.
    pub(crate) fn deputy(&self, agent: AgentId) -> Option<AgentId> {
        self.agents.get(agent.index())?.absences.iter().find(|absence| absence.begun)?.deputy
    }

    /// The teams that stand in for a team now.
    pub(crate) fn covers(&self, team: TeamId) -> impl Iterator<Item = &Team> {
        self.teams
            .get(team.index())
            .into_iter()
            .filter(|team| !team.removed)
            .flat_map(|team| team.spec.covers.iter())
            .filter_map(|cover| self.teams.get(cover.index()))
    }

    /// Whether an agent is among the people of an audience now.
    pub(crate) fn is_among(&self, agent: &Agent, audience: Audience) -> bool {
        let stands_in = |person: AgentId| person == agent.id || agent.deputises.contains(&person);
        match audience {
            Audience::Agent(person) => stands_in(person),
            Audience::Lead(team) => self.teams.get(team.index()).and_then(Team::lead).is_some_and(stands_in),
            Audience::Backups(team, lead) => self
                .teams
                .get(team.index())
                .is_some_and(|team| team.has(agent.id) && lead.or_else(|| team.lead()) != Some(agent.id)),
            Audience::Team(team, None) => agent.teams.contains(&team),
            Audience::Team(team, role) => {
                self.teams.get(team.index()).is_some_and(|team| team.members.contains(&(agent.id, role)))
            }
            Audience::Covers(team) => self.covers(team).any(|cover| agent.teams.contains(&cover.id)),
            Audience::Queue(queue) => self.serves(agent, queue),
        }
    }

    /// Whether an agent serves a queue, as her own or lent by a team, or by a released reserve.
    pub(crate) fn serves(&self, agent: &Agent, queue: QueueId) -> bool {
        !agent.removed
            && (agent.spec.queues.contains(&queue)
                || agent.teams.iter().any(|team| self.teams.get(team.index()).is_some_and(|team| team.lends(queue))))
    }

    /// Every audience with waiting contacts to which an agent may belong; in order, each once.
    pub(crate) fn audiences(&self, agent: &Agent) -> SmallVec<[Audience; 12]> {
        let mut found: SmallVec<[Audience; 12]> = SmallVec::new();
        found.push(Audience::Agent(agent.id));
        found.extend(agent.deputises.iter().map(|person| Audience::Agent(*person)));
        for person in agent.deputises.iter() {
            if let Some(person) = self.agents.get(person.index()) {
                found.extend(person.teams.iter().map(|team| Audience::Lead(*team)));
            }
        }
        for id in &agent.teams {
            found.push(Audience::Lead(*id));
            found.extend(self.lanes.backups_of(*id));
            found.push(Audience::Team(*id, None));
            let Some(team) = self.teams.get(id.index()) else { continue };
            let roles = team.members.iter().filter(|(member, role)| *member == agent.id && role.is_some());
            found.extend(roles.map(|(_, role)| Audience::Team(*id, *role)));
            found.extend(team.covers_for.iter().map(|covered| Audience::Covers(*covered)));
            found.extend(team.lends_to().map(Audience::Queue));
        }
        found.extend(agent.spec.queues.iter().map(|queue| Audience::Queue(*queue)));
        found.retain(|audience: &mut Audience| self.lanes.is_waited_for(*audience) && self.is_among(agent, *audience));
        found.sort_unstable();
        found.dedup();
        found
    }
}
