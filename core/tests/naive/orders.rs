//! What an input does, contacts' own apart: arrivals, answers, agents, the place, supervisors.

use picket_core::*;

use super::{Asked, Case, Naive, Place};

impl Naive {
    pub(super) fn grant(&mut self, now: Timestamp, input: Input, out: &mut Vec<Event>) -> Result<(), Rejection> {
        match input {
            Input::Receive(arrival) => self.take_in(now, arrival, out),
            Input::ReceiveEnded(arrival, end) => self.take_note(now, arrival, end, out),
            Input::Contact(contact, command) => self.command(now, contact, command, out),
            Input::Offer(offer, OfferCommand::Accept(agent)) => {
                let asked = self.live_offer(now, offer, agent)?;
                self.emit(now, Event::Offer(offer, OfferFact::Accepted), out);
                self.revoke_offers_of(now, asked.contact, RevokeCause::TakenByOther, out);
                let (how, standing) = (Assignment::Accepted(offer), asked.standing);
                let fact =
                    ContactFact::Assigned { agent, how, standing, over_capacity: false, bypassed: asked.bypassed };
                self.say(now, asked.contact, fact, out);
                Ok(())
            }
            Input::Offer(offer, OfferCommand::Decline(agent, reason)) => {
                self.live_offer(now, offer, agent)?;
                self.emit(now, Event::Offer(offer, OfferFact::Declined { reason }), out);
                Ok(())
            }
            Input::Agent(agent, command) => self.hear(now, agent, command, out),
            Input::World(change) => self.reshape(now, *change, out),
            Input::Supervise(contact, act) => self.supervise(now, contact, act, out),
            Input::Replan(slice, because) => self.replan_slice(now, slice, because, out),
            Input::Team(team, command) => self.lend(now, team, command, out),
            Input::CatchUp(what) => {
                match (what, self.catching_up) {
                    (CatchUp::Begin, None) => {
                        self.emit(now, Event::World(WorldFact::CatchUpBegan { until: now + CATCH_UP_LIMIT }), out);
                    }
                    (CatchUp::End, Some(_)) => self.end_catch_up(now, out),
                    _ => {}
                }
                Ok(())
            }
            Input::ClockJumped(by) => {
                let offers: Vec<(OfferId, Timestamp)> =
                    self.asked.iter().map(|(id, asked)| (*id, asked.expires_at)).collect();
                self.emit(now, Event::World(WorldFact::ClockJumped { by }), out);
                for (id, expires_at) in offers {
                    self.emit(now, Event::Offer(id, OfferFact::Extended { expires_at: expires_at + by }), out);
                }
                Ok(())
            }
        }
    }

    fn can_be_taken(&self, now: Timestamp, arrival: &Arrival) -> Result<(), Rejection> {
        if self.cases.contains_key(&arrival.contact) || self.closed.contains(&arrival.contact) {
            return Err(Rejection::ContactExists);
        }
        if !self.channels.contains_key(&arrival.channel) {
            return Err(Rejection::UnknownChannel);
        }
        if arrival.since > now {
            return Err(Rejection::BadTime);
        }
        self.check_plan(&arrival.plan)
    }

