//! Decides when the core must be woken, and why: each thing has at most one named timer, always at its next deadline.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Router;
use super::line::Sorted;
use super::state::{Agent, Contact, Phase};
use crate::{AgentId, CalendarId, ContactId, Event, OfferId, QueueId, TeamId, Timestamp};

/// The next moment at which something is due, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wake {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub kind: TimerKind,
}

/// What a timer is for. At the same moment, those named first fire first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// An offer's deadline.
    OfferExpiry,
    /// An accepted contact must be connected by then.
    AcceptedDeadline,
    /// The hold of a step is over.
    StepHold,
    /// The longest wait is reached.
    Longest,
    /// The queue asks for less from then on.
    Widening,
    /// A scheduled contact's time.
    ScheduleDue,
    /// After-contact work ends by itself.
    WrapUpEnd,
    /// Connected for longer than the channel allows.
    ConnectedTooLong,
    /// A lost agent is no longer waited for.
    OrphanWait,
    /// A timed pause, or a supervisor's override, is over.
    PauseEnd,
    /// An absence begins or ends.
    AbsenceEdge,
    /// A calendar opens or closes.
    HoursEdge,
    /// A dated membership begins or ends.
    MembershipEdge,
    /// A calendar is needed further ahead.
    CalendarHorizon,
    /// A queue's service passes its floor because time passes.
    FloorEdge,
    /// A supervisor's hold of a contact is over.
    HeldEnd,
    /// A supervisor's opening of a fence is over.
    OpeningEnd,
    /// A supervisor's lending of a team is over.
    LendEnd,
    /// Catching up has lasted long enough.
    CatchUpEnd,
}

impl TimerKind {
    /// Every kind, in order.
    pub const ALL: [Self; 19] = [
        Self::OfferExpiry,
        Self::AcceptedDeadline,
        Self::StepHold,
        Self::Longest,
        Self::Widening,
        Self::ScheduleDue,
        Self::WrapUpEnd,
        Self::ConnectedTooLong,
        Self::OrphanWait,
        Self::PauseEnd,
        Self::AbsenceEdge,
        Self::HoursEdge,
        Self::MembershipEdge,
        Self::CalendarHorizon,
        Self::FloorEdge,
        Self::HeldEnd,
        Self::OpeningEnd,
        Self::LendEnd,
        Self::CatchUpEnd,
    ];
}

/// A timer, by what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    Offer(OfferId),
    Contact(TimerKind, ContactId),
    Agent(TimerKind, AgentId),
    Hours(CalendarId),
    Membership(TeamId),
    Horizon(CalendarId),
    Floor(QueueId),
    Lend(TeamId),
    CatchUp,
}

/// All timers, in the order in which they fire: by moment, then as `Timer` orders them. A core has one for each contact,
/// so they are kept by slots of time: few slots are searched, and few timers within one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timers {
    slots: BTreeMap<i64, Sorted<Turn>>,
    /// When the one of `Timer::CatchUp` fires: it is asked for at every step.
    catch_up: Option<Timestamp>,
}

/// Binary digits of a slot of milliseconds.
const SLOT: u32 = 8;

/// When a timer fires, and its place among those of the same moment, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(u128);

impl Turn {
    fn of(at: Timestamp, timer: Timer) -> Self {
        let (family, kind, number) = match timer {
            Timer::Offer(offer) => (0, None, offer.0),
            Timer::Contact(kind, contact) => (1, Some(kind), u64::from(contact.0)),
            Timer::Agent(kind, agent) => (2, Some(kind), u64::from(agent.0)),
            Timer::Hours(calendar) => (3, None, u64::from(calendar.0)),
            Timer::Membership(team) => (4, None, u64::from(team.0)),
            Timer::Horizon(calendar) => (5, None, u64::from(calendar.0)),
            Timer::Floor(queue) => (6, None, u64::from(queue.0)),
            Timer::Lend(team) => (7, None, u64::from(team.0)),
            Timer::CatchUp => (8, None, 0),
        };
        let kind = kind.map_or(0, |kind| kind as u128);
        // The sign turned, earlier moments have lower numbers. No shard makes 2^48 offers.
        let moment = u128::from(at.0.cast_unsigned() ^ (1 << 63));
        Self(moment << 64 | family << 56 | kind << 48 | u128::from(number) & 0xFFFF_FFFF_FFFF)
    }

