//! Decides who is who in the recorded week: who is valued, whose team is whose, who works when, and what each caller
//! would do.

use std::collections::{BTreeMap, BTreeSet};

use super::patience::Patience;
use super::trace::{Call, Outcome};
use crate::check::{Channel, Place, Team};
use crate::rng::Stream;

/// Teams, and members of each.
const TEAMS: [&str; 3] = ["alfa", "bravo", "charlie"];
const MEMBERS: usize = 6;
/// One in so many identified customers is valued: the top 5 %.
const ONE_IN: usize = 20;
/// An agent without a served call for longer than this had logged out, in seconds.
const PAUSE_S: i64 = 3600;

/// Everything the trace says about people.
#[derive(Clone, Debug)]
pub struct Week {
    /// Teams with their members, the busiest agent first.
    pub teams: Vec<(String, Vec<String>)>,
    /// Agents of no team.
    pub others: Vec<String>,
    /// Valued customers.
    pub valued: BTreeMap<String, Valued>,
    /// The fewest calls of a valued customer.
    pub least_calls: u64,
    /// Callers, by arrival.
    pub callers: Vec<Caller>,
    /// When agents come and go, by time.
    pub duties: Vec<Duty>,
}

/// A valued customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valued {
    /// Calls in the week.
    pub calls: u64,
    /// The dedicated team.
    pub team: String,
    /// The lead in it.
    pub lead: String,
}

/// One call, and what the caller would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The contact's id.
    pub contact: String,
    /// Who calls, where known.
    pub customer: Option<String>,
    /// When, in milliseconds UTC.
    pub at: i64,
    /// Gives up after so long without an agent, in milliseconds.
    pub patience: i64,
    /// Talks so long once there is one, in milliseconds.
    pub talk: i64,
}

/// An agent comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duty {
    /// When, in milliseconds UTC.
    pub at: i64,
    /// Who.
    pub agent: String,
    /// Whether she is there from now on.
    pub here: bool,
}

/// 1 January 1999, the trace's beginning, in milliseconds UTC. Its clock is taken as UTC.
const BEGINNING_MS: i64 = 915_148_800_000;

fn ms(seconds: i64) -> i64 {
    BEGINNING_MS + seconds * 1000
}

impl Week {
    /// Works out people and callers from the whole trace, and keeps the callers and duties of some days.
    #[must_use]
    pub fn new(calls: &[Call], days: impl Fn(u32) -> bool, seed: u64) -> Self {
        let agents = by_count(calls.iter().filter_map(|call| call.agent.as_deref()));
        let teams = teams(&agents);
        let (valued, least_calls) = valued(calls, &teams);
        let dedicated: BTreeSet<&String> = teams.iter().flat_map(|(_, members)| members).collect();
        let others = agents.iter().map(|(agent, _)| (*agent).to_owned()).filter(|agent| !dedicated.contains(agent));
        Self {
            others: others.collect(),
            callers: callers(calls, &days, seed),
            duties: duties(calls, &days),
            teams,
            valued,
            least_calls,
        }
    }

    /// When it begins, in milliseconds UTC.
    #[must_use]
    pub fn begins(&self) -> i64 {
        let caller = self.callers.first().map_or(i64::MAX, |caller| caller.at);
        caller.min(self.duties.first().map_or(i64::MAX, |duty| duty.at)) - 1000
    }

    /// The place as the checker is told it.
    #[must_use]
    pub fn place(&self) -> Place {
        let voice = Channel { cost: 100, slots: 1, interruptible_by: BTreeSet::new(), class: "live".to_owned() };
        let team = |(id, members): &(String, Vec<String>)| {
            (id.clone(), Team { members: members.iter().cloned().collect(), covers: Vec::new() })
        };
        Place {
            channels: BTreeMap::from([("voice".to_owned(), voice)]),
            points: BTreeMap::new(),
            teams: self.teams.iter().map(team).collect(),
        }
    }
}

