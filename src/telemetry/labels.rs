//! Decides by what metrics are told apart. Every label has few values, none of which a sender chooses.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

macro_rules! labels {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl EncodeLabelValue for $name {
            fn encode(&self, to: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                match self { $(Self::$variant => EncodeLabelValue::encode(&$word, to),)* }
            }
        }
    )*};
}

labels! {
    /// What became of an input.
    pub enum InputResult {
        /// It took effect.
        Accepted = "accepted",
        /// It was seen before.
        Duplicate = "duplicate",
        /// It was refused with a code.
        Rejected = "rejected",
        /// It could not be understood, and is kept as a dead letter.
        Dead = "dead",
    }

    /// What became of an append.
    pub enum CommitResult {
        /// Committed.
        Committed = "committed",
        /// Not known; tried again.
        Retried = "retried",
        /// Another owner holds the shard.
        Lost = "lost",
    }

    /// An agent's effective state.
    pub enum Presence {
        /// Logged out.
        Offline = "offline",
        /// Takes contacts.
        Ready = "ready",
        /// Logged in, takes none.
        NotReady = "not_ready",
    }

    /// What became of a changed rule file.
    pub enum Reload {
        /// In force now.
        Activated = "activated",
        /// Its check failed; the earlier set stays in force.
        Refused = "refused",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Input {
    pub(super) r#type: &'static str,
    pub(super) result: InputResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    pub(super) r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Code {
    pub(super) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Commit {
    pub(super) result: CommitResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Shard {
    pub(super) shard: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Queue {
    pub(super) shard: String,
    pub(super) queue: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct State {
    pub(super) shard: String,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Agents {
    pub(super) shard: String,
    pub(super) state: Presence,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Dependency {
    pub(super) shard: String,
    pub(super) name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Part {
    pub(super) part: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reloaded {
    pub(super) result: Reload,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RuleSet {
    pub(super) shard: String,
    pub(super) number: u32,
    pub(super) hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    pub(super) route: String,
    pub(super) status: u16,
}
