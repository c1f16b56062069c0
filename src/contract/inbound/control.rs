//! Decides what ops and supervisors may ask: these come over the control exchange, or HTTP with its own right.

use picket_core::FenceReason as CoreReason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, When, present};
use crate::contract::value::{Hash, Id, Moment, Text};

/// Why a fence opens: the whole list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FenceReason {
    /// Every step's hold is over.
    HoldOver,
    /// Nobody of team and covers can ever serve.
    NoCover,
    /// The longest wait is reached.
    Longest,
    /// A supervisor opened it.
    Supervisor,
    /// The customer chose a colleague now.
    CustomerChoice,
    /// Transferred out of the fence.
    Transfer,
    /// The customer is no longer valued.
    NoLongerValued,
    /// The contact turned out to be somebody else's.
    Reidentified,
}

macro_rules! reasons {
    ($($name:ident)*) => {
        impl From<CoreReason> for FenceReason {
            fn from(reason: CoreReason) -> Self {
                match reason { $(CoreReason::$name => Self::$name,)* }
            }
        }

        impl From<FenceReason> for CoreReason {
            fn from(reason: FenceReason) -> Self {
                match reason { $(FenceReason::$name => Self::$name,)* }
            }
        }
    };
}

reasons! { HoldOver NoCover Longest Supervisor CustomerChoice Transfer NoLongerValued Reidentified }

/// Open a fence by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenFence {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// By hand only `supervisor` and `customer_choice` are allowed.
    pub reason: FenceReason,
    /// Closes again by itself then; half an hour from now without it. Only with `supervisor`.
    pub until: Option<Moment>,
    /// Who opens it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Close a fence by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseFence {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// Who closes it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Assign a waiting contact by hand, inside the same checks unless it is forced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assign {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// To whom, by the installation's id.
    pub agent: Id,
    /// Past every check but that she exists: what she lacks is recorded, and a closed fence opens for somebody outside.
    /// Needs `by` and `why`.
    #[serde(default)]
    pub force: bool,
    /// Who assigns it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Take a contact from its agent; it waits again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakeBack {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// Who takes it back.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Keep a waiting contact at the step of its plan that it has reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// Ends by itself then; half an hour from now without it.
    pub until: Option<Moment>,
    /// Who holds it.
    pub by: Text,
    /// Why, in words.
    pub why: Text,
}

/// End a hold before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// Who releases it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Lend a team's people to a queue, reserve included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lend {
    /// Whose people.
    pub team: Id,
    /// To which queue.
    pub queue: Id,
    /// Ends by itself then; half an hour from now without it.
    pub until: Option<Moment>,
    /// Who lends them.
    pub by: Text,
    /// Why, in words.
    pub why: Text,
}

/// End a lending by hand before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndLend {
    /// Whose people.
    pub team: Id,
    /// To which queue they are lent.
    pub queue: Id,
    /// Who ends it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Put a stored rule set in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activate {
    /// The SHA-256 of the rule set, as it was stored.
    pub rules: Hash,
    /// Who activates it.
    pub by: Option<Text>,
    /// Why, in words.
    pub why: Option<Text>,
}

/// Move a driven clock forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advance {
    /// To this moment; an earlier one than now is `bad_time`.
    pub to: Moment,
}

macro_rules! bodies {
    ($($name:ident($subject:ident $($until:ident)?);)*) => {$(
        impl Body for $name {
            fn subjects(&self) -> Vec<&str> {
                vec![self.$subject.as_str()]
            }

            fn times(&self) -> Vec<(&'static str, Moment, When)> {
                present([$((stringify!($until), self.$until, When::Planned))?])
            }
        }
    )*};
}

bodies! {
    OpenFence(contact until);
    CloseFence(contact);
    TakeBack(contact);
    Hold(contact until);
    Release(contact);
    Lend(team until);
    EndLend(team);
}

impl Body for Assign {
    fn subjects(&self) -> Vec<&str> {
        vec![self.contact.as_str()]
    }

    fn missing(&self) -> Option<&'static str> {
        match (self.force, &self.by, &self.why) {
            (false, _, _) | (true, Some(_), Some(_)) => None,
            (true, None, _) => Some("by"),
            (true, Some(_), None) => Some("why"),
        }
    }
}

impl Body for Activate {
    fn subjects(&self) -> Vec<&str> {
        Vec::new()
    }
}

impl Body for Advance {
    fn subjects(&self) -> Vec<&str> {
        Vec::new()
    }

    fn times(&self) -> Vec<(&'static str, Moment, When)> {
        vec![("to", self.to, When::Driven)]
    }
}
