//! Decides how holds are written: one duration, or `"smart"`, or one per class of channel, or one per cause.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::scalar::parse_wait;
use super::{Share, Wait};

/// The hold of a step: one duration for every class of channel, or one per class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum HoldByClass {
    /// The defaults of each class.
    #[default]
    #[schemars(skip)]
    Default,
    /// The same for every class and cause.
    All(Wait),
    /// `"smart"` on every class.
    #[schemars(skip)]
    Smart,
    /// One per class.
    Each(Classes),
}

/// Holds per class of channel; a class left out has its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// On live channels.
    pub live: Option<HoldSpec>,
    /// On messaging channels.
    pub messaging: Option<HoldSpec>,
    /// On deferred channels.
    pub deferred: Option<HoldSpec>,
}

/// A hold: one duration for every cause, or one per cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum HoldSpec {
    /// The same for every cause.
    All(Wait),
    /// `"smart"`, with its defaults.
    #[schemars(skip)]
    Smart,
    /// One per cause.
    Causes(HoldByCause),
}

/// Holds by what keeps a person; a cause left out has its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldByCause {
    /// No capacity for this channel.
    pub busy: Option<Wait>,
    /// Waits for somebody busy only while the chance that she frees up within `busy` is at least this.
    pub smart: Option<Share>,
    /// Not ready.
    pub away: Option<Wait>,
    /// An absence is on record.
    pub absent: Option<Wait>,
    /// Offline, or outside the shift.
    pub off_shift: Option<Wait>,
    /// No longer a member.
    pub left: Option<Wait>,
}

struct TextOrTable<T, U> {
    expecting: &'static str,
    smart: T,
    wait: fn(Wait) -> T,
    table: fn(U) -> T,
}

impl<'de, T, U: Deserialize<'de>> Visitor<'de> for TextOrTable<T, U> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if text == "smart" {
            return Ok(self.smart);
        }
        parse_wait(text).map(self.wait).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        U::deserialize(MapAccessDeserializer::new(map)).map(self.table)
    }
}

impl<'de> Deserialize<'de> for HoldByClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a duration, \"smart\", or a table of live, messaging and deferred";
        deserializer.deserialize_any(TextOrTable { expecting, smart: Self::Smart, wait: Self::All, table: Self::Each })
    }
}

impl<'de> Deserialize<'de> for HoldSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a duration, \"smart\", or a table of busy, away, absent, off_shift, left and smart";
        deserializer.deserialize_any(TextOrTable {
            expecting,
            smart: Self::Smart,
            wait: Self::All,
            table: Self::Causes,
        })
    }
}
