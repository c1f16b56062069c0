//! Decides how a decision is explained: whom a contact is put before and by what order, and the first check that each of
//! the others fails. A record of a decision is no part of the state: it lies beside the events, and the same inputs at
//! the same detail give the same records.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use serde::Serialize;

use super::Router;
use super::audience::Audience;
use super::choice::Choice;
use super::lanes::LaneKey;
use super::state::{Agent, Contact};
use crate::{AgentId, Bypass, ContactId, Obstacle, Pick, Standing, Timestamp};

/// Candidates named in a record, at most; of a fence's team every member is named all the same.
pub const NAMED_LIMIT: usize = 16;

/// Records kept until they are drained; the oldest go first.
pub const DECISIONS_KEPT: usize = 4096;

/// How much of each decision is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Nothing.
    #[default]
    Off,
    /// Whom, by what order, and the checks of a fence's people.
    Summary,
    /// Candidates of every step, and how many others fail which check.
    Full,
}

/// One decision: a contact is put before somebody, or, when asked for, before nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Which contact.
    pub contact: ContactId,
    /// The rule set that planned it.
    pub rules: u32,
    /// The step it is in, from 0.
    pub step: u8,
    /// Whom it is put before.
    pub winner: Option<Winner>,
    /// Those looked at, in order of preference: who can serve first, then by step.
    pub candidates: Vec<Candidate>,
    /// How many others fail which check first, in order of checks.
    pub others: Vec<(Check, u32)>,
}

/// Whom a contact is put before, and what decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Winner {
    /// Who.
    pub agent: AgentId,
    /// What she is to the contact.
    pub standing: Standing,
    /// The step through which she was found.
    pub step: u8,
    /// What put her first.
    pub by: By,
    /// How one of several equal people is chosen there.
    pub pick: Pick,
    /// Her rank by that way of choosing; the lowest is chosen.
    pub rank: u64,
    /// Equal ranks are decided by who is idle longest.
    pub idle_since: Timestamp,
    /// Checks that she fails and that are skipped for her.
    pub bypassed: Bypass,
}

/// What put the winner first; the order of the variants is the order of comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// She has the open conversation.
    Thread,
    /// She has the matter.
    Matter,
    /// The customer prefers her.
    Preferred,
    /// She handled this customer before.
    Familiar {
        /// How often.
        contacts: u32,
        /// When the last one ended.
        last: Timestamp,
    },
    /// The step's way of choosing.
    Pick,
}

/// Somebody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// What she is to the contact.
    pub standing: Standing,
    /// The step that names her, from 0; the first of several.
    pub step: Option<u8>,
    /// The first check that she fails.
    pub check: Check,
    /// What she has of this contact's channel, and her slots.
    pub slots: (u32, u32),
    /// Points in use, and her points.
    pub points: (u32, u32),
}

/// The checks, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// None fails: she can serve.
    Passed,
    /// It lies before her.
    Asked,
    /// Her step has not begun.
    NotYet,
    /// No step names her.
    NotNamed,
    /// Outside a closed fence.
    Fence,
    /// No longer a member, or removed.
    Left,
    /// An absence is on record.
    Absent,
    /// Offline, or outside the shift.
    OffShift,
    /// Not ready.
    Away,
    /// No capacity for this channel.
    Busy,
    /// A needed skill is missing or too low.
    Skill,
    /// Kept free by the reserve.
    Reserved,
    /// The customer avoids her.
    Avoided,
    /// Missed, declined or gave it back before.
    Excluded,
}

/// Records of decisions, until they are drained. No part of the state: equality leaves them out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explaining {
    detail: Detail,
    decisions: VecDeque<Decision>,
}

impl PartialEq for Explaining {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl From<Obstacle> for Check {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::None => Self::Passed,
            Obstacle::Left => Self::Left,
            Obstacle::Absent => Self::Absent,
            Obstacle::OffShift => Self::OffShift,
            Obstacle::Away => Self::Away,
            Obstacle::Busy => Self::Busy,
            Obstacle::Skill => Self::Skill,
            Obstacle::Reserved => Self::Reserved,
            Obstacle::Avoided => Self::Avoided,
            Obstacle::Excluded => Self::Excluded,
        }
    }
}

impl Router {
    /// Sets how much of each decision is recorded from now on.
    pub fn explain(&mut self, detail: Detail) {
        self.explaining.detail = detail;
    }

