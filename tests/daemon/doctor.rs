//! What `picket doctor` finds, on services that are fit and on such as are not.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::common::daemon::Setup;
use crate::common::redis::RedisServer;
use crate::services;

const RULES: &str = include_str!("rules.toml");

/// The findings about a subject.
fn about<'a>(findings: &'a Value, subject: &str) -> Vec<(&'a str, String)> {
    let all = findings.as_array().expect("a list").iter().filter(|finding| finding["subject"] == subject);
    all.map(|finding| {
        let said = format!("{} {}", finding["text"], finding["remedy"]);
        (finding["grade"].as_str().expect("a grade"), said)
    })
    .collect()
}

fn examined(setup: &Setup) -> (Option<i32>, Value) {
    let done = setup.run(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&done.stdout);
    let findings = serde_json::from_str(&said);
    (done.status.code(), findings.unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&done.stderr))))
}

#[test]
fn the_embedded_profile_is_found_fit_and_nothing_is_made() {
    let setup = Setup::embedded(RULES, "fit");
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(0), "{findings}");
    for subject in ["rules", "key", "store", "disk", "broker", "files"] {
        assert_ne!(about(&findings, subject), [], "{findings}");
    }
    assert!(!setup.data().exists(), "the store's folder was made");
    let said = String::from_utf8_lossy(&setup.run(&["doctor"]).stdout).into_owned();
    assert!(said.contains("ok        rules"), "{said}");
}

#[test]
fn what_a_first_start_would_fail_at_is_found_with_its_remedy() {
    let setup = Setup::embedded("[[queue]]\n", "broken").set("PICKET_STORE__PATH", "/dev/null/x");
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(1), "{findings}");
    assert_eq!(about(&findings, "rules")[0].0, "bad");
    assert!(about(&findings, "rules")[0].1.contains("picket check"), "{findings}");
    assert_eq!(about(&findings, "store")[0].0, "bad", "{findings}");
}

#[test]
fn a_broker_without_the_queues_and_a_redis_that_may_lose_are_found() {
    let amqp = services().vhost("doctor");
    let setup = Setup::with_services(RULES, "doctor", &amqp, &services().redis());
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(1), "{findings}");
    assert!(about(&findings, "broker").iter().any(|(_, said)| said.contains("picket setup")), "{findings}");
    assert_eq!(about(&findings, "store")[0].0, "good", "{findings}");
    assert_eq!(about(&findings, "clock")[0].0, "good", "{findings}");

    assert!(setup.run(&["setup"]).status.success());
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(0), "{findings}");
    assert!(about(&findings, "broker")[0].1.contains("RabbitMQ 3."), "{findings}");
    assert!(about(&findings, "store")[0].1.contains("Redis "), "{findings}");
    assert_eq!(about(&findings, "unheard")[0].0, "good", "{findings}");
    let rights = about(&findings, "rights");
    assert_eq!(rights.iter().map(|(grade, _)| *grade).collect::<Vec<_>>(), ["good", "good"], "{findings}");

    for (name, value) in [("ARCHIVE_AGE", "24h"), ("DEAD_LETTER_AGE", "7d"), ("QUEUE_LIMIT_BYTES", "1000000")] {
        let other = Setup::with_services(RULES, "doctor", &amqp, &services().redis());
        let other = other.set(&format!("PICKET_BROKER__RABBITMQ__{name}"), value);
        let (code, findings) = examined(&other);
        assert_eq!(code, Some(1), "{findings}");
        let found = about(&findings, "broker");
        assert!(
            found.iter().any(|(grade, said)| *grade == "bad" && said.contains("is different")),
            "{name}: {findings}"
        );
        let checked = other.run(&["setup", "--check"]);
        assert!(
            !checked.status.success() && String::from_utf8_lossy(&checked.stderr).contains("is different"),
            "{name}"
        );
    }

    let forgetful = RedisServer::start_with(&[("appendfsync", "everysec")]);
    let (code, findings) = examined(&setup.set("PICKET_STORE__REDIS__URL", &forgetful.url()));
    assert_eq!(code, Some(1), "{findings}");
    assert!(about(&findings, "store")[0].1.contains("appendfsync always"), "{findings}");
}

/// All that there is at a virtual host.
fn inventory(vhost: &str) -> [String; 3] {
    let broker = &services().broker;
    [["list_queues", "name"], ["list_exchanges", "name"], ["list_bindings", "routing_key"]]
        .map(|[what, column]| broker.ctl(&[what, "-p", vhost, "--no-table-headers", column]))
}

