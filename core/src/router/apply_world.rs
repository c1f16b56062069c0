//! Decides what a change of the place changes. Such changes are rare, so they may look at everybody concerned.

use alloc::vec::Vec;

use super::Router;
use super::audience::Audience;
use super::pool::Gain;
use super::state::{Agent, Hours, Queue, Roll, Said, Team};
use super::timers::Timer;
use crate::{
    AgentId, AgentSpec, Calendar, CalendarId, ChannelId, ContactId, Millis, Presence, QueueId, QueueSpec, StateCause,
    StateSetter, TeamId, TeamSpec, Timestamp, WorldChange, WorldFact,
};

/// A calendar is asked for when less than this lies ahead.
const HORIZON: i64 = 200 * 86_400_000;

impl Router {
    pub(super) fn apply_world(&mut self, at: Timestamp, fact: &WorldFact) {
        match fact {
            WorldFact::Changed(change) => self.apply_change(at, change),
            WorldFact::ReserveReleased { team, queue } => self.apply_reserve(at, *team, *queue, Reserve::Released),
            WorldFact::ReserveRestored { team, queue } => self.apply_reserve(at, *team, *queue, Reserve::Kept),
            WorldFact::Widened { contact, needs } => {
                let Some(state) = self.contacts.get_mut(contact.index()) else { return };
                let Some(queue) = self.queues.get(state.plan.queue.index()) else { return };
                let since = state.since;
                let reached = queue.spec.widen.iter().take_while(|widening| since + widening.after <= at).count();
                state.widenings = u8::try_from(reached).unwrap_or(u8::MAX);
                state.widened = Some(needs.clone().into_boxed_slice());
                self.replace(*contact);
            }
            WorldFact::Lent { team, queue, until } => self.apply_lent(*team, *queue, Some(*until)),
            WorldFact::LendingEnded { team, queue } => self.apply_lent(*team, *queue, None),
            WorldFact::HoursTurned { calendar, open } => self.apply_hours(at, *calendar, *open),
            WorldFact::MembershipTurned { team } => self.review_team(at, *team),
            WorldFact::ClockJumped { by } => self.apply_jump(*by),
            WorldFact::CatchUpBegan { until } => self.apply_catch_up(Some(*until)),
            WorldFact::CatchUpEnded => self.apply_catch_up(None),
            WorldFact::CalendarRunsOut { calendar } => {
                if let Some(hours) = self.hours.get_mut(calendar.index()) {
                    hours.asked = true;
                }
                self.arm_horizon(*calendar);
            }
        }
    }

    fn apply_change(&mut self, at: Timestamp, change: &WorldChange) {
        match change {
            WorldChange::PutCalendar(id, calendar) => self.put_calendar(at, *id, calendar),
            WorldChange::PutChannel(id, spec) => {
                self.channels.insert(id.index(), spec.clone());
                self.reindex_all();
            }
            WorldChange::PutAgent(id, spec) => self.put_agent(at, *id, spec),
            WorldChange::RemoveAgent(id) => self.remove_agent(at, *id),
            WorldChange::PutTeam(id, spec) => self.put_team(at, *id, spec),
            WorldChange::RemoveTeam(id) => {
                if let Some(team) = self.teams.get_mut(id.index()) {
                    team.removed = true;
                    team.released.clear();
                }
                self.review_covers();
                self.review_team(at, *id);
                // Forgotten last: the queues it was lent to have fewer people now.
                if let Some(team) = self.teams.get_mut(id.index()) {
                    team.lent.clear();
                }
                self.arm_lent(*id);
            }
            WorldChange::PutQueue(id, spec) => self.put_queue(at, *id, spec),
        }
        if matches!(change, WorldChange::PutTeam(..) | WorldChange::RemoveTeam(_) | WorldChange::PutQueue(..)) {
            let queues: Vec<QueueId> = self.queues.iter().map(|(_, queue)| queue.id).collect();
            queues.into_iter().for_each(|queue| self.arm_floor(at, queue));
        }
    }

    fn reindex_all(&mut self) {
        let agents: Vec<AgentId> = self.agents.iter().map(|(_, agent)| agent.id).collect();
        agents.into_iter().for_each(|agent| self.reindex(agent, Gain::Possible));
    }

