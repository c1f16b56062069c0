//! Decides whether what is to be written, or was read, follows what a journal holds.

use crate::shard::ports::{Batch, Head, StoreError};

/// Refuses a batch whose records do not follow each other right behind `expected`.
pub(super) fn check_batch(expected: &Head, batch: &Batch) -> Result<(), StoreError> {
    let mut next = expected.seq;
    for entry in &batch.entries {
        next += 1;
        if entry.seq != next {
            return Err(StoreError::Damaged {
                what: format!("a batch has record {} in the place of {next}", entry.seq),
            });
        }
    }
    Ok(())
}

/// Refuses records that do not follow each other between the trimmed part of a journal and its end.
///
/// `seqs` are what a read behind `after` found, `limit` what it asked for.
pub(super) fn check_read(
    seqs: impl Iterator<Item = u64>,
    after: u64,
    trimmed: u64,
    end: u64,
    limit: usize,
) -> Result<(), StoreError> {
    let first = after.max(trimmed) + 1;
    let mut next = first;
    for seq in seqs {
        if seq != next || seq > end {
            return Err(StoreError::Damaged {
                what: format!("the journal, which ends at {end}, has record {seq} in the place of {next}"),
            });
        }
        next += 1;
    }
    let wanted = (end + 1).saturating_sub(first).min(limit as u64);
    if next - first < wanted {
        return Err(StoreError::Damaged { what: format!("the journal ends at {end}, but record {next} is missing") });
    }
    Ok(())
}
