//! Decides whether `data` is what its type says, and names what is wrong in words a sender can act on.

use picket_core::Timestamp;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::code::Code;
use super::decode::Complaint;
use super::event::Place;
use super::inbound::{Inbound, Kind, When};
use super::limits::Limits;
use super::value::{MARK, Moment};

/// Reads the data of a type and checks its times.
pub(super) fn read(kind: &Kind, data: &Value, place: &Place, received_at: Timestamp) -> Result<Inbound, Complaint> {
    let root = place.data();
    if !data.is_object() {
        return Err(Complaint::new(Code::WrongType, format!("{root}: data is not a JSON object; send an object")));
    }
    let inbound = match Inbound::read(kind.name, data) {
        Some(Ok(inbound)) => inbound,
        Some(Err(error)) => return Err(explain(&error, &root)),
        None => return Err(Complaint::new(Code::UnknownType, format!("{root}: no such type"))),
    };
    if let Some(field) = inbound.body().missing() {
        return Err(Complaint::new(Code::MissingField, format!("{root}.{field}: it is missing; send it")));
    }
    for (field, time, when) in inbound.body().times() {
        if let Some(what) = out_of_range(time, when, received_at) {
            return Err(Complaint::new(Code::TimeOutOfRange, format!("{root}.{field}: {what}")));
        }
    }
    Ok(inbound)
}

/// What is wrong with a time, if anything.
pub(super) fn out_of_range(time: Moment, when: When, received_at: Timestamp) -> Option<&'static str> {
    let (time, now) = (time.0.0, received_at.0);
    let ahead = match when {
        When::Driven if !(Limits::CLOCK_FIRST_MS..Limits::CLOCK_END_MS).contains(&time) => {
            return Some("a clock is driven between 1970 and 2200; send a time in between");
        }
        When::Driven => return None,
        When::Happened => Limits::AHEAD_MS,
        When::Planned => Limits::PLANNED_MS,
    };
    if time < now.saturating_sub(Limits::PAST_MS) {
        return Some("it is more than ten years ago; check the clock, and that it is in milliseconds");
    }
    match when {
        _ if time <= now.saturating_add(ahead) => None,
        When::Planned => Some("it is more than two years ahead; check the clock, and that it is in milliseconds"),
        When::Happened | When::Driven => {
            Some("it is more than a day ahead of receipt; check the clock, and that it is in milliseconds")
        }
    }
}

/// Turns serde's words into the contract's: a code, a place, and no value of the sender's.
fn explain(error: &serde_path_to_error::Error<serde_json::Error>, root: &str) -> Complaint {
    let mut path = root.to_owned();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => path.push_str(&format!("[{index}]")),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
                path.push('.');
                path.push_str(if plain { name } else { "(an unprintable name)" });
            }
            Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    if let Some((code, sentence)) = text.strip_prefix(MARK).and_then(|rest| rest.split_once(MARK))
        && let Some(code) = Code::parse(code)
    {
        return Complaint::new(code, format!("{path}: {sentence}"));
    }
    if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return Complaint::new(Code::MissingField, format!("{path}.{field}: it is missing; send it"));
    }
    let expected = text.rsplit_once("expected ").map_or("something else", |(_, expected)| words(expected));
    let code = if text.starts_with("invalid type") { Code::WrongType } else { Code::InvalidValue };
    Complaint::new(code, format!("{path}: send {expected}"))
}

/// What serde expects, in words of JSON.
fn words(expected: &str) -> &str {
    match expected {
        "a string" | "string" => "a text",
        "a map" | "map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number that is not negative",
        "string or map" => "an object with one of the names of the contract",
        "map with a single key" => "an object with exactly one name",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}
