//! Decides which part of the shell may use which: `main → cli → app → {api, broker, store} → shard → contract`.

use super::source::Source;

/// A part of the shell: a folder or file right under `src/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Main,
    Cli,
    App,
    Api,
    Console,
    Broker,
    Store,
    Shard,
    Contract,
    Clock,
    Settings,
    Telemetry,
    /// `lib.rs`, which only names the others.
    Lib,
}

const NAMED: [(Part, &str); 13] = [
    (Part::Main, "main"),
    (Part::Cli, "cli"),
    (Part::App, "app"),
    (Part::Api, "api"),
    (Part::Console, "console"),
    (Part::Broker, "broker"),
    (Part::Store, "store"),
    (Part::Shard, "shard"),
    (Part::Contract, "contract"),
    (Part::Clock, "clock"),
    (Part::Settings, "settings"),
    (Part::Telemetry, "telemetry"),
    (Part::Lib, "lib"),
];

impl Part {
    /// The part a file belongs to; `None` when the map does not have it.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("src/")?.split(['/', '.']).next()?;
        Self::named(name)
    }

    fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(_, n)| *n == name).map(|(part, _)| *part)
    }

    /// What it may use. `clock` and `settings` are leaves; `telemetry` reads its own settings.
    fn may_use(self) -> &'static [Self] {
        use Part::{Api, App, Broker, Cli, Clock, Console, Contract, Lib, Main, Settings, Shard, Store, Telemetry};
        match self {
            Lib => &[Main, Cli, App, Api, Console, Broker, Store, Shard, Contract, Clock, Settings, Telemetry],
            Main => &[Cli, App, Settings, Telemetry],
            Cli => &[App, Api, Broker, Store, Shard, Contract, Clock, Settings, Telemetry],
            App => &[Api, Console, Broker, Store, Shard, Contract, Clock, Settings, Telemetry],
            Api => &[Console, Shard, Contract, Clock, Settings, Telemetry],
            Console => &[Shard, Contract, Clock, Settings, Telemetry],
            // The embedded broker's dead letters are a table in the embedded store's file.
            Broker => &[Store, Shard, Contract, Clock, Settings, Telemetry],
            Store => &[Shard, Contract, Clock, Settings, Telemetry],
            Shard => &[Contract, Clock, Settings, Telemetry],
            Contract => &[Clock, Settings],
            Telemetry => &[Settings],
            Clock | Settings => &[],
        }
    }
}

/// The arrows of a file that the map does not have, as sentences.
pub(crate) fn wrong(source: &Source) -> Vec<String> {
    let Some(own) = Part::of(&source.path) else { return Vec::new() };
    let mut told = Vec::new();
    for (number, line) in source.code() {
        for name in named_in(&line) {
            let Some(other) = Part::named(&name) else { continue };
            if other != own && !own.may_use().contains(&other) {
                told.push(format!("{}:{number}: uses `{name}`", source.path));
            }
        }
    }
    told
}

/// Parts that a line names by `crate::…`, or, from the command, by `picket::…`.
fn named_in(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for root in ["crate::", "picket::"] {
        for (at, _) in line.match_indices(root) {
            let rest = &line[at + root.len()..];
            let list = rest.strip_prefix('{').and_then(|r| r.split('}').next()).unwrap_or(rest);
            let whole = list.len() != rest.len();
            let first = |item: &str| item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.extend(list.split(',').take(if whole { usize::MAX } else { 1 }).map(first));
        }
    }
    names
}

#[test]
fn a_wrong_arrow_is_seen_in_each_way_of_writing_it() {
    let at = |path: &str, text: &str| wrong(&Source { path: path.into(), text: text.into() }).len();
    assert_eq!(at("src/shard/run.rs", "use crate::store::Redis;\n"), 1);
    assert_eq!(at("src/shard/run.rs", "use crate::{contract::wire, api::Server};\n"), 1);
    assert_eq!(at("src/store/mod.rs", "fn f() -> crate::broker::Error {}\n"), 1);
    assert_eq!(at("src/clock.rs", "use crate::settings::Clock;\n"), 1);
    assert_eq!(at("src/shard/run.rs", "use crate::contract::wire::OutMessage; // not crate::api::X\n"), 0);
    assert_eq!(at("src/app.rs", "use crate::{api, broker, store};\n"), 0);
}
