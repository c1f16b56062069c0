//! Decides how a contact enters: whether it can be taken, and whether its queue lets it in.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Router;
use super::state::Roll;
use crate::{
    Arrival, ContactFact, ContactId, Event, ExitAction, FenceFact, FenceReason, FinalCause, Rejection, StepCause,
    Timestamp,
};

impl Router {
    pub(super) fn on_receive(
        &mut self,
        now: Timestamp,
        arrival: Box<Arrival>,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let id = arrival.contact;
        if self.contacts.get(id.index()).is_some() {
            return Err(Rejection::ContactExists);
        }
        if self.channels.get(arrival.channel.index()).is_none() {
            return Err(Rejection::UnknownChannel);
        }
        if arrival.since > now {
            return Err(Rejection::BadTime);
        }
        self.check_plan(&arrival.plan)?;
        let is_later = arrival.scheduled_for.is_some_and(|due| due > now);
        let turned_away = if is_later { None } else { self.turned_away(now, &arrival) };
        if matches!(turned_away, Some((ExitAction::Stay, FinalCause::Busy))) {
            return Err(Rejection::QueueFull);
        }
        let fence = arrival.plan.fence;
        self.emit(now, Event::Contact(id, ContactFact::Received(arrival)), out);
        if let Some(team) = fence {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
        }
        if is_later {
            return Ok(());
        }
        self.emit(now, Event::Contact(id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }), out);
        if let Some((action @ (ExitAction::Callback | ExitAction::Divert(_)), cause)) = turned_away {
            self.emit(now, Event::Contact(id, ContactFact::PlanExhausted { cause }), out);
            self.exit(now, id, (action, cause), FenceReason::HoldOver, out);
        }
        Ok(())
    }

    /// What a queue that is full or closed does with a contact without a fence.
    fn turned_away(&self, now: Timestamp, arrival: &Arrival) -> Option<(ExitAction, FinalCause)> {
        if arrival.plan.fence.is_some() {
            return None;
        }
        let queue = self.queues.get(arrival.plan.queue.index())?;
        let closed =
            queue.spec.hours.is_some_and(|hours| self.hours.get(hours.index()).is_none_or(|hours| !hours.open));
        if closed && !matches!(queue.spec.closed, ExitAction::Stay | ExitAction::Open) {
            return Some((queue.spec.closed, FinalCause::ClosedHours));
        }
        let limit = queue.spec.limit?;
        let waiting = self.lanes.roll(Roll::Queue(queue.id));
        let length = waiting.map_or(0, |waiting| u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let too_long = limit.wait.is_some_and(|wait| {
            let expected = self.newcomer_estimate(queue.id, arrival.channel, arrival.plan.urgency, now);
            expected.is_some_and(|expected| expected.wait > wait)
        });
        (length >= limit.length || too_long).then_some((limit.then, FinalCause::Busy))
    }

    /// A scheduled contact's time has come.
    pub(super) fn start_waiting(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) {
        self.emit(now, Event::Contact(id, ContactFact::Due), out);
        self.emit(now, Event::Contact(id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }), out);
    }
}
