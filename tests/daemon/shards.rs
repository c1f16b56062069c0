//! Several shards: in one daemon each takes its own domains; several daemons share them, and one goes on for another.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Reply;
use crate::common::wait::until;
use crate::services;

const PATIENCE: Duration = Duration::from_secs(60);

/// The place with the domains `NAME-a` and `NAME-b`.
pub(super) fn rules(name: &str) -> String {
    include_str!("two_domains.toml").replace("FIRST", &format!("{name}-a")).replace("SECOND", &format!("{name}-b"))
}

/// With the shards `one` and `two`, each with one of the domains.
pub(super) fn in_two_shards(setup: Setup, name: &str) -> Setup {
    setup
        .set("PICKET_SHARDS__ONE__DOMAINS", &format!("{name}-a"))
        .set("PICKET_SHARDS__TWO__DOMAINS", &format!("{name}-b"))
}

fn received(domain: &str, contact: &str) -> Value {
    let data = json!({"contact": contact, "channel": "sms"});
    let mut event = event("web", &format!("received-{contact}"), "contact.received", data);
    event["picketdomain"] = json!(domain);
    event
}

fn send_all(daemon: &Daemon, events: &[Value]) -> Reply {
    daemon.post("application/cloudevents-batch+json", Value::from(events.to_vec()).to_string().as_bytes())
}

fn results(reply: &Reply) -> Vec<String> {
    let word = |answer: &Value| answer["code"].as_str().or(answer["result"].as_str()).unwrap_or("?").to_owned();
    reply.json().as_array().map(|answers| answers.iter().map(word).collect()).unwrap_or_default()
}

/// The shards that a daemon owns.
pub(super) fn owned(daemon: &Daemon) -> Vec<String> {
    let shown = daemon.try_get("/v1/shards").map(|reply| reply.json()).unwrap_or_default();
    let all = shown["shards"].as_array().cloned().unwrap_or_default();
    let own = all.iter().filter(|shard| shard["state"] == "owner");
    own.filter_map(|shard| shard["shard"].as_str().map(str::to_owned)).collect()
}

fn shard_of(daemon: &Daemon, contact: &str) -> Option<String> {
    let shown = daemon.try_get(&format!("/v1/contacts/{contact}"))?.json();
    (shown["state"] == "waiting").then(|| shown["shard"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn one_daemon_takes_each_event_to_the_shard_of_its_domain_and_shows_them_all() {
    let mut daemon = in_two_shards(Setup::embedded(&rules("two"), "two"), "two").start();
    assert_eq!(owned(&daemon), ["one", "two"]);
    let mut nowhere = received("two-a", "c-4");
    nowhere.as_object_mut().expect("an event").remove("picketdomain");
    let batch = [
        received("two-a", "c-1"),
        received("two-b", "c-2"),
        received("mars", "c-3"),
        nowhere,
        received("two-a", "c-5"),
        received("two-b", "c-2"),
    ];
    let reply = send_all(&daemon, &batch);
    let expected = ["accepted", "accepted", "unknown_domain", "missing_domain", "accepted", "duplicate"];
    assert_eq!(results(&reply), expected, "{}", reply.text);

    daemon.kill();
    daemon.start();
    for (contact, shard) in [("c-1", "one"), ("c-2", "two"), ("c-5", "one")] {
        assert_eq!(shard_of(&daemon, contact).as_deref(), Some(shard), "{contact}");
    }
    let listed = |query: &str| daemon.get(&format!("/v1/contacts?{query}"));
    assert_eq!(listed("shard=one").json()["contacts"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed("shard=two").json()["contacts"][0]["shard"], "two");
    let refused = listed("limit=5");
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("which_shard")), "{}", refused.text);
    assert!(refused.text.contains("one, two"), "{}", refused.text);
    assert_eq!(listed("shard=three").json()["code"], "unknown_shard");
    let followed = daemon.command(&["tail", "--after", "0", "--count", "1", "--json", "--shard", "two"]);
    assert_eq!(followed[0]["picketdomain"], "two-b", "{followed:?}");
    assert_eq!(daemon.command(&["shards", "--json"]).len(), 2);
    let metrics = daemon.get("/metrics").text;
    assert!(metrics.contains("picket_contacts{shard=\"one\",state=\"waiting\"} 2"), "{metrics}");
    assert!(metrics.contains("picket_contacts{shard=\"two\",state=\"waiting\"} 1"), "{metrics}");
}

#[test]
fn two_daemons_share_two_shards_and_each_goes_on_for_the_other() {
    let _alone = crate::heavy();
    let amqp = services().vhost("shards");
    let rules = rules("sh");
    let setup = |host: &str| {
        let setup = Setup::with_services(&rules, "shards", &amqp, &services().redis());
        in_two_shards(setup, "sh").set("PICKET_SHARD__INSTANCE", host)
    };
    let (mut a, mut b) = (setup("host-a").start(), setup("host-b").idle());
    assert_eq!(owned(&a), ["one", "two"], "an only daemon owns them all");
    assert_eq!(results(&send_all(&a, &[received("sh-a", "c-1"), received("sh-b", "c-2")])), ["accepted", "accepted"]);

    b.launch();
    until("the shards to spread", PATIENCE, || (owned(&a).len() == 1 && owned(&b).len() == 1).then_some(()));
    let handed_over = a.log().matches("the shard is handed over").count();
    assert_eq!(handed_over, 1, "{}", a.log());
    for daemon in [&a, &b] {
        until("each daemon to show both shards", PATIENCE, || {
            (shard_of(daemon, "c-1")? == "one" && shard_of(daemon, "c-2")? == "two").then_some(())
        });
        until("each to be ready for what it owns", PATIENCE, || {
            daemon.try_get("/readyz").filter(|reply| reply.status == 200)
        });
    }
    // Each takes over HTTP what is for its own shard, and says who takes the rest.
    let (mine, others) = if owned(&a) == ["one"] { ("sh-a", "sh-b") } else { ("sh-b", "sh-a") };
    assert_eq!(results(&send_all(&a, &[received(mine, "c-3")])), ["accepted"]);
    let refused = send_all(&a, &[received(others, "c-4")]);
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.text.contains("host-b"), "it does not say who: {}", refused.text);
    assert_eq!(results(&send_all(&b, &[received(others, "c-4")])), ["accepted"]);

    b.kill();
    until("the other daemon to own both", PATIENCE, || (owned(&a).len() == 2).then_some(()));
    let more = [received("sh-a", "c-5"), received("sh-b", "c-6")];
    until("both to be taken again", PATIENCE, || {
        let reply = send_all(&a, &more);
        (reply.status == 200 && results(&reply).iter().all(|word| word == "accepted" || word == "duplicate"))
            .then_some(())
    });
    for contact in ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6"] {
        assert!(shard_of(&a, contact).is_some(), "{contact} is lost");
    }
    b.launch();
    until("the shards to spread again", PATIENCE, || (owned(&a).len() == 1 && owned(&b).len() == 1).then_some(()));
    assert_eq!(a.stop(), Some(0), "{}", a.log_end());
    until("the rest to be taken over", PATIENCE, || (owned(&b).len() == 2).then_some(()));
}
