//! Decides what the core is told of the place: calendars, channels, queues, agents and teams, each after what it names.

use picket_core::{
    AgentId, AgentSpec, Calendar, CalendarId, ChannelId, ChannelSpec, DestinationId, ExitAction, Kind, Level, Member,
    Name, Names, Need, QueueId, QueueLimit, QueueSpec, RoleId, SkillId, TeamId, TeamSpec, Timestamp, Widening,
    WorldChange,
};
use sha2::{Digest, Sha256};

use crate::format::Exit;
use crate::hours::{self, Hours};
use crate::model::{Agent, Channel, Needs, Queue, RuleSet, Team};

/// The longest name of a calendar.
const LONGEST_NAME: usize = 200;

struct Numbering<'a> {
    names: &'a mut Names,
    fresh: &'a mut Vec<Name>,
}

impl Numbering<'_> {
    fn number(&mut self, kind: Kind, text: &str) -> u32 {
        self.names.intern(kind, text, self.fresh)
    }

    fn needs(&mut self, needs: &Needs) -> Vec<Need> {
        let need = |(skill, level, _): &(String, u8, _)| Need {
            skill: SkillId(self.number(Kind::Skill, skill)),
            level: Level(*level),
        };
        needs.iter().map(need).collect()
    }

    fn queues<'q>(&mut self, queues: impl Iterator<Item = &'q String>) -> Vec<QueueId> {
        queues.map(|queue| QueueId(self.number(Kind::Queue, queue))).collect()
    }

    fn exit(&mut self, exit: &Exit) -> ExitAction {
        match exit {
            Exit::Stay => ExitAction::Stay,
            Exit::Open => ExitAction::Open,
            Exit::Callback => ExitAction::Callback,
            Exit::Divert(to) => ExitAction::Divert(DestinationId(self.number(Kind::Destination, to))),
            Exit::Overflow(to) => ExitAction::Overflow(QueueId(self.number(Kind::Queue, to))),
        }
    }

    fn calendar(&mut self, name: &str) -> CalendarId {
        CalendarId(self.number(Kind::Calendar, name))
    }
}

impl RuleSet {
    /// Everything the core must know of the place, in an order in which nothing names what comes later, except teams
    /// that cover each other. Calendars reach 400 days from `now`. New names are added to `names` in the order of the
    /// files, and to `fresh` for the journal.
    #[must_use]
    pub fn world(&self, names: &mut Names, fresh: &mut Vec<Name>, now: Timestamp) -> Vec<WorldChange> {
        let mut numbering = Numbering { names, fresh };
        self.number_everything(&mut numbering);
        let mut changes = self.calendar_changes(&mut numbering, now);
        for channel in &self.channels {
            let id = ChannelId(numbering.number(Kind::Channel, &channel.name));
            changes.push(WorldChange::PutChannel(id, channel_spec(channel, &mut numbering)));
        }
        for queue in &self.queues {
            let id = QueueId(numbering.number(Kind::Queue, &queue.id));
            changes.push(WorldChange::PutQueue(id, queue_spec(queue, &mut numbering)));
        }
        for agent in &self.agents {
            let id = AgentId(numbering.number(Kind::Agent, &agent.id));
            changes.push(WorldChange::PutAgent(id, agent_spec(agent, &mut numbering)));
        }
        for team in &self.teams {
            let id = TeamId(numbering.number(Kind::Team, &team.id));
            changes.push(WorldChange::PutTeam(id, self.team_spec(team, &mut numbering)));
        }
        changes
    }

    /// The calendars alone, compiled anew: for extending them before their horizon comes near.
    #[must_use]
    pub fn calendars(&self, names: &mut Names, fresh: &mut Vec<Name>, now: Timestamp) -> Vec<WorldChange> {
        self.calendar_changes(&mut Numbering { names, fresh }, now)
    }

    /// What a channel that nobody configured is treated as.
    #[must_use]
    pub fn channel_spec(&self, name: &str, names: &mut Names, fresh: &mut Vec<Name>) -> ChannelSpec {
        channel_spec(self.channel_or_default(name, &mut Vec::new()), &mut Numbering { names, fresh })
    }

    /// Ties break on numbers, so they follow the files and not the order of references.
    fn number_everything(&self, numbering: &mut Numbering<'_>) {
        let kinds: [(Kind, Vec<&String>); 6] = [
            (Kind::Skill, self.skills.iter().collect()),
            (Kind::Role, self.roles.iter().map(|role| &role.name).collect()),
            (Kind::Channel, self.channels.iter().map(|channel| &channel.name).collect()),
            (Kind::Queue, self.queues.iter().map(|queue| &queue.id).collect()),
            (Kind::Agent, self.agents.iter().map(|agent| &agent.id).collect()),
            (Kind::Team, self.teams.iter().map(|team| &team.id).collect()),
        ];
        for (kind, names) in kinds {
            for name in names {
                numbering.number(kind, name);
            }
        }
        for team in &self.teams {
            for exit in team.policy.finally.all() {
                numbering.exit(exit);
            }
        }
        for queue in &self.queues {
            let stated = &queue.finally;
            for exit in [&stated.busy, &stated.closed_hours, &stated.holiday, &stated.no_cover].into_iter().flatten() {
                numbering.exit(exit);
            }
        }
    }