    const fn at(self) -> Timestamp {
        Timestamp(((self.0 >> 64) as u64 ^ (1 << 63)).cast_signed())
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is cut out of the number it was put into")]
    fn timer(self) -> Timer {
        let number = self.0 as u32;
        let kind = TimerKind::ALL.get(usize::from((self.0 >> 48) as u8)).copied().unwrap_or(TimerKind::OfferExpiry);
        match (self.0 >> 56) as u8 {
            0 => Timer::Offer(OfferId(self.0 as u64 & 0xFFFF_FFFF_FFFF)),
            1 => Timer::Contact(kind, ContactId(number)),
            2 => Timer::Agent(kind, AgentId(number)),
            3 => Timer::Hours(CalendarId(number)),
            4 => Timer::Membership(TeamId(number)),
            5 => Timer::Horizon(CalendarId(number)),
            6 => Timer::Floor(QueueId(number)),
            7 => Timer::Lend(TeamId(number)),
            _ => Timer::CatchUp,
        }
    }
}

impl Timers {
    pub(crate) fn first(&self) -> Option<(Timestamp, Timer)> {
        let (_, slot) = self.slots.first_key_value()?;
        slot.first().map(|turn| (turn.at(), turn.timer()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Timestamp, Timer)> {
        self.slots.values().flatten().map(|turn| (turn.at(), turn.timer()))
    }

    /// When catching up ends by itself, while it lasts.
    pub(crate) const fn catch_up(&self) -> Option<Timestamp> {
        self.catch_up
    }

    fn insert(&mut self, (at, timer): (Timestamp, Timer)) {
        self.slots.entry(at.0 >> SLOT).or_default().insert(Turn::of(at, timer));
        if timer == Timer::CatchUp {
            self.catch_up = Some(at);
        }
    }

    fn remove(&mut self, (at, timer): (Timestamp, Timer)) {
        if timer == Timer::CatchUp {
            self.catch_up = None;
        }
        let Entry::Occupied(mut slot) = self.slots.entry(at.0 >> SLOT) else { return };
        slot.get_mut().remove(&Turn::of(at, timer));
        if slot.get().is_empty() {
            slot.remove();
        }
    }
}

impl Serialize for Timers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut timers = Self::default();
        Vec::<(Timestamp, Timer)>::deserialize(deserializer)?.into_iter().for_each(|timer| timers.insert(timer));
        Ok(timers)
    }
}

impl Timer {
    const fn kind(self) -> TimerKind {
        match self {
            Self::Offer(_) => TimerKind::OfferExpiry,
            Self::Contact(kind, _) | Self::Agent(kind, _) => kind,
            Self::Hours(_) => TimerKind::HoursEdge,
            Self::Membership(_) => TimerKind::MembershipEdge,
            Self::Horizon(_) => TimerKind::CalendarHorizon,
            Self::Floor(_) => TimerKind::FloorEdge,
            Self::Lend(_) => TimerKind::LendEnd,
            Self::CatchUp => TimerKind::CatchUpEnd,
        }
    }
}

fn earlier(one: &mut Option<(Timestamp, TimerKind)>, at: Option<Timestamp>, kind: TimerKind) {
    let Some(at) = at else { return };
    if one.is_none_or(|known| (at, kind) < known) {
        *one = Some((at, kind));
    }
}

impl Router {
    /// When the core wants to be woken, and why; `None` if nothing is pending.
    #[must_use]
    pub fn next_wake(&self) -> Option<Wake> {
        self.timers.first().map(|(at, timer)| Wake { at, kind: timer.kind() })
    }

