//! Decides what is said when a contact ends, or leaves for somewhere else.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, Fence, FinalCause, Standing};

/// Sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diverted {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Where to, in the platform's own words.
    pub to: String,
    /// Why.
    pub cause: FinalCause,
}

/// Gone to another domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forwarded {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Which domain has it now.
    pub to: String,
}

/// The customer gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abandoned {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// After how long, since its age began.
    pub waited_ms: u32,
    /// Whether an offer was out, or it was assigned.
    pub while_offered: bool,
}

/// Done, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// How it ended.
    pub outcome: Outcome,
    /// Who handled it last.
    pub agent: Option<String>,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// What she was to this contact.
    pub standing: Option<Standing>,
    /// How long the customer waited until connected, or until the end, since the contact's age began.
    pub waited_ms: u32,
    /// From assignment to the end, without the time it was parked.
    pub handled_ms: Option<u32>,
    /// Whether wrap-up ended by its timer.
    pub wrap_up_expired: Option<bool>,
    /// The fence around it at the end.
    pub fence: Option<Fence>,
    /// Who handled it elsewhere, or where it went, where that is known.
    pub elsewhere: Option<String>,
}

/// How a contact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An agent handled it.
    Handled,
    /// The customer gave up.
    Abandoned,
    /// Sent elsewhere.
    Diverted,
    /// The plan ended with nobody, or a call-back's tries are used up.
    Expired,
    /// Handled elsewhere, or gone.
    Withdrawn,
    /// Another domain has it.
    Forwarded,
}

impl From<core::Outcome> for Outcome {
    fn from(outcome: core::Outcome) -> Self {
        match outcome {
            core::Outcome::Handled { .. } => Self::Handled,
            core::Outcome::Abandoned { .. } => Self::Abandoned,
            core::Outcome::Diverted { .. } => Self::Diverted,
            core::Outcome::Expired => Self::Expired,
            core::Outcome::Withdrawn(_) => Self::Withdrawn,
            core::Outcome::Forwarded => Self::Forwarded,
        }
    }
}
