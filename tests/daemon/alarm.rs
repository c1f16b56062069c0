//! What holds while the broker has no memory left, and where a message goes that no shard wants.

use std::time::Duration;

use lapin::Confirmation;
use serde_json::json;

use crate::common::daemon::{Setup, event};
use crate::common::platform::{Platform, publish_once};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(120);
/// Contacts that are in the input queue when the alarm goes off.
const COMMITTED: usize = 40;

#[test]
fn with_the_memory_alarm_on_what_is_committed_is_acknowledged_and_nothing_is_lost_when_it_clears() {
    let _alone = crate::heavy();
    let (broker, store) = (Server::start(), RedisServer::start());
    let daemon = Setup::with_services(RULES, "alarm", &broker.url(), &store.url()).start();
    let platform = Platform::start(&broker.url(), "alarm", "chaos");
    // The store is stopped, so that inputs gather unacknowledged; then the alarm; then the store goes on.
    store.freeze();
    for number in 0..COMMITTED {
        let data = json!({"contact": format!("c-{number}"), "channel": "sms"});
        platform.send(&format!("received-{number}"), "contact.received", data);
    }
    until("the inputs to be confirmed", PATIENCE, || (platform.ledger().confirmed.len() == COMMITTED).then_some(()));
    broker.memory_alarm(true);
    store.go_on();
    until("the inputs to be committed and acknowledged", PATIENCE, || {
        let rows = broker.ctl(&["list_queues", "--no-table-headers", "name", "messages"]);
        let left = rows.lines().find_map(|row| row.strip_prefix("picket.in.alarm")?.trim().parse::<usize>().ok());
        (left == Some(0)).then_some(())
    });
    let heard = platform.ledger().outputs.len();
    broker.memory_alarm(false);
    until("every contact to be heard of", PATIENCE, || {
        let ledger = platform.ledger();
        let queued = ledger.outputs.values().filter(|output| output["type"] == "picket.contact.queued.v1").count();
        (queued == COMMITTED).then_some(())
    });
    let ledger = platform.ledger();
    assert!(ledger.contradictions.is_empty(), "{:?}", ledger.contradictions);
    assert!(ledger.without_effect().is_empty(), "{:?}", ledger.without_effect());
    let numbers: Vec<_> = ledger.outputs.keys().copied().collect();
    let last = numbers.last().copied().expect("outputs");
    assert_eq!(numbers.len() as u64, 1 + last - numbers[0], "the outputs have gaps: {numbers:?}");
    assert!(heard < ledger.outputs.len(), "nothing had to wait for the end of the alarm");
    drop(daemon);
}

#[test]
fn a_publish_with_an_unknown_domain_lands_among_the_dead_letters_and_can_be_found_there() {
    let services = crate::services();
    let url = services.vhost("unknown-domain");
    let daemon = Setup::with_services(RULES, "known", &url, &services.redis()).start();
    let lost = event("chaos", "to-nowhere", "contact.received", json!({"contact": "c-1", "channel": "sms"}));
    let answer = publish_once(&url, "atlantis", &lost);
    assert!(matches!(answer, Confirmation::Ack(None)), "a publish to an unknown domain was not taken: {answer:?}");
    let letter = until("the dead letter", PATIENCE, || {
        let letters = daemon.command(&["dead", "list", "--json"]);
        letters.into_iter().find(|letter| letter["code"] == "unknown_domain")
    });
    assert_eq!(letter["routing_key"], "atlantis.contact.received");
}
