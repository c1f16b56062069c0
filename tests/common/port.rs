//! Decides where the servers of a test listen: on ports that no outgoing connection takes in the meantime.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that the system gives to connections: a server that is killed finds its port free when it is started again.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// A port that is free, and given once by this process. Processes at the same time begin at different ones.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let span = PORTS.end - PORTS.start;
    let begin = std::process::id().wrapping_mul(2_654_435_761) % span;
    let ports = (0..span).map(|_| PORTS.start + (begin + GIVEN.fetch_add(1, Ordering::Relaxed)) % span);
    let mut free = ports.filter_map(|port| u16::try_from(port).ok()).filter(|port| {
        // Whoever listens on all addresses has it, too.
        TcpListener::bind(("127.0.0.1", *port)).is_ok() && TcpListener::bind(("0.0.0.0", *port)).is_ok()
    });
    free.next().expect("a port is free")
}
