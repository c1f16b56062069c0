//! Picket: an omnichannel contact router.
//!
//! The core decides, the journal remembers, the shell does.

pub mod broker;
pub mod clock;
pub mod contract;
pub mod shard;
