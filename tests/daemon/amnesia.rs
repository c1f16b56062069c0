//! A store that comes back empty, or as an older copy: the daemon refuses to go on with it until a backup is restored, or
//! somebody accepts the loss.

use std::time::Duration;

use picket::shard::ports::Store as _;
use picket::store::redis::{Options, Redis};
use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;
use crate::common::platform::{Platform, publish_once};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(90);

fn received(contact: &str) -> Value {
    event("web", &format!("received-{contact}"), "contact.received", json!({"contact": contact, "channel": "sms"}))
}

fn receives(daemon: &Daemon, contacts: &[&str]) {
    for contact in contacts {
        assert_eq!(daemon.send(&received(contact))["result"], "accepted", "{}", daemon.log_end());
    }
}

fn is_ready(daemon: &Daemon) {
    until("the daemon to route", PATIENCE, || daemon.try_get("/readyz").filter(|reply| reply.status == 200));
}

/// Waits until the daemon refuses the journal, and returns the sentence.
fn refuses(daemon: &Daemon) -> String {
    let said = until("the daemon to refuse the journal", PATIENCE, || {
        let reply = daemon.try_get("/readyz").filter(|reply| reply.status == 503)?;
        let all = reply.json()["dependencies"].as_array().cloned().unwrap_or_default();
        let journal = all.iter().find(|one| one["name"] == "journal")?["trouble"].as_str()?.to_owned();
        journal.contains("committed earlier").then_some(journal)
    });
    assert!(said.contains("picket setup --accept-loss"), "it does not say what to do: {said}");
    assert!(daemon.log().contains(&said), "the log does not say so");
    let lost = daemon.post("application/cloudevents+json", received("refused").to_string().as_bytes());
    assert_eq!(lost.status, 503, "{}", lost.text);
    said
}

fn last_record(store: &RedisServer, shard: &str) -> u64 {
    let seq: Option<String> = store.ask(&["HGET", &format!("pk:{{{shard}}}:own"), "seq"]);
    seq.and_then(|seq| seq.parse().ok()).unwrap_or(0)
}

