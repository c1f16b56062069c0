//! Decides how long a waiting contact is expected to wait, for its own people and for anyone.
//!
//! With `n` departures of its line served over gaps of `G` together, the open gap included, and `a` of those that left
//! unserved while all departures waited `W` together, a contact behind `k` others waits
//!
//! ```text
//! Σ (i = 0 … k)  1 / ((n + 1)/G + i·a/W)
//! ```
//!
//! that is: the line moves at the pace of its recent gaps, and each of those ahead may give up meanwhile (the queue-length
//! estimator with abandonment of Ibrahim and Whitt, "Real-time delay estimation based on delay history", with rates read
//! from the line itself instead of from staffing). The band is 1.645 standard deviations, of the sum and of the pace
//! together: nine times in ten. Until four departures are known the wait of the line's first stands for both, and without
//! anybody in line nothing is said.
//!
//! Measured by `core/tests/estimates` over seven cases, root mean square error ÷ mean wait: the wait of the first in line
//! 0.56, of the last served 0.63, queue length over a service rate known beforehand 0.47, this one 0.45; with 32
//! departures remembered instead of 96 it is 0.52.

use super::Router;
use super::audience::Audience;
use super::flow::{Line, Pace};
use super::lanes::{Gate, Waiting};
use super::pool::{Pool, Tie};
use super::state::{Contact, Roll};
use crate::{ChannelId, ContactId, Millis, QueueId, Standing, Timestamp, Urgency};

/// Departures below which the pace of a line is not known.
const LEAST_KNOWN: u64 = 4;

/// Terms of the sum that are added one by one; beyond, in so many parts.
const TERMS: u64 = 64;

/// An expected wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// From now on.
    pub wait: Millis,
    /// It lies at most so far from it, nine times in ten.
    pub band: Millis,
}

/// What a waiting contact is expected to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimates {
    /// For team and covers; `None` without a fence, or while nothing is known.
    pub own: Option<Estimate>,
    /// For anyone who may serve, the queue's people included even while a fence is closed: what an opening would bring.
    pub any: Option<Estimate>,
}

/// What stands before a place in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ahead {
    contacts: u64,
    /// The first of them, and when it joined.
    first: Option<(Waiting, Timestamp)>,
}

impl Ahead {
    fn add(&mut self, contacts: u64, first: Option<(Waiting, Timestamp)>) {
        self.contacts += contacts;
        self.first = [self.first, first].into_iter().flatten().min();
    }
}

fn millis(span: u128) -> Millis {
    Millis(u32::try_from(span).unwrap_or(u32::MAX))
}

impl Pace {
    /// The wait behind others, and its band.
    fn estimate(&self, ahead: Ahead, joined: Timestamp, now: Timestamp) -> Option<Estimate> {
        let first = ahead.first.map(|(_, joined)| joined);
        if self.served < LEAST_KNOWN {
            let waited = now.since(first?);
            return Some(Estimate { wait: waited, band: waited });
        }
        let open = now.since(self.last.max(first.unwrap_or(joined)));
        let gaps = u128::from(self.gaps) + u128::from(open.0);
        let (served, unserved, waits) =
            (u128::from(self.served) + 1, u128::from(self.unserved), u128::from(self.waits).max(1));
        let (mut wait, mut squares) = (0_u128, 0_u128);
        let places = ahead.contacts + 1;
        let parts = places.min(TERMS);
        for part in 0..parts {
            let (from, to) = (places * part / parts, places * (part + 1) / parts);
            let (count, middle) = (u128::from(to - from), u128::from((from + to - 1) / 2));
            let term = gaps * waits * 1000 / (served * waits + middle * unserved * gaps).max(1);
            wait += count * term;
            squares += count * term * term;
        }
        // Thousandths of a millisecond until here. The squared coefficient of variation of a gap, in thousandths:
        let mean_square = (gaps * gaps / (served * served)).max(1);
        let variation = (self.squares * 1000 / served / mean_square).saturating_sub(1000).clamp(250, 4000);
        let variance = (squares + wait * wait / served) / 1000 * variation;
        Some(Estimate { wait: millis(wait / 1000), band: millis(variance.isqrt() * 1645 / 1_000_000) })
    }
}

