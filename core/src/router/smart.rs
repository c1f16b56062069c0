//! Decides how long a smart hold lasts: while the chance that one of the step's busy people frees up before its limit,
//! given how long what she has already lasted, is at least what the plan asks.
//!
//! The chance only falls while nothing happens, so its end is a moment that can be found beforehand; the step's timer
//! stands there. It is judged again whenever what one of these people has, or her state, changes, and with what is known by
//! then of how long contacts last.

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    on: Case,
    /// When it is over if nothing happens.
    until: Timestamp,
    /// The chance that is left then, in thousandths; none if its limit ends it.
    chance: Option<u16>,
}

/// What a smart hold is judged on, beside what is known of how long contacts last. While it is the same, a judgement
/// stands: what others finish meanwhile moves no deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    audience: Audience,
    since: Timestamp,
    limit: Timestamp,
    least: u16,
    people: Vec<Busy>,
}

/// The smart holds that run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Smarts {
    judged: BTreeMap<ContactId, Judged>,
    watched: BTreeSet<(Audience, ContactId)>,
    /// To be judged once an event is applied as a whole.
    #[serde(skip)]
    unjudged: BTreeSet<ContactId>,
}

impl Smarts {
    fn put(&mut self, contact: ContactId, judged: Option<Judged>) {
        let audience = judged.as_ref().map(|judged| judged.on.audience);
        let before = match judged {
            Some(judged) => self.judged.insert(contact, judged),
            None => self.judged.remove(&contact),
        };
        let before = before.map(|before| before.on.audience);
        if before != audience {
            self.watched.extend(audience.map(|audience| (audience, contact)));
            before.map(|before| self.watched.remove(&(before, contact)));
        }
    }
}

/// One thing that keeps a person, and until when it may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Task {
    channel: ChannelId,
    /// Counted from here; from the step's start where nobody knows since when she has it.
    since: Timestamp,
    /// Ends by itself.
    by: Option<Timestamp>,
    /// Its end alone makes room.
    frees: bool,
}

/// What keeps one busy person; nothing, if she has room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Busy {
    agent: AgentId,
    tasks: Vec<Task>,
}

/// What keeps one busy person, with what is known of how long such things last.
struct Known<'a>(Vec<(&'a Task, Experience)>);

impl Known<'_> {
    fn is_known(&self) -> bool {
        self.0.iter().all(|(task, experience)| task.by.is_some() || experience.is_known())
    }

    /// The chance that she frees up between `now` and `limit`, in millionths: that one of the tasks ends whose end makes
    /// room, or all do.
    fn chance(&self, now: Timestamp, limit: Timestamp) -> u64 {
        let chance = |(task, experience): &(&Task, Experience)| {
            if task.by.is_some_and(|by| by <= limit) {
                return CERTAIN;
            }
            u64::from(experience.chance(now.since(task.since).0, limit.since(task.since).0)) * (CERTAIN / 1000)
        };
        if self.0.iter().any(|(task, _)| task.frees) {
            CERTAIN - missed(self.0.iter().filter(|(task, _)| task.frees).map(chance))
        } else {
            self.0.iter().fold(CERTAIN, |all, task| all * chance(task) / CERTAIN)
        }
    }
}

/// The chance that none of several happens.
fn missed(chances: impl Iterator<Item = u64>) -> u64 {
    chances.fold(CERTAIN, |missed, one| missed * (CERTAIN - one.min(CERTAIN)) / CERTAIN)
}

