//! Whatever stands in a journal, reading it answers, and what reads is replayed and written as it was read.
//!
//! A seed is a line of JSON for each record; behind a first line `kept`, they follow the journal that is kept for
//! `tests/formats.rs`, otherwise they begin one. A line is read as it is, and again with the place in the journal that it would
//! need, so that a change in one does not cut off those behind.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use picket_fuzz::kept;
use picket_fuzz::shard::ShardState;
use picket_fuzz::shard::ports::Entry;
use picket_fuzz::shard::record::{Record, digest};
use picket_fuzz::shard::snapshot::decode;
use serde_json::Value;

static KEPT: LazyLock<ShardState> = LazyLock::new(|| decode(&kept::snapshot()).expect("what is kept reads"));

fuzz_target!(|bytes: &[u8]| {
    let (mut state, bytes) = match bytes.strip_prefix(b"kept\n") {
        Some(behind) => (KEPT.clone(), behind),
        None => (ShardState::default(), bytes),
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        let seq = state.head.seq + 1;
        let entry = |body: Vec<u8>| Entry { seq, hash: digest(&body), body: body.into() };
        let as_it_is = entry(line.to_vec());
        let entry = match Record::from_entry(&as_it_is, &state.head) {
            Ok(_) => as_it_is,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let Ok(mut placed) = serde_json::from_slice::<Value>(line) else { continue };
                if !placed.is_object() {
                    continue;
                }
                placed["seq"] = seq.into();
                placed["prev"] = state.head.hash.as_str().into();
                entry(placed.to_string().into())
            }
        };
        let Ok(record) = Record::from_entry(&entry, &state.head) else { continue };
        let written = record.to_entry().expect("a record is written");
        assert_eq!(Record::from_entry(&written, &state.head).expect("what is written reads"), record);
        state.replay(&record, &entry.hash);
    }
});
