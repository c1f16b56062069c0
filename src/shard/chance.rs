//! Decides what chance is for a shard: the system's, or, in a thread that runs a simulation, that of its seed.

use std::cell::Cell;

thread_local! {
    static SEEDED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on this thread draws the numbers of a seed: the same each time.
pub fn seed(seed: u64) {
    SEEDED.set(Some(seed));
}

/// Fills with random bytes.
///
/// # Errors
/// The system gives none.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    let Some(mut state) = SEEDED.get() else { return getrandom::fill(bytes) };
    for chunk in bytes.chunks_mut(8) {
        // One step of SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (bits ^ (bits >> 31)).to_le_bytes();
        chunk.copy_from_slice(&drawn[..chunk.len()]);
    }
    SEEDED.set(Some(state));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{fill, seed};

    #[test]
    fn a_seed_gives_the_same_bytes_each_time_and_goes_on() {
        let draw = || {
            let mut bytes = [0; 12];
            fill(&mut bytes).unwrap();
            bytes
        };
        seed(7);
        let (first, second) = (draw(), draw());
        assert_ne!(first, second);
        seed(7);
        assert_eq!((draw(), draw()), (first, second));
    }
}
