//! What the stories need: sources from texts, and plans from a set whose world is applied.

use picket_core::{Names, Timestamp, WorldChange};
use picket_rules::facts::Facts;
use picket_rules::{Code, Finding, Planned, RuleSet, Severity, Source};

pub(crate) fn source(text: &str) -> Source {
    Source { name: "rules.toml".to_owned(), text: text.to_owned() }
}

pub(crate) fn check(text: &str) -> Result<(RuleSet, Vec<Finding>), Vec<Finding>> {
    RuleSet::parse(&[source(text)])
}

pub(crate) fn findings(text: &str) -> Vec<Finding> {
    match check(text) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

pub(crate) fn errors(findings: &[Finding]) -> Vec<(Code, String)> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.code, finding.message.clone())).collect()
}

pub(crate) fn moment(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub(crate) struct Applied {
    pub(crate) set: RuleSet,
    pub(crate) names: Names,
    pub(crate) world: Vec<WorldChange>,
}

impl Applied {
    pub(crate) fn new(set: RuleSet) -> Self {
        let (mut names, mut fresh) = (Names::default(), Vec::new());
        let world = set.world(&mut names, &mut fresh, moment("2026-11-23T09:00:00Z"));
        Self { set, names, world }
    }

    pub(crate) fn plan(&self, facts: &Facts) -> Planned {
        self.set.plan(facts, &self.names, moment("2026-11-23T09:00:00Z"), 1).unwrap()
    }
}
