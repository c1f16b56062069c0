//! Decides what is remembered of how fast each line moves: the gaps from one departure to the next while somebody stood
//! in it, and who left it without being served.
//!
//! A line is what waits behind one fence or in one queue, on one channel, at one urgency. A contact leaves it when it is
//! put before somebody or assigned; the time until an offer is answered is not the line's.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Router;
use super::state::{Phase, Roll};
use crate::{ChannelId, ContactId, Timestamp, Urgency};

/// Departures remembered of each line.
const KEPT: usize = 96;

/// Which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) roll: Roll,
    pub(crate) channel: ChannelId,
    pub(crate) urgency: Urgency,
}

/// How a contact left a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Left {
    Served,
    Unserved,
}

impl Left {
    /// How it leaves by going on to a phase.
    pub(crate) const fn by(phase: Phase) -> Self {
        match phase {
            Phase::Assigned { .. } | Phase::Connected { .. } | Phase::Orphaned { .. } | Phase::WrapUp { .. } => {
                Self::Served
            }
            Phase::Waiting | Phase::Scheduled { .. } | Phase::Parked { .. } | Phase::Closed { .. } => Self::Unserved,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Departure {
    left: Left,
    waited: u32,
    /// Since the departure before, or since it stood first in an empty line.
    gap: u32,
}

/// How one line moved lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flow {
    /// At most `KEPT`, overwritten in turn.
    departures: Vec<Departure>,
    next: u8,
    /// The last one served.
    last: Timestamp,
}

/// What the departures of a line come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) served: u64,
    pub(crate) unserved: u64,
    /// Sum of the gaps before those served.
    pub(crate) gaps: u64,
    /// Sum of their squares.
    pub(crate) squares: u128,
    /// Sum of all waits.
    pub(crate) waits: u64,
    /// The last one served.
    pub(crate) last: Timestamp,
}

/// All lines in which anybody waited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flows(BTreeMap<Line, Flow>);

impl Flow {
    fn note(&mut self, at: Timestamp, joined: Timestamp, left: Left) {
        let gap = at.since(joined.max(self.last)).0;
        let departure = Departure { left, waited: at.since(joined).0, gap };
        if left == Left::Served {
            self.last = at;
        }
        if self.departures.len() < KEPT {
            self.departures.push(departure);
            return;
        }
        if let Some(slot) = self.departures.get_mut(usize::from(self.next)) {
            *slot = departure;
        }
        self.next = if usize::from(self.next) + 1 < KEPT { self.next + 1 } else { 0 };
    }

    fn pace(&self) -> Pace {
        let mut pace = Pace { last: self.last, ..Pace::default() };
        for departure in &self.departures {
            pace.waits += u64::from(departure.waited);
            match departure.left {
                Left::Served => {
                    pace.served += 1;
                    pace.gaps += u64::from(departure.gap);
                    pace.squares += u128::from(departure.gap) * u128::from(departure.gap);
                }
                Left::Unserved => pace.unserved += 1,
            }
        }
        pace
    }
}

impl Flows {
    /// How a line moved lately.
    pub(crate) fn pace(&self, line: Line) -> Pace {
        self.0.get(&line).map(Flow::pace).unwrap_or_default()
    }

    /// The channels and urgencies that anybody waited for behind a fence or in a queue.
    pub(crate) fn lines(&self, roll: Roll) -> impl Iterator<Item = Line> {
        let first = Line { roll, channel: ChannelId(0), urgency: Urgency::Urgent };
        let last = Line { roll, channel: ChannelId(u32::MAX), urgency: Urgency::Low };
        self.0.range(first..=last).map(|(line, _)| *line)
    }
}

impl Router {
    /// Notes that a contact leaves its line, if it stood in one. Who was put before somebody at once never did.
    pub(crate) fn note_departure(&mut self, at: Timestamp, id: ContactId, left: Left) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let Some(roll) = contact.roll.filter(|_| contact.is_waiting() && contact.offers.is_empty()) else { return };
        if contact.kept_since >= at {
            return;
        }
        let line = Line { roll, channel: contact.channel, urgency: contact.plan.urgency };
        let joined = contact.kept_since;
        self.flows.0.entry(line).or_default().note(at, joined, left);
    }
}
