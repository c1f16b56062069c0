//! A small place to tell stories about: `given(world).when(input, at(29)).then(events)`.

use picket_core::*;

pub(crate) const VOICE: ChannelId = ChannelId(0);
pub(crate) const CHAT: ChannelId = ChannelId(1);
pub(crate) const EMAIL: ChannelId = ChannelId(2);
pub(crate) const GENERAL: QueueId = QueueId(0);
pub(crate) const BILLING: QueueId = QueueId(1);
pub(crate) const HOPKINS: TeamId = TeamId(0);
pub(crate) const NIGHT: TeamId = TeamId(1);
pub(crate) const ANN: AgentId = AgentId(0);
pub(crate) const BOLA: AgentId = AgentId(1);
pub(crate) const CARYS: AgentId = AgentId(2);
pub(crate) const DEE: AgentId = AgentId(3);
pub(crate) const FRENCH: SkillId = SkillId(0);
pub(crate) const PBX: SourceId = SourceId(0);

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp(1_800_000_000_000 + seconds * 1000)
}

pub(crate) const fn secs(seconds: u32) -> Millis {
    Millis::from_secs(seconds)
}

/// Holds of so many seconds, whatever keeps the people.
pub(crate) const fn hold(seconds: u32) -> Holds {
    Holds::all(Hold::For(secs(seconds)))
}

pub(crate) const fn step(who: Who, holds: Holds) -> Step {
    Step { who, holds, joining: Joining::Widens, needs: Vec::new(), bypass: NO_BYPASS, pick: Pick::LongestIdle }
}

pub(crate) const NO_BYPASS: Bypass = Bypass { skill: false, slots: false, hours: false };

pub(crate) const STAY: Finally = Finally {
    busy: ExitAction::Stay,
    closed_hours: ExitAction::Stay,
    holiday: ExitAction::Stay,
    no_cover: ExitAction::Stay,
};

pub(crate) const OPEN: Finally = Finally {
    busy: ExitAction::Open,
    closed_hours: ExitAction::Open,
    holiday: ExitAction::Open,
    no_cover: ExitAction::Open,
};

/// A plan for the general queue.
pub(crate) fn plan() -> Plan {
    Plan {
        rules: 1,
        urgency: Urgency::Normal,
        queue: GENERAL,
        fence: None,
        lead: None,
        promise: Promise { within: secs(20), by: PromisedBy::Anyone },
        needs: Vec::new(),
        steps: vec![step(Who::Queue, hold(600))],
        finally: STAY,
        offer: OfferPolicy {
            mode: OfferMode::One,
            expires: secs(20),
            accept_within: secs(30),
            misses: 1,
            away_for: Millis::ZERO,
        },
        wrap_up: secs(30),
        longest: Some(secs(900)),
    }
}

/// A plan behind the fence of Hopkins: the lead, then the team, then its covers, then the fence opens.
pub(crate) fn fenced() -> Plan {
    Plan {
        fence: Some(HOPKINS),
        steps: vec![step(Who::Lead, hold(30)), step(Who::Team(None), hold(60)), step(Who::Covers, hold(60))],
        finally: OPEN,
        ..plan()
    }
}

pub(crate) fn agent(queues: &[QueueId]) -> AgentSpec {
    AgentSpec { points: 100, skills: Vec::new(), queues: queues.to_vec(), slots: Vec::new(), shift: None }
}

pub(crate) fn skilled(level: u8) -> AgentSpec {
    AgentSpec { skills: vec![(FRENCH, Level(level))], ..agent(&[GENERAL]) }
}

pub(crate) fn queue() -> QueueSpec {
    QueueSpec {
        needs: Vec::new(),
        widen: Vec::new(),
        order: QueueOrder::Promise,
        pick: Pick::LongestIdle,
        limit: None,
        floor: None,
        hours: None,
        closed: ExitAction::Stay,
    }
}

pub(crate) fn team(members: &[AgentId]) -> TeamSpec {
    let members = members.iter().zip(1..);
    TeamSpec {
        members: members
            .map(|(agent, rank)| Member { agent: *agent, role: None, rank, from: None, until: None })
            .collect(),
        covers: Vec::new(),
        reserve: 0,
        lends_to: Vec::new(),
        releases: false,
        helps: Vec::new(),
        hours: None,
    }
}

