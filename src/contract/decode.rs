//! Decides what a message on the wire holds: which mode it is in, and which events are in it, good or refused.

use std::collections::BTreeMap;

use picket_core::Timestamp;
use serde_json::{Map, Value};

use super::code::Code;
use super::envelope::{Envelope, Refusal};
use super::event::{Candidate, Place};
use super::json::{self, Fault, Read, Segment};
use super::limits::Limits;
use super::sources::Sources;
use super::value::is_id;
use super::wire::WireMessage;
use super::{event, headers};

/// What is wrong, before it is known whose event it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) code: Code,
    pub(super) detail: String,
}

impl Complaint {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// How CloudEvents are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Structured,
    Binary,
    Batch,
}

/// Reads every event of a message. There is always at least one result; in a batch they are in the order of the batch.
///
/// Never panics, whatever is sent. `received_at` is only compared with the times in the message.
#[must_use]
#[expect(clippy::result_large_err, reason = "an envelope is larger than a refusal, so a box would save nothing")]
pub fn decode(message: &WireMessage, sources: &Sources, received_at: Timestamp) -> Vec<Result<Envelope, Refusal>> {
    let headers = headers::attributes(message);
    let known = headers.clone().unwrap_or_default();
    match headers.and_then(|headers| candidates(message, headers)) {
        Ok(candidates) => {
            candidates.into_iter().map(|candidate| event::read(candidate, message, sources, received_at)).collect()
        }
        Err(complaint) => vec![Err(refusal(complaint, message, &known))],
    }
}

/// The refusal of a whole message; id and source are known when its headers say them.
fn refusal(complaint: Complaint, message: &WireMessage, headers: &BTreeMap<&'static str, String>) -> Refusal {
    let header = |name| headers.get(name).filter(|text| is_id(text)).cloned();
    Refusal {
        code: complaint.code,
        detail: complaint.detail,
        id: header("id"),
        source: header("source"),
        kind: header("type"),
        reply_to: event::property(message.reply_to.as_deref()),
        correlation_id: event::property(message.correlation_id.as_deref()),
    }
}

fn candidates(message: &WireMessage, headers: BTreeMap<&'static str, String>) -> Result<Vec<Candidate>, Complaint> {
    if message.body.len() > Limits::MESSAGE_BYTES {
        let detail = format!("the body has {} bytes, at most {} are taken", message.body.len(), Limits::MESSAGE_BYTES);
        return Err(Complaint::new(Code::MessageTooLarge, detail));
    }
    let mode = mode(message)?;
    if message.body.is_empty() {
        return Err(Complaint::new(Code::EmptyMessage, "the body is empty; send one event as JSON"));
    }
    let text = std::str::from_utf8(&message.body).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on; encode it as UTF-8", error.valid_up_to());
        Complaint::new(Code::InvalidUtf8, detail)
    })?;
    let base = usize::from(mode == Mode::Batch);
    let read = json::read(text, base)
        .map_err(|why| Complaint::new(Code::InvalidJson, format!("the body is not JSON: {why}")))?;
    match mode {
        Mode::Structured => structured(read, headers).map(|candidate| vec![candidate]),
        Mode::Binary => Ok(vec![binary(read, headers)]),
        Mode::Batch => batch(read),
    }
}

pub(super) fn mode(message: &WireMessage) -> Result<Mode, Complaint> {
    let refuse = |detail: &str| Err(Complaint::new(Code::UnsupportedContentType, detail));
    let Some(content_type) = message.content_type.as_deref() else {
        return if headers::any(message) {
            Ok(Mode::Binary)
        } else {
            refuse("the content type is missing; send application/cloudevents+json")
        };
    };
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let foreign = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset")
            && !["utf-8", "utf8", "us-ascii"].iter().any(|charset| value.eq_ignore_ascii_case(charset))
    };
    if parts.any(foreign) {
        return refuse("the content type names another character set than UTF-8; encode the body as UTF-8");
    }
    match media.as_str() {
        "application/cloudevents+json" | "application/cloudevents" => Ok(Mode::Structured),
        "application/cloudevents-batch+json" => Ok(Mode::Batch),
        other if other.starts_with("application/cloudevents") => {
            refuse("this format of CloudEvents is not read; send application/cloudevents+json")
        }
        other if is_json(other) && headers::any(message) => Ok(Mode::Binary),
        other if is_json(other) => {
            refuse("plain JSON without ce- headers is no event; send application/cloudevents+json")
        }
        _ => refuse("the content type is not JSON; send application/cloudevents+json"),
    }
}

/// Whether a media type is JSON.
pub(super) fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
        || media.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

fn structured(read: Read, headers: BTreeMap<&'static str, String>) -> Result<Candidate, Complaint> {
    let fault = read.faults.into_iter().next();
    let (attributes, fault) = match (read.value, fault) {
        (Value::Object(attributes), fault) => (attributes, fault),
        // What was too deep or too long was read over, so there may be no object left.
        (_, Some(fault)) => (Map::new(), Some(fault)),
        (_, None) => return Err(Complaint::new(Code::NotAnEvent, "the body is not a JSON object; send one event")),
    };
    Ok(Candidate { attributes, headers, place: Place::Body { root: "$".to_owned() }, fault })
}

fn binary(read: Read, headers: BTreeMap<&'static str, String>) -> Candidate {
    let mut attributes: Map<String, Value> =
        headers.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
    attributes.insert("data".to_owned(), read.value);
    Candidate { attributes, headers: BTreeMap::new(), place: Place::Headers, fault: read.faults.into_iter().next() }
}

fn batch(read: Read) -> Result<Vec<Candidate>, Complaint> {
    // A fault of the list itself has no index: it concerns all.
    let of_the_list = |fault: &&Fault| !matches!(fault.path.0.first(), Some(Segment::Index(_)));
    if let Some(fault) = read.faults.iter().find(of_the_list) {
        return Err(Complaint::new(fault.code, format!("{}: {}", fault.path, fault.text)));
    }
    let Value::Array(items) = read.value else {
        return Err(Complaint::new(Code::NotAnEvent, "the body is not a JSON list; send a list of events"));
    };
    if items.is_empty() {
        return Err(Complaint::new(Code::EmptyBatch, "the list is empty; send at least one event"));
    }
    if items.len() > Limits::BATCH_EVENTS {
        let detail = format!("the list has {} events, at most {} are taken", items.len(), Limits::BATCH_EVENTS);
        return Err(Complaint::new(Code::BatchTooLarge, detail));
    }
    let mut faults: BTreeMap<usize, Fault> = BTreeMap::new();
    for fault in read.faults {
        if let Some(Segment::Index(index)) = fault.path.0.first() {
            faults.entry(*index).or_insert(fault);
        }
    }
    Ok(items.into_iter().enumerate().map(|(index, item)| member(index, item, faults.remove(&index))).collect())
}

fn member(index: usize, item: Value, fault: Option<Fault>) -> Candidate {
    let place = Place::Body { root: format!("$[{index}]") };
    let (attributes, fault) = match item {
        Value::Object(attributes) => (attributes, fault),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let text = "the member is not a JSON object; send events only";
            let path = json::Path(vec![Segment::Index(index)]);
            let fault = fault.unwrap_or(Fault { code: Code::NotAnEvent, path, text });
            (Map::new(), Some(fault))
        }
    };
    Candidate { attributes, headers: BTreeMap::new(), place, fault }
}
