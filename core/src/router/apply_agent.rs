//! Decides what an event about an agent changes.

use super::Router;
use super::audience::Audience;
use super::pool::Gain;
use super::state::{Absence, Agent, Said};
use crate::bugs::Bug;
use crate::{AgentFact, AgentId, ChannelId, ExpectedPresence, Presence, StateCause, StateSetter, Timestamp};

impl Agent {
    /// The state that counts on a channel: a supervisor's word, else that she missed offers, else the latest about it. A
    /// word about all channels leaves standing what other sources said about single ones.
    pub(crate) fn effective(&self, channel: ChannelId) -> Said {
        let over = self.over_of.iter().find(|(own, _)| *own == channel).map(|(_, said)| *said).or(self.over);
        let said = || self.said_of.iter().find(|(own, _)| *own == channel).map_or(self.said, |(_, said)| *said);
        over.or(self.missed).unwrap_or_else(said)
    }

    /// Counts a no-answer.
    pub(super) fn miss(&mut self, channel: ChannelId) {
        match self.misses.iter_mut().find(|(own, _)| *own == channel) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.misses.push((channel, 1)),
        }
    }

    /// Whether she is logged in on any channel.
    fn is_in(&self) -> bool {
        self.said.presence != Presence::Offline
            || self.said_of.iter().any(|(_, said)| said.presence != Presence::Offline)
    }
}

impl Router {
    pub(super) fn apply_agent(&mut self, at: Timestamp, id: AgentId, fact: &AgentFact) {
        let is_load_forgotten = self.has(Bug::LoadForgotten);
        let Some(agent) = self.agents.get_mut(id.index()) else { return };
        match fact {
            AgentFact::StateChanged { channels, presence, cause, until, by } => {
                let said = Said { presence: *presence, cause: *cause, until: *until, by: *by, at };
                set_state(agent, channels, said);
            }
            AgentFact::AbsenceSet { from, until, reason, deputy } => {
                agent.absences.retain(|known| known.from != *from);
                let absence = Absence { from: *from, until: *until, reason: *reason, deputy: *deputy, begun: false };
                agent.absences.push(absence);
                agent.absences.sort_unstable_by_key(|absence| absence.from);
            }
            AgentFact::AbsenceBegan => {
                agent.absences.iter_mut().filter(|absence| absence.from <= at).for_each(|absence| absence.begun = true);
            }
            AgentFact::AbsenceEnded => agent.absences.retain(|absence| !absence.begun),
            AgentFact::LoadReported { channel, contacts } => {
                agent.load.retain(|(own, _)| own != channel);
                if *contacts > 0 && !is_load_forgotten {
                    agent.load.push((*channel, *contacts));
                } else {
                    agent.idle.retain(|(own, _)| own != channel);
                    agent.idle.push((*channel, at));
                }
            }
            AgentFact::Vouched(ExpectedPresence::Lost) => agent.lost = true,
            AgentFact::Vouched(ExpectedPresence::Seen) => agent.lost = false,
        }
        let ended = matches!(fact, AgentFact::AbsenceEnded) && !self.has(Bug::DeputyKept);
        if ended || matches!(fact, AgentFact::AbsenceSet { .. } | AgentFact::AbsenceBegan) {
            self.review_deputies(id);
        }
        self.reindex(id, Gain::Possible);
        self.stir_around(id);
    }

    /// Looks again at the contacts whose step depends on what this agent does.
    pub(super) fn stir_around(&mut self, id: AgentId) {
        if self.has(Bug::HoldNotLookedAtAgain) {
            return;
        }
        let Some(agent) = self.agents.get(id.index()) else { return };
        let mut stirred: alloc::vec::Vec<_> = alloc::vec::Vec::new();
        for audience in self.audiences(agent) {
            stirred.extend(self.lanes.watchers(audience));
        }
        stirred.into_iter().for_each(|contact| self.stir(contact));
    }

