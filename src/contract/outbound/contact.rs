//! Decides what is published about contacts.

use picket_core as core;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{About, Capacity, Estimate, Fence, FinalCause, Promise, Standing, Urgency, mirror};
pub use super::ending::{Abandoned, Closed, Diverted, Forwarded, Outcome};
use super::{Body, Target};
use crate::contract::inbound::contact::Chosen;
use crate::contract::value::Moment;

/// A contact is in and waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queued {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// The queue it is in, fenced or not.
    pub queue: String,
    /// How pressing it is.
    pub urgency: Urgency,
    /// The fence around it; none without.
    pub fence: Option<Fence>,
    /// The customer, where known.
    pub customer: Option<String>,
    /// The number of the rule set that planned it.
    pub rules: u32,
    /// Age counts from here.
    pub waiting_since: Moment,
    /// Where that moment comes from.
    pub age_from: AgeFrom,
    /// Contacts before it that need the same people.
    pub position: Option<u32>,
    /// Expected wait for the customer's own people.
    pub estimate_own: Option<Estimate>,
    /// Expected wait for anyone.
    pub estimate_any: Option<Estimate>,
    /// What the customer was promised.
    pub promise: Promise,
    /// Who and how long, in words for the customer.
    pub words: Option<String>,
    /// Waits from this moment on.
    pub scheduled_for: Option<Moment>,
}

/// Where a contact's age comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgeFrom {
    /// The message's `waiting_since`.
    WaitingSince,
    /// The message's `time`.
    Time,
    /// Its intake.
    Intake,
}

/// The plan changed or went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Why.
    pub because: PlannedBecause,
    /// The step it is in, from 0.
    pub step: u8,
    /// The number of the rule set that planned it.
    pub rules: u32,
    /// The queue it is in.
    pub queue: String,
    /// The fence around it.
    pub fence: Option<Fence>,
    /// Why the plan has nobody left.
    pub cause: Option<FinalCause>,
    /// With `unlikely`: the chance that was left that one of the step's people frees up in time, in thousandths.
    pub chance_permille: Option<u16>,
    /// Waits from this moment on.
    pub scheduled_for: Option<Moment>,
}

/// Why a plan changed or went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedBecause {
    /// The contact arrived.
    Arrival,
    /// The hold of everybody in the step is over.
    HoldOver,
    /// Nobody in the step can ever serve.
    Nobody,
    /// A smart hold is over before its limit: that one of its people frees up in time is too unlikely.
    Unlikely,
    /// The fence opened.
    FenceOpened,
    /// Another rule set is in force.
    Rules,
    /// The customer or account changed.
    Customer,
    /// The contact was updated.
    Updated,
    /// The contact is somebody else's.
    Reidentified,
    /// A new plan for a reason given before.
    Replanned,
    /// It waits from a later moment on.
    Scheduled,
    /// The plan has nobody left.
    Exhausted,
}

impl From<core::StepCause> for PlannedBecause {
    fn from(cause: core::StepCause) -> Self {
        match cause {
            core::StepCause::Arrival => Self::Arrival,
            core::StepCause::HoldOver => Self::HoldOver,
            core::StepCause::Nobody => Self::Nobody,
            core::StepCause::Unlikely { .. } => Self::Unlikely,
            core::StepCause::FenceOpened => Self::FenceOpened,
            core::StepCause::Replanned => Self::Replanned,
        }
    }
}

impl From<core::Replanning> for PlannedBecause {
    fn from(because: core::Replanning) -> Self {
        match because {
            core::Replanning::Rules => Self::Rules,
            core::Replanning::Customer => Self::Customer,
            core::Replanning::Updated => Self::Updated,
            core::Replanning::Reidentified => Self::Reidentified,
        }
    }
}

/// Ask the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChoiceAvailable {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// What the customer may choose; answered by `contact.choice` or `contact.callback`.
    pub choices: Vec<Chosen>,
    /// Why it is asked, where the plan has nobody left.
    pub cause: Option<FinalCause>,
    /// Who, how long and why, in words for the customer.
    pub words: Option<String>,
}

/// An agent has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assigned {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who has it.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// How she came to it.
    pub how: How,
    /// The offer she accepted.
    pub offer: Option<String>,
    /// What she is to this contact.
    pub standing: Standing,
    /// Whether she is inside the contact's fence; `false` without a fence.
    pub inside: bool,
    /// The fence around it, at this moment.
    pub fence: Option<Fence>,
    /// Whether it went over her capacity, which is only allowed where the design says so.
    pub over_capacity: bool,
    /// How much of her is taken now.
    pub capacity: Capacity,
    /// Checks that she would have failed and that were skipped, by a step of the plan or by force; none usually.
    pub bypassed: Option<Vec<Bypassed>>,
    /// By hand: who assigned it, where a supervisor did.
    pub by: Option<String>,
    /// By hand: why.
    pub why: Option<String>,
    /// How long the contact waited, since its age began.
    pub waited_ms: u32,
    /// Connected by then, or it counts as failed to connect.
    pub connect_by: Option<Moment>,
    /// The customer, where known.
    pub customer: Option<String>,
    /// Where the context card is.
    pub card: Option<String>,
}

