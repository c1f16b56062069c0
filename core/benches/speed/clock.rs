//! Decides how time and memory of the bench itself are read: what the thread used, not what passed.

use std::time::{Duration, Instant};

/// When something began.
pub(crate) struct Began {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Began {
    pub(crate) fn now() -> Self {
        Self { wall: Instant::now(), cpu: thread_cpu() }
    }

    /// Time on a processor since then; what passed, where the system does not say.
    pub(crate) fn used(&self) -> Duration {
        match (self.cpu, thread_cpu()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.wall.elapsed(),
        }
    }
}

/// Brought up to date by the system's tick: good for spans of a second, not for one input.
fn thread_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// Bytes of memory that the process has.
pub(crate) fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
