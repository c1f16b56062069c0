//! A journal and a snapshot of every version that was ever written still read, and what is written now is what is kept.
//!
//! `tests/formats/kept/` holds them, a folder for each pair of versions. After a change of format the version is raised, and
//! `PICKET_KEEP_FORMATS=1 cargo test --test formats` keeps the files of the new one beside the old ones.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what a run did not expect ends it; its daemon is a task that it ends itself"
)]

#[path = "formats/kept.rs"]
mod kept;
#[path = "formats/place.rs"]
mod place;
#[path = "formats/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use kept::Kept;
use picket::contract::inbound::{Inbound, Serving};
use picket::shard::ShardState;
use picket::shard::ports::{Entry, Head, Snapshot};
use picket::shard::record::{self, Cause, Record, Verdict, digest};
use picket::shard::snapshot;
use picket_core::TimerKind;
use place::{LATER_RULES, Place, store_of};
use run::{NOON, in_virtual_time, run};
use serde_json::Value;

/// What to do when a file that is kept is not what is written now.
const REMEDY: &str = "the layout changed: raise the version (`VERSION` in src/shard/record.rs or src/shard/snapshot.rs), \
    keep the old files, add a reader for them, and keep new ones with `PICKET_KEEP_FORMATS=1 cargo test --test formats`";

/// Facts of the shell, as the journal names them; but for `began_as`, with which the journal of a new shard begins.
const FACTS: [&str; 15] = [
    "account_changed",
    "account_of",
    "alias",
    "by_hand",
    "clock_set_back",
    "contact_in",
    "customer_changed",
    "domain_moved",
    "ended_early",
    "forwarded",
    "forwards_arrived",
    "plan_stands",
    "rules_activated",
    "source_silent",
    "valued_changed",
];

/// Events of the core, as the journal names them.
const EVENTS: [&str; 47] = [
    "agent absence_began",
    "agent absence_ended",
    "agent absence_set",
    "agent load_reported",
    "agent state_changed",
    "agent vouched",
    "contact assigned",
    "contact callback_wanted",
    "contact closed",
    "contact connect_failed",
    "contact connected",
    "contact consult_ended",
    "contact consulted",
    "contact due",
    "contact held",
    "contact identified",
    "contact orphaned",
    "contact overflowed",
    "contact parked",
    "contact plan_exhausted",
    "contact received",
    "contact replanned",
    "contact requeued",
    "contact resumed",
    "contact scheduled",
    "contact step_entered",
    "contact transferred",
    "contact wrap_up",
    "fence closed",
    "fence opened",
    "fence set",
    "offer accepted",
    "offer declined",
    "offer expired",
    "offer extended",
    "offer made",
    "offer revoked",
    "world catch_up_began",
    "world catch_up_ended",
    "world changed",
    "world clock_jumped",
    "world hours_turned",
    "world lending_ended",
    "world lent",
    "world reserve_released",
    "world reserve_restored",
    "world widened",
];

/// What the run asks for in vain.
const REFUSED: [&str; 3] =
    ["contact.received contact_exists", "offer.accept unknown_offer", "clock.advance clock_not_driven"];

/// What is not journaled.
const UNRECORDED: [&str; 2] = ["picket.agent.heartbeat.v1", "picket.source.heartbeat.v1"];

/// Timers that the run does not have: a calendar reaches further than a year, a queue's service has to change for a quarter
/// of an hour without anything that happens, and catching up is over long before.
const RARE: [TimerKind; 3] = [TimerKind::CalendarHorizon, TimerKind::FloorEdge, TimerKind::CatchUpEnd];

/// Reads a journal from its beginning.
fn records(journal: &[Entry]) -> Result<(Vec<Record>, ShardState), record::Error> {
    let (mut records, mut state) = (Vec::new(), ShardState::default());
    for entry in journal {
        let record = Record::from_entry(entry, &state.head)?;
        state.replay(&record, &entry.hash);
        records.push(record);
    }
    Ok((records, state))
}

