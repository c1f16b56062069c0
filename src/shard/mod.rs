//! Decides how one shard lives: take, decode, deduplicate, identify, decide, append, commit, then acknowledge and publish.

mod backoff;
pub mod bugs;
pub mod chance;
mod decide;
mod decided;
mod early;
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
mod ties;
mod time;
mod witness;
mod writer;

pub use feed::Feed;
pub use handle::{Dependency, Health, ShardHandle, ShardSide, Unavailable, pair};
pub use identify::Pepper;
pub use run::Limits;
pub use serve::Service;
pub use state::{ContactMeta, Noted, RulesInForce, ShardState, Topic, Voice};
