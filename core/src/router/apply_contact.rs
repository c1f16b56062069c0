//! Decides what an event about a contact changes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::Router;
use super::audience::Audience;
use super::flow::Left;
use super::pool::Gain;
use super::state::{Contact, Phase, Progress};
use crate::bugs::Bug;
use crate::{
    AgentId, Arrival, ConnectFailure, ContactFact, ContactId, ExitAction, FinalCause, Millis, Outcome, Plan, QueueId,
    Relation, RequeueCause, StepCause, Timestamp, Transfer,
};

/// Closed contacts that stay known, at most: a late event about one is refused as `contact_closed`.
pub const CLOSED_KEPT: usize = 100_000;

/// How long a closed contact stays known.
pub const CLOSED_KEPT_FOR: Millis = Millis::from_secs(48 * 3600);

/// Closed contacts forgotten by one event, at most, so that no event takes long.
const FORGOTTEN_AT_ONCE: usize = 4;

const MS_PER_DAY: i64 = 86_400_000;

impl Router {
    pub(super) fn apply_contact(&mut self, at: Timestamp, id: ContactId, fact: &ContactFact) {
        match fact {
            ContactFact::Received(arrival) => self.apply_received(at, arrival),
            ContactFact::Due => self.apply_waiting(at, id),
            ContactFact::Scheduled { at: due } => self.apply_phase(at, id, Phase::Scheduled { at: *due }),
            ContactFact::StepEntered { step, cause } => self.apply_step(at, id, *step, *cause),
            ContactFact::PlanExhausted { cause } => self.apply_exhausted(at, id, *cause),
            ContactFact::Replanned { plan, .. } => self.apply_replanned(at, id, plan),
            ContactFact::Assigned { agent, over_capacity, .. } => {
                self.apply_assigned(at, id, *agent);
                self.note_over_capacity(id, *agent, *over_capacity);
            }
            ContactFact::Connected => self.apply_connected(at, id),
            ContactFact::ConnectFailed { failure } => self.apply_connect_failed(id, *failure),
            ContactFact::WrapUp { until } => {
                if let Some(agent) = self.contacts.get(id.index()).and_then(|contact| contact.phase.holder()) {
                    self.apply_phase(at, id, Phase::WrapUp { agent, until: *until });
                    if self.has(Bug::WrapUpHoldsNothing) {
                        self.take_from(at, id, agent);
                    }
                }
            }
            ContactFact::Parked => self.apply_parked(at, id),
            ContactFact::Resumed { agent, over_capacity } => {
                self.apply_resumed(at, id, *agent);
                self.note_over_capacity(id, *agent, *over_capacity);
            }
            ContactFact::Requeued { cause } => self.apply_requeued(at, id, *cause),
            ContactFact::Transferred { to } => self.apply_transferred(at, id, to),
            ContactFact::Orphaned { until } => {
                if let Some(agent) = self.contacts.get(id.index()).and_then(|contact| contact.phase.holder()) {
                    self.apply_phase(at, id, Phase::Orphaned { agent, until: *until });
                }
            }
            ContactFact::Stalled => self.apply_stalled(at, id),
            ContactFact::CallbackWanted => {}
            ContactFact::Closed { outcome } => self.apply_closed(at, id, *outcome),
            ContactFact::Identified(relation) => self.apply_identified(id, relation),
            ContactFact::Held { until } => self.apply_held(id, *until),
            ContactFact::Consulted { agent, over_capacity } => {
                self.apply_consulted(id, *agent);
                self.note_over_capacity(id, *agent, *over_capacity);
            }
            ContactFact::ConsultEnded => self.end_consult(at, id),
            ContactFact::Overflowed { to, .. } => self.apply_overflowed(at, id, *to),
        }
    }

    fn apply_received(&mut self, at: Timestamp, arrival: &Arrival) {
        let phase = match arrival.scheduled_for {
            Some(due) if due > at => Phase::Scheduled { at: due },
            Some(_) | None => Phase::Waiting,
        };
        let contact = Contact {
            id: arrival.contact,
            channel: arrival.channel,
            customer: arrival.customer,
            source: arrival.source,
            since: arrival.since,
            plan: arrival.plan.clone(),
            thread: arrival.thread,
            matter: arrival.matter,
            familiar: arrival.familiar.clone(),
            prefers: arrival.prefers.clone(),
            avoids: arrival.avoids.clone(),
            fit: arrival.fit.clone(),
            phase,
            phase_since: at,
            kept_since: at,
            step: 0,
            step_since: at,
            wait_from: at,
            progress: Progress::default(),
            redirect: None,
            fence: None,
            held_until: None,
            consulted: None,
            stands_for: None,
            offers: SmallVec::new(),
            excluded: SmallVec::new(),
            ahead: false,
            widenings: 0,
            widened: None,
            agent: None,
            handled_by: SmallVec::new(),
            answered: false,
            places: SmallVec::new(),
            watches: SmallVec::new(),
            roll: None,
            armed: None,
        };
        self.contacts.insert(arrival.contact.index(), Box::new(contact));
        self.replace(arrival.contact);
    }

