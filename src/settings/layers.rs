//! Decides how the layers of settings lie above each other, and from which one a value came.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat, Map, Source as _, Value, ValueKind};

use super::error::Error;

/// The settings that are built in: the manual itself.
pub const BUILT_IN: &str = include_str!("../../config/picket.toml");

/// Read when no file is named and this one exists.
const USUAL_FILE: &str = "/etc/picket/picket.toml";

/// A value given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag as it is written, for messages.
    pub flag: &'static str,
    /// The setting, such as `http.listen`.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

/// Where settings come from, apart from the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named on the command line; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables; those called `PICKET_<SECTION>__<KEY>` count.
    pub environment: HashMap<String, String>,
    /// Flags.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// The file named, the process's environment and the flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let usual = Path::new(USUAL_FILE);
        Self { file: file.or_else(|| usual.exists().then(|| usual.to_path_buf())), environment, flags }
    }
}

/// The layers, and what lies on top.
pub(super) struct Layers {
    pub(super) merged: Config,
    file: Option<(PathBuf, Map<String, Value>)>,
    variables: HashMap<String, String>,
    flags: Vec<Flag>,
}

/// The layer a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No layer has it.
    Nowhere,
    /// The built-in settings.
    BuiltIn,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nowhere => f.write_str("no layer of the settings"),
            Self::BuiltIn => f.write_str("the built-in settings"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

impl Layers {
    pub(super) fn read(sources: Sources) -> Result<Self, Error> {
        let built_in = File::from_str(BUILT_IN, FileFormat::Toml);
        let mut builder = Config::builder().add_source(built_in);
        let mut file = None;
        if let Some(path) = sources.file {
            let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            let layer = File::from_str(&text, FileFormat::Toml);
            let table =
                layer.collect().map_err(|source| Error::Syntax { path: path.clone(), source: Box::new(source) })?;
            builder = builder.add_source(layer);
            file = Some((path, table));
        }
        // Only PICKET_<SECTION>__<KEY> is a setting: PICKET_TOKEN and the like belong to the command.
        let ours: HashMap<_, _> = sources
            .environment
            .into_iter()
            .filter(|(name, _)| name.strip_prefix("PICKET_").is_some_and(|rest| rest.contains("__")))
            .collect();
        let variables = ours.keys().map(|name| (setting_of(name), name.clone())).collect();
        let environment = Environment::with_prefix("PICKET").prefix_separator("_").separator("__").source(Some(ours));
        builder = builder.add_source(environment);
        for flag in &sources.flags {
            builder = builder
                .set_override(flag.key, flag.value.clone())
                .map_err(|source| Error::Merge { origin: Origin::Flag(flag.flag), source: Box::new(source) })?;
        }
        let merged =
            builder.build().map_err(|source| Error::Merge { origin: Origin::Nowhere, source: Box::new(source) })?;
        Ok(Self { merged, file, variables, flags: sources.flags })
    }

    /// The topmost layer that has this key.
    pub(super) fn origin(&self, key: &str) -> Origin {
        if let Some(flag) = self.flags.iter().find(|flag| flag.key == key) {
            return Origin::Flag(flag.flag);
        }
        if let Some(variable) = self.variables.get(&key.to_ascii_lowercase()) {
            return Origin::Environment(variable.clone());
        }
        if let Some((path, table)) = &self.file
            && holds(table, key)
        {
            return Origin::File(path.clone());
        }
        match toml_of(BUILT_IN) {
            Some(table) if holds(&table, key) => Origin::BuiltIn,
            Some(_) | None => Origin::Nowhere,
        }
    }

    /// The folder from which a relative path in the settings file is taken.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.file.as_ref().and_then(|(path, _)| path.parent())
    }
}

fn toml_of(text: &str) -> Option<Map<String, Value>> {
    File::from_str(text, FileFormat::Toml).collect().ok()
}

/// `PICKET_STORE__REDIS__URL` is `store.redis.url`.
fn setting_of(variable: &str) -> String {
    variable.trim_start_matches("PICKET_").replace("__", ".").to_ascii_lowercase()
}

fn holds(table: &Map<String, Value>, key: &str) -> bool {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    match (table.get(first).map(|value| &value.kind), rest) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(ValueKind::Table(inner)), Some(rest)) => holds(inner, rest),
        (Some(_), Some(_)) => false,
    }
}
