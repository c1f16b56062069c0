//! Decides how waiting contacts are grouped: in lanes of equal contacts, first come first served inside, so that an
//! agent who becomes available compares the heads of a few lanes and never the contacts behind them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::audience::{Audience, ByAudience};
use super::line::{Ease, Line, Sorted};
use super::state::{Contact, Roll};
use super::table::Table;
use crate::{Bypass, ChannelId, ContactId, Millis, Need, QueueId, TeamId, Timestamp, Urgency};

/// A lane, by its slot; slots of dropped lanes are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LaneId(u32);

/// Everything that decides who may serve a contact and when, apart from whom it avoids or has tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LaneKey {
    pub(crate) audience: Audience,
    pub(crate) channel: ChannelId,
    pub(crate) urgency: Urgency,
    pub(crate) fence: Option<(TeamId, Gate)>,
    pub(crate) queue: QueueId,
    pub(crate) within: Millis,
    pub(crate) bypass: Bypass,
    pub(crate) needs: SmallVec<[Need; 4]>,
}

impl LaneKey {
    /// FNV-1a over everything but the audience.
    fn digest(&self) -> u64 {
        let mut digest = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |number: u32| digest = (digest ^ u64::from(number)).wrapping_mul(0x0100_0000_01b3);
        add(self.channel.0);
        add(self.urgency as u32);
        if let Some((team, gate)) = self.fence {
            add(team.0);
            add(1 + gate as u32);
        }
        add(self.queue.0);
        add(self.within.0);
        add(u32::from(self.bypass.skill) | u32::from(self.bypass.slots) << 1 | u32::from(self.bypass.hours) << 2);
        for need in &self.needs {
            add(need.skill.0);
            add(u32::from(need.level.0));
        }
        digest
    }
}

/// A fence's outward gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Gate {
    Closed,
    Open,
}

/// A contact's place in a lane: those who were with somebody already, then by age, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) turn: Turn,
    pub(crate) since: Timestamp,
    pub(crate) contact: ContactId,
}

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Turn {
    Ahead,
    InTurn,
}

impl Waiting {
    pub(crate) const fn of(contact: &Contact) -> Self {
        let turn = if contact.ahead { Turn::Ahead } else { Turn::InTurn };
        Self { turn, since: contact.since, contact: contact.id }
    }
}

/// Contacts that are equal for every agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lane {
    pub(crate) key: LaneKey,
    pub(crate) waiting: Line,
    /// Whether anybody of a queue could ever serve these; true for other audiences, whose people are few.
    pub(crate) able: bool,
}

/// All lanes, and who is counted as waiting where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lanes {
    slots: Vec<Option<Lane>>,
    free: Vec<LaneId>,
    by_audience: ByAudience<Vec<Known>>,
    watchers: BTreeMap<Audience, BTreeSet<ContactId>>,
    fenced: Table<Sorted<(Timestamp, ContactId)>>,
    queued: Table<Sorted<(Timestamp, ContactId)>>,
}

/// A lane of an audience, and the digest of its key, so that few keys are compared to find one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    lane: LaneId,
    digest: u64,
}

impl Lanes {
    pub(crate) fn get(&self, id: LaneId) -> Option<&Lane> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    pub(crate) fn find(&self, key: &LaneKey) -> Option<LaneId> {
        let digest = key.digest();
        let known = self.by_audience.get(key.audience)?.iter().filter(|known| known.digest == digest);
        known.map(|known| known.lane).find(|lane| self.get(*lane).is_some_and(|lane| lane.key == *key))
    }

