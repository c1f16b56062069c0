//! What `picket doctor` finds, on services that are fit and on such as are not.

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
    assert!(about(&findings, "broker")[0].1.contains("picket setup"), "{findings}");
    assert_eq!(about(&findings, "store")[0].0, "good", "{findings}");
    assert_eq!(about(&findings, "clock")[0].0, "good", "{findings}");

    assert!(setup.run(&["setup"]).status.success());
    let (code, findings) = examined(&setup);
    assert_eq!(code, Some(0), "{findings}");

    let forgetful = RedisServer::start_with(&[("appendfsync", "everysec")]);
    let (code, findings) = examined(&setup.set("PICKET_STORE__REDIS__URL", &forgetful.url()));
    assert_eq!(code, Some(1), "{findings}");
    assert!(about(&findings, "store")[0].1.contains("appendfsync always"), "{findings}");
}