impl Router {
    /// What a waiting contact is expected to wait from now on; `None` if it does not wait. Nothing of it is journaled.
    #[must_use]
    pub fn estimates(&self, id: ContactId, now: Timestamp) -> Option<Estimates> {
        let contact = self.contacts.get(id.index()).filter(|contact| contact.is_waiting())?;
        let asked = |inside: bool| {
            contact
                .offers
                .iter()
                .filter_map(|offer| self.offers.get(offer))
                .any(|offer| !inside || matches!(offer.standing, Standing::Lead | Standing::Team | Standing::Cover))
        };
        let zero = Some(Estimate::default());
        let own = match contact.fence {
            None => None,
            Some(_) if asked(true) => zero,
            Some(fence) => self.estimate_in(contact, Line::of(contact, Roll::Team(fence.team)), now),
        };
        let any = if asked(false) {
            zero
        } else {
            let queue = self.estimate_in(contact, Line::of(contact, Roll::Queue(contact.plan.queue)), now);
            // Insiders serve it still: whoever is sooner.
            [own, queue].into_iter().flatten().min_by_key(|estimate| (estimate.wait, estimate.band))
        };
        Some(Estimates { own, any })
    }

    /// What one more contact without a fence is expected to wait in a queue.
    #[must_use]
    pub fn newcomer_estimate(
        &self,
        queue: QueueId,
        channel: ChannelId,
        urgency: Urgency,
        now: Timestamp,
    ) -> Option<Estimate> {
        let line = Line { roll: Roll::Queue(queue), channel, urgency };
        let ahead = self.ahead_in(line, None);
        let is_free = [Tie::Own, Tie::Lent].iter().any(|tie| self.pools.len(Pool::Free(queue, channel, *tie)) > 0);
        if is_free && ahead.contacts == 0 {
            return Some(Estimate::default());
        }
        self.flows.pace(line).estimate(ahead, now, now)
    }

    /// What one more contact would wait in a queue, by channel and urgency, where anybody waited lately.
    pub fn queue_estimates(
        &self,
        queue: QueueId,
        now: Timestamp,
    ) -> impl Iterator<Item = (ChannelId, Urgency, Estimate)> {
        self.flows.lines(Roll::Queue(queue)).filter_map(move |line| {
            let estimate = self.newcomer_estimate(queue, line.channel, line.urgency, now)?;
            Some((line.channel, line.urgency, estimate))
        })
    }

    fn estimate_in(&self, contact: &Contact, line: Line, now: Timestamp) -> Option<Estimate> {
        let ahead = self.ahead_in(line, Some(contact));
        self.flows.pace(line).estimate(ahead, contact.kept_since, now)
    }

    /// Who stands in a line before a contact, or in all of it.
    fn ahead_in(&self, line: Line, before: Option<&Contact>) -> Ahead {
        match line.roll {
            Roll::Team(_) => self.ahead_in_team(line, before),
            Roll::Queue(queue) => self.ahead_in_queue(line, queue, before),
        }
    }

    /// Few wait behind one fence: they are counted.
    fn ahead_in_team(&self, line: Line, before: Option<&Contact>) -> Ahead {
        let mut ahead = Ahead::default();
        for (_, id) in self.lanes.roll(line.roll).into_iter().flatten() {
            let Some(contact) = self.contacts.get(id.index()) else { continue };
            let is_before = before.is_none_or(|own| Waiting::of(contact) < Waiting::of(own));
            if is_before && contact.offers.is_empty() && Line::of(contact, line.roll) == line {
                ahead.add(1, Some((Waiting::of(contact), contact.kept_since)));
            }
        }
        ahead
    }

    /// Many may wait in a queue: whole lanes are counted where they can be.
    fn ahead_in_queue(&self, line: Line, queue: QueueId, before: Option<&Contact>) -> Ahead {
        let mut ahead = Ahead::default();
        let entry = before.map(Waiting::of);
        for (_, lane) in self.lanes.of(Audience::Queue(queue)) {
            let is_behind_a_fence = matches!(lane.key.fence, Some((_, Gate::Closed)));
            if is_behind_a_fence || lane.key.channel != line.channel || lane.key.urgency != line.urgency {
                continue;
            }
            let contacts = match (entry, lane.waiting.last()) {
                (Some(entry), Some(last)) if last >= entry => lane.waiting.before(entry),
                _ => lane.waiting.len(),
            };
            let first = lane.waiting.head().filter(|_| contacts > 0);
            let first =
                first.and_then(|(first, _)| Some((first, self.contacts.get(first.contact.index())?.kept_since)));
            ahead.add(contacts as u64, first);
        }
        ahead
    }
}

impl Line {
    const fn of(contact: &Contact, roll: Roll) -> Self {
        Self { roll, channel: contact.channel, urgency: contact.plan.urgency }
    }
}
