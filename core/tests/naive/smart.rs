//! How long a smart hold lasts: the chance is looked up at every moment at which it can change.

use picket_core::*;

use super::people::{Ask, Whom};
use super::plans::StepEnd;
use super::{Case, Naive, Place};

const CERTAIN: u64 = 1_000_000;
const OWN: usize = 32;
const ANYBODYS: usize = 128;
const LEAST_KNOWN: usize = 8;

/// How a smart hold was judged, and on what.
#[derive(Clone)]
pub(super) struct Judged {
    on: Basis,
    until: Timestamp,
    chance: Option<u16>,
}

/// A judgement stands while this is the same.
#[derive(Clone, PartialEq)]
struct Basis {
    whom: Whom,
    since: Timestamp,
    limit: Timestamp,
    least: u16,
    people: Vec<(AgentId, Vec<Task>)>,
}

/// Something that keeps somebody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Task {
    channel: ChannelId,
    since: Timestamp,
    by: Option<Timestamp>,
    frees: bool,
}

/// What is remembered, for one person: each task with her own spans and anybody's.
type Remembered = Vec<(Task, Vec<u32>, Vec<u32>)>;

fn latest(spans: impl DoubleEndedIterator<Item = u32>, most: usize) -> Vec<u32> {
    spans.rev().take(most).collect()
}

fn missed(chances: impl Iterator<Item = u64>) -> u64 {
    chances.fold(CERTAIN, |missed, chance| missed * (CERTAIN - chance) / CERTAIN)
}

impl Naive {
    /// Remembers how long somebody had what she has no longer.
    pub(super) fn note_lasted(&mut self, at: Timestamp, id: ContactId) {
        let case = &self.cases[&id];
        // Of one who was lost nobody knows when she was done.
        if let Some(agent) = case.place.holder().filter(|_| !matches!(case.place, Place::Orphaned(..))) {
            let lasted = (case.channel(), at.since(case.kept_since).0);
            self.lasted.push(lasted);
            self.people.get_mut(&agent).expect("she is known").lasted.push(lasted);
        }
    }

    /// Judges again every smart hold of which something changed.
    pub(super) fn judge_holds(&mut self) {
        let ids: Vec<ContactId> = self.cases.keys().copied().collect();
        for id in ids {
            let case = &self.cases[&id];
            let basis = self.basis(case);
            if case.judged.as_ref().map(|judged| &judged.on) != basis.as_ref() {
                let judged = basis.map(|basis| self.judged(basis));
                self.cases.get_mut(&id).expect("it is live").judged = judged;
            }
        }
    }

    fn basis(&self, case: &Case) -> Option<Basis> {
        let is_asked = !self.offers_of(case.id).is_empty() && case.plan.offer.mode != OfferMode::All;
        if !case.waits() || is_asked || case.redirect.is_some() || case.exhausted {
            return None;
        }
        let Hold::Smart(most, least) = case.plan.steps[case.step].holds.busy else { return None };
        let (whom, ask) = self.own_ask(case)?;
        let here = |agent: &AgentId| {
            self.is_able(*agent, &ask)
                && !case.avoids(*agent)
                && !case.excludes(*agent)
                && self.kept(*agent, ask.channel, ask.bypass.hours).is_none()
        };
        let here = self.meant(whom).into_iter().filter(here);
        let people = here.map(|agent| (agent, self.tasks(agent, &ask, case.step_since))).collect();
        Some(Basis { whom, since: case.step_since, limit: case.step_since + most, least, people })
    }

