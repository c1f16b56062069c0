//! Picket: an omnichannel contact router.
//!
//! The core decides, the journal remembers, the shell does.

pub mod api;
pub mod app;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod contract;
pub mod settings;
pub mod shard;
pub mod store;
pub mod telemetry;
