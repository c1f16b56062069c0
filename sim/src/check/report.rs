//! Decides what is said at the end: what was seen, and what was wrong with it.

use std::collections::BTreeMap;

use crate::output::Contact;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The number of the output that showed it; the last one for what was missing at the end.
    pub number: u64,
    /// What, as a sentence.
    pub sentence: String,
}

/// A fence that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Whose fence.
    pub contact: Contact,
    /// Why.
    pub reason: String,
    /// How long it had held, in milliseconds.
    pub held_ms: u64,
    /// When, in milliseconds UTC.
    pub at: i64,
}

/// How long customers of one class waited for an agent, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Every answered contact's wait, ascending.
    pub sorted_ms: Vec<i64>,
}

impl Waits {
    /// The mean.
    #[must_use]
    pub fn mean_ms(&self) -> i64 {
        let count = i64::try_from(self.sorted_ms.len()).unwrap_or(i64::MAX).max(1);
        self.sorted_ms.iter().sum::<i64>() / count
    }

    /// The wait that `permille` of a thousand did not pass.
    #[must_use]
    pub fn quantile_ms(&self, permille: usize) -> i64 {
        let rank = (self.sorted_ms.len() * permille.min(1000)).div_ceil(1000);
        self.sorted_ms.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }
}

/// What the checker saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What must not be, in the order it was seen; empty is good.
    pub violations: Vec<Violation>,
    /// Outputs read.
    pub outputs: u64,
    /// Contacts seen.
    pub contacts: u64,
    /// Contacts closed, by outcome; `open` counts those that are not.
    pub outcomes: BTreeMap<String, u64>,
    /// Contacts with a fence.
    pub fenced: u64,
    /// Fenced contacts that were handled, by the standing of who handled them.
    pub fenced_by: BTreeMap<String, u64>,
    /// Contacts without a fence that were handled, by the standing of who handled them.
    pub general_by: BTreeMap<String, u64>,
    /// Every fence that opened.
    pub openings: Vec<Opening>,
    /// Waits of answered contacts, by class; fenced ones are under `<class>, fenced`.
    pub waits: BTreeMap<String, Waits>,
    /// Refused inputs, by code.
    pub rejections: BTreeMap<String, u64>,
}

impl Report {
    /// Whether everything held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Openings by reason.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<&str, u64> {
        let mut reasons = BTreeMap::new();
        for opening in &self.openings {
            *reasons.entry(opening.reason.as_str()).or_insert(0) += 1;
        }
        reasons
    }

    /// Fenced contacts handled by lead, team or cover.
    #[must_use]
    pub fn inside(&self) -> u64 {
        ["lead", "team", "cover"].iter().filter_map(|standing| self.fenced_by.get(*standing)).sum()
    }
}
