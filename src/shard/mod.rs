//! Decides how one shard lives: take, decode, deduplicate, identify, decide, append, commit, then acknowledge and publish.

mod backoff;
mod decide;
mod decided;
pub mod feed;
mod handle;
mod identify;
mod intake;
mod keeper;
mod lease;
mod measure;
mod outlet;
mod overlay;
pub mod ports;
mod publisher;
pub mod record;
mod recover;
mod replan;
mod run;
mod seen;
mod serve;
pub mod snapshot;
mod state;
mod suspects;
mod time;
mod witness;
mod writer;

pub use feed::Feed;
#[cfg(test)]
pub(crate) use handle::ShardSide;
pub(crate) use handle::pair;
pub use handle::{Dependency, Health, ShardHandle, Unavailable};
pub use identify::Pepper;
pub use run::Limits;
pub(crate) use serve::Service;
pub use state::{ContactMeta, Noted, RulesInForce, ShardState, Topic, Voice};
