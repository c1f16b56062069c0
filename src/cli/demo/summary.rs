//! Decides what the demo says at its end, and whether it has shown what it is there to show.

use std::io::{self, Write};

use picket_sim::check::Report;
use serde_json::{Value, json};

/// Valued contacts a run must have seen.
const VALUED_LEAST: u64 = 30;
/// Different reasons for which fences must have opened.
const REASONS_LEAST: usize = 2;
/// Violations printed one by one.
const SHOWN: usize = 20;

/// Whether enough happened for the result to mean something.
pub(super) fn shows_enough(report: &Report) -> bool {
    report.fenced >= VALUED_LEAST && report.reasons().len() >= REASONS_LEAST
}

/// Prints the summary for people.
pub(super) fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nContacts: {}", report.contacts)?;
    for (outcome, count) in &report.outcomes {
        writeln!(out, "  {outcome:12} {count:6}")?;
    }
    writeln!(out, "Valued contacts: {}, served by", report.fenced)?;
    for standing in ["lead", "team", "cover", "outside"] {
        writeln!(out, "  {standing:12} {:6}", report.fenced_by.get(standing).copied().unwrap_or(0))?;
    }
    writeln!(out, "Fences opened: {}", report.openings.len())?;
    for opening in &report.openings {
        let held = opening.held_ms;
        writeln!(out, "  {:12} {} after {}.{} s", opening.contact.id, opening.reason, held / 1000, held % 1000 / 100)?;
    }
    for (reason, count) in report.reasons() {
        writeln!(out, "  {count} times {reason}")?;
    }
    writeln!(out, "Waits until assigned, by class of channel")?;
    for (class, waits) in &report.waits {
        let (mean, late) = (waits.mean_ms(), waits.quantile_ms(900));
        writeln!(
            out,
            "  {class:20} {:5} answered, mean {mean:5} ms, nine of ten within {late:5} ms",
            waits.sorted_ms.len()
        )?;
    }
    if !report.rejections.is_empty() {
        let codes: Vec<String> = report.rejections.iter().map(|(code, count)| format!("{code} {count}")).collect();
        writeln!(out, "Refused inputs (they came too late): {}", codes.join(", "))?;
    }
    verdict(report, out)
}

fn verdict(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.holds() {
        writeln!(
            out,
            "Every promise was kept, judged from {} outputs: nothing lost, nothing twice, no fence",
            report.outputs
        )?;
        writeln!(out, "passed without an opening, nobody over capacity, no output missing.")?;
    } else {
        writeln!(out, "{} promises were broken:", report.violations.len())?;
        for violation in report.violations.iter().take(SHOWN) {
            writeln!(out, "  output {}: {}", violation.number, violation.sentence)?;
        }
    }
    if !shows_enough(report) {
        writeln!(
            out,
            "Too little happened to mean much: {VALUED_LEAST} valued contacts and {REASONS_LEAST} reasons are wanted."
        )?;
    }
    Ok(())
}

/// The summary for programs.
pub(super) fn json(report: &Report) -> Value {
    let opening = |opening: &picket_sim::check::Opening| json!({"contact": opening.contact.id, "source": opening.contact.source, "reason": opening.reason, "held_ms": opening.held_ms});
    let wait = |(class, waits): (&String, &picket_sim::check::Waits)| {
        let figures =
            json!({"answered": waits.sorted_ms.len(), "mean_ms": waits.mean_ms(), "p90_ms": waits.quantile_ms(900)});
        (class.clone(), figures)
    };
    json!({
        "holds": report.holds(),
        "shows_enough": shows_enough(report),
        "outputs": report.outputs,
        "contacts": report.contacts,
        "outcomes": report.outcomes,
        "valued": report.fenced,
        "valued_served_by": report.fenced_by,
        "others_served_by": report.general_by,
        "openings": report.openings.iter().map(opening).collect::<Vec<_>>(),
        "openings_by_reason": report.reasons(),
        "waits": report.waits.iter().map(wait).collect::<serde_json::Map<_, _>>(),
        "rejections": report.rejections,
        "violations": report.violations.iter().map(|v| json!({"output": v.number, "what": v.sentence})).collect::<Vec<_>>(),
    })
}