    fn put_calendar(&mut self, at: Timestamp, id: CalendarId, calendar: &Calendar) {
        let (armed, armed_horizon) =
            self.hours.get(id.index()).map_or((None, None), |old| (old.armed, old.armed_horizon));
        let open = is_open(calendar, at);
        self.hours
            .insert(id.index(), Hours { id, calendar: calendar.clone(), open, asked: false, armed, armed_horizon });
        self.arm_hours(at, id);
        self.review_shift(id);
        // Holds in working time of this calendar end at other moments now.
        let waiting: Vec<ContactId> =
            self.contacts.iter().filter(|(_, contact)| contact.is_waiting()).map(|(_, contact)| contact.id).collect();
        waiting.into_iter().for_each(|contact| self.stir(contact));
    }

    fn apply_hours(&mut self, at: Timestamp, id: CalendarId, open: bool) {
        let Some(hours) = self.hours.get_mut(id.index()) else { return };
        hours.open = open;
        self.arm_hours(at, id);
        self.review_shift(id);
    }

    fn arm_hours(&mut self, at: Timestamp, id: CalendarId) {
        let Some(hours) = self.hours.get_mut(id.index()) else { return };
        let edge = hours.calendar.windows.iter().flat_map(|window| [window.from, window.to]).find(|edge| *edge > at);
        let before = core::mem::replace(&mut hours.armed, edge);
        self.rearm(before.map(|at| (at, Timer::Hours(id))), edge.map(|at| (at, Timer::Hours(id))));
        self.arm_horizon(id);
    }

    /// Apart from the edges: one of them may be due, and its timer late.
    fn arm_horizon(&mut self, id: CalendarId) {
        let Some(hours) = self.hours.get_mut(id.index()) else { return };
        let horizon =
            hours.calendar.until.filter(|_| !hours.asked).map(|until| Timestamp(until.0.saturating_sub(HORIZON)));
        let before = core::mem::replace(&mut hours.armed_horizon, horizon);
        self.rearm(before.map(|at| (at, Timer::Horizon(id))), horizon.map(|at| (at, Timer::Horizon(id))));
    }

    fn review_shift(&mut self, calendar: CalendarId) {
        let shift = self.agents.iter().filter(|(_, agent)| agent.spec.shift == Some(calendar));
        let agents: Vec<AgentId> = shift.map(|(_, agent)| agent.id).collect();
        for agent in agents {
            self.reindex(agent, Gain::Possible);
            self.stir_around(agent);
        }
    }

    fn put_agent(&mut self, at: Timestamp, id: AgentId, spec: &AgentSpec) {
        let queues = self.agents.get(id.index()).map(|agent| agent.spec.queues.clone()).unwrap_or_default();
        match self.agents.get_mut(id.index()) {
            Some(agent) => {
                agent.spec = spec.clone();
                agent.removed = false;
            }
            None => {
                self.agents.insert(id.index(), new_agent(at, id, spec));
                self.review_deputies(id);
            }
        }
        self.review_membership(id);
        self.review_people(id, queues);
    }

    fn remove_agent(&mut self, at: Timestamp, id: AgentId) {
        let Some(agent) = self.agents.get_mut(id.index()) else { return };
        agent.removed = true;
        let said = offline(at);
        agent.said = said;
        agent.said_of.clear();
        agent.over = None;
        agent.over_of.clear();
        agent.absences.clear();
        agent.load.clear();
        agent.lost = false;
        agent.missed = None;
        let queues = agent.spec.queues.clone();
        self.stir_around(id);
        self.review_deputies(id);
        self.review_people(id, queues);
    }

    /// Looks again at the pools of an agent and at everybody who waits for her, after her definition changed.
    fn review_people(&mut self, id: AgentId, before: Vec<QueueId>) {
        self.reindex(id, Gain::Possible);
        let Some(agent) = self.agents.get(id.index()) else { return };
        let mut queues = before;
        queues.extend(agent.spec.queues.iter().copied());
        let mut waiting = self.lanes.everybody(Audience::Agent(id));
        for team in agent.teams.iter().filter_map(|team| self.teams.get(team.index())) {
            queues.extend(team.lends_to());
            for behind in [team.id].into_iter().chain(team.covers_for.iter().copied()) {
                waiting.extend(self.lanes.roll(Roll::Team(behind)).into_iter().flatten().map(|(_, contact)| *contact));
                // Behind an open fence they are on the queue's roll, and still have steps of the team.
                waiting.extend(self.lanes.everybody_of_team(behind));
            }
        }
        queues.sort_unstable();
        queues.dedup();
        waiting.into_iter().for_each(|contact| self.stir(contact));
        self.stir_around(id);
        queues.into_iter().for_each(|queue| self.review_staff(queue));
    }

