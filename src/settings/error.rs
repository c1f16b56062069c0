//! Decides how wrong settings are reported: which key, in which layer, and how to mend it.

use std::path::PathBuf;

use super::layers::Origin;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not TOML.
    #[error("{} is not valid TOML", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<config::ConfigError>,
    },
    /// The layers cannot be laid above each other.
    #[error("cannot use the settings of {origin}")]
    Merge {
        /// Whose.
        origin: Origin,
        /// Why.
        #[source]
        source: Box<config::ConfigError>,
    },
    /// A key does not exist.
    #[error("there is no setting `{key}` ({origin}){}", did_you_mean(suggestion.as_deref()))]
    Unknown {
        /// The key.
        key: String,
        /// The layer that has it.
        origin: Origin,
        /// The closest one there is.
        suggestion: Option<String>,
    },
    /// A value cannot be read.
    #[error("setting `{key}` ({origin}): {problem}")]
    Value {
        /// The key.
        key: String,
        /// The layer it came from.
        origin: Origin,
        /// What is wrong with it.
        problem: String,
    },
    /// Settings that are each right are dangerous together, or out of range.
    #[error("setting `{key}` ({origin}): {problem}; {remedy}")]
    Refused {
        /// The key to look at first.
        key: &'static str,
        /// The layer it came from.
        origin: Origin,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        remedy: &'static str,
    },
    /// A line of the token file cannot be read.
    #[error("{} line {line}: {problem}; a token is written NAME SHA256 [RIGHT,RIGHT]", path.display())]
    TokenFile {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(|| "; config/picket.toml lists all of them".into(), |s| format!("; did you mean `{s}`?"))
}
