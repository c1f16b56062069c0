//! Decides what platforms say about agents.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::bound::{list, map};
use super::{Body, When, present};
use crate::contract::code::Code;
use crate::contract::value::{Id, Moment, Name, Text, coded};

/// Whether an agent takes contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Logged out.
    Offline,
    /// Takes contacts.
    Ready,
    /// Logged in, takes none.
    NotReady,
}

/// An agent's state, per source and channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetState {
    /// Who, by id or alias.
    pub agent: Id,
    /// The state.
    pub state: State,
    /// The channels it is about; none means all.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub channels: Vec<Name>,
    /// A reason code of `not_ready`.
    pub reason: Option<Id>,
    /// She becomes ready again by herself.
    pub until: Option<Moment>,
}

/// An agent's absence: either `from` and `until`, or `ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// Who, by id or alias.
    pub agent: Id,
    /// From when on; it replaces an earlier absence with the same start.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// A reason code.
    pub reason: Option<Id>,
    /// Who stands in, by id or alias.
    pub deputy: Option<Id>,
    /// She is back: the absence ends now.
    #[serde(default)]
    pub ended: bool,
}

/// Work that Picket did not route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Who, by id or alias.
    pub agent: Id,
    /// On which channel.
    pub channel: Name,
    /// How many contacts.
    pub contacts: u32,
}

/// Somebody vouches for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Who, by id or alias.
    pub agent: Id,
}

/// The whole definition of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Put {
    /// The installation's id.
    pub agent: Id,
    /// Her name, for people.
    pub name: Option<Text>,
    /// What each source calls her, by source; at most 64.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub aliases: BTreeMap<Id, Id>,
    /// Points that she has; 100 without it.
    pub points: Option<u32>,
    /// What she can do, by proficiency, 1 to 10; at most 64.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub skills: BTreeMap<Id, Proficiency>,
    /// Queues that she serves as her own.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub queues: Vec<Id>,
    /// Slots that differ from the channel's, by channel; at most 64.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub slots: BTreeMap<Name, u32>,
    /// When she works, as OpenStreetMap opening hours (`Mo-Fr 08:00-16:30`).
    pub shift: Option<Text>,
}

/// A proficiency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Proficiency(#[schemars(range(min = 1, max = 10))] pub u8);

/// The agent left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// The installation's id.
    pub agent: Id,
}

impl<'de> Deserialize<'de> for Proficiency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = u8::deserialize(deserializer)?;
        if (1..=10).contains(&level) {
            return Ok(Self(level));
        }
        Err(coded(Code::InvalidValue, "a proficiency is 1 to 10"))
    }
}

macro_rules! about_an_agent {
    ($($name:ty { $($field:ident, $when:ident);* })*) => {$(
        impl Body for $name {
            fn subjects(&self) -> Vec<&str> {
                vec![self.agent.as_str()]
            }

            fn times(&self) -> Vec<(&'static str, Moment, When)> {
                present([$((stringify!($field), self.$field, When::$when)),*])
            }
        }
    )*};
}

about_an_agent! {
    SetState { until, Planned }
    Load {}
    Heartbeat {}
    Box<Put> {}
    Remove {}
}

impl Body for Absence {
    fn subjects(&self) -> Vec<&str> {
        vec![self.agent.as_str()]
    }

    fn times(&self) -> Vec<(&'static str, Moment, When)> {
        present([("from", self.from, When::Planned), ("until", self.until, When::Planned)])
    }

    fn missing(&self) -> Option<&'static str> {
        match (self.ended, self.from, self.until) {
            (true, _, _) | (false, Some(_), Some(_)) => None,
            (false, None, _) => Some("from"),
            (false, Some(_), None) => Some("until"),
        }
    }
}
