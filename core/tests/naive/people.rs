//! Who is there, what keeps her, what she can take, and of whom a step speaks.

use picket_core::*;

use super::{Case, Naive, Person, Said};

/// A group of people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whom {
    Agent(AgentId),
    Lead(TeamId),
    Backups(TeamId, Option<AgentId>),
    Team(TeamId, Option<RoleId>),
    Covers(TeamId),
    Queue(QueueId),
}

/// What a contact asks of the people of one of its steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) whom: Whom,
    pub(super) step: usize,
    pub(super) channel: ChannelId,
    pub(super) fence: Option<super::FenceGate>,
    pub(super) bypass: Bypass,
    pub(super) needs: Vec<Need>,
}

impl Person {
    pub(super) fn new(at: Timestamp, spec: &AgentSpec) -> Self {
        let (presence, cause, until) = (Presence::Offline, StateCause::Said(None), None);
        Self {
            spec: spec.clone(),
            removed: false,
            said: Said { presence, cause, until, by: StateSetter::Picket, at },
            said_of: std::collections::BTreeMap::new(),
            missed: None,
            over: None,
            over_of: std::collections::BTreeMap::new(),
            lost: false,
            absences: Vec::new(),
            load: std::collections::BTreeMap::new(),
            idle: std::collections::BTreeMap::new(),
            login: at,
            misses: std::collections::BTreeMap::new(),
            today: (0, 0),
            turn: 0,
            over_capacity: std::collections::BTreeSet::new(),
            lasted: Vec::new(),
        }
    }

    /// A supervisor's word lies above that she missed offers, and that above what sources say. A source's word about all
    /// channels takes the place of its own about single ones.
    pub(super) fn hear(&mut self, channels: &[ChannelId], said: Said) {
        let was_in = self.is_in();
        let is_end = said.cause == StateCause::PauseOver;
        let is_said = matches!(said.cause, StateCause::Said(_));
        let is_missed_over = self.missed.and_then(|missed| missed.until).is_some_and(|until| until <= said.at);
        if said.by == StateSetter::Supervisor {
            if channels.is_empty() && !is_end {
                self.over_of.clear();
            }
            if channels.is_empty() {
                self.over = (!is_end).then_some(said);
            }
            for channel in channels {
                self.over_of.remove(channel);
                self.over_of.extend((!is_end).then_some((*channel, said)));
            }
        } else if said.cause == StateCause::NoAnswer {
            self.missed = Some(said);
        } else if is_end && is_missed_over {
            self.missed = None;
            self.misses.clear();
        } else {
            if channels.is_empty() && !is_end {
                self.said_of.retain(|_, known| known.by != said.by);
            }
            if channels.is_empty() {
                self.said = said;
            }
            self.said_of.extend(channels.iter().map(|channel| (*channel, said)));
            if is_said && said.presence != Presence::NotReady {
                self.missed = None;
            }
            if is_said && said.presence == Presence::Ready {
                self.misses.clear();
            }
        }
        if !was_in && self.is_in() {
            self.login = said.at;
        }
    }

    pub(super) fn effective(&self, channel: ChannelId) -> Said {
        let over = self.over_of.get(&channel).or(self.over.as_ref());
        *over.or(self.missed.as_ref()).or(self.said_of.get(&channel)).unwrap_or(&self.said)
    }

    pub(super) fn is_in(&self) -> bool {
        self.said.presence != Presence::Offline || self.said_of.values().any(|said| said.presence != Presence::Offline)
    }

    pub(super) fn meets(&self, needs: &[Need]) -> bool {
        needs
            .iter()
            .all(|need| self.spec.skills.iter().any(|(skill, level)| *skill == need.skill && *level >= need.level))
    }

    pub(super) fn idle_since(&self, channel: ChannelId) -> Timestamp {
        self.idle.get(&channel).map_or(self.login, |since| (*since).max(self.login))
    }
}

impl super::Group {
    /// Always, while the queue is below its floor, or by a supervisor's word.
    fn lends(&self, queue: QueueId) -> bool {
        self.spec.lends_to.contains(&queue) || self.released.contains(&queue) || self.lent.contains_key(&queue)
    }
}

