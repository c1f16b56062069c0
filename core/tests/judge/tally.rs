//! What was seen in random histories: every kind of input, event, rejection, timer and opening reason has a name here,
//! and a kind that never happens fails the run.

use std::collections::BTreeMap;

use picket_core::*;

/// How often each kind was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    seen: BTreeMap<String, u64>,
    pub(crate) tried: u64,
    pub(crate) accepted: u64,
}

/// Kinds that the core never brings forth, and why.
const NEVER: [(&str, &str); 3] = [
    ("event.contact.step.fence_opened", "an opened fence adds people to the step reached, and enters none"),
    ("event.contact.assigned.resumed", "a contact that returns to its agent is `Resumed`"),
    ("event.agent.state.lost", "a lost heartbeat is `Vouched`; what is shown for it is derived"),
];

macro_rules! kinds {
    ($fn_name:ident, $list:ident, $type:ty, { $($pattern:pat => $name:literal,)* }) => {
        const $list: &[&str] = &[$($name),*];

        fn $fn_name(value: &$type) -> &'static str {
            match value { $($pattern => $name,)* }
        }
    };
}

kinds!(input_kind, INPUTS, Input, {
    Input::Receive(_) => "input.receive",
    Input::ReceiveEnded(_, EarlyEnd::Abandoned { .. }) => "input.receive_ended.abandoned",
    Input::ReceiveEnded(_, EarlyEnd::Withdrawn(_)) => "input.receive_ended.withdrawn",
    Input::ReceiveEnded(_, EarlyEnd::Forwarded) => "input.receive_ended.forwarded",
    Input::Contact(_, ContactCommand::Abandon) => "input.contact.abandon",
    Input::Contact(_, ContactCommand::Connect) => "input.contact.connect",
    Input::Contact(_, ContactCommand::FailToConnect(ConnectFailure::Agent)) => "input.contact.fail.agent",
    Input::Contact(_, ContactCommand::FailToConnect(ConnectFailure::Customer { .. })) => "input.contact.fail.customer",
    Input::Contact(_, ContactCommand::FailToConnect(ConnectFailure::Deadline)) => "input.contact.fail.deadline",
    Input::Contact(_, ContactCommand::End) => "input.contact.end",
    Input::Contact(_, ContactCommand::Park) => "input.contact.park",
    Input::Contact(_, ContactCommand::Resume) => "input.contact.resume",
    Input::Contact(_, ContactCommand::Withdraw(OutsideEnd::HandledElsewhere)) => "input.contact.withdraw.elsewhere",
    Input::Contact(_, ContactCommand::Withdraw(OutsideEnd::Gone)) => "input.contact.withdraw.gone",
    Input::Contact(_, ContactCommand::Close) => "input.contact.close",
    Input::Contact(_, ContactCommand::Requeue) => "input.contact.requeue",
    Input::Contact(_, ContactCommand::Transfer(Transfer::Agent(_))) => "input.contact.transfer.agent",
    Input::Contact(_, ContactCommand::Transfer(Transfer::Team(_))) => "input.contact.transfer.team",
    Input::Contact(_, ContactCommand::Transfer(Transfer::Queue(_))) => "input.contact.transfer.queue",
    Input::Contact(_, ContactCommand::Transfer(Transfer::Needs(_))) => "input.contact.transfer.needs",
    Input::Contact(_, ContactCommand::Schedule(_)) => "input.contact.schedule",
    Input::Contact(_, ContactCommand::Replan(_, Replanning::Rules)) => "input.contact.replan.rules",
    Input::Contact(_, ContactCommand::Replan(_, Replanning::Customer)) => "input.contact.replan.customer",
    Input::Contact(_, ContactCommand::Replan(_, Replanning::Updated)) => "input.contact.replan.updated",
    Input::Contact(_, ContactCommand::Replan(_, Replanning::Reidentified)) => "input.contact.replan.reidentified",
    Input::Offer(_, OfferCommand::Accept(_)) => "input.offer.accept",
    Input::Offer(_, OfferCommand::Decline(..)) => "input.offer.decline",
    Input::Agent(_, AgentCommand::SetState { presence: Presence::Ready, .. }) => "input.agent.ready",
    Input::Agent(_, AgentCommand::SetState { presence: Presence::NotReady, .. }) => "input.agent.not_ready",
    Input::Agent(_, AgentCommand::SetState { presence: Presence::Offline, .. }) => "input.agent.offline",
    Input::Agent(_, AgentCommand::Absent { .. }) => "input.agent.absent",
    Input::Agent(_, AgentCommand::Return) => "input.agent.return",
    Input::Agent(_, AgentCommand::Load(..)) => "input.agent.load",
    Input::Agent(_, AgentCommand::Vouch(ExpectedPresence::Lost)) => "input.agent.lost",
    Input::Agent(_, AgentCommand::Vouch(ExpectedPresence::Seen)) => "input.agent.seen",
    Input::World(_) => "input.world",
    Input::Supervise(_, Supervision::OpenFence(_)) => "input.supervise.open",
    Input::Supervise(_, Supervision::CloseFence) => "input.supervise.close",
    Input::Supervise(_, Supervision::Assign(_)) => "input.supervise.assign",
    Input::ClockJumped(_) => "input.clock_jumped",
    Input::CatchUp(CatchUp::Begin) => "input.catch_up.begin",
    Input::CatchUp(CatchUp::End) => "input.catch_up.end",
    Input::Contact(_, ContactCommand::Identify(_)) => "input.contact.identify",
    Input::Contact(_, ContactCommand::Consult(_)) => "input.contact.consult",
    Input::Contact(_, ContactCommand::EndConsult) => "input.contact.end_consult",
    Input::Contact(_, ContactCommand::Forward) => "input.contact.forward",
    Input::Agent(_, AgentCommand::Pull(_)) => "input.agent.pull",
    Input::Supervise(_, Supervision::OpenFenceUntil(_)) => "input.supervise.open_until",
    Input::Supervise(_, Supervision::Hold(_)) => "input.supervise.hold",
    Input::Supervise(_, Supervision::Release) => "input.supervise.release",
    Input::Supervise(_, Supervision::Force(_)) => "input.supervise.force",
    Input::Supervise(_, Supervision::TakeBack) => "input.supervise.take_back",
    Input::Replan(..) => "input.replan_slice",
    Input::Team(_, TeamCommand::Lend(..)) => "input.team.lend",
    Input::Team(_, TeamCommand::EndLend(_)) => "input.team.end_lend",
});

