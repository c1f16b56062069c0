//! Decides how ops learn whether a machine and its services are fit for the daemon, before contacts depend on it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app::doctor::{Grade, examine};
use crate::settings::{Flag, Settings, Sources};

const EXAMPLES: &str = "\
Examples:
  picket doctor --config /etc/picket/picket.toml      looks at rules, key, store, broker, clocks, disk and limits
  picket doctor --json                                the same for a program

Run it as the user under which the daemon runs; a daemon may be running meanwhile. It makes nothing but, in Redis,
Picket's function library, which every daemon loads.
Exit codes: 0 nothing is bad; 1 something is; 2 the settings cannot be read.";

/// Look whether everything that the daemon rests on is fit for it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// Settings file; otherwise /etc/picket/picket.toml, if it is there
    #[arg(long, env = "PICKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Rule file or folder of rule files (rules.path)
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Print the findings as a JSON list
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let rules = self.rules.map(|path| path.to_string_lossy().into_owned());
        let given = rules.map(|value| Flag { flag: "--rules", key: "rules.path", value });
        let settings = Settings::load(Sources::of_process(self.config, given.into_iter().collect()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let findings = runtime.context("cannot start the runtime")?.block_on(examine(&settings));
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings)?);
        } else {
            for finding in &findings {
                println!("{:<9} {:<7} {}", word(finding.grade), finding.subject, indented(&finding.text));
                if let Some(remedy) = &finding.remedy {
                    println!("{:<17} → {remedy}", "");
                }
            }
        }
        Ok(ExitCode::from(u8::from(findings.iter().any(|finding| finding.grade == Grade::Bad))))
    }
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "ok",
        Grade::Doubtful => "doubtful",
        Grade::Bad => "BAD",
    }
}

/// Further lines stand below the first.
fn indented(text: &str) -> String {
    text.replace('\n', &format!("\n{:<18}", ""))
}