    /// Looks again who stands in for whom, after one agent's absences changed.
    pub(super) fn review_deputies(&mut self, changed: AgentId) {
        if self.deputy(changed).is_some() {
            self.absent.insert(changed);
        } else {
            self.absent.remove(&changed);
        }
        let pairs = self.absent.iter().filter_map(|absent| self.deputy(*absent).map(|deputy| (deputy, *absent)));
        let mut pairs: alloc::vec::Vec<(AgentId, AgentId)> = pairs.collect();
        pairs.sort_unstable();
        let mut concerned: alloc::vec::Vec<AgentId> = self.deputies.iter().copied().collect();
        concerned.extend(pairs.iter().map(|(deputy, _)| *deputy));
        concerned.sort_unstable();
        concerned.dedup();
        for id in concerned {
            let wanted = pairs.iter().filter(|(deputy, _)| *deputy == id).map(|(_, absent)| *absent);
            let wanted: smallvec::SmallVec<[AgentId; 1]> = wanted.collect();
            let Some(agent) = self.agents.get_mut(id.index()) else { continue };
            if agent.deputises == wanted {
                continue;
            }
            if wanted.is_empty() {
                self.deputies.remove(&id);
            } else {
                self.deputies.insert(id);
            }
            let before = core::mem::replace(&mut agent.deputises, wanted.clone());
            self.work.agents.insert(id);
            self.stir_around(id);
            // The people meant by an absent person's name are others now.
            let absent: alloc::vec::Vec<AgentId> = before.into_iter().chain(wanted).collect();
            for absent in absent {
                let teams = self.agents.get(absent.index()).map(|agent| agent.teams.clone()).unwrap_or_default();
                let leads = teams.into_iter().map(Audience::Lead);
                for audience in leads.chain([Audience::Agent(absent)]) {
                    let waiting = self.lanes.everybody(audience);
                    waiting.into_iter().for_each(|contact| self.stir(contact));
                }
            }
        }
    }
}

fn set_state(agent: &mut Agent, channels: &[ChannelId], said: Said) {
    let was_in = agent.is_in();
    match (said.by, said.cause) {
        (StateSetter::Supervisor, _) => set_over(agent, channels, said),
        (StateSetter::Picket, StateCause::NoAnswer) => agent.missed = Some(said),
        (StateSetter::Picket, StateCause::PauseOver)
            if agent.missed.is_some_and(|missed| missed.until.is_some_and(|until| until <= said.at)) =>
        {
            agent.missed = None;
            agent.misses.clear();
        }
        (StateSetter::Picket | StateSetter::Source(_), _) => set_said(agent, channels, said),
    }
    if !was_in && agent.is_in() {
        agent.login = said.at;
    }
}

/// A supervisor's word, or its end.
fn set_over(agent: &mut Agent, channels: &[ChannelId], said: Said) {
    let ends = said.cause == StateCause::PauseOver;
    if channels.is_empty() {
        // The end of a word about all channels is not the end of one about a single channel.
        if !ends {
            agent.over_of.clear();
        }
        agent.over = (!ends).then_some(said);
    }
    for channel in channels {
        agent.over_of.retain(|(own, _)| own != channel);
        if !ends {
            agent.over_of.push((*channel, said));
            agent.over_of.sort_unstable_by_key(|(own, _)| *own);
        }
    }
}

/// A platform's word, or the end of a pause.
fn set_said(agent: &mut Agent, channels: &[ChannelId], said: Said) {
    if channels.is_empty() {
        if said.cause != StateCause::PauseOver {
            agent.said_of.retain(|(_, known)| known.by != said.by);
        }
        agent.said = said;
    }
    for channel in channels {
        agent.said_of.retain(|(own, _)| own != channel);
        agent.said_of.push((*channel, said));
        agent.said_of.sort_unstable_by_key(|(own, _)| *own);
    }
    let is_said = matches!(said.cause, StateCause::Said(_));
    if is_said && said.presence != Presence::NotReady {
        agent.missed = None;
    }
    if is_said && said.presence == Presence::Ready {
        agent.misses.clear();
    }
}
