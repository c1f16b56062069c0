//! What is fast, each beside what it is compared with, in one run:
//! `cargo bench --bench throughput [-- core backlog herd embedded peers services largest takeover stall start]`.
//! More of the core alone, instructions and memory too: `cargo bench -p picket-core`.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

#[path = "../tests/common"]
mod common {
    pub(crate) mod daemon;
    pub(crate) mod http;
    pub(crate) mod port;
    pub(crate) mod rabbitmq;
    pub(crate) mod redis;
    pub(crate) mod wait;
}

/// The core's mix, as its own bench runs it.
#[path = "../core/benches/speed"]
#[allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "the core's bench has no clock of ours, and uses more of it"
)]
mod speed {
    pub(crate) mod calls;
    pub(crate) mod clock;
    pub(crate) mod mix;
    pub(crate) mod world;
}

mod throughput {
    pub(crate) mod alone;
    pub(crate) mod backlog;
    pub(crate) mod embedded;
    pub(crate) mod peers;
    pub(crate) mod relay;
    pub(crate) mod services;
    pub(crate) mod stall;
    pub(crate) mod start;
    pub(crate) mod table;
    pub(crate) mod takeover;
}

use throughput::table::{Row, print};
use throughput::{alone, backlog, embedded, peers, services, stall, start, takeover};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let mut rows: Vec<Row> = Vec::new();
    if runs("core") {
        rows.push(alone::measure());
    }
    if runs("backlog") {
        rows.extend(backlog::measure());
    }
    if runs("herd") {
        rows.extend(backlog::measure_herd());
    }
    if runs("embedded") {
        rows.extend(embedded::measure());
    }
    if runs("peers") {
        rows.extend(peers::measure());
    }
    if wanted.iter().any(|w| w == "largest") {
        rows.extend(peers::measure_largest());
    }
    if wanted.iter().any(|w| w == "takeover") {
        rows.extend(takeover::measure());
    }
    if wanted.iter().any(|w| w == "stall") {
        rows.extend(stall::measure());
    }
    if wanted.iter().any(|w| w == "start") {
        rows.extend(start::measure());
    }
    if runs("services") {
        rows.extend(services::measure());
    }
    print(&rows);
}
