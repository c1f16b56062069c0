//! Decides which number an outside name has: the next one of its kind, at its first journaled appearance.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// What a name names. Each kind counts for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A contact, written `<source> <contact>`: ids have no spaces.
    Contact,
    /// An agent.
    Agent,
    /// A dedicated team.
    Team,
    /// A queue.
    Queue,
    /// A skill.
    Skill,
    /// A channel.
    Channel,
    /// A customer, by keyed hash.
    Customer,
    /// A matter.
    Matter,
    /// A thread, written `<source> <thread>`.
    Thread,
    /// A reason code.
    Reason,
    /// A source.
    Source,
    /// A role inside a team.
    Role,
    /// A calendar.
    Calendar,
    /// A destination of a diversion.
    Destination,
}

/// A name at its first appearance, as the journal records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// What it names.
    pub kind: Kind,
    /// The outside text, 1–300 printable ASCII bytes.
    pub text: String,
}

/// The table of names. Numbers are dense per kind, start at 0, and are never reused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    by_kind: BTreeMap<Kind, Table>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Table {
    numbers: BTreeMap<String, u32>,
    texts: BTreeMap<u32, String>,
    next: u32,
}

impl Names {
    /// The number of a name that has appeared before.
    #[must_use]
    pub fn find(&self, kind: Kind, text: &str) -> Option<u32> {
        self.by_kind.get(&kind)?.numbers.get(text).copied()
    }

    /// The text behind a number.
    #[must_use]
    pub fn text(&self, kind: Kind, number: u32) -> Option<&str> {
        self.by_kind.get(&kind)?.texts.get(&number).map(String::as_str)
    }

    /// The number of a name; a new one is added and appended to `fresh` for the journal.
    pub fn intern(&mut self, kind: Kind, text: &str, fresh: &mut Vec<Name>) -> u32 {
        if let Some(number) = self.find(kind, text) {
            return number;
        }
        let name = Name { kind, text: String::from(text) };
        let number = self.apply(&name);
        fresh.push(name);
        number
    }

    /// Takes back names just interned, because nothing came of the input that brought them.
    pub fn rollback(&mut self, fresh: &mut Vec<Name>) {
        while let Some(name) = fresh.pop() {
            if let Some(table) = self.by_kind.get_mut(&name.kind)
                && let Some(number) = table.numbers.remove(&name.text)
            {
                table.texts.remove(&number);
                table.next = number;
            }
        }
    }

    /// Adds a name that the journal records as new; the same name twice keeps its number.
    pub fn apply(&mut self, name: &Name) -> u32 {
        let table = self.by_kind.entry(name.kind).or_default();
        if let Some(number) = table.numbers.get(&name.text) {
            return *number;
        }
        let number = table.next;
        table.next += 1;
        table.numbers.insert(name.text.clone(), number);
        table.texts.insert(number, name.text.clone());
        number
    }

    /// Forgets a name whose thing is gone for good (a closed contact); its number is not given again.
    pub fn forget(&mut self, kind: Kind, number: u32) {
        if let Some(table) = self.by_kind.get_mut(&kind)
            && let Some(text) = table.texts.remove(&number)
        {
            table.numbers.remove(&text);
        }
    }

    /// Every known name of a kind with its number, in order of number.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = (u32, &str)> {
        self.by_kind.get(&kind).into_iter().flat_map(|table| table.texts.iter().map(|(n, t)| (*n, t.as_str())))
    }
}
