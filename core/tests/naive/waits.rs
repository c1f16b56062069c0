//! How long one more would wait in a queue: read from every departure there ever was.

use picket_core::*;

use super::people::Whom;
use super::{Case, Naive};

const REMEMBERED: usize = 96;
const LEAST: usize = 4;

/// Somebody left a line.
#[derive(Clone, Copy)]
pub(super) struct Departure {
    fence: Option<TeamId>,
    queue: QueueId,
    channel: ChannelId,
    urgency: Urgency,
    at: Timestamp,
    joined: Timestamp,
    served: bool,
}

impl Naive {
    /// Notes that a contact leaves its line, if it stood in one for any time.
    pub(super) fn note_departure(&mut self, at: Timestamp, id: ContactId, served: bool) {
        let Some(case) = self.cases.get(&id) else { return };
        if case.waits() && self.offers_of(id).is_empty() && case.kept_since < at {
            let (fence, queue, joined) = (case.closed_fence(), case.plan.queue, case.kept_since);
            let (channel, urgency) = (case.channel(), case.plan.urgency);
            self.departures.push(Departure { fence, queue, channel, urgency, at, joined, served });
        }
    }

    /// Contacts of the line, once for each step that leads there.
    fn in_line(&self, arrival: &Arrival) -> Vec<&Case> {
        let whom = Whom::Queue(arrival.plan.queue);
        let waits = |case: &&Case| {
            case.waits()
                && case.closed_fence().is_none()
                && (self.offers_of(case.id).is_empty() || case.plan.offer.mode == OfferMode::All)
                && case.channel() == arrival.channel
                && case.plan.urgency == arrival.plan.urgency
        };
        let cases = self.cases.values().filter(waits);
        cases.flat_map(|case| self.asks(case).into_iter().filter(|ask| ask.whom == whom).map(move |_| case)).collect()
    }

    pub(super) fn wait_of_one_more(&self, now: Timestamp, arrival: &Arrival) -> Option<Millis> {
        let ahead = self.in_line(arrival);
        let is_free =
            |agent: &AgentId| self.serves(*agent, arrival.plan.queue) && self.is_free(*agent, arrival.channel);
        if ahead.is_empty() && self.people.keys().any(is_free) {
            return Some(Millis::ZERO);
        }
        let first = ahead.iter().min_by_key(|case| (!case.ahead, case.arrival.since, case.id));
        let of_line = |left: &&Departure| {
            left.fence.is_none()
                && left.queue == arrival.plan.queue
                && left.channel == arrival.channel
                && left.urgency == arrival.plan.urgency
        };
        let all: Vec<&Departure> = self.departures.iter().filter(of_line).collect();
        let (mut last, mut noted) = (Timestamp(0), Vec::new());
        for left in all {
            noted.push((left.served, left.at.since(left.joined), left.at.since(left.joined.max(last))));
            if left.served {
                last = left.at;
            }
        }
        let latest = &noted[noted.len().saturating_sub(REMEMBERED)..];
        let served = latest.iter().filter(|(served, ..)| *served);
        if served.clone().count() < LEAST {
            return first.map(|case| now.since(case.kept_since));
        }
        let open = now.since(last.max(first.map_or(now, |case| case.kept_since)));
        let gaps = u128::from(open.0) + served.clone().map(|(.., gap)| u128::from(gap.0)).sum::<u128>();
        let waits = latest.iter().map(|(_, waited, _)| u128::from(waited.0)).sum::<u128>().max(1);
        let served = served.count() as u128 + 1;
        let unserved = latest.iter().filter(|(served, ..)| !served).count() as u128;
        let places = 0..=ahead.len() as u128;
        let wait: u128 =
            places.map(|place| gaps * waits * 1000 / (served * waits + place * unserved * gaps).max(1)).sum();
        Some(Millis(u32::try_from(wait / 1000).unwrap_or(u32::MAX)))
    }
}
