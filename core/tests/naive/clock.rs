//! What is due next, found by looking at everything.

use picket_core::*;

use super::{Naive, Place};

/// A calendar is asked for when less than this lies ahead.
const HORIZON: i64 = 200 * 86_400_000;

/// What a deadline belongs to; at the same moment the earlier kind fires first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Offer(OfferId),
    Contact(TimerKind, ContactId),
    Agent(TimerKind, AgentId),
    Hours(CalendarId),
    Membership(TeamId),
    Horizon(CalendarId),
    Floor(QueueId),
    Lend(TeamId),
    CatchUp,
}

impl Due {
    fn kind(self) -> TimerKind {
        match self {
            Self::Offer(_) => TimerKind::OfferExpiry,
            Self::Contact(kind, _) | Self::Agent(kind, _) => kind,
            Self::Hours(_) => TimerKind::HoursEdge,
            Self::Membership(_) => TimerKind::MembershipEdge,
            Self::Horizon(_) => TimerKind::CalendarHorizon,
            Self::Floor(_) => TimerKind::FloorEdge,
            Self::Lend(_) => TimerKind::LendEnd,
            Self::CatchUp => TimerKind::CatchUpEnd,
        }
    }
}

pub(super) fn is_open(calendar: &Calendar, at: Timestamp) -> bool {
    calendar.windows.iter().any(|window| window.from <= at && at < window.to)
}

