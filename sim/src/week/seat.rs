//! Decides what a driver needs of a router, wherever it sits, and what of its outputs counts as a decision.

use std::collections::BTreeMap;
use std::fmt;

use crate::output::{Fact, Output};

/// A router, driven by time and acts.
pub trait Seat {
    /// Why it could not be driven on.
    type Error;

    /// Moves time to `to` (milliseconds UTC, never back), then does the acts in order; returns what came out, in order.
    ///
    /// A refused act changes nothing and is no error.
    ///
    /// # Errors
    /// When the router cannot be reached or broke its contract.
    fn step(&mut self, to: i64, acts: &[Act]) -> Result<Vec<Output>, Self::Error>;
}

/// One thing that happens in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A valued customer is put into the directory.
    Value {
        /// Who.
        customer: String,
        /// Calls in the week: what the scorecard reads.
        calls: u64,
        /// The dedicated team.
        team: String,
        /// The lead in it.
        lead: String,
    },
    /// An agent comes or goes.
    Duty {
        /// Who.
        agent: String,
        /// Whether she is there from now on.
        here: bool,
    },
    /// Somebody calls.
    Receive {
        /// The contact.
        contact: String,
        /// Who, where known.
        customer: Option<String>,
    },
    /// An agent takes an offer.
    Accept {
        /// The offer, as the router named it.
        offer: String,
        /// Who.
        agent: String,
    },
    /// The two are talking.
    Connect {
        /// The contact.
        contact: String,
    },
    /// The caller left.
    End {
        /// The contact.
        contact: String,
    },
    /// The agent is done.
    Close {
        /// The contact.
        contact: String,
        /// Who.
        agent: String,
    },
    /// The caller gave up.
    Abandon {
        /// The contact.
        contact: String,
    },
}

/// One decision, in words that are the same in every seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Journal time, in milliseconds UTC.
    pub at: i64,
    /// The contact.
    pub contact: String,
    /// What was decided; offers are numbered in the order in which they were made.
    pub what: Fact,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", crate::message::moment(self.at), self.contact, self.what)
    }
}

/// The decisions of a run, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    list: Vec<Decision>,
    offers: BTreeMap<String, usize>,
}

impl Decisions {
    /// Takes an output; what is no decision is passed over.
    pub fn take(&mut self, output: &Output) {
        let Some(contact) = &output.contact else { return };
        let what = match &output.fact {
            Fact::OfferMade { offer, agent, standing } => {
                let offer = self.number(offer);
                Fact::OfferMade { offer, agent: agent.clone(), standing: standing.clone() }
            }
            Fact::OfferAccepted { offer, agent } => {
                Fact::OfferAccepted { offer: self.number(offer), agent: agent.clone() }
            }
            Fact::OfferOver { offer, how } => Fact::OfferOver { offer: self.number(offer), how },
            Fact::FenceSet { .. }
            | Fact::FenceOpened { .. }
            | Fact::FenceClosed
            | Fact::Assigned { .. }
            | Fact::Connected
            | Fact::Ended
            | Fact::Parked
            | Fact::Resumed { .. }
            | Fact::Requeued { .. }
            | Fact::Transferred
            | Fact::Closed { .. } => output.fact.clone(),
            Fact::Queued { .. } | Fact::AgentState { .. } | Fact::Rejected { .. } | Fact::Other(_) => return,
        };
        self.list.push(Decision { at: output.at, contact: contact.id.clone(), what });
    }

    fn number(&mut self, offer: &str) -> String {
        let next = self.offers.len() + 1;
        self.offers.entry(offer.to_owned()).or_insert(next).to_string()
    }

    /// The decisions.
    #[must_use]
    pub fn list(&self) -> &[Decision] {
        &self.list
    }

    /// The first place where two runs differ, in words; `None` when they are equal.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<String> {
        let pairs = self.list.iter().zip(&other.list);
        let place = pairs.take_while(|(one, two)| one == two).count();
        if place == self.list.len() && place == other.list.len() {
            return None;
        }
        let around = |list: &[Decision]| {
            let lines = list.iter().skip(place.saturating_sub(3)).take(6).map(|d| format!("    {d}\n"));
            lines.collect::<String>()
        };
        let (one, two) = (around(&self.list), around(&other.list));
        let (mine, theirs) = (self.list.len(), other.list.len());
        Some(format!("decision {place} of {mine} and {theirs}:\n  here\n{one}  there\n{two}"))
    }
}