    fn calendar_changes(&self, numbering: &mut Numbering<'_>, now: Timestamp) -> Vec<WorldChange> {
        let mut changes: Vec<WorldChange> = Vec::new();
        let mut put = |numbering: &mut Numbering<'_>, name: &str, calendar: &dyn Fn() -> Calendar| {
            let id = numbering.calendar(name);
            let known = |change: &WorldChange| matches!(change, WorldChange::PutCalendar(known, _) if *known == id);
            if !changes.iter().any(known) {
                changes.push(WorldChange::PutCalendar(id, calendar()));
            }
        };
        let queues = self.queues.iter().filter_map(|queue| queue.hours.as_ref().map(|(hours, _)| hours));
        let shifts = self.agents.iter().filter_map(|agent| agent.shift.as_ref());
        for hours in queues.chain(shifts) {
            put(numbering, &calendar_name(hours), &|| hours.calendar(now));
        }
        for team in &self.teams {
            if let Some(name) = self.team_calendar_name(team) {
                put(numbering, &name, &|| self.team_calendar(team, now).unwrap_or_default());
            }
        }
        changes
    }

    /// The calendar of a team's working hours, if they are stated or all its members have shifts.
    pub(crate) fn team_calendar_name(&self, team: &Team) -> Option<String> {
        match &team.hours {
            Some(hours) => Some(calendar_name(hours)),
            None => self.member_shifts(team).map(|_| format!("shifts of {}", team.id)),
        }
    }

    /// When a team works: its stated hours, else its members' shifts together.
    pub(crate) fn team_calendar(&self, team: &Team, now: Timestamp) -> Option<Calendar> {
        match &team.hours {
            Some(hours) => Some(hours.calendar(now)),
            None => {
                let calendars: Vec<_> =
                    self.member_shifts(team)?.into_iter().map(|shift| shift.calendar(now)).collect();
                Some(hours::union(&calendars))
            }
        }
    }

    /// The shifts of all members, if each has one.
    fn member_shifts(&self, team: &Team) -> Option<Vec<&Hours>> {
        let shift = |member: &crate::model::Member| self.agent_named(&member.agent)?.shift.as_ref();
        let shifts = team.members.iter().map(shift).collect::<Option<Vec<_>>>()?;
        (!shifts.is_empty()).then_some(shifts)
    }

    fn team_spec(&self, team: &Team, numbering: &mut Numbering<'_>) -> TeamSpec {
        let mut members = Vec::with_capacity(team.members.len());
        for member in &team.members {
            members.push(Member {
                agent: AgentId(numbering.number(Kind::Agent, &member.agent)),
                role: member.role.as_ref().map(|role| RoleId(numbering.number(Kind::Role, role))),
                rank: member.rank,
                from: member.from,
                until: member.until,
            });
        }
        TeamSpec {
            members,
            covers: team.covers.iter().map(|(cover, _)| TeamId(numbering.number(Kind::Team, cover))).collect(),
            reserve: team.reserve,
            lends_to: numbering.queues(team.lends_to.iter().map(|(queue, _)| queue)),
            releases: team.releases,
            helps: numbering.queues(team.helps.iter().map(|(queue, _)| queue)),
            hours: self.team_calendar_name(team).map(|name| numbering.calendar(&name)),
        }
    }
}

fn channel_spec(channel: &Channel, numbering: &mut Numbering<'_>) -> ChannelSpec {
    let others = channel.interruptible_by.iter();
    ChannelSpec {
        class: channel.class,
        cost: channel.cost,
        slots: channel.slots,
        interruptible_by: others.map(|other| ChannelId(numbering.number(Kind::Channel, other))).collect(),
        max_connected: channel.max_connected,
    }
}

fn queue_spec(queue: &Queue, numbering: &mut Numbering<'_>) -> QueueSpec {
    QueueSpec {
        needs: numbering.needs(&queue.needs),
        widen: queue
            .widen
            .iter()
            .map(|(after, needs)| Widening { after: *after, needs: numbering.needs(needs) })
            .collect(),
        order: queue.order.clone(),
        pick: queue.pick,
        limit: queue.limit.as_ref().map(|(length, wait, then)| QueueLimit {
            length: *length,
            wait: *wait,
            then: numbering.exit(then),
        }),
        floor: queue.floor,
        hours: queue.hours.as_ref().map(|(hours, _)| numbering.calendar(&calendar_name(hours))),
        closed: numbering.exit(&queue.closed),
    }
}

fn agent_spec(agent: &Agent, numbering: &mut Numbering<'_>) -> AgentSpec {
    let skills = agent.skills.iter();
    AgentSpec {
        points: agent.points,
        skills: skills.map(|(skill, level)| (SkillId(numbering.number(Kind::Skill, skill)), Level(*level))).collect(),
        queues: numbering.queues(agent.queues.iter()),
        slots: agent
            .slots
            .iter()
            .map(|(channel, slots)| (ChannelId(numbering.number(Kind::Channel, channel)), *slots))
            .collect(),
        shift: agent.shift.as_ref().map(|shift| numbering.calendar(&calendar_name(shift))),
    }
}

/// The same hours in the same zone share a calendar; names that are too long or not ASCII are shortened to their hash.
fn calendar_name(hours: &Hours) -> String {
    let name = hours.name();
    if name.len() <= LONGEST_NAME && name.is_ascii() {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("hours {hex}")
}
