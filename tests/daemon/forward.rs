//! A contact of a customer who is at home in another shard's domain goes there, once, and what is said of it follows it.

use std::time::Duration;

use serde_json::{Value, json};

use super::shards::{in_two_shards, owned, rules};
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::platform::{Platform, publish_once};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const PATIENCE: Duration = Duration::from_secs(60);

fn said(domain: &str, source: &str, id: &str, kind: &str, data: Value) -> Value {
    let mut event = event(source, id, kind, data);
    event["picketdomain"] = json!(domain);
    event
}

fn put(domain: &str, customer: &str) -> Value {
    let data = json!({"customer": customer, "addresses": [format!("{customer}@example.org")]});
    said(domain, "crm", &format!("put-{customer}"), "customer.put", data)
}

fn received(domain: &str, contact: &str, from: &str) -> Value {
    let data = json!({"contact": contact, "channel": "sms", "from": format!("{from}@example.org")});
    said(domain, "web", &format!("received-{contact}"), "contact.received", data)
}

fn result(answer: &Value) -> (&str, &str) {
    (answer["result"].as_str().unwrap_or("?"), answer["code"].as_str().unwrap_or(""))
}

/// Shard and state of a contact, where it is and not where it came in.
fn whereabouts(daemon: &Daemon, contact: &str) -> Option<(String, String)> {
    let shown = daemon.try_get(&format!("/v1/contacts/{contact}"))?.json();
    Some((shown["shard"].as_str()?.to_owned(), shown["state"].as_str()?.to_owned()))
}

fn until_at(daemon: &Daemon, contact: &str, shard: &str, state: &str) {
    let place = (shard.to_owned(), state.to_owned());
    until("the contact to be there", PATIENCE, || (whereabouts(daemon, contact)? == place).then_some(()));
}

fn outputs(daemon: &Daemon, shard: &str, count: &str) -> Vec<Value> {
    daemon.command(&["tail", "--after", "0", "--count", count, "--json", "--shard", shard])
}

fn record_of_two(daemon: &Daemon) -> u64 {
    daemon.get("/v1/shards").json()["shards"][1]["record"].as_u64().unwrap_or_default()
}

/// Says that nothing is on its way any more.
fn until_all_arrived(daemon: &Daemon) {
    until("everything to have arrived", PATIENCE, || {
        let shown = daemon.try_get("/v1/shards")?.json();
        shown["shards"].as_array()?.iter().all(|shard| shard["forwarding"] == 0).then_some(())
    });
}

#[test]
fn a_contact_goes_where_its_customer_is_at_home_and_is_followed_there() {
    let mut daemon = in_two_shards(Setup::embedded(&rules("fw"), "fw"), "fw").start();
    daemon.send(&put("fw-b", "kim"));
    daemon.send(&put("fw-a", "lee"));
    let came = received("fw-a", "c-1", "kim");
    assert_eq!(result(&daemon.send(&came)), ("accepted", "forwarded"));
    until_at(&daemon, "c-1", "two", "waiting");
    assert_eq!(result(&daemon.send(&came)), ("duplicate", "forwarded"), "it is known where it came in");
    // Who is at home here, and whom nobody knows, stays.
    for (contact, from) in [("c-2", "lee"), ("c-3", "stranger")] {
        assert_eq!(result(&daemon.send(&received("fw-a", contact, from))), ("accepted", ""));
        until_at(&daemon, contact, "one", "waiting");
    }
    // What the platform says afterwards goes there too, over a kill.
    until_all_arrived(&daemon);
    daemon.kill();
    daemon.start();
    let gone = said("fw-a", "web", "gone-1", "contact.abandoned", json!({"contact": "c-1"}));
    assert_eq!(result(&daemon.send(&gone)), ("accepted", "forwarded"));
    until_at(&daemon, "c-1", "two", "closed");
    assert_eq!(daemon.get("/v1/contacts/c-1").json()["outcome"]["outcome"], "abandoned");
    assert_eq!(daemon.get("/v1/contacts/c-1?shard=one").json()["outcome"]["outcome"], "forwarded");
    // What is heard of it where it came in.
    let heard = outputs(&daemon, "one", "4");
    let of_it: Vec<_> = heard.iter().filter(|output| output["data"]["contact"] == "c-1").collect();
    let kinds: Vec<_> = of_it.iter().map(|output| output["type"].as_str().unwrap_or_default()).collect();
    let expected = ["picket.contact.queued.v1", "picket.contact.forwarded.v1", "picket.contact.closed.v1"];
    assert_eq!(kinds, expected);
    assert_eq!((&of_it[1]["data"]["to"], &of_it[2]["data"]["outcome"]), (&json!("fw-b"), &json!("forwarded")));
}

