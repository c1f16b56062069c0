//! Decides what the core is told of the place: what the scenario states, or what the rules do.

use picket_core::{
    AgentId, AgentSpec, Calendar, CalendarId, ChannelId, ChannelSpec, Class, ExitAction, Floor, Kind, Level, Member,
    Millis, Names, QueueId, QueueOrder, QueueSpec, SkillId, TeamId, TeamSpec, Timestamp, Window, WorldChange,
};
use picket_rules::RuleSet;

use super::work::Worker;
use crate::scenario::{Agents, Fault, FloorFrom, OrderFrom, Queue, Scenario, Team};

/// The group of the rules' agents that the scenario does not name.
const OTHERS: &str = "others";

/// The days for which shifts are written out.
const DAYS_LIMIT: i64 = 2000;

/// The place, and who works in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) names: Names,
    pub(super) changes: Vec<WorldChange>,
    /// By number of agent.
    pub(super) workers: Vec<Worker>,
    pub(super) groups: Vec<String>,
    /// The agents of each group.
    members: Vec<(String, Vec<AgentId>)>,
    pub(super) rules: Option<RuleSet>,
}

impl Place {
    pub(super) fn new(scenario: &Scenario) -> Result<Self, Vec<Fault>> {
        let mut place = Self {
            names: Names::default(),
            changes: Vec::new(),
            workers: Vec::new(),
            groups: scenario.agents.iter().map(|agents| agents.name.clone()).collect(),
            members: Vec::new(),
            rules: None,
        };
        match &scenario.rules {
            Some(path) => place.read_rules(scenario, path)?,
            None => place.build(scenario),
        }
        Ok(place)
    }

    fn number(&mut self, kind: Kind, name: &str) -> u32 {
        self.names.intern(kind, name, &mut Vec::new())
    }

    /// The agents that a team's list means: groups and single ones.
    pub(super) fn members(&self, named: &[String]) -> Vec<AgentId> {
        let of_one = |name: &String| match self.members.iter().find(|(group, _)| group == name) {
            Some((_, agents)) => agents.clone(),
            None => self.names.find(Kind::Agent, name).map(AgentId).into_iter().collect(),
        };
        let mut found: Vec<AgentId> = Vec::new();
        for agent in named.iter().flat_map(of_one) {
            if !found.contains(&agent) {
                found.push(agent);
            }
        }
        found
    }

