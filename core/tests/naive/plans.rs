//! How a plan goes on: of whom each step speaks, when it is over, and what happens when nobody is left.

use picket_core::*;

use super::people::{Ask, Whom};
use super::{Case, FenceGate, Naive};

/// When the current step is over, if ever as things stand, and why.
pub(super) struct StepEnd {
    pub(super) at: Option<Timestamp>,
    pub(super) cause: StepCause,
}

impl Naive {
    /// What a waiting contact asks now, the earlier steps first.
    pub(super) fn asks(&self, case: &Case) -> Vec<Ask> {
        let mut asks: Vec<Ask> = Vec::new();
        let mut add = |ask: Ask| {
            // The same people under the same conditions are asked for once, by the earliest step.
            if !asks.iter().any(|known| Ask { step: ask.step, ..known.clone() } == ask) {
                asks.push(ask);
            }
        };
        if let Some(whom) = case.redirect.as_ref().and_then(whom_of_transfer) {
            add(self.ask(case, whom, case.step, &[], Bypass::default()));
        } else {
            let reached = &case.plan.steps[..=case.step.min(case.plan.steps.len() - 1)];
            let first = reached.iter().rposition(|step| step.joining == Joining::Only).unwrap_or(0);
            for (number, step) in reached.iter().enumerate().skip(first) {
                if let Some(whom) = whom_of_step(step.who, case) {
                    add(self.ask(case, whom, number, &step.needs, step.bypass));
                }
            }
        }
        let open_fence = case.fence.filter(|fence| fence.open.is_some());
        if let Some(fence) = open_fence.filter(|_| case.redirect.is_none()) {
            add(self.ask(case, Whom::Team(fence.team, None), case.step, &[], Bypass::default()));
            add(self.ask(case, Whom::Covers(fence.team), case.step, &[], Bypass::default()));
        }
        if case.redirect.is_none() && (case.opened || open_fence.is_some()) {
            add(self.ask(case, Whom::Queue(case.plan.queue), case.step, &[], Bypass::default()));
        }
        asks
    }

    fn ask(&self, case: &Case, whom: Whom, step: usize, further: &[Need], bypass: Bypass) -> Ask {
        let mut needs = case.plan.needs.clone();
        needs.extend_from_slice(further);
        let mut allowed = bypass;
        if let Whom::Queue(queue) = whom {
            allowed = Bypass::default();
            let own = self.queues.get(&queue).map(|line| line.spec.needs.clone()).unwrap_or_default();
            needs.extend(case.widened.clone().unwrap_or(own));
        }
        needs.sort_unstable();
        needs.dedup();
        let fence = case.fence.map(|fence| FenceGate { team: fence.team, is_open: fence.open.is_some() });
        Ask { whom, step, channel: case.channel(), fence, bypass: allowed, needs }
    }

    pub(super) fn current_whom(case: &Case) -> Option<Whom> {
        match &case.redirect {
            Some(to) => whom_of_transfer(to),
            None => case.plan.steps.get(case.step).and_then(|step| whom_of_step(step.who, case)),
        }
    }

    fn after(&self, from: Timestamp, hold: Hold) -> Option<Timestamp> {
        let (span, calendar) = match hold {
            Hold::For(span) | Hold::Smart(span, _) | Hold::Working(span @ Millis::ZERO, _) => return Some(from + span),
            Hold::Working(span, calendar) => (span, calendar),
        };
        let mut left = i64::from(span.0);
        for window in &self.calendars.get(&calendar)?.calendar.windows {
            let start = window.from.max(from);
            let length = (window.to.0 - start.0).max(0);
            if window.to > from && length >= left {
                return Some(Timestamp(start.0 + left));
            }
            left -= length;
        }
        None
    }

    /// Of whom the current step speaks, and what it asks of them.
    pub(super) fn own_ask(&self, case: &Case) -> Option<(Whom, Ask)> {
        let whom = Self::current_whom(case)?;
        let meant: Vec<Ask> = self.asks(case).into_iter().filter(|ask| ask.whom == whom).collect();
        // An open fence may ask the same people once more, without what the step skips.
        let own = meant.iter().find(|ask| ask.step == case.step).or(meant.last());
        Some((whom, own.cloned()?))
    }

