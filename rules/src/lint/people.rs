//! Decides what is odd about teams and their owners.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::Code;
use crate::facts::{AccountFacts, CustomerFacts, Facts};
use crate::finding::Finding;
use crate::format::Exit;
use crate::model::{RuleSet, Team};

/// The most customers that are tried against every `owns`.
const MOST_SAMPLES: usize = 2000;

impl RuleSet {
    /// Team sizes and reserves.
    pub(super) fn lint_teams(&self, findings: &mut Vec<Finding>) {
        for team in &self.teams {
            let size = team.members.len();
            if size <= 1 {
                let message =
                    format!("the team `{}` has {}", team.id, if size == 0 { "no member" } else { "one member" });
                let finding = Finding::new(Code::TeamOfOne, team.place.clone(), message);
                findings.push(finding.help("when she is away, the customer has nobody: add members or covers"));
            }
            if usize::try_from(team.reserve).is_ok_and(|reserve| reserve >= size) && team.reserve > 0 {
                let message =
                    format!("the reserve of `{}` is {} of {size} members: it never lends", team.id, team.reserve);
                findings.push(Finding::new(Code::ReserveTooLarge, team.reserve_place.clone(), message));
            }
            if let (true, 0, Some((_, place))) = (is_strict(team), team.reserve, team.lends_to.first()) {
                let message = format!("`{}` lends without a reserve from behind a fence that never opens", team.id);
                let finding = Finding::new(Code::LendsWithoutReserve, place.clone(), message);
                findings.push(finding.help("its customers wait for people who help elsewhere: set reserve = 1"));
            }
        }
    }

    /// Customers whom two teams own. Every literal that `owns` compares is tried as a customer.
    pub(super) fn lint_owners(&self, findings: &mut Vec<Finding>) {
        let mut found: BTreeSet<(usize, usize)> = BTreeSet::new();
        for facts in self.samples() {
            let scope = self.scope(&facts, 0, super::REFERENCE);
            let owns = |team: &Team| team.owns.as_ref().is_some_and(|(owns, _)| owns.holds(&scope));
            let owners: Vec<usize> = (0..self.teams.len()).filter(|at| self.teams.get(*at).is_some_and(owns)).collect();
            if let [first, second, ..] = owners.as_slice()
                && found.insert((*first, *second))
            {
                self.two_owners(*first, *second, &facts, findings);
            }
        }
    }

    fn two_owners(&self, first: usize, second: usize, facts: &Facts, findings: &mut Vec<Finding>) {
        let (Some(first), Some(second)) = (self.teams.get(first), self.teams.get(second)) else { return };
        let (Some((_, here)), Some((_, before))) = (&second.owns, &first.owns) else { return };
        let who = match facts.account_id() {
            Some(account) => format!("a customer of account `{account}`"),
            None => "a customer".to_owned(),
        };
        let message = format!("{who} is owned by `{}` and by `{}`; the first gets them", first.id, second.id);
        let finding = Finding::new(Code::TwoOwners, here.clone(), message).also(before.clone(), "also owned here");
        findings.push(finding.help("let the directory name the team, or make one of them narrower"));
    }

    /// A customer for every text that an `owns` asks for.
    fn samples(&self) -> Vec<Facts> {
        let mut samples = Vec::new();
        let conditions = self.teams.iter().filter_map(|team| team.owns.as_ref());
        for atom in conditions.flat_map(|(owns, _)| &owns.clauses).filter_map(|clause| clause.atom.as_ref()) {
            for text in atom.texts() {
                samples.push(sample(&BTreeMap::from([(atom.path.as_str(), text)])));
            }
        }
        let owners = self.teams.iter().filter_map(|team| team.owns.as_ref());
        for (owns, _) in owners {
            let wanted = owns.clauses.iter().filter_map(|clause| clause.atom.as_ref());
            let texts = wanted.filter_map(|atom| Some((atom.path.as_str(), *atom.texts().first()?)));
            samples.push(sample(&texts.collect()));
        }
        samples.truncate(MOST_SAMPLES);
        samples
    }
}

fn sample(fields: &BTreeMap<&str, &str>) -> Facts {
    let field = |path: &str| fields.get(path).map(|text| (*text).to_owned());
    let customer = CustomerFacts {
        id: field("customer.id"),
        account: field("customer.account"),
        segment: field("customer.segment"),
        region: field("customer.region"),
        language: field("customer.language"),
        relationship: field("customer.relationship"),
        stage: field("customer.stage"),
        ..CustomerFacts::default()
    };
    let account = AccountFacts {
        id: field("account.id").or_else(|| field("customer.account")),
        segment: field("account.segment"),
        region: field("account.region"),
        ..AccountFacts::default()
    };
    Facts { customer: Some(customer), account: Some(account), ..Facts::default() }
}

/// Whether a team's fence never opens by itself.
pub(super) fn is_strict(team: &Team) -> bool {
    team.policy.finally.all().into_iter().all(|exit| *exit != Exit::Open)
}
