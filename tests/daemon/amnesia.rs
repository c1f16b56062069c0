//! A store that comes back empty, or as an older copy: the daemon refuses to go on with it until a backup is restored, or
//! somebody accepts the loss.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
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
    assert_eq!(daemon.get("/v1/contacts/c-1").status, 404, "what was lost stays lost");
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
