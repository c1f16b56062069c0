//! Decides what rules may know of a contact, its customer, their account and the queues. External ids are text here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything a plan is made from, besides the rules and the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The contact.
    pub contact: ContactFacts,
    /// The person, where identified.
    pub customer: Option<CustomerFacts>,
    /// Their organisation, where known.
    pub account: Option<AccountFacts>,
    /// Whether the customer was valued at the last evaluation; the scorecard's thresholds remember it.
    pub was_valued: bool,
    /// How the queues are doing, by id; a queue that is not here counts as empty.
    pub queues: BTreeMap<String, QueueFacts>,
}

/// What rules may know of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContactFacts {
    /// The channel.
    pub channel: String,
    /// What it is about.
    pub topic: Option<String>,
    /// The language the customer speaks here.
    pub language: Option<String>,
    /// The address it came from.
    pub from: Option<String>,
    /// The address it was sent to; its entry decides the domain.
    pub to: Option<String>,
    /// How the customer was identified: `verified`, `claimed`, `matched`, `ambiguous`.
    pub identity: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// What the customer asked for: the id of an agent, or `callback`.
    pub wants: Option<String>,
    /// The open conversation it belongs to.
    pub thread: Option<String>,
    /// The matter it is about.
    pub matter: Option<String>,
    /// The domain, where the sender names one.
    pub domain: Option<String>,
    /// Anything else the platform sends.
    pub attributes: BTreeMap<String, String>,
}

/// What rules may know of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerFacts {
    /// The customer's id.
    pub id: Option<String>,
    /// The account they belong to.
    pub account: Option<String>,
    /// How close a relationship they want: `close`, `standard` (the default) or `arms_length`.
    pub relationship: Option<String>,
    /// The language they prefer.
    pub language: Option<String>,
    /// The channel they prefer.
    pub channel: Option<String>,
    /// The team the directory names; wins over every `owns`.
    pub team: Option<String>,
    /// The lead the directory names.
    pub lead: Option<String>,
    /// A group of customers (`hospitals`).
    pub segment: Option<String>,
    /// Where they are.
    pub region: Option<String>,
    /// How far the relationship has come: `satisfied`, `preference`, `loyal`, `advocate`.
    pub stage: Option<String>,
    /// Agents they prefer.
    pub prefers: Vec<String>,
    /// Agents they avoid.
    pub avoids: Vec<String>,
    /// What the relationship is worth over its life, in whole units of currency.
    pub lifetime_value: Option<i64>,
    /// How often they come, in contacts or orders a year.
    pub frequency: Option<i64>,
    /// What they could spend, 0 to 10.
    pub purchasing_power: Option<i64>,
    /// How much their situation calls for care, 0 to 10.
    pub situation: Option<i64>,
    /// What both sides give, 0 to 10.
    pub reciprocity: Option<i64>,
    /// Whom they influence, 0 to 10.
    pub influence: Option<i64>,
    /// How far their complaint would be heard, 0 to 10.
    pub complaint_power: Option<i64>,
    /// What they cost beyond reason, 0 to 10.
    pub nuisance: Option<i64>,
    /// Promises made and still to be kept.
    pub open_commitments: Option<i64>,
    /// Times of late that what was delivered fell short of what was promised.
    pub recent_gaps: Option<i64>,
    /// Anything else the directory holds.
    pub attributes: BTreeMap<String, String>,
}

/// What rules may know of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountFacts {
    /// The account's id.
    pub id: Option<String>,
    /// The team the directory names; one named on the customer wins over it.
    pub team: Option<String>,
    /// The lead the directory names; one named on the customer wins over it.
    pub lead: Option<String>,
    /// A group of accounts (`hospitals`).
    pub segment: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// What the relationship is worth over its life, in whole units of currency.
    pub lifetime_value: Option<i64>,
    /// How often they come, in contacts or orders a year.
    pub frequency: Option<i64>,
    /// What it could spend, 0 to 10.
    pub purchasing_power: Option<i64>,
    /// What both sides give, 0 to 10.
    pub reciprocity: Option<i64>,
    /// Whom it influences, 0 to 10.
    pub influence: Option<i64>,
    /// What it costs beyond reason, 0 to 10.
    pub nuisance: Option<i64>,
    /// Anything else the directory holds.
    pub attributes: BTreeMap<String, String>,
}

/// How a queue is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueueFacts {
    /// Contacts waiting.
    pub length: u32,
    /// Estimated wait, in seconds.
    pub wait_s: u32,
    /// Share answered in time of late, in percent.
    pub service_percent: u32,
}

impl Facts {
    /// The account's id: its own, or the one its person names.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        let own = self.account.as_ref().and_then(|account| account.id.as_deref());
        own.or_else(|| self.customer.as_ref().and_then(|customer| customer.account.as_deref()))
    }

    /// The team that the directory names: the person's, else the account's.
    #[must_use]
    pub fn named_team(&self) -> Option<&str> {
        let person = self.customer.as_ref().and_then(|customer| customer.team.as_deref());
        person.or_else(|| self.account.as_ref().and_then(|account| account.team.as_deref()))
    }

    /// The lead that the directory names: the person's, else the account's.
    #[must_use]
    pub fn named_lead(&self) -> Option<&str> {
        let person = self.customer.as_ref().and_then(|customer| customer.lead.as_deref());
        person.or_else(|| self.account.as_ref().and_then(|account| account.lead.as_deref()))
    }
}
