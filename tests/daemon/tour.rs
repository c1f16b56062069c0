//! The short tour of the README, typed in as it stands there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::daemon::{Daemon, Setup};
use crate::common::http::Stream;
use crate::common::wait::until;

const README: &str = include_str!("../../README.md");
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn whoever_types_the_readmes_tour_sees_a_call_offered_accepted_and_closed() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    let daemon = Setup::embedded("", "main").set("PICKET_RULES__PATH", &rules.display().to_string()).start();
    let mut feed = Stream::open(&daemon.url("/v1/stream"), Some("0"));
    let sends: Vec<_> = README.lines().filter(|line| line.starts_with("./picket send ")).collect();
    assert_eq!(sends.len(), 5, "{sends:?}");

    said(&daemon, sends[0]);
    let (_, call) = README.split_once("-d '").expect("the call of the tour");
    let (call, _) = call.split_once("}'").expect("its end");
    let answer = daemon.post("application/cloudevents+json", format!("{call}}}").as_bytes());
    assert!(answer.text.contains("\"accepted\""), "{}", answer.text);
    let offer = heard(&mut feed, "picket.offer.made.v1");
    for send in &sends[1..] {
        said(&daemon, &send.replace("PUT THE ID HERE", &offer));
    }
    heard(&mut feed, "picket.contact.closed.v1");
}

/// Types a command, which must be accepted.
fn said(daemon: &Daemon, line: &str) {
    let line = line.replace("./picket", env!("CARGO_BIN_EXE_picket"));
    let done = Command::new("sh").args(["-c", &line]).env("PICKET_URL", daemon.url("")).output().expect("sh runs");
    let (said, complaint) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.starts_with("accepted"), "{line}: {said}{complaint}");
}

/// Waits for an output; the offer it names, if it names one.
fn heard(feed: &mut Stream, kind: &str) -> String {
    until(kind, PATIENCE, || {
        let (_, output) = feed.event();
        (output["type"] == kind).then(|| output["data"]["offer"].as_str().unwrap_or_default().to_owned())
    })
}
