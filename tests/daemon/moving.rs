//! A domain moves to a new shard with all that is live in it, and nothing is lost, done twice or said twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::shards::rules;
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::platform::publish_once;
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const PATIENCE: Duration = Duration::from_secs(60);

/// A place whose domains `NAME-a` and `NAME-b` are one shard's.
fn in_one_shard(setup: Setup, name: &str) -> Setup {
    setup.set("PICKET_SHARDS__ONE__DOMAINS", &format!("{name}-a,{name}-b"))
}

fn give_to_a_new_shard(daemon: &mut Daemon, name: &str) {
    daemon.set("PICKET_SHARDS__ONE__DOMAINS", &format!("{name}-a"));
    daemon.set("PICKET_SHARDS__NEW__DOMAINS", &format!("{name}-b"));
}

fn said(domain: &str, id: &str, kind: &str, data: Value) -> Value {
    let mut event = event("web", id, kind, data);
    event["picketdomain"] = json!(domain);
    event
}

fn accepted(daemon: &Daemon, event: &Value) {
    let answer = daemon.send(event);
    assert_eq!(answer["result"], "accepted", "{answer}");
}

fn received(domain: &str, contact: &str) -> Value {
    let data = json!({"contact": contact, "channel": "sms", "from": format!("{contact}@example.org")});
    said(domain, &format!("received-{contact}"), "contact.received", data)
}

fn contact(daemon: &Daemon, id: &str) -> Option<(String, String, Value, Value)> {
    let shown = daemon.try_get(&format!("/v1/contacts/{id}"))?.json();
    let text = |member: &str| Some(shown[member].as_str()?.to_owned());
    Some((text("shard")?, text("state")?, shown["agent"].clone(), shown["since"].clone()))
}

/// How many outputs a shard has.
fn outputs(daemon: &Daemon, shard: &str) -> u64 {
    let shown = daemon.get("/v1/shards").json();
    let of = shown["shards"].as_array().into_iter().flatten().find(|one| one["shard"] == shard);
    of.and_then(|one| one["outputs"].as_u64()).unwrap_or(0)
}

/// What a shard says behind an output, about each contact: the contact's own numbers, and the types.
fn hear(daemon: &Daemon, shard: &str, after: u64, heard: &mut BTreeMap<String, Vec<(u64, String)>>) {
    let count = outputs(daemon, shard) - after;
    if count == 0 {
        return;
    }
    let (after, count) = (after.to_string(), count.to_string());
    for output in daemon.command(&["tail", "--after", &after, "--count", &count, "--json", "--shard", shard]) {
        if let Some(contact) = output["data"]["contact"].as_str() {
            let number = output["data"]["seq"].as_u64().unwrap_or(0);
            heard.entry(contact.to_owned()).or_default().push((number, output["type"].to_string()));
        }
    }
}

