//! What a platform's word about a contact does.

use picket_core::*;

use super::{Case, Naive, Place};

impl Naive {
    pub(super) fn close(&mut self, now: Timestamp, id: ContactId, outcome: Outcome, out: &mut Vec<Event>) {
        self.revoke_offers_of(now, id, RevokeCause::ContactGone, out);
        self.say(now, id, ContactFact::Closed { outcome }, out);
    }

    pub(super) fn command(
        &mut self,
        now: Timestamp,
        id: ContactId,
        command: ContactCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let case = self.case(id)?.clone();
        let class = self.channels[&case.channel()].class;
        let wrong = Err(Rejection::WrongContactState);
        let handled = |agent| Outcome::Handled { agent, wrap_up_expired: false };
        match (command, case.place) {
            (ContactCommand::Abandon, Place::Scheduled(_) | Place::Waiting | Place::Assigned(..)) => {
                let while_offered = case.place.holder().is_some() || !self.offers_of(id).is_empty();
                let waited = now.since(case.arrival.since);
                self.close(now, id, Outcome::Abandoned { waited, while_offered }, out);
            }
            (ContactCommand::Connect, Place::Assigned(..)) => self.say(now, id, ContactFact::Connected, out),
            (ContactCommand::FailToConnect(failure), Place::Assigned(..)) => {
                return self.fail(now, id, failure, out);
            }
            (ContactCommand::End, Place::Connected(..) | Place::Orphaned(..)) if case.plan.wrap_up > Millis::ZERO => {
                self.say(now, id, ContactFact::WrapUp { until: now + case.plan.wrap_up }, out);
            }
            (ContactCommand::End, Place::Connected(agent, _) | Place::Orphaned(agent, _) | Place::Parked(agent)) => {
                self.close(now, id, handled(agent), out);
            }
            (ContactCommand::Close, Place::Assigned(agent, _)) if class == Class::Deferred => {
                self.close(now, id, handled(agent), out);
            }
            (
                ContactCommand::Close,
                Place::Connected(agent, _) | Place::Orphaned(agent, _) | Place::WrapUp(agent, _) | Place::Parked(agent),
            ) => self.close(now, id, handled(agent), out),
            (ContactCommand::Park, Place::Connected(..)) if class != Class::Live => {
                self.say(now, id, ContactFact::Parked, out);
            }
            (ContactCommand::Resume, Place::Parked(agent)) => self.resume(now, &case, agent, out),
            (ContactCommand::Withdraw(end), _) => self.close(now, id, Outcome::Withdrawn(end), out),
            (ContactCommand::Requeue, place) if is_with_agent(place) => {
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Agent }, out);
            }
            (ContactCommand::Transfer(to), place) if is_with_agent(place) => {
                if self.leaves_fence(&case, &to)? {
                    self.open_fence(now, id, FenceReason::Transfer, out);
                }
                self.say(now, id, ContactFact::Transferred { to }, out);
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Transfer }, out);
            }
            (ContactCommand::Schedule(_), Place::WrapUp(..)) => return wrong,
            (ContactCommand::Schedule(at), _) => {
                if at <= now {
                    return Err(Rejection::BadTime);
                }
                self.revoke_offers_of(now, id, RevokeCause::ContactGone, out);
                self.say(now, id, ContactFact::Scheduled { at }, out);
            }
            (ContactCommand::Replan(plan, because), _) => return self.replan(now, &case, *plan, because, out),
            (ContactCommand::Identify(relation), _) => {
                let avoided: Vec<OfferId> = self
                    .offers_of(id)
                    .into_iter()
                    .filter(|offer| relation.avoids.contains(&self.asked[offer].agent))
                    .collect();
                self.say(now, id, ContactFact::Identified(relation), out);
                for offer in avoided {
                    let cause = RevokeCause::Replanned;
                    self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
                }
            }
            (ContactCommand::Consult(agent), _) => return self.consult(now, id, agent, out),
            (ContactCommand::EndConsult, _) if case.consulted.is_some() => {
                self.say(now, id, ContactFact::ConsultEnded, out);
            }
            (ContactCommand::Forward, _) => self.close(now, id, Outcome::Forwarded, out),
            _ => return wrong,
        }
        Ok(())
    }

    fn fail(
        &mut self,
        now: Timestamp,
        id: ContactId,
        failure: ConnectFailure,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        if matches!(failure, ConnectFailure::Customer { retry_at: Some(at) } if at <= now) {
            return Err(Rejection::BadTime);
        }
        self.say(now, id, ContactFact::ConnectFailed { failure }, out);
        match failure {
            ConnectFailure::Customer { retry_at: Some(at) } => self.say(now, id, ContactFact::Scheduled { at }, out),
            ConnectFailure::Customer { retry_at: None } => self.close(now, id, Outcome::Expired, out),
            ConnectFailure::Agent | ConnectFailure::Deadline => {
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::ConnectFailed }, out);
            }
        }
        Ok(())
    }

    /// Back to its agent, over her capacity if need be; else to her deputy, else through its plan.
    fn resume(&mut self, now: Timestamp, case: &Case, agent: AgentId, out: &mut Vec<Event>) {
        let people = [Some(agent), self.deputy(agent)].into_iter().flatten();
        let takes = |person: &AgentId| {
            matches!(self.kept(*person, case.channel(), true), None | Some(Obstacle::Away))
                && case.closed_fence().is_none_or(|team| self.is_inside(*person, team))
        };
        let fact = match people.into_iter().find(takes) {
            Some(agent) => {
                let over_capacity = !self.has_room(agent, case.channel(), false);
                ContactFact::Resumed { agent, over_capacity }
            }
            None => ContactFact::Requeued { cause: RequeueCause::Resumed },
        };
        self.say(now, case.id, fact, out);
    }

    fn leaves_fence(&self, case: &Case, to: &Transfer) -> Result<bool, Rejection> {
        let fence = case.closed_fence();
        match to {
            Transfer::Agent(agent) => {
                self.live(*agent).ok_or(Rejection::UnknownAgent)?;
                Ok(fence.is_some_and(|team| !self.is_inside(*agent, team)))
            }
            Transfer::Team(team) => {
                self.teams.get(team).filter(|group| !group.removed).ok_or(Rejection::UnknownTeam)?;
                Ok(fence.is_some_and(|own| own != *team && !self.covers(own).contains(team)))
            }
            Transfer::Queue(queue) => {
                self.queues.get(queue).ok_or(Rejection::UnknownQueue)?;
                Ok(fence.is_some())
            }
            Transfer::Needs(_) => Ok(false),
        }
    }

    /// All of a slice or nothing; those behind a closed fence first, then by number.
    pub(super) fn replan_slice(
        &mut self,
        now: Timestamp,
        mut slice: Vec<(ContactId, Box<Plan>)>,
        because: Replanning,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        if slice.len() > SLICE_LIMIT {
            return Err(Rejection::BadPlan);
        }
        slice.iter().try_for_each(|(_, plan)| self.check_plan(plan))?;
        slice.sort_by_key(|(id, _)| (self.cases.get(id).is_none_or(|case| case.closed_fence().is_none()), *id));
        for (id, plan) in slice {
            if let Some(case) = self.cases.get(&id).cloned() {
                self.replan(now, &case, *plan, because, out)?;
            }
        }
        Ok(())
    }

    /// A new plan; only the end of the entitlement opens the fence.
    fn replan(
        &mut self,
        now: Timestamp,
        case: &Case,
        mut plan: Plan,
        because: Replanning,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_plan(&plan)?;
        let id = case.id;
        let is_update = because == Replanning::Updated && plan.fence.is_none();
        if is_update && let Some(team) = case.closed_fence() {
            plan.fence = Some(team);
            plan.lead = case.plan.lead;
            plan.steps.clone_from(&case.plan.steps);
            plan.finally = case.plan.finally;
        }
        let fence = plan.fence;
        self.revoke_offers_of(now, id, RevokeCause::Replanned, out);
        if fence.is_none() && !is_update {
            let reason = match because {
                Replanning::Reidentified => FenceReason::Reidentified,
                _ => FenceReason::NoLongerValued,
            };
            self.open_fence(now, id, reason, out);
        }
        self.say(now, id, ContactFact::Replanned { plan: Box::new(plan), because }, out);
        if let Some(team) = fence.filter(|team| case.fence.is_none_or(|own| own.team != *team)) {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
            let was_open = case.fence.filter(|_| because != Replanning::Reidentified);
            if let Some((reason, until)) = was_open.and_then(|fence| Some((fence.open?, fence.until))) {
                self.open_fence_until(now, id, (reason, until), out);
            }
        }
        if case.waits() {
            self.say(now, id, ContactFact::StepEntered { step: 0, cause: StepCause::Replanned }, out);
        }
        Ok(())
    }
}

pub(super) fn is_with_agent(place: Place) -> bool {
    matches!(place, Place::Assigned(..) | Place::Connected(..) | Place::Orphaned(..) | Place::Parked(_))
}
