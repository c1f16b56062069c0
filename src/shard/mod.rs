//! Decides how one shard lives: take, decode, deduplicate, identify, decide, append, commit, then acknowledge and publish.

pub mod feed;
pub mod ports;
