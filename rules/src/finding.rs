//! Decides what the check can say: a code, a place in a file, a sentence, and what to do.

use std::cmp::Ordering;
use std::ops::Range;

use serde::Serialize;

use crate::codes::Code;

/// A rule file: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in one of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which of the files, counted from 0 in order of name.
    pub file: usize,
    /// The bytes.
    pub span: Range<usize>,
}

impl Place {
    /// A place in a file.
    #[must_use]
    pub const fn new(file: usize, span: Range<usize>) -> Self {
        Self { file, span }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file, self.span.start, self.span.end).cmp(&(other.file, other.span.start, other.span.end))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The rule set can not be activated.
    Error,
    /// It can, but something is probably not meant so.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing that the check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which kind of thing; each has a page.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, in one sentence without a full stop.
    pub message: String,
    /// Where; without one it is about the files as a whole.
    pub place: Option<Place>,
    /// What to say at the place itself.
    pub label: String,
    /// Other places that belong to it, each with its words.
    pub related: Vec<(Place, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// A finding of a kind, with the kind's own severity.
    #[must_use]
    pub fn new(code: Code, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            place: place.into(),
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// With words at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a suggestion, if there is one.
    #[must_use]
    pub fn suggest(self, suggestion: Option<&str>) -> Self {
        match suggestion {
            Some(text) => self.help(format!("did you mean `{text}`?")),
            None => self,
        }
    }

    /// With another place.
    #[must_use]
    pub fn also(mut self, place: Place, words: impl Into<String>) -> Self {
        self.related.push((place, words.into()));
        self
    }
}

/// The candidate most like a misspelt word, if one is like it at all.
#[must_use]
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(word, candidate);
        if likeness >= 0.75 && best.is_none_or(|(before, _)| likeness > before) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
