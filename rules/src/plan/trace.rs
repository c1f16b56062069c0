//! Decides how a plan is explained: per stage the rules tried, by number, and the first clause of each that failed.

use serde::{Deserialize, Serialize};

use crate::finding::Place;
use crate::model::{Head, RuleSet};

/// Why a contact got its plan. It holds numbers only, no facts about anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// The stages, in order.
    pub stages: Vec<StageTrace>,
}

/// What happened in one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTrace {
    /// Which.
    pub stage: RuleStage,
    /// The rules tried, in order; where the first match wins, the last one is the winner if nothing in it failed.
    pub tried: Vec<TriedRule>,
    /// The directory decided, and no rule was tried.
    pub by_directory: bool,
}

/// A stage of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleStage {
    /// Whose customer it is: `owns` of each team. A rule's number is the team's place.
    Team,
    /// What the contact is: all matches add up.
    Classify,
    /// Whether it is fenced, and by whom.
    Fence,
    /// Its queue.
    Queue,
}

/// One rule that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedRule {
    /// Its number in its stage, from 1.
    pub rule: u32,
    /// The first of its clauses that failed, from 0; none if it matched.
    pub failed: Option<u32>,
}

/// A rule as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleView<'a> {
    /// Its name, or what it decides.
    pub name: String,
    /// Its clauses, as written.
    pub clauses: Vec<&'a str>,
    /// Where it stands.
    pub place: &'a Place,
}

impl StageTrace {
    /// The rule that decided, where the first match wins.
    #[must_use]
    pub fn winner(&self) -> Option<u32> {
        self.tried.last().filter(|tried| tried.failed.is_none()).map(|tried| tried.rule)
    }
}

impl RuleSet {
    /// The rule behind a number of a trace of this very set.
    #[must_use]
    pub fn rule(&self, stage: RuleStage, number: u32) -> Option<RuleView<'_>> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        match stage {
            RuleStage::Team => {
                let team = self.teams.get(at)?;
                let clauses = team
                    .owns
                    .as_ref()
                    .map(|(owns, _)| owns.clauses.iter().map(|clause| clause.text.as_str()).collect());
                Some(RuleView {
                    name: format!("team {}", team.id),
                    clauses: clauses.unwrap_or_default(),
                    place: &team.place,
                })
            }
            RuleStage::Classify => self.classify.get(at).map(|rule| view(&rule.head, format!("classify {number}"))),
            RuleStage::Fence => self.fences.get(at).map(|rule| view(&rule.head, format!("fence {number}"))),
            RuleStage::Queue => {
                let rule = self.queue_rules.get(at)?;
                let queue = self.queues.get(rule.queue).map_or("", |queue| queue.id.as_str());
                Some(view(&rule.head, format!("queue {queue}")))
            }
        }
    }
}

fn view(head: &Head, otherwise: String) -> RuleView<'_> {
    RuleView {
        name: head.name.clone().unwrap_or(otherwise),
        clauses: head.when.clauses.iter().map(|clause| clause.text.as_str()).collect(),
        place: &head.place,
    }
}