pub(crate) fn channels() -> Vec<WorldChange> {
    let channel = |class, cost, slots| ChannelSpec {
        class,
        cost,
        slots,
        interruptible_by: Vec::new(),
        max_connected: secs(3600),
    };
    let email = ChannelSpec { interruptible_by: vec![VOICE], ..channel(Class::Deferred, 20, 5) };
    vec![
        WorldChange::PutChannel(VOICE, channel(Class::Live, 100, 1)),
        WorldChange::PutChannel(CHAT, channel(Class::Messaging, 30, 3)),
        WorldChange::PutChannel(EMAIL, email),
    ]
}

/// Ann and Bola are Hopkins, Dee is its cover, Carys and Dee serve the general queue. Nobody is logged in.
pub(crate) fn world() -> Scene {
    let mut scene = Scene::default();
    for change in channels() {
        scene.put(change);
    }
    scene.put(WorldChange::PutQueue(GENERAL, queue()));
    scene.put(WorldChange::PutQueue(BILLING, queue()));
    scene.put(WorldChange::PutAgent(ANN, agent(&[])));
    scene.put(WorldChange::PutAgent(BOLA, agent(&[])));
    scene.put(WorldChange::PutAgent(CARYS, agent(&[GENERAL])));
    scene.put(WorldChange::PutAgent(DEE, agent(&[GENERAL])));
    scene.put(WorldChange::PutTeam(NIGHT, team(&[DEE])));
    scene.put(WorldChange::PutTeam(HOPKINS, TeamSpec { covers: vec![NIGHT], ..team(&[ANN, BOLA]) }));
    scene
}

pub(crate) fn arrival(contact: u32, plan: Plan, since: Timestamp) -> Arrival {
    Arrival {
        contact: ContactId(contact),
        channel: VOICE,
        customer: None,
        source: PBX,
        since,
        plan,
        thread: None,
        matter: None,
        familiar: Vec::new(),
        prefers: Vec::new(),
        avoids: Vec::new(),
        fit: Vec::new(),
        scheduled_for: None,
    }
}

pub(crate) fn says(presence: Presence) -> AgentCommand {
    let (reason, until, by) = (None, None, StateSetter::Source(PBX));
    AgentCommand::SetState { channels: Vec::new(), presence, reason, until, by }
}

pub(crate) fn accepts(offer: u64, agent: AgentId) -> Input {
    Input::Offer(OfferId(offer), OfferCommand::Accept(agent))
}

pub(crate) fn declines(offer: u64, agent: AgentId) -> Input {
    Input::Offer(OfferId(offer), OfferCommand::Decline(agent, None))
}

pub(crate) fn contact(contact: u32, command: ContactCommand) -> Input {
    Input::Contact(ContactId(contact), command)
}

/// A router with a log, and what happened last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub(crate) router: Router,
    pub(crate) log: Vec<(Timestamp, Event)>,
    pub(crate) last: Vec<Event>,
    pub(crate) refused: Option<Rejection>,
}

impl Scene {
    pub(crate) fn put(&mut self, change: WorldChange) {
        let done = self.try_input(at(0), Input::World(Box::new(change)));
        assert_eq!(done, Ok(()));
    }

    pub(crate) fn with(mut self, change: WorldChange) -> Self {
        self.put(change);
        self
    }

    /// The same, in the middle of a story.
    pub(crate) fn with_later(self, change: WorldChange, now: Timestamp) -> Self {
        let scene = self.when(Input::World(Box::new(change)), now);
        assert_eq!(scene.refused, None);
        scene
    }

    #[expect(clippy::panic_in_result_fn, reason = "a refusal that changed something fails the story")]
    pub(crate) fn try_input(&mut self, now: Timestamp, input: Input) -> Result<(), Rejection> {
        let mut out = Vec::new();
        let before = self.router.clone();
        let done = self.router.handle(now, input, &mut out);
        if done.is_err() {
            assert!(out.is_empty(), "a refused input appended {out:?}");
            assert_eq!(self.router, before, "a refused input changed something");
        }
        self.refused = done.err();
        self.note(now, out);
        done
    }

    fn note(&mut self, now: Timestamp, out: Vec<Event>) {
        self.log.extend(out.iter().map(|event| (now, event.clone())));
        self.last = out;
    }

