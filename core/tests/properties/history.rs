//! Random histories: each number is read against the present state, so that most inputs make sense.

use picket_core::*;
use proptest::prelude::*;

use super::invariants::Watch;
use crate::scene::*;

/// One step of a history, to be read against the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) kind: u8,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) c: u8,
    /// Time passed: seconds, or nothing.
    pub(crate) dt: u8,
}

pub(crate) fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = any::<(u8, u8, u8, u8, u8)>().prop_map(|(kind, a, b, c, dt)| Op { kind, a, b, c, dt });
    prop::collection::vec(op, 1..most)
}

const AGENTS: u32 = 6;
const SHIFT: CalendarId = CalendarId(0);
const TO: DestinationId = DestinationId(1);

/// A live router, a second one that only applies, and what was seen.
pub(crate) struct Run {
    pub(crate) live: Router,
    shadow: Router,
    pub(crate) log: Vec<(Timestamp, Event)>,
    watch: Watch,
    now: Timestamp,
    start: i64,
    next: u32,
    pub(crate) tried: u32,
    pub(crate) accepted: u32,
}

impl Run {
    pub(crate) fn new(shift: i64) -> Self {
        let mut run = Self {
            live: Router::new(),
            shadow: Router::new(),
            log: Vec::new(),
            watch: Watch::default(),
            now: Timestamp(at(0).0 + shift),
            start: at(0).0 + shift,
            next: 0,
            tried: 0,
            accepted: 0,
        };
        // Explaining changes nothing: the second router records nothing.
        run.live.explain(Detail::Full);
        for change in run.world() {
            run.give(Input::World(Box::new(change)));
        }
        for agent in 0..AGENTS {
            run.give(Input::Agent(AgentId(agent), says(Presence::Ready)));
        }
        run
    }

    fn after(&self, seconds: i64) -> Timestamp {
        Timestamp(self.start + seconds * 1000)
    }

    fn later(&self, number: u8) -> Timestamp {
        Timestamp(self.now.0 + 1000 + i64::from(number) * 500)
    }

    fn world(&self) -> Vec<WorldChange> {
        let french = vec![Need { skill: FRENCH, level: Level(6) }];
        let windows = (0..40).map(|i| Window { from: self.after(i * 700), to: self.after(i * 700 + 500) }).collect();
        let floor = Floor { share_permille: 800, within: secs(20), over: secs(160), margin_permille: 50 };
        let widen = vec![Widening { after: secs(15), needs: Vec::new() }];
        let to = ExitAction::Divert(TO);
        let limit = Some(QueueLimit { length: 12, wait: None, then: to });
        let mut world = channels();
        world.push(WorldChange::PutCalendar(SHIFT, Calendar { windows, until: None }));
        world.push(WorldChange::PutQueue(GENERAL, QueueSpec { floor: Some(floor), limit, ..queue() }));
        world.push(WorldChange::PutQueue(
            BILLING,
            QueueSpec { needs: french, widen, order: QueueOrder::Fifo, ..queue() },
        ));
        world.extend((0..AGENTS).map(|number| WorldChange::PutAgent(AgentId(number), agent_of(number))));
        world.push(WorldChange::PutTeam(NIGHT, self.team(1, 0)));
        world.push(WorldChange::PutTeam(HOPKINS, self.team(0, 0)));
        world
    }

    fn team(&self, number: u8, variant: u8) -> TeamSpec {
        let dated = |variant| if variant % 3 == 1 { Some(self.later(variant)) } else { None };
        if number == 1 {
            return TeamSpec { lends_to: vec![BILLING], ..team(&[AgentId(2)]) };
        }
        let mut spec = team(&[AgentId(0), AgentId(1), AgentId(2 + u32::from(variant % 2))]);
        spec.members[1].until = dated(variant);
        spec.members[1].role = Some(RoleId(1));
        TeamSpec {
            covers: vec![NIGHT],
            reserve: u32::from(variant % 4 != 2),
            lends_to: vec![GENERAL],
            releases: true,
            ..spec
        }
    }

