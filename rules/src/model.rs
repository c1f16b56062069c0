//! Decides what a checked rule set holds: names looked up, durations counted, expressions compiled, defaults filled in.

use std::collections::BTreeMap;

use picket_core::{Class, Joining, Millis, OfferPolicy, Pick, Timestamp, Urgency};

use crate::draft::At;
use crate::expr::{Condition, Score};
use crate::finding::{Place, Source};
use crate::format::{Combine, Exit, Expect, Wait};
use crate::hours::{Hours, Zone};

/// A checked rule set: what contacts are entitled to. Immutable; the same files make the same set.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) sources: Vec<Source>,
    pub(crate) hash: String,
    pub(crate) skills: Vec<String>,
    pub(crate) roles: Vec<Role>,
    pub(crate) hours: Vec<Hours>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) topics: std::collections::BTreeSet<String>,
    pub(crate) channels: Vec<Channel>,
    /// What a channel that nobody configured is treated as.
    pub(crate) default_channel: Channel,
    pub(crate) scorecard: Option<Scorecard>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) teams: Vec<Team>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) classify: Vec<Classify>,
    pub(crate) fences: Vec<FenceRule>,
    pub(crate) queue_rules: Vec<QueueRule>,
    pub(crate) loads: Vec<Load>,
    pub(crate) expects: Vec<At<Expect>>,
    pub(crate) index: Index,
}

/// Where to find things by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) agents: BTreeMap<String, usize>,
    pub(crate) teams: BTreeMap<String, usize>,
    pub(crate) queues: BTreeMap<String, usize>,
    pub(crate) channels: BTreeMap<String, usize>,
    pub(crate) domains: BTreeMap<String, usize>,
    pub(crate) entries: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) when: Condition,
}

#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) zone: Zone,
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) class: Class,
    pub(crate) cost: u32,
    pub(crate) slots: u32,
    pub(crate) offer: OfferPolicy,
    pub(crate) wrap_up: Millis,
    pub(crate) longest: Option<Millis>,
    pub(crate) interruptible_by: Vec<String>,
    pub(crate) max_connected: Millis,
}

#[derive(Clone, Debug)]
pub(crate) struct Scorecard {
    pub(crate) place: Place,
    pub(crate) enter: i64,
    pub(crate) leave: i64,
    pub(crate) combine: Combine,
    pub(crate) points: Vec<Points>,
}

#[derive(Clone, Debug)]
pub(crate) struct Points {
    pub(crate) score: Score,
    /// Reads the account and not the person.
    pub(crate) of_account: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) place: Option<Place>,
    pub(crate) steps: Vec<PolicyStep>,
    pub(crate) finally: Finally,
}

#[derive(Clone, Debug)]
pub(crate) struct PolicyStep {
    pub(crate) place: Option<Place>,
    pub(crate) who: StepWho,
    pub(crate) holds: [HoldWaits; 3],
    pub(crate) joining: Joining,
    pub(crate) needs: Needs,
    pub(crate) bypass: picket_core::Bypass,
    pub(crate) pick: Pick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepWho {
    Agent(String),
    Lead,
    Backups,
    Team,
    ByTopic,
    Role(String),
    Covers,
}

/// The five holds of a step on one class of channel, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HoldWaits {
    pub(crate) busy: Wait,
    pub(crate) away: Wait,
    pub(crate) absent: Wait,
    pub(crate) off_shift: Wait,
    pub(crate) left: Wait,
    /// The least chance, in thousandths, for which somebody busy is waited for; none waits for as long as `busy` says.
    pub(crate) smart: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finally {
    pub(crate) busy: Exit,
    pub(crate) closed_hours: Exit,
    pub(crate) holiday: Exit,
    pub(crate) no_cover: Exit,
}

impl PolicyStep {
    /// The holds on channels of a class.
    pub(crate) const fn holds(&self, class: Class) -> &HoldWaits {
        let [live, messaging, deferred] = &self.holds;
        match class {
            Class::Live => live,
            Class::Messaging => messaging,
            Class::Deferred => deferred,
        }
    }
}

impl Finally {
    pub(crate) fn all(&self) -> [&Exit; 4] {
        [&self.busy, &self.closed_hours, &self.holiday, &self.no_cover]
    }
}

/// Skills at levels, with their places, in order of name.
pub(crate) type Needs = Vec<(String, u8, Place)>;

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) place: Place,
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) skills: Vec<(String, u8)>,
    pub(crate) traits: BTreeMap<String, String>,
    pub(crate) queues: Vec<String>,
    pub(crate) shift: Option<Hours>,
    pub(crate) points: u32,
    pub(crate) slots: Vec<(String, u32)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) domain: usize,
    pub(crate) owns: Option<(Condition, Place)>,
    pub(crate) members: Vec<Member>,
    pub(crate) policy: Policy,
    pub(crate) reserve: u32,
    pub(crate) reserve_place: Place,
    pub(crate) lends_to: Vec<(String, Place)>,
    pub(crate) helps: Vec<(String, Place)>,
    pub(crate) releases: bool,
    pub(crate) covers: Vec<(String, Place)>,
    pub(crate) hours: Option<Hours>,
    pub(crate) promise: Option<Millis>,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) agent: String,
    pub(crate) place: Place,
    pub(crate) role: Option<String>,
    pub(crate) rank: u32,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) domain: usize,
    pub(crate) hours: Option<(Hours, Place)>,
    pub(crate) closed: Exit,
    pub(crate) needs: Needs,
    pub(crate) widen: Vec<(Millis, Needs)>,
    pub(crate) share_permille: u32,
    pub(crate) within: Millis,
    pub(crate) order: picket_core::QueueOrder,
    pub(crate) pick: Pick,
    pub(crate) limit: Option<(u32, Option<Millis>, Exit)>,
    pub(crate) floor: Option<picket_core::Floor>,
    /// What was stated; the rest has its default by class of channel.
    pub(crate) finally: crate::format::FinallySpec,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) to: String,
    pub(crate) domain: usize,
}

/// What every rule of a stage has.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) name: Option<String>,
    pub(crate) place: Place,
    pub(crate) when: Condition,
    pub(crate) when_place: Option<Place>,
}

#[derive(Clone, Debug)]
pub(crate) struct Classify {
    pub(crate) head: Head,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) needs: Needs,
    pub(crate) promise: Option<Millis>,
}

#[derive(Clone, Debug)]
pub(crate) struct FenceRule {
    pub(crate) head: Head,
    pub(crate) fence: FenceChoice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FenceChoice {
    None,
    OwnTeam,
    Team(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct QueueRule {
    pub(crate) head: Head,
    pub(crate) queue: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) place: Place,
    pub(crate) queue: usize,
    pub(crate) per_hour: u32,
    pub(crate) handling: Millis,
    pub(crate) patience: Millis,
}
