//! What the daemon says about itself: ready or not, because of what; and the settings that it refuses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_address_that_others_can_reach_is_refused_until_an_access_token_is_configured() {
    let (code, said) = Setup::embedded(RULES, "open").set("PICKET_HTTP__LISTEN", "0.0.0.0:0").refused();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("token"), "it does not say what to do: {said}");
}

#[test]
fn a_setting_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    let (code, said) = Setup::embedded(RULES, "typo").set("PICKET_STORE__PAHT", "x").refused();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("path"), "it does not name the closest setting: {said}");
}

#[test]
fn the_dependency_that_is_away_is_named_and_what_cannot_be_committed_is_not_taken() {
    let _alone = crate::heavy();
    let (broker, mut store) = (Server::start(), RedisServer::start());
    let mut daemon = Setup::with_services(RULES, "ready", &broker.url(), &store.url()).start();
    assert_eq!(daemon.get("/readyz").json()["status"], "ready");

    store.kill();
    trouble(&daemon, "store");
    let lost = event("web", "lost", "contact.received", json!({"contact": "c-1", "channel": "sms"}));
    let refused = until("the daemon to take nothing", PATIENCE, || {
        Some(daemon.post("application/cloudevents+json", lost.to_string().as_bytes())).filter(|r| r.status == 503)
    });
    assert!(refused.retry_after.is_some(), "it does not say when to come again");
    assert_eq!(daemon.get("/healthz").status, 200, "a dependency that is away is no reason for a restart");
    store.restart();
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));

    broker.kill();
    trouble(&daemon, "broker");
    broker.restart();
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));

    // Everything starts anew, the daemon first.
    daemon.kill();
    store.kill();
    broker.kill();
    daemon.launch();
    until("the daemon to answer", PATIENCE, || daemon.try_get("/healthz"));
    trouble(&daemon, "store");
    store.restart();
    broker.restart();
    until("the daemon to be ready at last", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
}

/// Waits until the daemon is not ready because of this dependency, and returns what it says about it.
fn trouble(daemon: &Daemon, dependency: &str) -> Value {
    until(&format!("{dependency} to be reported"), PATIENCE, || {
        let reply = daemon.get("/readyz");
        let answer = reply.json();
        let list = answer["dependencies"].as_array().cloned().unwrap_or_default();
        let found = list.into_iter().find(|d| d["name"] == dependency && d["trouble"].is_string());
        found.filter(|_| reply.status == 503)
    })
}
