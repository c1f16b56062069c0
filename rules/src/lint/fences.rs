//! Decides what is odd about fences: no exit, no end, holds longer than the promise, covers in a circle.

use picket_core::{Calendar, Class, Millis};

use super::people::is_strict;
use crate::codes::Code;
use crate::finding::Finding;
use crate::format::{Clock, Exit};
use crate::model::{PolicyStep, RuleSet, Team};

impl RuleSet {
    /// Strict fences, and waits without end.
    pub(super) fn lint_fences(&self, findings: &mut Vec<Finding>) {
        for team in &self.teams {
            let finally = &team.policy.finally;
            if is_strict(team) && finally.no_cover == Exit::Stay && finally.closed_hours == Exit::Stay {
                self.strict_gap(team, findings);
            }
            let place = team.policy.place.clone().unwrap_or_else(|| team.place.clone());
            if finally.busy == Exit::Stay {
                let channels = self.channels.iter().filter(|channel| channel.longest.is_none());
                let endless: Vec<&str> = channels.map(|channel| channel.name.as_str()).collect();
                if !endless.is_empty() {
                    let message = format!(
                        "behind the fence of `{}` a contact on {} may wait without end: it stays when everybody is busy, and has no longest wait",
                        team.id,
                        endless.join(", ")
                    );
                    let finding = Finding::new(Code::EndlessWait, place, message);
                    findings.push(
                        finding.help("let finally.busy be open, callback or divert:…, or give the channel a longest"),
                    );
                }
            }
        }
        for queue in &self.queues {
            for channel in self.channels.iter().filter(|channel| channel.class == Class::Live) {
                if crate::plan::queue_finally(queue, channel).busy == Exit::Stay {
                    let message = format!(
                        "on {} a contact for `{}` may wait without end: `finally.busy` is stay",
                        channel.name, queue.id
                    );
                    findings.push(Finding::new(Code::EndlessWait, queue.place.clone(), message));
                }
            }
        }
    }

    /// Hours in which a strict fence has nobody behind it and no exit.
    fn strict_gap(&self, team: &Team, findings: &mut Vec<Finding>) {
        let calendars: Option<Vec<Calendar>> = std::iter::once(Some(team))
            .chain(team.covers.iter().map(|(cover, _)| self.team_named(cover)))
            .map(|team| self.team_calendar(team?, super::REFERENCE))
            .collect();
        let Some(calendars) = calendars else { return };
        let always = Calendar { windows: vec![all_time()], ..Calendar::default() };
        if let Some(gap) = super::first_gap(&always, &crate::hours::union(&calendars)) {
            let message =
                format!("`{}` has a strict fence, and from {} nobody is on shift", team.id, super::words(gap));
            let place = team.policy.place.clone().unwrap_or_else(|| team.place.clone());
            let finding = Finding::new(Code::StrictWithoutExit, place, message).also(team.place.clone(), "this team");
            findings.push(finding.help("let finally.closed_hours be callback, or name a cover that works then"));
        }
    }

    /// Holds that already break the promise.
    pub(super) fn lint_holds(&self, findings: &mut Vec<Finding>) {
        for team in &self.teams {
            let Some(promise) = team.promise else { continue };
            let Some(first) = team.policy.steps.first() else { continue };
            for channel in self.channels.iter().filter(|channel| channel.class == Class::Live) {
                let hold = longest_hold(first, channel.class);
                if hold > promise {
                    let message = format!(
                        "`{}` promises an answer within {}, and its first step alone holds {} on {}",
                        team.id,
                        seconds(promise),
                        seconds(hold),
                        channel.name
                    );
                    let place = first.place.clone().unwrap_or_else(|| team.place.clone());
                    findings.push(
                        Finding::new(Code::HoldOverPromise, place, message).also(team.place.clone(), "promised here"),
                    );
                    break;
                }
            }
        }
    }

    /// Covers that lead back to the team.
    pub(super) fn lint_covers(&self, findings: &mut Vec<Finding>) {
        let mut told: Vec<&str> = Vec::new();
        for team in &self.teams {
            let mut seen = vec![team.id.as_str()];
            let mut at = team;
            // Two teams that stand in for each other are usual; a longer way round is not.
            while let [(next, place)] = at.covers.as_slice() {
                if next == &team.id && seen.len() > 2 && !told.contains(&next.as_str()) {
                    told.extend(&seen);
                    let message = format!("covers go round in a circle: {} → {}", seen.join(" → "), team.id);
                    let finding = Finding::new(Code::CoverCircle, place.clone(), message);
                    findings.push(finding.help("a cover's cover does not stand in; name every cover directly"));
                }
                let Some(cover) = self.team_named(next).filter(|cover| !seen.contains(&cover.id.as_str())) else {
                    break;
                };
                seen.push(&cover.id);
                at = cover;
            }
        }
    }
}

const fn all_time() -> picket_core::Window {
    picket_core::Window { from: picket_core::Timestamp(i64::MIN), to: picket_core::Timestamp(i64::MAX) }
}

fn longest_hold(step: &PolicyStep, class: Class) -> Millis {
    let holds = step.holds(class);
    let all = [holds.busy, holds.away, holds.absent, holds.off_shift];
    all.iter().filter(|wait| wait.clock == Clock::Passing).map(|wait| wait.span).max().unwrap_or(Millis::ZERO)
}

fn seconds(span: Millis) -> String {
    let seconds = span.0 / 1000;
    if seconds > 0 && seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") }
}