    /// Somebody who had gone before they came.
    fn take_note(
        &mut self,
        now: Timestamp,
        arrival: Box<Arrival>,
        end: EarlyEnd,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.can_be_taken(now, &arrival)?;
        let (id, since, fence) = (arrival.contact, arrival.since, arrival.plan.fence);
        let waits = arrival.scheduled_for.is_none_or(|due| due <= now);
        self.say(now, id, ContactFact::Received(arrival), out);
        if let Some(team) = fence {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
        }
        if waits {
            self.say(now, id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }, out);
        }
        let outcome = match end {
            EarlyEnd::Withdrawn(how) => Outcome::Withdrawn(how),
            EarlyEnd::Forwarded => Outcome::Forwarded,
            EarlyEnd::Abandoned { at } => {
                let waited = if at > now { now.since(since) } else { at.since(since) };
                Outcome::Abandoned { waited, while_offered: false }
            }
        };
        self.say(now, id, ContactFact::Closed { outcome }, out);
        Ok(())
    }

    fn take_in(&mut self, now: Timestamp, arrival: Box<Arrival>, out: &mut Vec<Event>) -> Result<(), Rejection> {
        self.can_be_taken(now, &arrival)?;
        let id = arrival.contact;
        let is_later = arrival.scheduled_for.is_some_and(|due| due > now);
        let turned_away = if is_later || arrival.plan.fence.is_some() { None } else { self.turns_away(now, &arrival) };
        if turned_away == Some((ExitAction::Stay, FinalCause::Busy)) {
            return Err(Rejection::QueueFull);
        }
        let fence = arrival.plan.fence;
        let mut moved = (*arrival).clone();
        self.say(now, id, ContactFact::Received(arrival), out);
        if let Some(team) = fence {
            self.emit(now, Event::Fence(id, FenceFact::Set { team }), out);
        }
        if is_later {
            return Ok(());
        }
        self.say(now, id, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }, out);
        let mut next = turned_away;
        for _ in 0..4 {
            match next {
                Some((action @ (ExitAction::Callback | ExitAction::Divert(_)), cause)) => {
                    self.say(now, id, ContactFact::PlanExhausted { cause }, out);
                    self.exit(now, id, action, cause, FenceReason::HoldOver, out);
                    next = None;
                }
                Some((ExitAction::Overflow(to), cause))
                    if self.cases[&id].plan.queue != to && self.queues.contains_key(&to) =>
                {
                    moved.plan.queue = to;
                    next = self.turns_away(now, &moved);
                    self.say(now, id, ContactFact::Overflowed { to, cause }, out);
                }
                _ => next = None,
            }
        }
        Ok(())
    }

    /// What a closed or full queue does with one more.
    fn turns_away(&self, now: Timestamp, arrival: &Arrival) -> Option<(ExitAction, FinalCause)> {
        let spec = &self.queues.get(&arrival.plan.queue)?.spec;
        if self.is_over(spec.hours) && !matches!(spec.closed, ExitAction::Stay | ExitAction::Open) {
            return Some((spec.closed, self.closed_cause(spec.hours, now)));
        }
        let limit = spec.limit?;
        let waits =
            |case: &&Case| case.waits() && case.closed_fence().is_none() && case.plan.queue == arrival.plan.queue;
        let is_long = self.cases.values().filter(waits).count() >= limit.length as usize;
        let is_slow =
            limit.wait.is_some_and(|wait| self.wait_of_one_more(now, arrival).is_some_and(|expected| expected > wait));
        (is_long || is_slow).then_some((limit.then, FinalCause::Busy))
    }

    pub(super) fn check_plan(&self, plan: &Plan) -> Result<(), Rejection> {
        let holds = plan.steps.iter().flat_map(|step| {
            let holds = step.holds;
            [holds.busy, holds.away, holds.absent, holds.off_shift, holds.left]
        });
        let is_known = holds.into_iter().all(|hold| match hold {
            // No history has a smart hold: stories judge it.
            Hold::For(_) | Hold::Smart(..) => true,
            Hold::Working(_, calendar) => self.calendars.contains_key(&calendar),
        });
        let is_sound = !plan.steps.is_empty()
            && plan.steps.len() <= STEPS_LIMIT
            && plan.promise.within > Millis::ZERO
            && plan.offer.expires > Millis::ZERO
            && self.queues.contains_key(&plan.queue);
        match (is_known, is_sound) {
            (false, _) => Err(Rejection::UnknownCalendar),
            (true, false) => Err(Rejection::BadPlan),
            (true, true) => Ok(()),
        }
    }

    fn live_offer(&self, now: Timestamp, id: OfferId, agent: AgentId) -> Result<Asked, Rejection> {
        match self.asked.get(&id) {
            Some(asked) if asked.agent != agent => Err(Rejection::NotYourOffer),
            Some(asked) if now >= asked.expires_at => Err(Rejection::OfferExpired),
            Some(asked) => Ok(*asked),
            None if (1..=self.last_offer).contains(&id.0) => Err(Rejection::OfferGone),
            None => Err(Rejection::UnknownOffer),
        }
    }

    /// Nobody answered; too often in a row, and she takes no more.
    pub(super) fn expire(&mut self, now: Timestamp, id: OfferId, out: &mut Vec<Event>) {
        let asked = self.asked[&id];
        let case = &self.cases[&asked.contact];
        let (OfferPolicy { misses: limit, away_for, .. }, channel) = (case.plan.offer, case.channel());
        self.emit(now, Event::Offer(id, OfferFact::Expired), out);
        if limit > 0 && self.people[&asked.agent].misses.get(&channel).is_some_and(|row| *row >= limit) {
            let fact = AgentFact::StateChanged {
                channels: Vec::new(),
                presence: Presence::NotReady,
                cause: StateCause::NoAnswer,
                until: (away_for > Millis::ZERO).then(|| now + away_for),
                by: StateSetter::Picket,
            };
            self.emit(now, Event::Agent(asked.agent, fact), out);
            self.revoke_unfit(now, asked.agent, out);
        }
    }

    pub(super) fn revoke_offers_of(&mut self, now: Timestamp, id: ContactId, cause: RevokeCause, out: &mut Vec<Event>) {
        for offer in self.offers_of(id) {
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
    }

    fn hear(
        &mut self,
        now: Timestamp,
        id: AgentId,
        command: AgentCommand,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let person = self.live(id).ok_or(Rejection::UnknownAgent)?;
        let (is_lost, is_away) = (person.lost, person.absences.iter().any(|absence| absence.begun));
        let mut tell = |router: &mut Self, fact| router.emit(now, Event::Agent(id, fact), out);
        match command {
            AgentCommand::SetState { channels, presence, reason, until, by } => {
                if until.is_some_and(|until| until <= now) {
                    return Err(Rejection::BadTime);
                }
                if !channels.iter().all(|channel| self.channels.contains_key(channel)) {
                    return Err(Rejection::UnknownChannel);
                }
                let until = match by {
                    StateSetter::Supervisor => Some(until.unwrap_or(now + OVERRIDE_SPAN)),
                    _ if presence == Presence::Ready => None,
                    _ => until,
                };
                let cause = StateCause::Said(reason);
                tell(self, AgentFact::StateChanged { channels, presence, cause, until, by });
            }
            AgentCommand::Absent { from, until, reason, deputy } => {
                if until <= from || until <= now {
                    return Err(Rejection::BadTime);
                }
                if deputy.is_some_and(|deputy| deputy == id || self.live(deputy).is_none()) {
                    return Err(Rejection::UnknownAgent);
                }
                tell(self, AgentFact::AbsenceSet { from, until, reason, deputy });
                if from <= now {
                    tell(self, AgentFact::AbsenceBegan);
                }
            }
            AgentCommand::Return if is_away => tell(self, AgentFact::AbsenceEnded),
            AgentCommand::Return => return Err(Rejection::BadTime),
            AgentCommand::Load(channel, contacts) => {
                if !self.channels.contains_key(&channel) {
                    return Err(Rejection::UnknownChannel);
                }
                tell(self, AgentFact::LoadReported { channel, contacts });
            }
            AgentCommand::Vouch(word) if is_lost != (word == ExpectedPresence::Lost) => {
                tell(self, AgentFact::Vouched(word));
                self.leave_or_return(now, id, word, out);
            }
            AgentCommand::Pull(contact) => self.pull(now, id, contact, out)?,
            AgentCommand::Vouch(_) => {}
        }
        self.revoke_unfit(now, id, out);
        Ok(())
    }

    /// What she has waits for her a little; what still waits is hers again.
    fn leave_or_return(&mut self, now: Timestamp, id: AgentId, word: ExpectedPresence, out: &mut Vec<Event>) {
        for contact in self.held_by(id) {
            match (word, self.cases[&contact].place) {
                (ExpectedPresence::Lost, Place::Assigned(..) | Place::Connected(..)) => {
                    self.say(now, contact, ContactFact::Orphaned { until: now + ORPHAN_WAIT }, out);
                }
                (ExpectedPresence::Seen, Place::Orphaned(..)) => {
                    let over_capacity = self.people[&id].over_capacity.contains(&contact);
                    self.say(now, contact, ContactFact::Resumed { agent: id, over_capacity }, out);
                }
                _ => {}
            }
        }
    }

    /// Takes back, the latest first, what lies before an agent who cannot take it any more.
    pub(super) fn revoke_unfit(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        let unfit = |router: &Self| {
            router.offers_before(id).into_iter().rev().find_map(|offer| {
                let asked = &router.asked[&offer];
                let channel = router.cases[&asked.contact].channel();
                if router.kept(id, channel, asked.bypassed.hours).is_some() {
                    Some((offer, RevokeCause::AgentAway))
                } else if router.is_overloaded(id, channel) && !asked.bypassed.slots {
                    Some((offer, RevokeCause::NoCapacity))
                } else {
                    None
                }
            })
        };
        while let Some((offer, cause)) = unfit(self) {
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
    }

    pub(super) fn revoke_all_unfit(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let asked: std::collections::BTreeSet<AgentId> = self.asked.values().map(|asked| asked.agent).collect();
        for agent in asked {
            self.revoke_unfit(now, agent, out);
        }
    }

    pub(super) fn revoke_outside(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let outside = self.asked.iter().filter(|(_, asked)| {
            let case = &self.cases[&asked.contact];
            case.closed_fence().is_some_and(|team| !self.is_inside(asked.agent, team))
        });
        let outside: Vec<OfferId> = outside.map(|(id, _)| *id).collect();
        for offer in outside {
            let cause = RevokeCause::Replanned;
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
    }

    fn reshape(&mut self, now: Timestamp, change: WorldChange, out: &mut Vec<Event>) -> Result<(), Rejection> {
        self.check_change(&change)?;
        match &change {
            WorldChange::PutQueue(id, spec) if spec.floor.is_none() => self.restore(now, *id, out),
            WorldChange::RemoveAgent(id) => self.free_from(now, *id, out),
            _ => {}
        }
        self.emit(now, Event::World(WorldFact::Changed(Box::new(change))), out);
        self.revoke_all_unfit(now, out);
        self.revoke_outside(now, out);
        Ok(())
    }

    fn check_change(&self, change: &WorldChange) -> Result<(), Rejection> {
        let is_sound = match change {
            WorldChange::PutCalendar(_, calendar) => {
                [&calendar.windows, &calendar.holidays].into_iter().all(|windows| {
                    windows.iter().all(|window| window.from < window.to)
                        && windows.windows(2).all(|pair| pair[0].to <= pair[1].from)
                })
            }
            WorldChange::PutChannel(_, spec) => spec.cost <= 1_000_000 && spec.slots > 0,
            WorldChange::PutAgent(_, spec) => spec.points <= 1_000_000,
            WorldChange::PutTeam(id, spec) => {
                let is_dated = |member: &Member| match (member.from, member.until) {
                    (Some(from), Some(until)) => from < until,
                    _ => true,
                };
                !spec.covers.contains(id) && spec.members.iter().all(is_dated)
            }
            WorldChange::PutQueue(_, spec) => {
                let widens = spec.widen.windows(2).all(|pair| pair[0].after <= pair[1].after);
                let curves = match &spec.order {
                    QueueOrder::Due(points) => {
                        (1..=8).contains(&points.len())
                            && points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
                    }
                    QueueOrder::Promise | QueueOrder::Fifo => true,
                };
                let floors = spec.floor.is_none_or(|floor| floor.share_permille <= 1000 && floor.over.0 > 0);
                widens && curves && floors && spec.widen.len() < 255
            }
            WorldChange::RemoveAgent(id) => return self.live(*id).map(|_| ()).ok_or(Rejection::UnknownAgent),
            WorldChange::RemoveTeam(id) => {
                let known = self.teams.get(id).is_some_and(|group| !group.removed);
                return if known { Ok(()) } else { Err(Rejection::UnknownTeam) };
            }
        };
        if is_sound { Ok(()) } else { Err(Rejection::BadDefinition) }
    }

    /// Takes everything from somebody who leaves the company.
    fn free_from(&mut self, now: Timestamp, id: AgentId, out: &mut Vec<Event>) {
        for offer in self.offers_before(id) {
            let cause = RevokeCause::AgentAway;
            self.emit(now, Event::Offer(offer, OfferFact::Revoked { cause }), out);
        }
        let asked = self
            .cases
            .values()
            .filter_map(|case| case.consulted.filter(|(asked, _)| *asked == id).map(|(_, n)| (n, case.id)));
        let mut asked: Vec<(u64, ContactId)> = asked.collect();
        asked.sort_unstable();
        for (_, contact) in asked {
            self.say(now, contact, ContactFact::ConsultEnded, out);
        }
        for contact in self.held_by(id) {
            if matches!(self.cases[&contact].place, Place::WrapUp(..)) {
                self.close(now, contact, Outcome::Handled { agent: id, wrap_up_expired: false }, out);
            } else {
                self.say(now, contact, ContactFact::Requeued { cause: RequeueCause::AgentLost }, out);
            }
        }
    }
}
