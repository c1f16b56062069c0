//! Decides how customers, accounts and agents are brought in from a file: as `*.put` events, in batches, with a report.

mod columns;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::client::Daemon;
use super::send::{event, random_id};
use rows::{Row, Rows};

const EXAMPLES: &str = "\
Examples:
  picket import customers customers.csv               one customer a line, first line names the columns
  picket import customers crm.jsonl --dry-run         only read it and say what is wrong with it
  picket import agents agents.csv --source hr

Columns (CSV) or fields (JSON lines); all but the id may be missing, an empty cell counts as missing:
  customers   customer, account, name, addresses, team, lead, prefers, avoids, relationship, language
  accounts    account, name, addresses, team, lead
  agents      agent, name, points, queues, shift, aliases.SOURCE, skills.SKILL, slots.CHANNEL
`id` stands for the first of them. Several values in a cell are separated by \";\". Every other column of customers and
accounts becomes an attribute that rules and scorecard can read. A row replaces the whole object.";

/// Objects sent at once.
const BATCH: usize = 200;

/// The largest batch, in bytes; the contract takes 256 KiB.
const BATCH_BYTES: usize = 200 * 1024;

/// Rejected lines that are shown one by one.
const SHOWN: usize = 20;

/// What is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// People who make contact
    Customers,
    /// Organisations they belong to
    Accounts,
    /// People who handle contacts
    Agents,
}

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line
    Csv,
    /// One JSON object a line
    Jsonl,
}

/// Bring in customers, accounts or agents from a file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// What the file holds
    kind: Kind,
    /// CSV or JSON lines, or - for standard input
    file: PathBuf,
    /// How the file is written; otherwise by its ending
    #[arg(long)]
    format: Option<Format>,
    /// Source of the events that are sent
    #[arg(long, default_value = "picket-import")]
    source: String,
    /// Domain, where more than one is configured
    #[arg(long)]
    domain: Option<String>,
    /// Read everything, send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// A line that was not taken.
#[derive(Debug, serde::Serialize)]
struct Rejected {
    line: u64,
    code: String,
    detail: String,
}

/// What became of the file.
#[derive(Debug, Default, serde::Serialize)]
struct Report {
    read: u64,
    accepted: u64,
    duplicate: u64,
    rejected: Vec<Rejected>,
}

impl Import {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let rows = Rows::open(self.kind, self.format, &self.file)?;
        let bar = progress(rows.length());
        let run = random_id()?;
        let mut report = Report::default();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let Row { line, byte, data } = row?;
            report.read += 1;
            let data = match data {
                Ok(data) => data,
                Err(detail) => {
                    report.rejected.push(Rejected { line, code: "unreadable_line".into(), detail });
                    continue;
                }
            };
            let event = event(self.kind.put(), &self.source, &format!("{run}-{line}"), self.domain.as_deref(), data);
            let length = event.to_string().len() + 1;
            if !batch.is_empty() && (batch.len() >= BATCH || bytes + length > BATCH_BYTES) {
                self.flush(&mut batch, &mut report)?;
                bytes = 0;
            }
            bytes += length;
            batch.push((line, event));
            bar.set_position(byte);
        }
        self.flush(&mut batch, &mut report)?;
        bar.finish_and_clear();
        self.print(&report)?;
        Ok(ExitCode::from(u8::from(!report.rejected.is_empty())))
    }

    fn flush(&self, batch: &mut Vec<(u64, Value)>, report: &mut Report) -> anyhow::Result<()> {
        let (lines, events): (Vec<u64>, Vec<Value>) = batch.drain(..).unzip();
        if events.is_empty() {
            return Ok(());
        }
        if self.dry_run {
            report.accepted += events.len() as u64;
            return Ok(());
        }
        let answers = self.daemon.send(&events, Duration::from_secs(60))?;
        if answers.len() != events.len() {
            bail!("the daemon answered {} of {} events; import the file again", answers.len(), events.len());
        }
        for (line, answer) in lines.into_iter().zip(answers) {
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            match answer["result"].as_str() {
                Some("rejected") => report.rejected.push(Rejected { line, code: text("code"), detail: text("detail") }),
                Some("duplicate") => report.duplicate += 1,
                _ => report.accepted += 1,
            }
        }
        Ok(())
    }

    fn print(&self, report: &Report) -> anyhow::Result<()> {
        if self.json {
            println!("{}", json!({ "dry_run": self.dry_run, "report": serde_json::to_value(report)? }));
            return Ok(());
        }
        let done = if self.dry_run { "could be sent" } else { "taken" };
        println!(
            "{} read, {} {done}, {} rejected",
            report.read,
            report.accepted + report.duplicate,
            report.rejected.len()
        );
        for Rejected { line, code, detail } in report.rejected.iter().take(SHOWN) {
            println!("  line {line}: {code}: {detail}");
        }
        if report.rejected.len() > SHOWN {
            println!("  … and {} more; --json shows all", report.rejected.len() - SHOWN);
        }
        Ok(())
    }
}

impl Kind {
    /// The type of the event that defines one.
    const fn put(self) -> &'static str {
        match self {
            Self::Customers => "customer.put",
            Self::Accounts => "account.put",
            Self::Agents => "agent.put",
        }
    }
}

fn progress(length: Option<u64>) -> ProgressBar {
    let style =
        |template: &str| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    match length {
        Some(length) => {
            ProgressBar::new(length).with_style(style("{wide_bar} {percent}% {binary_bytes_per_sec} {eta}"))
        }
        None => ProgressBar::new_spinner().with_style(style("{spinner} {binary_bytes}")),
    }
}