    /// Moves a contact to a phase; the agent who had it, and has it no longer, gets her capacity back.
    pub(super) fn apply_phase(&mut self, at: Timestamp, id: ContactId, phase: Phase) {
        self.note_departure(at, id, Left::by(phase));
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let before = core::mem::replace(&mut contact.phase, phase);
        contact.phase_since = at;
        let channel = contact.channel;
        if !matches!(phase, Phase::Waiting) {
            contact.held_until = None;
        }
        if !matches!(phase, Phase::Connected { .. } | Phase::Orphaned { .. }) {
            self.end_consult(at, id);
        }
        if before.holder() != phase.holder() {
            if let Some(agent) = before.holder() {
                self.note_lasted(at, id, agent, before);
                self.take_from(at, id, agent);
            }
            if let Some(contact) = self.contacts.get_mut(id.index()) {
                contact.kept_since = at;
            }
            if let Some(agent) = phase.holder()
                && let Some(agent) = self.agents.get_mut(agent.index())
            {
                agent.contacts.push((id, channel));
            }
        }
        if let Phase::Parked { agent } = before
            && let Some(agent) = self.agents.get_mut(agent.index())
        {
            agent.parked.retain(|own| *own != id);
        }
        self.replace(id);
        // What an agent can take depends on what she has, not on how far that is.
        match phase.holder() {
            Some(agent) if before.holder() != Some(agent) => self.reindex(agent, Gain::None),
            // Whoever waits for her by chance learns when she is done at the latest.
            Some(agent) => self.stir_smart(agent),
            None => {}
        }
    }

    fn take_from(&mut self, at: Timestamp, id: ContactId, agent_id: AgentId) {
        let Some(agent) = self.agents.get_mut(agent_id.index()) else { return };
        let channel = agent.contacts.iter().find(|(own, _)| *own == id).map(|(_, channel)| *channel);
        agent.contacts.retain(|(own, _)| *own != id);
        agent.over_capacity.retain(|own| *own != id);
        if let Some(channel) = channel {
            agent.idle.retain(|(own, _)| *own != channel);
            agent.idle.push((channel, at));
        }
        self.reindex(agent_id, Gain::Possible);
    }

    fn apply_waiting(&mut self, at: Timestamp, id: ContactId) {
        if let Some(contact) = self.contacts.get_mut(id.index()) {
            contact.step_since = at;
            contact.wait_from = at;
            contact.progress = Progress { opened: contact.progress.opened, ..Progress::default() };
        }
        self.apply_phase(at, id, Phase::Waiting);
        if let Some(contact) = self.contacts.get_mut(id.index()) {
            contact.kept_since = at;
        }
    }

    fn apply_step(&mut self, at: Timestamp, id: ContactId, step: u8, cause: StepCause) {
        let has_bug = self.has(Bug::HoldCountsFromArrival);
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        if contact.step == step && contact.step_since == at && contact.redirect.is_none() {
            return;
        }
        contact.step = step;
        // A new plan counts the time already waited.
        if cause != StepCause::Replanned && !has_bug {
            contact.step_since = at;
        }
        contact.redirect = None;
        self.replace(id);
    }