    fn plan(&self, kind: u8, variant: u8) -> Plan {
        let to = ExitAction::Divert(TO);
        let mixed = Finally { busy: ExitAction::Open, closed_hours: to, holiday: to, no_cover: ExitAction::Callback };
        let role = Some(RoleId(1));
        let holds = Holds { off_shift: Hold::For(Millis::ZERO), away: Hold::For(secs(5)), ..hold(20) };
        let work = Holds::all(Hold::Working(secs(10), SHIFT));
        let smart = Holds { busy: Hold::Smart(secs(30), 400), ..holds };
        let wide = vec![step(Who::Lead, smart), step(Who::Team(None), holds), step(Who::Covers, holds)];
        let only = Step { joining: Joining::Only, ..step(Who::Covers, holds) };
        let (fence, finally, steps) = match kind % 8 {
            0 => (Some(HOPKINS), OPEN, wide),
            1 => (Some(HOPKINS), STAY, wide),
            2 => (Some(HOPKINS), mixed, vec![step(Who::Lead, work), step(Who::Backups, hold(10)), only]),
            3 => (Some(NIGHT), OPEN, vec![step(Who::Team(role), hold(30)), step(Who::Queue, hold(30))]),
            4 => (
                None,
                mixed,
                vec![step(Who::Agent(AgentId(u32::from(variant % 8))), holds), step(Who::Queue, hold(90))],
            ),
            5 => (None, Finally { busy: to, no_cover: to, ..STAY }, vec![step(Who::Queue, hold(40))]),
            _ => (None, STAY, vec![step(Who::Queue, hold(500))]),
        };
        let modes = [OfferMode::One, OfferMode::One, OfferMode::All, OfferMode::Auto];
        let urgencies = [Urgency::Normal, Urgency::Normal, Urgency::Urgent, Urgency::Low];
        let mode = modes[usize::from(variant % 4)];
        Plan {
            fence,
            finally,
            steps,
            urgency: urgencies[usize::from(variant / 4 % 4)],
            queue: if variant.is_multiple_of(5) { BILLING } else { GENERAL },
            offer: OfferPolicy { mode, misses: variant % 3, ..plan().offer },
            wrap_up: secs(u32::from(variant % 3) * 5),
            longest: (!kind.is_multiple_of(3)).then(|| secs(45)),
            ..plan()
        }
    }

    /// Time passes, its timers fire one by one, and then something happens.
    pub(crate) fn step(&mut self, op: Op) {
        let passed = if op.dt < 60 { 0 } else { i64::from(op.dt % 32) * 400 };
        let end = Timestamp(self.now.0 + passed);
        // Now and then the timers are late.
        if op.dt % 16 != 5 {
            self.pass(end);
        }
        self.now = end;
        let input = self.input(op);
        self.tried += 1;
        if self.give(input) {
            self.accepted += 1;
        }
    }

    fn pass(&mut self, end: Timestamp) {
        let mut fired = 0;
        while let Some(wake) = self.live.next_wake().filter(|wake| wake.at <= end) {
            fired += 1;
            assert!(fired < 2000, "timers never come to an end: {wake:?}");
            self.now = self.now.max(wake.at);
            let mut out = Vec::new();
            assert_eq!(self.live.wake(self.now, &mut out), Some(wake.kind));
            assert!(!out.is_empty(), "{wake:?} fired and nothing happened (invariant 6)");
            self.follow(None, out);
        }
    }

    /// Gives an input; true if it was accepted.
    fn give(&mut self, input: Input) -> bool {
        let mut out = Vec::new();
        let done = self.live.handle(self.now, input.clone(), &mut out);
        // The second router was not given the input: if nothing changed, the two are still equal.
        if done.is_err() {
            assert!(out.is_empty(), "a refused input appended {out:?}");
        }
        self.follow(Some(&input), out);
        done.is_ok()
    }

    /// Applies what happened to the second router, event by event, with every check.
    fn follow(&mut self, input: Option<&Input>, out: Vec<Event>) {
        for event in out {
            self.watch.before(self.now, input, &event, &self.shadow);
            self.shadow.apply(self.now, &event);
            self.log.push((self.now, event));
        }
        assert_eq!(self.shadow.next_wake(), self.live.next_wake());
        // Long histories are compared as a whole now and then.
        if self.next < 60 || self.tried.is_multiple_of(64) {
            assert_eq!(self.shadow, self.live, "replay equals live (invariant 8)");
        }
        if self.next < 60 || self.tried.is_multiple_of(16) {
            self.watch.after(&self.live);
        }
    }

    /// What only needs to be looked at once.
    pub(crate) fn end(&self) {
        assert_eq!(self.shadow, self.live, "replay equals live (invariant 8)");
        let bytes = postcard::to_allocvec(&self.live).expect("state is serialisable");
        let back: Router = postcard::from_bytes(&bytes).expect("state is deserialisable");
        assert_eq!(back, self.live);
        assert_eq!(back.next_wake(), self.live.next_wake());
        let json = serde_json::to_string(&self.log).expect("events are serialisable");
        let events: Vec<(Timestamp, Event)> = serde_json::from_str(&json).expect("events are deserialisable");
        assert_eq!(events, self.log);
    }

