//! What is done by hand: by a supervisor with a contact or a team, by an agent who takes a contact.

use picket_core::*;

use super::people::{Ask, Whom};
use super::{Case, FenceGate, Naive, Place};

fn end_of(now: Timestamp, until: Option<Timestamp>) -> Result<Timestamp, Rejection> {
    let until = until.unwrap_or(now + OVERRIDE_SPAN);
    if until > now { Ok(until) } else { Err(Rejection::BadTime) }
}

impl Naive {
    pub(super) fn supervise(
        &mut self,
        now: Timestamp,
        id: ContactId,
        act: Supervision,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let case = self.case(id)?;
        let is_closed = |case: &Case| case.fence.map(|fence| fence.open.is_none()).ok_or(Rejection::NoFence);
        match act {
            Supervision::OpenFence(reason @ (FenceReason::Supervisor | FenceReason::CustomerChoice)) => {
                if !is_closed(case)? {
                    return Err(Rejection::FenceUnchanged);
                }
                self.open_fence(now, id, reason, out);
            }
            Supervision::OpenFence(_) => return Err(Rejection::ReasonNotAllowed),
            Supervision::OpenFenceUntil(until) => {
                if !is_closed(case)? {
                    return Err(Rejection::FenceUnchanged);
                }
                let until = end_of(now, Some(until))?;
                self.open_fence_until(now, id, (FenceReason::Supervisor, Some(until)), out);
            }
            Supervision::CloseFence => {
                if is_closed(case)? {
                    return Err(Rejection::FenceUnchanged);
                }
                self.emit(now, Event::Fence(id, FenceFact::Closed), out);
                self.revoke_outside(now, out);
            }
            Supervision::Assign(handler) => self.assign_by_hand(now, id, handler.agent, out)?,
            Supervision::Force(handler) => self.force(now, id, handler.agent, out)?,
            Supervision::Hold(until) => {
                if !case.waits() {
                    return Err(Rejection::WrongContactState);
                }
                let until = Some(end_of(now, until)?);
                self.say(now, id, ContactFact::Held { until }, out);
            }
            Supervision::Release if case.held_until.is_some() => {
                self.say(now, id, ContactFact::Held { until: None }, out);
            }
            Supervision::TakeBack if super::commands::is_with_agent(case.place) => {
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Agent }, out);
            }
            Supervision::Release | Supervision::TakeBack => return Err(Rejection::WrongContactState),
        }
        Ok(())
    }

    /// A waiting contact and somebody known whom its fence lets in.
    fn check_hands(&self, id: ContactId, agent: AgentId) -> Result<&Case, Rejection> {
        let case = self.case(id)?;
        if !case.waits() {
            return Err(Rejection::WrongContactState);
        }
        self.live(agent).ok_or(Rejection::UnknownAgent)?;
        if case.closed_fence().is_some_and(|team| !self.is_inside(agent, team)) {
            return Err(Rejection::OutsideFence);
        }
        Ok(case)
    }

    /// Whether she passes the checks; that this very contact lies before her does not count against her.
    fn passes_checks(&self, case: &Case, agent: AgentId, ask: &Ask) -> bool {
        match self.obstacle(agent, ask) {
            Obstacle::None => true,
            Obstacle::Busy => self.offers_of(case.id).iter().any(|offer| self.asked[offer].agent == agent),
            _ => false,
        }
    }

    /// Inside the same checks, but for being among the people of a step.
    fn assign_by_hand(
        &mut self,
        now: Timestamp,
        id: ContactId,
        agent: AgentId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let case = self.check_hands(id, agent)?;
        let ask = Ask {
            whom: Whom::Queue(case.plan.queue),
            step: 0,
            channel: case.channel(),
            fence: case.fence.map(|fence| FenceGate { team: fence.team, is_open: fence.open.is_some() }),
            bypass: Bypass::default(),
            needs: case.plan.needs.clone(),
        };
        if !self.passes_checks(case, agent, &ask) || case.avoids(agent) {
            return Err(Rejection::AgentUnavailable);
        }
        self.give(now, id, agent, Bypass::default(), false, out);
        Ok(())
    }

    /// Whoever she is; what she lacks is recorded.
    fn force(&mut self, now: Timestamp, id: ContactId, agent: AgentId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        match self.check_hands(id, agent) {
            Err(Rejection::OutsideFence) => self.open_fence(now, id, FenceReason::Supervisor, out),
            checked => drop(checked?),
        }
        self.revoke_offers_of(now, id, RevokeCause::TakenByOther, out);
        let case = &self.cases[&id];
        let bypassed = Bypass {
            skill: !self.people[&agent].meets(&case.plan.needs),
            slots: false,
            hours: self.kept(agent, case.channel(), false) == Some(Obstacle::OffShift),
        };
        let over_capacity = !self.has_room(agent, case.channel(), false);
        self.give(now, id, agent, bypassed, over_capacity, out);
        self.revoke_unfit(now, agent, out);
        Ok(())
    }

    /// An agent takes what one of the steps reached lets her take.
    pub(super) fn pull(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        id: ContactId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        if self.case(id)?.place.holder().is_some_and(|holder| holder != agent) {
            return Err(Rejection::NotYourContact);
        }
        let case = self.check_hands(id, agent)?;
        let asks = self.asks(case).into_iter().filter(|ask| self.meant(ask.whom).contains(&agent));
        let ask = asks.into_iter().find(|ask| self.passes_checks(case, agent, ask));
        let ask = ask.filter(|_| !case.avoids(agent)).ok_or(Rejection::AgentUnavailable)?;
        let bypassed = self.bypassed(agent, &ask);
        self.give(now, id, agent, bypassed, false, out);
        Ok(())
    }

    fn give(
        &mut self,
        now: Timestamp,
        id: ContactId,
        agent: AgentId,
        bypassed: Bypass,
        over_capacity: bool,
        out: &mut Vec<Event>,
    ) {
        let standing = self.standing(&self.cases[&id], agent);
        self.revoke_offers_of(now, id, RevokeCause::TakenByOther, out);
        let how = Assignment::Manual;
        self.say(now, id, ContactFact::Assigned { agent, how, standing, over_capacity, bypassed }, out);
    }

    pub(super) fn lend(
        &mut self,
        now: Timestamp,
        team: TeamId,
        command: TeamCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let group = self.teams.get(&team).filter(|group| !group.removed).ok_or(Rejection::UnknownTeam)?;
        let fact = match command {
            TeamCommand::Lend(queue, until) => {
                self.queues.get(&queue).ok_or(Rejection::UnknownQueue)?;
                WorldFact::Lent { team, queue, until: end_of(now, until)? }
            }
            TeamCommand::EndLend(queue) if group.lent.contains_key(&queue) => WorldFact::LendingEnded { team, queue },
            TeamCommand::EndLend(_) => return Err(Rejection::BadTime),
        };
        self.emit(now, Event::World(fact), out);
        Ok(())
    }

    /// One consultation at a time, of anybody else who is known; over her capacity if need be.
    pub(super) fn consult(
        &mut self,
        now: Timestamp,
        id: ContactId,
        asked: AgentId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let case = self.case(id)?;
        let Place::Connected(holder, _) = case.place else { return Err(Rejection::WrongContactState) };
        if case.consulted.is_some() {
            return Err(Rejection::WrongContactState);
        }
        self.live(asked).ok_or(Rejection::UnknownAgent)?;
        if asked == holder {
            return Err(Rejection::AgentUnavailable);
        }
        let over_capacity = !self.has_room(asked, case.channel(), false);
        self.say(now, id, ContactFact::Consulted { agent: asked, over_capacity }, out);
        self.revoke_unfit(now, asked, out);
        Ok(())
    }
}
