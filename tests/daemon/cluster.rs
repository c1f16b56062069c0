//! What happens on a broker of three nodes when two are away, and when one is for good.

use std::time::Duration;

use serde_json::json;

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::platform::Platform;
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(300);
const QUORUM: [&str; 4] = ["picket.in.cluster", "picket.gate.cluster", "picket.beacon.cluster", "picket.dead"];

/// Takes contacts over HTTP.
fn contacts(daemon: &Daemon, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let data = json!({"contact": format!("c-{number}"), "channel": "sms"});
        let answer = daemon.send(&event("web", &format!("received-{number}"), "contact.received", data));
        assert_eq!(answer["result"], "accepted", "{answer}");
    }
}

/// Waits until so many contacts were heard of, each once.
fn heard(platform: &Platform, count: usize) {
    until("every contact to be heard of", PATIENCE, || {
        let ledger = platform.ledger();
        let queued = ledger.outputs.values().filter(|output| output["type"] == "picket.contact.queued.v1").count();
        (queued >= count).then_some(())
    });
    let ledger = platform.ledger();
    let mut queued: Vec<&str> = ledger
        .outputs
        .values()
        .filter(|output| output["type"] == "picket.contact.queued.v1")
        .filter_map(|output| output["data"]["contact"].as_str())
        .collect();
    assert_eq!(queued.len(), count, "{queued:?}");
    queued.sort_unstable();
    queued.dedup();
    assert_eq!(queued.len(), count, "a contact was queued twice");
    assert!(ledger.contradictions.is_empty(), "{:?}", ledger.contradictions);
}

#[test]
fn a_broker_without_its_majority_holds_outputs_and_nothing_else_and_one_node_less_holds_nothing() {
    let _alone = crate::heavy();
    let (nodes, store) = (Server::start_three(), RedisServer::start());
    let [second, third, first] = &nodes;
    let setup = |node: &Server| {
        let setup = Setup::with_services(RULES, "cluster", &node.url(), &store.url());
        setup.set("PICKET_BROKER__RABBITMQ__CONFIRM_TIMEOUT", "2s")
    };
    let mut daemon = setup(first).start();
    let platform = Platform::start(&first.url(), "cluster", "web");
    let rows = first.ctl(&["list_queues", "--no-table-headers", "name", "members"]);
    for queue in QUORUM {
        let members = rows.lines().find_map(|row| row.strip_prefix(queue)?.strip_prefix('\t'));
        let members = members.unwrap_or_default().matches("@localhost").count();
        assert_eq!(members, 3, "{queue} is not on every node:\n{rows}");
    }
    contacts(&daemon, 0..3);
    heard(&platform, 3);

    second.kill();
    third.kill();
    contacts(&daemon, 3..8);
    let trouble = until("the broker to be named", PATIENCE, || {
        let reply = daemon.get("/readyz");
        let answer = reply.json();
        let all = answer["dependencies"].as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|one| one["name"] == "broker" && one["trouble"].is_string());
        found.filter(|_| reply.status == 503)
    });
    contacts(&daemon, 8..10);
    assert_eq!(daemon.get("/v1/contacts/c-9").status, 200, "HTTP does not go on: {trouble}");

    // Both wait for each other, as nodes that ended at the same time do.
    std::thread::scope(|scope| [second, third].map(|node| drop(scope.spawn(|| node.restart()))));
    heard(&platform, 10);
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
    drop(platform);

    // The node with all that lives on one node only is gone, and the next owner comes over another.
    daemon.kill();
    let platform = Platform::start(&second.url(), "cluster", "web");
    first.kill();
    let daemon = setup(second).start();
    contacts(&daemon, 10..12);
    heard(&platform, 2);
}
