//! Decides how a sender learns what became of its event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one event, as answered over HTTP and to `reply_to`, after commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The event's id, where it could be read.
    pub id: Option<String>,
    /// The event's source, where it could be read.
    pub source: Option<String>,
    /// What became of it.
    pub result: Outcome,
    /// The stable code of a refusal, or that an accepted event is kept until its contact is received; for a duplicate,
    /// the first one's.
    pub code: Option<String>,
    /// What exactly was refused and how to mend it, or what is kept.
    pub detail: Option<String>,
    /// The journal sequence of its record; none when it was not journaled.
    pub seq: Option<u64>,
    /// The number of the shard's last output once it had taken effect: whoever has read the feed up to here has seen
    /// everything it caused at once.
    pub output: Option<u64>,
    /// What is live, in answer to `state.request`.
    pub state: Option<serde_json::Value>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect.
    Accepted,
    /// It was seen before; what is said is what was said then.
    Duplicate,
    /// It was refused, and nothing changed.
    Rejected,
    /// It was passed on to the owner of its shard and will be answered there.
    Queued,
}
