//! Decides what is done by hand: by a supervisor with a contact or a team, and by an agent who takes a contact.
//!
//! What lasts has an end: the one given, else half an hour. Who did it and why is in the record of the input.

use alloc::vec::Vec;

use super::Router;
use super::audience::Audience;
use super::capacity::{Condition, Shift, Slots};
use super::check::Demand;
use super::on_agent::OVERRIDE_SPAN;
use super::state::Contact;
use crate::bugs::Bug;
use crate::{
    AgentId, Assignment, Bypass, ContactFact, ContactId, Event, FenceFact, FenceReason, Obstacle, Rejection,
    RequeueCause, RevokeCause, Supervision, TeamCommand, TeamId, Timestamp, WorldFact,
};

/// How a contact is given by hand.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    bypassed: Bypass,
    over_capacity: bool,
}

impl Router {
    pub(super) fn on_supervise(
        &mut self,
        now: Timestamp,
        id: ContactId,
        act: Supervision,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        match act {
            Supervision::OpenFence(reason) => {
                self.open_contact(id)?;
                if !matches!(reason, FenceReason::Supervisor | FenceReason::CustomerChoice) {
                    return Err(Rejection::ReasonNotAllowed);
                }
                self.check_closed(id)?;
                self.open_fence(now, id, reason, out);
            }
            Supervision::OpenFenceUntil(until) => {
                self.check_closed(id)?;
                let until = end_of(now, Some(until))?;
                self.open_fence_until(now, id, (FenceReason::Supervisor, Some(until)), out);
            }
            Supervision::CloseFence => {
                let fence = self.open_contact(id)?.fence.ok_or(Rejection::NoFence)?;
                if fence.open.is_none() {
                    return Err(Rejection::FenceUnchanged);
                }
                self.emit(now, Event::Fence(id, FenceFact::Closed), out);
                if !self.has(Bug::ClosingKeepsOffers) {
                    self.revoke_outside(now, out);
                }
            }
            Supervision::Assign(handler) => self.assign(now, id, handler.agent, out)?,
            Supervision::Force(handler) => self.force(now, id, handler.agent, out)?,
            Supervision::Hold(until) => {
                self.waiting_contact(id)?;
                let until = Some(end_of(now, until)?);
                self.say(now, id, ContactFact::Held { until }, out);
            }
            Supervision::Release => {
                if self.open_contact(id)?.held_until.is_none() {
                    return Err(Rejection::WrongContactState);
                }
                self.say(now, id, ContactFact::Held { until: None }, out);
            }
            Supervision::TakeBack => {
                if !self.open_contact(id)?.phase.is_with_agent() {
                    return Err(Rejection::WrongContactState);
                }
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Agent }, out);
            }
        }
        Ok(())
    }

    /// Refuses a contact that has no fence, or an open one.
    fn check_closed(&self, id: ContactId) -> Result<(), Rejection> {
        let fence = self.open_contact(id)?.fence.ok_or(Rejection::NoFence)?;
        if fence.open.is_some() { Err(Rejection::FenceUnchanged) } else { Ok(()) }
    }

    fn waiting_contact(&self, id: ContactId) -> Result<&Contact, Rejection> {
        let contact = self.open_contact(id)?;
        if contact.is_waiting() { Ok(contact) } else { Err(Rejection::WrongContactState) }
    }

    /// Assigns by hand, inside the same checks: a waiting contact, inside the fence, skilled and free.
    fn assign(&mut self, now: Timestamp, id: ContactId, agent: AgentId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.waiting_contact(id)?;
        let person = self.live_agent(agent).ok_or(Rejection::UnknownAgent)?;
        if !self.is_admitted(contact, person) {
            return Err(Rejection::OutsideFence);
        }
        let found = self.obstacle(person, &by_hand(contact));
        let is_asked = self.is_asked(id, person);
        if found != Obstacle::None && !(found == Obstacle::Busy && is_asked) || contact.avoids(agent) {
            return Err(Rejection::AgentUnavailable);
        }
        self.give(now, id, agent, Terms::default(), out);
        Ok(())
    }

    /// Assigns by hand past the checks: skill, shift and capacity that she lacks are recorded, and a closed fence opens
    /// for somebody outside. That she is away, or avoided, is the supervisor's own business.
    fn force(&mut self, now: Timestamp, id: ContactId, agent: AgentId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.waiting_contact(id)?;
        let person = self.live_agent(agent).ok_or(Rejection::UnknownAgent)?;
        if !self.is_admitted(contact, person) {
            self.open_fence(now, id, FenceReason::Supervisor, out);
        }
        // What lies before her is this very contact: only without it can be said what room she has.
        self.revoke_offers_of(now, id, RevokeCause::TakenByOther, out);
        let Some((contact, person)) = self.pair(id, agent) else { return Ok(()) };
        let skill = !person.meets(&contact.plan.needs);
        let hours = self.condition(person, contact.channel, Shift::Matters) == Condition::OffShift;
        let over_capacity = !self.has_room(person, contact.channel, Slots::Count);
        let terms = Terms { bypassed: Bypass { skill, hours, slots: false }, over_capacity };
        self.give(now, id, agent, terms, out);
        self.revoke_unfit(now, agent, out);
        Ok(())
    }

    /// An agent takes a waiting contact: she must be among those of its plan reached so far, and pass their checks. That
    /// she missed or declined it before does not matter.
    pub(super) fn pull(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        id: ContactId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        if contact.phase.holder().is_some_and(|holder| holder != agent) {
            return Err(Rejection::NotYourContact);
        }
        let contact = self.waiting_contact(id)?;
        let person = self.live_agent(agent).ok_or(Rejection::UnknownAgent)?;
        if !self.is_admitted(contact, person) {
            return Err(Rejection::OutsideFence);
        }
        let is_asked = self.is_asked(id, person);
        let keys = self.keys_of(contact);
        let demands = keys.iter().map(|(key, _)| key.demand());
        let fit = demands.filter(|demand| self.is_among(person, demand.audience)).find(|demand| {
            let found = self.obstacle(person, demand);
            found == Obstacle::None || (found == Obstacle::Busy && is_asked)
        });
        let demand = fit.filter(|_| !contact.avoids(agent)).ok_or(Rejection::AgentUnavailable)?;
        let terms = Terms { bypassed: self.bypassed(person, &demand), over_capacity: false };
        self.give(now, id, agent, terms, out);
        Ok(())
    }

    fn give(&mut self, now: Timestamp, id: ContactId, agent: AgentId, terms: Terms, out: &mut Vec<Event>) {
        let Some((contact, person)) = self.pair(id, agent) else { return };
        let standing = self.standing(contact, person);
        self.revoke_offers_of(now, id, RevokeCause::TakenByOther, out);
        let Terms { bypassed, over_capacity } = terms;
        let fact = ContactFact::Assigned { agent, how: Assignment::Manual, standing, over_capacity, bypassed };
        self.say(now, id, fact, out);
    }

    /// A supervisor lends a team's people, reserve included, or ends that.
    pub(super) fn on_team(
        &mut self,
        now: Timestamp,
        id: TeamId,
        command: TeamCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let team = self.teams.get(id.index()).filter(|team| !team.removed).ok_or(Rejection::UnknownTeam)?;
        let fact = match command {
            TeamCommand::Lend(queue, until) => {
                self.queues.get(queue.index()).ok_or(Rejection::UnknownQueue)?;
                WorldFact::Lent { team: id, queue, until: end_of(now, until)? }
            }
            TeamCommand::EndLend(queue) => {
                if !team.lent.iter().any(|(lent, _)| *lent == queue) {
                    return Err(Rejection::BadTime);
                }
                WorldFact::LendingEnded { team: id, queue }
            }
        };
        self.emit(now, Event::World(fact), out);
        Ok(())
    }

    /// Ends the lendings of a team whose time is over.
    pub(super) fn end_due_lends(&mut self, now: Timestamp, id: TeamId, out: &mut Vec<Event>) {
        let Some(team) = self.teams.get(id.index()) else { return };
        let due: Vec<_> = team.lent.iter().filter(|(_, until)| *until <= now).map(|(queue, _)| *queue).collect();
        for queue in due {
            self.emit(now, Event::World(WorldFact::LendingEnded { team: id, queue }), out);
        }
    }
}

/// The end of what is done by hand.
fn end_of(now: Timestamp, until: Option<Timestamp>) -> Result<Timestamp, Rejection> {
    match until {
        Some(until) if until <= now => Err(Rejection::BadTime),
        Some(until) => Ok(until),
        None => Ok(now + OVERRIDE_SPAN),
    }
}

/// What a contact asks of an agent named by hand: everything but being among the people of a step.
fn by_hand(contact: &Contact) -> Demand<'_> {
    Demand {
        audience: Audience::Queue(contact.plan.queue),
        channel: contact.channel,
        fence: contact.gate(),
        bypass: Bypass::default(),
        needs: &contact.plan.needs,
    }
}