/// Copies every key of a shard from one prefix to another, at once; what is there is gone.
fn copy(store: &RedisServer, from: &str, to: &str) {
    let script = "for _, key in ipairs(redis.call('KEYS', ARGV[2] .. '*')) do redis.call('DEL', key) end
        local found = redis.call('KEYS', ARGV[1] .. '*')
        for _, key in ipairs(found) do redis.call('COPY', key, ARGV[2] .. string.sub(key, #ARGV[1] + 1)) end
        return #found";
    let copied: u64 = store.ask(&["EVAL", script, "0", from, to]);
    assert!(copied > 0, "there is nothing at {from}");
}

#[test]
fn a_store_that_comes_back_empty_or_older_is_refused_until_it_is_restored_or_the_loss_accepted() {
    let (amqp, store) = (services().vhost("amnesia"), RedisServer::start());
    let setup = Setup::with_services(RULES, "amnesia", &amqp, &store.url());
    let mut daemon = setup.start();
    let live = "pk:{amnesia}:";
    receives(&daemon, &["c-1", "c-2"]);
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    copy(&store, live, "older:");
    daemon.start();
    receives(&daemon, &["c-3"]);
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    copy(&store, live, "backup:");
    let end = last_record(&store, "amnesia");

    // An older copy, which is sound in itself. The backup that is right heals it without a restart.
    copy(&store, "older:", live);
    let older = last_record(&store, "amnesia");
    daemon.launch();
    let said = refuses(&daemon);
    assert!(said.contains(&format!("ends at record {older}, but record {end} was committed")), "{said}");
    assert_eq!(last_record(&store, "amnesia"), older, "something was written to a journal that is refused");
    copy(&store, "backup:", live);
    is_ready(&daemon);
    ["c-1", "c-2", "c-3"].iter().for_each(|contact| {
        assert_eq!(daemon.get(&format!("/v1/contacts/{contact}")).status, 200, "{contact}");
    });
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());

    // Nothing at all. What waits at the broker stays there until somebody decides.
    let _: String = store.ask(&["FLUSHALL"]);
    publish_once(&amqp, "amnesia", &received("c-4"));
    daemon.launch();
    let said = refuses(&daemon);
    assert!(said.contains("the journal ends at record 0, but record"), "{said}");
    assert_eq!(last_record(&store, "amnesia"), 0, "something was written to a journal that is refused");
    let accepted = daemon.command(&["setup", "--accept-loss", "--json"]);
    assert_eq!((&accepted[0]["shard"], &accepted[0]["goes_on_behind"]), (&json!("amnesia"), &json!(0)));
    is_ready(&daemon);
    until("what waited at the broker to be taken", PATIENCE, || {
        (daemon.get("/v1/contacts/c-4").status == 200).then_some(())
    });
    assert_eq!(daemon.get("/v1/contacts/c-1").status, 404, "what came over HTTP is in no archive");
    // What was accepted is not asked again.
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    daemon.start();

    // Under a daemon that runs: its next write is fenced by the empty store, and it refuses to begin anew.
    let _: String = store.ask(&["FLUSHALL"]);
    let lost = daemon.post("application/cloudevents+json", received("c-5").to_string().as_bytes());
    assert_eq!(lost.status, 503, "{}", lost.text);
    refuses(&daemon);
}

#[test]
fn while_the_broker_is_away_it_routes_and_publishes_nothing_before_the_journal_was_compared() {
    let _alone = crate::heavy();
    let (broker, store) = (Server::start(), RedisServer::start());
    let amqp = broker.vhost("blind");
    let mut daemon = Setup::with_services(RULES, "blind", &amqp, &store.url()).start();
    let platform = Platform::start(&amqp, "blind", "pbx");
    receives(&daemon, &["c-1"]);
    let heard = |contact: &str| platform.ledger().outputs.values().any(|output| output["data"]["contact"] == contact);
    until("the contact to be heard of", PATIENCE, || heard("c-1").then_some(()));
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    let _: String = store.ask(&["FLUSHALL"]);
    broker.wait_until_it_remembers("blind", "blind");
    broker.kill();
    daemon.launch();
    // Nothing speaks against it as long as the broker is silent: it serves who comes over HTTP.
    until("the daemon to route over HTTP", PATIENCE, || {
        let body = received("c-2").to_string();
        daemon.try_get("/readyz")?;
        (daemon.post("application/cloudevents+json", body.as_bytes()).status == 200).then_some(())
    });
    broker.restart();
    refuses(&daemon);
    // The shard counts its outputs from 1 again, so whatever is heard of it contradicts what was heard before.
    let is_heard_again = || !platform.ledger().contradictions.is_empty();
    assert!(!is_heard_again(), "it was published before the journal was compared");
    assert_eq!(daemon.command(&["setup", "--accept-loss", "--json"]).len(), 1);
    is_ready(&daemon);
    until("the other contact to be heard of", PATIENCE, || is_heard_again().then_some(()));
}

/// The journal of a shard, record by record.
fn journal(store: &RedisServer, shard: &str) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = Options { url: store.url().parse().expect("a url"), ..Options::default() };
        let redis = Redis::new(options).expect("options that fit");
        let all = redis.read(shard, 0, 100_000).await.expect("the journal reads");
        all.iter().map(|entry| serde_json::from_slice(&entry.body).expect("JSON")).collect()
    })
}

/// The ids of the inputs in it, in order.
fn inputs(journal: &[Value]) -> Vec<String> {
    journal.iter().filter_map(|record| record["cause"]["input"]["id"].as_str()).map(str::to_owned).collect()
}

