//! A recorded week of a call centre through the whole daemon, killed on the way, decides exactly what the core alone
//! decides. The trace lies beside the project; without it these stories say so and pass.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

use std::fs::File;
use std::path::PathBuf;

use common::daemon::Setup;
use common::rabbitmq::Server;
use common::redis::RedisServer;
use picket_sim::week::{Call, CoreSeat, Driver, Ended, Week, read};
use week::amqp_seat::AmqpSeat;
use week::http_seat::HttpSeat;

mod common {
    pub(crate) mod daemon;
    pub(crate) mod http;
    pub(crate) mod port;
    pub(crate) mod rabbitmq;
    pub(crate) mod redis;
    pub(crate) mod wait;
}

mod week {
    pub(crate) mod amqp_seat;
    pub(crate) mod http_seat;
    pub(crate) mod messages;
}

const SEED: u64 = 1999;
const DOMAIN: &str = "bank";
/// Sunday, 2 May 1999, in days since 1 January.
const SUNDAY: u32 = 121;

fn trace() -> Option<Vec<Call>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/anonbank_week_sample.csv");
    match File::open(&path) {
        Ok(file) => Some(read(file).expect("the trace is a CSV of calls")),
        Err(error) => {
            eprintln!("SKIPPED: the recorded week is not here ({}: {error})", path.display());
            None
        }
    }
}

fn through_the_core(week: &Week) -> Ended {
    let mut seat = CoreSeat::new(&week.rules()).unwrap_or_else(|error| panic!("{error}"));
    Driver::new(week, SEED).run(&mut seat).unwrap_or_else(|error| panic!("{error}"))
}

fn through_a_daemon(week: &Week, kills: &[u64]) -> Ended {
    let daemon = Setup::embedded(&week.rules(), DOMAIN).set("PICKET_CLOCK__KIND", "driven").start();
    let mut seat = HttpSeat::new(daemon, kills);
    let ended = Driver::new(week, SEED).run(&mut seat).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seat.killed() as usize, kills.len(), "every kill happened");
    ended
}

/// What must hold at the end of the whole week.
fn holds(ended: &Ended, contacts: u64) {
    let report = &ended.report;
    assert_eq!(report.violations, [], "every contact closed once, fences, capacity and numbering kept");
    assert_eq!(report.contacts, contacts);
    let reasons = report.reasons();
    assert!(reasons.contains_key("hold_over") && reasons.contains_key("no_cover"), "{reasons:?}");
    let served: u64 = report.fenced_by.values().sum();
    assert!(report.inside() * 2 >= served, "{} of {served} inside: {:?}", report.inside(), report.fenced_by);
}

/// A quarter, a half and three quarters of the way.
fn on_the_way(steps: u64) -> [u64; 3] {
    [steps / 4, steps / 2, steps * 3 / 4]
}

#[test]
fn the_whole_week_with_three_kills_decides_what_it_decides_without_and_what_the_core_decides_alone() {
    let Some(calls) = trace() else { return };
    let week = Week::new(&calls, |_| true, SEED);
    let core = through_the_core(&week);
    holds(&core, week.callers.len() as u64);
    let kills = on_the_way(core.steps);
    let (calm, killed) = std::thread::scope(|scope| {
        let calm = scope.spawn(|| through_a_daemon(&week, &[]));
        let killed = scope.spawn(|| through_a_daemon(&week, &kills));
        (calm.join().expect("the run without kills"), killed.join().expect("the run with kills"))
    });
    for (name, run) in [("without kills", &calm), ("with kills", &killed)] {
        assert_eq!(core.decisions.differs(&run.decisions), None, "{name}");
        holds(run, week.callers.len() as u64);
    }
}

#[test]
fn sunday_over_rabbitmq_and_redis_with_three_kills_decides_what_the_core_decides_alone() {
    let Some(calls) = trace() else { return };
    if !common::rabbitmq::installed() {
        return;
    }
    let week = Week::new(&calls, |day| day == SUNDAY, SEED);
    let core = through_the_core(&week);
    let (broker, store) = (Server::start(), RedisServer::start());
    let amqp = broker.vhost("week");
    let setup = Setup::with_services(&week.rules(), DOMAIN, &amqp, &store.url());
    let daemon = setup.set("PICKET_CLOCK__KIND", "driven").start();
    let mut seat = AmqpSeat::new(daemon, &amqp, DOMAIN, &on_the_way(core.steps));
    let run = Driver::new(&week, SEED).run(&mut seat).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(seat.killed(), 3);
    assert_eq!(core.decisions.differs(&run.decisions), None);
    assert_eq!(run.report.violations, []);
    assert_eq!(run.report.contacts, week.callers.len() as u64);
}
