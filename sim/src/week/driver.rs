//! Decides what callers and agents of the recorded week do next: its own queue of events, fed by what the router decides.

use std::collections::{BTreeMap, BTreeSet};

use super::people::Week;
use super::seat::{Act, Decisions, Seat};
use crate::check::{Checker, Ending, Report};
use crate::output::{Fact, Output};
use crate::rng::Stream;

/// While a fenced contact waits, the driver looks at least this often what its holds have brought, in milliseconds.
const LOOK_MS: i64 = 2000;

/// Drives one router through a week.
#[derive(Debug)]
pub struct Driver<'a> {
    week: &'a Week,
    queue: BTreeMap<(i64, u64), Due>,
    planned: u64,
    callers: BTreeMap<&'a str, Caller>,
    offers: BTreeMap<String, usize>,
    fenced: BTreeSet<usize>,
    rings: Stream,
    wraps: Stream,
    decisions: Decisions,
    checker: Checker,
    steps: u64,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Every decision, in order.
    pub decisions: Decisions,
    /// What the checker says.
    pub report: Report,
    /// How often the router was driven on.
    pub steps: u64,
}

/// Something that happens at its time.
#[derive(Clone, Debug)]
enum Due {
    Duty(usize),
    Arrives(usize),
    GivesUp(usize),
    Accepts { offer: String, agent: String },
    Connects(usize),
    Ends(usize),
    Closes(usize),
}

/// How far a caller is.
#[derive(Clone, Debug)]
struct Caller {
    index: usize,
    phase: Phase,
    agent: String,
    fence: Fence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Somebody has said yes, and the router has not yet said that it is hers.
    Answered,
    Assigned,
    Talking,
    WrapUp,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    None,
    Closed,
    Open,
}

impl<'a> Driver<'a> {
    /// A driver at the beginning of its week.
    #[must_use]
    pub fn new(week: &'a Week, seed: u64) -> Self {
        let caller = |(index, caller): (usize, &'a super::people::Caller)| {
            let state = Caller { index, phase: Phase::Waiting, agent: String::new(), fence: Fence::None };
            (caller.contact.as_str(), state)
        };
        let mut driver = Self {
            week,
            queue: BTreeMap::new(),
            planned: 0,
            callers: week.callers.iter().enumerate().map(caller).collect(),
            offers: BTreeMap::new(),
            fenced: BTreeSet::new(),
            rings: Stream::new(seed, "rings"),
            wraps: Stream::new(seed, "wrap-up"),
            decisions: Decisions::default(),
            checker: Checker::new(week.place()),
            steps: 0,
        };
        for (index, duty) in week.duties.iter().enumerate() {
            driver.plan(duty.at, Due::Duty(index));
        }
        for (index, caller) in week.callers.iter().enumerate() {
            driver.plan(caller.at, Due::Arrives(index));
        }
        driver
    }

    /// Plays the week to its end.
    ///
    /// # Errors
    /// When the seat cannot go on.
    pub fn run<S: Seat>(mut self, seat: &mut S) -> Result<Ended, S::Error> {
        let mut now = self.week.begins();
        let directory = self.week.valued.iter().map(|(customer, valued)| Act::Value {
            customer: customer.clone(),
            calls: valued.calls,
            team: valued.team.clone(),
            lead: valued.lead.clone(),
        });
        let acts: Vec<Act> = directory.collect();
        for some in acts.chunks(50) {
            self.step(seat, now, some)?;
        }
        while let Some((next, _)) = self.queue.keys().next() {
            now = if self.fenced.is_empty() { *next } else { (*next).min(now + LOOK_MS) };
            let acts = self.acts(now);
            self.step(seat, now, &acts)?;
        }
        let report = self.checker.finish(Ending::Calm);
        Ok(Ended { decisions: self.decisions, report, steps: self.steps })
    }

    fn plan(&mut self, at: i64, due: Due) {
        self.planned += 1;
        self.queue.insert((at, self.planned), due);
    }

    fn step<S: Seat>(&mut self, seat: &mut S, now: i64, acts: &[Act]) -> Result<(), S::Error> {
        self.steps += 1;
        for output in seat.step(now, acts)? {
            self.checker.see(&output);
            self.decisions.take(&output);
            self.react(now, &output);
        }
        Ok(())
    }

