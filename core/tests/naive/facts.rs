//! What an event changes.

use picket_core::*;

use super::plans::is_redirect;
use super::{Absence, Asked, Case, Fence, Group, Hours, Line, Naive, Person, Place, Said};

const MS_PER_DAY: i64 = 86_400_000;
const EXCLUDED_LIMIT: usize = 8;

impl Naive {
    pub(super) fn change(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Contact(id, fact) => self.change_contact(at, *id, fact),
            Event::Fence(id, fact) => {
                let Some(case) = self.cases.get_mut(id) else { return };
                match fact {
                    FenceFact::Set { team } => {
                        case.fence = Some(Fence { team: *team, set_at: at, open: None, until: None });
                    }
                    FenceFact::Opened { reason, until, .. } => {
                        let fence = case.fence.as_mut().expect("it has one");
                        (fence.open, fence.until) = (Some(*reason), *until);
                    }
                    FenceFact::TeamMissing { .. } => {}
                    FenceFact::Closed => {
                        let team = case.fence.expect("it has one").team;
                        case.fence = Some(Fence { team, set_at: at, open: None, until: None });
                    }
                }
            }
            Event::Offer(id, fact) => self.change_offer(at, *id, fact),
            Event::Agent(id, fact) => self.change_person(at, *id, fact),
            Event::World(fact) => self.change_world(at, fact),
        }
    }

    fn change_offer(&mut self, at: Timestamp, id: OfferId, fact: &OfferFact) {
        if let OfferFact::Made { contact, agent, standing, expires_at, bypassed, .. } = *fact {
            self.note_departure(at, contact, true);
            self.asked.insert(id, Asked { contact, agent, standing, made_at: at, expires_at, bypassed });
            self.last_offer = id.0;
            self.take_turn(agent);
            return;
        }
        if let OfferFact::Extended { expires_at } = fact {
            self.asked.get_mut(&id).expect("it is out").expires_at = *expires_at;
            return;
        }
        let offer = self.asked.remove(&id).expect("it was out");
        let channel = self.cases[&offer.contact].channel();
        if self.offers_of(offer.contact).is_empty() {
            self.case_mut(offer.contact).kept_since = at;
        }
        let person = self.people.get_mut(&offer.agent).expect("she is known");
        match fact {
            OfferFact::Accepted => {
                person.misses.remove(&channel);
            }
            OfferFact::Declined { .. } => {
                person.misses.remove(&channel);
                self.exclude(offer.contact, offer.agent);
            }
            OfferFact::Expired => {
                *person.misses.entry(channel).or_default() += 1;
                self.exclude(offer.contact, offer.agent);
            }
            OfferFact::Made { .. } | OfferFact::Extended { .. } | OfferFact::Revoked { .. } => {}
        }
    }

    fn take_turn(&mut self, agent: AgentId) {
        self.turns += 1;
        self.people.get_mut(&agent).expect("she is known").turn = self.turns;
    }

    fn exclude(&mut self, contact: ContactId, agent: AgentId) {
        let excluded = &mut self.cases.get_mut(&contact).expect("it is live").excluded;
        excluded.retain(|known| *known != agent);
        excluded.push(agent);
        if excluded.len() > EXCLUDED_LIMIT {
            excluded.remove(0);
        }
    }

    fn change_contact(&mut self, at: Timestamp, id: ContactId, fact: &ContactFact) {
        match fact {
            ContactFact::Received(arrival) => self.receive(at, arrival),
            ContactFact::Due => self.wait(at, id),
            ContactFact::Scheduled { at: due } => self.go(at, id, Place::Scheduled(*due)),
            ContactFact::StepEntered { step, cause } => {
                let case = self.case_mut(id);
                case.step = usize::from(*step);
                case.redirect = None;
                if *cause != StepCause::Replanned {
                    case.step_since = at;
                }
            }
            ContactFact::PlanExhausted { cause } => {
                let case = self.case_mut(id);
                if Self::longest_at(case).is_some_and(|longest| longest <= at) {
                    case.longest_reached = true;
                } else {
                    case.exhausted = true;
                }
                case.opened |= case.fence.is_none() && case.plan.finally.of(*cause) == ExitAction::Open;
            }
            ContactFact::Replanned { plan, .. } => self.plan_anew(at, id, plan),
            ContactFact::Assigned { agent, over_capacity, .. } => self.assign(at, id, *agent, *over_capacity),
            ContactFact::Connected => {
                let agent = self.holder(id);
                let stalls_at = self.stalls_at(at, id);
                self.go(at, id, Place::Connected(agent, stalls_at));
            }
            ContactFact::ConnectFailed { failure: ConnectFailure::Agent | ConnectFailure::Deadline } => {
                self.exclude(id, self.holder(id));
            }
            ContactFact::WrapUp { until } => self.go(at, id, Place::WrapUp(self.holder(id), *until)),
            ContactFact::Parked => {
                // Who stood in gives it back.
                let own = self.cases[&id].stands_for.filter(|agent| self.live(*agent).is_some());
                let agent = own.unwrap_or_else(|| self.holder(id));
                self.go(at, id, Place::Parked(agent));
            }
            ContactFact::Resumed { agent, over_capacity } => {
                if let Place::Parked(own) = self.cases[&id].place {
                    self.case_mut(id).stands_for = (own != *agent).then_some(own);
                }
                let stalls_at = self.stalls_at(at, id);
                self.go(at, id, Place::Connected(*agent, stalls_at));
                self.remember(id, *agent);
                self.note_over(id, *agent, *over_capacity);
            }
            ContactFact::Requeued { cause } => {
                let case = self.case_mut(id);
                case.stands_for = None;
                let holder = case.place.holder();
                match (cause, holder) {
                    (RequeueCause::Agent | RequeueCause::Transfer, Some(agent)) => self.exclude(id, agent),
                    (RequeueCause::Agent | RequeueCause::Transfer, None) => {}
                    _ => self.case_mut(id).ahead = true,
                }
                self.wait(at, id);
            }
            ContactFact::Transferred { to } => self.hand_on(at, id, to),
            ContactFact::Orphaned { until } => self.go(at, id, Place::Orphaned(self.holder(id), *until)),
            ContactFact::Stalled => {
                let (agent, again) = (self.holder(id), self.stalls_at(at, id));
                self.case_mut(id).place = Place::Connected(agent, again);
            }
            ContactFact::Closed { outcome } => self.end(at, id, *outcome),
            ContactFact::Identified(relation) => self.identify(id, relation),
            ContactFact::Held { until } => self.case_mut(id).held_until = *until,
            ContactFact::Consulted { agent, over_capacity } => {
                self.handovers += 1;
                self.case_mut(id).consulted = Some((*agent, self.handovers));
                self.note_over(id, *agent, *over_capacity);
            }
            ContactFact::ConsultEnded => self.end_consult(at, id),
            ContactFact::Overflowed { to, .. } => self.overflow(at, id, *to),
            ContactFact::CallbackWanted | ContactFact::ConnectFailed { .. } => {}
        }
    }

    fn identify(&mut self, id: ContactId, relation: &Relation) {
        let arrival = &mut self.case_mut(id).arrival;
        arrival.customer = relation.customer;
        arrival.familiar.clone_from(&relation.familiar);
        arrival.prefers.clone_from(&relation.prefers);
        arrival.avoids.clone_from(&relation.avoids);
        arrival.fit.clone_from(&relation.fit);
    }

    fn overflow(&mut self, at: Timestamp, id: ContactId, to: QueueId) {
        let case = self.case_mut(id);
        case.plan.queue = to;
        case.widenings = 0;
        case.widened = None;
        case.step = 0;
        case.step_since = at;
        case.redirect = None;
        case.exhausted = false;
    }

    fn case_mut(&mut self, id: ContactId) -> &mut Case {
        self.cases.get_mut(&id).expect("it is live")
    }

    fn holder(&self, id: ContactId) -> AgentId {
        self.cases[&id].place.holder().expect("somebody has it")
    }

    fn receive(&mut self, at: Timestamp, arrival: &Arrival) {
        let place = arrival.scheduled_for.filter(|due| *due > at).map_or(Place::Waiting, Place::Scheduled);
        let case = Case {
            id: arrival.contact,
            arrival: arrival.clone(),
            plan: arrival.plan.clone(),
            place,
            step: 0,
            step_since: at,
            wait_from: at,
            exhausted: false,
            longest_reached: false,
            opened: false,
            redirect: None,
            fence: None,
            held_until: None,
            judged: None,
            consulted: None,
            stands_for: None,
            excluded: Vec::new(),
            ahead: false,
            widenings: 0,
            widened: None,
            answered: false,
            kept_since: at,
            held_since: 0,
        };
        self.cases.insert(arrival.contact, case);
    }

    /// Moves a contact; who had it, and has it no longer, is idle from now on.
    fn go(&mut self, at: Timestamp, id: ContactId, place: Place) {
        self.note_departure(at, id, place.holder().is_some());
        if self.cases[&id].place.holder() != place.holder() {
            self.note_lasted(at, id);
        }
        self.handovers += 1;
        let handovers = self.handovers;
        let case = self.case_mut(id);
        let before = std::mem::replace(&mut case.place, place).holder();
        let channel = case.channel();
        if place != Place::Waiting {
            case.held_until = None;
        }
        if !matches!(place, Place::Connected(..) | Place::Orphaned(..)) {
            self.end_consult(at, id);
        }
        if before == place.holder() {
            return;
        }
        let case = self.case_mut(id);
        case.held_since = handovers;
        case.kept_since = at;
        if let Some(person) = before.and_then(|agent| self.people.get_mut(&agent)) {
            person.idle.insert(channel, at);
            person.over_capacity.remove(&id);
        }
    }

    fn end_consult(&mut self, at: Timestamp, id: ContactId) {
        let case = self.case_mut(id);
        let channel = case.channel();
        if let Some(person) = case.consulted.take().and_then(|(agent, _)| self.people.get_mut(&agent)) {
            person.idle.insert(channel, at);
            person.over_capacity.remove(&id);
        }
    }

    fn wait(&mut self, at: Timestamp, id: ContactId) {
        let case = self.case_mut(id);
        case.step_since = at;
        case.wait_from = at;
        case.exhausted = false;
        case.longest_reached = false;
        self.go(at, id, Place::Waiting);
        self.case_mut(id).kept_since = at;
    }

    fn plan_anew(&mut self, at: Timestamp, id: ContactId, plan: &Plan) {
        let case = self.case_mut(id);
        if case.plan.queue != plan.queue {
            case.widenings = 0;
            case.widened = None;
        }
        case.plan = plan.clone();
        case.step = 0;
        case.step_since = if case.waits() { case.wait_from } else { at };
        case.redirect = None;
        case.exhausted = false;
        case.longest_reached = false;
    }

    fn assign(&mut self, at: Timestamp, id: ContactId, agent: AgentId, over: bool) {
        self.note_answer(at, id);
        self.take_turn(agent);
        let day = at.0.div_euclid(MS_PER_DAY);
        let person = self.people.get_mut(&agent).expect("she is known");
        let count = if person.today.0 == day { person.today.1 } else { 0 };
        person.today = (day, count + 1);
        let case = self.case_mut(id);
        case.stands_for = None;
        case.redirect = None;
        let within = case.plan.offer.accept_within;
        let deadline = (within > Millis::ZERO).then(|| at + within);
        self.go(at, id, Place::Assigned(agent, deadline));
        self.remember(id, agent);
        self.note_over(id, agent, over);
    }

    fn note_over(&mut self, id: ContactId, agent: AgentId, over: bool) {
        if over {
            self.people.get_mut(&agent).expect("she is known").over_capacity.insert(id);
        }
    }

    fn remember(&mut self, id: ContactId, agent: AgentId) {
        let arrival = &self.cases[&id].arrival;
        self.threads.extend(arrival.thread.map(|thread| (thread, agent)));
        self.matters.extend(arrival.matter.map(|matter| (matter, agent)));
    }

    fn stalls_at(&self, at: Timestamp, id: ContactId) -> Option<Timestamp> {
        let most = self.channels[&self.cases[&id].channel()].max_connected;
        (most > Millis::ZERO).then(|| at + most)
    }

    fn hand_on(&mut self, at: Timestamp, id: ContactId, to: &Transfer) {
        let case = self.case_mut(id);
        case.step = 0;
        case.step_since = at;
        case.redirect = is_redirect(to).then(|| to.clone());
        match to {
            Transfer::Agent(agent) => case.excluded.retain(|known| known != agent),
            Transfer::Needs(needs) => case.plan.needs.clone_from(needs),
            Transfer::Queue(queue) => {
                case.plan.queue = *queue;
                case.widenings = 0;
                case.widened = None;
            }
            Transfer::Team(_) => {}
        }
    }

    fn end(&mut self, at: Timestamp, id: ContactId, outcome: Outcome) {
        self.note_end(at, id, outcome);
        self.go(at, id, Place::Scheduled(at));
        self.cases.remove(&id);
        self.closed.insert(id);
    }

    fn change_person(&mut self, at: Timestamp, id: AgentId, fact: &AgentFact) {
        let person = self.people.get_mut(&id).expect("she is known");
        match fact {
            AgentFact::StateChanged { channels, presence, cause, until, by } => {
                let said = Said { presence: *presence, cause: *cause, until: *until, by: *by, at };
                person.hear(channels, said);
            }
            AgentFact::AbsenceSet { from, until, deputy, .. } => {
                person.absences.retain(|known| known.from != *from);
                person.absences.push(Absence { from: *from, until: *until, deputy: *deputy, begun: false });
                person.absences.sort_by_key(|absence| absence.from);
            }
            AgentFact::AbsenceBegan => {
                for absence in person.absences.iter_mut().filter(|absence| absence.from <= at) {
                    absence.begun = true;
                }
            }
            AgentFact::AbsenceEnded => person.absences.retain(|absence| !absence.begun),
            AgentFact::LoadReported { channel, contacts: 0 } => {
                person.load.remove(channel);
                person.idle.insert(*channel, at);
            }
            AgentFact::LoadReported { channel, contacts } => {
                person.load.insert(*channel, *contacts);
            }
            AgentFact::Vouched(word) => person.lost = *word == ExpectedPresence::Lost,
        }
    }

    fn change_world(&mut self, at: Timestamp, fact: &WorldFact) {
        match fact {
            WorldFact::Changed(change) => self.change_place(at, change),
            WorldFact::ReserveReleased { team, queue } => {
                self.teams.get_mut(team).expect("it is known").released.push(*queue);
                self.look_at_floor(at, *queue);
            }
            WorldFact::ReserveRestored { team, queue } => {
                self.teams.get_mut(team).expect("it is known").released.retain(|known| known != queue);
                self.look_at_floor(at, *queue);
            }
            WorldFact::Lent { team, queue, until } => {
                self.teams.get_mut(team).expect("it is known").lent.insert(*queue, *until);
            }
            WorldFact::LendingEnded { team, queue } => {
                self.teams.get_mut(team).expect("it is known").lent.remove(queue);
            }
            WorldFact::Widened { contact, needs } => {
                let case = self.cases.get_mut(contact).expect("it is live");
                let widen = &self.queues[&case.plan.queue].spec.widen;
                case.widenings = widen.iter().filter(|widening| case.arrival.since + widening.after <= at).count();
                case.widened = Some(needs.clone());
            }
            WorldFact::HoursTurned { calendar, open } => {
                let hours = self.calendars.get_mut(calendar).expect("it is known");
                hours.open = *open;
                hours.looked_at = at;
            }
            WorldFact::MembershipTurned { team } => self.look_at_members(at, *team),
            WorldFact::ClockJumped { by } => {
                for case in self.cases.values_mut() {
                    match &mut case.place {
                        Place::Assigned(_, Some(until)) | Place::Orphaned(_, until) => *until = *until + *by,
                        _ => {}
                    }
                }
                self.catching_up = self.catching_up.map(|until| until + *by);
            }
            WorldFact::CatchUpBegan { until } => self.catching_up = Some(*until),
            WorldFact::CatchUpEnded => self.catching_up = None,
            WorldFact::CalendarRunsOut { calendar } => {
                self.calendars.get_mut(calendar).expect("it is known").asked = true;
            }
        }
    }

    fn change_place(&mut self, at: Timestamp, change: &WorldChange) {
        match change {
            WorldChange::PutCalendar(id, calendar) => {
                let open = super::clock::is_open(calendar, at);
                self.calendars.insert(*id, Hours { calendar: calendar.clone(), open, asked: false, looked_at: at });
            }
            WorldChange::PutChannel(id, spec) => {
                self.channels.insert(*id, spec.clone());
            }
            WorldChange::PutAgent(id, spec) => {
                let person = self.people.entry(*id).or_insert_with(|| Person::new(at, spec));
                person.spec = spec.clone();
                person.removed = false;
            }
            WorldChange::RemoveAgent(id) => {
                let person = self.people.get_mut(id).expect("she is known");
                let kept = person.clone();
                *person = Person::new(at, &kept.spec);
                person.removed = true;
                (person.idle, person.login, person.misses) = (kept.idle, kept.login, kept.misses);
                (person.today, person.turn, person.over_capacity) = (kept.today, kept.turn, kept.over_capacity);
                person.lasted = kept.lasted;
            }
            WorldChange::PutTeam(id, spec) => {
                let group = self.teams.entry(*id).or_insert_with(|| Group {
                    spec: spec.clone(),
                    removed: false,
                    members: Vec::new(),
                    released: Vec::new(),
                    lent: std::collections::BTreeMap::new(),
                    looked_at: at,
                });
                group.spec = spec.clone();
                group.removed = false;
                let mut released = std::mem::take(&mut group.released);
                released.retain(|queue| group.relieves(*queue));
                group.released = released;
                self.look_at_members(at, *id);
            }
            WorldChange::RemoveTeam(id) => {
                let group = self.teams.get_mut(id).expect("it is known");
                group.removed = true;
                group.released.clear();
                group.lent.clear();
                self.look_at_members(at, *id);
            }
            WorldChange::PutQueue(id, spec) => {
                let line = self.queues.entry(*id).or_insert_with(|| Line {
                    spec: spec.clone(),
                    waits: Vec::new(),
                    looked_at: at,
                });
                if line.spec.floor != spec.floor {
                    line.waits.clear();
                }
                line.spec = spec.clone();
            }
        }
        if matches!(change, WorldChange::PutTeam(..) | WorldChange::RemoveTeam(_) | WorldChange::PutQueue(..)) {
            self.queues.values_mut().for_each(|line| line.looked_at = at);
        }
    }

    fn look_at_members(&mut self, at: Timestamp, id: TeamId) {
        let group = self.teams.get_mut(&id).expect("it is known");
        let mut current: Vec<&Member> = group.spec.members.iter().filter(|_| !group.removed).collect();
        current
            .retain(|member| member.from.is_none_or(|from| from <= at) && member.until.is_none_or(|until| at < until));
        current.sort_by_key(|member| (member.rank, member.agent));
        group.members = current.into_iter().map(|member| (member.agent, member.role)).collect();
        group.looked_at = at;
    }
}