#[test]
fn the_journal_of_every_version_gives_the_state_that_was_kept_with_it() {
    let all = Kept::all();
    assert!(!all.is_empty(), "no files are kept");
    for kept in all {
        let (records, state) = records(&kept.journal).unwrap_or_else(|error| panic!("{}: {error}", kept.name));
        let said = snapshot::decode(&kept.snapshot);
        let said = said.unwrap_or_else(|error| panic!("{}: {error}; every snapshot kept must read", kept.name));
        assert!(state == said, "{}: its {} records do not give the state of its snapshot", kept.name, records.len());
    }
}

#[test]
fn what_is_written_now_is_what_is_kept_of_this_version_to_the_byte() {
    let kept = Kept::present().unwrap_or_else(|| {
        panic!(
            "nothing is kept of this version: run `PICKET_KEEP_FORMATS=1 cargo test --test formats` and add the files"
        )
    });
    let (records, state) = records(&kept.journal).expect("the journal reads");
    for (record, entry) in records.iter().zip(&kept.journal) {
        let written = record.to_entry().expect("a record is written");
        let (written, was) = (String::from_utf8_lossy(&written.body), String::from_utf8_lossy(&entry.body));
        assert_eq!(written, was, "{}, record {}: {REMEDY}", kept.name, record.seq);
    }
    let written = snapshot::encode(&state).expect("a state is written");
    assert_eq!(written.head, kept.snapshot.head);
    // What the compressor makes of it may change with the compressor.
    let same = kept::unpacked(&written) == kept::unpacked(&kept.snapshot);
    assert!(same, "{}, snapshot: {REMEDY}", kept.name);
}

#[test]
fn a_record_of_a_newer_version_is_refused_and_says_to_start_the_newer_program() {
    let kept = Kept::present().expect("files of this version are kept");
    let (_, state) = records(&kept.journal).expect("the journal reads");
    let newer = newer_record(&state.head);
    let error = Record::from_entry(&newer, &state.head).expect_err("a newer record");
    let (seq, version) = (state.head.seq + 1, record::VERSION + 1);
    assert!(matches!(error, record::Error::TooNew { seq: s, version: v } if (s, v) == (seq, version)), "{error}");
    assert!(error.to_string().ends_with("start the newer build again"), "{error}");
}

/// A record of the next version, which has a field and a cause that this one does not know.
fn newer_record(head: &Head) -> Entry {
    let body = serde_json::json!({
        "v": record::VERSION + 1, "seq": head.seq + 1, "prev": head.hash, "cause": {"moon": "full"}, "tide": 3,
    });
    let body = Bytes::from(body.to_string());
    Entry { seq: head.seq + 1, hash: digest(&body), body }
}

#[test]
fn a_daemon_does_not_take_over_what_a_newer_one_wrote() {
    let kept = Kept::present().expect("files of this version are kept");
    let mut journal = kept.journal;
    journal.push(newer_record(&kept.snapshot.head));
    let trouble = in_virtual_time(async {
        let place = Place::open(NOON, store_of(&journal, None).await, &LATER_RULES);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!place.handle().health().active, "it owns the shard");
        place.handle().health().trouble().unwrap_or_default()
    });
    let version = record::VERSION + 1;
    assert!(
        trouble.contains(&format!("has version {version}")) && trouble.contains("start the newer build"),
        "{trouble}"
    );
}

#[test]
fn a_snapshot_of_a_newer_version_is_passed_over_and_the_journal_replayed_instead() {
    let kept = Kept::present().expect("files of this version are kept");
    let mut body = kept.snapshot.body.to_vec();
    assert_eq!(body[7], snapshot::VERSION, "the version is the eighth byte");
    body[7] += 1;
    let newer = Snapshot { head: kept.snapshot.head.clone(), body: body.into() };
    assert!(matches!(snapshot::decode(&newer), Err(snapshot::Error::Foreign)));
    let (_, state) = records(&kept.journal).expect("the journal reads");
    let shown = in_virtual_time(async {
        let place = Place::open(state.time, store_of(&kept.journal, Some(&newer)).await, &LATER_RULES);
        place.until_ready().await;
        place.handle().model().outputs
    });
    assert!(shown >= state.outputs, "it begins anew: output {shown}, not {}", state.outputs);
}

