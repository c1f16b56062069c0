//! Nothing lost, nothing twice: what holds when the broker, the store or the daemon is killed under load.

use crate::common::busy::{PATIENCE, RULES, judge, load, open, open_the_place};
use crate::common::daemon::{Daemon, Setup};
use crate::common::platform::Platform;
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;

/// Contacts between two kills.
const BETWEEN: usize = 30;

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Broker,
    Store,
    Daemon,
}

#[test]
fn killing_broker_store_and_daemon_three_times_each_under_load_loses_nothing_and_assigns_nothing_twice() {
    let _alone = crate::heavy();
    let (broker, mut store) = (Server::start(), RedisServer::start());
    let mut daemon = Setup::with_services(RULES, "kills", &broker.url(), &store.url()).start();
    let platform = Platform::start(&broker.url(), "kills", "chaos");
    open_the_place(&platform);

    broker.wait_until_it_remembers("%2F", "kills");

    let mut sent = 0;
    for round in 0..3 {
        for victim in [Victim::Broker, Victim::Store, Victim::Daemon] {
            sent = load(&platform, sent, sent + BETWEEN, || daemon.log_end());
            eprintln!("round {round}: killing the {victim:?} with {} contacts open", open(&platform, sent));
            strike(victim, &broker, &mut store, &mut daemon);
        }
    }
    sent = load(&platform, sent, sent + BETWEEN, || daemon.log_end());
    until("every contact to be closed", PATIENCE, || (open(&platform, sent) == 0).then_some(()));
    until("the daemon to be ready again", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
    // What was said about a contact that had closed meanwhile is refused, and that comes last. Whatever has no effect
    // after this long has none.
    until("every input to have its effect", PATIENCE, || platform.ledger().without_effect().is_empty().then_some(()));
    judge(&platform.ledger(), &[]);
}

/// Kills one, in the middle of what it does, and starts it again.
fn strike(victim: Victim, broker: &Server, store: &mut RedisServer, daemon: &mut Daemon) {
    match victim {
        Victim::Broker => {
            broker.kill();
            broker.restart();
        }
        Victim::Store => {
            store.kill();
            store.restart();
        }
        Victim::Daemon => {
            daemon.kill();
            daemon.start();
        }
    }
}
