//! Decides how long lists and open maps may be, while they are read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Deserializer;

use crate::contract::code::Code;
use crate::contract::limits::Limits;
use crate::contract::value::coded;

/// Reads a list of at most [`Limits::LIST`] entries.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::deserialize(deserializer)?;
    if items.len() > Limits::LIST {
        return Err(coded(Code::ListTooLong, "the list has more than 5,000 entries; send several messages"));
    }
    Ok(items)
}

/// Reads an open map of at most [`Limits::ATTRIBUTES`] entries.
pub(super) fn map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    let map = BTreeMap::deserialize(deserializer)?;
    if map.len() > Limits::ATTRIBUTES {
        return Err(coded(Code::TooManyAttributes, "the map has more than 64 entries; send only what is used"));
    }
    Ok(map)
}
