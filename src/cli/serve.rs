//! Decides how the daemon is started from the command line: which flags stand for which settings.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::settings::{ClockKind, Flag, Settings, Sources};
use crate::{app, telemetry};

const EXAMPLES: &str = "\
Examples:
  picket serve --rules config/rules                       embedded: one SQLite file in ./picket-data
  picket serve --config /etc/picket/picket.toml           all settings from a file
  PICKET_BROKER__KIND=rabbitmq picket serve               a setting from the environment
  picket serve --data /tmp/replay --clock driven          time moves only by clock.advance events

SIGTERM and SIGINT drain and stop; SIGHUP checks the rules again and activates them if they pass.
Later layers win: built-in < file < environment (PICKET_SECTION__KEY) < flags. config/picket.toml lists every setting.";

/// Run the daemon.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Settings file; otherwise /etc/picket/picket.toml, if it is there
    #[arg(long, env = "PICKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the API listens (http.listen)
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder of the embedded store (store.path)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Rule file or folder of rule files (rules.path)
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Whose time it is (clock.kind); `driven` only on loopback
    #[arg(long, value_name = "CLOCK")]
    clock: Option<ClockKind>,
    /// What is logged (log.filter), such as info or info,picket::shard=debug
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = self.settings()?;
        telemetry::start(&settings.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("picket")
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(app::run(settings))?;
        Ok(ExitCode::SUCCESS)
    }

    fn settings(self) -> anyhow::Result<Settings> {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let clock = self.clock.map(|clock| match clock {
            ClockKind::System => "system".to_owned(),
            ClockKind::Driven => "driven".to_owned(),
        });
        let flags = [
            ("--listen", "http.listen", self.listen),
            ("--data", "store.path", self.data.map(path)),
            ("--rules", "rules.path", self.rules.map(path)),
            ("--clock", "clock.kind", clock),
            ("--log", "log.filter", self.log),
        ];
        let given = flags.into_iter().filter_map(|(flag, key, value)| Some(Flag { flag, key, value: value? }));
        Ok(Settings::load(Sources::of_process(self.config, given.collect()))?)
    }
}
