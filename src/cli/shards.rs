//! Decides how ops see who owns a shard, and how far behind whoever stands by is.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Deserialize;
use serde_json::Value;

use super::client::Daemon;
use super::dead::text;

const EXAMPLES: &str = "\
Examples:
  picket shards                                      who owns the shard, since when, and the last record this daemon knows
  picket shards --url http://other:7420              what another daemon knows: its record tells how far behind it is
  picket shards --json

Exit codes: 0 every shard has an owner; 1 one has none, or is in trouble; 2 the daemon could not be asked.";

/// Show who owns each shard, and how far this daemon has followed it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Shards {
    /// Print the shards as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// The answer to `GET /v1/shards`.
#[derive(Debug, Deserialize)]
struct Listing {
    shards: Vec<Value>,
}

impl Shards {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Listing { shards } = self.daemon.get("/v1/shards")?.json()?;
        if self.json {
            shards.iter().for_each(|shard| println!("{shard}"));
        } else {
            println!("{}", table(&shards));
        }
        let is_well = |shard: &Value| shard["owner"].is_string() && shard["trouble"].is_null();
        Ok(ExitCode::from(u8::from(!shards.iter().all(is_well))))
    }
}

fn table(shards: &[Value]) -> Table {
    let columns =
        ["shard", "domains", "state", "owner", "since", "record", "time", "outputs", "forwarding", "token", "trouble"];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.map(str::to_uppercase));
    for shard in shards {
        table.add_row(columns.map(|name| if name == "domains" { list(&shard[name]) } else { text(shard, name) }));
    }
    table
}

fn list(names: &Value) -> String {
    let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}