    pub(super) fn step_end(&self, case: &Case) -> StepEnd {
        let nobody = StepEnd { at: Some(case.step_since), cause: StepCause::Nobody };
        if case.held_until.is_some() {
            return StepEnd { at: None, cause: StepCause::HoldOver };
        }
        let Some((whom, ask)) = self.own_ask(case) else { return nobody };
        let holds = match (&case.redirect, case.plan.steps.get(case.step)) {
            (None, Some(step)) => step.holds,
            _ => Holds { left: Hold::For(Millis::ZERO), ..Holds::all(Hold::For(TRANSFER_HOLD)) },
        };
        let mut end = nobody;
        let mut is_smart = false;
        for agent in self.meant(whom) {
            let is_unfit = self.live(agent).is_some_and(|person| !person.meets(&ask.needs) && !ask.bypass.skill);
            if self.people.contains_key(&agent) && (case.avoids(agent) || is_unfit) {
                continue;
            }
            let hold = if self.is_able(agent, &ask) {
                end.cause = StepCause::HoldOver;
                if case.excludes(agent) {
                    continue;
                }
                match self.kept(agent, case.channel(), ask.bypass.hours) {
                    Some(Obstacle::Away) => holds.away,
                    Some(Obstacle::Absent) => holds.absent,
                    Some(Obstacle::OffShift) => holds.off_shift,
                    Some(Obstacle::Left) => holds.left,
                    _ => holds.busy,
                }
            } else if matches!(whom, Whom::Queue(_)) {
                // Behind a closed fence the queue's other people never come.
                continue;
            } else {
                holds.left
            };
            // Those under a smart hold are judged together.
            if matches!(hold, Hold::Smart(..)) {
                is_smart = true;
                continue;
            }
            end.at = match (end.at, self.after(case.step_since, hold)) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
        }
        if is_smart { Self::smart_end(case, end) } else { end }
    }

    pub(super) fn longest_at(case: &Case) -> Option<Timestamp> {
        case.plan.longest.filter(|_| !case.longest_reached).map(|longest| case.wait_from + longest)
    }

    pub(super) fn widening_at(&self, case: &Case) -> Option<Timestamp> {
        if !self.asks(case).iter().any(|ask| matches!(ask.whom, Whom::Queue(_))) {
            return None;
        }
        let widening = self.queues.get(&case.plan.queue)?.spec.widen.get(case.widenings)?;
        Some(case.arrival.since + widening.after)
    }

    /// The next moment at which a waiting contact that nobody is asked about moves on, and why.
    pub(super) fn moves_at(&self, case: &Case) -> Option<(Timestamp, TimerKind)> {
        if !case.waits() || !self.offers_of(case.id).is_empty() {
            return None;
        }
        let longest = Self::longest_at(case).map(|at| (at, TimerKind::Longest));
        // Nobody is asked, so no step is over.
        if self.catching_up.is_some() {
            return longest;
        }
        let step = if case.exhausted { None } else { self.step_end(case).at };
        let all = [
            step.map(|at| (at, TimerKind::StepHold)),
            longest,
            self.widening_at(case).map(|at| (at, TimerKind::Widening)),
        ];
        all.into_iter().flatten().min()
    }

    /// Moves a contact on whose time has come.
    pub(super) fn move_on(&mut self, now: Timestamp, id: ContactId, out: &mut Vec<Event>) {
        let case = &self.cases[&id];
        if self.catching_up.is_none() && self.widening_at(case).is_some_and(|at| at <= now) {
            let line = &self.queues[&case.plan.queue];
            let reached = line.spec.widen.iter().take_while(|widening| case.arrival.since + widening.after <= now);
            let needs = reached.last().expect("one is reached").needs.clone();
            self.emit(now, Event::World(WorldFact::Widened { contact: id, needs }), out);
        } else if Self::longest_at(case).is_some_and(|at| at <= now) {
            self.finish_plan(now, id, Some(FenceReason::Longest), out);
        } else if case.redirect.is_none() && case.step + 1 >= case.plan.steps.len() {
            self.finish_plan(now, id, None, out);
        } else {
            let step = if case.redirect.is_some() { case.step } else { case.step + 1 };
            let (step, cause) = (u8::try_from(step).expect("few"), self.step_end(case).cause);
            self.say(now, id, ContactFact::StepEntered { step, cause }, out);
        }
    }

    fn finish_plan(&mut self, now: Timestamp, id: ContactId, reason: Option<FenceReason>, out: &mut Vec<Event>) {
        let case = &self.cases[&id];
        let cause = self.final_cause(case, now);
        let mut action = case.plan.finally.of(cause);
        let missing = case.closed_fence().filter(|team| self.is_missing(*team));
        self.say(now, id, ContactFact::PlanExhausted { cause }, out);
        if let Some(team) = missing {
            self.emit(now, Event::Fence(id, FenceFact::TeamMissing { team }), out);
            if action == ExitAction::Open {
                action = ExitAction::Stay;
            }
        }
        let without = if cause == FinalCause::NoCover { FenceReason::NoCover } else { FenceReason::HoldOver };
        self.exit(now, id, action, cause, reason.unwrap_or(without), out);
    }