/// The run does everything that records are written for, so that what is kept of it is worth keeping.
#[test]
fn the_run_that_is_kept_has_something_of_everything() {
    let ran = run();
    println!("{} records", ran.journal.len());
    assert_eq!(ran.refused, REFUSED);
    assert_eq!(ran.journal.last(), run().journal.last(), "the same run writes the same bytes");
    let (records, state) = records(&ran.journal).expect("the journal reads");
    assert!(state == ran.state, "the journal does not give the state that was shown");
    assert_everything_happened(&records);
    if std::env::var_os("PICKET_KEEP_FORMATS").is_some() {
        let snapshot = snapshot::encode(&state).expect("a state is written");
        Kept::keep(ran.journal, snapshot);
    }
}

/// What is kept of this version does too.
#[test]
fn what_is_kept_has_something_of_everything() {
    let kept = Kept::present().expect("files of this version are kept");
    assert_everything_happened(&records(&kept.journal).expect("the journal reads").0);
}

fn assert_everything_happened(records: &[Record]) {
    let mut happened = BTreeSet::new();
    for record in records {
        let refused = !matches!(record.verdict, Verdict::Applied);
        happened.insert(format!("refused {refused}"));
        match &record.cause {
            // A clock that is not driven is not moved by anybody.
            Cause::Input { kind, .. } if !refused || kind == "picket.clock.advance.v1" => {
                happened.insert(kind.clone());
            }
            Cause::Input { .. } => {}
            Cause::Timer(kind) => {
                happened.insert(format!("timer {kind:?}"));
            }
            cause @ (Cause::Clock
            | Cause::Rules
            | Cause::Customer
            | Cause::Forwarding
            | Cause::Moving
            | Cause::Lag
            | Cause::Presence) => {
                happened.insert(format!("cause {cause:?}"));
            }
        }
        happened.extend(record.facts.iter().map(|fact| format!("fact {}", tags(fact, 1))));
        happened.extend(record.events.iter().map(|event| tags(event, 2)));
    }
    let kinds = Inbound::KINDS.iter().filter(|kind| kind.serving == Serving::Now && !UNRECORDED.contains(&kind.name));
    let kinds = kinds.map(|kind| kind.name.to_owned());
    let timers = TimerKind::ALL.iter().filter(|kind| !RARE.contains(kind)).map(|kind| format!("timer {kind:?}"));
    let causes =
        ["Clock", "Rules", "Customer", "Forwarding", "Moving", "Lag", "Presence"].map(|cause| format!("cause {cause}"));
    let facts = FACTS.iter().map(|fact| format!("fact {fact}"));
    let events = EVENTS.iter().map(|event| (*event).to_owned());
    let wanted = kinds.chain(timers).chain(causes).chain(facts).chain(events).chain(["refused true".to_owned()]);
    let missing: Vec<String> = wanted.filter(|one| !happened.contains(one)).collect();
    assert!(missing.is_empty(), "the run lacks {missing:#?}");
}

/// The names of the outermost variants of something, as JSON has them.
fn tags(what: &impl serde::Serialize, depth: usize) -> String {
    let mut value = serde_json::to_value(what).expect("JSON");
    let mut names = Vec::new();
    while names.len() < depth {
        value = match value {
            Value::String(name) => {
                names.push(name);
                break;
            }
            Value::Object(map) => {
                let (name, inner) = map.into_iter().next().expect("a variant");
                names.push(name);
                inner
            }
            // A number and what is said of it.
            Value::Array(mut parts) => parts.pop().expect("a part"),
            Value::Null | Value::Bool(_) | Value::Number(_) => break,
        };
    }
    names.join(" ")
}
