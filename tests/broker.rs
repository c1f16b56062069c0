//! One suite for every broker: what the loop of a shard relies on, run against each backend as far as it can do it.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

#[path = "broker/archive.rs"]
mod archive;
#[path = "broker/beacon.rs"]
mod beacon;
#[path = "broker/dead.rs"]
mod dead;
#[path = "broker/embedded.rs"]
mod embedded;
#[path = "simulation/fate.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod fate;
#[path = "broker/inbox.rs"]
mod inbox;
#[path = "simulation/link.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod link;
#[path = "broker/outbox.rs"]
mod outbox;
#[path = "common/port.rs"]
mod port;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/rabbitmq.rs"]
mod rabbitmq;
#[path = "broker/rig.rs"]
mod rig;
#[path = "broker/rights.rs"]
mod rights;
#[path = "simulation/broker.rs"]
#[expect(dead_code, reason = "here nothing goes wrong")]
mod simulated;
#[path = "broker/vices.rs"]
mod vices;
