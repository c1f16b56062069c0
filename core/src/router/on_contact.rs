//! Decides what a platform's word about a contact does.

use alloc::vec::Vec;

use super::Router;
use super::capacity::{Condition, Shift, Slots};
use super::state::{Contact, Phase};
use super::timers::TimerKind;
use crate::bugs::Bug;
use crate::{
    AgentId, Class, ConnectFailure, ContactCommand, ContactFact, ContactId, Event, FenceFact, FenceReason, Millis,
    Outcome, OutsideEnd, Rejection, RequeueCause, RevokeCause, Timestamp, Transfer,
};

impl Router {
    pub(super) fn on_contact(
        &mut self,
        now: Timestamp,
        id: ContactId,
        command: ContactCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.open_contact(id)?;
        match command {
            ContactCommand::Abandon => self.abandon(now, id, out),
            ContactCommand::Connect => self.connect(now, id, out),
            ContactCommand::FailToConnect(failure) => self.fail_to_connect(now, id, failure, out),
            ContactCommand::End => self.end(now, id, out),
            ContactCommand::Park => self.park(now, id, out),
            ContactCommand::Resume => self.resume(now, id, out),
            ContactCommand::Withdraw(end) => self.withdraw(now, id, end, out),
            ContactCommand::Close => self.finish(now, id, out),
            ContactCommand::Requeue => self.requeue(now, id, out),
            ContactCommand::Transfer(to) => self.transfer(now, id, to, out),
            ContactCommand::Schedule(at) => self.schedule(now, id, at, out),
            ContactCommand::Replan(plan, because) => self.replan(now, id, plan, because, out),
            ContactCommand::Identify(relation) => self.identify(now, id, relation, out),
            ContactCommand::Consult(agent) => self.consult(now, id, agent, out),
            ContactCommand::EndConsult => self.stop_consulting(now, id, out),
            ContactCommand::Forward => {
                self.close(now, id, Outcome::Forwarded, out);
                Ok(())
            }
        }
    }

    /// The contact of that number, if it is known and not closed.
    pub(super) fn open_contact(&self, id: ContactId) -> Result<&Contact, Rejection> {
        let contact = self.contacts.get(id.index()).ok_or(Rejection::UnknownContact)?;
        if matches!(contact.phase, Phase::Closed { .. }) { Err(Rejection::ContactClosed) } else { Ok(contact) }
    }

    pub(super) fn say(&mut self, now: Timestamp, id: ContactId, fact: ContactFact, out: &mut Vec<Event>) {
        self.emit(now, Event::Contact(id, fact), out);
    }

    fn abandon(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        if !matches!(contact.phase, Phase::Scheduled { .. } | Phase::Waiting | Phase::Assigned { .. }) {
            return Err(Rejection::WrongContactState);
        }
        let while_offered = contact.phase.holder().is_some() || !contact.offers.is_empty();
        let waited = now.since(contact.since);
        self.close(now, id, Outcome::Abandoned { waited, while_offered }, out);
        Ok(())
    }

    fn connect(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let Phase::Assigned { .. } = self.open_contact(id)?.phase else { return Err(Rejection::WrongContactState) };
        self.say(now, id, ContactFact::Connected, out);
        Ok(())
    }

    fn fail_to_connect(
        &mut self,
        now: Timestamp,
        id: ContactId,
        failure: ConnectFailure,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let Phase::Assigned { .. } = self.open_contact(id)?.phase else { return Err(Rejection::WrongContactState) };
        if let ConnectFailure::Customer { retry_at: Some(at) } = failure
            && at <= now
        {
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

    fn end(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let wrap_up = contact.plan.wrap_up;
        let (Phase::Connected { agent, .. } | Phase::Orphaned { agent, .. } | Phase::Parked { agent }) = contact.phase
        else {
            return Err(Rejection::WrongContactState);
        };
        // The agent of a parked contact is elsewhere already: there is nothing to wrap up.
        if wrap_up > Millis::ZERO && !matches!(contact.phase, Phase::Parked { .. }) {
            self.say(now, id, ContactFact::WrapUp { until: now + wrap_up }, out);
        } else {
            self.close(now, id, Outcome::Handled { agent, wrap_up_expired: false }, out);
        }
        Ok(())
    }

    fn finish(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let (Phase::Assigned { agent, .. }
        | Phase::Connected { agent, .. }
        | Phase::Orphaned { agent, .. }
        | Phase::WrapUp { agent, .. }
        | Phase::Parked { agent }) = contact.phase
        else {
            return Err(Rejection::WrongContactState);
        };
        // Nobody connects an e-mail: an agent who was assigned one answers it and closes it.
        if matches!(contact.phase, Phase::Assigned { .. }) && self.class_of(contact) != Some(Class::Deferred) {
            return Err(Rejection::WrongContactState);
        }
        self.close(now, id, Outcome::Handled { agent, wrap_up_expired: false }, out);
        Ok(())
    }

    fn class_of(&self, contact: &Contact) -> Option<Class> {
        self.channels.get(contact.channel.index()).map(|channel| channel.class)
    }

    fn park(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let parks = !matches!(self.class_of(contact), Some(Class::Live) | None);
        if !parks || !matches!(contact.phase, Phase::Connected { .. }) {
            return Err(Rejection::WrongContactState);
        }
        self.say(now, id, ContactFact::Parked, out);
        Ok(())
    }

    fn resume(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let Phase::Parked { agent } = contact.phase else { return Err(Rejection::WrongContactState) };
        let fact = match self.resumes_with(contact, agent) {
            Some(agent) => {
                let over_capacity = self
                    .pair(id, agent)
                    .is_some_and(|(contact, agent)| !self.has_room(agent, contact.channel, Slots::Count));
                ContactFact::Resumed { agent, over_capacity }
            }
            None => ContactFact::Requeued { cause: RequeueCause::Resumed },
        };
        self.say(now, id, fact, out);
        Ok(())
    }

    /// Who has a contact whose customer is back: its agent, or her deputy; nobody if neither is logged in.
    fn resumes_with(&self, contact: &Contact, agent: AgentId) -> Option<AgentId> {
        [Some(agent), self.deputy(agent)].into_iter().flatten().find(|person| {
            self.live_agent(*person).is_some_and(|person| {
                let condition = self.condition(person, contact.channel, Shift::Skip);
                matches!(condition, Condition::Here | Condition::Away) && self.is_admitted(contact, person)
            })
        })
    }

    fn withdraw(
        &mut self,
        now: Timestamp,
        id: ContactId,
        end: OutsideEnd,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.close(now, id, Outcome::Withdrawn(end), out);
        Ok(())
    }

    fn requeue(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Result<(), Rejection> {
        if !self.open_contact(id)?.phase.is_with_agent() {
            return Err(Rejection::WrongContactState);
        }
        self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Agent }, out);
        Ok(())
    }

    fn transfer(&mut self, now: Timestamp, id: ContactId, to: Transfer, out: &mut Vec<Event>) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        if !contact.phase.is_with_agent() {
            return Err(Rejection::WrongContactState);
        }
        let leaves = self.leaves_fence(contact, &to)?;
        if leaves {
            self.open_fence(now, id, FenceReason::Transfer, out);
        }
        self.say(now, id, ContactFact::Transferred { to }, out);
        self.say(now, id, ContactFact::Requeued { cause: RequeueCause::Transfer }, out);
        Ok(())
    }

