//! Decides which rules can not do what they seem to: unreachable, constant, contradictory, repeated.

use crate::codes::Code;
use crate::expr::{Clause, Condition};
use crate::finding::{Finding, Place};
use crate::model::{FenceChoice, Head, RuleSet};

impl RuleSet {
    /// Rules of the stages.
    pub(super) fn lint_rules(&self, findings: &mut Vec<Finding>) {
        first_wins(self.fences.iter().map(|rule| &rule.head), findings);
        first_wins(self.queue_rules.iter().map(|rule| &rule.head), findings);
        let heads = self.classify.iter().map(|rule| &rule.head).chain(self.fences.iter().map(|rule| &rule.head));
        for head in heads.chain(self.queue_rules.iter().map(|rule| &rule.head)) {
            if let Some(place) = &head.when_place {
                self.lint_constants(&head.when, place, findings);
            }
        }
        for (at, rule) in self.classify.iter().enumerate() {
            let same = self.classify.iter().take(at).find(|before| {
                same(&before.head.when, &rule.head.when)
                    && before.urgency == rule.urgency
                    && before.promise == rule.promise
                    && before
                        .needs
                        .iter()
                        .map(|need| (&need.0, need.1))
                        .eq(rule.needs.iter().map(|need| (&need.0, need.1)))
            });
            if let Some(before) = same {
                let finding =
                    Finding::new(Code::Duplicate, rule.head.place.clone(), "this rule says the same as an earlier one");
                findings.push(finding.also(before.head.place.clone(), "the earlier one"));
            }
        }
        if self.teams.is_empty()
            && let Some(rule) = self.fences.iter().find(|rule| rule.fence == FenceChoice::OwnTeam)
        {
            let message = "this entitles contacts to their own team, and no team is declared";
            let finding = Finding::new(Code::FencedWithoutTeam, rule.head.place.clone(), message);
            findings.push(finding.help("add a [[team]] that owns them"));
        }
    }

    fn lint_constants(&self, when: &Condition, place: &Place, findings: &mut Vec<Finding>) {
        for (at, clause) in when.clauses.iter().enumerate() {
            let here = self.clause_place(place, clause);
            if let Some(value) = clause.constant {
                let message = format!("`{}` is always {value}", clause.text);
                findings.push(Finding::new(Code::Constant, here.clone(), message).label(format!("always {value}")));
            }
            let clash = when.clauses.iter().take(at).find(
                |before| matches!((&before.atom, &clause.atom), (Some(before), Some(atom)) if before.excludes(atom)),
            );
            if let Some(before) = clash {
                let message = format!("`{}` and `{}` can not both hold", before.text, clause.text);
                findings.push(Finding::new(Code::Constant, here, message).label("always false"));
            }
        }
    }

    /// Where a clause stands inside its condition.
    fn clause_place(&self, place: &Place, clause: &Clause) -> Place {
        let source = self.sources.get(place.file);
        let raw = source.and_then(|source| source.text.get(place.span.clone())).unwrap_or_default();
        match raw.find(clause.text.as_str()) {
            Some(at) => {
                let start = place.span.start + at;
                Place::new(place.file, start..start + clause.text.len())
            }
            None => place.clone(),
        }
    }

    /// Thresholds.
    pub(super) fn lint_scorecard(&self, findings: &mut Vec<Finding>) {
        let Some(card) = &self.scorecard else { return };
        if card.leave >= card.enter {
            let message = format!("customers enter at {} and leave below {}: they flap", card.enter, card.leave);
            let finding = Finding::new(Code::Flapping, card.place.clone(), message);
            findings.push(finding.help("let `leave` lie clearly below `enter`"));
        }
    }
}

/// Rules of a stage in which the first match wins.
fn first_wins<'a>(rules: impl Iterator<Item = &'a Head>, findings: &mut Vec<Finding>) {
    let mut earlier: Vec<&Head> = Vec::new();
    for rule in rules {
        let before = earlier.iter().find(|before| covers(&before.when, &rule.when));
        if let Some(before) = before {
            let duplicate = same(&before.when, &rule.when) && !rule.when.clauses.is_empty();
            let (code, message) = if duplicate {
                (Code::Duplicate, "this rule has the condition of an earlier one and never matches")
            } else {
                (Code::Unreachable, "this rule can never match: an earlier one takes every contact that it would")
            };
            let finding = Finding::new(code, rule.place.clone(), message).label("never reached");
            findings
                .push(finding.also(before.place.clone(), "this one matches first").help("move it up, or remove it"));
        } else {
            earlier.push(rule);
        }
    }
}

/// Whether whatever passes the later condition passes the earlier one too.
fn covers(earlier: &Condition, later: &Condition) -> bool {
    let implied = |wanted: &Clause| {
        wanted.constant == Some(true)
            || later.clauses.iter().any(|given| {
                plain(&given.text) == plain(&wanted.text)
                    || matches!((&given.atom, &wanted.atom), (Some(given), Some(wanted)) if given.implies(wanted))
            })
    };
    earlier.clauses.iter().all(implied)
}

fn same(one: &Condition, other: &Condition) -> bool {
    one.clauses.len() == other.clauses.len()
        && one.clauses.iter().zip(&other.clauses).all(|(one, other)| plain(&one.text) == plain(&other.text))
}

/// The text without its white space.
fn plain(text: &str) -> String {
    text.split_whitespace().collect()
}
