//! Decides what is published about offers.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, Fence, OfferMode, Standing, mirror};
use super::{Body, Target};
use crate::contract::value::Moment;

/// A contact is put before an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Made {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer; answers name it.
    pub offer: String,
    /// Before whom.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// The moment at which it is too late.
    pub expires_at: Moment,
    /// The time until then, when the offer was made.
    pub expires_in_ms: u32,
    /// What she is to this contact.
    pub standing: Standing,
    /// Whether she is inside the contact's fence; `false` without a fence.
    pub inside: bool,
    /// The fence around it, at this moment.
    pub fence: Option<Fence>,
    /// The step of the plan, from 0.
    pub step: u8,
    /// How many are asked.
    pub mode: OfferMode,
    /// How long the contact has waited, since its age began.
    pub waited_ms: u32,
    /// The customer, where known.
    pub customer: Option<String>,
    /// Where the context card is.
    pub card: Option<String>,
}

/// She took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer.
    pub offer: String,
    /// Who.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
}

/// She refused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declined {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer.
    pub offer: String,
    /// Who.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// The reason code she gave.
    pub reason: Option<String>,
}

/// Nobody answered in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expired {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer.
    pub offer: String,
    /// Who did not answer.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
}

/// Taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer.
    pub offer: String,
    /// Who was asked.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// Why.
    pub cause: RevokeCause,
}

mirror! {
    /// Why an offer is taken back.
    RevokeCause from core::RevokeCause {
        /// The contact is done, or gone elsewhere.
        ContactGone,
        /// Another agent accepted first.
        TakenByOther,
        /// The agent went away.
        AgentAway,
        /// The plan or the fence changed.
        Replanned,
        /// Over her capacity now.
        NoCapacity,
    }
}

/// The deadline moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extended {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The offer.
    pub offer: String,
    /// Who is asked.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// The new moment at which it is too late.
    pub expires_at: Moment,
}

macro_rules! bodies {
    ($($name:ty)*) => {$(
        impl Body for $name {
            fn target(&self) -> Target<'_> {
                self.about.target_for(&self.agent)
            }
        }
    )*};
}

bodies! { Box<Made> Accepted Declined Expired Revoked Extended }
