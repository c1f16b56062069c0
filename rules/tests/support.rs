//! What the stories need: sources from texts, and plans from a set whose world is applied.

use picket_core::{Names, Timestamp, WorldChange};
use picket_rules::facts::Facts;
use picket_rules::{Code, Finding, Planned, RuleSet, Severity, Source};

pub fn source(text: &str) -> Source {
    Source { name: "rules.toml".to_owned(), text: text.to_owned() }
}

pub fn check(text: &str) -> Result<(RuleSet, Vec<Finding>), Vec<Finding>> {
    RuleSet::parse(&[source(text)])
}

pub fn findings(text: &str) -> Vec<Finding> {
    match check(text) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

pub fn codes(text: &str) -> Vec<&'static str> {
    findings(text).iter().map(|finding| finding.code.text()).collect()
}

pub fn errors(findings: &[Finding]) -> Vec<(Code, String)> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| (finding.code, finding.message.clone())).collect()
}

pub fn moment(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub struct Applied {
    pub set: RuleSet,
    pub names: Names,
    pub world: Vec<WorldChange>,
}

impl Applied {
    pub fn new(set: RuleSet) -> Self {
        let (mut names, mut fresh) = (Names::default(), Vec::new());
        let world = set.world(&mut names, &mut fresh, moment("2026-11-23T09:00:00Z"));
        Self { set, names, world }
    }

    pub fn plan(&self, facts: &Facts) -> Planned {
        self.set.plan(facts, &self.names, moment("2026-11-23T09:00:00Z"), 1).unwrap()
    }
}
