//! A customer or an account that changes while their contacts wait: these are planned anew right behind, and offers to
//! people who are outside now are taken back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);
/// More than the daemon plans anew in one turn.
const WAITING: usize = 120;

/// The busy place, where nobody has to hurry, fences stay closed, and an account counts too.
fn rules() -> String {
    crate::common::busy::RULES
        .replace("expires = \"2s\"", "expires = \"10m\"")
        .replace("hold = \"1s\"", "hold = \"30m\"")
        .replace("busy = \"open\", no_cover = \"open\"", "busy = \"stay\", no_cover = \"stay\"")
        .replace("points.lifetime", "points.house = 'min(account.lifetime_value / 1000, 100)'\npoints.lifetime")
}

fn tell(daemon: &Daemon, id: &str, kind: &str, data: Value) {
    let answer = daemon.send(&event("web", id, kind, data));
    assert_eq!(answer["result"], "accepted", "{answer}");
}

fn ready(daemon: &Daemon, agent: &str) {
    tell(daemon, &format!("ready-{agent}"), "agent.set_state", json!({"agent": agent, "state": "ready"}));
}

fn put(daemon: &Daemon, id: &str, customer: &str, worth: u32, more: &str) {
    let attributes = json!({"lifetime_value": worth, "note": more});
    tell(daemon, id, "customer.put", json!({"customer": customer, "account": "lab", "attributes": attributes}));
}

fn receive(daemon: &Daemon, contact: &str, customer: &str) {
    let data = json!({"contact": contact, "channel": "sms", "customer": customer});
    tell(daemon, &format!("received-{contact}"), "contact.received", data);
}

fn fence(daemon: &Daemon, contact: &str) -> Value {
    daemon.get(&format!("/v1/contacts/{contact}")).json()["fence"]["team"].clone()
}

/// What the feed says of a contact from its beginning, up to an offer of it to this agent.
fn until_offered(daemon: &Daemon, contact: &str, agent: &str) -> Vec<Value> {
    let mut stream = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let mut heard = Vec::new();
    loop {
        let (_, event) = stream.event();
        if event["data"]["contact"] == contact {
            heard.push(event);
        }
        let last = heard.last().unwrap_or(&Value::Null);
        if last["type"] == "picket.offer.made.v1" && last["data"]["agent"] == agent {
            return heard;
        }
    }
}

fn of<'a>(heard: &'a [Value], kind: &str) -> Vec<&'a Value> {
    heard.iter().filter(|event| event["type"] == format!("picket.{kind}.v1")).collect()
}

#[test]
fn a_customer_who_becomes_valued_while_an_offer_is_out_gets_their_own_people() {
    let daemon = Setup::embedded(&rules(), "customer-change").start();
    put(&daemon, "put-1", "vip-1", 0, "");
    ready(&daemon, "carys");
    receive(&daemon, "c-1", "vip-1");
    until_offered(&daemon, "c-1", "carys");
    let since = || daemon.get("/v1/contacts/c-1").json()["since"].clone();
    let before = since();

    put(&daemon, "put-2", "vip-1", 120_000, "");
    until("the fence", PATIENCE, || (fence(&daemon, "c-1") == "inner").then_some(()));
    ready(&daemon, "ann");
    let heard = until_offered(&daemon, "c-1", "ann");
    let revoked = of(&heard, "offer.revoked");
    assert_eq!(revoked.len(), 1, "{heard:#?}");
    assert_eq!((&revoked[0]["data"]["agent"], &revoked[0]["data"]["cause"]), (&json!("carys"), &json!("replanned")));
    let planned = of(&heard, "contact.planned");
    assert!(planned.iter().any(|event| event["data"]["because"] == "customer"), "{heard:#?}");
    assert!(before.is_string() && since() == before, "the time waited is lost");
    assert!(of(&heard, "offer.made").iter().all(|offer| {
        offer["data"]["agent"] == "carys" && offer["data"]["fence"].is_null() || offer["data"]["agent"] == "ann"
    }));

    // What changes nothing of the plan takes nothing back, and neither does the same again.
    put(&daemon, "put-3", "vip-1", 120_000, "more");
    put(&daemon, "put-4", "vip-1", 120_000, "more");
    // Turned at least once since: whoever comes is routed.
    receive(&daemon, "c-2", "somebody");
    until_offered(&daemon, "c-2", "carys");
    assert_eq!(daemon.get("/v1/contacts/c-1").json()["state"], "offered");
    assert_eq!(of(&until_offered(&daemon, "c-1", "ann"), "offer.revoked").len(), 1);

    // No longer valued: the fence opens for who waits, with its reason.
    receive(&daemon, "c-3", "vip-1");
    put(&daemon, "put-5", "vip-1", 0, "more");
    let fence = || daemon.get("/v1/contacts/c-3").json()["fence"].clone();
    until("the fence to open", PATIENCE, || (fence()["reason"] == "no_longer_valued").then_some(()));
}

#[test]
fn everybody_who_waits_of_an_account_is_planned_anew_even_if_the_daemon_is_killed_on_the_way() {
    let mut daemon = Setup::embedded(&rules(), "account-change").start();
    let customers = ["vip-1", "vip-2", "vip-3"];
    for customer in customers {
        put(&daemon, &format!("put-{customer}"), customer, 0, "");
    }
    let one = |n: usize| {
        let data = json!({"contact": format!("c-{n}"), "channel": "sms", "customer": customers[n % 3]});
        event("web", &format!("received-{n}"), "contact.received", data)
    };
    let batch = Value::Array((0..WAITING).map(one).collect()).to_string();
    assert_eq!(daemon.post("application/cloudevents-batch+json", batch.as_bytes()).status, 200);
    receive(&daemon, "c-other", "somebody");

    let account = json!({"account": "lab", "attributes": {"lifetime_value": 200_000}});
    tell(&daemon, "put-lab", "account.put", account);
    daemon.kill();
    daemon.start();
    let all = || (0..WAITING).all(|n| fence(&daemon, &format!("c-{n}")) == "inner");
    until("everybody to be behind the fence", PATIENCE, || all().then_some(()));
    assert_eq!(fence(&daemon, "c-other"), Value::Null);
}
