//! Decides how many outputs may be on their way at a time.

/// The most there are, unconfirmed.
pub(super) const MOST: usize = 256;

/// Outputs that were handed to the broker and are not confirmed: so many, from the first that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    under_way: usize,
    most: usize,
}

impl Default for Flight {
    fn default() -> Self {
        Self { under_way: 0, most: MOST }
    }
}

impl Flight {
    /// After a failure, nothing is on its way, and one goes ahead: whatever follows one that fails again may be taken, and
    /// comes twice then, before the one that failed. From there on each that is confirmed makes room for two.
    pub(super) const fn after_failure() -> Self {
        Self { under_way: 0, most: 1 }
    }

    /// How many are on their way.
    pub(super) const fn len(self) -> usize {
        self.under_way
    }

    /// How many may follow.
    pub(super) const fn room(self) -> usize {
        self.most.saturating_sub(self.under_way)
    }

    /// So many follow.
    pub(super) const fn add(&mut self, count: usize) {
        self.under_way += count;
    }

    /// So many, from the front, are out.
    pub(super) fn confirm(&mut self, count: usize) {
        self.under_way = self.under_way.saturating_sub(count);
        self.most = (self.most + count).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_one_goes_ahead_and_each_that_is_out_makes_room_for_two() {
        let mut flight = Flight::default();
        assert_eq!(flight.room(), MOST);
        flight.add(MOST);
        assert_eq!((flight.len(), flight.room()), (MOST, 0));
        flight.confirm(3);
        assert_eq!((flight.len(), flight.room()), (MOST - 3, 3));

        let mut flight = Flight::after_failure();
        let mut rounds = 0;
        while flight.room() < MOST {
            let room = flight.room();
            assert_eq!(room, 1 << rounds);
            flight.add(room);
            assert_eq!(flight.room(), 0);
            flight.confirm(room);
            rounds += 1;
        }
        assert_eq!(rounds, 8);
    }
}
