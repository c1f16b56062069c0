//! Decides how much an agent can take: points and slots, derived from what she has, never counted up and down.

use super::Router;
use super::state::Agent;
use crate::bugs::Bug;
use crate::{AgentId, ChannelId, Presence, Timestamp};

/// What may be over the limit and still be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slots {
    Count,
    Skip,
}

/// What keeps an agent from new contacts on a channel, whatever the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// She takes contacts; whether she has room is another matter.
    Here,
    Away,
    Absent,
    OffShift,
    Left,
}

/// Whether the shift is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    Matters,
    Skip,
}

impl Agent {
    /// When she became idle on a channel.
    pub(crate) fn idle_since(&self, channel: ChannelId) -> Timestamp {
        self.idle.iter().find(|(own, _)| *own == channel).map_or(self.login, |(_, since)| (*since).max(self.login))
    }

    /// Contacts per channel that take capacity: hers, those offered, those reported from outside.
    fn taken(&self) -> impl Iterator<Item = (ChannelId, u32)> {
        let routed = self.contacts.iter().map(|(_, channel)| (*channel, 1));
        let offered = self.offers.iter().map(|(_, channel)| (*channel, 1));
        routed.chain(offered).chain(self.load.iter().copied())
    }
}

impl Router {
    /// What keeps an agent from everything on a channel.
    pub(crate) fn condition(&self, agent: &Agent, channel: ChannelId, shift: Shift) -> Condition {
        if agent.removed {
            return Condition::Left;
        }
        if agent.absences.iter().any(|absence| absence.begun) {
            return Condition::Absent;
        }
        if agent.lost || (shift == Shift::Matters && !self.is_on_shift(agent)) {
            return Condition::OffShift;
        }
        match agent.effective(channel).presence {
            Presence::Offline => Condition::OffShift,
            Presence::NotReady => Condition::Away,
            Presence::Ready => Condition::Here,
        }
    }

    fn is_on_shift(&self, agent: &Agent) -> bool {
        self.has(Bug::ShiftIgnored)
            || agent.spec.shift.is_none_or(|shift| self.hours.get(shift.index()).is_some_and(|hours| hours.open))
    }

    /// Whether an agent could take one more contact of a channel.
    pub(crate) fn is_free(&self, agent: &Agent, channel: ChannelId) -> bool {
        self.condition(agent, channel, Shift::Matters) == Condition::Here && self.has_room(agent, channel, Slots::Count)
    }

    /// Whether an agent could take a contact of any channel, with every check skipped that a step may skip.
    pub(crate) fn takes_anything(&self, agent: &Agent) -> bool {
        self.channels.iter().any(|(index, _)| {
            let channel = ChannelId(u32::try_from(index).unwrap_or(u32::MAX));
            self.condition(agent, channel, Shift::Skip) == Condition::Here && self.has_room(agent, channel, Slots::Skip)
        })
    }

    /// Whether one more contact of a channel fits into an agent's points and slots.
    pub(crate) fn has_room(&self, agent: &Agent, channel: ChannelId, slots: Slots) -> bool {
        let Some(spec) = self.channels.get(channel.index()) else { return false };
        let fits = u64::from(spec.cost).saturating_add(self.points_for(agent, channel)) <= u64::from(agent.spec.points);
        let fits = fits || (slots == Slots::Skip && self.has(Bug::BypassSkipsPoints));
        fits && (slots == Slots::Skip || self.contacts_on(agent, channel) < u64::from(self.slots_of(agent, channel)))
    }

    /// Whether what an agent has, offers included, passes her points or slots.
    pub(crate) fn is_over(&self, agent: &Agent, channel: ChannelId) -> bool {
        self.points_for(agent, channel) > u64::from(agent.spec.points)
            || self.contacts_on(agent, channel) > u64::from(self.slots_of(agent, channel))
    }

    /// Points in use as a new contact of a channel sees them: what it may interrupt counts nothing.
    pub(crate) fn points_for(&self, agent: &Agent, channel: ChannelId) -> u64 {
        agent
            .taken()
            .filter_map(|(taken, contacts)| {
                let spec = self.channels.get(taken.index())?;
                let counts = !spec.interruptible_by.contains(&channel) || self.has(Bug::NothingInterrupted);
                counts.then(|| u64::from(spec.cost) * u64::from(contacts))
            })
            .fold(0, u64::saturating_add)
    }

    /// Points in use, all told.
    pub(crate) fn points_in_use(&self, agent: &Agent) -> u64 {
        agent
            .taken()
            .filter_map(|(taken, contacts)| {
                Some(u64::from(self.channels.get(taken.index())?.cost) * u64::from(contacts))
            })
            .fold(0, u64::saturating_add)
    }

    pub(crate) fn contacts_on(&self, agent: &Agent, channel: ChannelId) -> u64 {
        agent.taken().filter(|(taken, _)| *taken == channel).map(|(_, contacts)| u64::from(contacts)).sum()
    }

    pub(crate) fn slots_of(&self, agent: &Agent, channel: ChannelId) -> u32 {
        let own = agent.spec.slots.iter().find(|(own, _)| *own == channel).map(|(_, slots)| *slots);
        own.unwrap_or_else(|| self.channels.get(channel.index()).map_or(0, |spec| spec.slots))
    }

    /// The agent of that number, if she is defined and not removed.
    pub(crate) fn live_agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(id.index()).filter(|agent| !agent.removed)
    }
}
