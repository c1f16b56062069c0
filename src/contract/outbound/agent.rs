//! Decides what is published about agents.

use std::collections::BTreeMap;

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, Target};
use crate::contract::inbound::agent::State;
use crate::contract::value::Moment;

/// An agent's state has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateChanged {
    /// Who.
    pub agent: String,
    /// What each source calls her.
    pub aliases: BTreeMap<String, String>,
    /// The channels it is about; none means all.
    pub channels: Vec<String>,
    /// The state; none where only an absence or outside work changed, or where she is back in different states by channel.
    pub state: Option<State>,
    /// Why.
    pub cause: StateCause,
    /// The reason code that was given.
    pub reason: Option<String>,
    /// From when on, for an absence.
    pub from: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// Who stands in, for an absence.
    pub deputy: Option<String>,
    /// Contacts that Picket did not route, for outside work.
    pub contacts: Option<u32>,
    /// Who said so.
    pub by: Setter,
}

/// Why an agent's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateCause {
    /// Somebody said so.
    Said,
    /// Too many offers missed in a row.
    NoAnswer,
    /// Heartbeats stopped.
    HeartbeatLost,
    /// Heartbeats are back.
    HeartbeatSeen,
    /// A timed pause ended.
    PauseOver,
    /// An absence is on record.
    Absence,
    /// The absence is over.
    AbsenceOver,
    /// Work from outside.
    Load,
}

impl From<core::StateCause> for StateCause {
    fn from(cause: core::StateCause) -> Self {
        match cause {
            core::StateCause::Said(_) => Self::Said,
            core::StateCause::NoAnswer => Self::NoAnswer,
            core::StateCause::HeartbeatLost => Self::HeartbeatLost,
            core::StateCause::PauseOver => Self::PauseOver,
        }
    }
}

impl From<core::Presence> for State {
    fn from(presence: core::Presence) -> Self {
        match presence {
            core::Presence::Offline => Self::Offline,
            core::Presence::Ready => Self::Ready,
            core::Presence::NotReady => Self::NotReady,
        }
    }
}

impl From<State> for core::Presence {
    fn from(state: State) -> Self {
        match state {
            State::Offline => Self::Offline,
            State::Ready => Self::Ready,
            State::NotReady => Self::NotReady,
        }
    }
}

/// Who set a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Setter {
    /// A platform, by its source.
    Source(String),
    /// A supervisor.
    Supervisor,
    /// Picket itself.
    Picket,
}

impl Body for StateChanged {
    fn target(&self) -> Target<'_> {
        Target { agent: Some(&self.agent), ..Target::default() }
    }
}
