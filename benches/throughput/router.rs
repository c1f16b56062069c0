//! The core alone: 10,000 agents of 2,000 and more profiles, 200 queues, 500 teams, 100,000 and 1,000,000 contacts waiting.
//!
//! The mix: one contact is received, accepted, connected, ended, closed; one in five is abandoned, one offer in ten is
//! not answered.

use std::collections::VecDeque;
use std::time::Duration;

use picket::clock::Monotonic;
use picket_core::{
    AgentCommand, AgentId, AgentSpec, Arrival, Bypass, ChannelId, ChannelSpec, Class, ContactCommand, ContactId, Event,
    ExitAction, Finally, Hold, Holds, Input, Joining, Level, Member, Millis, Need, OfferCommand, OfferFact, OfferId,
    OfferMode, OfferPolicy, Pick, Plan, Presence, Promise, PromisedBy, QueueId, QueueOrder, QueueSpec, Router, SkillId,
    SourceId, StateSetter, Step, TeamId, TeamSpec, Timestamp, Urgency, Who, WorldChange,
};

use super::table::Row;

const AGENTS: u32 = 10_000;
const QUEUES: u32 = 200;
const TEAMS: u32 = 500;
const SKILLS: u32 = 50;
const VOICE: ChannelId = ChannelId(0);
const SOURCE: SourceId = SourceId(0);
const INPUTS: usize = 1_000_000;

/// A router with a world around it that answers offers.
struct Bench {
    router: Router,
    now: Timestamp,
    events: Vec<Event>,
    offers: VecDeque<(OfferId, ContactId, AgentId)>,
    inputs: usize,
    refused: usize,
    contacts: u32,
    waiting: VecDeque<ContactId>,
    /// A linear congruential generator: the same mix in every run.
    state: u64,
}

/// Inputs per second at two lengths of the waiting line.
pub(crate) fn measure() -> Vec<Row> {
    [100_000, 1_000_000].map(at).into()
}

fn at(waiting: u32) -> Row {
    let mut bench = Bench::new();
    bench.fill(waiting + AGENTS);
    let (before, began) = (bench.inputs, Monotonic::now());
    while bench.inputs - before < INPUTS {
        bench.turn();
    }
    let took: Duration = began.elapsed();
    Row {
        what: format!("core: inputs with {waiting} waiting"),
        unit: "inputs/s",
        count: bench.inputs - before,
        took,
        note: format!("{AGENTS} agents, {QUEUES} queues, {TEAMS} teams; {} refused", bench.refused),
    }
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            router: Router::new(),
            now: Timestamp(1_700_000_000_000),
            events: Vec::new(),
            offers: VecDeque::new(),
            inputs: 0,
            refused: 0,
            contacts: 0,
            waiting: VecDeque::new(),
            state: 7,
        };
        let voice = ChannelSpec {
            class: Class::Live,
            cost: 100,
            slots: 1,
            interruptible_by: Vec::new(),
            max_connected: Millis::from_secs(36_000),
        };
        bench.put(WorldChange::PutChannel(VOICE, voice));
        (0..QUEUES).for_each(|q| bench.put(WorldChange::PutQueue(QueueId(q), queue(q))));
        (0..AGENTS).for_each(|a| bench.put(WorldChange::PutAgent(AgentId(a), agent(a))));
        (0..TEAMS).for_each(|t| bench.put(WorldChange::PutTeam(TeamId(t), team(t))));
        bench
    }

    fn random(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }

    fn put(&mut self, change: WorldChange) {
        self.give(Input::World(Box::new(change)));
        assert_eq!(self.refused, 0, "the world of the bench is refused");
    }

    /// Hands an input over and keeps the offers that come of it.
    fn give(&mut self, input: Input) {
        self.inputs += 1;
        if self.router.handle(self.now, input, &mut self.events).is_err() {
            self.refused += 1;
        }
        self.collect();
    }

    fn collect(&mut self) {
        for event in self.events.drain(..) {
            if let Event::Offer(offer, OfferFact::Made { contact, agent, .. }) = event {
                self.offers.push_back((offer, contact, agent));
            }
        }
    }

    /// Everybody logs in, and so many contacts arrive.
    fn fill(&mut self, contacts: u32) {
        for agent in 0..AGENTS {
            let ready = AgentCommand::SetState {
                channels: Vec::new(),
                presence: Presence::Ready,
                reason: None,
                until: None,
                by: StateSetter::Source(SOURCE),
            };
            self.give(Input::Agent(AgentId(agent), ready));
        }
        (0..contacts).for_each(|_| self.arrive());
    }

    fn arrive(&mut self) {
        let contact = ContactId(self.contacts);
        self.contacts += 1;
        // A fifth of the contacts is a valued customer's.
        let plan = if self.random(5) == 0 { fenced(self.contacts % TEAMS) } else { open(self.contacts % QUEUES) };
        let arrival = Arrival {
            contact,
            channel: VOICE,
            customer: None,
            source: SOURCE,
            since: self.now,
            plan,
            thread: None,
            matter: None,
            familiar: Vec::new(),
            prefers: Vec::new(),
            avoids: Vec::new(),
            fit: Vec::new(),
            scheduled_for: None,
        };
        self.waiting.push_back(contact);
        self.give(Input::Receive(Box::new(arrival)));
    }

    /// One offer is answered or not, one contact ends, as many arrive as leave.
    fn turn(&mut self) {
        self.now = Timestamp(self.now.0 + 1);
        while self.router.wake(self.now, &mut self.events).is_some() {
            self.collect();
        }
        self.arrive();
        if self.random(5) == 0
            && let Some(gone) = self.waiting.pop_front()
        {
            // It may be with an agent by now; then the refusal is what this input costs.
            self.give(Input::Contact(gone, ContactCommand::Abandon));
            self.arrive();
        }
        let Some((offer, contact, agent)) = self.offers.pop_front() else { return };
        if self.random(10) == 0 {
            return;
        }
        self.give(Input::Offer(offer, OfferCommand::Accept(agent)));
        for command in [ContactCommand::Connect, ContactCommand::End, ContactCommand::Close] {
            self.give(Input::Contact(contact, command));
        }
    }
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
    let level = |n: u32| Level(u8::try_from(1 + n % 10).unwrap_or(1));
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
    let member = |rank: u32| Member { agent: AgentId(number * 6 + rank), role: None, rank, from: None, until: None };
    TeamSpec {
        members: (1..=6).map(member).collect(),
        covers: Vec::new(),
        reserve: 1,
        lends_to: vec![QueueId(number % QUEUES)],
        releases: false,
        helps: Vec::new(),
        hours: None,
    }
}

fn open(queue: u32) -> Plan {
    Plan {
        rules: 1,
        urgency: Urgency::Normal,
        queue: QueueId(queue),
        fence: None,
        lead: None,
        promise: Promise { within: Millis::from_secs(20), by: PromisedBy::Anyone },
        needs: Vec::new(),
        steps: vec![step(Who::Queue, 600)],
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
        longest: None,
    }
}

fn fenced(team: u32) -> Plan {
    let steps = vec![step(Who::Lead, 30), step(Who::Team(None), 600)];
    Plan { fence: Some(TeamId(team)), steps, ..open(team % QUEUES) }
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
