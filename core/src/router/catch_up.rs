//! Decides when nobody is offered anything, and who gets what when that is over.
//!
//! After an outage it is told what happened meanwhile, and who seems to wait may be gone by a word that stands further back.
//! While that is listened to nobody is offered or assigned anything, and so no step of a plan is over either: its people
//! were not asked, and their time has not run. Everything else goes on: whoever leaves is gone, answers count, deadlines
//! pass, the longest wait ends where it ends, and people do by hand what they like.
//!
//! When it is over there is one pass. Whom nobody can take moves on first, as at all times. Then each agent is looked at
//! once, by number: the best contact for her is put before whom it is entitled to, unless there is a better one for that
//! person; and so on, until nothing is left for her. So each costs what a login costs, however many are free and however
//! many wait.

use alloc::vec::Vec;

use smallvec::SmallVec;

use super::Router;
use super::choice::Choice;
use super::steps::Advance;
use super::stirred::Stirred;
use super::timers::Timer;
use crate::bugs::Bug;
use crate::{AgentId, CatchUp, ContactId, Event, Millis, Timestamp, WorldFact};

/// How long catching up lasts at most.
pub const CATCH_UP_LIMIT: Millis = Millis::from_secs(30);

impl Router {
    /// When catching up ends by itself; `None` while nothing is caught up with.
    #[must_use]
    pub const fn catching_up(&self) -> Option<Timestamp> {
        self.timers.catch_up()
    }

    pub(super) fn is_nobody_offered(&self) -> bool {
        self.catching_up().is_some() && !self.has(Bug::OffersWhileCatchingUp)
    }

    /// Whether the holds of steps run, and the needs of queues widen.
    pub(super) fn steps_go_on(&self) -> bool {
        self.catching_up().is_none() || self.has(Bug::HoldsRunWhileCatchingUp)
    }

    pub(super) fn on_catch_up(&mut self, now: Timestamp, what: CatchUp, out: &mut Vec<Event>) {
        match (what, self.catching_up()) {
            (CatchUp::Begin, None) => {
                self.emit(now, Event::World(WorldFact::CatchUpBegan { until: now + CATCH_UP_LIMIT }), out);
            }
            (CatchUp::End, Some(_)) => self.end_catch_up(now, out),
            (CatchUp::Begin, Some(_)) | (CatchUp::End, None) => {}
        }
    }

    pub(super) fn end_catch_up(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.emit(now, Event::World(WorldFact::CatchUpEnded), out);
        if !self.has(Bug::CatchUpWithoutAnEnd) {
            self.serve_everybody(now, out);
        }
    }

    /// The steps of whoever waits stand still from here on, or go on.
    pub(super) fn apply_catch_up(&mut self, until: Option<Timestamp>) {
        let timer = |at| (at, Timer::CatchUp);
        self.rearm(self.catching_up().map(timer), until.map(timer));
        let waiting = self.contacts.iter().map(|(_, contact)| contact).filter(|contact| contact.is_waiting());
        let waiting: Vec<ContactId> = waiting.map(|contact| contact.id).collect();
        waiting.into_iter().for_each(|contact| self.rearm_contact(contact));
    }

    /// A jump of the clock is no time in which anything was listened to.
    pub(super) fn extend_catch_up(&mut self, by: Millis) {
        let timer = |at| (at, Timer::CatchUp);
        let until = self.catching_up();
        self.rearm(until.map(timer), until.map(|until| timer(until + by)));
    }

    /// What is settled while nobody is offered anything.
    pub(super) fn settle_without_offers(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        loop {
            self.move_on(now, out);
            if !self.review_floors(now, out) {
                break;
            }
        }
        self.work.agents.clear();
    }

    fn serve_everybody(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.move_on(now, out);
        let agents: Vec<AgentId> = self.agents.iter().map(|(_, agent)| agent.id).collect();
        for agent in agents {
            while let Some((contact, choices)) = self.best_from(agent, now) {
                self.put_before_all(now, contact, choices, out);
            }
        }
    }

    /// Everybody moves on whose time has come and whom nobody can take.
    fn move_on(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.stir_due(now);
        let mut stirred = Stirred::default();
        while let Some(id) = self.next_stirred(&mut stirred) {
            let contact = self.contacts.get(id.index());
            let is_stuck = self.is_nobody_offered() || contact.is_some_and(|contact| self.choose(contact).is_empty());
            if is_stuck && self.advance(now, id, out) == Advance::Moved {
                self.work.contacts.insert(id);
            }
        }
    }

    /// The best contact for an agent and before whom it is put, or that of whoever it is put before instead; and so on. Two
    /// who are each entitled to the other's best contact have these.
    fn best_from(&self, agent: AgentId, now: Timestamp) -> Option<(ContactId, Vec<Choice>)> {
        let mut seen: SmallVec<[AgentId; 4]> = SmallVec::new();
        let mut person = agent;
        loop {
            seen.push(person);
            let id = self.best_contact(person, now)?;
            let choices = self.choose(self.contacts.get(id.index())?);
            let first = choices.first()?.agent;
            if seen.contains(&first) {
                return Some((id, choices));
            }
            person = first;
        }
    }
}
