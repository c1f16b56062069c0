//! Every kind of message that is wrong by itself, with its code: the same table for the decoder, HTTP and RabbitMQ.
#![allow(dead_code, reason = "each test binary uses its own part of the table")]
#![allow(clippy::expect_used, reason = "the events are made here, so their shape is known")]

use bytes::Bytes;
use picket::contract::Code;
use picket::contract::value::Moment;
use picket::contract::wire::{HeaderValue, WireMessage};
use picket_core::Timestamp;
use serde_json::{Value, json};

/// The media type of one event.
pub(crate) const STRUCTURED: &str = "application/cloudevents+json";
/// The media type of a batch.
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";
/// The domain of every message here.
pub(crate) const DOMAIN: &str = "emea";
/// The source of every message here.
pub(crate) const SOURCE: &str = "pbx";

/// What can carry a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// HTTP and AMQP.
    Both,
    /// AMQP only: HTTP has nothing like it.
    Amqp,
    /// HTTP only: AMQP has nothing like it.
    Http,
}

/// A kind of bad input.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    /// Its name.
    pub(crate) name: &'static str,
    /// The code of its refusal.
    pub(crate) code: Code,
    /// What can carry it.
    pub(crate) over: Over,
    /// As it crosses AMQP; over HTTP without exchange and routing key.
    pub(crate) message: WireMessage,
    /// How many good events travel in the same message.
    pub(crate) good: usize,
}

impl Bad {
    /// The same message as it comes over HTTP.
    pub(crate) fn over_http(&self) -> WireMessage {
        let headers = self.message.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        WireMessage { headers: headers.collect(), exchange: None, routing_key: None, ..self.message.clone() }
    }
}

/// A good event. `unique` makes its id and contact; `at` is about now.
pub(crate) fn good(unique: &str, at: Timestamp) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("event-{unique}"),
        "source": SOURCE,
        "type": "picket.contact.received.v1",
        "time": Moment(at).to_string(),
        "subject": format!("contact-{unique}"),
        "picketdomain": DOMAIN,
        "data": { "contact": format!("contact-{unique}"), "channel": "voice" },
    })
}

/// An event of another type. `noun_verb` is `contact.close`.
pub(crate) fn event(unique: &str, noun_verb: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("event-{unique}"),
        "source": SOURCE,
        "type": format!("picket.{noun_verb}.v1"),
        "picketdomain": DOMAIN,
        "data": data,
    })
}

/// A message in structured mode, as AMQP carries it, with the routing key that its type asks for.
pub(crate) fn structured(event: &Value) -> WireMessage {
    raw(event.to_string(), event["type"].as_str().unwrap_or_default())
}

fn raw(body: impl Into<Bytes>, kind: &str) -> WireMessage {
    let key =
        kind.strip_prefix("picket.").and_then(|rest| rest.rsplit_once('.')).map_or("contact.received", |(key, _)| key);
    let control = ["supervisor.", "rules.", "clock."].iter().any(|noun| key.starts_with(noun));
    WireMessage {
        body: body.into(),
        content_type: Some(STRUCTURED.to_owned()),
        exchange: Some(if control { "picket.control" } else { "picket.in" }.to_owned()),
        routing_key: Some(format!("{DOMAIN}.{key}")),
        ..WireMessage::default()
    }
}

fn typed(body: impl Into<Bytes>, content_type: &str) -> WireMessage {
    WireMessage { content_type: Some(content_type.to_owned()), ..raw(body, "") }
}

fn headed(mut message: WireMessage, headers: &[(&str, &str)]) -> WireMessage {
    let text = |(name, text): &(&str, &str)| ((*name).to_owned(), HeaderValue::Text((*text).to_owned()));
    message.headers.extend(headers.iter().map(text));
    message
}

/// Every kind that is wrong by itself. `tag` makes the ids of one run; `now` is when they are sent.
pub(crate) fn kinds(tag: &str, now: Timestamp) -> Vec<Bad> {
    let good = |name: &str| good(&format!("{tag}-{name}"), now);
    let mut kinds = unreadable(&good);
    kinds.extend(wrong_attributes(&good));
    kinds.extend(wrong_data(&good, tag));
    kinds.extend(wrong_hands(tag));
    kinds.extend(lying(&good, tag));
    kinds.extend(batches(&good));
    kinds
}

type Good<'a> = &'a dyn Fn(&str) -> Value;

fn bad(name: &'static str, code: Code, message: WireMessage) -> Bad {
    Bad { name, code, over: Over::Both, message, good: 0 }
}

fn amqp(name: &'static str, code: Code, message: WireMessage) -> Bad {
    Bad { over: Over::Amqp, ..bad(name, code, message) }
}