    /// Fires the one earliest timer that is due; `None` when none is. Call again until then.
    pub fn wake(&mut self, now: Timestamp, out: &mut Vec<Event>) -> Option<TimerKind> {
        let (due, timer) = self.timers.first().filter(|(at, _)| *at <= now)?;
        match timer {
            Timer::Offer(offer) => self.expire_offer(now, offer, out),
            Timer::Contact(kind, contact) => self.wake_contact(now, contact, kind, out),
            Timer::Agent(_, agent) => self.wake_agent(now, agent, out),
            Timer::Hours(calendar) => self.turn_hours(now, calendar, out),
            Timer::Membership(team) => self.turn_members(now, team, out),
            Timer::Horizon(calendar) => self.ask_for_calendar(now, calendar, out),
            Timer::Floor(queue) => self.turn_floor(now, due, queue, out),
            Timer::Lend(team) => self.end_due_lends(now, team, out),
            Timer::CatchUp => self.end_catch_up(now, out),
        }
        self.settle(now, out);
        Some(timer.kind())
    }

    pub(crate) fn rearm(&mut self, before: Option<(Timestamp, Timer)>, after: Option<(Timestamp, Timer)>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.timers.remove(before);
        }
        if let Some(after) = after {
            self.timers.insert(after);
        }
    }

    /// Sets a contact's timer to its next deadline.
    pub(crate) fn arm_contact(&mut self, id: ContactId) {
        self.note_unjudged(id);
        self.rearm_contact(id);
    }

    pub(super) fn rearm_contact(&mut self, id: ContactId) {
        let Some(contact) = self.contacts.get(id.index()) else { return };
        let wanted = self.contact_deadline(contact);
        let before = contact.armed;
        if let Some(contact) = self.contacts.get_mut(id.index()) {
            contact.armed = wanted;
        }
        let timer = |(at, kind)| (at, Timer::Contact(kind, id));
        self.rearm(before.map(timer), wanted.map(timer));
    }

    fn contact_deadline(&self, contact: &Contact) -> Option<(Timestamp, TimerKind)> {
        let mut next = None;
        match contact.phase {
            Phase::Scheduled { at } => next = Some((at, TimerKind::ScheduleDue)),
            Phase::Waiting if contact.offers.is_empty() => {
                earlier(&mut next, Self::longest_at(contact), TimerKind::Longest);
                if self.steps_go_on() {
                    if !contact.progress.exhausted {
                        earlier(&mut next, self.step_end(contact).at, TimerKind::StepHold);
                    }
                    earlier(&mut next, self.widening_at(contact), TimerKind::Widening);
                }
            }
            Phase::Assigned { deadline, .. } => earlier(&mut next, deadline, TimerKind::AcceptedDeadline),
            Phase::Connected { stalls_at, .. } => earlier(&mut next, stalls_at, TimerKind::ConnectedTooLong),
            Phase::Orphaned { until, .. } => next = Some((until, TimerKind::OrphanWait)),
            Phase::WrapUp { until, .. } => next = Some((until, TimerKind::WrapUpEnd)),
            Phase::Waiting | Phase::Parked { .. } | Phase::Closed { .. } => {}
        }
        earlier(&mut next, contact.held_until, TimerKind::HeldEnd);
        if !matches!(contact.phase, Phase::Closed { .. }) {
            earlier(&mut next, contact.fence.and_then(|fence| fence.until), TimerKind::OpeningEnd);
        }
        next
    }

    /// Sets an agent's timer to the next end of a pause or edge of an absence.
    pub(crate) fn arm_agent(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(id.index()) else { return };
        let wanted = agent_deadline(agent);
        let before = core::mem::replace(&mut agent.armed, wanted);
        let timer = |(at, kind)| (at, Timer::Agent(kind, id));
        self.rearm(before.map(timer), wanted.map(timer));
    }
}

fn agent_deadline(agent: &Agent) -> Option<(Timestamp, TimerKind)> {
    let mut next = None;
    if agent.removed {
        return next;
    }
    let said = agent.said_of.iter().chain(&agent.over_of).map(|(_, said)| said);
    for said in said.chain([&agent.said]).chain(&agent.over).chain(&agent.missed) {
        earlier(&mut next, said.until, TimerKind::PauseEnd);
    }
    for absence in &agent.absences {
        let edge = if absence.begun { absence.until } else { absence.from };
        earlier(&mut next, Some(edge), TimerKind::AbsenceEdge);
    }
    next
}