/// What it says of losses, in order.
fn losses(journal: &[Value]) -> Vec<String> {
    let facts = journal.iter().filter_map(|record| record["facts"].as_array()).flatten();
    facts.filter_map(|fact| fact["by_hand"]["why"].as_str()).map(str::to_owned).collect()
}

/// The contacts heard of as queued, in order.
fn queued(daemon: &Daemon, count: usize) -> Vec<String> {
    let mut feed = Stream::open(&daemon.url("/v1/stream?type=contact.queued"), Some("0"));
    // A feed that begins behind its oldest output says so first.
    let contact = |_| feed.event().1["data"]["contact"].as_str().map(str::to_owned);
    (0..).filter_map(contact).take(count).collect()
}

/// Sends contacts over the broker, and waits until the last one is taken.
fn sends(platform: &Platform, daemon: &Daemon, numbers: std::ops::Range<usize>) {
    let last = format!("c-{}", numbers.end - 1);
    for number in numbers {
        let contact = json!({"contact": format!("c-{number}"), "channel": "sms"});
        platform.send(&format!("received-c-{number}"), "contact.received", contact);
    }
    is_known(daemon, &last);
}

fn is_known(daemon: &Daemon, contact: &str) {
    let path = format!("/v1/contacts/{contact}");
    until("the contact to be known", PATIENCE, || (daemon.get(&path).status == 200).then_some(()));
}

/// A daemon that lost the records behind its first contacts, and refuses to go on.
fn lose_the_tail(setup: Setup, amqp: &str, store: &RedisServer, shard: &str, kept: usize, all: usize) -> Daemon {
    let (live, older) = (format!("pk:{{{shard}}}:"), format!("older:{shard}:"));
    let mut daemon = setup.start();
    let platform = Platform::start(amqp, shard, "web");
    sends(&platform, &daemon, 0..kept);
    copy(store, &live, &older);
    sends(&platform, &daemon, kept..all);
    receives(&daemon, &["over-http"]);
    platform.send("abandoned", "contact.abandoned", json!({"contact": format!("c-{}", kept + 1)}));
    until("the customer to give up", PATIENCE, || {
        inputs(&journal(store, shard)).contains(&"abandoned".to_owned()).then_some(())
    });
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    copy(store, &older, &live);
    daemon.launch();
    refuses(&daemon);
    daemon
}

/// Every contact is known again, once, in the order in which it came; the one that was over is over.
fn everything_is_back(daemon: &Daemon, store: &RedisServer, shard: &str, kept: usize, all: usize) {
    let contacts: Vec<String> = (0..all).map(|number| format!("c-{number}")).collect();
    let taken: Vec<String> = contacts.iter().map(|contact| format!("received-{contact}")).collect();
    let (last, taken_now) = ("abandoned".to_owned(), inputs(&journal(store, shard)));
    assert!(taken_now.split_last() == Some((&last, &taken[..])), "{} inputs, not as they came", taken_now.len());
    let heard = queued(daemon, all);
    assert!(heard == contacts, "heard of from {:?} to {:?}, not as they came", heard.first(), heard.last());
    for number in 0..all {
        let shown = daemon.get(&format!("/v1/contacts/c-{number}"));
        let state = shown.json()["state"].as_str().unwrap_or_default().to_owned();
        let is_over = number == kept + 1;
        assert_eq!((shown.status, state == "closed"), (200, is_over), "c-{number}: {}", shown.text);
    }
    assert_eq!(daemon.get("/v1/contacts/over-http").status, 404, "what came over HTTP is in no archive");
}

