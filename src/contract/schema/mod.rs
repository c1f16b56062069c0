//! Decides what the contract looks like to machines: JSON Schemas and an AsyncAPI document, from the types themselves.

mod asyncapi;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::inbound::Inbound;
use super::limits::Limits;
use super::outbound::Outbound;

/// A document of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its path under `docs/schemas`, with `/`.
    pub path: String,
    /// Its text, ending in a line break.
    pub text: String,
}

/// Every document, in order of path.
#[must_use]
pub fn documents() -> Vec<Document> {
    let mut documents = vec![
        document("answer.json", schema_of::<Answer>("Answer", "What became of one event.")),
        document("asyncapi.json", asyncapi::document()),
        document("envelope.json", envelope()),
    ];
    documents.extend(
        Inbound::KINDS
            .iter()
            .filter_map(|kind| input(kind.name).map(|schema| (kind.name, schema)))
            .map(|(name, schema)| document(&format!("in/{name}.json"), schema)),
    );
    documents.extend(
        Outbound::KINDS
            .iter()
            .filter_map(|kind| output(kind.name).map(|schema| (kind.name, schema)))
            .map(|(name, schema)| document(&format!("out/{name}.json"), schema)),
    );
    documents.sort_by(|one, other| one.path.cmp(&other.path));
    documents
}

/// The schema of an input in structured mode; `None` when the type is not an input.
#[must_use]
pub fn input(kind: &str) -> Option<Value> {
    let (kind, data) = Inbound::schemas(&mut generator()).into_iter().find(|(known, _)| known.name == kind)?;
    Some(event(kind.name, kind.doc, data.to_value(), attributes(), &["specversion", "id", "source", "type", "data"]))
}

/// The schema of an output in structured mode; `None` when the type is not an output.
#[must_use]
pub fn output(kind: &str) -> Option<Value> {
    let (kind, data) = Outbound::schemas(&mut generator()).into_iter().find(|(known, _)| known.name == kind)?;
    let mut attributes = attributes();
    let digits = |what: &str| json!({ "type": "string", "pattern": "^[0-9]+$", "description": what });
    attributes.extend([
        ("picketshard".to_owned(), json!({ "type": "string", "description": "The shard that publishes it." })),
        ("picketepoch".to_owned(), digits("The epoch of the shard's owner, in digits.")),
        ("picketseq".to_owned(), digits("Counts the shard's outputs from 1, without gaps; in digits.")),
        (
            "picketcause".to_owned(),
            json!({ "type": "string", "description": "`<source> <id>` of the input that caused it, or `timer:<kind>`." }),
        ),
    ]);
    let required = [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "data",
        "picketdomain",
        "picketshard",
        "picketepoch",
        "picketseq",
        "picketcause",
    ];
    Some(event(kind.name, kind.doc, data.to_value(), attributes, &required))
}

fn envelope() -> Value {
    let mut properties = attributes();
    properties
        .insert("type".to_owned(), json!({ "type": "string", "pattern": "^picket\\.[a-z_]+\\.[a-z_]+\\.v[0-9]+$" }));
    properties.insert("data".to_owned(), json!({ "type": "object" }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Envelope",
        "description": "What every event has, in and out.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": properties,
    })
}

fn attributes() -> Map<String, Value> {
    let id = |what: &str| {
        json!({
            "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": Limits::ID_BYTES, "description": what,
        })
    };
    let name = "^[a-z0-9_-]+$";
    Map::from_iter([
        ("specversion".to_owned(), json!({ "const": "1.0" })),
        ("id".to_owned(), id("The event's id; with the source it is the idempotency key.")),
        (
            "source".to_owned(),
            id("Who sends it: the name of a configured source; Picket's outputs say `/picket/<shard>`."),
        ),
        ("time".to_owned(), json!({ "type": "string", "format": "date-time", "description": "When it happened." })),
        ("subject".to_owned(), id("The contact, agent or other object, as `data` names it.")),
        ("datacontenttype".to_owned(), json!({ "type": "string", "description": "`application/json`, or nothing." })),
        (
            "picketdomain".to_owned(),
            json!({
                "type": "string", "pattern": name, "maxLength": Limits::NAME_BYTES,
                "description": "The domain; needed in inputs when several are configured.",
            }),
        ),
    ])
}

fn event(name: &str, doc: &str, data: Value, mut properties: Map<String, Value>, required: &[&str]) -> Value {
    properties.insert("type".to_owned(), json!({ "const": name }));
    let mut data = data;
    if let Some(data) = data.as_object_mut() {
        data.remove("$schema");
        data.remove("title");
    }
    properties.insert("data".to_owned(), data);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": doc.trim(),
        "type": "object",
        "required": required,
        "properties": properties,
    })
}

fn schema_of<T: JsonSchema>(title: &str, doc: &str) -> Value {
    let mut schema = generator().into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), json!(title));
        schema.insert("description".to_owned(), json!(doc));
    }
    schema
}

/// Everything inline, so that each schema can be used by itself.
fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator()
}

fn document(path: &str, content: Value) -> Document {
    Document { path: path.to_owned(), text: format!("{:#}\n", sorted(content)) }
}

/// Names in order, whatever the map keeps: the documents are compared byte by byte.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
