//! The documents in the repository are those of the types, and they hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use picket::contract::answer::{Answer, Outcome};
use picket::contract::{Code, Inbound, Sources, decode, schema};
use serde_json::Value;

use crate::NOW;
use crate::bad_inputs::{good, structured};
use crate::bad_sequences::sequences;
use crate::outputs::{one_of_each, stamp};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).expect("a schema keeps the meta schema");
    jsonschema::draft202012::new(schema).expect("a schema compiles")
}

fn assert_valid(schema: &Value, value: &Value) {
    let errors: Vec<String> =
        validator(schema).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}");
}

#[test]
fn the_committed_documents_are_those_of_the_types() {
    let dir = docs().join("schemas");
    let documents = schema::documents();
    for document in &documents {
        let committed = std::fs::read_to_string(dir.join(&document.path)).unwrap_or_default();
        assert!(committed == document.text, "docs/schemas/{} differs; run `picket schema`", document.path);
    }
    let known: BTreeSet<String> = documents.into_iter().map(|document| document.path).collect();
    for folder in ["", "in", "out"] {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = Path::new(folder).join(entry.file_name()).to_string_lossy().into_owned();
            assert!(entry.path().is_dir() || known.contains(&path), "docs/schemas/{path} belongs to no type");
        }
    }
}

#[test]
fn the_page_of_codes_is_that_of_the_codes() {
    let committed = std::fs::read_to_string(docs().join("codes.md")).unwrap_or_default();
    assert_eq!(committed, Code::page());
}

#[test]
fn every_schema_keeps_the_meta_schema() {
    for document in schema::documents() {
        if document.path != "asyncapi.json" {
            validator(&serde_json::from_str(&document.text).unwrap());
        }
    }
}

#[test]
fn every_output_is_valid_against_its_schema() {
    for output in one_of_each() {
        let event = output.event(&stamp("0a")).unwrap();
        assert_valid(&schema::output(output.kind()).unwrap(), &event);
    }
}

#[test]
fn what_is_taken_is_valid_against_its_schema() {
    let mut seen = BTreeSet::new();
    let sequences = sequences("valid", NOW);
    let messages = sequences.iter().flat_map(|sequence| sequence.messages()).chain([structured(&good("valid", NOW))]);
    for message in messages {
        let event: Value = serde_json::from_slice(&message.body).unwrap();
        let envelope = decode(&message, &Sources::default(), NOW).remove(0).unwrap();
        let schema = schema::input(envelope.kind).unwrap();
        assert_valid(&schema, &event);
        assert_valid(&schema, &envelope.to_json().unwrap());
        seen.insert(envelope.kind);
    }
    assert!(seen.len() >= 15, "{seen:?}");
}

#[test]
fn the_page_of_the_contract_has_every_message() {
    let page = std::fs::read_to_string(docs().join("contract.md")).unwrap();
    let kinds = Inbound::KINDS.iter().map(|kind| (kind.noun, kind.verb));
    let outputs = picket::contract::Outbound::KINDS.iter().map(|kind| (kind.noun, kind.verb));
    for (noun, verb) in kinds.chain(outputs) {
        assert!(page.contains(&format!("| `{noun}.{verb}` |")), "docs/contract.md has no row for {noun}.{verb}");
    }
}

#[test]
fn the_examples_on_the_page_are_taken_or_published_as_they_stand() {
    let page = std::fs::read_to_string(docs().join("contract.md")).unwrap();
    let mut examples = 0;
    for block in page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let value: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
        let Some(kind) = value["type"].as_str() else {
            assert_valid(&serde_json::from_str(&document("answer.json")).unwrap(), &value);
            examples += 1;
            continue;
        };
        let published = value["source"].as_str().is_some_and(|source| source.starts_with("/picket/"));
        if published {
            assert_valid(&schema::output(kind).unwrap(), &value);
        } else {
            let results = decode(&structured(&value), &Sources::default(), NOW);
            assert!(results[0].is_ok(), "{results:?}");
            assert_valid(&schema::input(kind).unwrap(), &value);
        }
        examples += 1;
    }
    assert!(examples >= 12, "{examples}");
}

fn document(path: &str) -> String {
    schema::documents().into_iter().find(|document| document.path == path).unwrap().text
}

#[test]
fn an_answer_is_valid_against_its_schema() {
    let answer = Answer {
        id: Some("e-1".to_owned()),
        source: None,
        result: Outcome::Rejected,
        code: Some(Code::OfferExpired.as_str().to_owned()),
        detail: None,
        seq: Some(1),
        output: None,
        state: None,
    };
    assert_valid(&serde_json::from_str(&document("answer.json")).unwrap(), &serde_json::to_value(answer).unwrap());
}

#[test]
fn every_reference_of_the_asyncapi_document_leads_somewhere() {
    let documents = schema::documents();
    let asyncapi: Value = serde_json::from_str(&document("asyncapi.json")).unwrap();
    let mut references = Vec::new();
    collect(&asyncapi, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let found = match reference.strip_prefix("#/") {
            Some(pointer) => asyncapi.pointer(&format!("/{pointer}")).is_some(),
            None => documents.iter().any(|document| reference == format!("./{}", document.path)),
        };
        assert!(found, "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
