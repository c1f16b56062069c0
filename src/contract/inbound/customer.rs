//! Decides what is known about customers and accounts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Body;
use super::bound::{list, map};
use crate::contract::value::{Id, Text};

/// How close a relationship the customer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relationship {
    /// As close as possible.
    Close,
    /// The usual.
    Standard,
    /// Valued, and wants no fence.
    ArmsLength,
}

/// The whole definition of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Put {
    /// The installation's id.
    pub customer: Id,
    /// The account they belong to.
    pub account: Option<Id>,
    /// Their name, for people.
    pub name: Option<Text>,
    /// Their addresses: numbers, mailboxes, handles.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub addresses: Vec<Text>,
    /// Their dedicated team; wins over what a team says it owns.
    pub team: Option<Id>,
    /// Their lead in that team.
    pub lead: Option<Id>,
    /// Agents they prefer.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub prefers: Vec<Id>,
    /// Agents they avoid: never offered to.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub avoids: Vec<Id>,
    /// How close a relationship they want; `standard` without it.
    pub relationship: Option<Relationship>,
    /// Their language, as BCP 47.
    pub language: Option<Text>,
    /// The fields that rules and scorecard read; at most 64.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<Id, Value>,
}

/// Erase a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Erase {
    /// The installation's id.
    pub customer: Id,
}

/// The whole definition of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountPut {
    /// The installation's id.
    pub account: Id,
    /// Its name, for people.
    pub name: Option<Text>,
    /// Addresses that belong to it and to no single customer.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub addresses: Vec<Text>,
    /// Its dedicated team; wins over what a team says it owns.
    pub team: Option<Id>,
    /// Its lead in that team.
    pub lead: Option<Id>,
    /// The fields that rules and scorecard read; at most 64.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<Id, Value>,
}

impl Body for Box<Put> {
    fn subjects(&self) -> Vec<&str> {
        vec![self.customer.as_str()]
    }
}

impl Body for Erase {
    fn subjects(&self) -> Vec<&str> {
        vec![self.customer.as_str()]
    }
}

impl Body for Box<AccountPut> {
    fn subjects(&self) -> Vec<&str> {
        vec![self.account.as_str()]
    }
}
