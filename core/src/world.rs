//! Decides what is known of the place: channels, calendars, agents, teams and queues, as the rules and the directory state them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, CalendarId, ChannelId, ExitAction, Level, Millis, Need, Pick, QueueId, RoleId, SkillId, TeamId, Timestamp,
};

/// A channel's weight and manners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSpec {
    /// Which clock the customer lives by.
    pub class: Class,
    /// Points that one contact takes of an agent; 0 to 1,000,000.
    pub cost: u32,
    /// Concurrent contacts an agent may have on this channel, unless the agent's own say otherwise.
    pub slots: u32,
    /// Channels whose contacts may be offered on top of this one's, as if these took no points.
    pub interruptible_by: Vec<ChannelId>,
    /// How long a contact may stay connected before the source is asked (`contact.stalled`), each time.
    pub max_connected: Millis,
}

/// What a channel's holds and clocks are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The customer waits on the line.
    Live,
    /// A conversation with pauses.
    Messaging,
    /// Answered in hours.
    Deferred,
}

/// A set of UTC windows, sorted and disjoint; past the last one it is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The windows in which it is open.
    pub windows: Vec<Window>,
    /// Where the compiled windows end.
    pub until: Option<Timestamp>,
    /// Holidays: while it is closed in one of these, it is closed because of the holiday. Sorted and disjoint.
    #[serde(default)]
    pub holidays: Vec<Window>,
}

/// An open span, `from` inclusive, `to` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Opens.
    pub from: Timestamp,
    /// Closes.
    pub to: Timestamp,
}

/// A person who handles contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSpec {
    /// Points that she has; usually 100.
    pub points: u32,
    /// What she can do.
    pub skills: Vec<(SkillId, Level)>,
    /// Queues that she serves as her own.
    pub queues: Vec<QueueId>,
    /// Slots that differ from the channel's.
    pub slots: Vec<(ChannelId, u32)>,
    /// When she works; without one, whenever she is logged in.
    pub shift: Option<CalendarId>,
}

/// A dedicated team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamSpec {
    /// Members in order of rank.
    pub members: Vec<Member>,
    /// Teams that stand in.
    pub covers: Vec<TeamId>,
    /// Members kept free for fenced contacts, counted per channel.
    pub reserve: u32,
    /// Queues that its members help when more than the reserve are idle.
    pub lends_to: Vec<QueueId>,
    /// Whether a queue below its floor releases the reserve.
    pub releases: bool,
    /// Queues that its members help only while these are below their floor; the reserve is kept unless it `releases`.
    #[serde(default)]
    pub helps: Vec<QueueId>,
    /// Working hours of the team.
    pub hours: Option<CalendarId>,
}

/// One membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub agent: AgentId,
    /// What she answers inside the team.
    pub role: Option<RoleId>,
    /// 1 leads; ties break on the agent's number.
    pub rank: u32,
    /// From when on; always without one.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
}

/// A queue of efficiency routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    /// Skills that everybody who serves it needs.
    pub needs: Vec<Need>,
    /// Later, lower needs, by waiting time, ascending.
    pub widen: Vec<Widening>,
    /// In which order its contacts are served.
    pub order: QueueOrder,
    /// Which of its agents is chosen.
    pub pick: Pick,
    /// How many may wait.
    pub limit: Option<QueueLimit>,
    /// The service below which teams release their reserve.
    pub floor: Option<Floor>,
    /// Opening hours.
    pub hours: Option<CalendarId>,
    /// What happens outside them.
    pub closed: ExitAction,
}

/// Needs that hold once a contact has waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// Waited at least.
    pub after: Millis,
    /// The needs then, instead of the earlier ones.
    pub needs: Vec<Need>,
}

/// The order inside a queue, after urgency and fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOrder {
    /// The larger `waited ÷ promised` first.
    Promise,
    /// The older first.
    Fifo,
    /// The costlier first: a piecewise linear cost of waiting, at most eight points of (waited, cost).
    Due(Vec<(Millis, u32)>),
}

/// A limit and its overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLimit {
    /// Contacts that may wait.
    pub length: u32,
    /// Expected wait above which nobody joins.
    pub wait: Option<Millis>,
    /// What happens to one too many.
    pub then: ExitAction,
}

/// A service floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Least share answered in time, in thousandths.
    pub share_permille: u32,
    /// In time: within.
    pub within: Millis,
    /// Measured over the last.
    pub over: Millis,
    /// Restored at the floor plus this, in thousandths.
    pub margin_permille: u32,
}