/// Names with how often they occur, the most frequent first, then by name.
fn by_count<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_insert(0) += 1;
    }
    let mut counted: Vec<(&str, u64)> = counts.into_iter().collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counted
}

/// Deals the busiest agents round, so that the teams are equally strong.
fn teams(agents: &[(&str, u64)]) -> Vec<(String, Vec<String>)> {
    let member = |team: usize| agents.iter().skip(team).step_by(TEAMS.len()).take(MEMBERS);
    let dealt = |(team, id): (usize, &&str)| ((*id).to_owned(), member(team).map(|(a, _)| (*a).to_owned()).collect());
    TEAMS.iter().enumerate().map(dealt).collect()
}

/// The top 5 % of identified callers, dealt round teams and leads.
fn valued(calls: &[Call], teams: &[(String, Vec<String>)]) -> (BTreeMap<String, Valued>, u64) {
    let customers = by_count(calls.iter().filter_map(|call| call.customer.as_deref()));
    let top = &customers[..customers.len() / ONE_IN];
    let mut valued = BTreeMap::new();
    for (rank, (customer, calls)) in top.iter().enumerate() {
        let Some((team, members)) = teams.get(rank % teams.len().max(1)) else { continue };
        let Some(lead) = members.get(rank / teams.len() % members.len().max(1)) else { continue };
        let entry = Valued { calls: *calls, team: team.clone(), lead: lead.clone() };
        valued.insert((*customer).to_owned(), entry);
    }
    (valued, top.last().map_or(0, |(_, calls)| *calls))
}

fn callers(calls: &[Call], days: impl Fn(u32) -> bool, seed: u64) -> Vec<Caller> {
    let patience = Patience::estimate(calls);
    let mut talks: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.outcome == Outcome::Served && call.talk_s > 0) {
        talks.entry(call.kind.as_str()).or_default().push(call.talk_s);
    }
    let (mut waits, mut handling) = (Stream::new(seed, "week patience"), Stream::new(seed, "week handling"));
    let mut callers = Vec::new();
    for call in calls {
        // Drawn for every call, so that a part of the week has the same people as the whole.
        let drawn_wait = patience.draw(call.wait_s, &mut waits);
        let drawn_talk = talks.get(call.kind.as_str()).and_then(|talks| handling.one_of(talks)).copied();
        if !days(call.day) {
            continue;
        }
        let waits_s = if call.outcome == Outcome::Abandoned { call.wait_s } else { drawn_wait };
        let recorded = Some(call.talk_s).filter(|talk| call.outcome == Outcome::Served && *talk > 0);
        callers.push(Caller {
            contact: format!("call-{}", call.number),
            customer: call.customer.clone(),
            at: ms(call.arrive_s),
            patience: waits_s.max(1) * 1000,
            talk: recorded.or(drawn_talk).unwrap_or(180).max(1) * 1000,
        });
    }
    callers
}

/// An agent is there from her first answer of a spell to the end of its last call.
fn duties(calls: &[Call], days: impl Fn(u32) -> bool) -> Vec<Duty> {
    let mut spells: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for call in calls.iter().filter(|call| days(call.day)) {
        let Some(agent) = call.agent.as_deref() else { continue };
        let from = call.arrive_s + call.wait_s;
        let to = from + call.talk_s;
        spells.entry(agent).or_default().push((from, to));
    }
    let mut duties = Vec::new();
    for (agent, mut served) in spells {
        served.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (from, to) in served {
            match joined.last_mut() {
                Some((_, until)) if from - *until <= PAUSE_S => *until = (*until).max(to),
                _ => joined.push((from, to)),
            }
        }
        for (from, to) in joined {
            duties.push(Duty { at: ms(from), agent: agent.to_owned(), here: true });
            duties.push(Duty { at: ms(to.max(from + 1)), agent: agent.to_owned(), here: false });
        }
    }
    duties.sort();
    duties
}
