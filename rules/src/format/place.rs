//! Decides how domains, channels, queues, entries and the scorecard are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Exit, Order, Share, Sp, Wait};

/// What is routed together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// IANA time zone.
    pub timezone: Sp<String>,
    /// Country of the public holidays, ISO code; on them hours that do not mention `PH` are closed.
    pub holidays: Option<Sp<String>>,
}

/// Hours with a name, for `open("name")`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedHours {
    /// Open when, in OSM syntax.
    pub open: Sp<String>,
    /// Whose time zone and holidays; the only domain if left out.
    pub domain: Option<Sp<String>>,
}

/// A channel's weight and manners.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Which clock the customer lives by.
    pub class: ClassName,
    /// Points that one contact takes of an agent; default 100.
    pub cost: Option<Sp<u32>>,
    /// Concurrent contacts of an agent; default 1.
    pub slots: Option<Sp<u32>>,
    /// How a contact is offered.
    #[serde(default)]
    pub offer: OfferSpec,
    /// After-contact work; default none.
    pub wrap_up: Option<Wait>,
    /// The longest wait; a live channel must have one.
    pub longest: Option<Sp<Wait>>,
    /// Channels that may be offered on top of this one.
    #[serde(default)]
    pub interruptible_by: Vec<Sp<String>>,
    /// How long a contact may stay connected before the source is asked.
    pub max_connected: Option<Wait>,
}

/// The class of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassName {
    /// The customer waits on the line.
    Live,
    /// A conversation with pauses.
    Messaging,
    /// Answered in hours.
    Deferred,
}

/// How a contact is offered.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OfferSpec {
    /// How many are asked; default `one`.
    pub mode: Option<ModeName>,
    /// How long an offer stays; default 20s.
    pub expires: Option<Wait>,
    /// Consecutive no-answers after which the agent is not ready; default 1 on live channels, 2 otherwise.
    pub misses: Option<u8>,
    /// How long an accepted contact may stay unconnected; default 30s.
    pub accept_within: Option<Wait>,
    /// How long an agent stays not ready after too many no-answers; until she says that she is ready, if left out.
    pub away_for: Option<Wait>,
}

/// How many agents are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    /// One at a time.
    One,
    /// Every eligible free insider.
    All,
    /// Nobody; it is assigned.
    Auto,
}

/// Who is valued, by points; the state is remembered, so nobody flaps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scorecard {
    /// Valued from here on.
    pub enter: Sp<i64>,
    /// No longer valued below this.
    pub leave: Sp<i64>,
    /// How the person's and the account's points are joined; default `max`.
    #[serde(default)]
    pub combine: Combine,
    /// Expressions that give points; one that reads only the account counts for the account.
    pub points: BTreeMap<Sp<String>, Sp<String>>,
}

/// How the person's and the account's points are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The larger.
    #[default]
    Max,
    /// Both together.
    Sum,
}

/// A queue of efficiency routing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Its id.
    pub id: Sp<String>,
    /// Where it is routed; the only domain if left out.
    pub domain: Option<Sp<String>>,
    /// Opening hours; always open if left out.
    pub hours: Option<Hours>,
    /// Skills at levels that everybody who serves it needs.
    #[serde(default)]
    pub needs: BTreeMap<Sp<String>, Sp<u8>>,
    /// Later, lower needs.
    #[serde(default)]
    pub widen: Vec<Widen>,
    /// What is promised; default 80% within 20s.
    pub promise: Option<QueuePromise>,
    /// Order of service; default `promise`.
    pub order: Option<Sp<Order>>,
    /// Which agent is chosen; default `longest_idle`.
    pub pick: Option<PickName>,
    /// How many may wait, and what happens to one too many.
    pub limit: Option<LimitSpec>,
    /// The service below which teams release their reserve.
    pub floor: Option<FloorSpec>,
    /// What happens at the end of an unfenced plan, by cause.
    pub finally: Option<super::FinallySpec>,
}

/// Opening hours of a queue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Open when, in OSM syntax.
    pub open: Sp<String>,
    /// What happens outside; default `stay`.
    pub closed: Option<Exit>,
}

/// Needs that hold once a contact has waited.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Widen {
    /// Waited at least.
    pub after: Sp<Wait>,
    /// The needs then, instead of the earlier ones.
    #[serde(default)]
    pub needs: BTreeMap<Sp<String>, Sp<u8>>,
}

/// A service level: this share within this time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueuePromise {
    /// Of all contacts; default 80%.
    pub share: Option<Share>,
    /// Answered within.
    pub within: Wait,
}

/// How one of several equally entitled agents is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PickName {
    /// Idle longest on this channel.
    LongestIdle,
    /// Least points in use.
    LeastOccupied,
    /// Highest proficiency.
    MostProficient,
    /// Lowest proficiency that serves.
    LeastProficient,
    /// Fewest contacts today.
    FewestToday,
    /// After the one chosen last.
    RoundRobin,
}

/// A limit and its overflow.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// Contacts that may wait.
    pub length: u32,
    /// Expected wait above which nobody joins.
    pub wait: Option<Wait>,
    /// What happens to one too many; default `callback`.
    pub then: Option<Exit>,
}

/// A service floor.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloorSpec {
    /// Least share answered in time.
    pub share: Share,
    /// In time: within.
    pub within: Wait,
    /// Measured over the last.
    pub over: Wait,
    /// Restored at the floor plus this; default 5%.
    pub margin: Option<Share>,
}

/// Where contacts come in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The address they were sent to.
    pub to: Sp<String>,
    /// The domain that routes them.
    pub domain: Sp<String>,
}

/// The load of a queue that staffing is checked against (Erlang A).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The queue.
    pub queue: Sp<String>,
    /// Contacts in the busiest hour.
    pub per_hour: u32,
    /// Average handling time.
    pub handling: Wait,
    /// Average patience.
    pub patience: Wait,
}
