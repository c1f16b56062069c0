//! A message that ends the daemon each time it is taken: it goes to the dead letters, alone, and everybody else is served.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::json;

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::platform::{Platform, publish_once};
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);
const BEFORE: usize = 6;
const BEHIND: usize = 40;
/// What the culprit is known by on its way to the store.
const CULPRIT: &[u8] = b"poisonous";

/// A way to the store on which a record that names the culprit is held: the daemon has read and decided it then, and the
/// test ends the process in that moment, as the message itself would.
struct Fuse {
    port: u16,
    blown: Arc<AtomicBool>,
}

impl Fuse {
    fn before(store: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (store, blown) = (store.trim_start_matches("redis://").to_owned(), Arc::new(AtomicBool::new(false)));
        let fuse = Self { port, blown: Arc::clone(&blown) };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&store) else { return };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (to, from) = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
                let blown = Arc::clone(&blown);
                thread::spawn(move || forward(client, to, Some(&blown)));
                thread::spawn(move || forward(server, from, None));
            }
        });
        fuse
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// Copies until the end, or until the culprit comes along.
fn forward(mut from: TcpStream, mut to: TcpStream, fuse: Option<&AtomicBool>) {
    let (mut buffer, mut seen) = (vec![0; 65_536], Vec::new());
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(fuse) = fuse {
            seen.extend_from_slice(&buffer[..read]);
            let holds = |word: &[u8]| seen.windows(word.len()).any(|window| window == word);
            if holds(b"picket_append") && holds(CULPRIT) {
                fuse.store(true, Ordering::SeqCst);
                // Nothing goes through any more; the daemon waits for an answer until it is killed.
                while let Ok(1..) = from.read(&mut buffer) {}
                break;
            }
            // Long enough for a whole batch of these small events.
            let surplus = seen.len().saturating_sub(1 << 17);
            seen.drain(..surplus);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

fn received(contact: &str) -> serde_json::Value {
    event("pbx", &format!("received-{contact}"), "contact.received", json!({"contact": contact, "channel": "sms"}))
}

/// The contacts heard of as queued, in order.
fn queued(daemon: &Daemon, count: usize) -> Vec<String> {
    let mut feed = Stream::open(&daemon.url("/v1/stream?type=contact.queued"), Some("0"));
    (0..count).map(|_| feed.event().1["data"]["contact"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_message_that_ends_the_process_is_put_aside_alone_and_all_others_are_served_in_order() {
    let _alone = crate::heavy();
    let (amqp, fuse) = (services().vhost("poison"), Fuse::before(&services().redis()));
    let setup = Setup::with_services(RULES, "poison", &amqp, &fuse.url());
    assert!(setup.run(&["setup"]).status.success());
    let innocent = |number: usize| format!("c-{number}");
    for number in 0..BEFORE + BEHIND {
        if number == BEFORE {
            publish_once(&amqp, "poison", &received("poisonous"));
        }
        publish_once(&amqp, "poison", &received(&innocent(number)));
    }
    let mut daemon = setup.idle();
    let deaths = deaths_until_it_is_put_aside(&mut daemon, &fuse);
    // Twice among all others, and twice alone.
    assert_eq!(deaths, 4, "{}", daemon.log());

    let expected: Vec<String> = (0..BEFORE + BEHIND).map(innocent).collect();
    assert_eq!(queued(&daemon, expected.len()), expected);
    let letters = daemon.command(&["dead", "list", "--json"]);
    let codes: Vec<_> = letters.iter().map(|letter| (&letter["code"], &letter["routing_key"])).collect();
    assert_eq!(codes, [(&json!("quarantined"), &json!("poison.contact.received"))], "{letters:?}");
    assert_eq!(daemon.get("/v1/contacts/poisonous").status, 404);
    assert!(daemon.get("/metrics").text.contains("picket_suspect_mode{shard=\"poison\"} 1"));

    // Fresh messages end it, and then flow.
    let platform = Platform::start(&amqp, "poison", "pbx");
    for number in 0..BEHIND {
        platform.send(
            &format!("later-{number}"),
            "contact.received",
            json!({"contact": format!("l-{number}"), "channel": "sms"}),
        );
    }
    let all = BEFORE + BEHIND + BEHIND;
    let last: Vec<String> = (0..BEHIND).map(|number| format!("l-{number}")).collect();
    assert_eq!(queued(&daemon, all)[BEFORE + BEHIND..], last);
    assert!(daemon.get("/metrics").text.contains("picket_suspect_mode{shard=\"poison\"} 0"));
    let log = daemon.log();
    assert!(log.contains("suspect mode begins") && log.contains("suspect mode ends"), "{log}");
}

/// Starts the daemon again and again; how often it died.
fn deaths_until_it_is_put_aside(daemon: &mut Daemon, fuse: &Fuse) -> usize {
    for deaths in 0..10 {
        fuse.blown.store(false, Ordering::SeqCst);
        daemon.launch();
        let died = until("the culprit to be taken, or to be put aside", PATIENCE, || {
            let is_aside = daemon.log().contains("code=\"quarantined\"");
            (fuse.blown.load(Ordering::SeqCst) || is_aside).then_some(!is_aside)
        });
        if !died {
            return deaths;
        }
        daemon.kill();
    }
    panic!("it goes on for ever");
}

#[test]
fn a_message_that_ends_the_process_each_time_a_loss_is_made_good_is_put_aside_too() {
    let _alone = crate::heavy();
    let (amqp, store) = (services().vhost("archived"), RedisServer::start());
    let fuse = Fuse::before(&store.url());
    let setup = Setup::with_services(RULES, "archived", &amqp, &fuse.url());
    assert!(setup.run(&["setup"]).status.success());
    let innocent = |number: usize| format!("c-{number}");
    for number in 0..BEFORE + BEHIND {
        if number == BEFORE {
            publish_once(&amqp, "archived", &received("poisonous"));
        }
        publish_once(&amqp, "archived", &received(&innocent(number)));
    }
    // They were taken and acknowledged once, by a daemon whose store is gone.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(empty(&amqp, "picket.in.archived"));
    assert!(setup.run(&["setup", "--accept-loss"]).status.success());
    let mut daemon = setup.idle();
    // Once among all others, and twice alone.
    assert_eq!(deaths_until_it_is_put_aside(&mut daemon, &fuse), 3, "{}", daemon.log());
    let expected: Vec<String> = (0..BEFORE + BEHIND).map(innocent).collect();
    assert_eq!(queued(&daemon, expected.len()), expected);
    assert_eq!(daemon.get("/v1/contacts/poisonous").status, 404);
    until("the daemon to route", PATIENCE, || (daemon.get("/readyz").status == 200).then_some(()));
}

/// Empties a queue.
async fn empty(url: &str, queue: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let emptied = channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.expect("purged");
    assert!(emptied > 0, "it was empty");
}

#[test]
fn a_count_of_deliveries_alone_puts_nobody_aside() {
    let amqp = services().vhost("innocents");
    let setup = Setup::with_services(RULES, "innocents", &amqp, &services().redis());
    assert!(setup.run(&["setup"]).status.success());
    for number in 0..BEFORE {
        publish_once(&amqp, "innocents", &received(&format!("c-{number}")));
    }
    // Daemons that were restarted again and again, with all of these on their way.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for _ in 0..6 {
        runtime.block_on(take_and_let_go(&amqp, "picket.in.innocents", BEFORE));
    }
    let daemon = setup.start();
    let expected: Vec<String> = (0..BEFORE).map(|number| format!("c-{number}")).collect();
    assert_eq!(queued(&daemon, BEFORE), expected);
    assert!(daemon.log().contains("suspect mode begins"), "{}", daemon.log());
    assert!(daemon.command(&["dead", "list", "--json"]).is_empty());
}

/// Takes all of a queue and hangs up without a word.
async fn take_and_let_go(url: &str, queue: &str, count: usize) {
    use futures_util::StreamExt as _;
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    channel.basic_qos(256, BasicQosOptions::default()).await.expect("a prefetch");
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.expect("a consumer");
    for _ in 0..count {
        consumer.next().await.expect("a consumer that lives").expect("a delivery");
    }
    channel.close(200, "done".into()).await.expect("closed");
    connection.close(200, "done".into()).await.expect("closed");
}
