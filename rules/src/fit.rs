//! Decides how well the people of a customer's own team fit what the customer prefers.
//!
//! A customer states preferences as attributes: `wants_temper = "calm"` prefers agents whose trait `temper` is `calm`.
//! Fit is a criterion inside the team, so only its members and those of its covers are compared, at most 32.

use crate::facts::CustomerFacts;
use crate::model::RuleSet;

/// What an attribute that states a preference begins with; the trait's name follows.
pub(crate) const PREFERENCE: &str = "wants_";

/// People compared, at most.
const MOST_COMPARED: usize = 32;

/// How well one agent fits a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit<'a> {
    /// Who.
    pub agent: &'a str,
    /// Stated preferences that her traits match; at least one.
    pub matched: u16,
    /// Preferences that the customer stated.
    pub stated: u16,
}

impl RuleSet {
    /// The people of a team and its covers who match at least one preference that the customer stated.
    pub fn fit<'a>(&'a self, customer: &CustomerFacts, team: &str) -> Vec<Fit<'a>> {
        let wanted: Vec<(&str, &str)> = customer
            .attributes
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFERENCE)?, value.as_str())))
            .collect();
        let Some(own) = self.teams.iter().find(|known| known.id == team).filter(|_| !wanted.is_empty()) else {
            return Vec::new();
        };
        let stated = u16::try_from(wanted.len()).unwrap_or(u16::MAX);
        let covers = own.covers.iter().filter_map(|(cover, _)| self.teams.iter().find(|known| known.id == *cover));
        let mut fits: Vec<Fit<'a>> = Vec::new();
        for member in [own].into_iter().chain(covers).flat_map(|team| &team.members).take(MOST_COMPARED) {
            let Some(agent) = self.agents.iter().find(|known| known.id == member.agent) else { continue };
            let matches = |(name, value): &&(&str, &str)| agent.traits.get(*name).is_some_and(|own| own == value);
            let matched = u16::try_from(wanted.iter().filter(matches).count()).unwrap_or(u16::MAX);
            if matched > 0 && !fits.iter().any(|fit| fit.agent == agent.id) {
                fits.push(Fit { agent: &agent.id, matched, stated });
            }
        }
        fits
    }
}
