//! A daemon whose clock is really moved, by libfaketime: back, while it runs and while it is down, and ahead.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::clock::OwnClock;
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const HOUR: i64 = 3_600_000;

fn moment(value: &Value) -> i64 {
    serde_json::from_value::<picket::contract::value::Moment>(value.clone())
        .unwrap_or_else(|error| panic!("{value} is no moment: {error}"))
        .0
        .0
}

/// What a feed says: its times never fall.
struct Heard {
    stream: Stream,
    last: i64,
}

impl Heard {
    fn from_the_beginning(daemon: &Daemon) -> Self {
        Self { stream: Stream::open(&daemon.url("/v1/stream"), Some("0")), last: 0 }
    }

    /// The next output of this type about this contact.
    fn next(&mut self, kind: &str, contact: &str) -> Value {
        loop {
            let (_, event) = self.stream.event();
            if event["time"].is_null() {
                // A word of the feed about itself, not an output.
                continue;
            }
            let time = moment(&event["time"]);
            assert!(time >= self.last, "time fell from {} to {event}", self.last);
            self.last = time;
            if event["type"] == format!("picket.{kind}.v1") && event["data"]["contact"] == contact {
                return event;
            }
        }
    }

    /// An offer of this contact is made and expires by itself, in time.
    fn expires(&mut self, contact: &str) {
        let made = self.next("offer.made", contact);
        self.expires_in_time(&made);
    }

    fn expires_in_time(&mut self, made: &Value) {
        let contact = made["data"]["contact"].as_str().expect("a contact");
        let expired = self.next("offer.expired", contact);
        let late = moment(&expired["time"]) - moment(&made["data"]["expires_at"]);
        assert!((0..60_000).contains(&late), "{late} ms late: {expired}");
    }
}

fn receive(daemon: &Daemon, contact: &str) {
    let data = json!({"contact": contact, "channel": "sms"});
    let answer = daemon.send(&event("web", &format!("received-{contact}"), "contact.received", data));
    assert_eq!(answer["result"], "accepted", "{answer}");
}

/// Takes a contact away, so that whoever comes next has the agents for themselves.
fn withdraw(daemon: &Daemon, contact: &str) {
    let gone = event("web", &format!("gone-{contact}"), "contact.withdrawn", json!({"contact": contact}));
    assert_eq!(daemon.send(&gone)["result"], "accepted");
}

fn ready(daemon: &Daemon, id: &str, agent: &str) {
    let data = json!({"agent": agent, "state": "ready", "channels": ["sms"]});
    assert_eq!(daemon.send(&event("web", id, "agent.set_state", data))["result"], "accepted");
}

fn counted(daemon: &Daemon, name: &str) -> u64 {
    let text = daemon.get("/metrics").text;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}

#[test]
fn a_clock_that_is_set_back_stops_no_deadline_and_one_set_ahead_ends_no_offer() {
    let Ok((setup, clock)) = OwnClock::of(Setup::embedded(RULES, "clock")) else { return };
    let mut daemon = setup.start();
    ready(&daemon, "ready-ann", "ann");
    let mut heard = Heard::from_the_beginning(&daemon);

    // Back, while an offer is out.
    receive(&daemon, "c-1");
    let made = heard.next("offer.made", "c-1");
    clock.set(-3600);
    heard.expires_in_time(&made);
    assert_eq!(counted(&daemon, "picket_clock_set_back_total"), 1);
    assert!(daemon.log_end().contains("the clock was set back"), "{}", daemon.log_end());
    withdraw(&daemon, "c-1");
    let jumps = counted(&daemon, "picket_clock_jumps_total");

    // Whoever comes meanwhile has not waited for an hour, and is served.
    ready(&daemon, "ready-bola", "bola");
    let mut came = event("web", "received-c-2", "contact.received", json!({"contact": "c-2", "channel": "sms"}));
    came["time"] = json!(picket::contract::value::Moment(picket_core::Timestamp(moment(&came["time"]) - HOUR)));
    assert_eq!(daemon.send(&came)["result"], "accepted");
    let queued = heard.next("contact.queued", "c-2");
    let age = moment(&queued["time"]) - moment(&queued["data"]["waiting_since"]);
    assert!((0..60_000).contains(&age), "{queued}");
    heard.expires("c-2");
    withdraw(&daemon, "c-2");
    assert_eq!(counted(&daemon, "picket_clock_jumps_total"), jumps, "time has not run away");

    // Started while the clock is behind the journal.
    daemon.kill();
    daemon.start();
    let mut heard = Heard::from_the_beginning(&daemon);
    until("what is found at the start to be reported too", Duration::from_secs(30), || {
        (counted(&daemon, "picket_clock_set_back_total") == 1).then_some(())
    });
    ready(&daemon, "ready-vera", "vera");
    receive(&daemon, "c-3");
    heard.expires("c-3");
    withdraw(&daemon, "c-3");

    // Ahead, while an offer is out: it goes on for as long as it had left.
    ready(&daemon, "ready-chad", "chad");
    receive(&daemon, "c-4");
    let made = heard.next("offer.made", "c-4");
    clock.set(3600);
    let extended = heard.next("offer.extended", "c-4");
    let by = moment(&extended["data"]["expires_at"]) - moment(&made["data"]["expires_at"]);
    assert!((HOUR - 120_000..HOUR + 120_000).contains(&by), "extended by {by} ms: {extended}");
    heard.next("offer.expired", "c-4");
}
