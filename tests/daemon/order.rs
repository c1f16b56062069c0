//! Events of one contact in another order than they happened: an end that comes first is not forgotten.

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;

const RULES: &str = include_str!("rules.toml");

/// Tells it without a time: it would be that of sending, in the wrong order.
fn tell(daemon: &Daemon, id: &str, verb: &str, contact: &str, more: Value) -> Value {
    let mut data = more;
    data["contact"] = json!(contact);
    let mut event = event("web", id, verb, data);
    event.as_object_mut().expect("an object").remove("time");
    daemon.send(&event)
}

fn receive(daemon: &Daemon, contact: &str) -> Value {
    tell(daemon, &format!("received-{contact}"), "contact.received", contact, json!({"channel": "voice"}))
}

/// What the feed says from its beginning until an offer of this contact is made.
fn heard(daemon: &Daemon, last: &str) -> Vec<(String, String)> {
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let mut heard = Vec::new();
    loop {
        let (_, event) = stream.event();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        heard.push((text(&event["data"]["contact"]), text(&event["type"])));
        if heard.last().is_some_and(|(contact, kind)| contact == last && kind == "picket.offer.made.v1") {
            return heard;
        }
    }
}

#[test]
fn an_end_that_comes_before_its_contact_is_kept_over_a_kill_and_the_contact_asks_nobody() {
    let mut daemon = Setup::embedded(RULES, "order").start();
    let ready = json!({"agent": "ann", "state": "ready", "channels": ["voice"]});
    assert_eq!(daemon.send(&event("web", "ready", "agent.set_state", ready))["result"], "accepted");
    let ends = [
        ("c-1", "contact.abandoned", json!({}), "picket.contact.abandoned.v1"),
        ("c-2", "contact.ended", json!({}), "picket.contact.abandoned.v1"),
        ("c-3", "contact.withdrawn", json!({"by": "the shop"}), "picket.contact.closed.v1"),
    ];
    for (contact, verb, more, _) in &ends {
        let answer = tell(&daemon, &format!("end-{contact}"), verb, contact, more.clone());
        assert_eq!(
            (&answer["result"], &answer["code"]),
            (&json!("accepted"), &json!("kept_until_received")),
            "{answer}"
        );
    }
    daemon.kill();
    daemon.start();

    let again = tell(&daemon, "end-c-1", "contact.abandoned", "c-1", json!({}));
    assert_eq!((&again["result"], &again["code"]), (&json!("duplicate"), &json!("kept_until_received")), "{again}");
    for (contact, ..) in &ends {
        assert_eq!(receive(&daemon, contact)["result"], "accepted");
        assert_eq!(daemon.get(&format!("/v1/contacts/{contact}")).json()["state"], "closed");
        let late = tell(&daemon, &format!("late-{contact}"), "contact.abandoned", contact, json!({}));
        assert_eq!(late["code"], "contact_closed", "{late}");
    }
    // Somebody who is there is put before her at once: nothing else ever was.
    receive(&daemon, "c-4");
    let heard = heard(&daemon, "c-4");
    for (contact, _, _, end) in &ends {
        let about: Vec<&str> = heard.iter().filter(|(of, _)| of == contact).map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(about.first(), Some(&"picket.contact.queued.v1"), "{about:?}");
        assert_eq!(about.last(), Some(&"picket.contact.closed.v1"), "{about:?}");
        assert!(about.contains(end) && !about.iter().any(|kind| kind.starts_with("picket.offer")), "{about:?}");
    }
}

#[test]
fn an_id_that_is_used_again_after_such_an_end_is_a_contact_of_its_own() {
    let daemon = Setup::embedded(RULES, "order-again").start();
    let now = picket::clock::Clock::System.now();
    let timed = |id: &str, verb: &str, at: i64, data: Value| {
        let mut event = event("web", id, verb, data);
        event["time"] = json!(picket::contract::value::Moment(picket_core::Timestamp(at)));
        daemon.send(&event)
    };
    let end = timed("end", "contact.abandoned", now.0 - 60_000, json!({"contact": "c-1"}));
    assert_eq!(end["code"], "kept_until_received", "{end}");
    timed("received", "contact.received", now.0 - 1_000, json!({"contact": "c-1", "channel": "voice"}));
    assert_eq!(daemon.get("/v1/contacts/c-1").json()["state"], "waiting");
}
