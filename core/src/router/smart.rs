//! Decides how long a smart hold lasts: while the chance that one of the step's busy people frees up before its limit,
//! given how long what she has already lasted, is at least what the plan asks.
//!
//! The chance only falls while nothing happens, so its end is a moment that can be found beforehand; the step's timer
//! stands there. It is judged again whenever what one of these people has, or her state, changes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::Router;
use super::audience::Audience;
use super::capacity::{Condition, Shift, Slots};
use super::check::Demand;
use super::learn::Experience;
use super::state::{Agent, Contact};
use super::steps::StepEnd;
use crate::{AgentId, ChannelId, ContactId, Hold, StepCause, Timestamp};

/// Chances are multiplied in millionths.
const CERTAIN: u64 = 1_000_000;

/// How a contact's smart hold was judged last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    audience: Audience,
    /// When it is over if nothing happens.
    pub(crate) until: Timestamp,
    /// The chance that is left then, in thousandths; none if its limit ends it.
    pub(crate) chance: Option<u16>,
}

/// The smart holds that run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Smarts {
    judged: BTreeMap<ContactId, Judged>,
    watched: BTreeSet<(Audience, ContactId)>,
}

impl Smarts {
    fn put(&mut self, contact: ContactId, judged: Option<Judged>) {
        let before = match judged {
            Some(judged) => self.judged.insert(contact, judged),
            None => self.judged.remove(&contact),
        };
        if before.map(|before| before.audience) == judged.map(|judged| judged.audience) {
            return;
        }
        if let Some(before) = before {
            self.watched.remove(&(before.audience, contact));
        }
        if let Some(judged) = judged {
            self.watched.insert((judged.audience, contact));
        }
    }
}

/// One thing that keeps a person, and until when it may.
#[derive(Clone, Debug)]
struct Task {
    experience: Experience,
    /// Counted from here; none for work of which nobody knows the start.
    since: Option<Timestamp>,
    /// Ends by itself.
    by: Option<Timestamp>,
    /// Its end alone makes room.
    frees: bool,
}

impl Task {
    /// The chance that it ends between `now` and `limit`, in millionths.
    fn chance(&self, now: Timestamp, limit: Timestamp) -> u64 {
        if self.by.is_some_and(|by| by <= limit) {
            return CERTAIN;
        }
        let since = self.since.unwrap_or(now);
        u64::from(self.experience.chance(now.since(since).0, limit.since(since).0)) * (CERTAIN / 1000)
    }
}

/// What keeps one busy person.
#[derive(Clone, Debug)]
struct Busy(Vec<Task>);

impl Busy {
    fn is_known(&self) -> bool {
        self.0.iter().all(|task| task.by.is_some() || task.experience.is_known())
    }

    /// The chance that she frees up: that one of the tasks ends whose end makes room, or all do.
    fn chance(&self, now: Timestamp, limit: Timestamp) -> u64 {
        if self.0.iter().any(|task| task.frees) {
            let frees = self.0.iter().filter(|task| task.frees);
            CERTAIN - missed(frees.map(|task| task.chance(now, limit)))
        } else {
            self.0.iter().fold(CERTAIN, |all, task| all * task.chance(now, limit) / CERTAIN)
        }
    }
}

/// The chance that none of several happens.
fn missed(chances: impl Iterator<Item = u64>) -> u64 {
    chances.fold(CERTAIN, |missed, one| missed * (CERTAIN - one.min(CERTAIN)) / CERTAIN)
}

fn chance_of(people: &[Busy], now: Timestamp, limit: Timestamp) -> u16 {
    let chance = CERTAIN - missed(people.iter().map(|busy| busy.chance(now, limit)));
    u16::try_from(chance / (CERTAIN / 1000)).unwrap_or(1000)
}

impl Router {
    /// The end of a step whose busy people are under a smart hold, after that of its other people.
    pub(crate) fn smart_end(&self, contact: &Contact, others: StepEnd) -> StepEnd {
        let Some(judged) = self.smarts.judged.get(&contact.id) else { return others };
        let Some(at) = others.at else { return others };
        match judged.chance {
            Some(chance_permille) if judged.until >= at => {
                StepEnd { at: Some(judged.until), cause: StepCause::Unlikely { chance_permille } }
            }
            Some(_) | None => StepEnd { at: Some(at.max(judged.until)), cause: StepCause::HoldOver },
        }
    }

    /// Judges a contact's smart hold anew, if it is under one. The only writer of what was judged.
    pub(crate) fn judge(&mut self, id: ContactId) {
        let Some(contact) = self.contacts.get(id.index()) else {
            self.smarts.put(id, None);
            return;
        };
        let judged = self.judged(contact);
        if judged.is_some() || !self.smarts.judged.is_empty() {
            self.smarts.put(id, judged);
        }
    }

