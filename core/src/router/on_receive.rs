//! Decides how a contact enters: whether it can be taken, and whether its queue lets it in.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Router;
use super::state::Roll;
use crate::{
    Arrival, ChannelId, ContactFact, ContactId, EarlyEnd, Event, ExitAction, FenceFact, FenceReason, FinalCause,
    Outcome, QueueId, Rejection, StepCause, Timestamp, Urgency,
};

/// Queues through which one arrival overflows, at most.
const OVERFLOWS_LIMIT: usize = 4;

impl Router {
    pub(super) fn on_receive(
        &mut self,
        now: Timestamp,
        arrival: Box<Arrival>,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_arrival(now, &arrival)?;
        let id = arrival.contact;
        let is_later = arrival.scheduled_for.is_some_and(|due| due > now);
        let fenced = arrival.plan.fence.is_some();
        let newcomer = (arrival.channel, arrival.plan.urgency);
        let turned_away = if is_later || fenced { None } else { self.turned_away(now, arrival.plan.queue, newcomer) };
        if matches!(turned_away, Some((ExitAction::Stay, FinalCause::Busy))) {
            return Err(Rejection::QueueFull);
        }
        self.enter(now, arrival, is_later, out);
        if !is_later {
            self.turn_away(now, id, turned_away, out);
        }
        Ok(())
    }

    /// Takes a contact whose end came first: whole, as it would have been, and over before anybody is looked for. A full
    /// queue refuses none: it takes no place.
    pub(super) fn on_receive_ended(
        &mut self,
        now: Timestamp,
        arrival: Box<Arrival>,
        end: EarlyEnd,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_arrival(now, &arrival)?;
        let (id, since) = (arrival.contact, arrival.since);
        let is_later = arrival.scheduled_for.is_some_and(|due| due > now);
        self.enter(now, arrival, is_later, out);
        let outcome = match end {
            EarlyEnd::Abandoned { at } => Outcome::Abandoned { waited: at.min(now).since(since), while_offered: false },
            EarlyEnd::Withdrawn(how) => Outcome::Withdrawn(how),
            EarlyEnd::Forwarded => Outcome::Forwarded,
        };
        self.close(now, id, outcome, out);
        Ok(())
    }

    fn check_arrival(&self, now: Timestamp, arrival: &Arrival) -> Result<(), Rejection> {
        if self.contacts.get(arrival.contact.index()).is_some() {
            return Err(Rejection::ContactExists);
        }
        if self.channels.get(arrival.channel.index()).is_none() {
            return Err(Rejection::UnknownChannel);
        }
        if arrival.since > now {
            return Err(Rejection::BadTime);
        }
        self.check_plan(&arrival.plan)
    }

    /// Lets a contact in, up to the first step of its plan.
    fn enter(&mut self, now: Timestamp, arrival: Box<Arrival>, is_later: bool, out: &mut Vec<Event>) {
        let (id, fence) = (arrival.contact, arrival.plan.fence);
        self.emit(now, Event::Contact(id, ContactFact::Received(arrival)), out);
        if let Some(team) = fence {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
        }
        if !is_later {
            self.emit(now, Event::Contact(id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }), out);
        }
    }

    /// Does what a full or closed queue says. A contact that overflows meets the limit of the next queue, and stays at the
    /// last of four, or where the queue would refuse it: it is inside already.
    fn turn_away(
        &mut self,
        now: Timestamp,
        id: ContactId,
        first: Option<(ExitAction, FinalCause)>,
        out: &mut Vec<Event>,
    ) {
        let mut next = first;
        for _ in 0..OVERFLOWS_LIMIT {
            let Some((action, cause)) = next else { return };
            // Asked before it stands there itself.
            let following = match action {
                ExitAction::Overflow(to) => {
                    let contact = self.contacts.get(id.index());
                    contact.and_then(|known| self.turned_away(now, to, (known.channel, known.plan.urgency)))
                }
                ExitAction::Stay | ExitAction::Open | ExitAction::Callback | ExitAction::Divert(_) => None,
            };
            let before = out.len();
            if matches!(action, ExitAction::Callback | ExitAction::Divert(_)) {
                self.emit(now, Event::Contact(id, ContactFact::PlanExhausted { cause }), out);
            }
            self.exit(now, id, (action, cause), FenceReason::HoldOver, out);
            next = following.filter(|_| out.len() > before);
        }
    }

    /// What a queue that is full or closed does with a contact without a fence.
    fn turned_away(
        &self,
        now: Timestamp,
        id: QueueId,
        (channel, urgency): (ChannelId, Urgency),
    ) -> Option<(ExitAction, FinalCause)> {
        let queue = self.queues.get(id.index())?;
        let closed =
            queue.spec.hours.is_some_and(|hours| self.hours.get(hours.index()).is_none_or(|hours| !hours.open));
        if closed && !matches!(queue.spec.closed, ExitAction::Stay | ExitAction::Open) {
            return Some((queue.spec.closed, self.closed_cause(queue.spec.hours, now)));
        }
        let limit = queue.spec.limit?;
        let waiting = self.lanes.roll(Roll::Queue(queue.id));
        let length = waiting.map_or(0, |waiting| u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let too_long = limit.wait.is_some_and(|wait| {
            let expected = self.newcomer_estimate(queue.id, channel, urgency, now);
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
