//! Decides whether a message holds an event that only operators may send: of supervisors, rules or the clock.
//!
//! Looks at every `type` there is, a repeated one included, and refuses what it cannot read: whatever the contract
//! would make of it, nothing slips past.

use std::fmt;

use axum::http::StatusCode;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::api::refusal::Refusal;
use crate::contract::code::Code;
use crate::contract::wire::{HeaderValue, WireMessage};
use crate::shard::feed::short_type;

/// Refuses a message with such an event.
pub(super) fn refuse(message: &WireMessage) -> Result<(), Refusal> {
    let forbidden = || {
        let detail = "events of supervisors, rules and clock need an access token with the right to operate";
        Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail))
    };
    for (name, value) in &message.headers {
        // A percent sign may spell any type.
        let suspicious = match value {
            HeaderValue::Text(text) => is_control(text) || text.contains('%'),
            HeaderValue::Other(_) => true,
        };
        if name == "ce-type" && suspicious {
            return forbidden();
        }
    }
    match serde_json::from_slice::<Control>(&message.body) {
        Ok(Control(true)) => forbidden(),
        Ok(Control(false)) => Ok(()),
        // An empty body is told apart by the contract, and holds nothing.
        Err(_) if message.body.is_empty() => Ok(()),
        Err(error) => Err(Refusal::bad_request(Code::InvalidJson.as_str(), format!("the body is not JSON: {error}"))),
    }
}

fn is_control(kind: &str) -> bool {
    let short = short_type(kind);
    ["supervisor.", "rules.", "clock."].iter().any(|noun| short.starts_with(noun))
}

/// Whether any event in a document is of such a type.
struct Control(bool);

impl<'de> Deserialize<'de> for Control {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Document)
    }
}

struct Document;

macro_rules! not_an_event {
    ($($visit:ident($kind:ty);)*) => {$(
        fn $visit<E>(self, _: $kind) -> Result<Control, E> {
            Ok(Control(false))
        }
    )*};
}

impl<'de> Visitor<'de> for Document {
    type Value = Control;

    not_an_event! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Control, E> {
        Ok(Control(false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Control, A::Error> {
        let mut any = false;
        while let Some(Control(one)) = members.next_element()? {
            any |= one;
        }
        Ok(Control(any))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Control, A::Error> {
        let mut any = false;
        while let Some(name) = fields.next_key::<String>()? {
            if name == "type" {
                let value: serde_json::Value = fields.next_value()?;
                any |= value.as_str().is_some_and(is_control);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Control(any))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(body: &str) -> bool {
        refuse(&WireMessage { body: body.to_owned().into(), ..WireMessage::default() }).is_err()
    }

    #[test]
    fn no_spelling_of_a_control_event_slips_past() {
        for body in [
            r#"{"type":"picket.clock.advance.v1"}"#,
            r#"{"type":"picket.contact.received.v1","type":"picket.rules.activate.v1"}"#,
            r#"{"type":"picket.supervisor.open.v1","type":"picket.contact.received.v1"}"#,
            r#"[{"type":"picket.contact.received.v1"},{"\u0074ype":"picket.\u0063lock.advance.v1"}]"#,
            r#"{"type":"picket.clock.advance.v1""#,
        ] {
            assert!(is_refused(body), "{body}");
        }
        assert!(is_refused(&format!(r#"[{{"type":"clock.advance"}},{}1{}]"#, "[".repeat(200), "]".repeat(200))));
    }

    #[test]
    fn other_events_pass() {
        for body in [r#"{"type":"picket.contact.received.v1","data":{"type":"clock.x"}}"#, "[]", "3", "\"clock.\"", ""]
        {
            assert!(!is_refused(body), "{body}");
        }
        let header = |kind: &str| WireMessage {
            body: "{}".into(),
            headers: vec![("ce-type".into(), HeaderValue::Text(kind.into()))],
            ..WireMessage::default()
        };
        assert!(refuse(&header("picket.contact.received.v1")).is_ok());
        assert!(refuse(&header("picket.clock.advance.v1")).is_err());
        assert!(refuse(&header("picket.%63lock.advance.v1")).is_err());
    }
}