impl Naive {
    /// A team that is gone, or of whom nobody is left.
    pub(super) fn is_missing(&self, team: TeamId) -> bool {
        self.teams.get(&team).is_none_or(|group| group.removed)
            || !self.members(team).into_iter().any(|agent| self.live(agent).is_some())
    }

    pub(super) fn is_member(&self, agent: AgentId, team: TeamId) -> bool {
        self.teams.get(&team).is_some_and(|team| team.members.iter().any(|(member, _)| *member == agent))
    }

    pub(super) fn teams_of(&self, agent: AgentId) -> Vec<TeamId> {
        self.teams.keys().copied().filter(|team| self.is_member(agent, *team)).collect()
    }

    pub(super) fn covers(&self, team: TeamId) -> Vec<TeamId> {
        match self.teams.get(&team) {
            Some(group) if !group.removed => {
                group.spec.covers.iter().copied().filter(|cover| self.teams.contains_key(cover)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A member of the team, or of a team that covers it.
    pub(super) fn is_inside(&self, agent: AgentId, team: TeamId) -> bool {
        self.is_member(agent, team) || self.covers(team).into_iter().any(|cover| self.is_member(agent, cover))
    }

    /// Members by rank, each once.
    fn members(&self, team: TeamId) -> Vec<AgentId> {
        let mut members: Vec<AgentId> = Vec::new();
        for (agent, _) in self.teams.get(&team).map(|group| group.members.as_slice()).unwrap_or_default() {
            if !members.contains(agent) {
                members.push(*agent);
            }
        }
        members
    }

    pub(super) fn team_lead(&self, team: TeamId) -> Option<AgentId> {
        self.members(team).first().copied()
    }

    pub(super) fn deputy(&self, agent: AgentId) -> Option<AgentId> {
        self.people.get(&agent)?.absences.iter().find(|absence| absence.begun)?.deputy
    }

    pub(super) fn stands_for(&self, agent: AgentId, person: AgentId) -> bool {
        agent == person || self.deputy(person) == Some(agent)
    }

    /// The people meant, in their own order.
    pub(super) fn meant(&self, whom: Whom) -> Vec<AgentId> {
        let with_deputy = |agent: AgentId| [Some(agent), self.deputy(agent)].into_iter().flatten().collect();
        match whom {
            Whom::Agent(agent) => with_deputy(agent),
            Whom::Lead(team) => self.team_lead(team).map(with_deputy).unwrap_or_default(),
            Whom::Backups(team, lead) => {
                let lead = lead.or_else(|| self.team_lead(team));
                self.members(team).into_iter().filter(|agent| Some(*agent) != lead).collect()
            }
            Whom::Team(team, None) => self.members(team),
            Whom::Team(team, role) => {
                let members = self.teams.get(&team).map(|group| group.members.clone()).unwrap_or_default();
                members.into_iter().filter(|(_, own)| *own == role).map(|(agent, _)| agent).collect()
            }
            Whom::Covers(team) => self.covers(team).into_iter().flat_map(|cover| self.members(cover)).collect(),
            Whom::Queue(queue) => self.people.keys().copied().filter(|agent| self.serves(*agent, queue)).collect(),
        }
    }

    /// Her own queue, or one that a team of hers lends to.
    pub(super) fn serves(&self, agent: AgentId, queue: QueueId) -> bool {
        self.live(agent).is_some_and(|person| person.spec.queues.contains(&queue)) || self.is_lent(agent, queue)
    }

    pub(super) fn is_lent(&self, agent: AgentId, queue: QueueId) -> bool {
        self.live(agent).is_some() && self.teams_of(agent).iter().any(|team| self.teams[team].lends(queue))
    }

    pub(super) fn is_over(&self, hours: Option<CalendarId>) -> bool {
        hours.is_some_and(|hours| self.calendars.get(&hours).is_none_or(|hours| !hours.open))
    }

    /// What keeps an agent from everything on a channel; `None` if nothing does.
    pub(super) fn kept(&self, agent: AgentId, channel: ChannelId, skip_hours: bool) -> Option<Obstacle> {
        let Some(person) = self.live(agent) else { return Some(Obstacle::Left) };
        if person.absences.iter().any(|absence| absence.begun) {
            return Some(Obstacle::Absent);
        }
        if person.lost || (!skip_hours && self.is_over(person.spec.shift)) {
            return Some(Obstacle::OffShift);
        }
        match person.effective(channel).presence {
            Presence::Offline => Some(Obstacle::OffShift),
            Presence::NotReady => Some(Obstacle::Away),
            Presence::Ready => None,
        }
    }

    /// Everything that takes an agent's capacity: what she has, what she is asked, what a platform reported.
    fn taken(&self, agent: AgentId) -> Vec<(ChannelId, u64)> {
        let mut taken: Vec<(ChannelId, u64)> = Vec::new();
        taken.extend(
            self.cases.values().filter(|case| case.place.holder() == Some(agent)).map(|case| (case.channel(), 1)),
        );
        let consults = self.cases.values().filter(|case| case.consulted.is_some_and(|(asked, _)| asked == agent));
        taken.extend(consults.map(|case| (case.channel(), 1)));
        let offers = self.asked.values().filter(|asked| asked.agent == agent);
        taken.extend(offers.map(|asked| (self.cases[&asked.contact].channel(), 1)));
        taken.extend(self.people[&agent].load.iter().map(|(channel, contacts)| (*channel, u64::from(*contacts))));
        taken
    }

    pub(super) fn points(&self, agent: AgentId, but_those_interrupted_by: Option<ChannelId>) -> u64 {
        let counted = self.taken(agent).into_iter().filter_map(|(taken, contacts)| {
            let spec = self.channels.get(&taken)?;
            let interrupted = but_those_interrupted_by.is_some_and(|channel| spec.interruptible_by.contains(&channel));
            (!interrupted).then_some(u64::from(spec.cost) * contacts)
        });
        counted.sum()
    }

    fn slots(&self, agent: AgentId, channel: ChannelId) -> u64 {
        let own = self.people[&agent].spec.slots.iter().find(|(own, _)| *own == channel).map(|(_, slots)| *slots);
        u64::from(own.unwrap_or_else(|| self.channels.get(&channel).map_or(0, |spec| spec.slots)))
    }

    fn contacts_on(&self, agent: AgentId, channel: ChannelId) -> u64 {
        self.taken(agent).iter().filter(|(taken, _)| *taken == channel).map(|(_, contacts)| contacts).sum()
    }

    /// Whether one more contact fits.
    pub(super) fn has_room(&self, agent: AgentId, channel: ChannelId, skip_slots: bool) -> bool {
        let Some(spec) = self.channels.get(&channel) else { return false };
        let points = self.points(agent, Some(channel)) + u64::from(spec.cost);
        points <= u64::from(self.people[&agent].spec.points)
            && (skip_slots || self.contacts_on(agent, channel) < self.slots(agent, channel))
    }

    /// Whether one more contact fits once one of another channel is gone.
    pub(super) fn frees(&self, agent: AgentId, ask: &Ask, gone: ChannelId) -> bool {
        let freed =
            if self.channels[&gone].interruptible_by.contains(&ask.channel) { 0 } else { self.channels[&gone].cost };
        let points = self.points(agent, Some(ask.channel)) + u64::from(self.channels[&ask.channel].cost);
        let taken = self.contacts_on(agent, ask.channel) - u64::from(gone == ask.channel);
        points <= u64::from(self.people[&agent].spec.points) + u64::from(freed)
            && (ask.bypass.slots || taken < self.slots(agent, ask.channel))
    }

    /// Whether what she has is already too much.
    pub(super) fn is_overloaded(&self, agent: AgentId, channel: ChannelId) -> bool {
        self.points(agent, Some(channel)) > u64::from(self.people[&agent].spec.points)
            || self.contacts_on(agent, channel) > self.slots(agent, channel)
    }

    pub(super) fn is_free(&self, agent: AgentId, channel: ChannelId) -> bool {
        self.kept(agent, channel, false).is_none() && self.has_room(agent, channel, false)
    }

    pub(super) fn idle_members(&self, team: TeamId, channel: ChannelId) -> usize {
        self.members(team).into_iter().filter(|agent| self.is_free(*agent, channel)).count()
    }

    /// The reserve: work from outside her own fences goes to a member only while more than it are idle.
    fn is_reserved(&self, agent: AgentId, queue: QueueId, ask: &Ask) -> bool {
        if ask.fence.is_some_and(|gate| self.is_inside(agent, gate.team)) {
            return false;
        }
        self.teams_of(agent).iter().any(|team| {
            let group = &self.teams[team];
            let is_released = group.spec.releases && group.released.contains(&queue);
            let reserve = if is_released || group.lent.contains_key(&queue) { 0 } else { group.spec.reserve };
            reserve > 0 && self.idle_members(*team, ask.channel) <= reserve as usize
        })
    }

    pub(super) fn passes(&self, agent: AgentId, gate: Option<super::FenceGate>) -> bool {
        gate.is_none_or(|gate| gate.is_open || self.is_inside(agent, gate.team))
    }

    /// The first check that fails; `Obstacle::None` if she could serve.
    pub(super) fn obstacle(&self, agent: AgentId, ask: &Ask) -> Obstacle {
        if !self.passes(agent, ask.fence) {
            return Obstacle::Left;
        }
        if let Some(kept) = self.kept(agent, ask.channel, ask.bypass.hours) {
            return kept;
        }
        if !self.has_room(agent, ask.channel, ask.bypass.slots) {
            return Obstacle::Busy;
        }
        if !ask.bypass.skill && !self.people[&agent].meets(&ask.needs) {
            return Obstacle::Skill;
        }
        match ask.whom {
            Whom::Queue(queue) if self.is_reserved(agent, queue, ask) => Obstacle::Reserved,
            _ => Obstacle::None,
        }
    }

    /// Whether she could ever serve, whatever keeps her now.
    pub(super) fn is_able(&self, agent: AgentId, ask: &Ask) -> bool {
        self.passes(agent, ask.fence)
            && self.live(agent).is_some_and(|person| ask.bypass.skill || person.meets(&ask.needs))
    }

    pub(super) fn bypassed(&self, agent: AgentId, ask: &Ask) -> Bypass {
        Bypass {
            skill: ask.bypass.skill && !self.people[&agent].meets(&ask.needs),
            slots: ask.bypass.slots && !self.has_room(agent, ask.channel, false),
            hours: ask.bypass.hours && self.kept(agent, ask.channel, false) == Some(Obstacle::OffShift),
        }
    }

    pub(super) fn standing(&self, case: &Case, agent: AgentId) -> Standing {
        let Some(fence) = case.fence else {
            let own = self.people[&agent].spec.queues.contains(&case.plan.queue);
            return if own || self.teams_of(agent).is_empty() { Standing::Queue } else { Standing::Lent };
        };
        let lead = case.plan.lead.or_else(|| self.team_lead(fence.team));
        if !self.is_inside(agent, fence.team) {
            Standing::Outside
        } else if lead.is_some_and(|lead| self.stands_for(agent, lead)) {
            Standing::Lead
        } else if self.is_member(agent, fence.team) {
            Standing::Team
        } else {
            Standing::Cover
        }
    }

    /// Who is named when a fence opens, and what keeps each.
    pub(super) fn tried(&self, case: &Case, team: TeamId) -> Vec<Tried> {
        let mut named: Vec<AgentId> = Vec::new();
        let insiders = self.meant(Whom::Team(team, None)).into_iter().chain(self.meant(Whom::Covers(team)));
        for agent in case.plan.lead.into_iter().chain(insiders) {
            if !named.contains(&agent) {
                named.push(agent);
            }
        }
        named.truncate(TRIED_LIMIT);
        let ask = Ask {
            whom: Whom::Team(team, None),
            step: 0,
            channel: case.channel(),
            fence: Some(super::FenceGate { team, is_open: false }),
            bypass: Bypass::default(),
            needs: case.plan.needs.clone(),
        };
        let kept_by = |agent: AgentId| match self.people.get(&agent).map(|_| self.obstacle(agent, &ask)) {
            None => Obstacle::Left,
            Some(Obstacle::None) if case.avoids(agent) => Obstacle::Avoided,
            Some(Obstacle::None) if case.excludes(agent) => Obstacle::Excluded,
            Some(obstacle) => obstacle,
        };
        named.into_iter().map(|agent| Tried { agent, obstacle: kept_by(agent) }).collect()
    }
}
