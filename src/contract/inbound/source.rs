//! Decides what sources say about themselves, and what they may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Body;
use super::agent::State;
use super::bound::list;
use crate::contract::value::{Id, Name};

/// Everything live at the source. What Picket knows and this does not name has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sync {
    /// Rises with every start of the source; an older one than the last is ignored.
    pub generation: u64,
    /// The contacts that are live.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub contacts: Vec<LiveContact>,
    /// The states of its agents.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub agents: Vec<LiveAgent>,
}

/// A contact that is live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveContact {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Who is talking to the customer, by id or alias.
    pub agent: Option<Id>,
}

/// An agent's state at the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveAgent {
    /// Who, by id or alias.
    pub agent: Id,
    /// The state.
    pub state: State,
    /// The channels it is about; none means all.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub channels: Vec<Name>,
    /// A reason code of `not_ready`.
    pub reason: Option<Id>,
}

/// The source is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// The generation of the last `source.sync`, if there was one.
    pub generation: Option<u64>,
}

/// What is live?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRequest {
    /// For this agent, by id or alias; without one for the whole source.
    pub agent: Option<Id>,
}

impl Body for Sync {
    fn subjects(&self) -> Vec<&str> {
        Vec::new()
    }
}

impl Body for Heartbeat {
    fn subjects(&self) -> Vec<&str> {
        Vec::new()
    }
}

impl Body for StateRequest {
    fn subjects(&self) -> Vec<&str> {
        self.agent.iter().map(Id::as_str).collect()
    }
}
