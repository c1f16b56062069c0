//! Decides what a rule file may say: the types here are the format, and the JSON Schema is generated from them.

mod hold;
mod people;
mod place;
mod scalar;
mod stages;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use hold::{HoldByCause, HoldByClass, HoldSpec};
pub use people::{Agent, CheckName, FencePolicy, FinallySpec, MemberSpec, PolicyStep, StepWho, Team, TeamPromise};
pub use place::{
    Channel, ClassName, Combine, Domain, Entry, FloorSpec, Hours, LimitSpec, Load, ModeName, NamedHours, OfferSpec,
    PickName, Queue, QueuePromise, Scorecard, Widen,
};
pub use scalar::{Clock, Exit, Order, Share, Sp, Wait, parse_wait};
pub use stages::{Classify, Collected, Expect, ExpectPlan, FenceRule, QueueRule, UrgencyName};

/// One rule file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Every skill, declared once, so that a typo is an error.
    pub skills: Vec<Sp<String>>,
    /// Every topic, declared once.
    pub topics: Vec<Sp<String>>,
    /// What each role answers inside a team.
    pub roles: BTreeMap<Sp<String>, Sp<String>>,
    /// Attributes that platforms send, declared so that misspelt and unused ones are found.
    pub collected: Collected,
    /// Hours with a name, for `open("name")`.
    pub hours: BTreeMap<Sp<String>, NamedHours>,
    /// What is routed together.
    pub domain: BTreeMap<Sp<String>, Domain>,
    /// Channels; `default` is for those nobody configured.
    pub channel: BTreeMap<Sp<String>, Channel>,
    /// Who is valued.
    pub scorecard: Option<Scorecard>,
    /// Who serves behind a fence, in which steps.
    pub fence_policy: BTreeMap<Sp<String>, FencePolicy>,
    /// People.
    pub agent: Vec<Agent>,
    /// Dedicated teams.
    pub team: Vec<Team>,
    /// Queues.
    pub queue: Vec<Queue>,
    /// Where contacts come in.
    pub entry: Vec<Entry>,
    /// First stage: all that match add up.
    pub classify: Vec<Classify>,
    /// Second stage: the first match wins.
    pub fence: Vec<FenceRule>,
    /// Third stage: the first match wins.
    pub queue_rule: Vec<QueueRule>,
    /// The load that staffing is checked against.
    pub load: Vec<Load>,
    /// Tests that live beside the rules.
    pub expect: Vec<Expect>,
}

/// Whether a text can name a thing: 1–128 printable ASCII bytes without spaces.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