impl Naive {
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        self.next_due().map(|(at, due)| Wake { at, kind: due.kind() })
    }

    pub(crate) fn wake(&mut self, now: Timestamp, out: &mut Vec<Event>) -> Option<TimerKind> {
        let (at, due) = self.next_due().filter(|(at, _)| *at <= now)?;
        match due {
            Due::Offer(offer) => self.expire(now, offer, out),
            Due::Contact(kind, contact) => self.wake_contact(now, contact, kind, out),
            Due::Agent(_, agent) => self.wake_person(now, agent, out),
            Due::Hours(calendar) => {
                let open = is_open(&self.calendars[&calendar].calendar, now);
                self.emit(now, Event::World(WorldFact::HoursTurned { calendar, open }), out);
                self.revoke_all_unfit(now, out);
            }
            Due::Membership(team) => {
                self.emit(now, Event::World(WorldFact::MembershipTurned { team }), out);
                self.revoke_outside(now, out);
            }
            Due::Horizon(calendar) => self.emit(now, Event::World(WorldFact::CalendarRunsOut { calendar }), out),
            Due::Floor(queue) => self.review_floor(now, at, queue, out),
            Due::CatchUp => self.end_catch_up(now, out),
            Due::Lend(team) => {
                let lent = self.teams[&team].lent.clone();
                for (queue, _) in lent.into_iter().filter(|(_, until)| *until <= now) {
                    self.emit(now, Event::World(WorldFact::LendingEnded { team, queue }), out);
                }
            }
        }
        self.settle(now, out);
        Some(due.kind())
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        let mut all: Vec<(Timestamp, Due)> = Vec::new();
        all.extend(self.asked.iter().map(|(id, asked)| (asked.expires_at, Due::Offer(*id))));
        for (id, case) in &self.cases {
            let next = match case.place {
                Place::Scheduled(at) => Some((at, TimerKind::ScheduleDue)),
                Place::Waiting => self.moves_at(case),
                Place::Assigned(_, deadline) => deadline.map(|at| (at, TimerKind::AcceptedDeadline)),
                Place::Connected(_, stalls_at) => stalls_at.map(|at| (at, TimerKind::ConnectedTooLong)),
                Place::Orphaned(_, until) => Some((until, TimerKind::OrphanWait)),
                Place::WrapUp(_, until) => Some((until, TimerKind::WrapUpEnd)),
                Place::Parked(_) => None,
            };
            let held = case.held_until.map(|at| (at, TimerKind::HeldEnd));
            let opening = case.fence.and_then(|fence| fence.until).map(|at| (at, TimerKind::OpeningEnd));
            let next = [next, held, opening].into_iter().flatten();
            all.extend(next.map(|(at, kind)| (at, Due::Contact(kind, *id))));
        }
        for (id, person) in self.people.iter().filter(|(_, person)| !person.removed) {
            let said = person.said_of.values().chain(person.over_of.values()).chain([&person.said]).chain(&person.over);
            let said = said.chain(&person.missed);
            let pauses = said.filter_map(|said| said.until).map(|at| (at, TimerKind::PauseEnd));
            let edges = person.absences.iter().map(|absence| if absence.begun { absence.until } else { absence.from });
            let next = pauses.chain(edges.map(|at| (at, TimerKind::AbsenceEdge))).min();
            all.extend(next.map(|(at, kind)| (at, Due::Agent(kind, *id))));
        }
        for (id, hours) in &self.calendars {
            let edges = hours.calendar.windows.iter().flat_map(|window| [window.from, window.to]);
            let next = edges.filter(|edge| *edge > hours.looked_at).min();
            all.extend(next.map(|at| (at, Due::Hours(*id))));
            let ends = hours.calendar.until.filter(|_| !hours.asked);
            all.extend(ends.map(|until| (Timestamp(until.0 - HORIZON), Due::Horizon(*id))));
        }
        for (id, group) in self.teams.iter().filter(|(_, group)| !group.removed) {
            let edges = group.spec.members.iter().flat_map(|member| [member.from, member.until]).flatten();
            let next = edges.filter(|edge| *edge > group.looked_at).min();
            all.extend(next.map(|at| (at, Due::Membership(*id))));
            all.extend(group.lent.values().map(|until| (*until, Due::Lend(*id))));
        }
        for id in self.queues.keys() {
            all.extend(self.floor_turns_at(*id).map(|at| (at, Due::Floor(*id))));
        }
        all.extend(self.catching_up.map(|at| (at, Due::CatchUp)));
        all.into_iter().min()
    }

    fn wake_contact(&mut self, now: Timestamp, id: ContactId, kind: TimerKind, out: &mut Vec<Event>) {
        if kind == TimerKind::HeldEnd {
            return self.say(now, id, ContactFact::Held { until: None }, out);
        }
        if kind == TimerKind::OpeningEnd {
            self.emit(now, Event::Fence(id, FenceFact::Closed), out);
            return self.revoke_outside(now, out);
        }
        match self.cases[&id].place {
            Place::Scheduled(_) => {
                self.say(now, id, ContactFact::Due, out);
                self.say(now, id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }, out);
            }
            Place::Assigned(..) => {
                self.say(now, id, ContactFact::ConnectFailed { failure: ConnectFailure::Deadline }, out);
                self.say(now, id, ContactFact::Requeued { cause: RequeueCause::ConnectFailed }, out);
            }
            Place::Connected(..) => self.say(now, id, ContactFact::Stalled, out),
            Place::Orphaned(..) => self.say(now, id, ContactFact::Requeued { cause: RequeueCause::AgentLost }, out),
            Place::WrapUp(agent, _) => {
                self.close(now, id, Outcome::Handled { agent, wrap_up_expired: true }, out);
            }
            // Whoever waits moves on when everything is settled.
            Place::Waiting | Place::Parked(_) => {}
        }
    }

    /// The first pause or override that is over, or the edge of an absence.
    fn wake_person(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        let person = &self.people[&id];
        let all = person.over.iter().chain(&person.missed).chain([&person.said]).map(|said| (None, said));
        let single = person.over_of.iter().chain(&person.said_of).map(|(channel, said)| (Some(*channel), said));
        let ended = all.chain(single).find(|(_, said)| said.until.is_some_and(|until| until <= now));
        let fact = if let Some((channel, said)) = ended {
            let by = if said.by == StateSetter::Supervisor { StateSetter::Supervisor } else { StateSetter::Picket };
            let (presence, cause) = (Presence::Ready, StateCause::PauseOver);
            AgentFact::StateChanged { channels: channel.into_iter().collect(), presence, cause, until: None, by }
        } else if person.absences.iter().any(|absence| absence.begun && absence.until <= now) {
            AgentFact::AbsenceEnded
        } else {
            AgentFact::AbsenceBegan
        };
        self.emit(now, Event::Agent(id, fact), out);
        self.revoke_unfit(now, id, out);
    }
}