    fn put_team(&mut self, at: Timestamp, id: TeamId, spec: &TeamSpec) {
        match self.teams.get_mut(id.index()) {
            Some(team) => {
                team.spec = spec.clone();
                team.removed = false;
                let mut released = core::mem::take(&mut team.released);
                released.retain(|queue| team.relieves(*queue));
                team.released = released;
            }
            None => {
                self.teams.insert(id.index(), new_team(id, spec));
            }
        }
        self.review_covers();
        self.review_team(at, id);
    }

    /// Which teams stand in for which; rare, so all are looked at.
    fn review_covers(&mut self) {
        let live = |team: &&Team| !team.removed;
        let pairs: Vec<(TeamId, TeamId)> = self
            .teams
            .iter()
            .map(|(_, team)| team)
            .filter(live)
            .flat_map(|team| team.spec.covers.iter().map(|cover| (*cover, team.id)))
            .collect();
        let ids: Vec<TeamId> = self.teams.iter().map(|(_, team)| team.id).collect();
        for id in ids {
            let covered = pairs.iter().filter(|(cover, _)| *cover == id).map(|(_, covered)| *covered).collect();
            if let Some(team) = self.teams.get_mut(id.index()) {
                team.covers_for = covered;
            }
        }
    }

    /// Works out who is a member of a team now, and looks again at everybody concerned.
    fn review_team(&mut self, at: Timestamp, id: TeamId) {
        let Some(team) = self.teams.get_mut(id.index()) else { return };
        let mut concerned: Vec<AgentId> = team.members.iter().map(|(agent, _)| *agent).collect();
        let mut current: Vec<_> = team.spec.members.iter().filter(|member| is_current(member, at)).collect();
        current.sort_by_key(|member| (member.rank, member.agent));
        let members =
            if team.removed { Vec::new() } else { current.iter().map(|member| (member.agent, member.role)).collect() };
        let edges = team.spec.members.iter().flat_map(|member| [member.from, member.until]).flatten();
        let wanted = edges.filter(|edge| *edge > at && !team.removed).min();
        team.members = members;
        let before = core::mem::replace(&mut team.armed, wanted);
        concerned.extend(team.members.iter().map(|(agent, _)| *agent));
        self.rearm(before.map(|at| (at, Timer::Membership(id))), wanted.map(|at| (at, Timer::Membership(id))));
        concerned.sort_unstable();
        concerned.dedup();
        for agent in &concerned {
            self.review_membership(*agent);
        }
        for agent in concerned {
            self.review_people(agent, Vec::new());
        }
        // Last: who is left in the queues it lends to is known only now.
        self.stir_team(id);
    }

    /// The teams of which an agent is a member now.
    fn review_membership(&mut self, id: AgentId) {
        let teams = self.teams.iter().filter(|(_, team)| team.has(id)).map(|(_, team)| team.id).collect();
        if let Some(agent) = self.agents.get_mut(id.index()) {
            agent.teams = teams;
        }
    }

    /// Looks again at everybody who waits for people of a team, or for those it stands in for.
    fn stir_team(&mut self, id: TeamId) {
        let Some(team) = self.teams.get(id.index()) else { return };
        let mut waiting: Vec<ContactId> = Vec::new();
        let mut queues: Vec<QueueId> = team.lends_to().collect();
        for behind in [id].into_iter().chain(team.covers_for.iter().copied()) {
            waiting.extend(self.lanes.roll(Roll::Team(behind)).into_iter().flatten().map(|(_, contact)| *contact));
            waiting.extend(self.lanes.everybody(Audience::Covers(behind)));
        }
        waiting.extend(self.lanes.everybody_of_team(id));
        waiting.into_iter().for_each(|contact| self.stir(contact));
        queues.extend(self.queues.iter().map(|(_, queue)| queue.id));
        queues.sort_unstable();
        queues.dedup();
        queues.into_iter().for_each(|queue| self.review_staff(queue));
    }

    fn put_queue(&mut self, at: Timestamp, id: QueueId, spec: &QueueSpec) {
        match self.queues.get_mut(id.index()) {
            Some(queue) => {
                if queue.spec.floor != spec.floor {
                    queue.service = super::floor::Service::default();
                }
                queue.spec = spec.clone();
            }
            None => {
                let queue = Queue { id, spec: spec.clone(), service: super::floor::Service::default(), armed: None };
                self.queues.insert(id.index(), queue);
            }
        }
        self.arm_floor(at, id);
        let waiting: Vec<ContactId> = self.lanes.everybody(Audience::Queue(id));
        waiting.into_iter().for_each(|contact| self.replace(contact));
        let staff: Vec<AgentId> = self.pools.agents(super::pool::Pool::Staff(id)).collect();
        staff.into_iter().for_each(|agent| self.reindex(agent, Gain::Possible));
        self.review_staff(id);
    }

