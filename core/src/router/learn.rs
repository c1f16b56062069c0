//! Decides what is remembered of how long contacts lasted: the latest handling times of each agent and channel, from
//! which the chance is read that one which has lasted so long ends within the time that is left.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Router;
use super::state::{Agent, Contact, Phase};
use crate::{AgentId, ChannelId, ContactId, Timestamp};

/// Handling times remembered of one agent on one channel.
pub(crate) const OF_AGENT: usize = 32;

/// Handling times remembered of one channel, whoever handled.
pub(crate) const OF_CHANNEL: usize = 128;

/// The channel's experience counts as so many contacts of the agent's own.
const CHANNEL_WEIGHT: u64 = 4;

/// Below so many handling times of a channel nothing is known.
const LEAST_KNOWN: usize = 8;

/// The latest of something, in milliseconds; the oldest is overwritten first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest {
    spans: Vec<u32>,
    next: u16,
}

impl Latest {
    fn push(&mut self, span: u32, most: usize) {
        if self.spans.len() < most {
            self.spans.push(span);
            return;
        }
        if let Some(slot) = self.spans.get_mut(usize::from(self.next)) {
            *slot = span;
        }
        self.next = if usize::from(self.next) + 1 < most { self.next + 1 } else { 0 };
    }

    /// The same spans, the shortest first.
    fn sorted(&self) -> Vec<u32> {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        spans
    }
}

/// What is known of how long an agent's contacts on a channel last.
#[derive(Clone, Debug)]
pub(crate) struct Experience {
    own: Vec<u32>,
    channel: Vec<u32>,
}

/// How many lasted longer than `from`, and how many of those no longer than `to`.
fn outlasting(sorted: &[u32], from: u32, to: u32) -> (u64, u64) {
    let first = sorted.partition_point(|span| *span <= from);
    let last = sorted.partition_point(|span| *span <= to).max(first);
    ((sorted.len() - first) as u64, (last - first) as u64)
}

impl Experience {
    /// Whether it says anything.
    pub(crate) fn is_known(&self) -> bool {
        self.channel.len() >= LEAST_KNOWN
    }

    /// The chance, in thousandths, that a contact which has lasted `from` ends by the time it has lasted `to`: the share
    /// of those that lasted longer than `from`, her own counted with four of the channel's. It falls as `from` grows.
    pub(crate) fn chance(&self, from: u32, to: u32) -> u32 {
        let (outlast, end) = outlasting(&self.own, from, to);
        let (of_channel, ends) = outlasting(&self.channel, from, to);
        // Longer than anything known of the channel: nothing says that it will end soon.
        let of_channel = of_channel.max(1);
        let permille = (end * of_channel + CHANNEL_WEIGHT * ends) * 1000 / ((outlast + CHANNEL_WEIGHT) * of_channel);
        u32::try_from(permille).unwrap_or(1000)
    }
}

impl Agent {
    fn lasted_on(&self, channel: ChannelId) -> Option<&Latest> {
        self.lasted.iter().find(|(own, _)| *own == channel).map(|(_, latest)| latest)
    }
}

impl Router {
    /// What is known of an agent's contacts on a channel.
    pub(crate) fn experience(&self, agent: &Agent, channel: ChannelId) -> Experience {
        let own = agent.lasted_on(channel).map(Latest::sorted).unwrap_or_default();
        let channel = self.lasted.get(channel.index()).map(Latest::sorted).unwrap_or_default();
        Experience { own, channel }
    }

    /// Remembers how long an agent had a contact that she has no longer.
    pub(crate) fn note_lasted(&mut self, at: Timestamp, id: ContactId, agent: AgentId, before: Phase) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        // Of an agent who was lost nobody knows when she was done.
        if matches!(before, Phase::Orphaned { .. }) {
            return;
        }
        let (span, channel) = (at.since(contact.kept_since).0, contact.channel);
        if let Some(agent) = self.agents.get_mut(agent.index()) {
            if agent.lasted_on(channel).is_none() {
                agent.lasted.push((channel, Latest::default()));
            }
            if let Some((_, latest)) = agent.lasted.iter_mut().find(|(own, _)| *own == channel) {
                latest.push(span, OF_AGENT);
            }
        }
        match self.lasted.get_mut(channel.index()) {
            Some(latest) => latest.push(span, OF_CHANNEL),
            None => {
                let mut latest = Latest::default();
                latest.push(span, OF_CHANNEL);
                self.lasted.insert(channel.index(), latest);
            }
        }
    }
}

impl Contact {
    /// When its agent is done with it at the latest, if that is known: after-contact work ends by itself.
    pub(crate) const fn free_by(&self) -> Option<Timestamp> {
        if let Phase::WrapUp { until, .. } = self.phase { Some(until) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_chance_falls_as_a_contact_lasts_and_is_nothing_beyond_all_that_is_known() {
        let known = Experience { own: vec![60, 120, 240], channel: (1..=20).map(|n| n * 30).collect() };
        assert!(known.is_known());
        let chances: Vec<u32> = (0..700).step_by(10).map(|from| known.chance(from, 300)).collect();
        assert!(chances.windows(2).all(|pair| pair[0] >= pair[1]), "{chances:?}");
        // Three of three of hers, and half of the channel's: (3 + 4 · 1/2) / 7.
        assert_eq!(known.chance(0, 300), 714);
        assert_eq!(known.chance(600, 900), 0);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut latest = Latest::default();
        (0..10).for_each(|span| latest.push(span, 4));
        assert_eq!(latest.sorted(), [6, 7, 8, 9]);
    }
}
