//! Decides whether a router kept its promises, from what went in and what came out; it shares no code with the router.

mod case;
mod load;
mod place;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use place::{Channel, Place, Side, Team};
pub use report::{Opening, Report, Violation, Waits};

use crate::output::{Contact, Fact, Output};
use case::{Bench, Case};
use load::Load;

/// An independent judge of one shard's output stream.
///
/// It is told how the place was configured, may be told what was sent, and reads every output in order.
#[derive(Debug)]
pub struct Checker {
    place: Place,
    last: Option<u64>,
    outputs: u64,
    load: Load,
    cases: BTreeMap<Contact, Case>,
    sent: BTreeSet<Contact>,
    rejected: BTreeSet<Contact>,
    refusals: BTreeMap<String, u64>,
    violations: Vec<Violation>,
}

/// What the end of a run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every contact must be closed, and nobody may carry anything.
    Calm,
    /// It was stopped in the middle.
    Interrupted,
}

impl Checker {
    /// A judge of a place.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            last: None,
            outputs: 0,
            load: Load::default(),
            cases: BTreeMap::new(),
            sent: BTreeSet::new(),
            rejected: BTreeSet::new(),
            refusals: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Notes an input that was accepted: from now on its contact must come to an end.
    pub fn sent(&mut self, event: &Value) {
        if event.get("type").and_then(Value::as_str) != Some("picket.contact.received.v1") {
            return;
        }
        let source = event.get("source").and_then(Value::as_str);
        let id = event.pointer("/data/contact").and_then(Value::as_str);
        if let (Some(source), Some(id)) = (source, id) {
            self.sent.insert(Contact { source: source.to_owned(), id: id.to_owned() });
        }
    }

    /// Notes that the arrival of a contact was refused: it need not come to an end.
    pub fn refused(&mut self, contact: Contact) {
        self.rejected.insert(contact);
    }

    /// Takes the next output as the feed carries it.
    pub fn take(&mut self, event: &Value) {
        match Output::read(event) {
            Ok(output) => self.see(&output),
            Err(error) => self.violate(format!("an output cannot be read: {error}")),
        }
    }

    /// Takes the next output as it was read.
    pub fn see(&mut self, output: &Output) {
        self.outputs += 1;
        if let Some(last) = self.last
            && output.number != last + 1
        {
            self.violate(format!("output {} follows output {last}", output.number));
        }
        self.last = Some(output.number);
        if let Fact::Rejected { code, .. } = &output.fact {
            *self.refusals.entry(code.clone()).or_insert(0) += 1;
            return;
        }
        let Some(contact) = &output.contact else { return };
        let mut case =
            self.cases.remove(contact).unwrap_or_else(|| Case::new(contact.clone(), String::new(), output.at));
        self.follow(&mut case, output);
        self.cases.insert(contact.clone(), case);
    }

    fn follow(&mut self, case: &mut Case, output: &Output) {
        let mut bench = Bench { place: &self.place, load: &mut self.load, found: Vec::new() };
        match output.seq {
            Some(seq) if seq == case.seq + 1 => {}
            Some(seq) => bench.say(case, &format!("its output {seq} follows its output {}", case.seq)),
            None => bench.say(case, "an output about it has no data.seq"),
        }
        case.seq = output.seq.unwrap_or(case.seq);
        case.take(&output.fact, output.at, &mut bench);
        let found = bench.found;
        for sentence in found {
            self.violate(sentence);
        }
    }

    fn violate(&mut self, sentence: String) {
        self.violations.push(Violation { number: self.last.unwrap_or(0), sentence });
    }

    /// Contacts that are not closed yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.cases.values().filter(|case| case.outcome.is_none()).count()
    }

    /// Says what was seen and what was wrong.
    #[must_use]
    pub fn finish(mut self, ending: Ending) -> Report {
        if ending == Ending::Calm {
            self.expect_calm();
        }
        let mut report = Report { outputs: self.outputs, contacts: self.cases.len() as u64, ..Report::default() };
        for case in self.cases.values() {
            count(&mut report, case, &self.place);
        }
        for waits in report.waits.values_mut() {
            waits.sorted_ms.sort_unstable();
        }
        report.openings.sort_by(|a, b| (a.at, &a.contact).cmp(&(b.at, &b.contact)));
        report.rejections = self.refusals;
        report.violations = self.violations;
        report
    }

    fn expect_calm(&mut self) {
        let mut found: Vec<String> = self
            .cases
            .values()
            .filter(|case| case.outcome.is_none())
            .map(|case| format!("contact {}: never closed", case.contact))
            .collect();
        found.extend(self.load.carrying().map(|(agent, n)| format!("agent {agent}: still has {n} at the end")));
        let missing = self.sent.iter().filter(|c| !self.cases.contains_key(*c) && !self.rejected.contains(*c));
        found.extend(missing.map(|contact| format!("contact {contact}: was received, and no output is about it")));
        for sentence in found {
            self.violate(sentence);
        }
    }
}

fn count(report: &mut Report, case: &Case, place: &Place) {
    let outcome = case.outcome.clone().unwrap_or_else(|| "open".to_owned());
    let handled = outcome == "handled";
    *report.outcomes.entry(outcome).or_insert(0) += 1;
    report.openings.extend(case.openings.iter().cloned());
    let fenced = case.team.is_some();
    report.fenced += u64::from(fenced);
    if handled && let Some(standing) = &case.standing {
        let by = if fenced { &mut report.fenced_by } else { &mut report.general_by };
        *by.entry(standing.clone()).or_insert(0) += 1;
    }
    if let Some(answered) = case.answered_at {
        let class = place.channels.get(&case.channel).map_or("unknown", |channel| channel.class.as_str());
        let class = if fenced { format!("{class}, fenced") } else { class.to_owned() };
        report.waits.entry(class).or_default().sorted_ms.push(answered - case.first_at);
    }
}
