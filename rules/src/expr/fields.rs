//! Decides which fields expressions may read, of what type, from which stage on.

use std::collections::BTreeMap;

use picket_core::Timestamp;

use crate::facts::{AccountFacts, CustomerFacts, Facts};
use crate::hours::Hours;

/// What an expression is evaluated against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) valued: bool,
    pub(crate) team: Option<TeamView<'a>>,
    pub(crate) now: Now,
    pub(crate) hours: &'a [Hours],
}

/// The contact's team, as expressions see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TeamView<'a> {
    pub(crate) id: &'a str,
    pub(crate) domain: &'a str,
    pub(crate) size: i64,
}

/// The time, as expressions see it: local to the contact's domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Timestamp,
    pub(crate) weekday: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) day: i64,
    pub(crate) month: i64,
}

/// Where an expression stands. Each stage may read what the stages before it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The scorecard: who is valued is not known yet.
    Scorecard,
    /// `owns`: the team is not known yet.
    Owns,
    /// Everything else.
    Rules,
}

/// What a text field holds, so that a literal compared with it can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vocabulary {
    /// Any text.
    Open,
    /// Declared topics.
    Topic,
    /// Channels.
    Channel,
    /// Domains.
    Domain,
    /// Teams.
    Team,
    /// Agents.
    Agent,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// How a field is read. What is missing reads as none, and then has its defined value.
#[derive(Clone, Copy)]
pub(crate) enum Get {
    Bool(fn(&Scope<'_>) -> Option<bool>),
    Int(fn(&Scope<'_>) -> Option<i64>),
    Text(for<'a> fn(&Scope<'a>) -> Option<&'a str>, Vocabulary),
    Texts(for<'a> fn(&Scope<'a>) -> &'a [String], Vocabulary),
}

impl std::fmt::Debug for Get {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Text(..) => "Text",
            Self::Texts(..) => "Texts",
        })
    }
}

/// A field that expressions may read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) path: &'static str,
    pub(crate) get: Get,
    pub(crate) since: Stage,
}

/// Whose attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Contact,
    Customer,
    Account,
}

impl Owner {
    pub(crate) fn parse(root: &str) -> Option<Self> {
        Some(match root {
            "contact" => Self::Contact,
            "customer" => Self::Customer,
            "account" => Self::Account,
            _ => return None,
        })
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Customer => "customer",
            Self::Account => "account",
        }
    }

    /// The attributes in this scope, if their owner is known.
    pub(crate) fn attributes<'a>(self, scope: &Scope<'a>) -> Option<&'a BTreeMap<String, String>> {
        match self {
            Self::Contact => Some(&scope.facts.contact.attributes),
            Self::Customer => scope.facts.customer.as_ref().map(|customer| &customer.attributes),
            Self::Account => scope.facts.account.as_ref().map(|account| &account.attributes),
        }
    }
}

/// The field with this path.
pub(crate) fn find(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.path == path)
}

const IDENTITIES: &[&str] = &["verified", "claimed", "matched", "ambiguous"];
const DIRECTIONS: &[&str] = &["inbound", "outbound"];
const RELATIONSHIPS: &[&str] = &["close", "standard", "arms_length"];
const STAGES: &[&str] = &["satisfied", "preference", "loyal", "advocate"];

/// The relationship of a customer who has stated none.
pub(crate) const DEFAULT_RELATIONSHIP: &str = "standard";

fn customer<'a>(scope: &Scope<'a>) -> Option<&'a CustomerFacts> {
    scope.facts.customer.as_ref()
}

fn account<'a>(scope: &Scope<'a>) -> Option<&'a AccountFacts> {
    scope.facts.account.as_ref()
}

fn relationship<'a>(scope: &Scope<'a>) -> Option<&'a str> {
    customer(scope).map(|customer| customer.relationship.as_deref().unwrap_or(DEFAULT_RELATIONSHIP))
}

fn channel<'a>(scope: &Scope<'a>) -> Option<&'a str> {
    Some(scope.facts.contact.channel.as_str()).filter(|channel| !channel.is_empty())
}

