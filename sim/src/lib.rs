//! Drives Picket with made-up and recorded worlds, and judges what comes out.
//!
//! Nothing here is used by the daemon when it routes.

pub mod check;
pub mod feed;
pub mod message;
pub mod output;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod simulate;
pub mod week;
pub mod world;
