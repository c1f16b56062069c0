//! Other rules while contacts wait: everybody who waits is planned anew, without losing the time already waited, without
//! holding others up, and to the end even if the daemon is killed on the way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
/// The same place with a queue of its own for orders.
const ORDERS: &str = r#"
[[queue]]
id = "orders"
domain = "DOMAIN"
promise = { share = "80%", within = "20s" }

[[queue_rule]]
name = "orders"
when = 'contact.topic == "order"'
queue = "orders"

[[queue_rule]]
queue = "general"
"#;
const PATIENCE: Duration = Duration::from_secs(60);
/// More than the daemon plans anew in one turn.
const WAITING: usize = 260;

fn changed() -> String {
    RULES.replace("[[queue_rule]]\nqueue = \"general\"\n", ORDERS)
}

/// Contacts that nobody is there for, every second one about an order.
fn wait_in_line(daemon: &Daemon) {
    let one = |n: usize| {
        let topic = if n.is_multiple_of(2) { json!("order") } else { Value::Null };
        let data = json!({"contact": format!("c-{n}"), "channel": "sms", "topic": topic});
        event("web", &format!("received-{n}"), "contact.received", data)
    };
    let batch = Value::Array((0..WAITING).map(one).collect()).to_string();
    let reply = daemon.post("application/cloudevents-batch+json", batch.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn contact(daemon: &Daemon, n: usize) -> Value {
    daemon.get(&format!("/v1/contacts/c-{n}")).json()
}

/// Waits until every order is in its queue, and looks at the others.
fn see_all_planned(daemon: &Daemon) {
    let list = |queue: &str| {
        let list = daemon.get(&format!("/v1/contacts?queue={queue}&limit=1000")).json();
        list["contacts"].as_array().or(list.as_array()).map_or(0, Vec::len)
    };
    until("every order to be in its queue", PATIENCE, || (list("orders") == WAITING / 2).then_some(()));
    assert_eq!(list("general"), WAITING / 2, "what the new rules leave as it was");
    assert!((0..WAITING).all(|n| contact(daemon, n)["state"] == "waiting"), "somebody does not wait any more");
}

#[test]
fn whoever_waits_is_planned_by_the_new_rules_and_has_waited_as_long_as_before() {
    let daemon = Setup::embedded(RULES, "rules-change").start();
    wait_in_line(&daemon);
    let before = contact(&daemon, 0);
    assert_eq!(before["queue"], "general", "{before}");

    daemon.change_rules(&changed());
    daemon.hang_up();
    see_all_planned(&daemon);
    let after = contact(&daemon, 0);
    assert_eq!(after["since"], before["since"], "the time waited is lost");
}

#[test]
fn a_daemon_that_is_killed_while_it_plans_anew_goes_on_when_it_is_back() {
    let mut daemon = Setup::embedded(RULES, "rules-kill").start();
    wait_in_line(&daemon);
    daemon.change_rules(&changed());
    daemon.hang_up();
    daemon.kill();
    daemon.start();
    see_all_planned(&daemon);
}

#[test]
fn rules_that_do_not_pass_their_check_change_nobody() {
    let daemon = Setup::embedded(RULES, "rules-refused").start();
    wait_in_line(&daemon);
    daemon.change_rules("[[queue]]\nid = 7\n");
    daemon.hang_up();
    until("the refusal in the log", PATIENCE, || daemon.log_end().contains("the rules in force stay").then_some(()));
    assert!((0..WAITING).all(|n| contact(&daemon, n)["queue"] == "general"));
    let rules = || {
        let ready = daemon.get("/readyz");
        let all = ready.json()["dependencies"].as_array().cloned().unwrap_or_default();
        let trouble = all.iter().find(|one| one["name"] == "rules").map(|one| one["trouble"].clone());
        (ready.status, trouble.unwrap_or_default())
    };
    let (status, trouble) = rules();
    assert!(trouble.as_str().is_some_and(|text| text.contains("picket check")), "{trouble}");
    assert_eq!(status, 200, "it routes by the rules in force");
    daemon.change_rules(RULES);
    daemon.hang_up();
    until("the refusal to be over", PATIENCE, || rules().1.is_null().then_some(()));
}