    /// Everything that is to happen up to `now` and still makes sense.
    fn acts(&mut self, now: i64) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let due = entry.remove();
            acts.extend(self.act(now, due));
        }
        acts
    }

    fn act(&mut self, now: i64, due: Due) -> Option<Act> {
        let week = self.week;
        match due {
            Due::Duty(index) => {
                let duty = week.duties.get(index)?;
                Some(Act::Duty { agent: duty.agent.clone(), here: duty.here })
            }
            Due::Arrives(index) => {
                let caller = week.callers.get(index)?;
                self.plan(now + caller.patience, Due::GivesUp(index));
                Some(Act::Receive { contact: caller.contact.clone(), customer: caller.customer.clone() })
            }
            Due::GivesUp(index) => match self.caller(index)?.phase {
                Phase::Waiting => Some(Act::Abandon { contact: self.name(index)? }),
                // Whoever just heard "hello" is asked again in a second.
                Phase::Answered => {
                    self.plan(now + 1000, Due::GivesUp(index));
                    None
                }
                Phase::Assigned | Phase::Talking | Phase::WrapUp | Phase::Over => None,
            },
            Due::Accepts { offer, agent } => {
                let index = *self.offers.get(&offer)?;
                self.caller(index)?.phase = Phase::Answered;
                Some(Act::Accept { offer, agent })
            }
            Due::Connects(index) => self.when(index, Phase::Assigned, |contact, _| Act::Connect { contact }),
            Due::Ends(index) => self.when(index, Phase::Talking, |contact, _| Act::End { contact }),
            Due::Closes(index) => self.when(index, Phase::WrapUp, |contact, agent| Act::Close { contact, agent }),
        }
    }

    fn when(&mut self, index: usize, phase: Phase, act: impl Fn(String, String) -> Act) -> Option<Act> {
        let contact = self.name(index)?;
        let caller = self.caller(index)?;
        (caller.phase == phase).then(|| act(contact, caller.agent.clone()))
    }

    fn name(&self, index: usize) -> Option<String> {
        self.week.callers.get(index).map(|caller| caller.contact.clone())
    }

    fn caller(&mut self, index: usize) -> Option<&mut Caller> {
        self.callers.get_mut(self.week.callers.get(index)?.contact.as_str())
    }

    fn react(&mut self, now: i64, output: &Output) {
        let Some(caller) = output.contact.as_ref().and_then(|contact| self.callers.get_mut(contact.id.as_str())) else {
            return;
        };
        let index = caller.index;
        match &output.fact {
            Fact::FenceSet { .. } => caller.fence = Fence::Closed,
            Fact::FenceOpened { .. } => caller.fence = Fence::Open,
            Fact::OfferMade { offer, agent, .. } => {
                self.offers.insert(offer.clone(), index);
                let rings = i64::try_from(self.rings.between(1, 4)).unwrap_or(1) * 1000;
                self.plan(now + rings, Due::Accepts { offer: offer.clone(), agent: agent.clone() });
            }
            Fact::OfferAccepted { offer, .. } => {
                self.offers.remove(offer);
            }
            Fact::OfferOver { offer, .. } => {
                self.offers.remove(offer);
                if caller.phase == Phase::Answered {
                    caller.phase = Phase::Waiting;
                }
            }
            Fact::Assigned { agent, .. } => {
                caller.phase = Phase::Assigned;
                caller.agent.clone_from(agent);
                self.plan(now, Due::Connects(index));
            }
            Fact::Requeued { .. } => caller.phase = Phase::Waiting,
            Fact::Connected => {
                caller.phase = Phase::Talking;
                let talk = self.week.callers.get(index).map_or(0, |caller| caller.talk);
                self.plan(now + talk, Due::Ends(index));
            }
            Fact::Ended => {
                caller.phase = Phase::WrapUp;
                let wrap = i64::try_from(self.wraps.between(2, 20)).unwrap_or(2) * 1000;
                self.plan(now + wrap, Due::Closes(index));
            }
            Fact::Closed { .. } => caller.phase = Phase::Over,
            Fact::Queued { .. }
            | Fact::FenceClosed
            | Fact::Parked
            | Fact::Resumed { .. }
            | Fact::Transferred
            | Fact::AgentState { .. }
            | Fact::Rejected { .. }
            | Fact::Other(_) => {}
        }
        self.watch(index);
    }

    /// Keeps looking while a fenced contact waits: only then do holds move anything between two events.
    fn watch(&mut self, index: usize) {
        let watched = self.caller(index).is_some_and(|caller| {
            caller.fence == Fence::Closed && matches!(caller.phase, Phase::Waiting | Phase::Answered)
        });
        if watched {
            self.fenced.insert(index);
        } else {
            self.fenced.remove(&index);
        }
    }
}
