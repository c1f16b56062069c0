//! Decides how the plan of one contact is tried out from the command line.

mod words;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use picket_core::{Names, Timestamp};
use picket_rules::RuleSet;
use picket_rules::facts::{AccountFacts, ContactFacts, CustomerFacts, Facts};
use picket_rules::render::{self, Colour};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use words::Words;

const EXAMPLES: &str = "\
Examples:
  picket plan --contact contact.json --customer customer.json
  echo '{\"channel\":\"voice\",\"topic\":\"fraud\"}' | picket plan --contact -
  picket plan --contact contact.json --at 2026-12-25T10:00:00Z

A contact is an object of facts, as in [[expect]], or a picket.contact.received event.
A customer is an object of facts, or { customer, account, was_valued }.
Exit codes: 0 planned; 1 planned, with something to look at; 2 not planned.";

/// Keys of a `contact.received` that are no facts for rules.
const NO_FACTS: [&str; 4] = ["contact", "customer", "waiting_since", "scheduled_for"];

/// Show what a contact would be entitled to, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plan {
    /// JSON file of the contact, or - for standard input
    #[arg(long, value_name = "FILE")]
    contact: PathBuf,
    /// JSON file of the customer, or - for standard input
    #[arg(long, value_name = "FILE")]
    customer: Option<PathBuf>,
    /// Rule file, or folder of *.toml files
    #[arg(long, default_value = "config/rules", value_name = "PATH")]
    rules: PathBuf,
    /// When, RFC 3339; now if left out
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

/// A customer file that says more than the person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    customer: Option<CustomerFacts>,
    account: Option<AccountFacts>,
    #[serde(default)]
    was_valued: bool,
}

impl Plan {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let at = match &self.at {
            Some(text) => moment(text)?,
            None => Clock::System.now(),
        };
        let sources = picket_rules::sources(&self.rules).map_err(|findings| refused(&findings, &[]))?;
        let (set, _) = RuleSet::parse(&sources).map_err(|findings| refused(&findings, &sources))?;
        let facts = self.facts()?;
        let (mut names, mut fresh) = (Names::default(), Vec::new());
        let _ = set.world(&mut names, &mut fresh, at);
        let planned = set.plan(&facts, &names, at, 1).context("plan the contact")?;
        let words = Words { set: &set, names: &names, facts: &facts, planned: &planned, at };
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&words.json()).context("write the plan")?)?;
        } else {
            write!(out, "{words}")?;
        }
        Ok(ExitCode::from(u8::from(!planned.alarms.is_empty())))
    }

    fn facts(&self) -> anyhow::Result<Facts> {
        let mut facts = Facts { contact: contact(read(&self.contact)?)?, ..Facts::default() };
        if let Some(path) = &self.customer {
            let value = read(path)?;
            if value.get("customer").is_some_and(Value::is_object) || value.get("account").is_some_and(Value::is_object)
            {
                let known: Known = serde_json::from_value(value).with_context(|| format!("read {}", path.display()))?;
                (facts.customer, facts.account) = (known.customer, known.account);
                facts.was_valued = known.was_valued;
            } else {
                let customer = serde_json::from_value(value).with_context(|| format!("read {}", path.display()))?;
                facts.customer = Some(customer);
            }
        }
        Ok(facts)
    }
}

fn contact(mut value: Value) -> anyhow::Result<ContactFacts> {
    if value.get("specversion").is_some() {
        value = value.get("data").cloned().unwrap_or_else(|| json!({}));
    }
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, _| !NO_FACTS.contains(&key.as_str()));
    }
    let contact: ContactFacts = serde_json::from_value(value).context("read the contact")?;
    if contact.channel.is_empty() {
        bail!("the contact has no channel");
    }
    Ok(contact)
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("read standard input")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?
    };
    serde_json::from_str(&text).with_context(|| format!("read {} as JSON", path.display()))
}

fn moment(text: &str) -> anyhow::Result<Timestamp> {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(moment) => Ok(Timestamp(moment.timestamp_millis())),
        Err(error) => Err(anyhow!(error).context(format!("read {text} as a time; write 2026-11-23T09:00:00Z"))),
    }
}

fn refused(findings: &[picket_rules::Finding], sources: &[picket_rules::Source]) -> anyhow::Error {
    anyhow!("the rules do not pass their check\n{}", render::human(findings, sources, Colour::Plain))
}
