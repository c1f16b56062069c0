//! Decides the same as the core, naively: a second router of plain lists and scans that keeps no index and derives
//! everything it can, so that a reader can hold it against the design. It shares only the public types with the core.
//!
//! `people` says who is there and what she can take, `plans` how a plan goes on, `matching` who gets what, `orders` and
//! `hands` what an input does, `waits` how long one more would wait, `smart` when waiting is worth it no longer, `facts` what an event changes, `clock` what is due
//! next, `floor` when a queue's service is too low.

mod clock;
mod commands;
mod facts;
mod floor;
mod hands;
mod matching;
mod orders;
mod people;
mod plans;
mod smart;
mod waits;

use std::collections::{BTreeMap, BTreeSet};

use picket_core::*;

/// The second router.
#[derive(Clone, Default)]
pub(crate) struct Naive {
    channels: BTreeMap<ChannelId, ChannelSpec>,
    calendars: BTreeMap<CalendarId, Hours>,
    people: BTreeMap<AgentId, Person>,
    teams: BTreeMap<TeamId, Group>,
    queues: BTreeMap<QueueId, Line>,
    cases: BTreeMap<ContactId, Case>,
    closed: BTreeSet<ContactId>,
    asked: BTreeMap<OfferId, Asked>,
    last_offer: u64,
    turns: u64,
    handovers: u64,
    threads: BTreeMap<ThreadId, AgentId>,
    matters: BTreeMap<MatterId, AgentId>,
    /// Queues whose service changed and was not held against the floor yet.
    noted: BTreeSet<QueueId>,
    /// Every departure from the line of a queue, in order.
    departures: Vec<waits::Departure>,
    /// How long everything lasted that somebody had, in order.
    lasted: Vec<(ChannelId, u32)>,
    /// Nobody is offered anything until then.
    catching_up: Option<Timestamp>,
}

#[derive(Clone)]
struct Hours {
    calendar: Calendar,
    open: bool,
    asked: bool,
    looked_at: Timestamp,
}

#[derive(Clone)]
struct Person {
    spec: AgentSpec,
    removed: bool,
    said: Said,
    said_of: BTreeMap<ChannelId, Said>,
    missed: Option<Said>,
    over: Option<Said>,
    over_of: BTreeMap<ChannelId, Said>,
    lost: bool,
    absences: Vec<Absence>,
    load: BTreeMap<ChannelId, u32>,
    idle: BTreeMap<ChannelId, Timestamp>,
    login: Timestamp,
    misses: BTreeMap<ChannelId, u8>,
    today: (i64, u32),
    turn: u64,
    over_capacity: BTreeSet<ContactId>,
    lasted: Vec<(ChannelId, u32)>,
}

#[derive(Clone, Copy)]
struct Said {
    presence: Presence,
    cause: StateCause,
    until: Option<Timestamp>,
    by: StateSetter,
    at: Timestamp,
}

#[derive(Clone, Copy)]
struct Absence {
    from: Timestamp,
    until: Timestamp,
    deputy: Option<AgentId>,
    begun: bool,
}

#[derive(Clone)]
struct Group {
    spec: TeamSpec,
    removed: bool,
    /// Current members with their roles, by rank.
    members: Vec<(AgentId, Option<RoleId>)>,
    released: Vec<QueueId>,
    /// Queues to which a supervisor lends it, and until when.
    lent: BTreeMap<QueueId, Timestamp>,
    looked_at: Timestamp,
}

#[derive(Clone)]
struct Line {
    spec: QueueSpec,
    /// Waits that ended: in which part of the floor's span, and whether in time.
    waits: Vec<(i64, bool)>,
    looked_at: Timestamp,
}

