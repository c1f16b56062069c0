//! Decides what the daemon says about itself: log lines and metrics, never with personal data in them.

mod labels;
mod log;
mod metrics;
mod redact;

pub use labels::{CommitResult, InputResult, Presence, Reload};
pub use log::{Error, start};
pub use metrics::{CONTENT_TYPE, Gauges, Metrics};
pub use redact::Personal;