    fn read_rules(&mut self, scenario: &Scenario, path: &std::path::Path) -> Result<(), Vec<Fault>> {
        let faults = |findings: Vec<picket_rules::Finding>| {
            let found = findings.into_iter().filter(|finding| finding.severity == picket_rules::Severity::Error);
            let mend = "`picket check` shows the place and what to do";
            found
                .map(|finding| Fault {
                    place: format!("rules `{}`", path.display()),
                    what: finding.message,
                    mend: mend.to_owned(),
                })
                .collect::<Vec<_>>()
        };
        let sources = picket_rules::sources(path).map_err(faults)?;
        let (rules, _) = RuleSet::parse(&sources).map_err(faults)?;
        self.changes = rules.world(&mut self.names, &mut Vec::new(), scenario.start.0);
        self.rules = Some(rules);
        let known: Vec<String> = self.names.all(Kind::Agent).map(|(_, name)| name.to_owned()).collect();
        let others = self.groups.len();
        self.workers = known.iter().map(|_| Worker::new(others, 1.0, 0.0)).collect();
        let mut wrong = Vec::new();
        for (group, agents) in scenario.agents.iter().enumerate() {
            for (place, member) in agents.members.iter().enumerate() {
                match self.names.find(Kind::Agent, member).and_then(|number| self.workers.get_mut(number as usize)) {
                    Some(worker) => *worker = Worker::new(group, agents.speed_of(place), agents.slowdown),
                    None => wrong.push(Fault {
                        place: format!("agents `{}`, members", agents.name),
                        what: format!("the rules have no agent `{member}`"),
                        mend: "name one of theirs".to_owned(),
                    }),
                }
            }
        }
        if self.workers.iter().any(|worker| worker.group == others) {
            self.groups.push(OTHERS.to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn build(&mut self, scenario: &Scenario) {
        let one = crate::scenario::Channel { name: "voice".to_owned(), cost: 100, slots: 1 };
        let channels = if scenario.channels.is_empty() { vec![one] } else { scenario.channels.clone() };
        for channel in &channels {
            let id = ChannelId(self.number(Kind::Channel, &channel.name));
            let spec = ChannelSpec {
                class: Class::Live,
                cost: channel.cost,
                slots: channel.slots,
                interruptible_by: Vec::new(),
                max_connected: Millis::ZERO,
            };
            self.changes.push(WorldChange::PutChannel(id, spec));
        }
        for queue in &scenario.queues {
            let id = QueueId(self.number(Kind::Queue, &queue.name));
            self.changes.push(WorldChange::PutQueue(id, queue_spec(queue)));
        }
        for (group, agents) in scenario.agents.iter().enumerate() {
            self.add_group(scenario, group, agents, channels.len());
        }
        for team in &scenario.teams {
            self.number(Kind::Team, &team.name);
        }
        for team in &scenario.teams {
            let id = TeamId(self.number(Kind::Team, &team.name));
            let spec = self.team_spec(team);
            self.changes.push(WorldChange::PutTeam(id, spec));
        }
        // Skills that plans need and nobody has are numbered too.
        let needs = scenario.classes.iter().filter_map(|class| class.plan.as_ref()).flat_map(|plan| plan.needs.keys());
        for skill in needs {
            self.number(Kind::Skill, skill);
        }
    }

    fn add_group(&mut self, scenario: &Scenario, group: usize, agents: &Agents, channels: usize) {
        let shift = (!agents.shift.is_empty()).then(|| {
            let id = CalendarId(self.number(Kind::Calendar, &agents.name));
            self.changes.push(WorldChange::PutCalendar(id, shifts(scenario, agents)));
            id
        });
        let queues: Vec<QueueId> = agents.queues.iter().map(|queue| QueueId(self.number(Kind::Queue, queue))).collect();
        let skills: Vec<_> = agents
            .skills
            .iter()
            .map(|(skill, level)| (SkillId(self.number(Kind::Skill, skill)), Level(*level)))
            .collect();
        let each = |channel: usize| ChannelId(u32::try_from(channel).unwrap_or(u32::MAX));
        let slots: Vec<_> =
            agents.slots.into_iter().flat_map(|slots| (0..channels).map(move |at| (each(at), slots))).collect();
        let mut own = Vec::new();
        for (place, name) in agents.people().iter().enumerate() {
            let id = AgentId(self.number(Kind::Agent, name));
            let (skills, queues, slots) = (skills.clone(), queues.clone(), slots.clone());
            self.changes.push(WorldChange::PutAgent(id, AgentSpec { points: 100, skills, queues, slots, shift }));
            self.workers.push(Worker::new(group, agents.speed_of(place), agents.slowdown));
            own.push(id);
        }
        self.members.push((agents.name.clone(), own));
    }

    fn team_spec(&mut self, team: &Team) -> TeamSpec {
        let members = (1..)
            .zip(self.members(&team.agents))
            .map(|(rank, agent)| Member { agent, role: None, rank, from: None, until: None })
            .collect();
        TeamSpec {
            members,
            covers: team.covers.iter().map(|cover| TeamId(self.number(Kind::Team, cover))).collect(),
            reserve: team.reserve,
            lends_to: team.lends_to.iter().map(|queue| QueueId(self.number(Kind::Queue, queue))).collect(),
            releases: team.releases,
            helps: Vec::new(),
            hours: None,
        }
    }
}

fn queue_spec(queue: &Queue) -> QueueSpec {
    QueueSpec {
        needs: Vec::new(),
        widen: Vec::new(),
        order: match queue.order {
            OrderFrom::Promise => QueueOrder::Promise,
            OrderFrom::Fifo => QueueOrder::Fifo,
        },
        pick: queue.pick,
        limit: None,
        floor: queue.floor.as_ref().map(floor),
        hours: None,
        closed: ExitAction::Stay,
    }
}

fn floor(from: &FloorFrom) -> Floor {
    let permille = |share: f64| u32::try_from(crate::scenario::Span::millis(share * 1000.0).ticks()).unwrap_or(1000);
    Floor {
        share_permille: permille(from.share),
        within: from.within.core(),
        over: from.over.core(),
        margin_permille: permille(from.margin),
    }
}

/// The hours of a group, written out day by day.
fn shifts(scenario: &Scenario, agents: &Agents) -> Calendar {
    let day = 86_400_000;
    let start = scenario.start.0.0;
    // A run may go on past its end until nobody waits any more, for as long again.
    let length = scenario.warm_up.ticks() + 2 * scenario.length.ticks();
    let days = 0..(length / day + 2).min(DAYS_LIMIT);
    let window =
        |midnight: i64, from: i64, to: i64| Window { from: Timestamp(midnight + from), to: Timestamp(midnight + to) };
    let windows = days.flat_map(|number| {
        let hours = agents.shift.iter();
        hours.map(move |(from, to)| window(start + number * day, from.ticks(), to.ticks()))
    });
    Calendar { windows: windows.collect(), holidays: Vec::new(), until: None }
}