#[test]
fn a_domain_goes_to_a_new_shard_with_everything_that_is_live_in_it() {
    let mut daemon = in_one_shard(Setup::embedded(&rules("mv"), "mv"), "mv").start();
    let kim = json!({"customer": "kim", "addresses": ["kim@example.org"]});
    accepted(&daemon, &said("mv-b", "put-kim", "customer.put", kim));
    let lee = json!({"customer": "lee", "addresses": ["lee@example.org"]});
    accepted(&daemon, &said("mv-a", "put-lee", "customer.put", lee));
    accepted(&daemon, &said("mv-b", "in", "agent.set_state", json!({"agent": "bola", "state": "ready"})));
    accepted(&daemon, &received("mv-b", "talking"));
    let offer = until("the offer", PATIENCE, || {
        daemon.get("/v1/contacts/talking").json()["offers"][0]["offer"].as_str().map(str::to_owned)
    });
    accepted(&daemon, &said("mv-b", "yes", "offer.accept", json!({"offer": offer, "agent": "bola"})));
    accepted(&daemon, &said("mv-b", "hello", "contact.connected", json!({"contact": "talking"})));
    accepted(&daemon, &said("mv-b", "busy", "agent.set_state", json!({"agent": "bola", "state": "not_ready"})));
    accepted(&daemon, &received("mv-b", "waiting"));
    accepted(&daemon, &received("mv-a", "other"));
    let before = ["talking", "waiting", "other"].map(|id| contact(&daemon, id));
    let (mut heard, told) = (BTreeMap::new(), outputs(&daemon, "one"));
    hear(&daemon, "one", 0, &mut heard);
    assert_eq!(daemon.stop(), Some(0));

    give_to_a_new_shard(&mut daemon, "mv");
    daemon.launch();
    let refused = until("the refusal", PATIENCE, || {
        daemon.try_get("/readyz").filter(|reply| reply.status == 503 && reply.text.contains("--move-domain"))
    });
    assert!(refused.text.contains("picket setup --move-domain mv-b --from one"), "{}", refused.text);
    assert_eq!(daemon.stop(), Some(0));
    let (done, why) = daemon.run(&["setup", "--move-domain", "mv-c", "--from", "one"]);
    assert!(!done && why.contains("mv-c"), "{why}");
    for _ in 0..2 {
        let (done, what) = daemon.run(&["setup", "--move-domain", "mv-b", "--from", "one"]);
        assert!(done, "{what}");
    }

    daemon.start();
    for (id, before) in ["talking", "waiting", "other"].iter().zip(before) {
        let (_, state, agent, since) = before.expect("it was there");
        let shard = if *id == "other" { "one" } else { "new" };
        let there = Some((shard.to_owned(), state, agent, since));
        // Its former shard lets go of it with its first records.
        until(&format!("{id} to be as it was, in {shard}"), PATIENCE, || (contact(&daemon, id) == there).then_some(()));
    }
    let again = daemon.send(&received("mv-b", "waiting"));
    assert_eq!(again["result"], "duplicate", "what the former shard has seen is known: {again}");
    accepted(&daemon, &said("mv-b", "bye", "contact.ended", json!({"contact": "talking"})));
    accepted(&daemon, &said("mv-b", "gone", "contact.abandoned", json!({"contact": "waiting"})));
    // Who belongs to the domain is at home there; who does not is forwarded as to any other shard.
    for (domain, from, code, shard) in
        [("mv-b", "kim", "", "new"), ("mv-b", "lee", "forwarded", "one"), ("mv-a", "kim", "forwarded", "new")]
    {
        let id = format!("{from}-to-{domain}");
        let data = json!({"contact": id, "channel": "sms", "from": format!("{from}@example.org")});
        let answer = daemon.send(&said(domain, &format!("received-{id}"), "contact.received", data));
        assert_eq!(answer["code"].as_str().unwrap_or(""), code, "{answer}");
        until("the contact to be there", PATIENCE, || (contact(&daemon, &id)?.0 == shard).then_some(()));
    }
    hear(&daemon, "one", told, &mut heard);
    hear(&daemon, "new", 0, &mut heard);
    for (id, outputs) in ["talking", "waiting", "other"].map(|id| (id, &heard[id])) {
        let numbers: Vec<u64> = outputs.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{id}: {outputs:?}");
        let closed = outputs.iter().filter(|(_, kind)| kind.contains("contact.closed")).count();
        assert_eq!(closed, usize::from(id != "other"), "{id}: {outputs:?}");
    }
    daemon.kill();
    daemon.start();
    assert_eq!(contact(&daemon, "other").expect("it is there").1, "waiting");

    // It is not moved out of where it was before.
    assert_eq!(daemon.stop(), Some(0));
    daemon.set("PICKET_SHARDS__NEW__DOMAINS", "mv-c");
    daemon.set("PICKET_SHARDS__NEWER__DOMAINS", "mv-b");
    let (done, why) = daemon.run(&["setup", "--move-domain", "mv-b", "--from", "one"]);
    assert!(!done && why.contains("was moved to the shard new already"), "{why}");
}

#[test]
fn a_shard_that_is_called_otherwise_does_not_begin_with_nothing() {
    let mut daemon = Setup::embedded(include_str!("rules.toml"), "renamed").start();
    accepted(&daemon, &received("renamed", "waiting"));
    assert_eq!(daemon.stop(), Some(0));
    daemon.set("PICKET_SHARD__NAME", "better");
    daemon.launch();
    let refused = until("the refusal", PATIENCE, || {
        daemon.try_get("/readyz").filter(|reply| reply.status == 503 && reply.text.contains("--move-domain"))
    });
    assert!(refused.text.contains("picket setup --move-domain renamed --from renamed"), "{}", refused.text);
    assert_eq!(daemon.stop(), Some(0));
    let (done, what) = daemon.run(&["setup", "--move-domain", "renamed", "--from", "renamed"]);
    assert!(done, "{what}");
    daemon.start();
    let (shard, state, ..) = contact(&daemon, "waiting").expect("it is there");
    assert_eq!((shard.as_str(), state.as_str()), ("better", "waiting"));
}

