//! Decides how other routers' scenario is run: so many ready agents, one queue, longest idle, a burst of ten contacts
//! for each agent, all in virtual time, and everybody accepts at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use picket_core::{AgentId, Arrival, ContactId, Event, OfferFact, OfferId, Router, Timestamp};

use super::calls;
use super::clock::Began;
use super::world::{self, BEGIN, SOURCE, VOICE};

/// What was measured of others on a like machine, for 100, 1,000 and 10,000 agents (FreeSWITCH: its dispatch queries).
const OTHERS: [(u32, &str); 3] = [
    (100, "OpenACD 769, Asterisk app_queue 99, FreeSWITCH 780"),
    (1_000, "OpenACD 322, Asterisk app_queue 99, FreeSWITCH 153"),
    (10_000, "OpenACD 0.3, Asterisk app_queue 45, FreeSWITCH 21"),
];
/// At most so many at once where agents are few.
const SMALLEST_BURST: u32 = 2_000;
const STALL: u32 = 3_000;

/// One run.
struct Run {
    router: Router,
    now: Timestamp,
    events: Vec<Event>,
    /// When each contact arrived, was offered and was done, and how often it was offered.
    contacts: Vec<Contact>,
    offers: Vec<(OfferId, ContactId, AgentId)>,
    /// Whose call ends when.
    talks: BinaryHeap<Reverse<(Timestamp, ContactId, AgentId)>>,
    has: Vec<Option<ContactId>>,
    /// From the input that made an offer possible to the offer.
    decisions: Vec<Duration>,
    waits: Vec<u32>,
    duplicates: u32,
    random: u64,
}

#[derive(Clone, Copy)]
struct Contact {
    since: Timestamp,
    offers: u32,
    done: bool,
}

pub(crate) fn print() {
    println!(
        "\nothers' scenario: one queue, longest idle, a burst of ten contacts an agent, busy 50-200 ms, virtual time"
    );
    println!(
        "{:>7} {:>9} {:>12} {:>11} {:>11} {:>11} {:>12} {:>12} {:>6} {:>6}  contacts/s of others",
        "agents",
        "contacts",
        "contacts/s",
        "us/contact",
        "p50 us",
        "p99 us",
        "p50 wait ms",
        "p99 wait ms",
        "twice",
        "lost"
    );
    for (agents, others) in OTHERS {
        let at_once = if agents == 100 { SMALLEST_BURST.min(agents * 10) } else { agents * 10 };
        row(agents, agents * 10, at_once, others);
    }
    row(STALL, STALL, STALL, "Asterisk stopped for good");
    idle();
}

fn row(agents: u32, contacts: u32, at_once: u32, others: &str) {
    let mut run = Run::new(agents);
    let began = Began::now();
    let wall = Instant::now();
    run.burst(contacts, at_once);
    // A short run is shorter than the tick of the system's clock.
    let used = began.used();
    let used = if used < Duration::from_millis(100) { wall.elapsed() } else { used };
    let lost = run.contacts.iter().filter(|contact| !contact.done).count();
    run.decisions.sort_unstable();
    run.waits.sort_unstable();
    let decision = |percent: usize| run.decisions[(run.decisions.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    let wait = |percent: usize| run.waits[(run.waits.len() - 1) * percent / 100];
    println!(
        "{agents:>7} {contacts:>9} {:>12.0} {:>11.2} {:>11.2} {:>11.2} {:>12} {:>12} {:>6} {lost:>6}  {others}",
        f64::from(contacts) / used.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(contacts),
        decision(50),
        decision(99),
        wait(50),
        wait(99),
        run.duplicates,
    );
}

/// A hundred wait, nobody is free: an hour passes.
fn idle() {
    let mut run = Run::new(0);
    (0..100).for_each(|_| run.arrive());
    let (wall, mut wakes) = (Instant::now(), 0);
    let end = Timestamp(run.now.0 + 3_600_000);
    while let Some(wake) = run.router.next_wake().filter(|wake| wake.at <= end) {
        run.now = wake.at;
        run.router.wake(run.now, &mut run.events);
        wakes += 1;
    }
    println!("100 waiting, nobody free, an hour: {wakes} timers, {:.1} us", wall.elapsed().as_secs_f64() * 1e6);
}

impl Run {
    fn new(agents: u32) -> Self {
        Self {
            router: world::one_queue(agents),
            now: BEGIN,
            events: Vec::new(),
            contacts: Vec::new(),
            offers: Vec::new(),
            talks: BinaryHeap::new(),
            has: vec![None; agents as usize],
            decisions: Vec::new(),
            waits: Vec::new(),
            duplicates: 0,
            random: 7,
        }
    }

    fn burst(&mut self, contacts: u32, at_once: u32) {
        let mut open = 0;
        for _ in 0..contacts {
            while open >= at_once {
                self.hang_up();
                open -= 1;
            }
            self.arrive();
            open += 1;
        }
        while !self.talks.is_empty() {
            self.hang_up();
        }
    }

    fn arrive(&mut self) {
        let contact = ContactId(u32::try_from(self.contacts.len()).expect("few enough contacts"));
        self.contacts.push(Contact { since: self.now, offers: 0, done: false });
        let arrival = Arrival {
            contact,
            channel: VOICE,
            customer: None,
            source: SOURCE,
            since: self.now,
            plan: world::plain(),
            thread: None,
            matter: None,
            familiar: Vec::new(),
            prefers: Vec::new(),
            avoids: Vec::new(),
            fit: Vec::new(),
            scheduled_for: None,
        };
        self.give(|router, now, out| calls::receive(router, now, Box::new(arrival), out));
        self.answer();
    }

    fn give(&mut self, call: impl FnOnce(&mut Router, Timestamp, &mut Vec<Event>) -> calls::Taken) {
        let began = Instant::now();
        let taken = call(&mut self.router, self.now, &mut self.events);
        let took = began.elapsed();
        assert_eq!(taken, Ok(()), "the scenario has no input that is refused");
        for event in self.events.drain(..) {
            if let Event::Offer(offer, OfferFact::Made { contact, agent, .. }) = event {
                self.offers.push((offer, contact, agent));
                self.decisions.push(took);
            }
        }
    }

    /// Everybody who is asked accepts and talks.
    fn answer(&mut self) {
        while let Some((offer, contact, agent)) = self.offers.pop() {
            let known = &mut self.contacts[contact.index()];
            known.offers += 1;
            self.waits.push(self.now.since(known.since).0);
            let twice = known.offers > 1 || self.has[agent.index()].is_some();
            self.duplicates += u32::from(twice);
            self.has[agent.index()] = Some(contact);
            self.give(|router, now, out| calls::accept(router, now, (offer, agent), out));
            self.give(|router, now, out| calls::connect(router, now, contact, out));
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let busy = 50 + i64::try_from((self.random >> 33) % 151).expect("at most 150");
            self.talks.push(Reverse((Timestamp(self.now.0 + busy), contact, agent)));
        }
    }

    /// The next call ends.
    fn hang_up(&mut self) {
        let Reverse((at, contact, agent)) = self.talks.pop().expect("somebody talks");
        self.now = at;
        self.has[agent.index()] = None;
        self.contacts[contact.index()].done = true;
        self.give(|router, now, out| calls::end(router, now, contact, out));
        self.answer();
    }
}
