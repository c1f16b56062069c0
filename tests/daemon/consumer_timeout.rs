//! What happens when the broker closes the channel of an owner that holds its deliveries for too long.

use std::time::Duration;

use serde_json::json;

use crate::common::daemon::Setup;
use crate::common::platform::Platform;
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(120);
const CONTACTS: usize = 40;
/// Deliveries may be held for five seconds, which the broker looks at every two instead of once a minute.
const STRICT: &str = "[{rabbit, [{consumer_timeout, 5000}, {channel_tick_interval, 2000}]}].\n";

#[test]
fn an_owner_whose_channel_the_broker_closes_for_holding_deliveries_goes_on_in_order_over_another() {
    let (broker, store) = (Server::start_with(STRICT), RedisServer::start());
    let daemon = Setup::with_services(RULES, "timeout", &broker.url(), &store.url()).start();
    let platform = Platform::start(&broker.url(), "timeout", "chaos");
    store.freeze();
    for number in 0..CONTACTS {
        let data = json!({"contact": format!("c-{number:03}"), "channel": "sms"});
        platform.send(&format!("received-{number:03}"), "contact.received", data);
    }
    until("the inputs to be confirmed", PATIENCE, || (platform.ledger().confirmed.len() == CONTACTS).then_some(()));
    until("the broker to lose its patience", PATIENCE, || broker.said("delivery acknowledgement").then_some(()));
    store.go_on();
    until("every contact to be heard of", PATIENCE, || {
        let ledger = platform.ledger();
        let queued = ledger.outputs.values().filter(|output| output["type"] == "picket.contact.queued.v1").count();
        (queued >= CONTACTS).then_some(())
    });
    until("every input to be acknowledged", PATIENCE, || {
        let rows = broker.ctl(&["list_queues", "--no-table-headers", "name", "messages"]);
        let left = rows.lines().find_map(|row| row.strip_prefix("picket.in.timeout")?.trim().parse::<usize>().ok());
        (left == Some(0)).then_some(())
    });
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
    assert!(daemon.log().contains("the session is lost"), "its channel was not closed:\n{}", daemon.log_end());

    let ledger = platform.ledger();
    assert!(ledger.contradictions.is_empty(), "{:?}", ledger.contradictions);
    assert!(ledger.without_effect().is_empty(), "{:?}", ledger.without_effect());
    let queued = ledger.outputs.values().filter(|output| output["type"] == "picket.contact.queued.v1");
    let queued: Vec<_> = queued.filter_map(|output| output["data"]["contact"].as_str().map(str::to_owned)).collect();
    let wanted: Vec<_> = (0..CONTACTS).map(|number| format!("c-{number:03}")).collect();
    assert_eq!(queued, wanted, "a contact was queued twice, or out of its order");
    let numbers: Vec<_> = ledger.outputs.keys().copied().collect();
    assert_eq!(numbers.len() as u64, 1 + numbers[numbers.len() - 1] - numbers[0], "the outputs have gaps: {numbers:?}");
}
