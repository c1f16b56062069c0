//! A small contact centre in virtual time: one queue or one team, arrivals, handling and patience from a seed.
#![expect(clippy::cast_possible_truncation, reason = "seconds of a few dozen hours")]

use std::collections::{BTreeMap, BTreeSet};

use picket_core::*;

use super::random::Stream;
use crate::scene::*;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    agents: u32,
    /// Arrivals an hour, of ordinary and of urgent contacts; the second half hour of every two brings the factor more.
    per_hour: (f64, f64),
    swing: f64,
    handling: f64,
    lognormal: bool,
    patience: Option<f64>,
    /// Half of the agents go at 4 h and come back at 6 h, and so on.
    leave: bool,
    fenced: bool,
}

const BASE: Case = Case {
    name: "",
    agents: 10,
    per_hour: (142.0, 0.0),
    swing: 1.0,
    handling: 240.0,
    lognormal: false,
    patience: None,
    leave: false,
    fenced: false,
};

impl Case {
    pub(crate) const ALL: [Self; 7] = [
        Self { name: "10 agents, 95 % load", ..BASE },
        Self { name: "lognormal handling", lognormal: true, per_hour: (138.0, 0.0), ..BASE },
        Self { name: "120 % load, patience 5 min", per_hour: (180.0, 0.0), patience: Some(300.0), ..BASE },
        Self { name: "one in four urgent", per_hour: (107.0, 34.0), patience: Some(900.0), ..BASE },
        Self { name: "arrivals swing", per_hour: (90.0, 0.0), swing: 2.0, patience: Some(900.0), ..BASE },
        Self { name: "half the agents leave", per_hour: (110.0, 0.0), patience: Some(600.0), leave: true, ..BASE },
        Self { name: "a fenced team of four", agents: 4, per_hour: (52.0, 0.0), fenced: true, ..BASE },
    ];
}

/// Sums of errors, in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors {
    pub(crate) count: u32,
    waited: f64,
    squares: [f64; 4],
    bias: f64,
    inside: u32,
}

impl Errors {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.waited += other.waited;
        self.bias += other.bias;
        self.inside += other.inside;
        for (sum, more) in self.squares.iter_mut().zip(other.squares) {
            *sum += more;
        }
    }

    fn note(&mut self, waited: f64, told: &Told) {
        self.count += 1;
        self.waited += waited;
        for (sum, guess) in self.squares.iter_mut().zip(told.guesses) {
            *sum += (guess - waited).powi(2);
        }
        let [.., ours] = told.guesses;
        self.bias += ours - waited;
        self.inside += u32::from((ours - waited).abs() <= told.band);
    }

    pub(crate) fn mean_wait(&self) -> f64 {
        self.waited / f64::from(self.count)
    }

    pub(crate) fn relative(&self) -> [f64; 4] {
        self.squares.map(|squares| (squares / f64::from(self.count)).sqrt() / self.mean_wait())
    }

    pub(crate) fn bias(&self) -> f64 {
        self.bias / self.waited
    }

    pub(crate) fn inside(&self) -> f64 {
        f64::from(self.inside) / f64::from(self.count)
    }
}

/// What was told when a contact came and had to wait: first of line, last served, length over rate, ours.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Timestamp,
    urgency: Urgency,
    guesses: [f64; 4],
    band: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Arrives(Urgency),
    Ends(u32),
    Loses(u32),
    Turns,
}

/// One run.
pub(crate) struct Place {
    case: Case,
    router: Router,
    agenda: BTreeSet<(Timestamp, u64, Happens)>,
    number: u64,
    now: Timestamp,
    next: u32,
    told: BTreeMap<u32, Told>,
    last_served: f64,
    here: u32,
    arrivals: Stream,
    handling: Stream,
    patience: Stream,
    errors: Errors,
}

const HOURS: i64 = 60;
/// Nobody is counted before.
const WARM: i64 = 3;

impl Place {
    pub(crate) fn new(case: Case, seed: u64) -> Self {
        let mut scene = Scene::default();
        for change in channels() {
            scene.put(change);
        }
        scene.put(WorldChange::PutQueue(GENERAL, queue()));
        let agents: Vec<AgentId> = (0..case.agents).map(AgentId).collect();
        let queues: &[QueueId] = if case.fenced { &[] } else { &[GENERAL] };
        for id in &agents {
            scene.put(WorldChange::PutAgent(*id, agent(queues)));
        }
        scene.put(WorldChange::PutTeam(HOPKINS, team(if case.fenced { &agents } else { &[] })));
        let router = scene.ready(&agents, at(1)).router;
        let stream = |purpose| Stream::new(seed, purpose);
        let mut place = Self {
            case,
            router,
            agenda: BTreeSet::new(),
            number: 0,
            now: at(2),
            next: 0,
            told: BTreeMap::new(),
            last_served: 0.0,
            here: case.agents,
            arrivals: stream(1),
            handling: stream(2),
            patience: stream(3),
            errors: Errors::default(),
        };
        place.arrive_next(Urgency::Normal);
        place.arrive_next(Urgency::Urgent);
        if case.leave {
            (2..HOURS / 2).for_each(|turn| place.plan(at(turn * 7200), Happens::Turns));
        }
        place
    }

