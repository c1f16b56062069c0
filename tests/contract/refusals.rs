//! Bad input: each kind has its code, says where, and takes nothing else down.

use std::collections::BTreeSet;

use picket::contract::wire::WireMessage;
use picket::contract::{Code, Sources, decode};

use crate::NOW;
use crate::bad_inputs::{Bad, Over, good, kinds, structured};
use crate::bad_sequences::sequences;

/// What is not as the table says.
fn check(bad: &Bad, message: &WireMessage) -> Option<String> {
    let results = decode(message, &Sources::default(), NOW);
    let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    let good = results.len() - refused.len();
    let told = refused.iter().all(|refusal| (20..400).contains(&refusal.detail.len()));
    let as_said = refused.len() == 1 && refused[0].code == bad.code && good == bad.good && told;
    (!as_said).then(|| format!("{}: {good} taken, {refused:?}", bad.name))
}

#[test]
fn each_kind_gets_its_code_over_amqp() {
    let kinds = kinds("amqp", NOW);
    let wrong: Vec<_> =
        kinds.iter().filter(|bad| bad.over != Over::Http).filter_map(|bad| check(bad, &bad.message)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_kind_gets_its_code_over_http() {
    let kinds = kinds("http", NOW);
    let wrong: Vec<_> =
        kinds.iter().filter(|bad| bad.over != Over::Amqp).filter_map(|bad| check(bad, &bad.over_http())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
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
