//! Decides how rule files are checked from the command line, and how what was found is shown.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use picket_rules::render::{self, Colour};
use picket_rules::{Code, Finding, RuleSet, Severity};

const EXAMPLES: &str = "\
Examples:
  picket check                       the rules in config/rules
  picket check rules.toml --strict   warnings count too
  picket check --why R014            what a finding means, and what to do
  picket check --format sarif        for a code host

Exit codes: 0 nothing to say against them; 1 warnings, with --strict; 2 errors.";

/// Check rule files: names, types, lints, and their own tests.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Rule file, or folder of *.toml files
    #[arg(default_value = "config/rules")]
    path: PathBuf,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    strict: bool,
    /// How to show what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Explain a kind of finding, and check nothing
    #[arg(long, value_name = "CODE")]
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines
    Json,
    /// SARIF 2.1.0
    Sarif,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(code) = &self.why {
            return explain(code);
        }
        let sources = match picket_rules::sources(&self.path) {
            Ok(sources) => sources,
            Err(findings) => return self.show(&findings, &[], None),
        };
        match RuleSet::parse(&sources) {
            Ok((set, findings)) => self.show(&findings, &sources, Some(&set)),
            Err(findings) => self.show(&findings, &sources, None),
        }
    }

    fn show(
        &self,
        findings: &[Finding],
        sources: &[picket_rules::Source],
        set: Option<&RuleSet>,
    ) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Human => {
                let colour = if std::io::stdout().is_terminal() { Colour::Styled } else { Colour::Plain };
                if !findings.is_empty() {
                    writeln!(out, "{}", render::human(findings, sources, colour))?;
                }
                if let Some(set) = set {
                    writeln!(out, "{}", set.summary())?;
                }
            }
            Format::Json => {
                let mut value = render::json(findings, sources);
                value["hash"] = set.map(RuleSet::hash).into();
                writeln!(out, "{}", serde_json::to_string_pretty(&value).context("write the findings")?)?;
            }
            Format::Sarif => {
                let value = render::sarif(findings, sources);
                writeln!(out, "{}", serde_json::to_string_pretty(&value).context("write the findings")?)?;
            }
        }
        let warned = findings.iter().any(|finding| finding.severity == Severity::Warning);
        Ok(match set {
            None => ExitCode::from(2),
            Some(_) if self.strict && warned => ExitCode::from(1),
            Some(_) => ExitCode::SUCCESS,
        })
    }
}

fn explain(code: &str) -> anyhow::Result<ExitCode> {
    let Some(known) = Code::parse(code) else {
        bail!("there is no finding {code}; codes go from {} to {}", first(), last());
    };
    writeln!(std::io::stdout(), "{}", known.page().unwrap_or_else(|| known.title()))?;
    Ok(ExitCode::SUCCESS)
}

fn first() -> &'static str {
    Code::ALL.first().map_or("", |code| code.text())
}

fn last() -> &'static str {
    Code::ALL.last().map_or("", |code| code.text())
}
