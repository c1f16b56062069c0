//! Decides how a finding is shown to people: the place in the file, underlined, with words.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::finding::{Finding, Place, Severity, Source};

/// Findings as text, with colours if asked for, and a line that counts them.
#[must_use]
pub fn human(findings: &[Finding], sources: &[Source], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Plain => Renderer::plain(),
        Colour::Styled => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[group(finding, sources)]));
        text.push_str("\n\n");
    }
    text.push_str(&count(findings));
    text
}

/// Whether output has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// None.
    Plain,
    /// ANSI.
    Styled,
}

fn group<'a>(finding: &'a Finding, sources: &'a [Source]) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut files: Vec<usize> = finding.place.iter().map(|place| place.file).collect();
    files.extend(finding.related.iter().map(|(place, _)| place.file));
    let mut snippets: Vec<Snippet<'_, Annotation<'_>>> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if let Some(source) = sources.get(*file).filter(|_| !files.iter().take(at).any(|before| before == file)) {
            snippets.push(snippet(finding, *file, source));
        }
    }
    let group = level.primary_title(finding.message.as_str()).id(finding.code.text()).elements(snippets);
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn snippet<'a>(finding: &'a Finding, file: usize, source: &'a Source) -> Snippet<'a, Annotation<'a>> {
    let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
    if let Some(place) = finding.place.as_ref().filter(|place| place.file == file) {
        let annotation = AnnotationKind::Primary.span(shown(place, source));
        snippet = snippet.annotation(if finding.label.is_empty() {
            annotation
        } else {
            annotation.label(finding.label.as_str())
        });
    }
    for (place, words) in finding.related.iter().filter(|(place, _)| place.file == file) {
        snippet = snippet.annotation(AnnotationKind::Context.span(shown(place, source)).label(words.as_str()));
    }
    snippet
}

/// The first line of a place, on character boundaries: whole tables are shown by their first line.
fn shown(place: &Place, source: &Source) -> Range<usize> {
    let text = source.text.as_str();
    let mut start = place.span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let mut end = place.span.end.clamp(start, start + line);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn count(findings: &[Finding]) -> String {
    let mut text = String::new();
    for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")] {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        if number > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let plural = if number == 1 { "" } else { "s" };
            // Writing to a string can not fail.
            let _ = write!(text, "{comma}{number} {word}{plural}");
        }
    }
    if let Some(finding) = findings.first() {
        let _ = write!(text, "; `picket check --why {}` explains the first", finding.code.text());
    }
    text
}
