//! The contract, as a sender and a receiver see it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests may fail where they stand"
)]

#[path = "common/bad_inputs.rs"]
mod bad_inputs;
#[path = "common/bad_sequences.rs"]
mod bad_sequences;
#[path = "contract/documents.rs"]
mod documents;
#[path = "contract/modes.rs"]
mod modes;
#[path = "contract/outputs.rs"]
mod outputs;
#[path = "contract/properties.rs"]
mod properties;
#[path = "contract/refusals.rs"]
mod refusals;
#[path = "contract/samples.rs"]
mod samples;

use picket_core::Timestamp;

/// When everything here is received: 2026-11-23T09:00:00Z.
const NOW: Timestamp = Timestamp(1_795_424_400_000);
