//! Decides when a step of a plan is over: when the hold of each of its people, by what keeps them, has run.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Router;
use super::apply_world::is_within;
use super::audience::Audience;
use super::capacity::{Condition, Shift};
use super::check::Demand;
use super::lanes::Lane;
use super::state::{Contact, Hours};
use crate::bugs::Bug;
use crate::{
    AgentId, CalendarId, ContactFact, ContactId, Event, ExitAction, FenceFact, FenceReason, FinalCause, Hold, Holds,
    Millis, Outcome, QueueId, StepCause, Timestamp,
};

/// How long a contact that was handed on waits for the people it was handed to, before its plan goes on.
pub const TRANSFER_HOLD: Millis = Millis::from_secs(60);

/// The end of the current step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepEnd {
    /// When; `None` if never as things stand.
    pub(crate) at: Option<Timestamp>,
    pub(crate) cause: StepCause,
}

/// What is done with a contact that nobody took yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    Stays,
    Moved,
}

impl Hours {
    /// The moment at which so much working time has passed since `from`; `None` past the horizon.
    fn after(&self, from: Timestamp, span: Millis) -> Option<Timestamp> {
        let mut left = i64::from(span.0);
        let first = self.calendar.windows.partition_point(|window| window.to <= from);
        for window in self.calendar.windows.iter().skip(first) {
            let start = window.from.max(from);
            let length = window.to.0.saturating_sub(start.0);
            if length >= left {
                return Some(Timestamp(start.0.saturating_add(left)));
            }
            left -= length;
        }
        None
    }
}

impl Router {
    fn hold_end(&self, from: Timestamp, hold: Hold) -> Option<Timestamp> {
        match hold {
            Hold::For(span) | Hold::Smart(span, _) | Hold::Working(span @ Millis::ZERO, _) => Some(from + span),
            Hold::Working(span, calendar) => self.hours.get(calendar.index())?.after(from, span),
        }
    }

    /// The lane in which a waiting contact waits for the people of its current step.
    pub(crate) fn own_lane(&self, contact: &Contact, audience: Audience) -> Option<&Lane> {
        let places = contact.places.iter().filter_map(|place| Some((place, self.lanes.get(place.lane)?)));
        let mut meant = places.filter(|(_, lane)| lane.key.audience == audience);
        // The step's own lane is the first of its number; one that an earlier step shares has that step's.
        let own = meant.clone().find(|(place, _)| place.step == contact.step);
        own.or_else(|| meant.next_back()).map(|(_, lane)| lane)
    }

    /// When the current step of a waiting contact is over.
    pub(crate) fn step_end(&self, contact: &Contact) -> StepEnd {
        let nobody = StepEnd { at: Some(contact.step_since), cause: StepCause::Nobody };
        if contact.held_until.is_some() {
            return StepEnd { at: None, cause: StepCause::HoldOver };
        }
        let Some(audience) = contact.current_audience() else { return nobody };
        let holds = match (&contact.redirect, contact.current_step()) {
            (None, Some(step)) => step.holds,
            _ => Holds { left: Hold::For(Millis::ZERO), ..Holds::all(Hold::For(TRANSFER_HOLD)) },
        };
        let Some(lane) = self.own_lane(contact, audience) else { return nobody };
        let plain = contact.avoids.is_empty() && contact.excluded.is_empty();
        if plain && matches!(audience, Audience::Queue(_)) && is_same(holds) {
            return if lane.able {
                StepEnd { at: self.hold_end(contact.step_since, holds.busy), cause: StepCause::HoldOver }
            } else {
                nobody
            };
        }
        self.last_hold(contact, &lane.key.demand(), holds)
    }

