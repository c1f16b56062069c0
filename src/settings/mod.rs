//! Decides how the daemon is set up: built-in settings, then a file, then the environment, then flags.

mod check;
mod error;
mod layers;
mod section;
mod token_file;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::Error;
pub use layers::{BUILT_IN, Flag, Origin, Sources};
pub use section::{
    AccessToken, Broker, BrokerKind, BrokerSetup, Clock, ClockKind, Http, Log, LogFormat, OneOfShards, People,
    Plaintext, Rabbitmq, Redis, RedisProfile, Right, Rules, Shard, Source, Store, StoreKind,
};
pub use value::{List, ServiceUrl, Span, TokenDigest};

use layers::Layers;

/// Everything that can be set, checked as a whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The API, the live feed, health and metrics.
    pub http: Http,
    /// What is remembered, and where.
    pub store: Store,
    /// Where events come from and go to.
    pub broker: Broker,
    /// The loop that decides.
    pub shard: Shard,
    /// Several shards instead of one, by name.
    #[serde(default)]
    pub shards: BTreeMap<String, OneOfShards>,
    /// Who is valued, whose team is whose.
    pub rules: Rules,
    /// How people are hidden in the journal.
    pub people: People,
    /// Whose time it is.
    pub clock: Clock,
    /// What is written to the log.
    pub log: Log,
    /// Platforms that send and receive, by name.
    #[serde(default)]
    pub source: BTreeMap<String, Source>,
}

impl Settings {
    /// Reads all layers and checks the result.
    ///
    /// # Errors
    /// Any of [`Error`], which names the key, the layer and the remedy.
    pub fn load(sources: Sources) -> Result<Self, Error> {
        let state_folder = sources.environment.get("STATE_DIRECTORY").map(PathBuf::from);
        let layers = Layers::read(sources)?;
        let mut settings: Self = serde_path_to_error::deserialize(layers.merged.clone())
            .map_err(|error| explain(&layers, &error.path().to_string(), &error.inner().to_string()))?;
        settings.place_files(&layers, state_folder.as_deref());
        if let Some(path) = &settings.http.token_file {
            settings.http.token.extend(token_file::read(path)?);
        }
        check::check(&settings, &layers)?;
        Ok(settings)
    }

    /// Every shard by its name, with its domains; no domains mean every one that the rules name.
    #[must_use]
    pub fn all_shards(&self) -> Vec<(String, Vec<String>)> {
        if self.shards.is_empty() {
            return vec![(self.shard.name.clone(), self.shard.domains.0.clone())];
        }
        self.shards.iter().map(|(name, one)| (name.clone(), one.domains.0.clone())).collect()
    }

    /// The name of this daemon among others: as set, otherwise the machine's.
    #[must_use]
    pub fn instance(&self) -> String {
        let machine = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        self.shard.instance.clone().or_else(machine).filter(|name| !name.is_empty()).unwrap_or_else(|| "picket".into())
    }

    /// Takes relative paths from where they were written.
    fn place_files(&mut self, layers: &Layers, state_folder: Option<&Path>) {
        let beside_the_file = |key: &str, path: &mut PathBuf| {
            let written_elsewhere = matches!(layers.origin(key), Origin::Environment(_) | Origin::Flag(_));
            if let Some(folder) = layers.folder().filter(|_| !written_elsewhere) {
                *path = folder.join(&*path);
            }
        };
        beside_the_file("rules.path", &mut self.rules.path);
        if let Some(path) = &mut self.http.token_file {
            beside_the_file("http.token_file", path);
        }
        if let Some(path) = &mut self.people.pepper_file {
            beside_the_file("people.pepper_file", path);
        }
        if layers.origin("store.path") != Origin::BuiltIn {
            beside_the_file("store.path", &mut self.store.path);
        } else if let Some(folder) = state_folder {
            self.store.path = folder.join(&self.store.path);
        }
    }
}

/// Turns what serde says into the key, its layer and, for an unknown key, the closest one.
fn explain(layers: &Layers, path: &str, said: &str) -> Error {
    let Some(unknown) = said.strip_prefix("unknown field ") else {
        // The key is said once, by us.
        let problem = said.split(" for key `").next().unwrap_or(said).to_owned();
        return Error::Value { key: path.to_owned(), origin: layers.origin(path), problem };
    };
    let mut quoted = unknown.split('`').skip(1).step_by(2);
    let field = quoted.next().unwrap_or_default();
    let parent = path.strip_suffix(field).unwrap_or(path).trim_matches('.');
    let whole = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let close = quoted
        .map(|known| (strsim::jaro_winkler(field, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let key = whole(field);
    Error::Unknown { origin: layers.origin(&key), key, suggestion: close.map(|(_, known)| whole(known)) }
}

#[cfg(test)]
mod tests;
