//! The daemon without its command, its broker and its durable stores, for the targets: compiled from the daemon's own
//! sources.
#![allow(dead_code, reason = "the targets use a part of it")]

#[path = "../../src/api/mod.rs"]
pub mod api;
#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/contract/mod.rs"]
pub mod contract;
pub mod kept;
#[path = "../../src/settings/mod.rs"]
pub mod settings;
#[path = "../../src/shard/mod.rs"]
pub mod shard;
pub mod store;
#[path = "../../src/telemetry/mod.rs"]
pub mod telemetry;
