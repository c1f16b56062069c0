//! Decides whose a shard is: which token comes next, whose writes are taken, where a batch belongs, who opens the gate.
//!
//! Nothing here reads or writes: stores and brokers ask, and act. `picket.lua` says the same in the language of Redis, and
//! one suite, `tests/store/suite.rs`, holds all stores to it. `model/` looks at every order in which it can be asked.

use super::ports::{Batch, Head, StoreError, Token};

/// What a store keeps of a shard to tell its owner from everybody else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The highest epoch given out; 0 before the first.
    pub epoch: u64,
    /// The token in force, as it is written; empty before the first.
    pub token: String,
    /// Where the journal ends.
    pub head: Head,
}

/// Where an append finds its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not there yet: the journal ended where the batch begins, and the records have to be written.
    Free,
    /// There: an earlier call wrote it, and its answer was lost.
    Written,
}

impl Ownership {
    /// Gives the shard to a new owner: with an epoch above every earlier one and above the floor. Whoever had it before
    /// has nothing any more.
    pub fn take_over(&mut self, nonce: &str, epoch_floor: u64) -> Token {
        self.epoch = self.epoch.max(epoch_floor).saturating_add(1);
        let token = Token { epoch: self.epoch, nonce: nonce.to_owned() };
        self.token = token.to_string();
        token
    }

    /// Lets the owner pass, and nobody else. The whole token counts: an epoch is given out twice when a store falls back
    /// behind the take-over that it was given out for.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub fn admit(&self, token: &Token) -> Result<(), StoreError> {
        if self.token == token.to_string() { Ok(()) } else { Err(StoreError::Fenced { stored: self.token.clone() }) }
    }

    /// Moves the head behind a batch that begins at `expected`, if the journal ends there. The same batch again changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::HeadMismatch`]: the journal ends anywhere else.
    pub fn advance(&mut self, expected: &Head, batch: &Batch) -> Result<Place, StoreError> {
        let last = batch.entries.last();
        if self.head == *expected {
            if let Some(last) = last {
                self.head = Head { seq: last.seq, hash: last.hash.clone() };
            }
            return Ok(Place::Free);
        }
        match last {
            Some(last) if last.seq == self.head.seq && last.hash == self.head.hash => Ok(Place::Written),
            _ => Err(StoreError::HeadMismatch { found: self.head.clone() }),
        }
    }
}

/// Whether an owner may open the gate, to which these tokens may be bound: not once a later owner was there.
pub fn may_open<'a>(token: &Token, known: impl IntoIterator<Item = &'a str>) -> bool {
    known.into_iter().all(|other| epoch(other) <= token.epoch)
}

fn epoch(token: &str) -> u64 {
    token.split_once(':').and_then(|(epoch, _)| epoch.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Ownership, Place, may_open};
    use crate::shard::ports::{Batch, Entry, Head, StoreError, Token};

    fn batch(seqs: std::ops::RangeInclusive<u64>) -> Batch {
        let entries = seqs.map(|seq| Entry { seq, hash: format!("h{seq}"), body: "{}".into() }).collect();
        Batch { entries, ..Batch::default() }
    }

    #[test]
    fn each_owner_has_a_higher_epoch_and_shuts_the_one_before_out() {
        let mut shard = Ownership::default();
        let first = shard.take_over("ann", 41);
        assert_eq!((first.epoch, shard.token.as_str()), (42, "42:ann"));
        let second = shard.take_over("bob", 7);
        assert_eq!(second.epoch, 43);
        assert!(shard.admit(&second).is_ok());
        let namesake = Token { epoch: 43, nonce: "cid".into() };
        for other in [first, namesake] {
            assert!(matches!(shard.admit(&other), Err(StoreError::Fenced { stored }) if stored == "43:bob"));
        }
    }

    #[test]
    fn a_batch_goes_to_the_end_of_the_journal_or_is_there_or_is_refused() {
        let mut shard = Ownership::default();
        assert_eq!(shard.advance(&Head::default(), &batch(1..=2)).unwrap(), Place::Free);
        assert_eq!(shard.head, Head { seq: 2, hash: "h2".into() });
        assert_eq!(shard.advance(&Head::default(), &batch(1..=2)).unwrap(), Place::Written);
        for other in [1..=1, 1..=3] {
            assert!(matches!(shard.advance(&Head::default(), &batch(other)), Err(StoreError::HeadMismatch { .. })));
        }
        assert_eq!(shard.head.seq, 2);
    }

    #[test]
    fn a_gate_that_a_later_owner_came_to_stays_shut() {
        let token = Token { epoch: 5, nonce: "ann".into() };
        assert!(may_open(&token, []));
        assert!(may_open(&token, ["4:bob", "5:ann", "5:cid"]));
        assert!(!may_open(&token, ["4:bob", "6:bob"]));
    }
}