    /// The last hold of the people of a step to run out.
    fn last_hold(&self, contact: &Contact, demand: &Demand<'_>, holds: Holds) -> StepEnd {
        let mut end = StepEnd { at: Some(contact.step_since), cause: StepCause::Nobody };
        // Where every hold is the same, one person who can serve, and has not tried, says it all.
        let is_even = is_same(holds) && holds.left == holds.busy;
        let mut is_smart = false;
        let _ = self.each_person(demand.audience, |id| {
            let (hold, cause) = match self.agents.get(id.index()) {
                Some(agent)
                    if contact.avoids(id) || (!agent.removed && !agent.meets(demand.needs) && !demand.bypass.skill) =>
                {
                    return ControlFlow::Continue(());
                }
                Some(agent) if self.is_able(agent, demand) => {
                    if contact.excludes(id) {
                        end.cause = StepCause::HoldOver;
                        return ControlFlow::Continue(());
                    }
                    let shift = if demand.bypass.hours { Shift::Skip } else { Shift::Matters };
                    (hold_of(holds, self.condition(agent, demand.channel, shift)), StepCause::HoldOver)
                }
                // Whom a closed fence keeps from a queue's contacts never comes; nobody left.
                Some(_) if matches!(demand.audience, Audience::Queue(_)) => return ControlFlow::Continue(()),
                Some(_) | None => (holds.left, StepCause::Nobody),
            };
            if cause == StepCause::HoldOver {
                end.cause = cause;
            }
            // Those of a smart hold are judged together.
            if matches!(hold, Hold::Smart(..)) {
                is_smart = true;
                return ControlFlow::Continue(());
            }
            end.at = match (end.at, self.hold_end(contact.step_since, hold)) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (None, _) | (_, None) => None,
            };
            if is_even && cause == StepCause::HoldOver { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if is_smart { self.smart_end(contact, end) } else { end }
    }

    /// When the longest wait of a contact is reached, unless it was.
    pub(crate) fn longest_at(contact: &Contact) -> Option<Timestamp> {
        contact.plan.longest.filter(|_| !contact.progress.longest).map(|longest| contact.wait_from + longest)
    }

    /// When the queue's next widening takes effect for a contact that waits for the queue.
    pub(crate) fn widening_at(&self, contact: &Contact) -> Option<Timestamp> {
        let waits = contact.places.iter().filter_map(|place| self.lanes.get(place.lane));
        if !waits.into_iter().any(|lane| matches!(lane.key.audience, Audience::Queue(_))) {
            return None;
        }
        let queue = self.queues.get(contact.plan.queue.index())?;
        if contact.widenings > 0 && self.has(Bug::WidensOnlyOnce) {
            return None;
        }
        let next = queue.spec.widen.get(usize::from(contact.widenings))?;
        Some(contact.since + next.after)
    }

    /// Moves a waiting contact on whose time has come: wider needs, the next step, the end of its plan.
    pub(crate) fn advance(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) -> Advance {
        let Some(contact) = self.contacts.get(id.index()) else { return Advance::Stays };
        if !contact.is_waiting() || !contact.offers.is_empty() {
            return Advance::Stays;
        }
        let goes_on = self.steps_go_on();
        if goes_on && self.widening_at(contact).is_some_and(|at| at <= now) {
            self.widen(now, id, out);
            return Advance::Moved;
        }
        if Self::longest_at(contact).is_some_and(|at| at <= now) {
            self.finish_plan(now, id, Some(FenceReason::Longest), out);
            return Advance::Moved;
        }
        if contact.progress.exhausted || !goes_on {
            return Advance::Stays;
        }
        let end = self.step_end(contact);
        if end.at.is_none_or(|at| at > now) {
            return Advance::Stays;
        }
        if contact.is_at_last_step() {
            self.finish_plan(now, id, None, out);
        } else {
            let step = if contact.redirect.is_some() { contact.step } else { contact.step + 1 };
            self.emit(now, Event::Contact(id, ContactFact::StepEntered { step, cause: end.cause }), out);
        }
        Advance::Moved
    }

    fn widen(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let Some(queue) = self.queues.get(contact.plan.queue.index()) else { return };
        let reached = queue.spec.widen.iter().take_while(|widening| contact.since + widening.after <= now);
        let Some(widening) = reached.last() else { return };
        let fact = crate::WorldFact::Widened { contact: id, needs: widening.needs.clone() };
        self.emit(now, Event::World(fact), out);
    }

    /// Says that a plan is at its end, and does what it says for this cause.
    fn finish_plan(&mut self, now: Timestamp, id: ContactId, reason: Option<FenceReason>, out: &mut Vec<Event>) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let cause = self.final_cause(contact, now);
        let mut action = contact.plan.finally.of(cause);
        let fence = contact.fence.filter(|fence| fence.open.is_none()).map(|fence| fence.team);
        self.emit(now, Event::Contact(id, ContactFact::PlanExhausted { cause }), out);
        if let Some(team) = fence.filter(|team| self.is_missing(*team)) {
            self.emit(now, Event::Fence(id, FenceFact::TeamMissing { team }), out);
            if action == ExitAction::Open {
                action = ExitAction::Stay;
            }
        }
        let opening =
            reason.unwrap_or(if cause == FinalCause::NoCover { FenceReason::NoCover } else { FenceReason::HoldOver });
        self.exit(now, id, (action, cause), opening, out);
    }

    /// Does what is to be done with a contact that has nobody.
    pub(crate) fn exit(
        &mut self,
        now: Timestamp,
        id: ContactId,
        (action, cause): (ExitAction, FinalCause),
        opening: FenceReason,
        out: &mut Vec<Event>,
    ) {
        match action {
            ExitAction::Stay => {}
            ExitAction::Open => self.open_fence(now, id, opening, out),
            ExitAction::Callback => self.emit(now, Event::Contact(id, ContactFact::CallbackWanted), out),
            ExitAction::Divert(to) => self.close(now, id, Outcome::Diverted { to, cause }, out),
            ExitAction::Overflow(to) => self.overflow(now, id, to, cause, out),
        }
    }

    /// Moves a contact that no closed fence holds to another queue.
    fn overflow(&mut self, now: Timestamp, id: ContactId, to: QueueId, cause: FinalCause, out: &mut Vec<Event>) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let is_held = contact.fence.is_some_and(|fence| fence.open.is_none());
        if !is_held && contact.plan.queue != to && self.queues.get(to.index()).is_some() {
            self.emit(now, Event::Contact(id, ContactFact::Overflowed { to, cause }), out);
        }
    }