macro_rules! field {
    (contact $name:ident, $vocabulary:expr) => {
        Field {
            path: concat!("contact.", stringify!($name)),
            get: Get::Text(|scope| scope.facts.contact.$name.as_deref(), $vocabulary),
            since: Stage::Scorecard,
        }
    };
    ($owner:ident $name:ident: text, $vocabulary:expr) => {
        Field {
            path: concat!(stringify!($owner), ".", stringify!($name)),
            get: Get::Text(|scope| $owner(scope).and_then(|it| it.$name.as_deref()), $vocabulary),
            since: Stage::Scorecard,
        }
    };
    ($owner:ident $name:ident: int) => {
        Field {
            path: concat!(stringify!($owner), ".", stringify!($name)),
            get: Get::Int(|scope| $owner(scope).and_then(|it| it.$name)),
            since: Stage::Scorecard,
        }
    };
    ($owner:ident $name:ident: texts, $vocabulary:expr) => {
        Field {
            path: concat!(stringify!($owner), ".", stringify!($name)),
            get: Get::Texts(|scope| $owner(scope).map_or(&[], |it| &it.$name), $vocabulary),
            since: Stage::Scorecard,
        }
    };
    (now $name:ident) => {
        Field {
            path: concat!("now.", stringify!($name)),
            get: Get::Int(|scope| Some(scope.now.$name)),
            since: Stage::Scorecard,
        }
    };
}

/// Every field, attributes apart.
pub(crate) static FIELDS: &[Field] = &[
    Field { path: "contact.channel", get: Get::Text(channel, Vocabulary::Channel), since: Stage::Scorecard },
    field!(contact topic, Vocabulary::Topic),
    field!(contact language, Vocabulary::Open),
    field!(contact from, Vocabulary::Open),
    field!(contact to, Vocabulary::Open),
    field!(contact identity, Vocabulary::Words(IDENTITIES)),
    field!(contact direction, Vocabulary::Words(DIRECTIONS)),
    field!(contact wants, Vocabulary::Open),
    field!(contact thread, Vocabulary::Open),
    field!(contact matter, Vocabulary::Open),
    field!(contact domain, Vocabulary::Domain),
    field!(customer id: text, Vocabulary::Open),
    field!(customer account: text, Vocabulary::Open),
    Field {
        path: "customer.relationship",
        get: Get::Text(relationship, Vocabulary::Words(RELATIONSHIPS)),
        since: Stage::Scorecard,
    },
    field!(customer language: text, Vocabulary::Open),
    field!(customer channel: text, Vocabulary::Channel),
    field!(customer team: text, Vocabulary::Team),
    field!(customer lead: text, Vocabulary::Agent),
    field!(customer segment: text, Vocabulary::Open),
    field!(customer region: text, Vocabulary::Open),
    field!(customer stage: text, Vocabulary::Words(STAGES)),
    field!(customer prefers: texts, Vocabulary::Agent),
    field!(customer avoids: texts, Vocabulary::Agent),
    field!(customer lifetime_value: int),
    field!(customer frequency: int),
    field!(customer purchasing_power: int),
    field!(customer situation: int),
    field!(customer reciprocity: int),
    field!(customer influence: int),
    field!(customer complaint_power: int),
    field!(customer nuisance: int),
    field!(customer open_commitments: int),
    field!(customer recent_gaps: int),
    Field { path: "customer.valued", get: Get::Bool(|scope| Some(scope.valued)), since: Stage::Owns },
    Field {
        path: "account.id",
        get: Get::Text(|scope| scope.facts.account_id(), Vocabulary::Open),
        since: Stage::Scorecard,
    },
    field!(account team: text, Vocabulary::Team),
    field!(account lead: text, Vocabulary::Agent),
    field!(account segment: text, Vocabulary::Open),
    field!(account region: text, Vocabulary::Open),
    field!(account lifetime_value: int),
    field!(account frequency: int),
    field!(account purchasing_power: int),
    field!(account reciprocity: int),
    field!(account influence: int),
    field!(account nuisance: int),
    Field {
        path: "team.id",
        get: Get::Text(|scope| scope.team.map(|team| team.id), Vocabulary::Team),
        since: Stage::Rules,
    },
    Field {
        path: "team.domain",
        get: Get::Text(|scope| scope.team.map(|team| team.domain), Vocabulary::Domain),
        since: Stage::Rules,
    },
    Field { path: "team.size", get: Get::Int(|scope| scope.team.map(|team| team.size)), since: Stage::Rules },
    field!(now weekday),
    field!(now hour),
    field!(now minute),
    field!(now day),
    field!(now month),
];
