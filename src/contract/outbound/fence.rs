//! Decides what is published about fences and reserves.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, mirror};
use super::{Body, Target};
use crate::contract::inbound::control::FenceReason;

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
}

/// Why a fence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetBecause {
    /// The plan says so.
    Plan,
    /// A supervisor closed it again.
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

impl Body for Reserve {
    fn target(&self) -> Target<'_> {
        Target { other: Some(&self.team), ..Target::default() }
    }
}
