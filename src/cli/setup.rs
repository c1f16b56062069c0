//! Decides how ops make what the daemon needs at its broker, with rights that the daemon itself need not have.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app;
use crate::settings::{BrokerSetup, Flag, Settings, Sources};

const EXAMPLES: &str = "\
Examples:
  picket setup --config /etc/picket/picket.toml            makes what is missing; what is there stays as it is
  picket setup --check                                     only looks, and says what is missing or different
  PICKET_BROKER__RABBITMQ__URL=amqp://admin:…@broker picket setup

A daemon with broker.rabbitmq.setup = \"check\" then needs few rights: configure ^picket\\..*\\.lock$, write
^(picket\\.|amq\\.default$), read ^picket\\.";

/// Make the exchanges and queues that the daemon needs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Setup {
    /// Make nothing; look whether everything is there
    #[arg(long)]
    check: bool,
    /// Settings file; otherwise /etc/picket/picket.toml, if it is there
    #[arg(long, env = "PICKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Rule file or folder of rule files, which name the domains (rules.path)
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Print the names as a JSON list
    #[arg(long)]
    json: bool,
}

impl Setup {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let rules = self.rules.map(|path| path.to_string_lossy().into_owned());
        let given = rules.map(|value| Flag { flag: "--rules", key: "rules.path", value });
        let settings = Settings::load(Sources::of_process(self.config, given.into_iter().collect()))?;
        let how = if self.check { BrokerSetup::Check } else { BrokerSetup::Declare };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let names = runtime.context("cannot start the runtime")?.block_on(app::set_up(&settings, how))?;
        if self.json {
            println!("{}", serde_json::to_string(&names)?);
        } else if names.is_empty() {
            println!("the embedded broker needs nothing");
        } else {
            names.iter().for_each(|name| println!("{name}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