    /// Decisions recorded since the last call, in order.
    pub fn drain_decisions(&mut self) -> impl Iterator<Item = Decision> {
        core::mem::take(&mut self.explaining.decisions).into_iter()
    }

    /// Records a choice, before it is carried out.
    pub(crate) fn record(&mut self, now: Timestamp, id: ContactId, choice: &Choice) {
        let detail = self.explaining.detail;
        if detail == Detail::Off {
            return;
        }
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let decision = self.decision(now, contact, Some(choice), detail);
        if self.explaining.decisions.len() >= DECISIONS_KEPT {
            self.explaining.decisions.pop_front();
        }
        self.explaining.decisions.push_back(decision);
    }

    /// Who is looked at for a waiting contact at this moment, and what keeps each of them; `None` if it does not wait.
    #[must_use]
    pub fn why(&self, id: ContactId, now: Timestamp) -> Option<Decision> {
        let contact = self.contacts.get(id.index()).filter(|contact| contact.is_waiting())?;
        Some(self.decision(now, contact, None, Detail::Full))
    }

    fn decision(&self, now: Timestamp, contact: &Contact, choice: Option<&Choice>, detail: Detail) -> Decision {
        let keys = self.keys_of(contact);
        let winner = choice.and_then(|choice| self.winner(contact, choice, &keys));
        let mut named: Vec<AgentId> = choice.map(|choice| choice.agent).into_iter().collect();
        if detail == Detail::Full {
            self.name_able(contact, &mut named);
        }
        self.name_insiders(contact, &mut named);
        if detail == Detail::Full {
            self.name_others(&keys, &mut named);
        }
        let mut candidates: Vec<Candidate> =
            named.iter().filter_map(|id| self.candidate(contact, *id, &keys)).collect();
        if let Some(first) =
            candidates.first_mut().filter(|first| Some(first.agent) == choice.map(|choice| choice.agent))
        {
            // She was asked before and is asked again, since nobody else can serve.
            first.check = Check::Passed;
        }
        candidates.sort_by_key(|candidate| (candidate.check != Check::Passed, candidate.step.unwrap_or(u8::MAX)));
        let others = if detail == Detail::Full { self.others(contact, &keys, &named) } else { Vec::new() };
        let (contact, rules, step) = (contact.id, contact.plan.rules, contact.step);
        Decision { at: now, contact, rules, step, winner, candidates, others }
    }

    fn winner(&self, contact: &Contact, choice: &Choice, keys: &[(LaneKey, u8)]) -> Option<Winner> {
        let agent = self.agents.get(choice.agent.index())?;
        let (key, _) = keys.iter().find(|(key, step)| *step == choice.step && self.is_among(agent, key.audience))?;
        let pick = self.pick_of(contact, key.audience, choice.step);
        let known = contact.familiar.iter().find(|known| known.agent == agent.id);
        let by = if self.thread_agent(contact) == Some(agent.id) {
            By::Thread
        } else if self.matter_agent(contact) == Some(agent.id) {
            By::Matter
        } else if contact.prefers.contains(&agent.id) {
            By::Preferred
        } else {
            known.map_or(By::Pick, |known| By::Familiar { contacts: known.contacts, last: known.last })
        };
        Some(Winner {
            agent: agent.id,
            standing: self.standing(contact, agent),
            step: choice.step,
            by,
            pick,
            rank: self.pick_rank(agent, pick, &key.needs),
            idle_since: agent.idle_since(contact.channel),
            bypassed: choice.bypassed,
        })
    }

    /// Those who can serve, in the order of the choice itself: who would be chosen if those before were not there.
    fn name_able(&self, contact: &Contact, named: &mut Vec<AgentId>) {
        let mut without = contact.clone();
        without.avoids.extend(named.iter().copied());
        while named.len() < NAMED_LIMIT {
            let next: Vec<AgentId> = self.choose(&without).into_iter().map(|choice| choice.agent).collect();
            let next: Vec<AgentId> = next.into_iter().filter(|id| !contact.excludes(*id)).collect();
            if next.is_empty() {
                return;
            }
            without.avoids.extend(next.iter().copied());
            named.extend(next);
        }
    }

