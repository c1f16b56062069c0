//! Decides what place the bench is in: 10,000 agents of as many profiles, 200 queues, 500 teams, and the plans of its contacts.

use std::collections::BTreeSet;

use picket_core::{
    AgentCommand, AgentId, AgentSpec, Bypass, ChannelId, ChannelSpec, Class, Event, ExitAction, Finally, Hold, Holds,
    Input, Joining, Level, Member, Millis, Need, OfferMode, OfferPolicy, Pick, Plan, Presence, Promise, PromisedBy,
    QueueId, QueueOrder, QueueSpec, Router, SkillId, SourceId, StateSetter, Step, TeamId, TeamSpec, Timestamp, Urgency,
    Who, WorldChange,
};

pub(crate) const AGENTS: u32 = 10_000;
pub(crate) const QUEUES: u32 = 200;
pub(crate) const TEAMS: u32 = 500;
/// Fewer distinct profiles would make the choice of an agent easier than it is.
const PROFILES: usize = 2_000;
const SKILLS: u32 = 50;
const MEMBERS: u32 = 6;
/// Urgency and promise vary inside each queue and team.
const VARIANTS: u32 = 4;
pub(crate) const VOICE: ChannelId = ChannelId(0);
pub(crate) const SOURCE: SourceId = SourceId(0);
pub(crate) const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// What a contact is: which queue or team it is for, how urgent it is, what was promised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort(u16);

impl Sort {
    /// A fifth of all contacts is a valued customer's.
    pub(crate) fn draw(mut random: impl FnMut(u32) -> u32) -> Self {
        let target = if random(5) == 0 { QUEUES + random(TEAMS) } else { random(QUEUES) };
        Self(u16::try_from(target * VARIANTS + random(VARIANTS)).expect("the sorts fit"))
    }
}

/// One plan for each sort of contact.
pub(crate) struct Plans(Vec<Plan>);

impl Plans {
    pub(crate) fn new() -> Self {
        Self((0..(QUEUES + TEAMS) * VARIANTS).map(plan).collect())
    }

    pub(crate) fn of(&self, sort: Sort) -> Plan {
        self.0[usize::from(sort.0)].clone()
    }
}

/// A router in which everybody is logged in and nobody waits.
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    put(&mut router, WorldChange::PutChannel(VOICE, voice()));
    (0..QUEUES).for_each(|number| put(&mut router, WorldChange::PutQueue(QueueId(number), queue(number))));
    let profiles: BTreeSet<_> = (0..AGENTS).map(|number| (agent(number).skills, agent(number).queues)).collect();
    assert!(profiles.len() >= PROFILES, "only {} profiles", profiles.len());
    (0..AGENTS).for_each(|number| put(&mut router, WorldChange::PutAgent(AgentId(number), agent(number))));
    (0..TEAMS).for_each(|number| put(&mut router, WorldChange::PutTeam(TeamId(number), team(number))));
    (0..AGENTS).for_each(|number| give(&mut router, Input::Agent(AgentId(number), set(Presence::Ready))));
    router
}

/// A router with one queue that so many agents serve, all of them ready.
pub(crate) fn one_queue(agents: u32) -> Router {
    let mut router = Router::new();
    put(&mut router, WorldChange::PutChannel(VOICE, voice()));
    put(&mut router, WorldChange::PutQueue(QueueId(0), QueueSpec { needs: Vec::new(), ..queue(0) }));
    for number in 0..agents {
        let spec =
            AgentSpec { points: 100, skills: Vec::new(), queues: vec![QueueId(0)], slots: Vec::new(), shift: None };
        put(&mut router, WorldChange::PutAgent(AgentId(number), spec));
    }
    (0..agents).for_each(|number| give(&mut router, Input::Agent(AgentId(number), set(Presence::Ready))));
    router
}

/// The plan of the contacts of `one_queue`: nobody is too late with an answer, nothing follows the call.
pub(crate) fn plain() -> Plan {
    Plan { wrap_up: Millis::ZERO, ..plan(0) }
}

fn put(router: &mut Router, change: WorldChange) {
    give(router, Input::World(Box::new(change)));
}