kinds!(change_kind, CHANGES, WorldChange, {
    WorldChange::PutCalendar(..) => "change.put_calendar",
    WorldChange::PutChannel(..) => "change.put_channel",
    WorldChange::PutAgent(..) => "change.put_agent",
    WorldChange::RemoveAgent(_) => "change.remove_agent",
    WorldChange::PutTeam(..) => "change.put_team",
    WorldChange::RemoveTeam(_) => "change.remove_team",
    WorldChange::PutQueue(..) => "change.put_queue",
});

kinds!(contact_kind, CONTACT_FACTS, ContactFact, {
    ContactFact::Received(_) => "event.contact.received",
    ContactFact::Due => "event.contact.due",
    ContactFact::Scheduled { .. } => "event.contact.scheduled",
    ContactFact::StepEntered { cause: StepCause::Arrival, .. } => "event.contact.step.arrival",
    ContactFact::StepEntered { cause: StepCause::HoldOver, .. } => "event.contact.step.hold_over",
    ContactFact::StepEntered { cause: StepCause::Nobody, .. } => "event.contact.step.nobody",
    ContactFact::StepEntered { cause: StepCause::Unlikely { .. }, .. } => "event.contact.step.unlikely",
    ContactFact::StepEntered { cause: StepCause::FenceOpened, .. } => "event.contact.step.fence_opened",
    ContactFact::StepEntered { cause: StepCause::Replanned, .. } => "event.contact.step.replanned",
    ContactFact::PlanExhausted { cause: FinalCause::Busy } => "event.contact.exhausted.busy",
    ContactFact::PlanExhausted { cause: FinalCause::ClosedHours } => "event.contact.exhausted.closed_hours",
    ContactFact::PlanExhausted { cause: FinalCause::Holiday } => "event.contact.exhausted.holiday",
    ContactFact::PlanExhausted { cause: FinalCause::NoCover } => "event.contact.exhausted.no_cover",
    ContactFact::Replanned { .. } => "event.contact.replanned",
    ContactFact::Assigned { how: Assignment::Accepted(_), .. } => "event.contact.assigned.accepted",
    ContactFact::Assigned { how: Assignment::Auto, .. } => "event.contact.assigned.auto",
    ContactFact::Assigned { how: Assignment::Manual, .. } => "event.contact.assigned.manual",
    ContactFact::Assigned { how: Assignment::Resumed, .. } => "event.contact.assigned.resumed",
    ContactFact::Connected => "event.contact.connected",
    ContactFact::ConnectFailed { .. } => "event.contact.connect_failed",
    ContactFact::WrapUp { .. } => "event.contact.wrap_up",
    ContactFact::Parked => "event.contact.parked",
    ContactFact::Resumed { over_capacity: false, .. } => "event.contact.resumed",
    ContactFact::Resumed { over_capacity: true, .. } => "event.contact.resumed.over_capacity",
    ContactFact::Requeued { cause: RequeueCause::Agent } => "event.contact.requeued.agent",
    ContactFact::Requeued { cause: RequeueCause::ConnectFailed } => "event.contact.requeued.connect_failed",
    ContactFact::Requeued { cause: RequeueCause::AgentLost } => "event.contact.requeued.agent_lost",
    ContactFact::Requeued { cause: RequeueCause::Transfer } => "event.contact.requeued.transfer",
    ContactFact::Requeued { cause: RequeueCause::Resumed } => "event.contact.requeued.resumed",
    ContactFact::Transferred { .. } => "event.contact.transferred",
    ContactFact::Orphaned { .. } => "event.contact.orphaned",
    ContactFact::Stalled => "event.contact.stalled",
    ContactFact::CallbackWanted => "event.contact.callback_wanted",
    ContactFact::Closed { outcome: Outcome::Handled { wrap_up_expired: false, .. } } => "event.contact.closed.handled",
    ContactFact::Closed { outcome: Outcome::Handled { .. } } => "event.contact.closed.wrap_up_expired",
    ContactFact::Closed { outcome: Outcome::Abandoned { .. } } => "event.contact.closed.abandoned",
    ContactFact::Closed { outcome: Outcome::Diverted { .. } } => "event.contact.closed.diverted",
    ContactFact::Closed { outcome: Outcome::Expired } => "event.contact.closed.expired",
    ContactFact::Closed { outcome: Outcome::Withdrawn(_) } => "event.contact.closed.withdrawn",
    ContactFact::Closed { outcome: Outcome::Forwarded } => "event.contact.closed.forwarded",
    ContactFact::Identified(_) => "event.contact.identified",
    ContactFact::Held { until: Some(_) } => "event.contact.held",
    ContactFact::Held { until: None } => "event.contact.held.over",
    ContactFact::Consulted { over_capacity: false, .. } => "event.contact.consulted",
    ContactFact::Consulted { over_capacity: true, .. } => "event.contact.consulted.over_capacity",
    ContactFact::ConsultEnded => "event.contact.consult_ended",
    ContactFact::Overflowed { .. } => "event.contact.overflowed",
});