    /// Adds an empty lane.
    pub(crate) fn open(&mut self, key: LaneKey, able: bool) -> LaneId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            LaneId(u32::try_from(self.slots.len().saturating_sub(1)).unwrap_or(u32::MAX))
        });
        if let Some(lanes) = self.by_audience.get_or_default(key.audience) {
            let place = lanes.partition_point(|known| known.lane < id);
            lanes.insert(place, Known { lane: id, digest: key.digest() });
        }
        if let Some(slot) = self.slots.get_mut(id.0 as usize) {
            *slot = Some(Lane { key, waiting: Line::default(), able });
        }
        id
    }

    pub(crate) fn enter(&mut self, id: LaneId, place: Waiting, ease: Ease) {
        if let Some(lane) = self.get_mut(id) {
            lane.waiting.insert(place, ease);
        }
    }

    /// Takes a contact out; the last one out closes the lane.
    pub(crate) fn leave(&mut self, id: LaneId, place: Waiting) {
        let Some(slot) = self.slots.get_mut(id.0 as usize) else { return };
        let Some(lane) = slot.as_mut() else { return };
        lane.waiting.remove(place);
        if !lane.waiting.is_empty() {
            return;
        }
        if let Some(lane) = slot.take() {
            if let Some(lanes) = self.by_audience.get_or_default(lane.key.audience) {
                lanes.retain(|known| known.lane != id);
            }
            self.free.push(id);
        }
    }

    pub(crate) fn is_waited_for(&self, audience: Audience) -> bool {
        self.by_audience.get(audience).is_some_and(|lanes| !lanes.is_empty())
    }

    pub(crate) fn of(&self, audience: Audience) -> impl Iterator<Item = (LaneId, &Lane)> {
        let known = self.by_audience.get(audience).into_iter().flatten();
        known.filter_map(|known| self.get(known.lane).map(|lane| (known.lane, lane)))
    }

    /// The audiences of a team's backups that somebody waits for, whoever leads.
    pub(crate) fn backups_of(&self, team: TeamId) -> impl Iterator<Item = Audience> {
        self.by_audience.backups_of(team).filter(|(_, lanes)| !lanes.is_empty()).map(|(audience, _)| audience)
    }

    pub(crate) fn watch(&mut self, audience: Audience, contact: ContactId) {
        self.watchers.entry(audience).or_default().insert(contact);
    }

    pub(crate) fn unwatch(&mut self, audience: Audience, contact: ContactId) {
        if let Some(watchers) = self.watchers.get_mut(&audience) {
            watchers.remove(&contact);
            if watchers.is_empty() {
                self.watchers.remove(&audience);
            }
        }
    }

    /// Contacts whose step depends on what these people do.
    pub(crate) fn watchers(&self, audience: Audience) -> impl Iterator<Item = ContactId> {
        self.watchers.get(&audience).into_iter().flatten().copied()
    }

    pub(crate) fn enrol(&mut self, roll: Roll, since: Timestamp, contact: ContactId) {
        if let Some(waiting) = self.roll_mut(roll) {
            waiting.insert((since, contact));
        }
    }

    pub(crate) fn strike(&mut self, roll: Roll, since: Timestamp, contact: ContactId) {
        if let Some(waiting) = self.roll_mut(roll) {
            waiting.remove(&(since, contact));
        }
    }

    fn roll_mut(&mut self, roll: Roll) -> Option<&mut Sorted<(Timestamp, ContactId)>> {
        match roll {
            Roll::Team(team) => self.fenced.get_or_default(team.index()),
            Roll::Queue(queue) => self.queued.get_or_default(queue.index()),
        }
    }

    /// Who waits behind a fence or in a queue, offered ones included; the oldest first. `None` if nobody does.
    pub(crate) fn roll(&self, roll: Roll) -> Option<&Sorted<(Timestamp, ContactId)>> {
        let waiting = match roll {
            Roll::Team(team) => self.fenced.get(team.index()),
            Roll::Queue(queue) => self.queued.get(queue.index()),
        };
        waiting.filter(|waiting| !waiting.is_empty())
    }

    /// Everybody who waits after a place: behind fences by team, then in queues, each by age.
    pub(crate) fn rolls_after(
        &self,
        after: Option<(u64, (Timestamp, ContactId))>,
    ) -> impl Iterator<Item = (u64, (Timestamp, ContactId))> {
        let key = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let fenced = self.fenced.iter().map(move |(number, waiting)| (Roll::Team(TeamId(key(number))), waiting));
        let queued = self.queued.iter().map(move |(number, waiting)| (Roll::Queue(QueueId(key(number))), waiting));
        let rolls = fenced.chain(queued).map(|(roll, waiting)| (roll.key(), waiting));
        let rolls = rolls.filter(move |(roll, _)| after.is_none_or(|(first, _)| *roll >= first));
        rolls.flat_map(move |(roll, waiting)| {
            let start = after.filter(|(known, _)| *known == roll).map(|(_, place)| place);
            let later = waiting.into_iter().filter(move |place| start.is_none_or(|start| **place > start));
            later.map(move |place| (roll, *place))
        })
    }

    /// Waiting contacts of every audience that names a team.
    pub(crate) fn everybody_of_team(&self, team: TeamId) -> Vec<ContactId> {
        let audiences = self.slots.iter().flatten().map(|lane| lane.key.audience);
        let named = audiences.filter(|audience| match audience {
            Audience::Lead(own) | Audience::Backups(own, _) | Audience::Team(own, _) | Audience::Covers(own) => {
                *own == team
            }
            Audience::Agent(_) | Audience::Queue(_) => false,
        });
        let named: BTreeSet<Audience> = named.collect();
        named.into_iter().flat_map(|audience| self.everybody(audience)).collect()
    }

    /// Waiting contacts of an audience, for the rare changes that concern all of them.
    pub(crate) fn everybody(&self, audience: Audience) -> Vec<ContactId> {
        self.of(audience).flat_map(|(_, lane)| lane.waiting.iter().map(|place| place.contact)).collect()
    }
}