/// The good event with one thing replaced; the path is a JSON pointer.
fn with(event: Value, pointer: &str, value: Value) -> WireMessage {
    let mut event = event;
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
    event.pointer_mut(parent).expect("the parent is there")[name] = value;
    structured(&event)
}

fn without(event: Value, pointer: &str) -> WireMessage {
    let mut event = event;
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
    event.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is an object").remove(name);
    structured(&event)
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

fn unreadable(good: Good<'_>) -> Vec<Bad> {
    let text = |name: &str| good(name).to_string();
    let spliced = |name: &str, more: &str| text(name).replacen("\"data\":{", &format!("\"data\":{{{more},"), 1);
    vec![
        bad("nothing at all", Code::EmptyMessage, raw("", "")),
        bad("not JSON", Code::InvalidJson, raw("hello", "")),
        bad("JSON cut off", Code::InvalidJson, raw(text("cut")[..60].to_owned(), "")),
        bad("text behind the event", Code::InvalidJson, raw(text("behind") + "x", "")),
        bad("two events in one message", Code::InvalidJson, raw(text("two") + &text("three"), "")),
        bad("a byte order mark", Code::InvalidJson, raw(format!("\u{feff}{}", text("mark")), "")),
        bad("a number out of range", Code::InvalidJson, raw(spliced("range", "\"x\":1e999"), "")),
        bad("half a surrogate pair", Code::InvalidJson, raw(spliced("half", "\"x\":\"\\ud800\""), "")),
        bad("not UTF-8", Code::InvalidUtf8, raw(&b"{\"id\":\"\xff\xfe\"}"[..], "")),
        bad("larger than 256 KiB", Code::MessageTooLarge, raw(vec![b' '; 256 * 1024 + 1], "")),
        bad("seventeen levels", Code::TooDeep, raw(spliced("deep", &format!("\"x\":{}", nested(15))), "")),
        bad("a hundred thousand levels", Code::TooDeep, raw(nested(100_000), "")),
        bad(
            "a name twice in the event",
            Code::DuplicateKey,
            raw(text("twice").replacen('{', "{\"id\":\"other\",", 1), ""),
        ),
        bad("a name twice in the data", Code::DuplicateKey, raw(spliced("data", "\"contact\":\"x\""), "")),
        bad("a text above 1 KiB", Code::TextTooLong, with(good("long"), "/data/topic", json!("x".repeat(1025)))),
        bad("a zero character in a text", Code::ControlCharacter, with(good("zero"), "/data/topic", json!("a\u{0}b"))),
        bad(
            "no content type",
            Code::UnsupportedContentType,
            WireMessage { content_type: None, ..raw(text("none"), "") },
        ),
        bad("plain text", Code::UnsupportedContentType, typed(text("plain"), "text/plain")),
        bad("JSON that says nothing of events", Code::UnsupportedContentType, typed(text("json"), "application/json")),
        bad("events in XML", Code::UnsupportedContentType, typed(text("xml"), "application/cloudevents+xml")),
        bad(
            "another character set",
            Code::UnsupportedContentType,
            typed(text("set"), "application/cloudevents+json; charset=iso-8859-1"),
        ),
    ]
}

fn wrong_attributes(good: Good<'_>) -> Vec<Bad> {
    let set = |name: &str, pointer: &str, value: Value| with(good(name), pointer, value);
    vec![
        bad("a number instead of an event", Code::NotAnEvent, raw("42", "")),
        bad("a list instead of an event", Code::NotAnEvent, raw("[]", "")),
        bad("no specversion", Code::MissingField, without(good("s"), "/specversion")),
        bad("CloudEvents 0.3", Code::UnsupportedSpecversion, set("03", "/specversion", json!("0.3"))),
        bad("no id", Code::MissingField, without(good("i"), "/id")),
        bad("an empty id", Code::InvalidId, set("empty", "/id", json!(""))),
        bad("an id of 129 bytes", Code::InvalidId, set("129", "/id", json!("x".repeat(129)))),
        bad("a space in the id", Code::InvalidId, set("space", "/id", json!("a b"))),
        bad("a line break in the id", Code::InvalidId, set("break", "/id", json!("a\nb"))),
        bad("a control character in the id", Code::ControlCharacter, set("bell", "/id", json!("a\u{7}b"))),
        bad("an id beyond ASCII", Code::InvalidId, set("ascii", "/id", json!("é"))),
        bad("a number as id", Code::WrongType, set("number", "/id", json!(7))),
        bad("no source", Code::MissingField, without(good("o"), "/source")),
        bad("no type", Code::MissingField, without(good("t"), "/type")),
        bad("a foreign type", Code::UnknownType, with_type(good("foreign"), "com.example.call.started")),
        bad("a misspelt type", Code::UnknownType, with_type(good("misspelt"), "picket.contact.recieved.v1")),
        bad(
            "a type of the next version",
            Code::UnsupportedVersion,
            with_type(good("v2"), "picket.contact.received.v2"),
        ),
        bad("an output as input", Code::NotAnInput, with_type(good("out"), "picket.offer.made.v1")),
        bad("an output sent back", Code::NotAnInput, set("back", "/source", json!("/picket/main"))),
        bad("a time in words", Code::InvalidTime, set("words", "/time", json!("yesterday"))),
        bad("a time in 1970", Code::TimeOutOfRange, set("1970", "/time", json!("1970-01-01T00:00:01Z"))),
        bad("a time in 2200", Code::TimeOutOfRange, set("2200", "/time", json!("2200-01-01T00:00:00Z"))),
        bad("another subject than the data", Code::SubjectMismatch, set("subject", "/subject", json!("somebody-else"))),
        bad("a domain in capitals", Code::InvalidName, set("capitals", "/picketdomain", json!("EMEA"))),
        bad(
            "data of another media type",
            Code::UnsupportedContentType,
            set("media", "/datacontenttype", json!("text/xml")),
        ),
        bad("data in base 64", Code::UnsupportedContentType, set("base", "/data_base64", json!("e30="))),
    ]
}

fn with_type(event: Value, kind: &str) -> WireMessage {
    let message = with(event, "/type", json!(kind));
    WireMessage {
        routing_key: Some(format!("{DOMAIN}.contact.received")),
        exchange: Some("picket.in".to_owned()),
        ..message
    }
}

fn wrong_data(good: Good<'_>, tag: &str) -> Vec<Bad> {
    let set = |name: &str, pointer: &str, value: Value| with(good(name), pointer, value);
    let other =
        |name: &str, noun_verb: &str, data: Value| structured(&event(&format!("{tag}-{name}"), noun_verb, data));
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("a{n}"), json!(n))).collect();
    vec![
        bad("no data", Code::MissingField, without(good("d"), "/data")),
        bad("data as text", Code::WrongType, set("text", "/data", json!("{\"contact\":\"1\"}"))),
        bad("data as list", Code::WrongType, set("list", "/data", json!([]))),
        bad("no contact", Code::MissingField, without(good("c"), "/data/contact")),
        bad("no channel", Code::MissingField, without(good("h"), "/data/channel")),
        bad("a number as contact", Code::WrongType, set("contact", "/data/contact", json!(42))),
        bad("a space in the contact", Code::InvalidId, set("blank", "/data/contact", json!("a b"))),
        bad("a channel in capitals", Code::InvalidName, set("channel", "/data/channel", json!("Voice"))),
        bad("sixty-five attributes", Code::TooManyAttributes, set("many", "/data/attributes", Value::Object(many))),
        bad("attributes as a list", Code::WrongType, set("attributes", "/data/attributes", json!(["vip"]))),
        bad("an unknown direction", Code::InvalidValue, set("direction", "/data/direction", json!("sideways"))),
        bad(
            "seconds instead of milliseconds",
            Code::TimeOutOfRange,
            set("seconds", "/data/waiting_since", json!(1_795_000)),
        ),
        bad(
            "scheduled for 2200",
            Code::TimeOutOfRange,
            set("later", "/data/scheduled_for", json!("2200-01-01T00:00:00Z")),
        ),
        bad(
            "an unknown state",
            Code::InvalidValue,
            other("state", "agent.set_state", json!({"agent": "ann", "state": "asleep"})),
        ),
        bad(
            "a negative load",
            Code::InvalidValue,
            other("load", "agent.load", json!({"agent": "ann", "channel": "voice", "contacts": -1})),
        ),
        bad(
            "a proficiency of eleven",
            Code::InvalidValue,
            other("eleven", "agent.put", json!({"agent": "zoe", "skills": {"billing": 11}})),
        ),
        bad(
            "a transfer to two places",
            Code::InvalidValue,
            other("both", "contact.transfer", json!({"contact": "1", "to": {"agent": "ann", "queue": "general"}})),
        ),
        bad(
            "an absence without an end",
            Code::MissingField,
            other("absence", "agent.absence", json!({"agent": "ann", "from": 1_795_424_400_000_i64})),
        ),
        bad("an accept without an offer", Code::MissingField, other("accept", "offer.accept", json!({"agent": "ann"}))),
        bad(
            "too many channels",
            Code::ListTooLong,
            other(
                "list",
                "agent.set_state",
                json!({"agent": "ann", "state": "ready", "channels": vec!["voice"; 5001]}),
            ),
        ),
        bad(
            "a message for a later version",
            Code::NotSupportedYet,
            other("yet", "commitment.keep", json!({"commitment": "c1"})),
        ),
    ]
}

