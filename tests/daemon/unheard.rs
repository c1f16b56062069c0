//! What is told of outputs that no platform has bound a queue for, and that they hold nothing up.

use std::time::Duration;

use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::platform::Platform;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes a contact over HTTP.
fn contact(daemon: &Daemon, number: u32) {
    let data = json!({"contact": format!("c-{number}"), "channel": "sms"});
    let answer = daemon.send(&event("web", &format!("received-{number}"), "contact.received", data));
    assert_eq!(answer["result"], "accepted", "{answer}");
}

fn metric(daemon: &Daemon, name: &str) -> u64 {
    let text = daemon.get("/metrics").text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

fn unheard(daemon: &Daemon) -> u64 {
    metric(daemon, "picket_outputs_unheard_total")
}

/// What `/readyz` says about it.
fn trouble(daemon: &Daemon) -> Value {
    let answer = daemon.get("/readyz").json();
    let all = answer["dependencies"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["name"] == "unheard").map_or(Value::Null, |one| one["trouble"].clone())
}

#[test]
fn an_output_that_no_platform_hears_is_counted_and_told_once_a_kind_and_holds_nothing_up() {
    let url = services().vhost("unheard");
    let daemon = Setup::with_services(RULES, "unheard", &url, &services().redis()).start();
    for number in 0..3 {
        contact(&daemon, number);
    }
    // The rules came into force before, which nobody heard either.
    until("all to be counted", PATIENCE, || (unheard(&daemon) >= 4).then_some(()));
    let counted = unheard(&daemon);
    let told = daemon.log().matches("kind=\"unheard.contact.queued\"").count();
    assert_eq!(told, 1, "it is not told once:\n{}", daemon.log_end());
    assert_eq!(daemon.get("/readyz").status, 200, "an output that nobody hears is no reason to take nothing");
    assert!(trouble(&daemon).as_str().is_some_and(|said| said.contains("unheard.contact.queued")));

    // Once somebody listens, nothing more is counted, and nothing has waited.
    let platform = Platform::start(&url, "unheard", "web");
    contact(&daemon, 3);
    until("the platform to hear of it", PATIENCE, || (!platform.ledger().outputs.is_empty()).then_some(()));
    let outputs = platform.ledger().outputs.clone();
    assert!(outputs.values().all(|output| output["data"]["contact"] == "c-3"), "{outputs:?}");
    until("everything to be published", PATIENCE, || {
        (daemon.get("/metrics").text.contains("picket_outbox_waiting{shard=\"unheard\"} 0")).then_some(())
    });
    assert_eq!(unheard(&daemon), counted);
}

#[test]
fn a_picket_out_from_before_is_taken_as_it_is_and_a_policy_lets_it_tell() {
    let url = services().vhost("before");
    make_as_before(&url);
    let setup = Setup::with_services(RULES, "before", &url, &services().redis());
    assert!(setup.run(&["setup"]).status.success());
    let findings: Value = serde_json::from_slice(&setup.run(&["doctor", "--json"]).stdout).expect("findings");
    let found = findings.as_array().and_then(|all| all.iter().find(|one| one["subject"] == "unheard")).cloned();
    let found = found.unwrap_or_default();
    assert_eq!(found["grade"], "doubtful", "{findings}");
    let remedy = found["remedy"].as_str().unwrap_or_default();
    assert!(remedy.contains(POLICY) && remedy.contains(PATTERN), "{remedy}");

    let daemon = setup.start();
    contact(&daemon, 0);
    until("it to be published", PATIENCE, || {
        let text = daemon.get("/metrics").text;
        (text.contains("picket_outbox_waiting{shard=\"before\"} 0") && text.contains("picket_outputs_total{"))
            .then_some(())
    });
    assert_eq!(unheard(&daemon), 0, "a picket.out from before tells nothing");
    services().broker.ctl(&[
        "set_policy",
        "-p",
        "before",
        "picket-unheard",
        PATTERN,
        POLICY,
        "--apply-to",
        "exchanges",
    ]);
    let mut number = 0;
    until("an output to be counted", PATIENCE, || {
        number += 1;
        contact(&daemon, number);
        (unheard(&daemon) > 0).then_some(())
    });
}

const PATTERN: &str = r"^picket\.out$";
const POLICY: &str = r#"{"alternate-exchange":"picket.unheard"}"#;

/// The exchange as versions made it that had no alternate one.
fn make_as_before(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default();
        channel.exchange_declare("picket.out".into(), ExchangeKind::Topic, options, none).await.expect("an exchange");
    });
}
