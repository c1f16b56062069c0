//! Decides what is published about customers, promises, rules, sources and refused messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, Promise, Standing};
use super::{Body, Target};
use crate::contract::code::Code;

/// A customer's standing with the company changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValuedChanged {
    /// Who.
    pub customer: String,
    /// Valued now, or no longer.
    pub valued: bool,
    /// The score that decided it.
    pub score: i64,
}

/// A promise was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationMissed {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// What was promised.
    pub promise: Promise,
    /// How long the customer waited.
    pub waited_ms: u32,
    /// Who served, if anybody.
    pub agent: Option<String>,
    /// What she was to this contact.
    pub standing: Option<Standing>,
}

/// A rule set is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesActivated {
    /// Its SHA-256.
    pub rules: String,
    /// Its number, counted by activation from 1.
    pub number: u32,
    /// Who activated it.
    pub by: Option<String>,
}

/// A source is silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceLost {
    /// Which.
    pub source: String,
    /// For how long.
    pub silent_ms: u32,
}

/// A message was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandRejected {
    /// The message's source.
    pub source: String,
    /// The message's id.
    pub id: String,
    /// The message's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why, by a code of the contract.
    pub code: Code,
    /// What exactly, in a sentence.
    pub detail: String,
    /// The contact it was about.
    pub contact: Option<String>,
    /// The agent it was about.
    pub agent: Option<String>,
    /// The contact's own published sequence, where the contact is known.
    pub seq: Option<u64>,
}

impl Body for ValuedChanged {
    fn target(&self) -> Target<'_> {
        Target { other: Some(&self.customer), ..Target::default() }
    }
}

impl Body for ExpectationMissed {
    fn target(&self) -> Target<'_> {
        Target { agent: self.agent.as_deref(), ..self.about.target() }
    }
}

impl Body for RulesActivated {
    fn target(&self) -> Target<'_> {
        Target { other: Some(&self.rules), ..Target::default() }
    }
}

impl Body for SourceLost {
    fn target(&self) -> Target<'_> {
        Target { other: Some(&self.source), ..Target::default() }
    }
}

impl Body for CommandRejected {
    fn target(&self) -> Target<'_> {
        Target { contact: self.contact.as_deref(), agent: self.agent.as_deref(), ..Target::default() }
    }
}
