//! Decides how ops make what the daemon needs at its broker, with rights that the daemon itself need not have.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app::{self, Accepted, AfterLoss, Repair};
use crate::settings::{BrokerSetup, Flag, Settings, Sources};
use crate::shard::moving::Moved;

const EXAMPLES: &str = "\
Examples:
  picket setup --config /etc/picket/picket.toml            makes what is missing; what is there stays as it is
  picket setup --check                                     only looks, and says what is missing or different
  picket setup --accept-loss                               after the store lost data for good: go on with what it has,
                                                           and with what the broker's archive has of the rest
  picket setup --accept-loss --no-repair                   go on with what it has, and with nothing of the rest
  picket setup --move-domain apac --from one               with every daemon stopped, and apac under a new [shards.NAME]:
                                                           that shard goes on with all that is live in it
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
    /// Let the shard go on behind the last record that its journal has, though later ones were committed: for a store that
    /// lost data, and has no newer backup. The next owner takes again, from the broker's archive, what was received since
    #[arg(long, conflicts_with = "check")]
    accept_loss: bool,
    /// Whose loss, where there are several shards
    #[arg(long, value_name = "SHARD", requires = "accept_loss")]
    shard: Option<String>,
    /// Leave the archive alone: what was lost stays lost
    #[arg(long, requires = "accept_loss")]
    no_repair: bool,
    /// Move a domain, with its live contacts, customers and agents, to the new shard that the settings give it to
    #[arg(long, value_name = "DOMAIN", requires = "from", conflicts_with_all = ["check", "accept_loss"])]
    move_domain: Option<String>,
    /// The shard that the domain is in
    #[arg(long, value_name = "SHARD", requires = "move_domain")]
    from: Option<String>,
    /// Settings file; otherwise /etc/picket/picket.toml, if it is there
    #[arg(long, env = "PICKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Rule file or folder of rule files, which name the domains (rules.path)
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Print the names as a JSON list, or what was accepted as JSON
    #[arg(long)]
    json: bool,
}

impl Setup {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let rules = self.rules.map(|path| path.to_string_lossy().into_owned());
        let given = rules.map(|value| Flag { flag: "--rules", key: "rules.path", value });
        let settings = Settings::load(Sources::of_process(self.config, given.into_iter().collect()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the runtime")?;
        if self.accept_loss {
            let repair = if self.no_repair { Repair::Unwanted } else { Repair::Wanted };
            let accepted = runtime.block_on(app::accept_loss(&settings, self.shard.as_deref(), repair))?;
            println!("{}", if self.json { serde_json::to_string(&accepted)? } else { in_words(accepted.as_ref()) });
            return Ok(ExitCode::SUCCESS);
        }
        if let (Some(domain), Some(from)) = (&self.move_domain, &self.from) {
            let moved = runtime.block_on(app::move_domain(&settings, domain, from))?;
            println!("{}", if self.json { serde_json::to_string(&moved)? } else { moved_in_words(&moved) });
            return Ok(ExitCode::SUCCESS);
        }
        let how = if self.check { BrokerSetup::Check } else { BrokerSetup::Declare };
        let names = runtime.block_on(app::set_up(&settings, how))?;
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

fn moved_in_words(Moved { domain, from, to, contacts, customers }: &Moved) -> String {
    format!(
        "the domain {domain} is the shard {to}'s, and no more the shard {from}'s: {contacts} live contacts go on there, {customers} \
         customers and accounts are known there\n\
         start the daemons with these settings"
    )
}

fn in_words(accepted: Option<&Accepted>) -> String {
    match accepted {
        None => "the embedded broker keeps no beacon: there is nothing to accept".to_owned(),
        Some(Accepted { shard, goes_on_behind, was_at, since, repair }) => {
            let was = was_at.map_or_else(
                || "none was known to be committed".to_owned(),
                |seq| format!("record {seq} was committed earlier"),
            );
            let when = since.and_then(chrono::DateTime::from_timestamp_millis);
            let since =
                when.map_or_else(|| "the beginning".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
            let rest = match repair {
                AfterLoss::From(archive) => format!(
                    "whatever came over the broker since {since} is taken again from {archive} by the next owner, before \
                     anything new: `picket shards` shows it while that goes on, and the daemon's log how many inputs are \
                     back (tail.repaired)\n\
                     what came over HTTP since is not in the archive and stays lost: send it again. Whoever was erased since \
                     by `picket erase` may be back: erase them again afterwards"
                ),
                AfterLoss::Nothing(why) => {
                    format!(
                        "whatever came since {since} stays lost, over the broker and over HTTP ({why}): send it again"
                    )
                }
            };
            format!("shard {shard} goes on behind record {goes_on_behind}; {was}\n{rest}")
        }
    }
}