    fn plan(&mut self, at: Timestamp, what: Happens) {
        self.number += 1;
        self.agenda.insert((at, self.number, what));
    }

    fn after(&self, seconds: f64) -> Timestamp {
        Timestamp(self.now.0 + (seconds * 1000.0).ceil() as i64)
    }

    fn arrive_next(&mut self, urgency: Urgency) {
        let (ordinary, urgent) = self.case.per_hour;
        let per_hour = if urgency == Urgency::Urgent { urgent } else { ordinary };
        if per_hour > 0.0 {
            let is_high = (self.now.0 - at(0).0) / 3_600_000 % 2 == 1;
            let rate = per_hour * if is_high { self.case.swing } else { 1.0 };
            let gap = self.arrivals.exponential(3600.0 / rate);
            self.plan(self.after(gap), Happens::Arrives(urgency));
        }
    }

    pub(crate) fn run(mut self) -> Errors {
        while let Some((now, _, what)) = self.agenda.pop_first().filter(|(now, ..)| *now < at(HOURS * 3600)) {
            while let Some(wake) = self.router.next_wake().filter(|wake| wake.at <= now) {
                let mut out = Vec::new();
                self.router.wake(wake.at, &mut out);
                self.follow(wake.at, &out);
            }
            self.now = now;
            match what {
                Happens::Arrives(urgency) => self.arrives(urgency),
                Happens::Ends(number) => self.give(contact(number, ContactCommand::End)),
                Happens::Loses(number) if self.told.contains_key(&number) => {
                    self.told.remove(&number);
                    self.give(contact(number, ContactCommand::Abandon));
                }
                Happens::Loses(_) => {}
                Happens::Turns => self.turn(),
            }
        }
        self.errors
    }

    fn give(&mut self, input: Input) {
        let mut out = Vec::new();
        self.router.handle(self.now, input, &mut out).expect("a contact centre asks for nothing odd");
        self.follow(self.now, &out);
    }

    fn arrives(&mut self, urgency: Urgency) {
        let number = self.next;
        self.next += 1;
        let offer = OfferPolicy { mode: OfferMode::Auto, accept_within: Millis(0), ..plan().offer };
        let mut plan = Plan { urgency, offer, wrap_up: Millis(0), longest: None, finally: STAY, ..plan() };
        if self.case.fenced {
            plan = Plan { fence: Some(HOPKINS), steps: vec![step(Who::Team(None), hold(1_000_000))], ..plan };
        }
        let guesses = self.others(urgency);
        self.give(Input::Receive(Box::new(arrival(number, plan, self.now))));
        if self.router.contact(ContactId(number)).is_some_and(|contact| contact.state == ContactState::Waiting) {
            let estimates = self.router.estimates(ContactId(number), self.now).expect("it waits");
            let estimate = if self.case.fenced { estimates.own } else { estimates.any };
            // Before anything is known nothing is told; the warm-up sees to that.
            let Estimate { wait, band } = estimate.unwrap_or_default();
            let [first, served, length] = guesses;
            let guesses = [first, served, length, f64::from(wait.0) / 1000.0];
            self.told.insert(number, Told { at: self.now, urgency, guesses, band: f64::from(band.0) / 1000.0 });
            if let Some(patience) = self.case.patience {
                let patience = self.patience.exponential(patience);
                self.plan(self.after(patience), Happens::Loses(number));
            }
        }
        self.arrive_next(urgency);
    }

    /// The candidates, for one more at the end of the line.
    fn others(&self, urgency: Urgency) -> [f64; 3] {
        let mut first = self.now;
        let mut ahead = 0;
        for waiting in self.told.values() {
            ahead += u32::from(waiting.urgency <= urgency);
            if waiting.urgency == urgency {
                first = first.min(waiting.at);
            }
        }
        let length = f64::from(ahead + 1) * self.case.handling / f64::from(self.here);
        [f64::from(self.now.since(first).0) / 1000.0, self.last_served, length]
    }

    /// Half of the agents go, or come back.
    fn turn(&mut self) {
        let half = self.case.agents / 2;
        let presence = if self.here == half { Presence::Ready } else { Presence::NotReady };
        self.here = if self.here == half { self.case.agents } else { half };
        for agent in half..self.case.agents {
            self.give(Input::Agent(AgentId(agent), says(presence)));
        }
    }

    fn follow(&mut self, now: Timestamp, out: &[Event]) {
        for event in out {
            let Event::Contact(ContactId(number), ContactFact::Assigned { .. }) = event else { continue };
            if let Some(told) = self.told.remove(number) {
                let waited = f64::from(now.since(told.at).0) / 1000.0;
                self.last_served = waited;
                if told.at > at(WARM * 3600) {
                    self.errors.note(waited, &told);
                }
            }
            let mean = self.case.handling;
            let lasts =
                if self.case.lognormal { self.handling.lognormal(mean) } else { self.handling.exponential(mean) };
            let end = Timestamp(now.0 + (lasts * 1000.0).ceil() as i64);
            self.plan(end, Happens::Ends(*number));
            let mut connected = Vec::new();
            self.router.handle(now, contact(*number, ContactCommand::Connect), &mut connected).expect("it is assigned");
        }
    }
}
