//! Decides what a word about an agent does: her readiness, her absences, work from elsewhere, and whether she is there.

use alloc::vec::Vec;

use super::Router;
use super::capacity::{Condition, Shift};
use super::state::{Agent, Phase};
use crate::bugs::Bug;
use crate::{
    AgentCommand, AgentFact, AgentId, ContactFact, ContactId, Event, ExpectedPresence, Millis, OfferFact, OfferId,
    Presence, Rejection, RevokeCause, StateCause, StateSetter, Timestamp,
};

/// How long what a supervisor does by hand lasts when no end is given: an override, a hold, an opening, a lending.
pub const OVERRIDE_SPAN: Millis = Millis::from_secs(30 * 60);

/// How long the contacts of a lost agent wait for her return.
pub const ORPHAN_WAIT: Millis = Millis::from_secs(30);

impl Router {
    pub(super) fn on_agent(
        &mut self,
        now: Timestamp,
        id: AgentId,
        command: AgentCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let agent = self.live_agent(id).ok_or(Rejection::UnknownAgent)?;
        match command {
            AgentCommand::SetState { channels, presence, reason, until, by } => {
                if until.is_some_and(|until| until <= now) {
                    return Err(Rejection::BadTime);
                }
                if channels.iter().any(|channel| self.channels.get(channel.index()).is_none()) {
                    return Err(Rejection::UnknownChannel);
                }
                let until = match by {
                    StateSetter::Supervisor => Some(until.unwrap_or(now + OVERRIDE_SPAN)),
                    // Readiness has no end of its own; a pause may have.
                    StateSetter::Source(_) | StateSetter::Picket => until.filter(|_| presence != Presence::Ready),
                };
                let cause = StateCause::Said(reason);
                self.tell(now, id, AgentFact::StateChanged { channels, presence, cause, until, by }, out);
            }
            AgentCommand::Absent { from, until, reason, deputy } => {
                if until <= from || until <= now {
                    return Err(Rejection::BadTime);
                }
                if deputy.is_some_and(|deputy| deputy == id || self.live_agent(deputy).is_none()) {
                    return Err(Rejection::UnknownAgent);
                }
                self.tell(now, id, AgentFact::AbsenceSet { from, until, reason, deputy }, out);
                if from <= now {
                    self.tell(now, id, AgentFact::AbsenceBegan, out);
                }
            }
            AgentCommand::Return => {
                if !agent.absences.iter().any(|absence| absence.begun) {
                    return Err(Rejection::BadTime);
                }
                self.tell(now, id, AgentFact::AbsenceEnded, out);
            }
            AgentCommand::Load(channel, contacts) => {
                if self.channels.get(channel.index()).is_none() {
                    return Err(Rejection::UnknownChannel);
                }
                self.tell(now, id, AgentFact::LoadReported { channel, contacts }, out);
            }
            AgentCommand::Pull(contact) => self.pull(now, id, contact, out)?,
            AgentCommand::Vouch(ExpectedPresence::Lost) => self.lose(now, id, out),
            AgentCommand::Vouch(ExpectedPresence::Seen) => self.find(now, id, out),
        }
        self.revoke_unfit(now, id, out);
        Ok(())
    }

    fn tell(&mut self, now: Timestamp, id: AgentId, fact: AgentFact, out: &mut Vec<Event>) {
        self.emit(now, Event::Agent(id, fact), out);
    }

    /// Nobody vouches for an agent: what she has waits for her a little, then for others.
    fn lose(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        if self.live_agent(id).is_none_or(|agent| agent.lost) {
            return;
        }
        self.tell(now, id, AgentFact::Vouched(ExpectedPresence::Lost), out);
        for contact in if self.has(Bug::LostKeepsContacts) { Vec::new() } else { self.held_by(id) } {
            let held = self.contacts.get(contact.index()).map(|contact| contact.phase);
            if let Some(Phase::Assigned { .. } | Phase::Connected { .. }) = held {
                self.emit(now, Event::Contact(contact, ContactFact::Orphaned { until: now + ORPHAN_WAIT }), out);
            }
        }
    }

    /// Somebody vouches for her again: what still waits for her is hers.
    fn find(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        if self.live_agent(id).is_none_or(|agent| !agent.lost) {
            return;
        }
        self.tell(now, id, AgentFact::Vouched(ExpectedPresence::Seen), out);
        for contact in self.held_by(id) {
            let held = self.contacts.get(contact.index()).map(|contact| contact.phase);
            if let Some(Phase::Orphaned { .. }) = held {
                let over_capacity =
                    self.agents.get(id.index()).is_some_and(|agent| agent.over_capacity.contains(&contact));
                self.emit(now, Event::Contact(contact, ContactFact::Resumed { agent: id, over_capacity }), out);
            }
        }
    }

    pub(super) fn held_by(&self, id: AgentId) -> Vec<ContactId> {
        self.agents
            .get(id.index())
            .map(|agent| agent.contacts.iter().map(|(contact, _)| *contact).collect())
            .unwrap_or_default()
    }

    /// Takes back the offers that an agent cannot take any more.
    pub(super) fn revoke_unfit(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        loop {
            let Some(agent) = self.agents.get(id.index()) else { return };
            let Some((offer, cause)) = self.first_unfit(agent) else { return };
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
    }

    fn first_unfit(&self, agent: &Agent) -> Option<(OfferId, RevokeCause)> {
        agent.offers.iter().rev().find_map(|(id, channel)| {
            // A step may have skipped the shift for her.
            let bypassed = self.offers.get(id).map(|offer| offer.bypassed).unwrap_or_default();
            let shift = if bypassed.hours { Shift::Skip } else { Shift::Matters };
            if self.condition(agent, *channel, shift) != Condition::Here {
                Some((*id, RevokeCause::AgentAway))
            } else if self.is_over(agent, *channel) && !bypassed.slots {
                Some((*id, RevokeCause::NoCapacity))
            } else {
                None
            }
        })
    }

    /// A pause or an override is over, an absence begins or ends.
    pub(super) fn wake_agent(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        let Some(agent) = self.agents.get(id.index()) else { return };
        if let Some(fact) = ended_pause(agent, now) {
            self.tell(now, id, fact, out);
        } else if agent.absences.iter().any(|absence| absence.begun && absence.until <= now) {
            self.tell(now, id, AgentFact::AbsenceEnded, out);
        } else if agent.absences.iter().any(|absence| !absence.begun && absence.from <= now) {
            self.tell(now, id, AgentFact::AbsenceBegan, out);
        }
        self.revoke_unfit(now, id, out);
    }
}

/// What ends the first pause or override that is over.
fn ended_pause(agent: &Agent, now: Timestamp) -> Option<AgentFact> {
    let all = agent.over.iter().chain(&agent.missed).chain([&agent.said]).map(|said| (None, said));
    let single = agent.over_of.iter().chain(&agent.said_of).map(|(channel, said)| (Some(*channel), said));
    let (channel, said) = all.chain(single).find(|(_, said)| said.until.is_some_and(|until| until <= now))?;
    let by = if said.by == StateSetter::Supervisor { StateSetter::Supervisor } else { StateSetter::Picket };
    let channels = channel.into_iter().collect();
    Some(AgentFact::StateChanged { channels, presence: Presence::Ready, cause: StateCause::PauseOver, until: None, by })
}
