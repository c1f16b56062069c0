//! Nothing lost, nothing twice: what holds when the broker, the store or the daemon is killed under load.

use std::time::Duration;

use picket_sim::check::{Channel, Checker, Ending, Place, Team};
use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup};
use crate::common::platform::{Ledger, Platform};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

const RULES: &str = include_str!("kills.rules.toml");
const AGENTS: [&str; 6] = ["ann", "bola", "carys", "dai", "elin", "fflur"];
/// Contacts between two kills.
const BETWEEN: usize = 30;
/// Contacts that wait or are served at any moment.
const AT_ONCE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(180);

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Broker,
    Store,
    Daemon,
}

#[test]
fn killing_broker_store_and_daemon_three_times_each_under_load_loses_nothing_and_assigns_nothing_twice() {
    let _alone = crate::heavy();
    let (broker, mut store) = (Server::start(), RedisServer::start());
    let mut daemon = Setup::with_services(RULES, "kills", &broker.url(), &store.url()).start();
    let platform = Platform::start(&broker.url(), "kills", "chaos");
    open_the_place(&platform);

    broker.wait_until_it_remembers("%2F", "kills");

    let mut sent = 0;
    for round in 0..3 {
        for victim in [Victim::Broker, Victim::Store, Victim::Daemon] {
            sent = load(&platform, sent, sent + BETWEEN, &daemon);
            eprintln!("round {round}: killing the {victim:?} with {} contacts open", open(&platform, sent));
            strike(victim, &broker, &mut store, &mut daemon);
        }
    }
    sent = load(&platform, sent, sent + BETWEEN, &daemon);
    until("every contact to be closed", PATIENCE, || (open(&platform, sent) == 0).then_some(()));
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
    // What was said about a contact that had closed meanwhile is refused, and that comes last. Whatever has no effect
    // after this long has none.
    until("every input to have its effect", PATIENCE, || platform.ledger().without_effect().is_empty().then_some(()));
    judge(&platform.ledger());
}

/// Agents log in, valued customers are made known.
fn open_the_place(platform: &Platform) {
    for agent in AGENTS {
        platform.send(&format!("login-{agent}"), "agent.set_state", json!({"agent": agent, "state": "ready"}));
    }
    for customer in ["vip-1", "vip-2", "vip-3"] {
        let put = json!({"customer": customer, "attributes": {"lifetime_value": 120_000}});
        platform.send(&format!("put-{customer}"), "customer.put", put);
    }
}

/// Sends contacts until so many were sent, with at most [`AT_ONCE`] open; returns how many were sent.
fn load(platform: &Platform, from: usize, to: usize, daemon: &Daemon) -> usize {
    for number in from..to {
        if open(platform, number) >= AT_ONCE {
            let what = format!("contact {number} to find room\n{}", daemon.log_end());
            until(&what, PATIENCE, || (open(platform, number) < AT_ONCE).then_some(()));
        }
        // Every fourth contact is a valued customer's.
        let customer = if number % 4 == 0 { format!("vip-{}", 1 + number / 4 % 3) } else { format!("other-{number}") };
        let data = json!({"contact": contact(number), "channel": "sms", "customer": customer});
        platform.send(&format!("received-{number}"), "contact.received", data);
    }
    to
}

fn contact(number: usize) -> String {
    format!("c-{number}")
}

/// Contacts of the first `sent` that were not heard to be closed.
fn open(platform: &Platform, sent: usize) -> usize {
    sent - platform.ledger().closed.len()
}

/// Kills one, in the middle of what it does, and starts it again.
fn strike(victim: Victim, broker: &Server, store: &mut RedisServer, daemon: &mut Daemon) {
    match victim {
        Victim::Broker => {
            broker.kill();
            broker.restart();
        }
        Victim::Store => {
            store.kill();
            store.restart();
        }
        Victim::Daemon => {
            daemon.kill();
            daemon.start();
        }
    }
}

/// Judges from what was sent and heard alone.
fn judge(ledger: &Ledger) {
    assert!(ledger.contradictions.is_empty(), "numbers given twice: {:?}", ledger.contradictions);
    let lost = ledger.without_effect();
    assert!(lost.is_empty(), "confirmed inputs without any effect: {lost:?}");
    let mut checker = Checker::new(place());
    for input in &ledger.confirmed {
        checker.sent(input);
    }
    for output in ledger.outputs.values() {
        checker.take(output);
    }
    let report = checker.finish(Ending::Calm);
    let wrong: Vec<_> = report.violations.iter().map(|v| format!("at {}: {}", v.number, v.sentence)).collect();
    assert!(wrong.is_empty(), "promises broken:\n{}", wrong.join("\n"));
    let received = |input: &&Value| input["type"] == "picket.contact.received.v1";
    assert_eq!(report.contacts, ledger.confirmed.iter().filter(received).count() as u64);
    assert!(report.fenced > 0, "no fence stood in this run");
}

/// The place as this test set it up, told to the checker.
fn place() -> Place {
    let sms = Channel { cost: 50, slots: 2, interruptible_by: [].into(), class: "messaging".to_owned() };
    let members = ["ann", "bola"].map(str::to_owned).into();
    Place {
        channels: [("sms".to_owned(), sms)].into(),
        points: [].into(),
        teams: [("inner".to_owned(), Team { members, covers: Vec::new() })].into(),
    }
}
