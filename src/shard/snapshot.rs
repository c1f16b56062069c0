//! Decides how a state is kept: versioned, compressed, and with a checksum that a torn or damaged one fails.

use bytes::Bytes;
use picket_core::Timestamp;
use sha2::{Digest, Sha256};

use super::forwards::Forwards;
use super::ports::Snapshot;
use super::state::ShardState;

/// The version this build writes.
pub const VERSION: u8 = 3;

/// The oldest version that this build reads.
const OLDEST: u8 = 2;

const MAGIC: [u8; 7] = [b'p', b'i', b'c', b'k', b'e', b't', 0];
const DIGEST: usize = 32;
/// Bytes that one byte of LZ4 can stand for, at most.
const EXPANSION: usize = 255;

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a snapshot of this version.
    #[error("the snapshot is of another version or no snapshot at all")]
    Foreign,
    /// It is damaged.
    #[error("the snapshot is damaged: its checksum does not fit")]
    Damaged,
    /// Its content cannot be read.
    #[error("the snapshot cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Writes a state.
///
/// # Errors
/// [`Error::Unreadable`] when it cannot be encoded, which no state does.
pub fn encode(state: &ShardState) -> Result<Snapshot, Error> {
    let plain = postcard::to_stdvec(state).map_err(|error| Error::Unreadable(Box::new(error)))?;
    let packed = lz4_flex::compress_prepend_size(&plain);
    let mut body = Vec::with_capacity(MAGIC.len() + 1 + DIGEST + packed.len());
    body.extend_from_slice(&MAGIC);
    body.push(VERSION);
    body.extend_from_slice(&Sha256::digest(&packed));
    body.extend_from_slice(&packed);
    Ok(Snapshot { head: state.head.clone(), body: Bytes::from(body) })
}

/// Reads a state back.
///
/// # Errors
/// [`enum@Error`].
pub fn decode(snapshot: &Snapshot) -> Result<ShardState, Error> {
    let (version, packed) = unseal(snapshot)?;
    // What it claims to become is allocated before it is unpacked.
    let claimed = packed.first_chunk().map_or(0, |size| u32::from_le_bytes(*size));
    if usize::try_from(claimed).is_ok_and(|claimed| claimed / EXPANSION > packed.len()) {
        return Err(Error::Damaged);
    }
    let unreadable = |error: postcard::Error| Error::Unreadable(Box::new(error));
    let mut plain = lz4_flex::decompress_size_prepended(packed).map_err(|error| Error::Unreadable(Box::new(error)))?;
    if version < 3 {
        // What the state has more by now came at its end.
        plain.extend(postcard::to_stdvec(&Forwards::default()).map_err(unreadable)?);
    }
    let (state, rest): (ShardState, _) = postcard::take_from_bytes(&plain).map_err(unreadable)?;
    if state.head == snapshot.head && rest.is_empty() { Ok(state) } else { Err(Error::Damaged) }
}

/// Whether what was written is all there.
#[must_use]
pub fn is_whole(snapshot: &Snapshot) -> bool {
    unseal(snapshot).is_ok()
}

/// The version of a snapshot, and what is packed in it.
fn unseal(snapshot: &Snapshot) -> Result<(u8, &[u8]), Error> {
    let rest = snapshot.body.strip_prefix(&MAGIC).ok_or(Error::Foreign)?;
    let (version, rest) = rest.split_first().ok_or(Error::Foreign)?;
    if !(OLDEST..=VERSION).contains(version) {
        return Err(Error::Foreign);
    }
    let (digest, packed) = rest.split_at_checked(DIGEST).ok_or(Error::Damaged)?;
    if Sha256::digest(packed)[..] == *digest { Ok((*version, packed)) } else { Err(Error::Damaged) }
}

/// Whether a new snapshot is due: `every` records, or five minutes with any at all.
#[must_use]
pub const fn due(last: (u64, Timestamp), now: (u64, Timestamp), every: u64) -> bool {
    let records = now.0.saturating_sub(last.0);
    records >= every || (records > 0 && now.1.0.saturating_sub(last.1.0) >= 300_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_reads_back_and_a_flipped_bit_anywhere_is_noticed() {
        let mut state = ShardState::default();
        state.time = Timestamp(7);
        let snapshot = encode(&state).unwrap();
        assert_eq!(decode(&snapshot).unwrap(), state);
        for at in 0..snapshot.body.len() {
            let mut body = snapshot.body.to_vec();
            body[at] ^= 1;
            let bad = Snapshot { head: snapshot.head.clone(), body: Bytes::from(body) };
            assert!(decode(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_snapshot_that_claims_more_than_it_can_hold_is_refused_before_room_is_made_for_it() {
        let packed = [255; 16];
        let body = [&MAGIC[..], &[VERSION], &Sha256::digest(packed), &packed].concat();
        let claims = Snapshot { head: Default::default(), body: body.into() };
        assert!(matches!(decode(&claims), Err(Error::Damaged)));
    }
}