kinds!(opening_kind, OPENINGS, FenceReason, {
    FenceReason::HoldOver => "opening.hold_over",
    FenceReason::NoCover => "opening.no_cover",
    FenceReason::Longest => "opening.longest",
    FenceReason::Supervisor => "opening.supervisor",
    FenceReason::CustomerChoice => "opening.customer_choice",
    FenceReason::Transfer => "opening.transfer",
    FenceReason::NoLongerValued => "opening.no_longer_valued",
    FenceReason::Reidentified => "opening.reidentified",
});

kinds!(other_kind, OTHER_FACTS, Event, {
    Event::Contact(..) => "event.contact",
    Event::Fence(_, FenceFact::Set { .. }) => "event.fence.set",
    Event::Fence(_, FenceFact::Opened { .. }) => "event.fence.opened",
    Event::Fence(_, FenceFact::Closed) => "event.fence.closed",
    Event::Fence(_, FenceFact::TeamMissing { .. }) => "event.fence.team_missing",
    Event::Offer(_, OfferFact::Made { mode: OfferMode::One, .. }) => "event.offer.made.one",
    Event::Offer(_, OfferFact::Made { .. }) => "event.offer.made.all",
    Event::Offer(_, OfferFact::Accepted) => "event.offer.accepted",
    Event::Offer(_, OfferFact::Declined { .. }) => "event.offer.declined",
    Event::Offer(_, OfferFact::Expired) => "event.offer.expired",
    Event::Offer(_, OfferFact::Revoked { cause: RevokeCause::ContactGone }) => "event.offer.revoked.contact_gone",
    Event::Offer(_, OfferFact::Revoked { cause: RevokeCause::TakenByOther }) => "event.offer.revoked.taken_by_other",
    Event::Offer(_, OfferFact::Revoked { cause: RevokeCause::AgentAway }) => "event.offer.revoked.agent_away",
    Event::Offer(_, OfferFact::Revoked { cause: RevokeCause::Replanned }) => "event.offer.revoked.replanned",
    Event::Offer(_, OfferFact::Revoked { cause: RevokeCause::NoCapacity }) => "event.offer.revoked.no_capacity",
    Event::Offer(_, OfferFact::Extended { .. }) => "event.offer.extended",
    Event::Agent(_, AgentFact::StateChanged { cause: StateCause::Said(_), .. }) => "event.agent.state.said",
    Event::Agent(_, AgentFact::StateChanged { cause: StateCause::NoAnswer, .. }) => "event.agent.state.no_answer",
    Event::Agent(_, AgentFact::StateChanged { cause: StateCause::HeartbeatLost, .. }) => "event.agent.state.lost",
    Event::Agent(_, AgentFact::StateChanged { cause: StateCause::PauseOver, .. }) => "event.agent.state.pause_over",
    Event::Agent(_, AgentFact::AbsenceSet { .. }) => "event.agent.absence_set",
    Event::Agent(_, AgentFact::AbsenceBegan) => "event.agent.absence_began",
    Event::Agent(_, AgentFact::AbsenceEnded) => "event.agent.absence_ended",
    Event::Agent(_, AgentFact::LoadReported { .. }) => "event.agent.load",
    Event::Agent(_, AgentFact::Vouched(_)) => "event.agent.vouched",
    Event::World(WorldFact::Changed(_)) => "event.world.changed",
    Event::World(WorldFact::ReserveReleased { .. }) => "event.world.reserve_released",
    Event::World(WorldFact::ReserveRestored { .. }) => "event.world.reserve_restored",
    Event::World(WorldFact::Widened { .. }) => "event.world.widened",
    Event::World(WorldFact::HoursTurned { .. }) => "event.world.hours_turned",
    Event::World(WorldFact::MembershipTurned { .. }) => "event.world.membership_turned",
    Event::World(WorldFact::ClockJumped { .. }) => "event.world.clock_jumped",
    Event::World(WorldFact::CalendarRunsOut { .. }) => "event.world.calendar_runs_out",
    Event::World(WorldFact::Lent { .. }) => "event.world.lent",
    Event::World(WorldFact::LendingEnded { .. }) => "event.world.lending_ended",
    Event::World(WorldFact::CatchUpBegan { .. }) => "event.world.catch_up_began",
    Event::World(WorldFact::CatchUpEnded) => "event.world.catch_up_ended",
});