fn give(router: &mut Router, input: Input) {
    let mut events: Vec<Event> = Vec::new();
    router.handle(BEGIN, input, &mut events).expect("the place is well formed");
}

pub(crate) fn set(presence: Presence) -> AgentCommand {
    let (channels, by) = (Vec::new(), StateSetter::Source(SOURCE));
    AgentCommand::SetState { channels, presence, reason: None, until: None, by }
}

fn voice() -> ChannelSpec {
    let max_connected = Millis::from_secs(36_000);
    ChannelSpec { class: Class::Live, cost: 100, slots: 1, interruptible_by: Vec::new(), max_connected }
}

fn queue(number: u32) -> QueueSpec {
    QueueSpec {
        needs: vec![Need { skill: SkillId(number % SKILLS), level: Level(1) }],
        widen: Vec::new(),
        order: QueueOrder::Promise,
        pick: Pick::LongestIdle,
        limit: None,
        floor: None,
        hours: None,
        closed: ExitAction::Stay,
    }
}

/// Every agent has three skills at levels of her own and serves two queues that need two of them.
fn agent(number: u32) -> AgentSpec {
    let level = |n: u32| Level(u8::try_from(1 + n % 10).expect("1 to 10"));
    let (first, second) = (number % QUEUES, number * 7 % QUEUES);
    let mut skills: Vec<(SkillId, Level)> = Vec::new();
    for (skill, own) in [(first, number / 3), (second, number / 7), (number / QUEUES, number / 11)] {
        if skills.iter().all(|(known, _)| *known != SkillId(skill % SKILLS)) {
            skills.push((SkillId(skill % SKILLS), level(own)));
        }
    }
    skills.sort_unstable_by_key(|(skill, _)| *skill);
    let queues = if first == second { vec![QueueId(first)] } else { vec![QueueId(first), QueueId(second)] };
    AgentSpec { points: 100, skills, queues, slots: Vec::new(), shift: None }
}

fn team(number: u32) -> TeamSpec {
    let member =
        |rank: u32| Member { agent: AgentId(number * MEMBERS + rank), role: None, rank, from: None, until: None };
    TeamSpec {
        members: (1..=MEMBERS).map(member).collect(),
        covers: Vec::new(),
        reserve: 1,
        lends_to: vec![QueueId(number % QUEUES)],
        releases: false,
        helps: Vec::new(),
        hours: None,
    }
}

fn plan(sort: u32) -> Plan {
    let (target, variant) = (sort / VARIANTS, sort % VARIANTS);
    let urgency = if variant == 0 { Urgency::High } else { Urgency::Normal };
    let within = Millis::from_secs(if variant < 2 { 20 } else { 60 });
    let mut plan = Plan {
        rules: 1,
        urgency,
        queue: QueueId(target % QUEUES),
        fence: None,
        lead: None,
        promise: Promise { within, by: PromisedBy::Anyone },
        needs: Vec::new(),
        steps: vec![step(Who::Queue, 36_000)],
        finally: Finally {
            busy: ExitAction::Stay,
            closed_hours: ExitAction::Stay,
            holiday: ExitAction::Stay,
            no_cover: ExitAction::Stay,
        },
        offer: OfferPolicy {
            mode: OfferMode::One,
            expires: Millis::from_secs(20),
            accept_within: Millis::from_secs(30),
            misses: 0,
            away_for: Millis::ZERO,
        },
        wrap_up: Millis::from_secs(30),
        longest: Some(Millis::from_secs(36_000)),
    };
    if target >= QUEUES {
        plan.fence = Some(TeamId(target - QUEUES));
        plan.steps = vec![step(Who::Lead, 30), step(Who::Team(None), 36_000)];
    }
    plan
}

fn step(who: Who, hold_s: u32) -> Step {
    Step {
        who,
        holds: Holds::all(Hold::For(Millis::from_secs(hold_s))),
        joining: Joining::Widens,
        needs: Vec::new(),
        bypass: Bypass { skill: true, ..Bypass::default() },
        pick: Pick::LongestIdle,
    }
}
