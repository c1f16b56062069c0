//! Decides how long to wait before trying again: full jitter, doubling up to a ceiling, without an end.

use std::time::Duration;

use super::chance;

/// A back-off without an attempt limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    ceiling: Duration,
}

impl Backoff {
    /// Starts with waits of at most `first`.
    pub(crate) const fn new(first: Duration, ceiling: Duration) -> Self {
        Self { next: first, ceiling }
    }

    /// Waits a random part of the present span, and doubles it.
    pub(crate) async fn wait(&mut self) {
        let span = self.next;
        self.next = (span * 2).min(self.ceiling);
        tokio::time::sleep(span.mul_f64(share())).await;
    }
}

/// A random number from 0.1 to 1: never zero, so that nothing spins.
fn share() -> f64 {
    let mut byte = [128; 1];
    // Without randomness the middle does as well.
    let _ = chance::fill(&mut byte);
    0.1 + 0.9 * f64::from(byte[0]) / 255.0
}