#[test]
fn what_was_lost_with_the_tail_of_the_journal_comes_back_from_the_archive() {
    let (amqp, store) = (services().vhost("repair"), RedisServer::start());
    let setup = Setup::with_services(RULES, "repair", &amqp, &store.url());
    let mut daemon = lose_the_tail(setup, &amqp, &store, "repair", 40, 120);
    let accepted = daemon.command(&["setup", "--accept-loss", "--json"]);
    assert_eq!(accepted[0]["repair"], json!({"from": "picket.archive.in.repair"}), "{accepted:?}");
    is_ready(&daemon);
    everything_is_back(&daemon, &store, "repair", 40, 120);
    let said = losses(&journal(&store, "repair"));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("tail.lost: records "), "{said:?}");
    assert!(said[1].starts_with("tail.repaired: ") && said[1].ends_with(" 81 inputs are back"), "{said:?}");
    assert!(daemon.log().contains(&said[1]), "the log does not say so");

    // What is made good is not done again, and what comes now is taken as ever.
    assert_eq!(daemon.stop(), Some(0), "{}", daemon.log_end());
    daemon.start();
    publish_once(&amqp, "repair", &received("later"));
    is_known(&daemon, "later");
    assert_eq!(losses(&journal(&store, "repair")).len(), 2);
    assert!(daemon.command(&["dead", "list", "--json"]).is_empty());
}

#[test]
fn a_repair_that_is_killed_on_the_way_is_begun_again_and_brings_nothing_back_twice() {
    const KEPT: usize = 100;
    const ALL: usize = 1_600;
    let _alone = crate::heavy();
    let (amqp, store) = (services().vhost("halfway"), RedisServer::start());
    // Small batches, so that there is a middle to be killed in.
    let setup = Setup::with_services(RULES, "halfway", &amqp, &store.url()).set("PICKET_SHARD__BATCH_MOST", "8");
    let mut daemon = lose_the_tail(setup, &amqp, &store, "halfway", KEPT, ALL);
    let older = last_record(&store, "halfway");
    assert_eq!(daemon.command(&["setup", "--accept-loss", "--json"]).len(), 1);
    until("the repair to be on its way", PATIENCE, || (last_record(&store, "halfway") > older + 400).then_some(()));
    store.freeze();
    // Nothing is taken meanwhile, and `picket shards` says why.
    let shards = daemon.command(&["shards", "--json"]);
    assert!(shards[0]["trouble"].as_str().is_some_and(|said| said.contains("again from the archive")), "{shards:?}");
    assert_eq!(daemon.post("application/cloudevents+json", received("new").to_string().as_bytes()).status, 503);
    daemon.kill();
    store.go_on();
    let (back, said) = (inputs(&journal(&store, "halfway")), losses(&journal(&store, "halfway")));
    assert!(back.len() > KEPT && back.len() < ALL && said.len() == 1, "it was not killed in the middle: {said:?}");

    daemon.start();
    everything_is_back(&daemon, &store, "halfway", KEPT, ALL);
    let said = losses(&journal(&store, "halfway"));
    let begun = said.iter().filter(|said| said.starts_with("tail.lost: ")).count();
    assert_eq!((said.len(), begun), (3, 2), "{said:?}");
    let back = format!(" {} inputs are back", ALL + 1 - back.len());
    assert!(said[2].ends_with(&back), "{said:?}, and not {back}");
}

#[test]
fn without_an_archive_the_loss_is_said_and_the_shard_goes_on() {
    let (amqp, store) = (services().vhost("bare"), RedisServer::start());
    let setup =
        Setup::with_services(RULES, "bare", &amqp, &store.url()).set("PICKET_BROKER__RABBITMQ__ARCHIVE", "false");
    let daemon = lose_the_tail(setup, &amqp, &store, "bare", 5, 10);
    let accepted = daemon.command(&["setup", "--accept-loss", "--json"]);
    let why = accepted[0]["repair"]["nothing"].as_str().unwrap_or_default();
    assert!(why.contains("broker.rabbitmq.archive is false"), "{accepted:?}");
    is_ready(&daemon);
    assert_eq!(daemon.get("/v1/contacts/c-4").status, 200);
    assert_eq!(daemon.get("/v1/contacts/c-5").status, 404, "what was lost stays lost");
}
