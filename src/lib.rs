//! Picket: an omnichannel contact router.
//!
//! The core decides, the journal remembers, the shell does.

pub mod cli;
pub mod clock;
pub mod contract;
pub mod settings;
pub mod shard;
pub mod telemetry;