fn chance_of(people: &[Known<'_>], now: Timestamp, limit: Timestamp) -> u16 {
    let chance = CERTAIN - missed(people.iter().map(|known| known.chance(now, limit)));
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

    /// Notes that a contact's smart hold, if it is under one, must be judged.
    pub(crate) fn note_unjudged(&mut self, contact: ContactId) {
        let is_smart =
            |contact: &Contact| contact.current_step().is_some_and(|step| matches!(step.holds.busy, Hold::Smart(..)));
        if self.contacts.get(contact.index()).is_some_and(|contact| is_smart(contact))
            || self.smarts.judged.contains_key(&contact)
        {
            self.smarts.unjudged.insert(contact);
        }
    }

    /// Judges what must be, after an event was applied.
    pub(super) fn judge(&mut self) {
        while let Some(id) = self.smarts.unjudged.pop_first() {
            let case = self.contacts.get(id.index()).and_then(|contact| self.smart_case(contact));
            let before = self.smarts.judged.get(&id);
            if before.map(|before| &before.on) == case.as_ref() {
                continue;
            }
            let judged = case.map(|case| self.judged(case));
            self.smarts.put(id, judged);
            self.work.contacts.insert(id);
            self.rearm_contact(id);
        }
    }

    fn judged(&self, on: Case) -> Judged {
        let people: Vec<Known<'_>> = on.people.iter().map(|busy| self.known(busy)).collect();
        let is_over = |at| chance_of(&people, at, on.limit) < on.least;
        let (mut early, mut late) = (on.since, on.limit);
        if people.iter().any(|known| !known.is_known()) || !is_over(on.limit) {
            return Judged { until: on.limit, chance: None, on };
        }
        // The chance never rises: the first moment at which it is too low lies between the two.
        while early < late {
            let middle = Timestamp(early.0 + (late.0 - early.0) / 2);
            if is_over(middle) { late = middle } else { early = Timestamp(middle.0 + 1) }
        }
        let chance = (late < on.limit).then(|| chance_of(&people, late, on.limit));
        Judged { until: late, chance, on }
    }

    fn known<'a>(&self, busy: &'a Busy) -> Known<'a> {
        let agent = self.agents.get(busy.agent.index());
        let known = |task: &'a Task| Some((task, self.experience(agent?, task.channel)));
        Known(busy.tasks.iter().filter_map(known).collect())
    }

    /// The smart hold that a contact is under, and those for whom it waits: who could serve if they were not busy.
    fn smart_case(&self, contact: &Contact) -> Option<Case> {
        if !contact.is_waiting() || contact.redirect.is_some() || contact.progress.exhausted {
            return None;
        }
        let Hold::Smart(most, least) = contact.current_step()?.holds.busy else { return None };
        let audience = contact.current_audience()?;
        let lane = self.own_lane(contact, audience)?;
        let (since, limit) = (contact.step_since, contact.step_since + most);
        Some(Case { audience, since, limit, least, people: self.busy_people(contact, &lane.key.demand()) })
    }

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
                let tasks =
                    if is_free { Vec::new() } else { self.tasks(agent, demand.channel, slots, contact.step_since) };
                people.push(Busy { agent: id, tasks });
            }
            ControlFlow::Continue(())
        });
        people
    }

    /// What takes an agent's capacity, since when or at least since a moment.
    fn tasks(&self, agent: &Agent, channel: ChannelId, slots: Slots, least: Timestamp) -> Vec<Task> {
        let task = |on, since: Option<Timestamp>, by| {
            let (since, frees) = (since.unwrap_or(least), self.frees(agent, channel, on, slots));
            Task { channel: on, since, by, frees }
        };
        let mut tasks: Vec<Task> = Vec::new();
        for (id, on) in &agent.contacts {
            let held = self.contacts.get(id.index());
            tasks.push(task(*on, held.map(|held| held.kept_since), held.and_then(|held| held.free_by())));
        }
        for (id, on) in &agent.offers {
            tasks.push(task(*on, self.offers.get(id).map(|offer| offer.made_at), None));
        }
        tasks.extend(agent.consults.iter().map(|(_, on)| task(*on, None, None)));
        for (on, contacts) in &agent.load {
            tasks.extend((0..*contacts.min(&8)).map(|_| task(*on, None, None)));
        }
        tasks.sort_unstable();
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
        let audiences = self.audiences(agent);
        for audience in audiences {
            let watched = self.smarts.watched.range((audience, ContactId(0))..=(audience, ContactId(u32::MAX)));
            self.smarts.unjudged.extend(watched.map(|(_, contact)| *contact));
        }
    }

    /// The chance, in thousandths, that one of those for whom a contact waits under a smart hold frees up in time; `None`
    /// without such a hold, or while too little is known.
    #[must_use]
    pub fn chance_permille(&self, id: ContactId, now: Timestamp) -> Option<u16> {
        let contact = self.contacts.get(id.index())?;
        let on = self.smart_case(contact)?;
        let people: Vec<Known<'_>> = on.people.iter().map(|busy| self.known(busy)).collect();
        let is_known = !people.is_empty() && people.iter().all(Known::is_known);
        is_known.then(|| chance_of(&people, now.max(on.since), on.limit))
    }
}
