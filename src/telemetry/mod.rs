//! Decides what the daemon says about itself: log lines and metrics, never with personal data in them.

mod labels;
mod log;
mod metrics;
mod redact;

pub use labels::{CommitResult, InputResult, Presence, Reload};
pub use log::{Error, start};
pub use metrics::{CONTENT_TYPE, Gauges, Metrics};
pub use redact::Personal;

/// An error with everything that caused it, in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
