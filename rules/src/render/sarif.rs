//! Decides how findings are written as SARIF 2.1.0, the format that code hosts read.

use serde_json::{Value, json};

use super::line_and_column;
use crate::codes::Code;
use crate::finding::{Finding, Place, Severity, Source};

/// Findings as a SARIF log with one run.
#[must_use]
pub fn sarif(findings: &[Finding], sources: &[Source]) -> Value {
    let rules = Code::ALL.iter().map(|code| {
        json!({
            "id": code.text(),
            "shortDescription": { "text": code.title() },
            "defaultConfiguration": { "level": level(code.severity()) },
        })
    });
    let results = findings.iter().map(|finding| {
        let text = match &finding.help {
            Some(help) => format!("{}. {help}", finding.message),
            None => finding.message.clone(),
        };
        let related = finding.related.iter().map(|(place, words)| {
            let mut location = location(place, sources);
            location["message"] = json!({ "text": words });
            location
        });
        json!({
            "ruleId": finding.code.text(),
            "level": level(finding.severity),
            "message": { "text": text },
            "locations": finding.place.iter().map(|place| location(place, sources)).collect::<Vec<_>>(),
            "relatedLocations": related.collect::<Vec<_>>(),
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "picket check", "rules": rules.collect::<Vec<_>>() } },
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn location(place: &Place, sources: &[Source]) -> Value {
    let (line, column) = line_and_column(place, sources);
    let end = line_and_column(&Place::new(place.file, place.span.end..place.span.end), sources);
    let file = sources.get(place.file).map_or("", |source| source.name.as_str());
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": file },
            "region": { "startLine": line, "startColumn": column, "endLine": end.0, "endColumn": end.1 },
        }
    })
}