    /// Whether a transfer leads out of a contact's closed fence.
    fn leaves_fence(&self, contact: &Contact, to: &Transfer) -> Result<bool, Rejection> {
        let fence = contact.fence.filter(|fence| fence.open.is_none()).map(|fence| fence.team);
        match to {
            Transfer::Agent(agent) => {
                let agent = self.live_agent(*agent).ok_or(Rejection::UnknownAgent)?;
                Ok(fence.is_some_and(|team| !self.is_inside(agent, team)) && !self.has(Bug::TransferPassesTheFence))
            }
            Transfer::Team(team) => {
                self.teams.get(team.index()).filter(|team| !team.removed).ok_or(Rejection::UnknownTeam)?;
                Ok(fence.is_some_and(|own| own != *team && !self.covers(own).any(|cover| cover.id == *team)))
            }
            Transfer::Queue(queue) => {
                self.queues.get(queue.index()).ok_or(Rejection::UnknownQueue)?;
                Ok(fence.is_some())
            }
            Transfer::Needs(_) => Ok(false),
        }
    }

    fn schedule(
        &mut self,
        now: Timestamp,
        id: ContactId,
        at: Timestamp,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        if matches!(contact.phase, Phase::WrapUp { .. }) {
            return Err(Rejection::WrongContactState);
        }
        if at <= now {
            return Err(Rejection::BadTime);
        }
        self.revoke_offers_of(now, id, RevokeCause::ContactGone, out);
        self.say(now, id, ContactFact::Scheduled { at }, out);
        Ok(())
    }

    /// Ends a contact; what is out for it is taken back first.
    pub(super) fn close(&mut self, now: Timestamp, id: ContactId, outcome: Outcome, out: &mut Vec<Event>) {
        self.revoke_offers_of(now, id, RevokeCause::ContactGone, out);
        self.say(now, id, ContactFact::Closed { outcome }, out);
    }

    pub(super) fn wake_contact(&mut self, now: Timestamp, id: ContactId, kind: TimerKind, out: &mut Vec<Event>) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        if kind == TimerKind::OpeningEnd {
            self.emit(now, Event::Fence(id, FenceFact::Closed), out);
            self.revoke_outside(now, out);
            return;
        }
        if kind == TimerKind::HeldEnd {
            self.say(now, id, ContactFact::Held { until: None }, out);
            return;
        }
        match contact.phase {
            Phase::Scheduled { .. } => self.start_waiting(now, id, out),
            Phase::Assigned { .. } => {
                self.say(now, id, ContactFact::ConnectFailed { failure: ConnectFailure::Deadline }, out);
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::ConnectFailed }, out);
            }
            Phase::Connected { .. } => self.say(now, id, ContactFact::Stalled, out),
            Phase::Orphaned { .. } => self.say(now, id, ContactFact::Requeued { cause: RequeueCause::AgentLost }, out),
            Phase::WrapUp { agent, .. } => {
                self.close(now, id, Outcome::Handled { agent, wrap_up_expired: true }, out);
            }
            Phase::Waiting => {
                debug_assert!(matches!(kind, TimerKind::StepHold | TimerKind::Longest | TimerKind::Widening));
                self.work.contacts.insert(id);
            }
            Phase::Parked { .. } | Phase::Closed { .. } => {}
        }
    }
}
