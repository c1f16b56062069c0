//! Decides what JSON is acceptable: every key once, nesting and texts bounded while reading, nothing built beyond them.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::code::Code;
use super::limits::Limits;

/// Something that is JSON and still not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its code.
    pub(crate) code: Code,
    /// Where, from the root of what was read.
    pub(crate) path: Path,
    /// What and how to mend it.
    pub(crate) text: &'static str,
}

/// A place inside JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Segment>);

/// One step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Into an object.
    Key(String),
    /// Into an array.
    Index(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            match segment {
                Segment::Key(key) if plain(key) => write!(f, ".{key}")?,
                // A key is the sender's text: what could garble a log line is left out.
                Segment::Key(_) => f.write_str(".(an unprintable name)")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn plain(key: &str) -> bool {
    !key.is_empty() && key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What was read, with whatever was not acceptable in it; such parts are read over and missing from the value.
#[derive(Debug)]
pub(crate) struct Read {
    /// The value.
    pub(crate) value: Value,
    /// The first of each event, in order of appearance.
    pub(crate) faults: Vec<Fault>,
}

/// Reads one JSON text. `base` is the depth at which an event begins: 0, or 1 inside a batch.
///
/// # Errors
/// When it is not JSON: line, column and why, without any of the sender's text.
pub(crate) fn read(text: &str, base: usize) -> Result<Read, String> {
    let state = State { faults: RefCell::default(), path: RefCell::default(), base };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Seed(&state)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| error.to_string())?;
    Ok(Read { value, faults: state.faults.into_inner() })
}

struct State {
    faults: RefCell<Vec<Fault>>,
    path: RefCell<Path>,
    base: usize,
}

impl State {
    /// Notes the first fault of each event.
    fn fault(&self, code: Code, text: &'static str) {
        let mut faults = self.faults.borrow_mut();
        let path = self.path.borrow();
        let known = faults.last().is_some_and(|last| last.path.0.get(..self.base) == path.0.get(..self.base));
        if !known {
            faults.push(Fault { code, path: path.clone(), text });
        }
    }

    fn enter(&self, segment: Segment) {
        self.path.borrow_mut().0.push(segment);
    }

    fn leave(&self) {
        self.path.borrow_mut().0.pop();
    }

    fn too_deep(&self) -> bool {
        self.path.borrow().0.len() >= Limits::DEPTH + self.base
    }
}

#[derive(Clone, Copy)]
struct Seed<'a>(&'a State);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        if value.len() > Limits::TEXT_BYTES {
            self.0.fault(Code::TextTooLong, "the text is longer than 1024 bytes; shorten it or send a reference");
            return Ok(Value::Null);
        }
        if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.0.fault(Code::ControlCharacter, "the text has a control character; remove it");
            return Ok(Value::Null);
        }
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if self.0.too_deep() {
            self.0.fault(Code::TooDeep, "the event is nested deeper than 16 levels; flatten it");
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        let mut values = Vec::new();
        loop {
            self.0.enter(Segment::Index(values.len()));
            let next = items.next_element_seed(self)?;
            self.0.leave();
            match next {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        if self.0.too_deep() {
            self.0.fault(Code::TooDeep, "the event is nested deeper than 16 levels; flatten it");
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let long = key.len() > Limits::TEXT_BYTES;
            self.0.enter(Segment::Key(key.clone()));
            if map.contains_key(&key) {
                self.0.fault(Code::DuplicateKey, "the name appears twice in its object; send it once");
                entries.next_value::<IgnoredAny>()?;
            } else if long {
                self.0.fault(Code::TextTooLong, "the name is longer than 1024 bytes; shorten it");
                entries.next_value::<IgnoredAny>()?;
            } else {
                map.insert(key, entries.next_value_seed(self)?);
            }
            self.0.leave();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(Code, String)> {
        read(text, 0).unwrap().faults.into_iter().map(|fault| (fault.code, fault.path.to_string())).collect()
    }

    #[test]
    fn a_key_that_appears_twice_is_found_where_it_is() {
        assert_eq!(codes(r#"{"a":{"b":1,"b":2}}"#), [(Code::DuplicateKey, "$.a.b".to_owned())]);
    }

    #[test]
    fn sixteen_levels_pass_and_seventeen_do_not() {
        assert!(codes(&("[".repeat(16) + &"]".repeat(16))).is_empty());
        let deep = codes(&("[".repeat(17) + &"]".repeat(17)));
        assert_eq!(deep.len(), 1);
        assert_eq!(deep[0].0, Code::TooDeep);
    }

    #[test]
    fn a_hundred_thousand_levels_are_read_over_without_recursion() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(codes(&text)[0].0, Code::TooDeep);
    }

    #[test]
    fn a_text_one_byte_too_long_is_refused_where_it_is() {
        assert!(codes(&format!("[\"{}\"]", "x".repeat(1024))).is_empty());
        assert_eq!(codes(&format!("[\"{}\"]", "x".repeat(1025))), [(Code::TextTooLong, "$[0]".to_owned())]);
    }

    #[test]
    fn trailing_text_is_not_json() {
        assert!(read("{} {}", 0).unwrap_err().contains("trailing characters"));
    }
}
