//! Decides how a container or a script learns whether the daemon can route.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

use super::client::Daemon;

const EXAMPLES: &str = "\
Examples:
  picket health                       exit code 0 when it routes, 1 when it cannot, 2 when nobody answers
  picket health --live                only whether it is alive: a dependency that is away is no reason to restart it
  HEALTHCHECK CMD [\"picket\", \"health\"]";

/// Say whether the daemon can route now.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Health {
    /// Ask only whether the process is alive
    #[arg(long)]
    live: bool,
    /// Print the daemon's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

impl Health {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let answered = self.daemon.get(if self.live { "/healthz" } else { "/readyz" })?;
        let health: Value = serde_json::from_str(&answered.body)
            .with_context(|| format!("{} is not answered by Picket", self.daemon.url()))?;
        if self.json {
            println!("{health}");
        } else {
            println!("{}", health["status"].as_str().unwrap_or("unknown"));
            for dependency in health["dependencies"].as_array().into_iter().flatten() {
                let (name, trouble) = (dependency["name"].as_str(), dependency["trouble"].as_str());
                println!("  {:<10} {}", name.unwrap_or("?"), trouble.unwrap_or("ok"));
            }
        }
        Ok(ExitCode::from(u8::from(answered.status != 200)))
    }
}
