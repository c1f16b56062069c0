//! Decides what platforms say about contacts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::agent::Proficiency;
use super::bound::{list, map};
use super::{Body, When, present};
use crate::contract::value::{Id, Moment, Name, Text};

/// A customer's request. Only `contact` and `channel` are required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Received {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// The channel it came on; one that nobody configured gets the default and a warning.
    pub channel: Name,
    /// The customer's address: a number, a mailbox, a handle.
    pub from: Option<Text>,
    /// The customer, in the installation's id, where the source knows.
    pub customer: Option<Id>,
    /// How sure the source is who it is.
    pub identity: Option<Identity>,
    /// The entry it came to: the number dialled, the mailbox written to.
    pub to: Option<Text>,
    /// What it is about, of the topics that the rules declare.
    pub topic: Option<Text>,
    /// The customer's language, as BCP 47 (`en`, `fr-CA`).
    pub language: Option<Text>,
    /// The conversation it belongs to, in the source's own id.
    pub thread: Option<Id>,
    /// The matter it is about, in the installation's id.
    pub matter: Option<Id>,
    /// When the customer began to wait; age counts from here if it lies within the last 24 hours.
    pub waiting_since: Option<Moment>,
    /// Who began; `inbound` without one.
    pub direction: Option<Direction>,
    /// What the customer asks for.
    pub wants: Option<Wants>,
    /// A future contact: it waits from this moment on.
    pub scheduled_for: Option<Moment>,
    /// Anything else the rules may read; at most 64 entries.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<Id, Value>,
}

/// How sure a source is who the customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The customer proved it.
    Verified,
    /// The customer said so.
    Claimed,
    /// The address belongs to them.
    Matched,
}

/// Who began a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The customer.
    Inbound,
    /// The company.
    Outbound,
}

/// What a customer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// This person.
    Agent(Id),
    /// To be called back at this moment.
    Callback(Moment),
}

/// More about a contact. What is given replaces what was known; the rest stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Updated {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// The customer's address.
    pub from: Option<Text>,
    /// The customer; another one than before identifies the contact anew.
    pub customer: Option<Id>,
    /// How sure the source is who it is.
    pub identity: Option<Identity>,
    /// What it is about.
    pub topic: Option<Text>,
    /// The customer's language, as BCP 47.
    pub language: Option<Text>,
    /// The matter it is about.
    pub matter: Option<Id>,
    /// Attributes to add or replace; at most 64 entries.
    #[serde(default, deserialize_with = "map")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<Id, Value>,
}

/// What the customer has chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// The choice.
    pub choice: Chosen,
    /// When to call back; needed for `callback`.
    pub at: Option<Moment>,
}

/// A choice of the customer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// To wait for their own people.
    Wait,
    /// A colleague now: the fence opens with the reason `customer_choice`.
    Colleague,
    /// To be called back.
    Callback,
}

/// The customer gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abandoned {
    /// The contact, in the source's own id.
    pub contact: Id,
}

/// The two are talking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Who is talking, by id or alias; must be the assigned agent.
    pub agent: Option<Id>,
}

/// They could not be connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectFailed {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Whose side failed.
    pub side: Side,
    /// Why, in the source's words.
    pub cause: Option<Text>,
    /// When a customer who did not answer is tried again; without it the contact closes as expired.
    pub retry_at: Option<Moment>,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The agent's.
    Agent,
    /// The customer's.
    Customer,
}

/// The customer has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// The contact, in the source's own id.
    pub contact: Id,
}

/// The customer has gone quiet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parked {
    /// The contact, in the source's own id.
    pub contact: Id,
}

/// The customer is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// The contact, in the source's own id.
    pub contact: Id,
}

/// Handled elsewhere, or gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Who handled it, in the source's words; without it the contact is simply gone.
    pub by: Option<Text>,
}

/// The agent is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Who closes it, by id or alias; must be the contact's agent.
    pub agent: Option<Id>,
    /// How it ended, in the company's words.
    pub disposition: Option<Text>,
    /// What it was about.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub topics: Vec<Text>,
    /// What the team should know next time.
    pub note: Option<Text>,
    /// What was promised to the customer; kept with the contact.
    #[serde(default, deserialize_with = "list")]
    #[schemars(length(max = 5000))]
    pub commitments: Vec<Commitment>,
    /// What was delivered, beside what the customer expected.
    pub verdict: Option<Verdict>,
}

