//! Decides what each input of the bench is, one function of its own for each, so that a profiler tells them apart.

use picket_core::{
    AgentId, Arrival, ContactCommand, ContactId, Event, Input, OfferCommand, OfferId, Presence, Rejection, Router,
    TimerKind, Timestamp,
};

use super::world;

pub(crate) type Taken = Result<(), Rejection>;

/// A contact that only makes the line longer before anything is measured.
#[inline(never)]
pub(crate) fn fill(router: &mut Router, now: Timestamp, arrival: Box<Arrival>, out: &mut Vec<Event>) {
    router.handle(now, Input::Receive(arrival), out).expect("the line is not full");
}

/// Who is asked before anything is measured talks.
#[inline(never)]
pub(crate) fn fill_answer(
    router: &mut Router,
    now: Timestamp,
    (offer, agent, contact): (OfferId, AgentId, ContactId),
    out: &mut Vec<Event>,
) {
    router.handle(now, Input::Offer(offer, OfferCommand::Accept(agent)), out).expect("the offer is out");
    router.handle(now, Input::Contact(contact, ContactCommand::Connect), out).expect("it was accepted");
}

/// A timer that fires before anything is measured.
#[inline(never)]
pub(crate) fn fill_wake(router: &mut Router, now: Timestamp, out: &mut Vec<Event>) {
    router.wake(now, out);
}

#[inline(never)]
pub(crate) fn receive(router: &mut Router, now: Timestamp, arrival: Box<Arrival>, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Receive(arrival), out)
}

#[inline(never)]
pub(crate) fn accept(
    router: &mut Router,
    now: Timestamp,
    (offer, agent): (OfferId, AgentId),
    out: &mut Vec<Event>,
) -> Taken {
    router.handle(now, Input::Offer(offer, OfferCommand::Accept(agent)), out)
}

#[inline(never)]
pub(crate) fn connect(router: &mut Router, now: Timestamp, contact: ContactId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Contact(contact, ContactCommand::Connect), out)
}

#[inline(never)]
pub(crate) fn end(router: &mut Router, now: Timestamp, contact: ContactId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Contact(contact, ContactCommand::End), out)
}

#[inline(never)]
pub(crate) fn close(router: &mut Router, now: Timestamp, contact: ContactId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Contact(contact, ContactCommand::Close), out)
}

#[inline(never)]
pub(crate) fn abandon(router: &mut Router, now: Timestamp, contact: ContactId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Contact(contact, ContactCommand::Abandon), out)
}

#[inline(never)]
pub(crate) fn pause(router: &mut Router, now: Timestamp, agent: AgentId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Agent(agent, world::set(Presence::NotReady)), out)
}

#[inline(never)]
pub(crate) fn resume(router: &mut Router, now: Timestamp, agent: AgentId, out: &mut Vec<Event>) -> Taken {
    router.handle(now, Input::Agent(agent, world::set(Presence::Ready)), out)
}

/// An offer's deadline.
#[inline(never)]
pub(crate) fn miss(router: &mut Router, now: Timestamp, out: &mut Vec<Event>) -> Option<TimerKind> {
    apart(1);
    router.wake(now, out)
}

/// The end of a step's hold.
#[inline(never)]
pub(crate) fn hold_over(router: &mut Router, now: Timestamp, out: &mut Vec<Event>) -> Option<TimerKind> {
    apart(2);
    router.wake(now, out)
}

/// Any other timer.
#[inline(never)]
pub(crate) fn wake(router: &mut Router, now: Timestamp, out: &mut Vec<Event>) -> Option<TimerKind> {
    router.wake(now, out)
}

/// Functions that do the same would become one.
fn apart(number: u8) {
    std::hint::black_box(number);
}
