//! Decides how the contract is described in AsyncAPI 3: exchanges, queues, keys, and the messages on them.

use serde_json::{Map, Value, json};

use crate::contract::code::Code;
use crate::contract::inbound::{self, Inbound, Serving};
use crate::contract::limits::Limits;
use crate::contract::outbound::{self, Character, Outbound};
use crate::contract::routing_key::{EXCHANGE_CONTROL, EXCHANGE_IN, EXCHANGE_OUT, QUEUE_DEAD};

pub(super) fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Picket",
            "version": "1",
            "description": "What a contact-centre platform sends to Picket and receives from it, over RabbitMQ (AMQP 0-9-1). \
                Events are CloudEvents 1.0; Picket writes structured mode and repeats the attributes in `ce-` headers.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels(),
        "operations": operations(),
        "components": { "messages": messages() },
    })
}

fn channels() -> Value {
    let inputs = |control: bool| {
        references("in", Inbound::KINDS.iter().filter(|kind| kind.is_control() == control).map(|kind| kind.name))
    };
    let all = || references("in", Inbound::KINDS.iter().map(|kind| kind.name));
    let outputs = || references("out", Outbound::KINDS.iter().map(|kind| kind.name));
    json!({
        "in": channel(
            "{domain}.{noun}.{verb}", EXCHANGE_IN, inputs(false), &["domain", "noun", "verb"],
            "Platforms publish here, with confirms. What no queue takes goes to `picket.dead` with `unknown_domain`.",
        ),
        "control": channel(
            "{domain}.{noun}.{verb}", EXCHANGE_CONTROL, inputs(true), &["domain", "noun", "verb"],
            "Only ops and the daemons may publish here.",
        ),
        "out": channel(
            "{domain}.{noun}.{verb}.{channel}.{agent}", EXCHANGE_OUT, outputs(),
            &["domain", "noun", "verb", "channel", "agent"],
            "Picket publishes here, through each shard's gate. The last segment is there where the output is about an agent.",
        ),
        "shard": queue(
            "picket.in.{shard}", &["shard"],
            "One quorum queue per shard, with a single active consumer, bound to `picket.in` and `picket.control`; \
             declared by `picket setup` or the daemon.",
            all(),
        ),
        "dead": queue(
            QUEUE_DEAD, &[],
            "What could not be understood or handled, for 14 days, with its code and detail.",
            all(),
        ),
        "archive_in": queue(
            "picket.archive.in.{shard}", &["shard"], "A stream of everything received, 72 hours.",
            all(),
        ),
        "archive_out": queue(
            "picket.archive.out.{shard}", &["shard"], "A stream of everything published, 72 hours.",
            outputs(),
        ),
    })
}

fn channel(address: &str, exchange: &str, messages: Value, parameters: &[&str], doc: &str) -> Value {
    json!({
        "address": address,
        "description": doc,
        "parameters": describe(parameters),
        "messages": messages,
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": exchange, "type": "topic", "durable": true, "autoDelete": false },
            "bindingVersion": "0.3.0",
        } },
    })
}

fn queue(name: &str, parameters: &[&str], doc: &str, messages: Value) -> Value {
    json!({
        "address": name,
        "description": doc,
        "parameters": describe(parameters),
        "messages": messages,
        "bindings": { "amqp": {
            "is": "queue",
            "queue": { "name": name, "durable": true, "exclusive": false, "autoDelete": false },
            "bindingVersion": "0.3.0",
        } },
    })
}

fn describe(parameters: &[&str]) -> Value {
    let doc = |name: &str| match name {
        "domain" => "A domain, 1 to 32 of a-z, 0-9, _ and -.",
        "noun" => "What it is about: the second segment of the type.",
        "verb" => "What happened or is asked: the third segment of the type.",
        "channel" => "The contact's channel; - where there is none.",
        "agent" => "The agent, percent-encoded; above 80 bytes ~ and 32 hexadecimal digits of its SHA-256.",
        _ => "The shard.",
    };
    Value::Object(parameters.iter().map(|name| ((*name).to_owned(), json!({ "description": doc(name) }))).collect())
}

fn operations() -> Value {
    let operation = |action: &str, channel: &str, summary: &str, binding: Value| {
        json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": summary,
            "bindings": { "amqp": binding },
        })
    };
    let taken = json!({ "ack": true, "bindingVersion": "0.3.0" });
    let sent = json!({ "deliveryMode": 2, "mandatory": true, "ack": true, "bindingVersion": "0.3.0" });
    json!({
        "take": operation("receive", "in", "Takes what platforms publish; acknowledged once it is committed.", taken.clone()),
        "obey": operation("receive", "control", "Takes what ops and supervisors ask.", taken),
        "publish": operation("send", "out", "Publishes what was decided, in order, with confirms.", sent),
    })
}

/// A type may go both ways (`contact.connected`), so messages are named by direction and type.
fn references<'a>(direction: &str, names: impl Iterator<Item = &'a str>) -> Value {
    let reference =
        |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/messages/{direction}.{name}") }));
    Value::Object(names.map(reference).collect())
}

fn messages() -> Value {
    let mut messages = Map::new();
    for kind in Inbound::KINDS {
        messages.insert(format!("in.{}", kind.name), message(kind.name, &input_doc(kind), "in"));
    }
    for kind in Outbound::KINDS {
        messages.insert(format!("out.{}", kind.name), message(kind.name, &output_doc(kind), "out"));
    }
    Value::Object(messages)
}

fn input_doc(kind: &inbound::Kind) -> String {
    match kind.serving {
        Serving::Now => kind.doc.trim().to_owned(),
        Serving::Later => format!("{} Refused by this version with `{}`.", kind.doc.trim(), Code::NotSupportedYet),
    }
}

fn output_doc(kind: &outbound::Kind) -> String {
    let character = match kind.character {
        Character::Fact => "A fact.",
        Character::Instruction => "An instruction: the platform acts.",
    };
    format!("{} {character}", kind.doc.trim())
}

fn message(name: &str, doc: &str, direction: &str) -> Value {
    json!({
        "name": name,
        "summary": doc,
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": { "$ref": format!("./{direction}/{name}.json") },
        },
        "bindings": { "amqp": { "contentEncoding": "utf-8", "messageType": name, "bindingVersion": "0.3.0" } },
        "x-limit-bytes": Limits::MESSAGE_BYTES,
    })
}
