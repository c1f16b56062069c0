//! A queue that waited while no daemon was there: whoever is gone by its end is offered to nobody, and all others in order.

use std::collections::BTreeSet;
use std::time::Duration;

use picket::clock::Clock;
use picket::contract::value::Moment;
use picket_core::Timestamp;
use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::platform::publish_all;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);
/// Contacts that arrived during the outage.
const ARRIVED: usize = 400;
/// One in so many still waits.
const STAYED: usize = 80;

/// An event that happened so many seconds ago.
fn ago(seconds: i64, id: &str, kind: &str, data: Value) -> Value {
    let mut event = event("pbx", id, kind, data);
    event["time"] = json!(Moment(Timestamp(Clock::System.now().0 - seconds * 1_000)));
    event
}

fn received(number: usize, seconds: i64) -> Value {
    let contact = format!("c-{number}");
    ago(seconds, &format!("received-{contact}"), "contact.received", json!({"contact": contact, "channel": "voice"}))
}

fn abandoned(number: usize, seconds: i64) -> Value {
    let contact = format!("c-{number}");
    ago(seconds, &format!("abandoned-{contact}"), "contact.abandoned", json!({"contact": contact}))
}

/// Everything that the feed says of contacts, up to so many offers.
fn heard(daemon: &Daemon, offers: usize) -> Vec<(String, String)> {
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut heard: Vec<(String, String)> = Vec::new();
    while of(&heard, "picket.offer.made.v1").len() < offers {
        let (_, event) = stream.event();
        heard.push((text(&event["type"]), text(&event["data"]["contact"])));
    }
    heard
}

fn of(heard: &[(String, String)], kind: &str) -> Vec<String> {
    heard.iter().filter(|(of, _)| of == kind).map(|(_, contact)| contact.clone()).collect()
}

#[test]
fn after_an_outage_nobody_is_offered_who_left_meanwhile_and_the_others_are_served_in_order() {
    let amqp = services().vhost("late");
    let setup = Setup::with_services(RULES, "late", &amqp, &services().redis());
    let mut daemon = setup.start();
    for agent in ["ann", "bola", "vera"] {
        let ready = json!({"agent": agent, "state": "ready", "channels": ["voice"]});
        assert_eq!(
            daemon.send(&event("pbx", &format!("ready-{agent}"), "agent.set_state", ready))["result"],
            "accepted"
        );
    }
    assert_eq!(daemon.stop(), Some(0));

    let stays = |number: &usize| number.is_multiple_of(STAYED);
    let mut queue: Vec<Value> = (0..ARRIVED).map(|number| received(number, 600)).collect();
    queue.extend((0..ARRIVED).filter(|number| !stays(number)).map(|number| abandoned(number, 60)));
    publish_all(&amqp, "late", &queue);
    daemon.start();

    let heard = heard(&daemon, 3);
    assert_eq!(of(&heard, "picket.offer.made.v1"), ["c-0", "c-80", "c-160"]);
    let everybody: BTreeSet<String> = (0..ARRIVED).map(|number| format!("c-{number}")).collect();
    assert_eq!(of(&heard, "picket.contact.queued.v1").into_iter().collect::<BTreeSet<_>>(), everybody);
    let gone: BTreeSet<String> =
        (0..ARRIVED).filter(|number| !stays(number)).map(|number| format!("c-{number}")).collect();
    assert_eq!(of(&heard, "picket.contact.abandoned.v1").into_iter().collect::<BTreeSet<_>>(), gone);
    let metrics = daemon.get("/metrics").text;
    assert!(metrics.contains("picket_catch_ups_total 1") && metrics.contains("picket_catching_up{shard=\"late\"} 0"));
    let log = daemon.log();
    assert!(log.contains("catch-up begins") && log.contains("catch-up ends"), "{log}");

    // Whoever comes now is offered at once, however late another's clock is.
    let ready = json!({"agent": "chad", "state": "ready", "channels": ["voice"]});
    daemon.send(&event("pbx", "ready-chad", "agent.set_state", ready));
    let ready = json!({"agent": "emil", "state": "ready", "channels": ["voice"]});
    daemon.send(&event("pbx", "ready-emil", "agent.set_state", ready));
    publish_all(&amqp, "late", &[received(ARRIVED, 20)]);
    let state = |number: usize| daemon.get(&format!("/v1/contacts/c-{number}")).json()["state"].clone();
    for number in [240, 320] {
        until("the rest to be offered", PATIENCE, || (state(number) == json!("offered")).then_some(()));
    }
    until("the last to wait", PATIENCE, || (state(ARRIVED) == json!("waiting")).then_some(()));
    assert!(daemon.get("/metrics").text.contains("picket_catch_ups_total 1"));
}