    /// Why nobody took a contact: somebody is there and busy or away, hours are over, or nobody is there.
    fn final_cause(&self, contact: &Contact, now: Timestamp) -> FinalCause {
        let here = |id: AgentId| {
            let Some(agent) = self.agents.get(id.index()) else { return ControlFlow::Continue(()) };
            let serves = self.is_admitted(contact, agent) && !contact.avoids(id) && agent.meets(&contact.plan.needs);
            let condition = self.condition(agent, contact.channel, Shift::Matters);
            if serves && matches!(condition, Condition::Here | Condition::Away) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let audiences: Vec<Audience> = match contact.fence {
            Some(fence) if fence.open.is_none() => {
                [Audience::Team(fence.team, None), Audience::Covers(fence.team)].into()
            }
            Some(_) | None => {
                let lanes = contact.places.iter().filter_map(|place| self.lanes.get(place.lane));
                lanes.map(|lane| lane.key.audience).collect()
            }
        };
        if audiences.into_iter().any(|audience| self.each_person(audience, here).is_break()) {
            return FinalCause::Busy;
        }
        if !self.hours_are_over(contact) {
            return FinalCause::NoCover;
        }
        self.closed_cause(self.hours_of(contact), now)
    }

    /// The calendar that says whether a contact's people work: its team's behind a closed fence, else its queue's.
    fn hours_of(&self, contact: &Contact) -> Option<CalendarId> {
        match contact.fence {
            Some(fence) if fence.open.is_none() => self.teams.get(fence.team.index())?.spec.hours,
            Some(_) | None => self.queues.get(contact.plan.queue.index())?.spec.hours,
        }
    }

    /// Why a closed calendar is closed: a holiday, or the hour.
    pub(super) fn closed_cause(&self, calendar: Option<CalendarId>, now: Timestamp) -> FinalCause {
        let hours = calendar.and_then(|calendar| self.hours.get(calendar.index()));
        if hours.is_some_and(|hours| is_within(&hours.calendar.holidays, now)) {
            FinalCause::Holiday
        } else {
            FinalCause::ClosedHours
        }
    }

    /// Whether the hours of the people concerned are stated and over.
    fn hours_are_over(&self, contact: &Contact) -> bool {
        let over = |calendar| self.hours.get(CalendarId::index(calendar)).is_none_or(|hours: &Hours| !hours.open);
        match contact.fence {
            Some(fence) if fence.open.is_none() => {
                let team = self.teams.get(fence.team.index());
                let own = team.and_then(|team| team.spec.hours);
                own.is_some_and(over) && self.covers(fence.team).all(|cover| cover.spec.hours.is_some_and(over))
            }
            Some(_) | None => self.hours_of(contact).is_some_and(over),
        }
    }
}

fn is_same(holds: Holds) -> bool {
    [holds.away, holds.absent, holds.off_shift].iter().all(|hold| *hold == holds.busy)
}

const fn hold_of(holds: Holds, condition: Condition) -> Hold {
    match condition {
        Condition::Here => holds.busy,
        Condition::Away => holds.away,
        Condition::Absent => holds.absent,
        Condition::OffShift => holds.off_shift,
        Condition::Left => holds.left,
    }
}