fn wrong_hands(tag: &str) -> Vec<Bad> {
    let other =
        |name: &str, noun_verb: &str, data: Value| structured(&event(&format!("{tag}-{name}"), noun_verb, data));
    vec![
        bad(
            "a consultation with nobody",
            Code::MissingField,
            other("consult", "contact.consult", json!({"contact": "c1"})),
        ),
        bad(
            "a hold without a reason",
            Code::MissingField,
            other("hold", "supervisor.hold", json!({"contact": "c1", "by": "sue"})),
        ),
        bad(
            "a forced assignment by nobody",
            Code::MissingField,
            other("force", "supervisor.assign", json!({"contact": "c1", "agent": "ann", "force": true})),
        ),
        bad(
            "a lending for ever",
            Code::TimeOutOfRange,
            other(
                "lend",
                "supervisor.lend",
                json!({"team": "hopkins", "queue": "general", "until": "2199-01-01T00:00:00Z", "by": "sue", "why": "x"}),
            ),
        ),
    ]
}

fn lying(good: Good<'_>, tag: &str) -> Vec<Bad> {
    let text = |name: &str| good(name).to_string();
    let keyed = |name: &str, key: &str| WireMessage { routing_key: Some(key.to_owned()), ..structured(&good(name)) };
    let binary = |name: &str, headers: &[(&str, &str)]| {
        let data = json!({"contact": format!("contact-{tag}-{name}"), "channel": "voice"});
        headed(typed(data.to_string(), "application/json"), headers)
    };
    let kind = ("ce-type", "picket.contact.received.v1");
    let (version, source) = (("ce-specversion", "1.0"), ("ce-source", SOURCE));
    let mut number = structured(&good("typed"));
    number.headers.push(("ce-id".to_owned(), HeaderValue::Other("long-long-int")));
    let supervision = event(&format!("{tag}-control"), "supervisor.close_fence", json!({"contact": "1"}));
    vec![
        bad("a header with another id", Code::HeaderMismatch, headed(raw(text("lie"), ""), &[("ce-id", "other")])),
        bad(
            "a header with another type",
            Code::HeaderMismatch,
            headed(raw(text("kind"), ""), &[("ce-type", "picket.contact.close.v1")]),
        ),
        bad("a batch that is one event", Code::NotAnEvent, typed(text("one"), BATCH)),
        bad("binary mode without a type", Code::MissingField, binary("untyped", &[version, source, ("ce-id", "b1")])),
        // Over HTTP there is one spelling only: headers of the others are not CloudEvents headers there.
        Bad {
            over: Over::Amqp,
            ..bad(
                "two spellings that disagree",
                Code::HeaderMismatch,
                binary("spell", &[version, source, kind, ("ce-id", "b2"), ("cloudEvents_id", "b3")]),
            )
        },
        bad(
            "binary mode with a broken body",
            Code::InvalidJson,
            headed(typed("{", "application/json"), &[version, source, kind, ("ce-id", "b4")]),
        ),
        Bad {
            over: Over::Http,
            ..bad(
                "broken percent-encoding",
                Code::InvalidHeader,
                binary("percent", &[version, source, kind, ("ce-id", "%zz")]),
            )
        },
        amqp("a header that is a number", Code::InvalidHeader, number),
        amqp("a routing key without a verb", Code::InvalidRoutingKey, keyed("verb", "emea.contact")),
        amqp("a routing key of another type", Code::RoutingKeyMismatch, keyed("other", "emea.contact.ended")),
        amqp("a routing key of another domain", Code::DomainMismatch, keyed("domain", "apac.contact.received")),
        amqp(
            "control on the wrong exchange",
            Code::ControlOnly,
            WireMessage { exchange: Some("picket.in".to_owned()), ..structured(&supervision) },
        ),
        amqp(
            "everyday things on the control exchange",
            Code::ControlOnly,
            WireMessage { exchange: Some("picket.control".to_owned()), ..structured(&good("daily")) },
        ),
    ]
}

fn batches(good: Good<'_>) -> Vec<Bad> {
    let batch = |events: &Value| typed(events.to_string(), BATCH);
    let mut nameless = good("nameless");
    nameless.as_object_mut().expect("an event is an object").remove("id");
    let twice = good("doubled").to_string().replacen('{', "{\"id\":\"other\",", 1);
    let doubled = format!("[{},{twice},{}]", good("left"), good("right"));
    vec![
        bad("an empty batch", Code::EmptyBatch, batch(&json!([]))),
        bad("a batch of 1,001", Code::BatchTooLarge, batch(&json!(vec![json!({}); 1001]))),
        Bad {
            good: 2,
            ..bad(
                "a batch with one bad member",
                Code::MissingField,
                batch(&json!([good("first"), nameless, good("last")])),
            )
        },
        Bad { good: 1, ..bad("a batch with a number in it", Code::NotAnEvent, batch(&json!([7, good("beside")]))) },
        Bad { good: 2, ..bad("a batch with a name twice in one member", Code::DuplicateKey, typed(doubled, BATCH)) },
    ]
}
