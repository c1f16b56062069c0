//! Agents whose platform vouches for them every few seconds, and what becomes of those for whom it does not any more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon whose platform `pbx` may be silent for two seconds.
fn setup(name: &str) -> Setup {
    Setup::embedded(RULES, name).set("PICKET_SOURCE__PBX__LOST_AFTER", "2s").set("PICKET_SOURCE__WEB__REPLY", "true")
}

fn tell(daemon: &Daemon, source: &str, id: &str, kind: &str, data: Value) {
    let answer = daemon.send(&event(source, id, kind, data));
    assert_eq!(answer["result"], "accepted", "{answer}");
}

fn ready(daemon: &Daemon, agent: &str) {
    tell(daemon, "pbx", &format!("ready-{agent}"), "agent.set_state", json!({"agent": agent, "state": "ready"}));
}

/// The platform says that it is there, and these agents; under the same ids each time.
fn beat(daemon: &Daemon, agents: &[&str]) {
    tell(daemon, "pbx", "beat", "source.heartbeat", json!({}));
    for agent in agents {
        tell(daemon, "pbx", &format!("beat-{agent}"), "agent.heartbeat", json!({"agent": agent}));
    }
}

fn call(daemon: &Daemon, contact: &str) {
    let data = json!({"contact": contact, "channel": "voice"});
    tell(daemon, "web", &format!("received-{contact}"), "contact.received", data);
}

fn presence(daemon: &Daemon, agent: &str) -> (Value, Value) {
    let shown = daemon.get(&format!("/v1/agents/{agent}")).json();
    let channel = &shown["channels"]["voice"];
    (channel["state"].clone(), channel["cause"].clone())
}

fn is_lost(daemon: &Daemon, agent: &str) -> bool {
    presence(daemon, agent) == (json!("offline"), json!("heartbeat_lost"))
}

/// The contact's live offer.
fn offer(daemon: &Daemon, contact: &str) -> Option<Value> {
    let shown = daemon.get(&format!("/v1/contacts/{contact}")).json();
    shown["offers"].as_array().and_then(|all| all.first().cloned())
}

/// Whom it asks.
fn asked(daemon: &Daemon, contact: &str) -> Option<String> {
    offer(daemon, contact)?["agent"].as_str().map(str::to_owned)
}

/// What the feed has said so far.
fn heard(daemon: &Daemon, until: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let mut heard = Vec::new();
    loop {
        let (_, event) = stream.event();
        let is_last = until(&event);
        heard.push(event);
        if is_last {
            return heard;
        }
    }
}

fn records(daemon: &Daemon) -> u64 {
    let text = daemon.get("/metrics").text;
    let line = text.lines().find(|line| line.starts_with("picket_journal_seq"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no records in\n{text}"))
}

#[test]
fn who_is_not_vouched_for_any_more_loses_offer_and_contact_and_is_back_with_her_next_heartbeat() {
    let daemon = setup("heartbeats").start();
    ready(&daemon, "ann");
    call(&daemon, "c-1");
    until("ann to be asked", PATIENCE, || asked(&daemon, "c-1").filter(|agent| agent == "ann"));
    ready(&daemon, "bola");
    // Ann's desktop is gone; everybody else's is there.
    until("bola to be asked", PATIENCE, || {
        beat(&daemon, &["bola"]);
        asked(&daemon, "c-1").filter(|agent| agent == "bola")
    });
    assert!(is_lost(&daemon, "ann"), "{:?}", presence(&daemon, "ann"));
    assert_eq!(presence(&daemon, "bola").0, "ready");
    let said = heard(&daemon, |event| event["type"] == "picket.offer.made.v1" && event["data"]["agent"] == "bola");
    let of = |kind: &str| said.iter().filter(|event| event["type"] == kind && event["data"]["agent"] == "ann").count();
    assert_eq!((of("picket.offer.revoked.v1"), of("picket.offer.expired.v1")), (1, 0), "{said:#?}");
    let lost = said.iter().find(|event| event["data"]["cause"] == "heartbeat_lost").expect("it is told");
    assert_eq!(lost["data"]["state"], "offline");

    let before = records(&daemon);
    beat(&daemon, &["bola"]);
    assert_eq!(records(&daemon), before, "a heartbeat that changes nothing is journaled");
    beat(&daemon, &["ann"]);
    assert_eq!(presence(&daemon, "ann").0, "ready");
    let said = heard(&daemon, |event| event["data"]["cause"] == "heartbeat_seen");
    assert_eq!(said.last().map(|event| event["data"]["state"].clone()), Some(json!("ready")));
    let answer = daemon.send(&event("pbx", "beat-nobody", "agent.heartbeat", json!({"agent": "nobody"})));
    assert_eq!(answer["code"], "unknown_agent", "{answer}");
}

#[test]
fn after_a_takeover_who_left_meanwhile_is_found_out_and_who_stayed_keeps_what_she_has() {
    let mut daemon = setup("left").start();
    for agent in ["ann", "bola"] {
        ready(&daemon, agent);
    }
    for contact in ["c-1", "c-2"] {
        call(&daemon, contact);
        let offer = until("an offer", PATIENCE, || {
            beat(&daemon, &["ann", "bola"]);
            offer(&daemon, contact)
        });
        let data = json!({"offer": offer["offer"], "agent": offer["agent"]});
        tell(&daemon, "pbx", &format!("accept-{contact}"), "offer.accept", data);
        tell(
            &daemon,
            "web",
            &format!("connected-{contact}"),
            "contact.connected",
            json!({"contact": contact, "agent": offer["agent"]}),
        );
    }
    daemon.kill();
    // Meanwhile ann's machine dies.
    daemon.start();
    assert_eq!(presence(&daemon, "ann").0, "ready", "the journal knows nothing of it");
    until("ann to be missed", PATIENCE, || {
        beat(&daemon, &["bola"]);
        is_lost(&daemon, "ann").then_some(())
    });
    assert_eq!(presence(&daemon, "bola").0, "ready");
    let state = |contact: &str| daemon.get(&format!("/v1/contacts/{contact}")).json();
    let (first, second) = (state("c-1"), state("c-2"));
    let (hers, others) = if first["agent"] == "ann" { (first, second) } else { (second, first) };
    assert_eq!((&hers["state"], &others["state"]), (&json!("orphaned"), &json!("connected")), "{hers} {others}");
}

#[test]
fn a_platform_that_is_silent_is_told_of_and_its_agents_stay_as_they_are() {
    let daemon = setup("silent").start();
    ready(&daemon, "ann");
    let said = heard(&daemon, |event| event["type"] == "picket.source.lost.v1");
    let lost = said.last().map(|event| event["data"].clone()).unwrap_or_default();
    assert_eq!(lost["source"], "pbx");
    assert!(lost["silent_ms"].as_u64().is_some_and(|silent| silent > 2_000), "{lost}");
    assert_eq!(presence(&daemon, "ann").0, "ready");
}
