//! Decides which domain a message is for before anybody has read it, so that it can be handed to the shard that does; a
//! list of events for several shards is taken apart.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::{Mode, mode};
use super::headers;
use super::wire::WireMessage;

/// A part of a message for one taker, and which of the message's events it holds.
#[derive(Clone, Debug)]
pub struct Part {
    /// The place of the taker.
    pub taker: usize,
    /// The events, by their place in the whole.
    pub events: Vec<usize>,
    /// The part as a message.
    pub message: WireMessage,
}

/// What is looked at of an event.
#[derive(Debug, Deserialize)]
struct Glimpse<'a> {
    #[serde(borrow, default)]
    picketdomain: Option<Cow<'a, str>>,
}

/// Takes a message apart by who takes which domain. What names no domain that anybody takes, or cannot be read, is the
/// first one's, who refuses it with a reason.
pub fn split(message: WireMessage, taker: impl Fn(&str) -> Option<usize>) -> Vec<Part> {
    let taker_of = |domain: Option<&str>| domain.and_then(&taker).unwrap_or(0);
    let whole = |taker: usize, message: WireMessage| vec![Part { taker, events: vec![0], message }];
    match mode(&message) {
        Ok(Mode::Binary) => {
            let headers = headers::attributes(&message).unwrap_or_default();
            whole(taker_of(headers.get("picketdomain").map(String::as_str)), message)
        }
        Ok(Mode::Structured) => {
            let domain =
                serde_json::from_slice(&message.body).ok().and_then(|glimpse: Glimpse<'_>| glimpse.picketdomain);
            whole(taker_of(domain.as_deref()), message)
        }
        Ok(Mode::Batch) => batch(&message, taker_of).unwrap_or_else(|| whole(0, message)),
        Err(_) => whole(0, message),
    }
}

/// The parts of a list, each a list again; none where the list cannot be read.
fn batch(message: &WireMessage, taker_of: impl Fn(Option<&str>) -> usize) -> Option<Vec<Part>> {
    let events: Vec<&RawValue> = serde_json::from_slice(&message.body).ok().filter(|list: &Vec<_>| !list.is_empty())?;
    let mut parts: Vec<(Part, Vec<&RawValue>)> = Vec::new();
    for (place, event) in events.into_iter().enumerate() {
        let domain = serde_json::from_str(event.get()).ok().and_then(|glimpse: Glimpse<'_>| glimpse.picketdomain);
        let taker = taker_of(domain.as_deref());
        let known = parts.iter().position(|(part, _)| part.taker == taker);
        let known = known.unwrap_or_else(|| {
            parts.push((Part { taker, events: Vec::new(), message: message.clone() }, Vec::new()));
            parts.len() - 1
        });
        parts[known].0.events.push(place);
        parts[known].1.push(event);
    }
    if parts.len() > 1 {
        for (part, events) in &mut parts {
            part.message.body = Bytes::from(serde_json::to_vec(events).ok()?);
        }
    }
    Some(parts.into_iter().map(|(part, _)| part).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(kind: &str, body: &str) -> WireMessage {
        WireMessage {
            content_type: Some(kind.to_owned()),
            body: Bytes::from(body.to_owned()),
            ..WireMessage::default()
        }
    }

    fn parts(message: WireMessage) -> Vec<(usize, Vec<usize>, Value)> {
        let taker = |domain: &str| ["emea", "apac"].iter().position(|known| *known == domain);
        let shown =
            |part: Part| (part.taker, part.events, serde_json::from_slice(&part.message.body).unwrap_or(json!("?")));
        split(message, taker).into_iter().map(shown).collect()
    }

    #[test]
    fn a_list_for_several_is_taken_apart_in_order_and_its_events_stay_as_they_were_written() {
        let list = r#"[{"id":"1","picketdomain":"apac"},{"id":"2","picketdomain":"emea"},{"id":"3","picketdomain":"apac","n":1.50}]"#;
        let taken = split(message("application/cloudevents-batch+json", list), |domain| {
            ["emea", "apac"].iter().position(|known| *known == domain)
        });
        assert_eq!(taken.len(), 2);
        assert_eq!((taken[0].taker, &taken[0].events[..]), (1, &[0, 2][..]));
        let expected = r#"[{"id":"1","picketdomain":"apac"},{"id":"3","picketdomain":"apac","n":1.50}]"#;
        assert_eq!(std::str::from_utf8(&taken[0].message.body).unwrap(), expected);
        assert_eq!((taken[1].taker, &taken[1].events[..]), (0, &[1][..]));
    }

    #[test]
    fn what_is_for_one_stays_one_message() {
        let list = json!([{ "picketdomain": "apac" }, { "picketdomain": "apac" }]);
        let taken = parts(message("application/cloudevents-batch+json", &list.to_string()));
        assert_eq!(taken, [(1, vec![0, 1], list)]);
        let event = json!({ "picketdomain": "apac" });
        assert_eq!(parts(message("application/cloudevents+json", &event.to_string())), [(1, vec![0], event)]);
    }

    #[test]
    fn what_names_no_known_domain_or_cannot_be_read_is_the_first_ones() {
        for (kind, body) in [
            ("application/cloudevents+json", r#"{"id":"1"}"#),
            ("application/cloudevents+json", r#"{"picketdomain":"mars"}"#),
            ("application/cloudevents+json", r#"{"picketdomain":7}"#),
            ("application/cloudevents+json", "{"),
            ("application/cloudevents-batch+json", "[]"),
            ("application/cloudevents-batch+json", "[{}"),
            ("application/cloudevents-batch+json", r#"[7,{}]"#),
            ("text/plain", "hello"),
        ] {
            let taken = split(message(kind, body), |_| None);
            assert_eq!(taken.len(), 1, "{body}");
            assert_eq!((taken[0].taker, &taken[0].message.body[..]), (0, body.as_bytes()));
        }
    }
}