/// How an agent came to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// She accepted an offer.
    Accepted,
    /// Without asking.
    Auto,
    /// By a supervisor, by transfer to her, or because she took it herself.
    Manual,
    /// It returned to her.
    Resumed,
}

impl From<core::Assignment> for How {
    fn from(assignment: core::Assignment) -> Self {
        match assignment {
            core::Assignment::Accepted(_) => Self::Accepted,
            core::Assignment::Auto => Self::Auto,
            core::Assignment::Manual => Self::Manual,
            core::Assignment::Resumed => Self::Resumed,
        }
    }
}

/// A check that was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bypassed {
    /// A needed skill is missing or too low.
    Skill,
    /// No slot of the channel was left; points still hold.
    Slots,
    /// Outside her shift.
    Hours,
}

/// The two are talking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// How long the customer waited until then, since the contact's age began.
    pub waited_ms: u32,
}

/// The customer has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose it was.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// How long they were connected.
    pub talked_ms: u32,
    /// Wrap-up ends by itself.
    pub wrap_up_until: Moment,
}

/// Gone quiet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parked {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose it is; it returns to her.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
}

/// Back with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who has it.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// What she is to this contact.
    pub standing: Standing,
    /// Whether she is inside the contact's fence; `false` without a fence.
    pub inside: bool,
    /// The fence around it.
    pub fence: Option<Fence>,
    /// Whether it went over her capacity.
    pub over_capacity: bool,
    /// How much of her is taken now.
    pub capacity: Capacity,
}

/// Handed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transferred {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Where to.
    pub to: TransferredTo,
    /// Whose it was.
    pub agent: Option<String>,
}

/// Where a transfer goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferredTo {
    /// To one person.
    Agent(String),
    /// To a team's members.
    Team(String),
    /// To a queue.
    Queue(String),
    /// To anyone of its plan with these skills, by least proficiency.
    Needs(std::collections::BTreeMap<String, u8>),
}

/// It waits again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requeued {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Why.
    pub cause: RequeueCause,
    /// Whose it was.
    pub agent: Option<String>,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// How long it has waited, since its age began.
    pub waited_ms: u32,
    /// The fence around it.
    pub fence: Option<Fence>,
    /// Waits from this moment on.
    pub scheduled_for: Option<Moment>,
    /// Who took it from the agent, where a supervisor did.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

mirror! {
    /// Why a contact waits again.
    RequeueCause from core::RequeueCause {
        /// The agent gave it back, or a supervisor took it from her.
        Agent,
        /// The connection failed.
        ConnectFailed,
        /// The agent was lost, or left.
        AgentLost,
        /// It was handed on.
        Transfer,
        /// It resumed, and its agent cannot have it.
        Resumed,
    }
}

/// Kept at its step by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Ends by itself then, or once the contact is with an agent.
    pub until: Moment,
    /// Who holds it.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// No longer held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who released it; none when its time was over.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// A colleague is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consulted {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who is asked.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
    /// Who asks: the contact's agent, who keeps it.
    pub asked_by: Option<String>,
    /// Whether it goes over the capacity of who is asked.
    pub over_capacity: bool,
    /// How much of who is asked is taken now.
    pub capacity: Capacity,
}

/// The colleague is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsultEnded {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Who was asked.
    pub agent: String,
    /// What the contact's source calls her.
    pub alias: Option<String>,
}

/// Connected for very long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stalled {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose it is.
    pub agent: Option<String>,
    /// How long it has been connected.
    pub connected_ms: u32,
}

/// The agent is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Orphaned {
    /// Which contact.
    #[serde(flatten)]
    pub about: About,
    /// Whose it was.
    pub agent: String,
    /// It waits for her until then.
    pub until: Moment,
}

macro_rules! bodies {
    (all: $($all:ty)*; agent: $($agent:ty)*; maybe: $($maybe:ty)*;) => {
        $(impl Body for $all {
            fn target(&self) -> Target<'_> {
                self.about.target()
            }
        })*
        $(impl Body for $agent {
            fn target(&self) -> Target<'_> {
                self.about.target_for(&self.agent)
            }
        })*
        $(impl Body for $maybe {
            fn target(&self) -> Target<'_> {
                Target { agent: self.agent.as_deref(), ..self.about.target() }
            }
        })*
    };
}

bodies! {
    all: Box<Queued> Planned Held Released ChoiceAvailable Diverted Forwarded Abandoned;
    agent: Box<Assigned> Box<Consulted> ConsultEnded Connected Ended Parked Box<Resumed> Orphaned;
    maybe: Transferred Requeued Stalled Closed;
}
