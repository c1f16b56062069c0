//! Bad input: each kind has its code, says where, and takes nothing else down.

use std::collections::BTreeSet;

use picket::contract::wire::WireMessage;
use picket::contract::{Code, Envelope, Refusal, Sources, decode};

use crate::NOW;
use crate::bad_inputs::{Bad, Over, good, kinds, structured};
use crate::bad_sequences::sequences;

fn check(bad: &Bad, message: &WireMessage) {
    let results = decode(message, &Sources::default(), NOW);
    let (taken, refused): (Vec<Envelope>, Vec<Refusal>) =
        results.into_iter().fold((Vec::new(), Vec::new()), |(mut taken, mut refused), result| {
            match result {
                Ok(envelope) => taken.push(envelope),
                Err(refusal) => refused.push(refusal),
            }
            (taken, refused)
        });
    assert_eq!(refused.iter().map(|refusal| refusal.code).collect::<Vec<_>>(), [bad.code], "{}: {refused:?}", bad.name);
    assert_eq!(taken.len(), bad.good, "{}", bad.name);
    assert!(refused[0].detail.len() > 20 && refused[0].detail.len() < 400, "{}: {}", bad.name, refused[0].detail);
}

#[test]
fn each_kind_gets_its_code_over_amqp() {
    for bad in kinds("amqp", NOW).iter().filter(|bad| bad.over != Over::Http) {
        check(bad, &bad.message);
    }
}

#[test]
fn each_kind_gets_its_code_over_http() {
    for bad in kinds("http", NOW).iter().filter(|bad| bad.over != Over::Amqp) {
        check(bad, &bad.over_http());
    }
}

#[test]
fn there_are_at_least_sixty_five_kinds_and_no_name_twice() {
    let kinds = kinds("count", NOW);
    let sequences = sequences("count", NOW);
    let names: BTreeSet<_> = kinds.iter().map(|bad| bad.name).chain(sequences.iter().map(|bad| bad.name)).collect();
    assert_eq!(names.len(), kinds.len() + sequences.len());
    assert!(names.len() >= 65, "{}", names.len());
}

#[test]
fn every_code_of_reading_and_contract_has_a_bad_input_or_a_story() {
    // These need configured sources or several domains; `modes.rs` tells their stories.
    let elsewhere = [Code::MissingDomain, Code::UnknownDomain, Code::SourceNotAllowed];
    let reached: BTreeSet<Code> = kinds("codes", NOW).iter().map(|bad| bad.code).chain(elsewhere).collect();
    for code in Code::ALL {
        use picket::contract::code::Stage;
        if matches!(code.stage(), Stage::Reading | Stage::Contract) {
            assert!(reached.contains(code), "no bad input for {code}");
        }
    }
}

#[test]
fn the_messages_of_the_sequences_are_good_by_themselves() {
    for sequence in sequences("good", NOW) {
        for message in sequence.messages() {
            let results = decode(&message, &Sources::default(), NOW);
            assert!(results.iter().all(Result::is_ok), "{}: {results:?}", sequence.name);
        }
    }
}

#[test]
fn a_refusal_names_the_place_in_the_data() {
    let mut event = good("place", NOW);
    event["data"]["contact"] = 42.into();
    let refusal = decode(&structured(&event), &Sources::default(), NOW).remove(0).unwrap_err();
    assert_eq!(refusal.detail, "$.data.contact: send a text");
    assert_eq!(refusal.id.as_deref(), Some("event-place"));
    assert_eq!(refusal.source.as_deref(), Some("pbx"));
}

#[test]
fn a_refusal_never_repeats_what_the_sender_said_of_a_person() {
    let canary = "canary-4711";
    for (pointer, value) in [
        ("/data/direction", serde_json::json!(canary)),
        ("/data/attributes", serde_json::json!(canary)),
        ("/data/from", serde_json::json!([canary])),
        ("/data/wants", serde_json::json!({ canary: 1 })),
        ("/time", serde_json::json!(canary)),
        ("/data", serde_json::json!(canary)),
        ("/subject", serde_json::json!(canary)),
    ] {
        let mut event = good("canary", NOW);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value;
        let refusal = decode(&structured(&event), &Sources::default(), NOW).remove(0).unwrap_err();
        assert!(!format!("{refusal:?}").contains(canary), "{pointer}: {refusal:?}");
    }
}
