//! What people do by hand, from the event to the outputs: a colleague is asked, a contact is taken, kept, forced upon
//! somebody; a team is lent, and each ends.

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;

const RULES: &str = include_str!("rules.toml");
const TEAM: &str = r#"
[[team]]
id = "hopkins"
domain = "DOMAIN"
members = [{ agent = "vera", rank = 1 }, { agent = "chad", rank = 2 }]
reserve = 1
"#;

/// A daemon with a team, whose outputs are read from its first one on.
struct Place {
    daemon: Daemon,
    stream: Stream,
    sent: u32,
}

impl Place {
    fn new(domain: &str) -> Self {
        let daemon = Setup::embedded(&format!("{RULES}{TEAM}"), domain).start();
        let stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
        Self { daemon, stream, sent: 0 }
    }

    fn answer(&mut self, kind: &str, data: Value) -> Value {
        self.sent += 1;
        self.daemon.send(&event("web", &format!("e-{}", self.sent), kind, data))
    }

    fn send(&mut self, kind: &str, data: Value) {
        let answer = self.answer(kind, data);
        assert_eq!(answer["result"], "accepted", "{kind}: {answer}");
    }

    fn refused(&mut self, kind: &str, data: Value) -> String {
        let answer = self.answer(kind, data);
        assert_eq!(answer["result"], "rejected", "{kind}: {answer}");
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// The data of the next output of a type.
    fn next(&mut self, kind: &str) -> Value {
        loop {
            let (_, event) = self.stream.event();
            if event["type"] == format!("picket.{kind}.v1") {
                return event["data"].clone();
            }
        }
    }

    fn ready(&mut self, agent: &str) {
        self.send("agent.set_state", json!({"agent": agent, "state": "ready"}));
    }

    /// A call that this agent has and is connected with.
    fn connected(&mut self, contact: &str, agent: &str) {
        self.ready(agent);
        self.send("contact.received", json!({"contact": contact, "channel": "voice"}));
        let offer = self.next("offer.made");
        self.send("offer.accept", json!({"offer": offer["offer"], "agent": agent}));
        self.send("contact.connected", json!({"contact": contact}));
    }
}

#[test]
fn a_colleague_is_asked_and_taken_until_it_is_over() {
    let mut place = Place::new("consult");
    place.connected("c-1", "ann");
    place.ready("bola");
    place.send("contact.consult", json!({"contact": "c-1", "agent": "ann", "with": {"agent": "bola"}}));
    let said = place.next("contact.consulted");
    assert_eq!((&said["agent"], &said["asked_by"]), (&json!("bola"), &json!("ann")), "{said}");
    // Bola is taken: the next call waits.
    place.send("contact.received", json!({"contact": "c-2", "channel": "voice"}));
    assert_eq!(place.daemon.get("/v1/contacts/c-2").json()["state"], "waiting");
    assert_eq!(
        place.refused("contact.consult", json!({"contact": "c-1", "with": {"agent": "bola"}})),
        "wrong_contact_state"
    );
    place.send("contact.consult", json!({"contact": "c-1", "ended": true}));
    place.next("contact.consult_ended");
    let offer = place.next("offer.made");
    assert_eq!((&offer["contact"], &offer["agent"]), (&json!("c-2"), &json!("bola")), "{offer}");
}

#[test]
fn an_agent_takes_a_waiting_contact_even_one_that_she_declined() {
    let mut place = Place::new("pull");
    place.connected("c-0", "bola");
    place.ready("ann");
    place.send("contact.received", json!({"contact": "c-1", "channel": "voice"}));
    assert_eq!(place.refused("contact.pull", json!({"contact": "c-1", "agent": "emil"})), "agent_unavailable");
    let offer = place.next("offer.made");
    place.send("offer.decline", json!({"offer": offer["offer"], "agent": "ann"}));
    // Bola is there and busy: it waits for her rather than being offered to Ann again.
    assert_eq!(place.daemon.get("/v1/contacts/c-1").json()["state"], "waiting");
    place.send("contact.pull", json!({"contact": "c-1", "agent": "ann"}));
    let assigned = loop {
        let assigned = place.next("contact.assigned");
        if assigned["contact"] == "c-1" {
            break assigned;
        }
    };
    assert_eq!((&assigned["agent"], &assigned["how"]), (&json!("ann"), &json!("manual")), "{assigned}");
}

#[test]
fn a_supervisor_keeps_a_contact_forces_it_upon_somebody_and_takes_it_back() {
    let mut place = Place::new("supervise");
    place.send("contact.received", json!({"contact": "c-1", "channel": "voice"}));
    place.send("supervisor.hold", json!({"contact": "c-1", "by": "sue", "why": "for ann"}));
    let held = place.next("contact.held");
    assert!(held["until"].is_string() && held["by"] == "sue" && held["why"] == "for ann", "{held}");
    place.send("supervisor.release", json!({"contact": "c-1", "by": "sue", "why": "changed her mind"}));
    assert_eq!(place.next("contact.released")["by"], "sue");
    assert_eq!(place.refused("supervisor.release", json!({"contact": "c-1"})), "wrong_contact_state");
    let forced = json!({"contact": "c-1", "agent": "emil", "force": true, "by": "sue", "why": "nobody else"});
    place.send("supervisor.assign", forced);
    let assigned = place.next("contact.assigned");
    assert_eq!((&assigned["agent"], &assigned["by"]), (&json!("emil"), &json!("sue")), "{assigned}");
    place.send("supervisor.take_back", json!({"contact": "c-1", "by": "sue", "why": "ill"}));
    assert_eq!(place.next("contact.requeued")["why"], "ill");
    assert_eq!(place.daemon.get("/v1/contacts/c-1").json()["state"], "waiting");
}

#[test]
fn a_team_is_lent_by_hand_and_the_lending_ends() {
    let mut place = Place::new("lend");
    assert_eq!(place.refused("supervisor.end_lend", json!({"team": "hopkins", "queue": "general"})), "not_lent");
    // Vera alone is what the team keeps free.
    place.ready("vera");
    place.send("contact.received", json!({"contact": "c-1", "channel": "voice"}));
    assert_eq!(place.daemon.get("/v1/contacts/c-1").json()["state"], "waiting");
    let lend = json!({"team": "hopkins", "queue": "general", "by": "sue", "why": "the lines are full"});
    place.send("supervisor.lend", lend);
    let lent = place.next("team.lent");
    assert!(lent["team"] == "hopkins" && lent["queue"] == "general" && lent["until"].is_string(), "{lent}");
    assert_eq!(place.next("offer.made")["agent"], "vera", "the reserve is lent too");
    let team = place.daemon.get("/v1/teams/hopkins").json();
    assert!(team["lent_to"].to_string().contains("general"), "{team}");
    place.send("supervisor.end_lend", json!({"team": "hopkins", "queue": "general", "by": "sue", "why": "over"}));
    assert_eq!(place.next("team.lend_ended")["queue"], "general");
}
