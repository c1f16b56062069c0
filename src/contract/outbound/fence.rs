//! Decides what is published about fences, reserves and teams that are lent.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, mirror};
use super::{Body, Target};
use crate::contract::inbound::control::FenceReason;
use crate::contract::value::Moment;

/// A fence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Set {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose fence.
    pub team: String,
    /// Why.
    pub because: SetBecause,
    /// Who closed it again; none when a supervisor's opening was over.
    pub by: Option<String>,
    /// Why, in words.
    pub why: Option<String>,
}

/// Why a fence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetBecause {
    /// The plan says so.
    Plan,
    /// A supervisor closed it again, or a supervisor's opening was over.
    Supervisor,
}

/// A fence has opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose fence.
    pub team: String,
    /// Why, of the whole list of reasons.
    pub reason: FenceReason,
    /// How long it held.
    pub held_ms: u32,
    /// Who was tried, and what kept each of them; at most 16.
    pub tried: Vec<Tried>,
    /// Closes again by itself then; only for openings by a supervisor.
    pub until: Option<Moment>,
    /// Who opened it, where a supervisor did.
    pub by: Option<String>,
    /// Why, in words.
    pub why: Option<String>,
}

/// Somebody who was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// Who.
    pub agent: String,
    /// The first check that failed.
    pub obstacle: Obstacle,
}

mirror! {
    /// A check that an agent failed for a contact.
    Obstacle from core::Obstacle {
        /// No capacity for this channel.
        Busy,
        /// `not_ready`.
        Away,
        /// An absence is on record.
        Absent,
        /// Offline, or outside the shift.
        OffShift,
        /// No longer a member, or removed.
        Left,
        /// A needed skill is missing or too low.
        Skill,
        /// Missed or declined this contact before.
        Excluded,
        /// The customer avoids them.
        Avoided,
        /// Kept free by the reserve.
        Reserved,
        /// Nothing: could serve.
        None,
    }
}

/// A team's reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserve {
    /// Whose.
    pub team: String,
    /// For which queue.
    pub queue: String,
}

/// A team is lent by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lent {
    /// Whose people.
    pub team: String,
    /// To which queue.
    pub queue: String,
    /// Ends by itself then.
    pub until: Moment,
    /// Who lends them.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// A lending by hand is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LendEnded {
    /// Whose people.
    pub team: String,
    /// To which queue they were lent.
    pub queue: String,
    /// Who ended it; none when its time was over.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

impl Body for Set {
    fn target(&self) -> Target<'_> {
        self.about.target()
    }
}

impl Body for Opened {
    fn target(&self) -> Target<'_> {
        self.about.target()
    }
}

macro_rules! about_a_team {
    ($($name:ident)*) => {$(
        impl Body for $name {
            fn target(&self) -> Target<'_> {
                Target { other: Some(&self.team), ..Target::default() }
            }
        }
    )*};
}

about_a_team! { Reserve Lent LendEnded }