    /// Fires the earliest due timer.
    pub(crate) fn wake(&mut self, now: Timestamp) -> Option<TimerKind> {
        let mut out = Vec::new();
        let fired = self.router.wake(now, &mut out);
        if fired.is_some() {
            assert!(!out.is_empty(), "{fired:?} fired and nothing happened");
        }
        self.note(now, out);
        fired
    }

    /// Lets time pass up to and including a moment; what its timers did is what happened last.
    pub(crate) fn until(mut self, end: Timestamp) -> Self {
        let mut happened = Vec::new();
        while let Some(wake) = self.router.next_wake().filter(|wake| wake.at <= end) {
            self.wake(wake.at);
            happened.append(&mut self.last);
        }
        self.last = happened;
        self
    }

    /// Lets time pass up to just before a moment, then gives the input.
    pub(crate) fn when(self, input: Input, now: Timestamp) -> Self {
        let mut scene = self.until(Timestamp(now.0 - 1));
        let _ = scene.try_input(now, input);
        scene
    }

    /// Fires nothing, gives the input: the timer is late.
    pub(crate) fn when_late(mut self, input: Input, now: Timestamp) -> Self {
        let _ = self.try_input(now, input);
        self
    }

    pub(crate) fn ready(mut self, agents: &[AgentId], now: Timestamp) -> Self {
        for agent in agents {
            self = self.when(Input::Agent(*agent, says(Presence::Ready)), now);
            assert_eq!(self.refused, None);
        }
        self
    }

    pub(crate) fn arrives(self, number: u32, plan: Plan, now: Timestamp) -> Self {
        self.receives(arrival(number, plan, now), now)
    }

    pub(crate) fn receives(self, arrival: Arrival, now: Timestamp) -> Self {
        self.when(Input::Receive(Box::new(arrival)), now)
    }

    /// Accepts the only offer of a contact and connects it.
    pub(crate) fn answered(mut self, number: u32, now: Timestamp) -> Self {
        let offer = self.offer_of(number).expect("an offer is out");
        let agent = self.router.offer(offer).expect("it is live").agent;
        self = self.when(accepts(offer.0, agent), now).when(contact(number, ContactCommand::Connect), now);
        assert_eq!(self.refused, None);
        self
    }

    pub(crate) fn offer_of(&self, number: u32) -> Option<OfferId> {
        self.router.contact(ContactId(number))?.offers.first().copied()
    }

    /// Before whom a contact lies.
    pub(crate) fn asked(&self, number: u32) -> Vec<AgentId> {
        let offers = self.router.contact(ContactId(number)).map(|contact| contact.offers.to_vec()).unwrap_or_default();
        offers.iter().filter_map(|offer| self.router.offer(*offer)).map(|offer| offer.agent).collect()
    }

    pub(crate) fn state(&self, number: u32) -> ContactState {
        self.router.contact(ContactId(number)).expect("it is known").state
    }

    /// Exactly these events happened last.
    pub(crate) fn then(self, events: &[Event]) -> Self {
        assert_eq!(self.refused, None);
        assert_eq!(self.last, events);
        self
    }

    pub(crate) fn then_refused(self, rejection: Rejection) -> Self {
        assert_eq!(self.refused, Some(rejection));
        self
    }

    pub(crate) fn then_asked(self, number: u32, agents: &[AgentId]) -> Self {
        assert_eq!(self.asked(number), agents, "contact {number}; last: {:?}", self.last);
        self
    }

    pub(crate) fn then_state(self, number: u32, state: ContactState) -> Self {
        assert_eq!(self.state(number), state, "contact {number}; last: {:?}", self.last);
        self
    }

    /// Somewhere in what happened last.
    pub(crate) fn then_some(self, found: impl Fn(&Event) -> bool) -> Self {
        assert!(self.last.iter().any(found), "not in {:?}", self.last);
        self
    }

    pub(crate) fn then_none(self, found: impl Fn(&Event) -> bool) -> Self {
        assert!(!self.last.iter().any(found), "found in {:?}", self.last);
        self
    }
}

pub(crate) fn fact(number: u32, fact: ContactFact) -> Event {
    Event::Contact(ContactId(number), fact)
}

pub(crate) fn opened_for(event: &Event) -> Option<FenceReason> {
    match event {
        Event::Fence(_, FenceFact::Opened { reason, .. }) => Some(*reason),
        _ => None,
    }
}
