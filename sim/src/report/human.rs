//! Decides how a report is shown to people: a table per class and group, and the definitions.

use std::fmt::Write as _;

use super::{Figure, Report};

/// A report as text.
#[must_use]
pub fn human(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{}", if report.title.is_empty() { "simulation" } else { &report.title });
    let last = report.seed.saturating_add(report.replications.saturating_sub(1) as u64);
    let _ = writeln!(
        text,
        "{} replications (seeds {} to {last}), each {:.1} h measured, {} batches, {} contacts",
        report.replications,
        report.seed,
        report.measured_s / 3600.0,
        report.batches,
        report.contacts
    );
    if report.unfinished > 0 {
        let _ = writeln!(text, "still waiting at the end, and in no number: {}", report.unfinished);
    }
    for class in &report.classes {
        let _ = writeln!(text, "\nclass {} ({:.0} offered)", class.name, class.offered);
        class.figures.iter().for_each(|figure| line(&mut text, figure));
    }
    for group in &report.groups {
        let _ = writeln!(text, "\nagents {}", group.name);
        group.figures.iter().for_each(|figure| line(&mut text, figure));
    }
    let _ = writeln!(text, "\nwhat these mean");
    for definition in &report.definitions {
        let _ = writeln!(text, "  {:<24} {}", definition.name, definition.text);
    }
    text
}

fn line(text: &mut String, figure: &Figure) {
    let width = figure.half_width.map_or_else(|| "no width".to_owned(), |width| format!("± {width:.5}"));
    let _ = writeln!(text, "  {:<30} {:>14.5}  {width}", figure.name, figure.value);
}
