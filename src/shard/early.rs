//! Decides how long an end is kept whose contact has not come yet: an hour, and ten thousand of them at most.
//!
//! An hour is longer than any queue holds one event behind another, and short enough for a source that uses its ids
//! again.

use picket_core::{EarlyEnd, Millis, OutsideEnd, Timestamp};
use serde::{Deserialize, Serialize};

use super::aged::{Aged, Dated};

/// How long an end is kept.
const KEPT_FOR: Millis = Millis(3600 * 1000);
/// How many ends are kept; beyond them the oldest is forgotten.
const MOST: usize = 10_000;

/// How a source says that a contact is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The customer is gone.
    Left,
    /// Handled elsewhere, or cancelled by the platform.
    Withdrawn(OutsideEnd),
}

/// Ends whose contacts have not come yet, by the contact's name. The same records give the same ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Early(Aged<Kept>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    ending: Ending,
    /// When it was taken.
    at: Timestamp,
    /// When it happened, by the source's clock.
    said: Option<Timestamp>,
}

impl Dated for Kept {
    fn since(&self) -> Timestamp {
        self.at
    }
}

impl Early {
    /// Keeps an end, and forgets those that are too old or too many. Of several ends of one contact the first counts.
    pub(super) fn keep(&mut self, name: &str, ending: Ending, said: Option<Timestamp>, at: Timestamp) {
        self.0.make_room(at, KEPT_FOR, MOST);
        if self.0.get(name).is_none() {
            self.0.keep(name, Kept { ending, at, said });
        }
    }

    /// How a contact ended that comes only now. An end that happened before the contact began, by the same source's
    /// clock, is that of another contact, whose id is used again.
    pub(super) fn of(&self, name: &str, began: Option<Timestamp>, now: Timestamp) -> Option<EarlyEnd> {
        let kept = self.0.get(name).filter(|kept| kept.at + KEPT_FOR >= now)?;
        if began.zip(kept.said).is_some_and(|(began, ended)| ended < began) {
            return None;
        }
        Some(match kept.ending {
            Ending::Left => EarlyEnd::Abandoned { at: kept.at },
            Ending::Withdrawn(how) => EarlyEnd::Withdrawn(how),
        })
    }

    /// The contact has come.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.forget(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn left(at: i64) -> Option<EarlyEnd> {
        Some(EarlyEnd::Abandoned { at: Timestamp(at) })
    }

    #[test]
    fn an_end_is_kept_for_an_hour_and_the_first_of_several_counts() {
        let mut early = Early::default();
        early.keep("pbx 1", Ending::Left, None, Timestamp(5));
        early.keep("pbx 1", Ending::Withdrawn(OutsideEnd::Gone), None, Timestamp(6));
        assert_eq!(early.of("pbx 1", None, Timestamp(5 + HOUR)), left(5));
        assert_eq!(early.of("pbx 1", None, Timestamp(6 + HOUR)), None);
        assert_eq!(early.of("pbx 2", None, Timestamp(6)), None);
        early.keep("pbx 2", Ending::Left, None, Timestamp(6 + HOUR));
        assert_eq!(early.0.len(), 1, "what is too old is forgotten");
    }

    #[test]
    fn a_contact_that_began_after_the_end_is_another_one() {
        let mut early = Early::default();
        early.keep("pbx 1", Ending::Left, Some(Timestamp(100)), Timestamp(5));
        assert_eq!(early.of("pbx 1", Some(Timestamp(101)), Timestamp(6)), None);
        assert_eq!(early.of("pbx 1", Some(Timestamp(100)), Timestamp(6)), left(5));
        assert_eq!(early.of("pbx 1", None, Timestamp(6)), left(5));
        early.forget("pbx 1");
        assert_eq!(early, Early::default());
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let mut early = Early::default();
        for number in 0..=MOST {
            early.keep(&format!("pbx {number}"), Ending::Left, None, Timestamp(i64::try_from(number).unwrap()));
        }
        assert_eq!(early.0.len(), MOST);
        assert_eq!(early.of("pbx 0", None, Timestamp(0)), None);
        assert!(early.of("pbx 1", None, Timestamp(1)).is_some());
    }
}