    fn input(&mut self, op: Op) -> Input {
        let agent = AgentId(u32::from(op.a) % AGENTS);
        match op.kind % 32 {
            0..=7 => self.arrival(op),
            8..=12 => self.answer(op),
            13..=20 => self.about_contact(op),
            21..=25 => Input::Agent(agent, self.about_agent(op)),
            26 | 27 => self.supervision(op),
            28 => Input::World(Box::new(WorldChange::PutTeam(TeamId(u32::from(op.a % 2)), self.team(op.a % 2, op.b)))),
            29 if op.b.is_multiple_of(8) => Input::World(Box::new(WorldChange::RemoveAgent(agent))),
            29 => Input::World(Box::new(WorldChange::PutAgent(agent, agent_of(agent.0)))),
            30 if op.b.is_multiple_of(4) => {
                Input::World(Box::new(WorldChange::RemoveTeam(TeamId(u32::from(op.a % 2)))))
            }
            30 => Input::ClockJumped(secs(u32::from(op.a % 20))),
            _ => Input::Agent(agent, says(Presence::Ready)),
        }
    }

    fn arrival(&mut self, op: Op) -> Input {
        let number = self.next;
        self.next += 1;
        let since = Timestamp(self.now.0 - i64::from(op.c % 4) * 3000);
        let channel = [VOICE, VOICE, CHAT, EMAIL][usize::from(op.c / 4 % 4)];
        let one_in = |n: u8| op.c.is_multiple_of(n);
        let known = Familiar { agent: AgentId(u32::from(op.b) % AGENTS), contacts: 2, last: since };
        Input::Receive(Box::new(Arrival {
            channel,
            thread: one_in(5).then_some(ThreadId(u32::from(op.a % 3))),
            matter: one_in(7).then_some(MatterId(u32::from(op.a % 3))),
            familiar: if one_in(3) { vec![known] } else { Vec::new() },
            avoids: if one_in(11) { vec![AgentId(u32::from(op.a) % AGENTS)] } else { Vec::new() },
            scheduled_for: one_in(13).then(|| self.later(op.a)),
            ..arrival(number, self.plan(op.a, op.b), since)
        }))
    }

    fn answer(&self, op: Op) -> Input {
        let offers: Vec<OfferView> = self.live.offers().collect();
        let Some(offer) = offers.get(usize::from(op.a) % offers.len().max(1)) else {
            return Input::Offer(OfferId(u64::from(op.b)), OfferCommand::Accept(AgentId(0)));
        };
        let agent = if op.c == 0 { AgentId(0) } else { offer.agent };
        let command = if op.c % 8 == 1 { OfferCommand::Decline(agent, None) } else { OfferCommand::Accept(agent) };
        Input::Offer(offer.id, command)
    }

    /// A live contact in one of some states; any other if there is none.
    fn pick(&self, op: Op, states: &[ContactState]) -> ContactId {
        let fit: Vec<ContactId> =
            self.live.contacts().filter(|contact| states.contains(&contact.state)).map(|contact| contact.id).collect();
        fit.get(usize::from(op.a) % fit.len().max(1)).copied().unwrap_or(ContactId(u32::from(op.a)))
    }

    fn about_contact(&self, op: Op) -> Input {
        use ContactState::{Assigned, Connected, Offered, Parked, Scheduled, Waiting, WrapUp};
        let retry_at = op.c.is_multiple_of(2).then(|| self.later(op.b));
        let failures = [ConnectFailure::Agent, ConnectFailure::Customer { retry_at }];
        let reasons = [Replanning::Rules, Replanning::Customer, Replanning::Updated, Replanning::Reidentified];
        let transfers = [
            Transfer::Agent(AgentId(u32::from(op.c) % AGENTS)),
            Transfer::Team(TeamId(u32::from(op.c % 2))),
            Transfer::Queue(QueueId(u32::from(op.c % 2))),
            Transfer::Needs(vec![Need { skill: FRENCH, level: Level(op.c % 10) }]),
        ];
        let (states, command): (&[ContactState], _) = match op.b % 24 {
            0..=6 => (&[Assigned], ContactCommand::Connect),
            7 => (&[Assigned], ContactCommand::FailToConnect(failures[usize::from(op.b / 24 % 2)])),
            8..=10 => (&[Connected], ContactCommand::End),
            11 | 12 => (&[Connected, WrapUp], ContactCommand::Close),
            13 | 14 => (&[Waiting, Offered, Assigned], ContactCommand::Abandon),
            15 => (&[Connected], ContactCommand::Park),
            16 => (&[Parked], ContactCommand::Resume),
            17 => (&[Connected, Assigned], ContactCommand::Requeue),
            18 | 19 => (&[Connected], ContactCommand::Transfer(transfers[usize::from(op.c / 4 % 4)].clone())),
            20 => (&[Waiting, Offered, Scheduled], ContactCommand::Schedule(self.later(op.c))),
            21 => (&[Waiting, Parked], ContactCommand::Withdraw(OutsideEnd::HandledElsewhere)),
            _ => (
                &[Waiting, Offered, Connected],
                ContactCommand::Replan(Box::new(self.plan(op.c, op.b)), reasons[usize::from(op.c / 8 % 4)]),
            ),
        };
        Input::Contact(self.pick(op, states), command)
    }

