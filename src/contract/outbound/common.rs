//! Decides how the things that several outputs name are written.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Target;

/// Which contact an output is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// The source whose contact it is.
    pub source: String,
    /// The contact, in that source's own id.
    pub contact: String,
    /// Its channel.
    pub channel: String,
    /// Counts what was published about this contact, from 1, without gaps.
    pub seq: u64,
}

impl About {
    pub(crate) fn target(&self) -> Target<'_> {
        Target { contact: Some(&self.contact), channel: Some(&self.channel), agent: None, other: None }
    }

    pub(crate) fn target_for<'a>(&'a self, agent: &'a str) -> Target<'a> {
        Target { agent: Some(agent), ..self.target() }
    }
}

/// The fence around a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fence {
    /// Whose.
    pub team: String,
    /// Whether others may serve.
    pub state: FenceState,
}

/// Whether people outside team and covers may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FenceState {
    /// They may not.
    Closed,
    /// They may; insiders still come first.
    Open,
}

/// How much of an agent is taken, once this has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Points that this contact takes.
    pub cost: u32,
    /// Points in use, this contact included.
    pub points_in_use: u32,
    /// Points that she has.
    pub points: u32,
    /// Contacts on this channel, this one and consultations included.
    pub slots_in_use: u32,
    /// Slots that she has on this channel.
    pub slots: u32,
}

/// An expected wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The estimate.
    pub wait_ms: u32,
    /// It lies this far around it, nine times in ten.
    pub band_ms: u32,
}

/// A mirror of a vocabulary of the core: the same words, with a schema.
macro_rules! mirror {
    ($(#[doc = $doc:literal])+ $name:ident from $core:path { $($(#[doc = $vdoc:literal])+ $variant:ident,)* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $vdoc])+ $variant,)*
        }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                use $core as Core;
                match value { $(Core::$variant => Self::$variant,)* }
            }
        }
    };
}
pub(super) use mirror;

mirror! {
    /// What an agent is to a contact at that moment.
    Standing from core::Standing {
        /// The lead of the fence's team.
        Lead,
        /// Another member of the fence's team.
        Team,
        /// A member of a declared cover.
        Cover,
        /// Somebody else, through an opening.
        Outside,
        /// The contact has no fence; the queue's own agent.
        Queue,
        /// The contact has no fence; lent by a team.
        Lent,
    }
}

impl Standing {
    /// Whether she is inside the contact's fence; without a fence nobody is.
    #[must_use]
    pub const fn is_inside(self) -> bool {
        matches!(self, Self::Lead | Self::Team | Self::Cover)
    }
}

mirror! {
    /// How many agents are asked.
    OfferMode from core::OfferMode {
        /// One at a time.
        One,
        /// Every eligible free insider at once; the first accept wins.
        All,
        /// Nobody is asked; the contact is assigned.
        Auto,
    }
}

mirror! {
    /// How pressing a contact is.
    Urgency from core::Urgency {
        /// Before everything, fenced contacts included.
        Urgent,
        /// Before normal.
        High,
        /// The default.
        Normal,
        /// After normal.
        Low,
    }
}

mirror! {
    /// Whom the customer was promised.
    PromisedBy from core::PromisedBy {
        /// The lead.
        Lead,
        /// Somebody of the dedicated team.
        Team,
        /// Anyone able.
        Anyone,
    }
}

mirror! {
    /// Why a plan came to its end.
    FinalCause from core::FinalCause {
        /// Everybody is busy or away.
        Busy,
        /// Hours are over.
        ClosedHours,
        /// A holiday.
        Holiday,
        /// Nobody is there who could ever serve.
        NoCover,
    }
}

/// What the customer was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Promise {
    /// Answered within.
    pub within_ms: u32,
    /// By whom.
    pub by: PromisedBy,
}
