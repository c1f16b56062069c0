//! What a crowd costs the core: a queue of a hundred thousand events at the start, with and without catching up, and
//! thousands of agents who log in at once while thousands wait.

use std::time::Duration;

use picket::clock::Monotonic;
use picket_core::{AgentId, Arrival, CatchUp, ContactCommand, ContactId, Event, Input, OfferFact, Presence, Router};

use super::table::Row;
use crate::speed::world::{self, AGENTS, BEGIN, Plans, SOURCE, Sort, VOICE};

/// Contacts that arrived during an outage.
const ARRIVED: u32 = 60_000;
/// One in so many of them still waits at its end.
const STAYED: u32 = 3;
/// Contacts that wait when a crowd of agents logs in.
const WAITING: u32 = 20_000;

/// Inputs that are given one after the other, and what they took.
struct Crowd {
    router: Router,
    events: Vec<Event>,
    longest: Duration,
    inputs: usize,
}

impl Crowd {
    const fn before(router: Router) -> Self {
        Self { router, events: Vec::new(), longest: Duration::ZERO, inputs: 0 }
    }

    fn give(&mut self, input: Input) {
        let began = Monotonic::now();
        self.router.handle(BEGIN, input, &mut self.events).expect("it is taken");
        self.longest = self.longest.max(began.elapsed());
        self.inputs += 1;
    }

    fn offers(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Offer(_, OfferFact::Made { .. }))).count()
    }

    fn row(self, what: String, unit: &'static str, took: Duration) -> Row {
        let note = format!("longest step {:?}, {} offers made", self.longest, self.offers());
        Row { what, unit, count: self.inputs, took, note }
    }
}

fn arrival(number: u32, sort: Option<(&Plans, Sort)>) -> Input {
    Input::Receive(Box::new(Arrival {
        contact: ContactId(number),
        channel: VOICE,
        customer: None,
        source: SOURCE,
        since: BEGIN,
        plan: sort.map_or_else(world::plain, |(plans, sort)| plans.of(sort)),
        thread: None,
        matter: None,
        familiar: Vec::new(),
        prefers: Vec::new(),
        avoids: Vec::new(),
        fit: Vec::new(),
        scheduled_for: None,
    }))
}

/// Inputs per second, in the order of the queue: everybody arrives, and then most leave.
pub(crate) fn measure() -> Vec<Row> {
    [CatchUp::Begin, CatchUp::End]
        .map(|first| {
            let plans = Plans::new();
            let mut crowd = Crowd::before(world::router());
            let mut random = 7_u32;
            let began = Monotonic::now();
            crowd.give(Input::CatchUp(first));
            for number in 0..ARRIVED {
                let sort = Sort::draw(|bound| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (random >> 8) % bound
                });
                crowd.give(arrival(number, Some((&plans, sort))));
            }
            for number in (0..ARRIVED).filter(|number| number % STAYED > 0) {
                crowd.give(Input::Contact(ContactId(number), ContactCommand::Abandon));
            }
            crowd.give(Input::CatchUp(CatchUp::End));
            let with = if first == CatchUp::Begin { "caught up with" } else { "taken as it comes" };
            crowd.row(format!("a queue of a hundred thousand inputs, {with}"), "inputs/s", began.elapsed())
        })
        .into()
}

/// Logins per second, with a tenth of the agents and with all.
pub(crate) fn measure_herd() -> Vec<Row> {
    [AGENTS / 10, AGENTS]
        .map(|agents| {
            let mut crowd = Crowd::before(world::one_queue(agents));
            let everybody = |crowd: &mut Crowd, presence| {
                (0..agents).for_each(|agent| crowd.give(Input::Agent(AgentId(agent), world::set(presence))));
            };
            everybody(&mut crowd, Presence::Offline);
            (0..WAITING).for_each(|number| crowd.give(arrival(number, None)));
            (crowd.longest, crowd.inputs) = (Duration::ZERO, 0);
            let began = Monotonic::now();
            everybody(&mut crowd, Presence::Ready);
            crowd.row(format!("{agents} agents log in while {WAITING} wait"), "logins/s", began.elapsed())
        })
        .into()
}