#[test]
fn what_waits_at_the_broker_while_a_domain_moves_is_served_by_its_new_shard() {
    let _alone = crate::heavy();
    let (amqp, store) = (services().vhost("moving"), RedisServer::start());
    let setup = Setup::with_services(&rules("mq"), "moving", &amqp, &store.url());
    let mut daemon = in_one_shard(setup, "mq").start();
    publish_once(&amqp, "mq-b", &received("mq-b", "early"));
    until("the contact to be received", PATIENCE, || contact(&daemon, "early"));
    let (done, why) = daemon.run(&["setup", "--move-domain", "mq-b", "--from", "one"]);
    assert!(!done && why.contains("do not give the domain"), "{why}");
    give_to_a_new_shard(&mut daemon, "mq");
    let (done, why) = daemon.run(&["setup", "--move-domain", "mq-b", "--from", "one"]);
    assert!(!done && why.contains("stop every daemon"), "a shard that is owned is not touched: {why}");
    // Both queues have the next one: the one of before is served by nobody any more.
    assert_eq!(daemon.stop(), Some(0));
    publish_once(&amqp, "mq-b", &received("mq-b", "between"));
    publish_once(&amqp, "mq-a", &received("mq-a", "other"));
    let (done, what) = daemon.run(&["setup", "--move-domain", "mq-b", "--from", "one"]);
    assert!(done && what.contains("1 live contacts"), "{what}");
    publish_once(&amqp, "mq-b", &received("mq-b", "late"));
    let gone = said("mq-b", "gone", "contact.abandoned", json!({"contact": "early"}));
    publish_once(&amqp, "mq-b", &gone);
    daemon.start();
    for (id, shard, state) in [
        ("early", "new", "closed"),
        ("between", "new", "waiting"),
        ("late", "new", "waiting"),
        ("other", "one", "waiting"),
    ] {
        until(&format!("{id} to be {state} in {shard}"), PATIENCE, || {
            let (found, is, ..) = contact(&daemon, id)?;
            (found == shard && is == state).then_some(())
        });
    }
    let mut heard = BTreeMap::new();
    hear(&daemon, "new", 0, &mut heard);
    assert_eq!(heard["between"].len(), 1, "it is received once: {heard:?}");
    assert!(daemon.command(&["dead", "list", "--json"]).is_empty());
}

#[test]
fn a_move_that_is_killed_anywhere_is_done_again() {
    const CUSTOMERS: usize = 3_000;
    let mut daemon = in_one_shard(Setup::embedded(&rules("mk"), "mk"), "mk").start();
    let put = |number: usize| {
        let data = json!({"customer": format!("k-{number}"), "addresses": [format!("k-{number}@example.org")]});
        said(if number.is_multiple_of(3) { "mk-a" } else { "mk-b" }, &format!("put-{number}"), "customer.put", data)
    };
    let all: Vec<Value> = (0..CUSTOMERS).map(put).collect();
    for page in all.chunks(500) {
        let reply =
            daemon.post("application/cloudevents-batch+json", Value::from(page.to_vec()).to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    accepted(&daemon, &received("mk-b", "waiting"));
    assert_eq!(daemon.stop(), Some(0));
    give_to_a_new_shard(&mut daemon, "mk");
    let arguments = ["setup", "--move-domain", "mk-b", "--from", "one"];
    for pause in [10, 20, 40, 60, 80, 120, 160, 240, 320] {
        let mut moving = daemon.begin(&arguments);
        std::thread::sleep(Duration::from_millis(pause));
        // It may be done by now.
        let _ = moving.kill();
        moving.wait().expect("it ends");
    }
    let (done, what) = daemon.run(&arguments);
    assert!(done, "{what}");
    daemon.start();
    until("the contact to be there", PATIENCE, || {
        let (shard, state, ..) = contact(&daemon, "waiting")?;
        (shard == "new" && state == "waiting").then_some(())
    });
    for number in [0_usize, 1, 2, 1500, 1501, 2998, 2999] {
        let data = json!({"contact": format!("of-{number}"), "channel": "sms", "customer": format!("k-{number}")});
        let answer = daemon.send(&said("mk-b", &format!("received-of-{number}"), "contact.received", data));
        let code = if number.is_multiple_of(3) { "forwarded" } else { "" };
        assert_eq!(answer["code"].as_str().unwrap_or(""), code, "customer {number}: {answer}");
    }
}
