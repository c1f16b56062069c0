//! Decides how the stages and their tests are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Sp, Wait};
use crate::facts::{AccountFacts, ContactFacts, CustomerFacts};

/// A rule of the first stage: all that match add up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// What people call it.
    pub name: Option<String>,
    /// For which contacts; all if left out.
    pub when: Option<Sp<String>>,
    /// How pressing; the more pressing wins.
    pub urgency: Option<UrgencyName>,
    /// Skills at levels that the contact needs; the higher level wins.
    #[serde(default)]
    pub needs: BTreeMap<Sp<String>, Sp<u8>>,
    /// A promised answer time; the shorter wins.
    pub promise: Option<Wait>,
}

/// How pressing a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UrgencyName {
    /// Before everything.
    Urgent,
    /// Before normal.
    High,
    /// The default.
    Normal,
    /// After normal.
    Low,
}

/// A rule of the second stage: the first match wins; no match means no fence.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FenceRule {
    /// What people call it.
    pub name: Option<String>,
    /// For which contacts; all if left out.
    pub when: Option<Sp<String>>,
    /// `own_team`, `none`, or the id of a team.
    pub fence: Sp<String>,
}

/// A rule of the third stage: the first match wins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueRule {
    /// What people call it.
    pub name: Option<String>,
    /// For which contacts; all if left out.
    pub when: Option<Sp<String>>,
    /// The queue.
    pub queue: Sp<String>,
}

/// Attributes that platforms send.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collected {
    /// With contacts.
    pub contact: Option<Vec<Sp<String>>>,
    /// About customers.
    pub customer: Option<Vec<Sp<String>>>,
    /// About accounts.
    pub account: Option<Vec<Sp<String>>>,
}

/// A test: what a contact must get.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What must be so.
    pub name: Sp<String>,
    /// The contact.
    pub contact: ContactFacts,
    /// Whose, where known.
    pub customer: Option<CustomerFacts>,
    /// Of which account, where known.
    pub account: Option<AccountFacts>,
    /// Whether the customer was valued before; default no.
    #[serde(default)]
    pub was_valued: bool,
    /// When, RFC 3339.
    pub at: Sp<String>,
    /// Agents who are ready; everybody else is offline.
    #[serde(default)]
    pub free: Vec<Sp<String>>,
    /// What it must get.
    pub plan: ExpectPlan,
}

/// What a contact must get; what is left out is not looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectPlan {
    /// The fence's team, or `none`.
    pub fence: Option<Sp<String>>,
    /// The queue.
    pub queue: Option<Sp<String>>,
    /// Who is asked first, or `nobody`.
    pub first: Option<Sp<String>>,
    /// How pressing.
    pub urgency: Option<Sp<UrgencyName>>,
    /// Whether the customer is valued.
    pub valued: Option<Sp<bool>>,
}
