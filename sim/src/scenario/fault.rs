//! Decides how a bad scenario is answered: what is wrong, where, and how to mend it.

use std::fmt;

/// One thing that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a line of the file, or the thing by its name.
    pub place: String,
    /// What.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl Fault {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  mend: {}", self.place, self.what, self.mend)
    }
}

impl std::error::Error for Fault {}

/// What the reader of TOML found, with the line it found it in.
pub(super) fn of_toml(error: &toml::de::Error, text: &str) -> Fault {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let what = error.message().to_owned();
    let mend = mend_of(&what);
    Fault::new(format!("line {number}, `{line}`"), what, mend)
}

fn mend_of(what: &str) -> String {
    if let Some(rest) = what.strip_prefix("unknown field `")
        && let Some((unknown, known)) = rest.split_once('`')
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let near = known.iter().map(|name| (strsim::osa_distance(name, unknown), name)).min();
        return match near {
            Some((distance, name)) if distance <= 3 => format!("did you mean `{name}`?"),
            _ => "leave it out, or use one of those named; docs/simulator.md has them all".to_owned(),
        };
    }
    if what.starts_with("missing field") {
        return "add it; docs/simulator.md says what it means".to_owned();
    }
    "write it as docs/simulator.md shows".to_owned()
}