    fn judged(&self, contact: &Contact) -> Option<Judged> {
        let (audience, demand, limit, least) = self.smart_hold(contact)?;
        let people = self.busy_people(contact, &demand);
        if people.iter().any(|busy| !busy.is_known()) {
            return Some(Judged { audience, until: limit, chance: None });
        }
        let is_over = |at| chance_of(&people, at, limit) < least;
        let (mut early, mut late) = (contact.step_since, limit);
        if !is_over(limit) {
            return Some(Judged { audience, until: limit, chance: None });
        }
        // The chance never rises: the first moment at which it is too low lies between the two.
        while early < late {
            let middle = Timestamp(early.0 + (late.0 - early.0) / 2);
            if is_over(middle) { late = middle } else { early = Timestamp(middle.0 + 1) }
        }
        let chance = (late < limit).then(|| chance_of(&people, late, limit));
        Some(Judged { audience, until: late, chance })
    }

    /// The smart hold that a contact is under: for whom, until when at the latest, and the least chance.
    fn smart_hold<'a>(&'a self, contact: &'a Contact) -> Option<(Audience, Demand<'a>, Timestamp, u16)> {
        if !contact.is_waiting() {
            return None;
        }
        let Hold::Smart(most, least) = contact.current_step()?.holds.busy else { return None };
        if contact.redirect.is_some() || contact.progress.exhausted {
            return None;
        }
        let audience = contact.current_audience()?;
        let lanes = contact.places.iter().rev().filter_map(|place| self.lanes.get(place.lane));
        let lane = lanes.into_iter().find(|lane| lane.key.audience == audience)?;
        Some((audience, lane.key.demand(), contact.step_since + most, least))
    }

    /// The people of a step who could serve if they were not busy.
    fn busy_people(&self, contact: &Contact, demand: &Demand<'_>) -> Vec<Busy> {
        let shift = if demand.bypass.hours { Shift::Skip } else { Shift::Matters };
        let slots = if demand.bypass.slots { Slots::Skip } else { Slots::Count };
        let mut people = Vec::new();
        let _: ControlFlow<()> = self.each_person(demand.audience, |id| {
            if let Some(agent) = self.agents.get(id.index())
                && self.is_able(agent, demand)
                && !contact.avoids(id)
                && !contact.excludes(id)
                && self.condition(agent, demand.channel, shift) == Condition::Here
            {
                // One who has room is not waited for by chance.
                let is_free = self.has_room(agent, demand.channel, slots);
                people.push(Busy(if is_free { Vec::new() } else { self.tasks(agent, demand.channel, slots) }));
            }
            ControlFlow::Continue(())
        });
        people
    }

    /// What takes an agent's capacity.
    fn tasks(&self, agent: &Agent, channel: ChannelId, slots: Slots) -> Vec<Task> {
        let task = |on: ChannelId, since, by| Task {
            experience: self.experience(agent, on),
            since,
            by,
            frees: self.frees(agent, channel, on, slots),
        };
        let mut tasks: Vec<Task> = Vec::new();
        for (id, on) in &agent.contacts {
            let held = self.contacts.get(id.index());
            tasks.push(task(*on, held.map(|held| held.kept_since), held.and_then(|held| held.free_by())));
        }
        for (id, on) in &agent.offers {
            tasks.push(task(*on, self.offers.get(id).map(|offer| offer.made_at), None));
        }
        for (on, contacts) in &agent.load {
            tasks.extend((0..*contacts.min(&8)).map(|_| task(*on, None, None)));
        }
        tasks
    }

    /// Whether there is room for one more contact of a channel once one of another channel ends.
    fn frees(&self, agent: &Agent, channel: ChannelId, ended: ChannelId, slots: Slots) -> bool {
        let (Some(spec), Some(other)) = (self.channels.get(channel.index()), self.channels.get(ended.index())) else {
            return false;
        };
        let freed = if other.interruptible_by.contains(&channel) { 0 } else { u64::from(other.cost) };
        let points = self.points_for(agent, channel).saturating_sub(freed) + u64::from(spec.cost);
        let taken = self.contacts_on(agent, channel).saturating_sub(u64::from(ended == channel));
        points <= u64::from(agent.spec.points)
            && (slots == Slots::Skip || taken < u64::from(self.slots_of(agent, channel)))
    }

    /// Looks again at the contacts under a smart hold for an agent whose work changed.
    pub(crate) fn stir_smart(&mut self, id: AgentId) {
        if self.smarts.watched.is_empty() {
            return;
        }
        let Some(agent) = self.agents.get(id.index()) else { return };
        let mut stirred: Vec<ContactId> = Vec::new();
        for audience in self.audiences(agent) {
            let watched = self.smarts.watched.range((audience, ContactId(0))..=(audience, ContactId(u32::MAX)));
            stirred.extend(watched.map(|(_, contact)| *contact));
        }
        stirred.into_iter().for_each(|contact| self.stir(contact));
    }

    /// The chance, in thousandths, that one of those for whom a contact waits under a smart hold frees up in time; `None`
    /// without such a hold, or while too little is known.
    #[must_use]
    pub fn chance_permille(&self, id: ContactId, now: Timestamp) -> Option<u16> {
        let contact = self.contacts.get(id.index())?;
        let (_, demand, limit, _) = self.smart_hold(contact)?;
        let people = self.busy_people(contact, &demand);
        let is_known = !people.is_empty() && people.iter().all(Busy::is_known);
        is_known.then(|| chance_of(&people, now.max(contact.step_since), limit))
    }
}
