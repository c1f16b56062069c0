//! People's names, addresses, texts and ids are planted; none of them may turn up where it does not belong.

use std::time::Duration;

use picket::shard::ports::Store as _;
use picket::store::redis::{Options, Redis};
use serde_json::{Value, json};

use crate::common::daemon::{Daemon, Setup, event};
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);
/// Part of whatever is planted, and of nothing else.
const CANARY: &str = "kanarienvogel";

fn planted(what: &str) -> String {
    format!("{CANARY}-{what}")
}

/// A customer with everything that is known about people (an account is a house, and its id is no secret), and what becomes of a contact of hers.
fn life() -> Vec<Value> {
    let put = json!({
        "customer": planted("customer"), "account": "house", "name": planted("name"),
        "addresses": [planted("address"), planted("second-address")], "language": "en",
        "attributes": {"segment": planted("segment"), "hobby": planted("hobby"), "lifetime_value": 9},
    });
    let account = json!({
        "account": "house", "name": planted("account-name"), "addresses": [planted("house-address")],
        "attributes": {"branch": planted("branch")},
    });
    let received = json!({
        "contact": "c-1", "channel": "sms", "from": planted("address"), "identity": "claimed",
        "attributes": {"subject": planted("subject"), "text": planted("text")},
    });
    let close = json!({"contact": "c-1", "disposition": "answered", "note": planted("note")});
    let all = [
        ("customer.put", put),
        ("account.put", account),
        ("contact.received", received),
        (
            "contact.updated",
            json!({"contact": "c-1", "from": planted("second-address"), "attributes": {"mood": planted("mood")}}),
        ),
        ("contact.withdrawn", json!({"contact": "c-1"})),
        ("contact.close", close),
    ];
    all.into_iter().enumerate().map(|(at, (kind, data))| event("web", &format!("life-{at}"), kind, data)).collect()
}

/// How many of the mistakes are dead letters; the others are refused where they are decided, or taken.
const UNREADABLE: usize = 5;

/// What people send who have not read the documentation.
fn mistakes() -> Vec<String> {
    let received = |data: Value| event("web", "wrong", "contact.received", data).to_string();
    vec![
        format!("{{\"broken\": \"{}\"", planted("broken")),
        received(json!({"contact": "c-2", "channel": "sms", "from": [planted("list")]})),
        received(json!({"contact": "c-2", "channel": "sms", "identity": planted("identity")})),
        received(
            json!({"contact": "c-2", "channel": "sms", "attributes": {"nested": {planted("member"): {"deep": {}}}}}),
        ),
        received(json!({"contact": "c-2", "channel": planted("channel").repeat(60)})),
        received(
            json!({"contact": "c-2", "channel": "sms", "topic": planted("topic"), "customer": planted("long").repeat(90)}),
        ),
        event("web", "gone", "contact.close", json!({"contact": "nobody", "note": planted("lost-note")})).to_string(),
    ]
}

/// Everything that Redis holds of a shard beside its directory, readable.
fn remembered(store: &RedisServer, shard: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let redis = Redis::new(Options { url: store.url().parse().expect("a url"), ..Options::default() });
        let redis = redis.expect("options that fit");
        let mut all = Vec::new();
        for entry in redis.read(shard, 0, 10_000).await.expect("the journal reads") {
            all.extend_from_slice(&entry.body);
        }
        for snapshot in redis.snapshots(shard).await.expect("snapshots read") {
            // Behind the mark of the format and the checksum.
            all.extend(lz4_flex::decompress_size_prepended(&snapshot.body[40..]).expect("a packed state"));
        }
        String::from_utf8_lossy(&all).into_owned()
    })
}

/// Everything that Redis holds at all, but for snapshots, which are packed.
fn stored(store: &RedisServer) -> String {
    let script = "local all = {}
        for _, key in ipairs(redis.call('KEYS', '*')) do
          local kind = redis.call('TYPE', key).ok
          if kind == 'hash' then all[#all + 1] = cjson.encode(redis.call('HGETALL', key))
          elseif kind == 'string' then all[#all + 1] = redis.call('GET', key)
          elseif kind == 'stream' then all[#all + 1] = cjson.encode(redis.call('XRANGE', key, '-', '+')) end
          all[#all + 1] = key
        end
        return table.concat(all, ' ')";
    let bytes: Vec<u8> = store.ask(&["EVAL", script, "0"]);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn finds_none(place: &str, text: &str) {
    let around = |at: usize| text.get(at.saturating_sub(160)..at + 60).unwrap_or("where it cannot be shown").to_owned();
    let found: Vec<_> = text.match_indices(CANARY).map(|(at, _)| around(at)).collect();
    assert!(found.is_empty(), "{place} has {}: {:#?}", found.len(), &found[..found.len().min(5)]);
}

fn post(daemon: &Daemon, body: &str) -> String {
    daemon.post("application/cloudevents+json", body.as_bytes()).text
}

#[test]
fn nothing_personal_is_in_log_metrics_journal_snapshots_or_error_texts_and_erasing_leaves_nothing() {
    let (amqp, store) = (services().vhost("canary"), RedisServer::start());
    let daemon = Setup::with_services(RULES, "canary", &amqp, &store.url())
        .set("PICKET_SHARD__SNAPSHOT_RECORDS", "3")
        .set("PICKET_LOG__FILTER", "info,picket=trace")
        .start();
    for input in life() {
        let answer = daemon.send(&input);
        assert!(answer["result"] == "accepted" || answer["code"].is_string(), "{answer}");
        finds_none("an answer", &answer.to_string());
    }
    for body in mistakes() {
        finds_none("a refusal", &post(&daemon, &body));
    }
    let listed = until("the refused to be dead letters", PATIENCE, || {
        Some(daemon.command(&["dead", "list", "--json"])).filter(|letters| letters.len() == UNREADABLE)
    });
    finds_none("the list of dead letters", &format!("{listed:?}"));
    until("a snapshot", PATIENCE, || daemon.log().contains("snapshot kept").then_some(()));
    finds_none("journal or snapshot", &remembered(&store, "canary"));
    for path in ["/metrics", "/readyz", "/v1/contacts", "/v1/agents", "/v1/queues", "/v1/teams"] {
        finds_none(path, &daemon.get(path).text);
    }
    finds_none("the log", &daemon.log());

    // The directory knows her, and nothing any more of the contact that is over.
    let known = stored(&store);
    assert!(known.contains(&planted("name")), "the directory does not know her");
    for gone in ["subject", "text", "mood", "note"] {
        assert!(!known.contains(&planted(gone)), "the {gone} of a contact that is over is still there");
    }
    let told = daemon.command(&["erase", &planted("customer"), "--address", &planted("list"), "--json"]);
    assert_eq!(
        (&told[0]["erased"], &told[0]["dead_letters_dropped"]),
        (&json!(planted("customer")), &json!(1)),
        "{told:?}"
    );
    let until: Vec<_> = ["archives", "dead_letters"].map(|copy| told[0]["copies"][copy].as_str()).into_iter().collect();
    assert!(until.iter().all(Option::is_some), "it does not say until when copies last: {told:?}");
    let letters = daemon.command(&["dead", "list", "--json"]);
    let shown: Vec<_> = letters.iter().filter_map(|letter| letter["id"].as_str()).collect();
    assert!(shown.len() == listed.len() - 1, "{letters:?}");
    let left = stored(&store);
    for gone in ["customer", "name", "address", "second-address", "segment", "hobby"] {
        assert!(!left.contains(&planted(gone)), "her {gone} is still there after she was erased");
    }
}
