//! The daemon from outside: the built program, real sockets, a real RabbitMQ, a real Redis, a foreign client.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use common::rabbitmq::Server;
use common::redis::RedisServer;

mod common {
    pub(crate) mod busy;
    pub(crate) mod clock;
    pub(crate) mod daemon;
    pub(crate) mod http;
    pub(crate) mod platform;
    pub(crate) mod port;
    pub(crate) mod rabbitmq;
    pub(crate) mod redis;
    pub(crate) mod wait;
}

#[path = "common/bad_inputs.rs"]
mod bad_inputs;
#[path = "common/bad_sequences.rs"]
mod bad_sequences;

mod daemon {
    mod alarm;
    mod amnesia;
    mod bad_input;
    mod canaries;
    mod catch_up;
    mod certificates;
    mod clock;
    mod cluster;
    mod consumer_timeout;
    mod customer_change;
    mod doctor;
    mod feed;
    mod foreign;
    mod forward;
    mod hands;
    mod heartbeats;
    mod kills;
    mod moving;
    mod order;
    mod poison;
    mod readiness;
    mod rules_change;
    mod shards;
    mod standby;
    mod stop;
    mod tour;
    mod unheard;
}

/// A broker and a store that stories share; each has a virtual host and a key prefix of its own.
pub(crate) struct Services {
    broker: Server,
    store: RedisServer,
}

impl Services {
    /// Makes a virtual host and returns its url.
    pub(crate) fn vhost(&self, name: &str) -> String {
        self.broker.vhost(name)
    }

    /// The url of the store.
    pub(crate) fn redis(&self) -> String {
        self.store.url()
    }
}

/// The services of this test binary.
pub(crate) fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| Services { broker: Server::start(), store: RedisServer::start() })
}

/// Held by stories that need the whole machine for a while: kills under load, alarms.
pub(crate) fn heavy() -> MutexGuard<'static, ()> {
    static HEAVY: Mutex<()> = Mutex::new(());
    // A story that failed leaves nothing behind that the next one could see.
    HEAVY.lock().unwrap_or_else(PoisonError::into_inner)
}
