//! Decides what is probably not meant so, although it could be activated; and runs the expectations.

mod fences;
mod people;
mod queues;
mod rules;
mod staffing;
mod unused;

use picket_core::{Calendar, Timestamp, Window};

use crate::draft::Draft;
use crate::finding::Finding;
use crate::model::RuleSet;

/// The Monday from which hours are looked at: a check must not depend on the day it is run.
const REFERENCE: Timestamp = Timestamp(1_767_571_200_000);

/// How much of the hours is looked at.
const DAYS: i64 = 28;

/// Adds what was found.
pub(crate) fn lint(set: &RuleSet, draft: &Draft, findings: &mut Vec<Finding>) {
    set.lint_rules(findings);
    set.lint_scorecard(findings);
    set.lint_owners(findings);
    set.lint_teams(findings);
    set.lint_fences(findings);
    set.lint_covers(findings);
    set.lint_holds(findings);
    set.lint_queues(findings);
    set.lint_hours(findings);
    set.lint_needs(findings);
    set.lint_channels(findings);
    set.lint_staffing(findings);
    set.lint_unused(draft, findings);
    set.run_expectations(findings);
}

/// The first span of the reference weeks in which the first calendar is open and the second is not.
fn first_gap(open: &Calendar, staffed: &Calendar) -> Option<Window> {
    let end = Timestamp(REFERENCE.0 + DAYS * 86_400_000);
    for window in open.windows.iter().filter(|window| window.to > REFERENCE && window.from < end) {
        let mut from = window.from.max(REFERENCE);
        let to = window.to.min(end);
        for staffed in staffed.windows.iter().filter(|staffed| staffed.from < to) {
            if staffed.to <= from {
                continue;
            }
            if staffed.from > from {
                return Some(Window { from, to: staffed.from });
            }
            from = staffed.to;
        }
        if from < to {
            return Some(Window { from, to });
        }
    }
    None
}

/// A span as people say it, in UTC.
fn words(window: Window) -> String {
    let text = |at: Timestamp, format: &str| {
        let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(jiff::tz::TimeZone::UTC).strftime(format).to_string()
    };
    format!("{} to {} UTC", text(window.from, "%A %H:%M"), text(window.to, "%A %H:%M"))
}
