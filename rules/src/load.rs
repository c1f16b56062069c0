//! Decides how a rule set comes into being: read, decode, resolve, check.

use std::fs;
use std::path::{Path, PathBuf};

use crate::codes::Code;
use crate::finding::{Finding, Severity, Source};
use crate::model::RuleSet;
use crate::{draft, lint, resolve};

/// The most files of one rule set.
const MOST_FILES: usize = 256;

/// The most findings that are reported at once.
const MOST_FINDINGS: usize = 500;

/// The rule files at a path: the file itself, or every `*.toml` of the folder in order of name.
///
/// # Errors
/// A finding that says what can not be read.
pub fn sources(path: &Path) -> Result<Vec<Source>, Vec<Finding>> {
    let refuse = |what: &Path, error: &dyn std::fmt::Display| {
        vec![Finding::new(Code::Syntax, None, format!("can not read {}: {error}", what.display()))]
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(|error| refuse(path, &error))? {
            let file = entry.map_err(|error| refuse(path, &error))?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                paths.push(file);
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(refuse(path, &"the folder has no *.toml file"));
        }
    } else {
        paths.push(path.to_owned());
    }
    if paths.len() > MOST_FILES {
        return Err(refuse(path, &format!("the folder has {} files, {MOST_FILES} are allowed", paths.len())));
    }
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| refuse(&path, &error))?;
        sources.push(Source { name: path.display().to_string(), text });
    }
    Ok(sources)
}

impl RuleSet {
    /// Reads and checks the rule files at a path.
    ///
    /// # Errors
    /// Every finding, if one of them is an error.
    pub fn load(path: &Path) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        Self::parse(&sources(path)?)
    }

    /// Checks rule files. With the set come its warnings and notes.
    ///
    /// # Errors
    /// Every finding, if one of them is an error.
    pub fn parse(sources: &[Source]) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        let mut findings = Vec::new();
        let draft = draft::read(sources, &mut findings);
        if has_error(&findings) && findings.iter().any(|finding| finding.code == Code::Syntax) {
            // A file that is missing as a whole would make everything that names its contents wrong.
            return Err(findings);
        }
        let set = resolve::resolve(sources, &draft, &mut findings);
        if !has_error(&findings) {
            lint::lint(&set, &draft, &mut findings);
        }
        findings.sort_by(|a, b| (a.severity, &a.place, a.code).cmp(&(b.severity, &b.place, b.code)));
        findings.dedup();
        findings.truncate(MOST_FINDINGS);
        if has_error(&findings) { Err(findings) } else { Ok((set, findings)) }
    }
}

fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}