    fn apply_reserve(&mut self, at: Timestamp, team: TeamId, queue: QueueId, reserve: Reserve) {
        let Some(state) = self.teams.get_mut(team.index()) else { return };
        state.released.retain(|known| *known != queue);
        if reserve == Reserve::Released {
            state.released.push(queue);
        }
        self.review_lent(team, queue);
        self.arm_floor(at, queue);
    }

    fn apply_lent(&mut self, id: TeamId, queue: QueueId, until: Option<Timestamp>) {
        let Some(team) = self.teams.get_mut(id.index()) else { return };
        team.lent.retain(|(known, _)| *known != queue);
        team.lent.extend(until.map(|until| (queue, until)));
        team.lent.sort_unstable();
        self.arm_lent(id);
        self.review_lent(id, queue);
    }

    fn arm_lent(&mut self, id: TeamId) {
        let Some(team) = self.teams.get_mut(id.index()) else { return };
        let wanted = team.lent.iter().map(|(_, until)| *until).min();
        let before = core::mem::replace(&mut team.armed_lent, wanted);
        self.rearm(before.map(|at| (at, Timer::Lend(id))), wanted.map(|at| (at, Timer::Lend(id))));
    }

    /// Looks again at a team's people and at a queue whose contacts they may have, or may no longer.
    fn review_lent(&mut self, team: TeamId, queue: QueueId) {
        let members: Vec<AgentId> =
            self.teams.get(team.index()).map(|team| team.people().collect()).unwrap_or_default();
        members.into_iter().for_each(|agent| self.reindex(agent, Gain::Possible));
        self.review_staff(queue);
    }

    /// What waits for a person's hands is given the time that the clock jumped over.
    fn apply_jump(&mut self, by: Millis) {
        let accepted = self.contacts.iter().filter(|(_, contact)| contact.phase.is_pending());
        let accepted: Vec<ContactId> = accepted.map(|(_, contact)| contact.id).collect();
        for id in accepted {
            if let Some(contact) = self.contacts.get_mut(id.index()) {
                contact.phase.extend(by);
            }
            self.arm_contact(id);
        }
        self.extend_catch_up(by);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reserve {
    Kept,
    Released,
}

/// Whether a calendar is open at a moment.
pub(crate) fn is_open(calendar: &Calendar, at: Timestamp) -> bool {
    is_within(&calendar.windows, at)
}

/// Whether a moment lies in one of some sorted windows.
pub(crate) fn is_within(windows: &[crate::Window], at: Timestamp) -> bool {
    let next = windows.partition_point(|window| window.to <= at);
    windows.get(next).is_some_and(|window| window.from <= at)
}

fn is_current(member: &crate::Member, at: Timestamp) -> bool {
    member.from.is_none_or(|from| from <= at) && member.until.is_none_or(|until| at < until)
}

fn offline(at: Timestamp) -> Said {
    Said { presence: Presence::Offline, cause: StateCause::Said(None), until: None, by: StateSetter::Picket, at }
}

fn new_team(id: TeamId, spec: &TeamSpec) -> Team {
    Team {
        id,
        spec: spec.clone(),
        removed: false,
        members: Vec::new(),
        covers_for: Vec::new(),
        released: Vec::new(),
        lent: Vec::new(),
        armed_lent: None,
        armed: None,
    }
}

fn new_agent(at: Timestamp, id: AgentId, spec: &AgentSpec) -> Agent {
    Agent {
        id,
        spec: spec.clone(),
        removed: false,
        said: offline(at),
        said_of: smallvec::SmallVec::new(),
        missed: None,
        over: None,
        over_of: smallvec::SmallVec::new(),
        lasted: smallvec::SmallVec::new(),
        lost: false,
        absences: smallvec::SmallVec::new(),
        load: smallvec::SmallVec::<[(ChannelId, u32); 1]>::new(),
        contacts: smallvec::SmallVec::new(),
        offers: smallvec::SmallVec::new(),
        parked: smallvec::SmallVec::new(),
        idle: smallvec::SmallVec::new(),
        login: at,
        misses: smallvec::SmallVec::new(),
        consults: smallvec::SmallVec::new(),
        today: (0, 0),
        turn: 0,
        over_capacity: smallvec::SmallVec::new(),
        teams: smallvec::SmallVec::new(),
        deputises: smallvec::SmallVec::new(),
        pooled: Vec::new(),
        armed: None,
    }
}