    /// Team and covers of a fence: every member of the team, covers as far as there is room.
    fn name_insiders(&self, contact: &Contact, named: &mut Vec<AgentId>) {
        let Some(team) = contact.fence.map(|fence| fence.team) else { return };
        let mut note = |id: AgentId, limit: usize| {
            if named.len() < limit && !named.contains(&id) {
                named.push(id);
            }
            ControlFlow::<()>::Continue(())
        };
        if let Some(lead) = contact.plan.lead {
            let _ = note(lead, usize::MAX);
        }
        let _ = self.each_person(Audience::Team(team, None), |id| note(id, usize::MAX));
        let _ = self.each_person(Audience::Covers(team), |id| note(id, NAMED_LIMIT));
    }

    /// The people of the steps, as far as there is room.
    fn name_others(&self, keys: &[(LaneKey, u8)], named: &mut Vec<AgentId>) {
        for (key, _) in keys {
            let _ = self.each_person(key.audience, |id| {
                if named.len() >= NAMED_LIMIT {
                    return ControlFlow::Break(());
                }
                if !named.contains(&id) {
                    named.push(id);
                }
                ControlFlow::Continue(())
            });
        }
    }

    fn candidate(&self, contact: &Contact, id: AgentId, keys: &[(LaneKey, u8)]) -> Option<Candidate> {
        let agent = self.agents.get(id.index())?;
        let (step, check) = self.first_check(contact, agent, keys);
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Candidate {
            agent: id,
            standing: self.standing(contact, agent),
            step,
            check,
            slots: (small(self.contacts_on(agent, contact.channel)), self.slots_of(agent, contact.channel)),
            points: (small(self.points_in_use(agent)), agent.spec.points),
        })
    }

    /// The first step that names an agent, and the first check that she fails in the steps that have begun.
    fn first_check(&self, contact: &Contact, agent: &Agent, keys: &[(LaneKey, u8)]) -> (Option<u8>, Check) {
        if self.is_asked(contact.id, agent) {
            let offers = contact.offers.iter().filter_map(|offer| self.offers.get(offer));
            return (offers.into_iter().find(|offer| offer.agent == agent.id).map(|offer| offer.step), Check::Asked);
        }
        let mut first = None;
        for (key, step) in keys.iter().filter(|(key, _)| self.is_among(agent, key.audience)) {
            let obstacle = self.obstacle(agent, &key.demand());
            // A fence that keeps her out is another thing than having left.
            let is_out = obstacle == Obstacle::Left && !agent.removed && !self.passes_gate(agent, key.fence);
            let check = if is_out { Check::Fence } else { obstacle.into() };
            if check == Check::Passed {
                return (Some(*step), self.own_check(contact, agent));
            }
            first.get_or_insert((*step, check));
        }
        if let Some((step, check)) = first {
            return (Some(step), check);
        }
        let later = contact.plan.steps.iter().zip(0_u8..).skip(usize::from(contact.step) + 1);
        for (step, number) in later {
            let audience = Audience::of_step(step.who, contact);
            if audience.is_some_and(|audience| self.is_among(agent, audience)) {
                return (Some(number), Check::NotYet);
            }
        }
        let check = match contact.gate() {
            _ if agent.removed => Check::Left,
            fence if !self.passes_gate(agent, fence) => Check::Fence,
            _ => Check::NotNamed,
        };
        (None, check)
    }

    /// What speaks against her for this contact alone.
    fn own_check(&self, contact: &Contact, agent: &Agent) -> Check {
        if contact.avoids(agent.id) {
            Check::Avoided
        } else if contact.excludes(agent.id) {
            Check::Excluded
        } else {
            Check::Passed
        }
    }

    /// How many of those not named fail which check.
    fn others(&self, contact: &Contact, keys: &[(LaneKey, u8)], named: &[AgentId]) -> Vec<(Check, u32)> {
        let mut people: Vec<AgentId> = Vec::new();
        for (key, _) in keys {
            let _: ControlFlow<()> = self.each_person(key.audience, |id| {
                people.push(id);
                ControlFlow::Continue(())
            });
        }
        people.sort_unstable();
        people.dedup();
        let mut others: Vec<(Check, u32)> = Vec::new();
        for id in people.into_iter().filter(|id| !named.contains(id)) {
            let Some(agent) = self.agents.get(id.index()) else { continue };
            let (_, check) = self.first_check(contact, agent, keys);
            match others.iter_mut().find(|(known, _)| *known == check) {
                Some((_, count)) => *count += 1,
                None => others.push((check, 1)),
            }
        }
        others.sort_unstable();
        others
    }
}