#[test]
fn what_the_user_may_not_do_at_the_broker_is_found_and_nothing_is_left_behind() {
    let broker = &services().broker;
    let amqp = services().vhost("rights");
    let url = |user: &str| amqp.replace("guest:guest@", &format!("{user}@"));
    broker.ctl(&["add_user", "narrow", "secret"]);
    let permit = |configure: &str, write: &str, read: &str| {
        broker.ctl(&["set_permissions", "-p", "rights", "narrow", configure, write, read]);
    };
    let setup = Setup::with_services(RULES, "rights", &amqp, &services().redis());
    let empty = inventory("rights");
    examined(&setup);
    assert_eq!(inventory("rights"), empty, "looking at an empty host left something there");
    assert!(setup.run(&["setup"]).status.success());
    let full = inventory("rights");
    assert_ne!(full, empty);

    permit("^$", r"^picket\.(dead|in)", r"^picket\.(in|gate)");
    let setup = setup.set("PICKET_BROKER__RABBITMQ__URL", &url("narrow:secret"));
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(1), "{findings}");
    let rights = about(&findings, "rights");
    let said = |words: &str| {
        let found = rights.iter().find(|(_, said)| said.contains(words));
        found.map(|(_, said)| said.clone()).unwrap_or_else(|| panic!("nothing of {words}: {findings}"))
    };
    assert!(said("may not configure").contains("picket.gate.rights.lock"), "{findings}");
    let write = said("may not write");
    assert!(write.contains("amq.default") && write.contains("picket.out"), "{write}");
    assert!(!write.contains("picket.dead,"), "it may write there: {write}");
    assert!(said("may not read").contains("picket.beacon.rights"), "{findings}");
    assert!(write.contains("rabbitmqctl set_permissions -p 'rights' 'narrow'"), "{write}");
    assert!(!findings.to_string().contains("secret"), "{findings}");
    assert_eq!(inventory("rights"), full, "looking left something behind");

    // What the remedy grants is enough, and less of it is where the daemon makes nothing.
    permit(r"^picket\.", r"^(picket\.|amq\.default$)", r"^picket\.");
    assert_eq!(examined(&setup).0, Some(0), "{}", examined(&setup).1);
    permit(r"^picket\..*\.lock$", r"^(picket\.|amq\.default$)", r"^picket\.");
    assert_eq!(examined(&setup).0, Some(1));
    let setup = setup.set("PICKET_BROKER__RABBITMQ__SETUP", "check");
    assert_eq!(examined(&setup).0, Some(0), "{}", examined(&setup).1);
    assert_eq!(inventory("rights"), full, "looking left something behind");

    for (user, remedy) in [("narrow:wrong", "password"), ("guest:guest", "virtual host")] {
        let other = amqp.replace("guest:guest@", &format!("{user}@")).replace("/rights", "/rights-no-more");
        let url = if user == "guest:guest" { other } else { url(user) };
        let (code, findings) = examined(&Setup::with_services(RULES, "rights", &url, &services().redis()));
        assert_eq!(code, Some(1), "{findings}");
        assert!(about(&findings, "broker").iter().any(|(_, said)| said.contains(remedy)), "{findings}");
    }
}

#[test]
fn what_the_user_may_not_do_in_redis_is_found_and_nothing_is_left_behind() {
    let store = RedisServer::start();
    let amqp = services().vhost("acl");
    let permit = |rules: &[&str]| {
        let all = [&["ACL", "SETUSER", "daemon", "reset", "on", ">secret"], rules].concat();
        let _: String = store.ask(&all);
    };
    let url = store.url().replace("redis://", "redis://daemon:secret@");
    let setup = Setup::with_services(RULES, "acl", &amqp, &url);
    assert!(setup.run(&["setup"]).status.success());
    let grade =
        |findings: &Value| about(findings, "rights").first().map(|(grade, said)| ((*grade).to_owned(), said.clone()));

    permit(&["~pk:*", "+@all", "-xadd"]);
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(1), "{findings}");
    let (found, said) = grade(&findings).expect("a finding");
    assert!(found == "bad" && said.to_lowercase().contains("xadd") && said.contains("ACL SETUSER"), "{findings}");
    permit(&["~other:*", "+@all"]);
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(1), "{findings}");
    permit(&["~pk:*", "+@all", "-@admin", "-@dangerous", "+info", "+config|get", "+function"]);
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(0), "{findings}");
    let keys: Vec<String> = store.ask(&["KEYS", "*"]);
    assert_eq!(keys, Vec::<String>::new(), "looking left something behind");
}

#[test]
fn a_broker_that_is_too_old_or_none_at_all_is_named() {
    let start =
        |words: &[u8]| [b"\x01\x00\x00", &u32::try_from(words.len()).expect("short").to_be_bytes()[..], words].concat();
    let table = b"\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.8.19";
    let old = start(&[b"\0\x0a\0\x0a\0\x09\0\0\0\x28", &table[..]].concat());
    for (answer, words) in
        [(old, "3.10 or newer"), (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "is RabbitMQ running")]
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        // It answers whoever comes until the test is over.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut header = [0; 8];
                let _ = stream.read_exact(&mut header).and_then(|()| stream.write_all(&answer));
            }
        });
        let amqp = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let setup = Setup::with_services(RULES, "old", &amqp, &services().redis());
        let (code, findings) = examined(&setup);
        assert_eq!(code, Some(1), "{findings}");
        assert!(about(&findings, "broker")[0].1.contains(words), "{findings}");
    }
}
