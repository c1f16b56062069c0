//! Two daemons with the same settings: one owns the shard, the other stands by and goes on where it ended.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

fn stands_by(daemon: &Daemon) {
    until("the daemon to stand by", PATIENCE, || {
        daemon.try_get("/readyz").filter(|reply| reply.text.contains("stands by"))
    });
}

fn is_ready(daemon: &Daemon) {
    until("the daemon to take over", PATIENCE, || daemon.try_get("/readyz").filter(|reply| reply.status == 200));
}

/// Sends a contact, which must be taken.
fn receives(daemon: &Daemon, contact: &str) {
    let received =
        event("web", &format!("received-{contact}"), "contact.received", json!({"contact": contact, "channel": "sms"}));
    assert_eq!(daemon.send(&received)["result"], "accepted");
}

fn knows(daemon: &Daemon, contact: &str) {
    let shown = daemon.get(&format!("/v1/contacts/{contact}")).json();
    assert_eq!(shown["state"], "waiting", "{shown}");
}

/// What `picket shards` says of a daemon's shard.
fn shard_of(daemon: &Daemon) -> Value {
    daemon.command(&["shards", "--json"]).remove(0)
}

#[test]
fn of_two_daemons_one_owns_the_shard_and_the_other_goes_on_when_it_stops_or_dies() {
    let _alone = crate::heavy();
    let amqp = services().vhost("standby");
    let setup = || Setup::with_services(RULES, "standby", &amqp, &services().redis());
    let (mut one, mut other) = (setup().start(), setup().idle());
    other.launch();
    stands_by(&other);
    receives(&one, "c-1");
    let refused = other.post(
        "application/cloudevents+json",
        event("web", "x", "contact.received", json!({"contact": "x", "channel": "sms"})).to_string().as_bytes(),
    );
    assert_eq!(refused.status, 503, "who stands by takes nothing: {}", refused.text);
    until("who stands by to show what the owner does", PATIENCE, || {
        other.try_get("/v1/contacts/c-1").filter(|reply| reply.status == 200 && reply.json()["state"] == "waiting")
    });

    let (owner, follower) = until("both to know the same record", PATIENCE, || {
        let both = (shard_of(&one), shard_of(&other));
        (both.0["record"] == both.1["record"]).then_some(both)
    });
    assert_eq!((&owner["state"], &follower["state"]), (&json!("owner"), &json!("standby")));
    assert_eq!(owner["owner"], follower["owner"]);
    assert!(owner["token"].is_string() && follower["token"].is_null(), "{owner} {follower}");

    assert_eq!(one.stop(), Some(0), "{}", one.log_end());
    is_ready(&other);
    knows(&other, "c-1");
    receives(&other, "c-2");

    one.launch();
    stands_by(&one);
    other.kill();
    is_ready(&one);
    knows(&one, "c-1");
    knows(&one, "c-2");
    let taken = |daemon: &Daemon| daemon.log().matches("shard taken over").count();
    assert_eq!((taken(&one), taken(&other)), (2, 1), "nobody takes a shard from an owner who is well");
}
