//! Decides whether an event was seen before: a window of 48 hours and a million events.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use picket_core::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bugs::{self, Bug};
use crate::contract::Envelope;
use crate::contract::answer::{Answer, Outcome};

/// How long an event is remembered.
const WINDOW: Millis = Millis(48 * 3600 * 1000);
/// How many events are remembered.
const MOST: usize = 1_000_000;

/// What became of an event when it was seen first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Hash of its content.
    pub content: [u8; 16],
    /// Its record.
    pub seq: u64,
    /// The last output when it had taken effect.
    pub output: u64,
    /// The code, where it was rejected.
    pub code: Option<String>,
    at: Timestamp,
}

impl First {
    /// What the sender of the same event is told.
    pub(super) fn again(&self, envelope: &Envelope) -> Answer {
        Answer {
            id: Some(envelope.id.clone()),
            source: Some(envelope.source.clone()),
            result: Outcome::Duplicate,
            code: self.code.clone(),
            detail: None,
            seq: Some(self.seq),
            output: Some(self.output),
            state: None,
        }
    }
}

/// What the window says of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight<'a> {
    /// Not seen in the window.
    New,
    /// Seen with the same content.
    Again(&'a First),
    /// Seen with other content.
    Conflict,
}

/// The events of the window. The same records give the same window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u128, First)>", into = "Vec<(u128, First)>")]
pub struct Seen {
    by_key: HashMap<u128, First>,
    order: VecDeque<u128>,
}

impl Seen {
    /// What is known of an event.
    #[must_use]
    pub(super) fn look(&self, source: &str, id: &str, content: &str) -> Sight<'_> {
        match self.by_key.get(&key(source, id)) {
            Some(_) if bugs::has(Bug::NeverSeen) => Sight::New,
            None => Sight::New,
            Some(first) if first.content == short(content.as_bytes()) => Sight::Again(first),
            Some(_) => Sight::Conflict,
        }
    }

    /// Remembers an event, and forgets what falls out of the window.
    pub fn note(&mut self, event: (&str, &str, &str), at: Timestamp, seq: u64, output: u64, code: Option<&str>) {
        let (source, id, content) = event;
        let first = First { content: short(content.as_bytes()), seq, output, code: code.map(str::to_owned), at };
        let key = key(source, id);
        if self.by_key.insert(key, first).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MOST || self.oldest().is_some_and(|oldest| oldest + WINDOW < at) {
            if let Some(gone) = self.order.pop_front() {
                self.by_key.remove(&gone);
            }
        }
    }

    fn oldest(&self) -> Option<Timestamp> {
        self.order.front().and_then(|key| self.by_key.get(key)).map(|first| first.at)
    }
}

impl From<Vec<(u128, First)>> for Seen {
    fn from(entries: Vec<(u128, First)>) -> Self {
        let mut seen = Self::default();
        for (key, first) in entries {
            // What is read back may hold anything; the first of two is the one that counted.
            if let Entry::Vacant(place) = seen.by_key.entry(key) {
                place.insert(first);
                seen.order.push_back(key);
            }
        }
        seen
    }
}

impl From<Seen> for Vec<(u128, First)> {
    fn from(seen: Seen) -> Self {
        let Seen { mut by_key, order } = seen;
        order.into_iter().filter_map(|key| by_key.remove(&key).map(|first| (key, first))).collect()
    }
}

fn short(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&Sha256::digest(bytes)[..16]);
    out
}

fn key(source: &str, id: &str) -> u128 {
    let source = if bugs::has(Bug::SeenWhateverTheSource) { "" } else { source };
    // A length in front keeps ("a", "bc") and ("ab", "c") apart.
    u128::from_be_bytes(short(format!("{}:{source}{id}", source.len()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_with_other_content_is_a_conflict_and_an_old_one_is_forgotten() {
        let mut seen = Seen::default();
        seen.note(("pbx", "1", "a"), Timestamp(0), 1, 0, None);
        assert!(matches!(seen.look("pbx", "1", "a"), Sight::Again(first) if first.seq == 1));
        assert_eq!(seen.look("pbx", "1", "b"), Sight::Conflict);
        assert_eq!(seen.look("pb", "x1", "a"), Sight::New);
        seen.note(("pbx", "2", "a"), Timestamp(0) + WINDOW + Millis(1), 2, 0, None);
        assert_eq!(seen.look("pbx", "1", "a"), Sight::New);
        let copy = Seen::from(Vec::from(seen.clone()));
        assert_eq!(copy, seen);
    }

    #[test]
    fn an_event_that_is_kept_twice_is_read_once() {
        let mut seen = Seen::default();
        seen.note(("pbx", "1", "a"), Timestamp(0), 1, 0, None);
        let once = Vec::from(seen.clone());
        let twice = Seen::from([once.clone(), once].concat());
        assert_eq!(twice, seen);
    }
}
