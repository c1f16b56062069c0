//! Decides what agents answer to offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Body;
use crate::contract::value::Id;

/// The agent takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accept {
    /// The offer, as `offer.made` named it.
    pub offer: Id,
    /// Who answers, by id or alias.
    pub agent: Id,
    /// The contact, if the source wants it checked.
    pub contact: Option<Id>,
}

/// The agent refuses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decline {
    /// The offer, as `offer.made` named it.
    pub offer: Id,
    /// Who answers, by id or alias.
    pub agent: Id,
    /// The contact, if the source wants it checked.
    pub contact: Option<Id>,
    /// A reason code.
    pub reason: Option<Id>,
}

macro_rules! answers {
    ($($name:ident)*) => {$(
        impl Body for $name {
            fn subjects(&self) -> Vec<&str> {
                [Some(&self.offer), self.contact.as_ref(), Some(&self.agent)].into_iter().flatten().map(Id::as_str).collect()
            }
        }
    )*};
}

answers! { Accept Decline }