/// Something promised to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commitment {
    /// What.
    pub what: Text,
    /// By when.
    pub due: Moment,
}

/// Experience beside expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// More than expected.
    Exceeded,
    /// As expected.
    Met,
    /// Less than expected.
    Missed,
}

/// Hand a contact on; fence and plan survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transfer {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Where to.
    pub to: Target,
    /// Who hands it on, by id or alias; must be the contact's agent.
    pub agent: Option<Id>,
}

/// Where a transfer goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To one person, by id or alias.
    Agent(Id),
    /// To a team's members.
    Team(Id),
    /// To a queue.
    Queue(Id),
    /// To anyone of its plan with these skills, by least proficiency, 1 to 10.
    Needs(#[serde(deserialize_with = "map")] BTreeMap<Id, Proficiency>),
}

/// Ask a colleague for advice while the customer is there, or end that: either `with`, or `ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consult {
    /// The contact, in the source's own id; it stays with its agent.
    pub contact: Id,
    /// Who is asked; this version asks one agent.
    pub with: Option<Target>,
    /// Who asks, by id or alias; must be the contact's agent. Whoever is asked may end it too.
    pub agent: Option<Id>,
    /// The consultation is over.
    #[serde(default)]
    pub ended: bool,
}

/// An agent takes a waiting contact by hand, inside the checks of its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pull {
    /// The source whose contact it is; the sender's own without it.
    pub contact_source: Option<Id>,
    /// The contact, in that source's own id.
    pub contact: Id,
    /// Who takes it, by id or alias.
    pub agent: Id,
}

/// Back into waiting, age and fence kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requeue {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Who gives it back, by id or alias; must be the contact's agent.
    pub agent: Option<Id>,
}

/// The customer wants to be called back; the contact keeps its place, plan and fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Callback {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// Not before; without it as soon as its own people are free.
    pub at: Option<Moment>,
    /// The address to call.
    pub to: Option<Text>,
}

/// A contact for later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// The contact, in the source's own id.
    pub contact: Id,
    /// It waits from this moment on.
    pub at: Moment,
}

macro_rules! about_a_contact {
    ($($name:ident($($field:ident, $when:ident)?);)*) => {$(
        impl Body for $name {
            fn subjects(&self) -> Vec<&str> {
                vec![self.contact.as_str()]
            }

            fn times(&self) -> Vec<(&'static str, Moment, When)> {
                present([$((stringify!($field), self.$field.into(), When::$when))?])
            }
        }
    )*};
}

about_a_contact! {
    Abandoned();
    Connected();
    Ended();
    Parked();
    Resumed();
    Withdrawn();
    Transfer();
    Requeue();
    Pull();
    Choice(at, Planned);
    ConnectFailed(retry_at, Planned);
    Callback(at, Planned);
    Schedule(at, Planned);
}

impl Body for Consult {
    fn subjects(&self) -> Vec<&str> {
        vec![self.contact.as_str()]
    }

    fn missing(&self) -> Option<&'static str> {
        (!self.ended && self.with.is_none()).then_some("with")
    }
}

impl Body for Box<Received> {
    fn subjects(&self) -> Vec<&str> {
        vec![self.contact.as_str()]
    }

    fn times(&self) -> Vec<(&'static str, Moment, When)> {
        let callback = match &self.wants {
            Some(Wants::Callback(at)) => Some(*at),
            Some(Wants::Agent(_)) | None => None,
        };
        present([
            ("waiting_since", self.waiting_since, When::Happened),
            ("scheduled_for", self.scheduled_for, When::Planned),
            ("wants.callback", callback, When::Planned),
        ])
    }
}

impl Body for Box<Updated> {
    fn subjects(&self) -> Vec<&str> {
        vec![self.contact.as_str()]
    }
}

impl Body for Box<Close> {
    fn subjects(&self) -> Vec<&str> {
        vec![self.contact.as_str()]
    }

    fn times(&self) -> Vec<(&'static str, Moment, When)> {
        self.commitments.iter().map(|commitment| ("commitments[].due", commitment.due, When::Planned)).collect()
    }
}
