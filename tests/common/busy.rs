//! Decides what a busy place is: agents, valued customers and others, contacts that keep coming, and who judges it all.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::time::Duration;

use picket_sim::check::{Channel, Checker, Ending, Place, Team};
use serde_json::{Value, json};

use super::platform::{Ledger, Platform};
use super::wait::until;

/// The rules of the place, which call their domain `DOMAIN`.
pub(crate) const RULES: &str = include_str!("busy.rules.toml");
/// How long things may take that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
const AGENTS: [&str; 6] = ["ann", "bola", "carys", "dai", "elin", "fflur"];
/// Contacts that wait or are served at any moment.
const AT_ONCE: usize = 20;

/// Agents log in, valued customers are made known.
pub(crate) fn open_the_place(platform: &Platform) {
    for agent in AGENTS {
        platform.send(&format!("login-{agent}"), "agent.set_state", json!({"agent": agent, "state": "ready"}));
    }
    for customer in ["vip-1", "vip-2", "vip-3"] {
        let put = json!({"customer": customer, "attributes": {"lifetime_value": 120_000}});
        platform.send(&format!("put-{customer}"), "customer.put", put);
    }
}

/// Sends contacts until so many were sent, with at most [`AT_ONCE`] open; returns how many were sent.
pub(crate) fn load(platform: &Platform, from: usize, to: usize, say: impl Fn() -> String) -> usize {
    for number in from..to {
        if open(platform, number) >= AT_ONCE {
            let what = format!("contact {number} to find room\n{}", say());
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
pub(crate) fn open(platform: &Platform, sent: usize) -> usize {
    sent - platform.ledger().closed.len()
}

/// Judges from what was sent, what was heard, and what lies in the dead letters, alone.
pub(crate) fn judge(ledger: &Ledger, dead: &[String]) {
    assert!(ledger.contradictions.is_empty(), "numbers given twice: {:?}", ledger.contradictions);
    let mut lost = ledger.without_effect();
    lost.retain(|name| !dead.contains(name));
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
