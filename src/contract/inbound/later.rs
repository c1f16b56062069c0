//! Decides the shape of messages that this version understands and refuses with `not_supported_yet`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, When, present};
use crate::contract::value::{Id, Moment, Text};

/// Something is promised to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitmentMake {
    /// Its id.
    pub commitment: Id,
    /// To whom.
    pub customer: Id,
    /// What.
    pub what: Text,
    /// By when.
    pub due: Moment,
    /// In which contact.
    pub contact: Option<Id>,
}

/// It will take until another time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitmentMove {
    /// Its id.
    pub commitment: Id,
    /// By when now.
    pub due: Moment,
    /// Why.
    pub why: Option<Text>,
}

/// It is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitmentKeep {
    /// Its id.
    pub commitment: Id,
}

/// A shortfall is looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvestigationOpen {
    /// Its id.
    pub investigation: Id,
    /// What it is about.
    pub topic: Text,
    /// Who owns it.
    pub owner: Option<Id>,
}

/// Somebody else looks into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvestigationAssign {
    /// Its id.
    pub investigation: Id,
    /// Who owns it now.
    pub owner: Id,
}

/// Something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvestigationNote {
    /// Its id.
    pub investigation: Id,
    /// What.
    pub note: Text,
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvestigationClose {
    /// Its id.
    pub investigation: Id,
    /// Why it happened.
    pub cause: Text,
    /// What was done.
    pub remedy: Text,
}

/// What the customer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerFeedback {
    /// Who says it.
    pub customer: Id,
    /// About which contact.
    pub contact: Option<Id>,
    /// From 0 (as bad as can be) to 10.
    #[schemars(range(max = 10))]
    pub score: Option<u8>,
    /// In their words.
    pub text: Option<Text>,
}

macro_rules! bodies {
    ($($name:ident, $subject:ident, $($time:ident)?;)*) => {$(
        impl Body for $name {
            fn subjects(&self) -> Vec<&str> {
                vec![self.$subject.as_str()]
            }

            fn times(&self) -> Vec<(&'static str, Moment, When)> {
                present([$((stringify!($time), Some(self.$time), When::Planned))?])
            }
        }
    )*};
}

bodies! {
    CommitmentMake, commitment, due;
    CommitmentMove, commitment, due;
    CommitmentKeep, commitment, ;
    InvestigationOpen, investigation, ;
    InvestigationAssign, investigation, ;
    InvestigationNote, investigation, ;
    InvestigationClose, investigation, ;
    CustomerFeedback, customer, ;
}
