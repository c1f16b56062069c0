//! Decides how a person is erased: what goes at once, and until when the copies last that cannot be reached.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::client::Daemon;
use super::dead::Listing;
use super::send::{event, random_id, sentence};
use crate::clock::Clock;
use crate::settings::{BrokerKind, Settings, Sources};

const EXAMPLES: &str = "\
Examples:
  picket erase dr-osei
  picket erase dr-osei --address +442079460101     dead letters that name her by this number only go, too
  picket erase dr-osei --json

What is known of the customer goes: name, addresses, attributes, who knew them, what they are worth; and the dead letters
that name them. The journal never held more than a keyed hash. What cannot be reached is named, with its end.
Exit codes: 0 done; 1 the daemon refused; 2 it could not be asked.";

/// How long to go on trying while the daemon is away or takes nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many dead letters are looked through.
const LETTERS: u32 = 10_000;

/// Erase a customer, and say what remains until when.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Erase {
    /// The customer, in the installation's id
    customer: String,
    /// An address of theirs, by which dead letters may name them; as often as needed
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Source of the event that erases
    #[arg(long, default_value = "picket-erase")]
    source: String,
    /// Domain of that event, where more than one is configured
    #[arg(long)]
    domain: Option<String>,
    /// Settings file of the daemon, for how long copies last; otherwise /etc/picket/picket.toml, if it is there
    #[arg(long, env = "PICKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

impl Erase {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = Settings::load(Sources::of_process(self.config.clone(), Vec::new()))?;
        let data = json!({ "customer": self.customer });
        let order = event("customer.erase", &self.source, &random_id()?, self.domain.as_deref(), data);
        let answers = self.daemon.send(&[order], PATIENCE)?;
        if let Some(refused) = answers.iter().find(|answer| answer["result"] == "rejected") {
            eprintln!("picket: {}", sentence(refused));
            return Ok(ExitCode::from(1));
        }
        let dropped =
            self.drop_letters().context("the customer is erased, but the dead letters are not looked through")?;
        let left = Left::of(&settings);
        if self.json {
            println!("{}", json!({ "erased": self.customer, "dead_letters_dropped": dropped, "copies": left.json() }));
        } else {
            println!("{} is erased, and {dropped} dead letters with them", self.customer);
            print!("{}", left.words());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Drops the dead letters that name the customer; how many those were.
    fn drop_letters(&self) -> anyhow::Result<usize> {
        let named: Vec<&str> = std::iter::once(&self.customer).chain(&self.addresses).map(String::as_str).collect();
        let Listing { dead } = self.daemon.get(&format!("/v1/dead?limit={LETTERS}"))?.json()?;
        let mut dropped = 0;
        for id in dead.iter().filter_map(|letter| letter["id"].as_str()) {
            let path = format!("/v1/dead/{id}");
            let shown = self.daemon.get(&path)?;
            // Somebody else may have dropped it meanwhile.
            if shown.status != 404 && names(&shown.json::<Value>()?, &named) && self.daemon.delete(&path)?.status != 404
            {
                dropped += 1;
            }
        }
        Ok(dropped)
    }
}

/// Whether a letter's body or headers have one of these as a whole value; a body that is no JSON, anywhere.
fn names(letter: &Value, named: &[&str]) -> bool {
    let body = letter["body"].as_str().unwrap_or_default();
    match serde_json::from_str::<Value>(body) {
        Ok(body) => holds(&body, named) || holds(&letter["headers"], named),
        Err(_) => named.iter().any(|name| body.contains(name)) || holds(&letter["headers"], named),
    }
}

fn holds(value: &Value, named: &[&str]) -> bool {
    match value {
        Value::String(text) => named.contains(&text.as_str()),
        Value::Array(list) => list.iter().any(|one| holds(one, named)),
        Value::Object(members) => members.values().any(|one| holds(one, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What cannot be reached.
struct Left {
    /// When the archives and the dead letters of today are gone, where a broker keeps them.
    until: Vec<(&'static str, String, String)>,
}

impl Left {
    fn of(settings: &Settings) -> Self {
        let given = &settings.broker.rabbitmq;
        let ends = |age: Duration| {
            let end = Clock::System.now().0.saturating_add(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            chrono::DateTime::from_timestamp_millis(end).unwrap_or_default().format("%Y-%m-%d %H:%M UTC").to_string()
        };
        let mut until = Vec::new();
        if settings.broker.kind == BrokerKind::Rabbitmq {
            if given.archive {
                let what = "messages in the archives of what was received and published; a repair after a loss\n\
                            \x20                          (picket setup --accept-loss) may bring them back: erase them again then"
                    .to_owned();
                until.push(("archives", what, ends(given.archive_age.duration())));
            }
            let what = "dead letters that name them by a word that was not given".to_owned();
            until.push(("dead_letters", what, ends(given.dead_letter_age.duration())));
        }
        Self { until }
    }

    fn json(&self) -> Value {
        self.until
            .iter()
            .map(|(name, _, end)| ((*name).to_owned(), json!(end)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn words(&self) -> String {
        let mut words = String::from("What remains:\n");
        for (_, what, end) in &self.until {
            words.push_str(&format!("  until {end}  {what}\n"));
        }
        words.push_str(
            "  until they end              contacts of theirs that are open now, with what was said about them\n\
             \x20 until it is rewritten       the file of the store, which has freed space in it\n\
             \x20 as long as you keep them    backups, and what platforms know themselves\n",
        );
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_names_somebody_by_a_whole_value_and_one_that_is_no_json_by_any_part() {
        let letter = |body: &str| json!({ "body": body, "headers": {} });
        assert!(names(&letter(r#"{"data":{"customer":"ann"}}"#), &["ann"]));
        assert!(names(&letter(r#"{"data":{"addresses":["+44","x"]}}"#), &["ann", "+44"]));
        assert!(!names(&letter(r#"{"data":{"customer":"anna"}}"#), &["ann"]));
        assert!(names(&letter(r#"{"customer": "ann"#), &["ann"]));
        assert!(names(&json!({ "body": "{}", "headers": { "ce-subject": "ann" } }), &["ann"]));
    }
}
