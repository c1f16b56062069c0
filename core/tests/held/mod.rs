//! Measures what a hold for one's own agent costs and brings: plain ones of several lengths, and smart ones, in virtual
//! time on fixed seeds. Every customer has one of four people as their own; the other three join after the hold.
#![expect(clippy::cast_possible_truncation, reason = "seconds and shares of a few hundred hours")]
#![expect(clippy::print_stdout, reason = "a measurement shows its table")]

use std::collections::BTreeSet;

use picket_core::*;

use crate::estimates::random::Stream;
use crate::scene::*;

const HOURS: i64 = 200;
const HANDLING: f64 = 240.0;
const AGENTS: u32 = 4;
/// Arrivals an hour: 70 % load.
const PER_HOUR: f64 = 42.0;

/// What a hold came to.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    served: f64,
    by_own: f64,
    waited: f64,
    /// Steps ended before their limit since waiting was not worth it.
    unlikely: u32,
}

impl Came {
    fn share(&self) -> f64 {
        self.by_own / self.served
    }

    fn wait(&self) -> f64 {
        self.waited / self.served
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Arrives,
    Ends(u32),
}

struct Place {
    router: Router,
    shadow: Router,
    busy: Hold,
    agenda: BTreeSet<(Timestamp, u32, Happens)>,
    number: u32,
    customers: Vec<(AgentId, Timestamp)>,
    arrivals: Stream,
    handling: Stream,
    result: Came,
}

impl Place {
    fn new(busy: Hold, seed: u64) -> Self {
        let mut scene = world();
        let people: Vec<AgentId> = (0..AGENTS).map(AgentId).collect();
        for agent_id in &people {
            scene.put(WorldChange::PutAgent(*agent_id, agent(&[])));
        }
        scene.put(WorldChange::PutTeam(HOPKINS, team(&people)));
        let scene = scene.ready(&people, at(1));
        let router = scene.router.clone();
        let (arrivals, handling) = (Stream::new(seed, 1), Stream::new(seed, 2));
        let agenda = BTreeSet::from([(at(2), 0, Happens::Arrives)]);
        let (number, customers, result) = (0, Vec::new(), Came::default());
        Self { shadow: router.clone(), router, busy, agenda, number, customers, arrivals, handling, result }
    }

    fn plan(&mut self, now: Timestamp, seconds: f64, what: Happens) {
        self.number += 1;
        self.agenda.insert((Timestamp(now.0 + (seconds * 1000.0).ceil() as i64), self.number, what));
    }

    fn run(mut self) -> Came {
        while let Some((now, _, what)) = self.agenda.pop_first().filter(|(now, ..)| *now < at(HOURS * 3600)) {
            while let Some(wake) = self.router.next_wake().filter(|wake| wake.at <= now) {
                let mut out = Vec::new();
                self.router.wake(wake.at, &mut out);
                assert!(!out.is_empty(), "{wake:?} fired and nothing happened");
                self.follow(wake.at, &out);
            }
            match what {
                Happens::Arrives => self.arrives(now),
                Happens::Ends(number) => self.give(now, contact(number, ContactCommand::End)),
            }
        }
        assert_eq!(self.shadow, self.router, "replay equals live");
        self.result
    }

    fn arrives(&mut self, now: Timestamp) {
        let lead = AgentId((self.arrivals.unit() * f64::from(AGENTS)) as u32);
        let number = u32::try_from(self.customers.len()).expect("few");
        self.customers.push((lead, now));
        let offer = OfferPolicy { mode: OfferMode::Auto, accept_within: Millis(0), ..plan().offer };
        let own = Holds { busy: self.busy, ..Holds::all(Hold::For(Millis(0))) };
        let steps = vec![step(Who::Lead, own), step(Who::Team(None), hold(1_000_000))];
        let plan = Plan { lead: Some(lead), offer, steps, finally: STAY, wrap_up: secs(0), longest: None, ..fenced() };
        self.give(now, Input::Receive(Box::new(arrival(number, plan, now))));
        let gap = self.arrivals.exponential(3600.0 / PER_HOUR);
        self.plan(now, gap, Happens::Arrives);
    }

    fn give(&mut self, now: Timestamp, input: Input) {
        let mut out = Vec::new();
        self.router.handle(now, input, &mut out).expect("nothing odd is asked");
        self.follow(now, &out);
    }

    fn follow(&mut self, now: Timestamp, out: &[Event]) {
        for event in out {
            self.shadow.apply(now, event);
            match event {
                Event::Contact(ContactId(number), ContactFact::Assigned { agent, .. }) => {
                    let (lead, since) = self.customers[*number as usize];
                    self.result.served += 1.0;
                    self.result.by_own += f64::from(u8::from(lead == *agent));
                    self.result.waited += f64::from(now.since(since).0) / 1000.0;
                    let lasts = self.handling.lognormal(HANDLING);
                    self.plan(now, lasts, Happens::Ends(*number));
                    let mut connected = Vec::new();
                    let connect = contact(*number, ContactCommand::Connect);
                    self.router.handle(now, connect, &mut connected).expect("it is assigned");
                    connected.iter().for_each(|event| self.shadow.apply(now, event));
                }
                Event::Contact(_, ContactFact::StepEntered { cause: StepCause::Unlikely { .. }, .. }) => {
                    self.result.unlikely += 1;
                }
                _ => {}
            }
        }
        assert_eq!(self.shadow.next_wake(), self.router.next_wake());
    }
}

fn measured(busy: Hold) -> Came {
    let mut all = Came::default();
    for seed in 1..=3 {
        let one = Place::new(busy, seed).run();
        all.served += one.served;
        all.by_own += one.by_own;
        all.waited += one.waited;
        all.unlikely += one.unlikely;
    }
    all
}

/// The share that plain holds give at a mean wait, read between the two nearest.
fn plain_share(plain: &[Came], wait: f64) -> f64 {
    let above = plain.iter().position(|one| one.wait() >= wait).unwrap_or(plain.len() - 1).max(1);
    let (one, other) = (plain[above - 1], plain[above]);
    let part = (wait - one.wait()) / (other.wait() - one.wait());
    one.share() + (other.share() - one.share()) * part
}

#[test]
fn a_smart_hold_brings_more_of_ones_own_agent_for_the_same_wait_than_a_plain_one() {
    let show = |name: String, result: Came| {
        println!("{name:<22} {:>8.3} {:>8.1} {:>8}", result.share(), result.wait(), result.unlikely);
        result
    };
    println!("{:<22} {:>8} {:>8} {:>8}", "hold", "own", "mean s", "unlikely");
    let plain: Vec<Came> = [0, 30, 60, 120, 180, 300]
        .map(|seconds| show(format!("{seconds} s"), measured(Hold::For(secs(seconds)))))
        .into();
    for least in [200, 400, 600] {
        let smart = show(format!("smart 180 s, {} %", least / 10), measured(Hold::Smart(secs(180), least)));
        assert!(smart.unlikely > 100, "{smart:?}");
        let same_wait = plain_share(&plain, smart.wait());
        println!("{:<22} {same_wait:>8.3}", "  plain, same wait");
        assert!(smart.share() > same_wait, "{} against {same_wait}", smart.share());
    }
}
