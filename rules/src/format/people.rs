//! Decides how agents, teams and fence policies are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Exit, HoldByClass, PickName, Sp, Wait};

/// A person who handles contacts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Her id.
    pub id: Sp<String>,
    /// Her name for people to read; the id if left out.
    pub name: Option<String>,
    /// Whose time zone and holidays her shift has; the only domain if left out.
    pub domain: Option<Sp<String>>,
    /// Her id at each source that calls her otherwise.
    #[serde(default)]
    pub aliases: BTreeMap<Sp<String>, Sp<String>>,
    /// Skills at levels 1 to 10.
    #[serde(default)]
    pub skills: BTreeMap<Sp<String>, Sp<u8>>,
    /// What she is like, by name: a customer's attribute `wants_<name>` with the same value prefers her.
    #[serde(default)]
    pub traits: BTreeMap<Sp<String>, Sp<String>>,
    /// Queues that she serves as her own.
    #[serde(default)]
    pub queues: Vec<Sp<String>>,
    /// When she works, in OSM syntax; whenever she is logged in if left out.
    pub shift: Option<Sp<String>>,
    /// Points that she has; default 100.
    pub points: Option<Sp<u32>>,
    /// Slots that differ from the channel's.
    #[serde(default)]
    pub slots: BTreeMap<Sp<String>, u32>,
}

/// A dedicated team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its id.
    pub id: Sp<String>,
    /// Where it is routed; the only domain if left out.
    pub domain: Option<Sp<String>>,
    /// Whose customers they are, where the directory names no team.
    pub owns: Option<Sp<String>>,
    /// Members.
    pub members: Vec<MemberSpec>,
    /// Who serves in which steps; the built-in policy if left out.
    pub fence_policy: Option<Sp<String>>,
    /// Members kept free for fenced contacts; default 0.
    pub reserve: Option<Sp<u32>>,
    /// Queues that its members help.
    #[serde(default)]
    pub lends_to: Vec<Sp<String>>,
    /// Queues that its members help only while these are below their floor.
    #[serde(default)]
    pub helps: Vec<Sp<String>>,
    /// Whether a queue below its floor releases the reserve; default yes.
    pub releases: Option<bool>,
    /// Teams that stand in.
    #[serde(default)]
    pub covers: Vec<Sp<String>>,
    /// Working hours, in OSM syntax; those of the members' shifts together if left out.
    pub hours: Option<Sp<String>>,
    /// What its customers are promised; the queue's time, by the first step's people, if left out.
    pub promise: Option<TeamPromise>,
}

/// What a team's customers are promised.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamPromise {
    /// Answered within.
    pub within: Wait,
}

/// One membership.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberSpec {
    /// Who.
    pub agent: Sp<String>,
    /// What she answers inside the team.
    pub role: Option<Sp<String>>,
    /// 1 leads; default her place in the list.
    pub rank: Option<Sp<u32>>,
    /// First day.
    #[schemars(with = "Option<String>")]
    pub from: Option<Sp<toml::value::Datetime>>,
    /// Last day.
    #[schemars(with = "Option<String>")]
    pub until: Option<Sp<toml::value::Datetime>>,
}

/// Who serves behind a fence.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FencePolicy {
    /// In which steps.
    pub steps: Vec<Sp<PolicyStep>>,
    /// What happens when nobody is left, by cause.
    #[serde(default)]
    pub finally: FinallySpec,
}

/// One step of a fence policy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyStep {
    /// Who.
    pub who: StepWho,
    /// With `who = "team"`: `by_topic`, or a role; everybody if left out.
    pub role: Option<Sp<String>>,
    /// With `who = "agent"`: who.
    pub agent: Option<Sp<String>>,
    /// How long the next step waits.
    #[serde(default)]
    pub hold: HoldByClass,
    /// Whether these people replace the earlier steps'; default no.
    #[serde(default)]
    pub only: bool,
    /// Further skills needed in this step.
    #[serde(default)]
    pub needs: BTreeMap<Sp<String>, Sp<u8>>,
    /// Checks that these people may skip.
    #[serde(default)]
    pub bypass: Vec<CheckName>,
    /// How one of several is chosen; default `longest_idle`.
    pub pick: Option<PickName>,
}

/// Whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepWho {
    /// One named person.
    Agent,
    /// The customer's lead.
    Lead,
    /// The other members, by rank.
    Backups,
    /// The team, or those of a role.
    Team,
    /// Members of the teams that stand in.
    Covers,
}

/// A check that a dedicated person may skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Needed skills.
    Skill,
    /// The channel's slots.
    Slots,
    /// The shift.
    Hours,
}

/// What happens when nobody is left, by cause.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FinallySpec {
    /// Everybody is busy.
    pub busy: Option<Exit>,
    /// Hours are over.
    pub closed_hours: Option<Exit>,
    /// A holiday; as `closed_hours` if left out.
    pub holiday: Option<Exit>,
    /// Nobody is there who could ever serve.
    pub no_cover: Option<Exit>,
}