    fn apply_exhausted(&mut self, at: Timestamp, id: ContactId, cause: FinalCause) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        if Self::longest_at(contact).is_some_and(|longest| longest <= at) {
            contact.progress.longest = true;
        } else {
            contact.progress.exhausted = true;
        }
        if contact.fence.is_none() && contact.plan.finally.of(cause) == ExitAction::Open {
            contact.progress.opened = true;
        }
        self.replace(id);
    }

    fn apply_replanned(&mut self, at: Timestamp, id: ContactId, plan: &Plan) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let queue = contact.plan.queue;
        contact.plan = plan.clone();
        if contact.plan.queue != queue {
            contact.widenings = 0;
            contact.widened = None;
        }
        contact.step = 0;
        contact.step_since = contact.wait_from;
        contact.redirect = None;
        contact.progress = Progress { opened: contact.progress.opened, ..Progress::default() };
        if !contact.is_waiting() {
            contact.step_since = at;
        }
        self.replace(id);
    }

    fn apply_assigned(&mut self, at: Timestamp, id: ContactId, agent: AgentId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let within = contact.plan.offer.accept_within;
        let deadline = (within > Millis::ZERO).then(|| at + within);
        contact.agent = Some(agent);
        contact.stands_for = None;
        contact.redirect = None;
        self.note_answer(at, id);
        self.turns = self.turns.saturating_add(1);
        let (turn, day) = (self.turns, at.0.div_euclid(MS_PER_DAY));
        if let Some(agent) = self.agents.get_mut(agent.index()) {
            agent.turn = turn;
            agent.today = if agent.today.0 == day { (day, agent.today.1.saturating_add(1)) } else { (day, 1) };
        }
        self.apply_phase(at, id, Phase::Assigned { agent, deadline });
        self.remember(id, agent);
    }

    fn note_over_capacity(&mut self, id: ContactId, agent: AgentId, over: bool) {
        if let Some(agent) = self.agents.get_mut(agent.index())
            && over
            && !agent.over_capacity.contains(&id)
        {
            agent.over_capacity.push(id);
        }
    }

    /// Remembers who has the conversation and the matter.
    fn remember(&mut self, id: ContactId, agent: AgentId) {
        if self.has(Bug::ThreadForgotten) {
            return;
        }
        let Some(contact) = self.contacts.get(id.index()) else { return };
        if let Some(thread) = contact.thread {
            self.threads.insert(thread, (id, agent));
        }
        if let Some(matter) = contact.matter {
            self.matters.insert(matter, (id, agent));
        }
    }

    fn apply_connected(&mut self, at: Timestamp, id: ContactId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let Some(agent) = contact.phase.holder() else { return };
        if !contact.handled_by.contains(&agent) {
            contact.handled_by.push(agent);
        }
        let stalls_at = self.stalls_at(at, id);
        self.apply_phase(at, id, Phase::Connected { agent, stalls_at });
    }

    fn stalls_at(&self, at: Timestamp, id: ContactId) -> Option<Timestamp> {
        let channel = self.channels.get(self.contacts.get(id.index())?.channel.index())?;
        (channel.max_connected > Millis::ZERO).then(|| at + channel.max_connected)
    }

    /// Silence says that it is still connected, and its end may yet be lost: the question comes again.
    fn apply_stalled(&mut self, at: Timestamp, id: ContactId) {
        let again = self.stalls_at(at, id);
        if let Some(contact) = self.contacts.get_mut(id.index())
            && let Phase::Connected { stalls_at, .. } = &mut contact.phase
        {
            *stalls_at = again;
        }
        self.arm_contact(id);
    }

    fn apply_connect_failed(&mut self, id: ContactId, failure: ConnectFailure) {
        let agent = self.contacts.get(id.index()).and_then(|contact| contact.phase.holder());
        if let (Some(agent), ConnectFailure::Agent | ConnectFailure::Deadline) = (agent, failure) {
            self.exclude_agent(id, agent);
        }
    }

    fn apply_parked(&mut self, at: Timestamp, id: ContactId) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let Some(holder) = contact.phase.holder() else { return };
        // Who stood in gives it back.
        let agent = contact.stands_for.filter(|agent| self.live_agent(*agent).is_some()).unwrap_or(holder);
        self.apply_phase(at, id, Phase::Parked { agent });
        let costs = self.has(Bug::ParkedCosts);
        let Some(channel) = self.contacts.get(id.index()).map(|contact| contact.channel) else { return };
        if let Some(agent) = self.agents.get_mut(agent.index()) {
            agent.parked.push(id);
            if costs {
                agent.contacts.push((id, channel));
            }
        }
    }

    fn apply_resumed(&mut self, at: Timestamp, id: ContactId, agent: AgentId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        if let Phase::Parked { agent: own } = contact.phase {
            contact.stands_for = (own != agent).then_some(own);
        }
        contact.agent = Some(agent);
        if !contact.handled_by.contains(&agent) {
            contact.handled_by.push(agent);
        }
        let stalls_at = self.stalls_at(at, id);
        self.apply_phase(at, id, Phase::Connected { agent, stalls_at });
        self.remember(id, agent);
    }

    fn apply_requeued(&mut self, at: Timestamp, id: ContactId, cause: RequeueCause) {
        let has_bug = self.has(Bug::AgeLostOnRequeue);
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.ahead = match cause {
            RequeueCause::ConnectFailed | RequeueCause::AgentLost | RequeueCause::Resumed => true,
            RequeueCause::Agent | RequeueCause::Transfer => contact.ahead,
        };
        contact.stands_for = None;
        let giver = contact.phase.holder();
        if has_bug {
            contact.since = at;
        }
        let is_given = matches!(cause, RequeueCause::Agent | RequeueCause::Transfer);
        if let Some(agent) = giver.filter(|_| is_given) {
            self.exclude_agent(id, agent);
        }
        self.apply_waiting(at, id);
    }

    fn apply_transferred(&mut self, at: Timestamp, id: ContactId, to: &Transfer) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.step = 0;
        contact.step_since = at;
        contact.redirect = Audience::of_transfer(to).map(|_| to.clone());
        match to {
            Transfer::Queue(queue) => {
                contact.plan.queue = *queue;
                contact.widenings = 0;
                contact.widened = None;
            }
            Transfer::Needs(needs) => contact.plan.needs.clone_from(needs),
            Transfer::Agent(agent) => contact.excluded.retain(|known| known != agent),
            Transfer::Team(_) => {}
        }
    }

    fn apply_identified(&mut self, id: ContactId, relation: &Relation) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.customer = relation.customer;
        contact.familiar.clone_from(&relation.familiar);
        contact.prefers.clone_from(&relation.prefers);
        contact.avoids.clone_from(&relation.avoids);
        contact.fit.clone_from(&relation.fit);
        self.replace(id);
    }

    fn apply_held(&mut self, id: ContactId, until: Option<Timestamp>) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.held_until = until;
        self.replace(id);
    }

    fn apply_consulted(&mut self, id: ContactId, agent_id: AgentId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.consulted = Some(agent_id);
        let channel = contact.channel;
        if let Some(agent) = self.agents.get_mut(agent_id.index()) {
            agent.consults.push((id, channel));
        }
        self.reindex(agent_id, Gain::None);
    }

    /// Gives an agent who was asked her capacity back; her idle clock restarts, for this was work.
    fn end_consult(&mut self, at: Timestamp, id: ContactId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        let Some(agent_id) = contact.consulted.take() else { return };
        let channel = contact.channel;
        let Some(agent) = self.agents.get_mut(agent_id.index()) else { return };
        agent.consults.retain(|(own, _)| *own != id);
        agent.over_capacity.retain(|own| *own != id);
        agent.idle.retain(|(own, _)| *own != channel);
        agent.idle.push((channel, at));
        self.reindex(agent_id, Gain::Possible);
    }

    /// Age and longest wait go on; the steps begin anew, and whom it was handed on to before no longer comes first.
    fn apply_overflowed(&mut self, at: Timestamp, id: ContactId, to: QueueId) {
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        contact.plan.queue = to;
        contact.widenings = 0;
        contact.widened = None;
        contact.step = 0;
        contact.step_since = at;
        contact.redirect = None;
        contact.progress.exhausted = false;
        self.replace(id);
    }

    fn apply_closed(&mut self, at: Timestamp, id: ContactId, outcome: Outcome) {
        self.note_end(at, id, outcome);
        self.apply_phase(at, id, Phase::Closed { outcome });
        self.closed.push_back((at, id));
        let Some(contact) = self.contacts.get_mut(id.index()) else { return };
        // What nobody asks of a closed contact is not kept for two days.
        contact.plan.steps = Vec::new();
        contact.plan.needs = Vec::new();
        contact.familiar = Vec::new();
        contact.prefers = Vec::new();
        contact.avoids = Vec::new();
        contact.fit = Vec::new();
        contact.excluded = SmallVec::new();
        contact.redirect = None;
        contact.widened = None;
    }

    /// Forgets closed contacts that are too many or too old.
    pub(super) fn forget(&mut self, at: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let due = self.closed.len() > CLOSED_KEPT
                || self.closed.front().is_some_and(|(closed_at, _)| *closed_at + CLOSED_KEPT_FOR <= at);
            let Some((_, id)) = self.closed.front().copied().filter(|_| due) else { return };
            self.closed.pop_front();
            let Some(contact) = self.contacts.remove(id.index()) else { continue };
            if let Some(thread) =
                contact.thread.filter(|thread| self.threads.get(thread).is_some_and(|(own, _)| *own == id))
            {
                self.threads.remove(&thread);
            }
            if let Some(matter) =
                contact.matter.filter(|matter| self.matters.get(matter).is_some_and(|(own, _)| *own == id))
            {
                self.matters.remove(&matter);
            }
            self.forgotten.0.push(id);
        }
    }
}