    fn about_agent(&self, op: Op) -> AgentCommand {
        let presence = [Presence::Ready, Presence::Ready, Presence::NotReady, Presence::Offline][usize::from(op.b % 4)];
        let channels = if op.c.is_multiple_of(4) { vec![CHAT] } else { Vec::new() };
        let by = if op.c % 16 == 3 { StateSetter::Supervisor } else { StateSetter::Source(PBX) };
        let until = op.c.is_multiple_of(5).then(|| self.later(op.c));
        let deputy = Some(AgentId((u32::from(op.a) + 1) % AGENTS));
        match op.b / 4 % 16 {
            0 | 1 => AgentCommand::Absent { from: self.now, until: self.later(op.c), reason: None, deputy },
            2 => AgentCommand::Absent { from: self.later(op.c), until: self.later(255), reason: None, deputy: None },
            3 => AgentCommand::Return,
            4 => AgentCommand::Load(VOICE, u32::from(op.c % 2)),
            5 => AgentCommand::Vouch(ExpectedPresence::Lost),
            6 | 7 => AgentCommand::Vouch(ExpectedPresence::Seen),
            _ => AgentCommand::SetState { channels, presence, reason: None, until, by },
        }
    }

    fn supervision(&self, op: Op) -> Input {
        let act = match op.b % 4 {
            0 => Supervision::OpenFence(FenceReason::Supervisor),
            1 => Supervision::OpenFence(FenceReason::CustomerChoice),
            2 => Supervision::CloseFence,
            _ => Supervision::Assign(Handler { agent: AgentId(u32::from(op.c) % AGENTS) }),
        };
        Input::Supervise(self.pick(op, &[ContactState::Waiting, ContactState::Offered]), act)
    }

    /// Unknown numbers and absurd times.
    pub(crate) fn nonsense(&mut self, kind: u8, number: u32, time: i64) {
        let (id, time) = (number | 0x8000, Timestamp(time));
        let plan = Plan { queue: QueueId(id), ..self.plan(kind, kind) };
        let input = match kind % 10 {
            0 => Input::Contact(ContactId(id), ContactCommand::End),
            1 => Input::Offer(OfferId(u64::MAX - u64::from(number)), OfferCommand::Accept(AgentId(id))),
            2 => Input::Agent(AgentId(id), AgentCommand::Load(VOICE, u32::MAX)),
            3 => Input::Supervise(ContactId(id), Supervision::CloseFence),
            4 => Input::Receive(Box::new(arrival(id, plan, time))),
            5 => Input::Receive(Box::new(Arrival { channel: ChannelId(id), ..arrival(id, self.plan(6, 1), self.now) })),
            6 => Input::World(Box::new(WorldChange::RemoveTeam(TeamId(id)))),
            7 => Input::Agent(AgentId(0), AgentCommand::Absent { from: time, until: time, reason: None, deputy: None }),
            8 => Input::Contact(ContactId(id), ContactCommand::Schedule(time)),
            _ => Input::Offer(OfferId(0), OfferCommand::Decline(AgentId(id), None)),
        };
        assert!(!self.give(input.clone()), "{input:?} was accepted");
    }
}

fn agent_of(number: u32) -> AgentSpec {
    let queues: &[QueueId] = match number {
        0 | 1 => &[],
        2 => &[BILLING],
        _ => &[GENERAL, BILLING],
    };
    let shift = (number == 4).then_some(SHIFT);
    let level = u8::try_from(number * 2).unwrap_or(1);
    AgentSpec { skills: vec![(FRENCH, Level(level))], shift, ..agent(queues) }
}