    pub(super) fn exit(
        &mut self,
        now: Timestamp,
        id: ContactId,
        action: ExitAction,
        cause: FinalCause,
        opening: FenceReason,
        out: &mut Vec<Event>,
    ) {
        match action {
            ExitAction::Stay => {}
            ExitAction::Open => self.open_fence(now, id, opening, out),
            ExitAction::Callback => self.say(now, id, ContactFact::CallbackWanted, out),
            ExitAction::Divert(to) => self.close(now, id, Outcome::Diverted { to, cause }, out),
            ExitAction::Overflow(to) => {
                let case = &self.cases[&id];
                if case.closed_fence().is_none() && case.plan.queue != to && self.queues.contains_key(&to) {
                    self.say(now, id, ContactFact::Overflowed { to, cause }, out);
                }
            }
        }
    }

    /// Opens a closed fence; for half an hour if a supervisor does.
    pub(super) fn open_fence(&mut self, now: Timestamp, id: ContactId, reason: FenceReason, out: &mut Vec<Event>) {
        let until = (reason == FenceReason::Supervisor).then(|| now + OVERRIDE_SPAN);
        self.open_fence_until(now, id, (reason, until), out);
    }

    pub(super) fn open_fence_until(
        &mut self,
        now: Timestamp,
        id: ContactId,
        (reason, until): (FenceReason, Option<Timestamp>),
        out: &mut Vec<Event>,
    ) {
        let case = &self.cases[&id];
        let Some(fence) = case.fence.filter(|fence| fence.open.is_none()) else { return };
        let (held, tried) = (now.since(fence.set_at), self.tried(case, fence.team));
        let fact = FenceFact::Opened { reason, held, tried, until };
        self.emit(now, Event::Fence(id, fact), out);
    }

    /// Busy while anybody who may serve is logged in; else the hours are over, or nobody is there.
    fn final_cause(&self, case: &Case, now: Timestamp) -> FinalCause {
        let whom: Vec<Whom> = match case.closed_fence() {
            Some(team) => vec![Whom::Team(team, None), Whom::Covers(team)],
            None => self.asks(case).into_iter().map(|ask| ask.whom).collect(),
        };
        let gate = case.fence.map(|fence| FenceGate { team: fence.team, is_open: fence.open.is_some() });
        let is_there = whom.into_iter().flat_map(|whom| self.meant(whom)).any(|agent| {
            self.live(agent).is_some_and(|person| person.meets(&case.plan.needs))
                && self.passes(agent, gate)
                && !case.avoids(agent)
                && matches!(self.kept(agent, case.channel(), false), None | Some(Obstacle::Away))
        });
        if is_there {
            return FinalCause::Busy;
        }
        let over = match case.closed_fence() {
            Some(team) => {
                let own = self.teams.get(&team).and_then(|group| group.spec.hours);
                self.is_over(own) && self.covers(team).iter().all(|cover| self.is_over(self.teams[cover].spec.hours))
            }
            None => self.is_over(self.queues.get(&case.plan.queue).and_then(|line| line.spec.hours)),
        };
        let hours = match case.closed_fence() {
            Some(team) => self.teams.get(&team).and_then(|group| group.spec.hours),
            None => self.queues.get(&case.plan.queue).and_then(|line| line.spec.hours),
        };
        if over { self.closed_cause(hours, now) } else { FinalCause::NoCover }
    }

    /// Why it is closed: a holiday, or the hour.
    pub(super) fn closed_cause(&self, hours: Option<CalendarId>, now: Timestamp) -> FinalCause {
        let is_holiday = hours
            .and_then(|hours| self.calendars.get(&hours))
            .is_some_and(|hours| hours.calendar.holidays.iter().any(|day| day.from <= now && now < day.to));
        if is_holiday { FinalCause::Holiday } else { FinalCause::ClosedHours }
    }
}

pub(super) fn whom_of_step(who: Who, case: &Case) -> Option<Whom> {
    let team = case.fence.map(|fence| fence.team);
    match who {
        Who::Agent(agent) => Some(Whom::Agent(agent)),
        Who::Lead => case.plan.lead.map(Whom::Agent).or_else(|| team.map(Whom::Lead)),
        Who::Backups => team.map(|team| Whom::Backups(team, case.plan.lead)),
        Who::Team(role) => team.map(|team| Whom::Team(team, role)),
        Who::Covers => team.map(Whom::Covers),
        Who::Queue => Some(Whom::Queue(case.plan.queue)),
    }
}

fn whom_of_transfer(to: &Transfer) -> Option<Whom> {
    match *to {
        Transfer::Agent(agent) => Some(Whom::Agent(agent)),
        Transfer::Team(team) => Some(Whom::Team(team, None)),
        Transfer::Queue(queue) => Some(Whom::Queue(queue)),
        Transfer::Needs(_) => None,
    }
}

/// Whether a transfer comes before the plan's own steps.
pub(super) fn is_redirect(to: &Transfer) -> bool {
    whom_of_transfer(to).is_some()
}