const TIMERS: [TimerKind; 19] = [
    TimerKind::OfferExpiry,
    TimerKind::AcceptedDeadline,
    TimerKind::StepHold,
    TimerKind::Longest,
    TimerKind::Widening,
    TimerKind::ScheduleDue,
    TimerKind::WrapUpEnd,
    TimerKind::ConnectedTooLong,
    TimerKind::OrphanWait,
    TimerKind::PauseEnd,
    TimerKind::AbsenceEdge,
    TimerKind::HoursEdge,
    TimerKind::MembershipEdge,
    TimerKind::CalendarHorizon,
    TimerKind::FloorEdge,
    TimerKind::HeldEnd,
    TimerKind::OpeningEnd,
    TimerKind::LendEnd,
    TimerKind::CatchUpEnd,
];

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.seen.iter().try_for_each(|(kind, count)| writeln!(f, "{count:>10} {kind}"))
    }
}

impl Tally {
    fn note(&mut self, kind: &str) {
        match self.seen.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.seen.insert(kind.to_owned(), 1);
            }
        }
    }

    pub(crate) fn input(&mut self, input: &Input, done: Result<(), Rejection>) {
        self.tried += 1;
        self.note(input_kind(input));
        if let Input::World(change) = input {
            self.note(change_kind(change));
        }
        match done {
            Ok(()) => self.accepted += 1,
            Err(rejection) => self.note(&format!("rejection.{}", rejection.code())),
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.note(other_kind(event));
        if let Event::Contact(_, fact) = event {
            self.note(contact_kind(fact));
        }
        if let Event::Fence(_, FenceFact::Opened { reason, .. }) = event {
            self.note(opening_kind(reason));
        }
    }

    pub(crate) fn timer(&mut self, timer: TimerKind) {
        self.note(&format!("timer.{timer:?}"));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.accepted += other.accepted;
        for (kind, count) in &other.seen {
            *self.seen.entry(kind.clone()).or_default() += count;
        }
    }

    /// Kinds seen less often than they must be.
    pub(crate) fn missing(&self, least: u64) -> Vec<String> {
        let named = [INPUTS, CHANGES, CONTACT_FACTS, OPENINGS, OTHER_FACTS].concat().into_iter().map(str::to_owned);
        let rejections = Rejection::ALL.iter().map(|rejection| format!("rejection.{}", rejection.code()));
        let timers = TIMERS.iter().map(|timer| format!("timer.{timer:?}"));
        let all = named.chain(rejections).chain(timers);
        let seen = |kind: &String| self.seen.get(kind).copied().unwrap_or(0);
        all.filter(|kind| seen(kind) < least && !NEVER.iter().any(|(never, _)| never == kind))
            .map(|kind| format!("{kind} ({})", seen(&kind)))
            .collect()
    }
}
