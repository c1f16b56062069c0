//! Decides whether what is to be written, or was read, follows what a journal holds.

use crate::shard::ports::{Batch, Head, StoreError};

/// How an append relates to what is stored, once the token was found to be the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The journal ends where the batch begins: write it.
    Free,
    /// The batch ends where the journal ends: an earlier call wrote it and its answer was lost.
    Written,
    /// The journal ends anywhere else.
    Elsewhere,
}

/// Finds out whether a batch that begins behind `expected` still has to be written to a journal that ends at `found`.
pub(super) fn place(found: &Head, expected: &Head, batch: &Batch) -> Place {
    if found == expected {
        return Place::Free;
    }
    match batch.entries.last() {
        Some(last) if last.seq == found.seq && last.hash == found.hash => Place::Written,
        _ => Place::Elsewhere,
    }
}

/// Where the journal ends once the batch is in it.
pub(super) fn head_behind(expected: &Head, batch: &Batch) -> Head {
    batch.entries.last().map_or_else(|| expected.clone(), |last| Head { seq: last.seq, hash: last.hash.clone() })
}

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