/// A contact that is not closed.
#[derive(Clone)]
struct Case {
    id: ContactId,
    arrival: Arrival,
    plan: Plan,
    place: Place,
    step: usize,
    step_since: Timestamp,
    wait_from: Timestamp,
    exhausted: bool,
    longest_reached: bool,
    opened: bool,
    redirect: Option<Transfer>,
    fence: Option<Fence>,
    held_until: Option<Timestamp>,
    judged: Option<smart::Judged>,
    /// Whom its agent asks for advice, and since which hand-over.
    consulted: Option<(AgentId, u64)>,
    /// For whom its agent stands in.
    stands_for: Option<AgentId>,
    excluded: Vec<AgentId>,
    ahead: bool,
    widenings: usize,
    widened: Option<Vec<Need>>,
    answered: bool,
    /// Since when it is with its agent, or in line without an offer out.
    kept_since: Timestamp,
    /// Grows with every hand-over: the order in which an agent got what she has.
    held_since: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Scheduled(Timestamp),
    Waiting,
    Assigned(AgentId, Option<Timestamp>),
    Connected(AgentId, Option<Timestamp>),
    Orphaned(AgentId, Timestamp),
    WrapUp(AgentId, Timestamp),
    Parked(AgentId),
}

#[derive(Clone, Copy)]
struct Fence {
    team: TeamId,
    set_at: Timestamp,
    open: Option<FenceReason>,
    until: Option<Timestamp>,
}

/// A fence as an agent meets it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct FenceGate {
    team: TeamId,
    is_open: bool,
}

#[derive(Clone, Copy)]
struct Asked {
    contact: ContactId,
    agent: AgentId,
    standing: Standing,
    made_at: Timestamp,
    expires_at: Timestamp,
    bypassed: Bypass,
}

impl Place {
    fn holder(self) -> Option<AgentId> {
        match self {
            Self::Assigned(agent, _)
            | Self::Connected(agent, _)
            | Self::Orphaned(agent, _)
            | Self::WrapUp(agent, _) => Some(agent),
            Self::Scheduled(_) | Self::Waiting | Self::Parked(_) => None,
        }
    }
}

impl Case {
    fn waits(&self) -> bool {
        self.place == Place::Waiting
    }

    fn closed_fence(&self) -> Option<TeamId> {
        self.fence.filter(|fence| fence.open.is_none()).map(|fence| fence.team)
    }

    fn channel(&self) -> ChannelId {
        self.arrival.channel
    }

    fn avoids(&self, agent: AgentId) -> bool {
        self.arrival.avoids.contains(&agent)
    }

    fn excludes(&self, agent: AgentId) -> bool {
        self.excluded.contains(&agent)
    }
}

impl Naive {
    pub(crate) fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Event>) -> Result<(), Rejection> {
        self.grant(now, input, out)?;
        self.settle(now, out);
        Ok(())
    }

    fn emit(&mut self, now: Timestamp, event: Event, out: &mut Vec<Event>) {
        self.change(now, &event);
        // The assignment follows, and takes what the offer took.
        if !matches!(event, Event::Offer(_, OfferFact::Accepted)) {
            self.judge_holds();
        }
        out.push(event);
    }

    fn say(&mut self, now: Timestamp, id: ContactId, fact: ContactFact, out: &mut Vec<Event>) {
        self.emit(now, Event::Contact(id, fact), out);
    }

    /// Offers that are out for a contact, in the order in which they were made.
    fn offers_of(&self, id: ContactId) -> Vec<OfferId> {
        self.asked.iter().filter(|(_, asked)| asked.contact == id).map(|(offer, _)| *offer).collect()
    }

    /// Offers before an agent, in the order in which they were made.
    fn offers_before(&self, agent: AgentId) -> Vec<OfferId> {
        self.asked.iter().filter(|(_, asked)| asked.agent == agent).map(|(offer, _)| *offer).collect()
    }

    /// What an agent has, in the order in which she got it.
    fn held_by(&self, agent: AgentId) -> Vec<ContactId> {
        let mut held: Vec<&Case> = self.cases.values().filter(|case| case.place.holder() == Some(agent)).collect();
        held.sort_by_key(|case| case.held_since);
        held.into_iter().map(|case| case.id).collect()
    }

    fn live(&self, agent: AgentId) -> Option<&Person> {
        self.people.get(&agent).filter(|person| !person.removed)
    }

    fn case(&self, id: ContactId) -> Result<&Case, Rejection> {
        match self.cases.get(&id) {
            Some(case) => Ok(case),
            None if self.closed.contains(&id) => Err(Rejection::ContactClosed),
            None => Err(Rejection::UnknownContact),
        }
    }
}
