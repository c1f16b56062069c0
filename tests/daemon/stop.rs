//! How a daemon ends when it is told to: everything taken is kept, nothing is waited for that has nothing to do.

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::services;

const RULES: &str = include_str!("rules.toml");

fn stops_at_once_and_goes_on(mut daemon: Daemon) {
    let waiting = |n: usize| {
        let data = json!({"contact": format!("c-{n}"), "channel": "email"});
        event("web", &format!("received-{n}"), "contact.received", data)
    };
    let batch = Value::Array((0..40).map(waiting).collect()).to_string();
    assert_eq!(daemon.post("application/cloudevents-batch+json", batch.as_bytes()).status, 200);

    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    let log = daemon.log_end();
    assert!(!log.contains("did not end in time"), "{log}");
    daemon.start();
    for n in 0..40 {
        let contact = daemon.get(&format!("/v1/contacts/c-{n}")).json();
        assert_eq!(contact["state"], "waiting", "{contact}");
    }
}

#[test]
fn an_embedded_daemon_with_mails_waiting_ends_without_waiting_for_a_part_of_its_own() {
    stops_at_once_and_goes_on(Setup::embedded(RULES, "stop").start());
}

#[test]
fn so_does_one_with_rabbitmq_and_redis() {
    let amqp = services().vhost("stop");
    stops_at_once_and_goes_on(Setup::with_services(RULES, "stop-amqp", &amqp, &services().redis()).start());
}
