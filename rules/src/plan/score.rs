//! Decides who is valued: points of person and account, and thresholds that remember.

use serde::{Deserialize, Serialize};

use crate::expr::Scope;
use crate::format::Combine;
use crate::model::RuleSet;

/// What the scorecard says of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Valuation {
    /// Points, rounded down.
    pub score: i64,
    /// Whether they are valued; the next evaluation must be told.
    pub valued: bool,
}

impl RuleSet {
    /// Valued from `enter` on, and until the score falls below `leave`. Nobody unknown is valued.
    pub(crate) fn valuation(&self, scope: &Scope<'_>, was_valued: bool) -> Valuation {
        let known = scope.facts.customer.is_some() || scope.facts.account.is_some();
        let Some(card) = self.scorecard.as_ref().filter(|_| known) else { return Valuation::default() };
        let side = |of_account: bool| {
            let own = card.points.iter().filter(|points| points.of_account == of_account);
            own.map(|points| points.score.eval(scope)).reduce(|sum, points| sum + points)
        };
        // A side without expressions is no side: it must not lift a negative score to zero.
        let score = whole(match (side(false), side(true), card.combine) {
            (Some(person), Some(account), Combine::Max) => person.max(account),
            (Some(person), Some(account), Combine::Sum) => person + account,
            (Some(only), None, _) | (None, Some(only), _) => only,
            (None, None, _) => 0.0,
        });
        Valuation { score, valued: score >= if was_valued { card.leave } else { card.enter } }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from f64 stops at the limits of i64, which is what is meant"
)]
fn whole(points: f64) -> i64 {
    points.floor() as i64
}
