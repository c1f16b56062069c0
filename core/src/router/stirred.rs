//! Decides in which order contacts are looked at: in order of service, however many there are.

use core::cmp::Reverse;

use smallvec::SmallVec;

use super::Router;
use crate::{ContactId, Timestamp, Urgency};

/// What a contact is served by: urgent ones first, then those put back to the front, then the older.
type Turn = (Urgency, Reverse<bool>, Timestamp, ContactId);

/// So many are put in their places one by one; more are sorted.
const FEW: usize = 8;

/// Contacts to be looked at, the first in order of service at the end.
#[derive(Debug, Default)]
pub(super) struct Stirred(SmallVec<[Turn; 4]>);

impl Stirred {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, turn: Turn) {
        if let Err(place) = self.0.binary_search_by(|other| turn.cmp(other)) {
            self.0.insert(place, turn);
        }
    }

    fn extend(&mut self, turns: impl ExactSizeIterator<Item = Turn>) {
        if turns.len() <= FEW {
            turns.for_each(|turn| self.insert(turn));
            return;
        }
        self.0.extend(turns);
        self.0.sort_by(|one, other| other.cmp(one));
        self.0.dedup();
    }
}

impl Router {
    /// The first in order of service of the contacts to be looked at, with those that were stirred meanwhile.
    pub(super) fn next_stirred(&mut self, stirred: &mut Stirred) -> Option<ContactId> {
        if !self.work.contacts.is_empty() {
            let turns: SmallVec<[Turn; FEW]> =
                self.work.contacts.iter().filter_map(|id| self.waiting_turn(*id)).collect();
            self.work.contacts.clear();
            stirred.extend(turns.into_iter());
        }
        while let Some(turn) = stirred.0.pop() {
            match self.waiting_turn(turn.3) {
                Some(now) if now == turn => return Some(turn.3),
                // Its turn is another one since.
                Some(now) => stirred.insert(now),
                None => {}
            }
        }
        None
    }

    fn waiting_turn(&self, id: ContactId) -> Option<Turn> {
        let contact = self.contacts.get(id.index()).filter(|contact| contact.is_waiting())?;
        Some((contact.plan.urgency, Reverse(contact.ahead), contact.since, id))
    }
}