#[test]
fn a_contact_that_waits_goes_on_with_its_age_once_it_is_known_whose_it_is() {
    let daemon = in_two_shards(Setup::embedded(&rules("fu"), "fu"), "fu").start();
    daemon.send(&put("fu-b", "kim"));
    daemon.send(&received("fu-a", "c-1", "unknown"));
    let since = daemon.get("/v1/contacts/c-1").json()["since"].clone();
    let known = said("fu-a", "web", "known-1", "contact.updated", json!({"contact": "c-1", "customer": "kim"}));
    assert_eq!(result(&daemon.send(&known)), ("accepted", "forwarded"));
    until_at(&daemon, "c-1", "two", "waiting");
    let there = daemon.get("/v1/contacts/c-1").json();
    assert_eq!(there["since"], since, "it waits as long as it has");
    assert_ne!(there["customer_hash"], Value::Null);
    // One that is put into a queue whose people work elsewhere would wait for ever.
    let data = json!({"contact": "c-2", "channel": "sms", "topic": "abroad"});
    let abroad = said("fu-a", "web", "received-c-2", "contact.received", data);
    assert_eq!(result(&daemon.send(&abroad)), ("accepted", "forwarded"));
    until_at(&daemon, "c-2", "two", "waiting");
}

#[test]
fn over_rabbitmq_it_goes_on_in_the_name_of_its_sender_who_may_not_write_there() {
    let _alone = crate::heavy();
    // Other stories have shards of the same names in the store that is shared.
    let (amqp, store) = (services().vhost("forward"), RedisServer::start());
    let setup = |host: &str| {
        let setup = Setup::with_services(&rules("fr"), "forward", &amqp, &store.url());
        in_two_shards(setup, "fr")
            .set("PICKET_SHARD__INSTANCE", host)
            .set("PICKET_SOURCE__WEB__DOMAINS", "fr-a")
            .set("PICKET_SOURCE__CRM__DOMAINS", "fr-a,fr-b")
    };
    let (a, mut b) = (setup("host-a").start(), setup("host-b").idle());
    b.launch();
    until("the shards to spread", PATIENCE, || (owned(&a).len() == 1 && owned(&b).len() == 1).then_some(()));
    let before = record_of_two(&a);
    publish_once(&amqp, "fr-b", &received("fr-b", "c-0", "kim"));
    publish_once(&amqp, "fr-b", &put("fr-b", "kim"));
    until("the customer to be known", PATIENCE, || (record_of_two(&a) > before).then_some(()));
    publish_once(&amqp, "fr-a", &received("fr-a", "c-1", "kim"));
    for daemon in [&a, &b] {
        until_at(daemon, "c-1", "two", "waiting");
    }
    publish_once(&amqp, "fr-a", &said("fr-a", "web", "gone-1", "contact.abandoned", json!({"contact": "c-1"})));
    for daemon in [&a, &b] {
        until_at(daemon, "c-1", "two", "closed");
        until_all_arrived(daemon);
    }
    let letters = a.command(&["dead", "list", "--json"]);
    let codes: Vec<_> = letters.iter().map(|letter| letter["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["source_not_allowed"], "only what the platform itself sent there is refused");
}

#[test]
fn what_is_forwarded_while_the_broker_is_away_arrives_once_after_a_kill() {
    let _alone = crate::heavy();
    let (broker, store) = (Server::start(), RedisServer::start());
    let setup = Setup::with_services(&rules("fk"), "forward-kill", &broker.url(), &store.url());
    let mut daemon = in_two_shards(setup, "fk").start();
    daemon.send(&put("fk-b", "kim"));
    let platform = Platform::start(&broker.url(), "fk-b", "web");
    broker.memory_alarm(true);
    for number in 0..20 {
        let answer = daemon.send(&received("fk-a", &format!("c-{number}"), "kim"));
        assert_eq!(result(&answer), ("accepted", "forwarded"), "an alarm of the broker holds nothing up: {answer}");
    }
    let gone = said("fk-a", "web", "gone-0", "contact.abandoned", json!({"contact": "c-0"}));
    assert_eq!(result(&daemon.send(&gone)), ("accepted", "forwarded"));
    let shown = daemon.get("/v1/shards").json();
    assert_eq!(shown["shards"][0]["forwarding"], 21, "{shown}");
    daemon.kill();
    broker.memory_alarm(false);
    daemon.start();
    until_all_arrived(&daemon);
    until_at(&daemon, "c-0", "two", "closed");
    for number in 1..20 {
        until_at(&daemon, &format!("c-{number}"), "two", "waiting");
    }
    daemon.kill();
    daemon.start();
    until_all_arrived(&daemon);
    let queued = until("all outputs to be heard of", PATIENCE, || {
        let ledger = platform.ledger();
        let of = |output: &&Value| output["type"] == "picket.contact.queued.v1";
        let queued = ledger.outputs.values().filter(of).count();
        (queued >= 20).then_some(queued)
    });
    assert_eq!(queued, 20, "each contact is received once");
}
