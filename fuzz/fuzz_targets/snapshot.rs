//! Whatever a store gives as a snapshot, reading it answers, and what reads is written and reads again.
//!
//! The first byte says what the rest is: 0 a snapshot as it is stored, 1 what is behind its checksum, 2 what is behind its
//! compression, for which compression and checksum are made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_fuzz::shard::ShardState;
use picket_fuzz::shard::ports::Snapshot;
use picket_fuzz::shard::snapshot::{VERSION, decode, encode};
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let body = match first % 3 {
        0 => rest.to_vec(),
        1 => sealed(rest),
        _ => sealed(&lz4_flex::compress_prepend_size(rest)),
    };
    let head = match first % 3 {
        2 => postcard::from_bytes::<ShardState>(rest).map(|state| state.head).unwrap_or_default(),
        _ => Default::default(),
    };
    let Ok(state) = decode(&Snapshot { head, body: body.into() }) else { return };
    let written = encode(&state).expect("a state is written");
    assert_eq!(decode(&written).expect("what is written reads"), state);
});

fn sealed(packed: &[u8]) -> Vec<u8> {
    let mut body = b"picket\0".to_vec();
    body.push(VERSION);
    body.extend_from_slice(&Sha256::digest(packed));
    body.extend_from_slice(packed);
    body
}
