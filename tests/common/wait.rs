//! Decides how a test waits: for a condition, in small steps, for a bounded time, saying what did not come.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::time::Duration;

use picket::clock::Monotonic;

/// Tries until there is something, or panics with what was waited for.
pub(crate) fn until<T>(what: &str, patience: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Monotonic::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(began.elapsed() < patience, "{what}: not within {} s", patience.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