    /// What keeps somebody, since when or at least since a moment.
    fn tasks(&self, agent: AgentId, ask: &Ask, least: Timestamp) -> Vec<Task> {
        if self.has_room(agent, ask.channel, ask.bypass.slots) {
            return Vec::new();
        }
        let mut tasks: Vec<(ChannelId, Timestamp, Option<Timestamp>)> = Vec::new();
        for case in self.cases.values() {
            if case.place.holder() == Some(agent) {
                let by = if let Place::WrapUp(_, until) = case.place { Some(until) } else { None };
                tasks.push((case.channel(), case.kept_since, by));
            }
            if case.consulted.is_some_and(|(asked, _)| asked == agent) {
                tasks.push((case.channel(), least, None));
            }
        }
        for asked in self.asked.values().filter(|asked| asked.agent == agent) {
            tasks.push((self.cases[&asked.contact].channel(), asked.made_at, None));
        }
        for (channel, contacts) in &self.people[&agent].load {
            tasks.extend((0..*contacts.min(&8)).map(|_| (*channel, least, None)));
        }
        let task = |(channel, since, by)| Task { channel, since, by, frees: self.frees(agent, ask, channel) };
        let mut tasks: Vec<Task> = tasks.into_iter().map(task).collect();
        tasks.sort();
        tasks
    }

    fn judged(&self, on: Basis) -> Judged {
        let of = |spans: &[(ChannelId, u32)], channel, most| {
            latest(spans.iter().filter(|(own, _)| *own == channel).map(|(_, span)| *span), most)
        };
        let people: Vec<Remembered> = on
            .people
            .iter()
            .map(|(agent, tasks)| {
                let own = &self.people[agent].lasted;
                let with =
                    |task: &Task| (task.clone(), of(own, task.channel, OWN), of(&self.lasted, task.channel, ANYBODYS));
                tasks.iter().map(with).collect()
            })
            .collect();
        let is_known = people.iter().flatten().all(|(task, _, all)| task.by.is_some() || all.len() >= LEAST_KNOWN);
        // A chance falls only when somebody has lasted as long as one that is remembered.
        let mut moments = vec![on.since];
        for (task, own, all) in people.iter().flatten() {
            moments.extend(own.iter().chain(all).map(|span| task.since + Millis(*span)));
        }
        moments.retain(|at| on.since <= *at && *at < on.limit);
        moments.sort();
        let over = moments.into_iter().find(|at| is_known && chance(&people, *at, on.limit) < on.least);
        match over {
            Some(until) => Judged { until, chance: Some(chance(&people, until, on.limit)), on },
            None => Judged { until: on.limit, chance: None, on },
        }
    }

    /// The end of a step whose busy people are under a smart hold, after that of the others.
    pub(super) fn smart_end(case: &Case, others: StepEnd) -> StepEnd {
        let (Some(judged), Some(at)) = (&case.judged, others.at) else { return others };
        match judged.chance {
            Some(chance_permille) if judged.until >= at => {
                StepEnd { at: Some(judged.until), cause: StepCause::Unlikely { chance_permille } }
            }
            _ => StepEnd { at: Some(at.max(judged.until)), cause: StepCause::HoldOver },
        }
    }
}

/// The chance, in thousandths, that one of several people frees up between two moments.
fn chance(people: &[Remembered], now: Timestamp, limit: Timestamp) -> u16 {
    let ends = |(task, own, all): &(Task, Vec<u32>, Vec<u32>)| {
        if task.by.is_some_and(|by| by <= limit) {
            return CERTAIN;
        }
        let (from, to) = (now.since(task.since).0, limit.since(task.since).0);
        let outlast = |spans: &[u32]| spans.iter().filter(|span| **span > from).count() as u64;
        let end = |spans: &[u32]| spans.iter().filter(|span| from < **span && **span <= to).count() as u64;
        let anybodys = outlast(all).max(1);
        (end(own) * anybodys + 4 * end(all)) * 1000 / ((outlast(own) + 4) * anybodys) * 1000
    };
    let frees_up = |tasks: &Remembered| {
        let frees: Vec<u64> = tasks.iter().filter(|(task, ..)| task.frees).map(ends).collect();
        if frees.is_empty() {
            tasks.iter().map(ends).fold(CERTAIN, |all, one| all * one / CERTAIN)
        } else {
            CERTAIN - missed(frees.into_iter())
        }
    };
    let chance = CERTAIN - missed(people.iter().map(frees_up));
    u16::try_from(chance / 1000).expect("at most certain")
}
