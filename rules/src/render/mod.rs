//! Decides how findings are shown: to people like a good compiler, to machines as JSON or SARIF.

mod human;
mod sarif;

pub use human::{Colour, human};
pub use sarif::sarif;

use serde_json::{Value, json};

use crate::finding::{Finding, Place, Source};

/// Findings as JSON, one object each, with file, line and column counted from 1.
#[must_use]
pub fn json(findings: &[Finding], sources: &[Source]) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "code": finding.code,
            "severity": finding.severity,
            "title": finding.code.title(),
            "message": finding.message,
            "at": finding.place.as_ref().map(|place| position(place, sources)),
            "label": finding.label,
            "related": finding.related.iter().map(|(place, words)| {
                json!({ "at": position(place, sources), "label": words })
            }).collect::<Vec<_>>(),
            "help": finding.help,
        })
    };
    json!({ "findings": findings.iter().map(finding).collect::<Vec<_>>() })
}

fn position(place: &Place, sources: &[Source]) -> Value {
    let (line, column) = line_and_column(place, sources);
    let file = sources.get(place.file).map_or("", |source| source.name.as_str());
    json!({ "file": file, "line": line, "column": column, "from": place.span.start, "to": place.span.end })
}

/// Line and column, counted from 1, in characters.
#[must_use]
pub fn line_and_column(place: &Place, sources: &[Source]) -> (usize, usize) {
    let text = sources.get(place.file).map_or("", |source| source.text.as_str());
    let before = text.get(..place.span.start).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
