//! Decides how people deal with messages that could not be understood or handled: see them, send them again, drop them.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Deserialize;
use serde_json::Value;

use super::client::{Answered, Daemon};

const EXAMPLES: &str = "\
Examples:
  picket dead list                          the oldest hundred, with code and cause
  picket dead list --code unknown_domain    only these
  picket dead show 4f1c…                    one, with headers and body
  picket dead replay 4f1c…                  send it to where it came from again, when the cause is mended
  picket dead drop 4f1c… 77ab…              remove these for good

Exit codes: 0 done; 1 no letter of this id; 2 the daemon could not be asked.
Every code has its cause and remedy on one page of the documentation.";

/// Look at messages that could not be understood or handled, send them again, or drop them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dead {
    #[command(subcommand)]
    what: What,
    /// Print the daemon's answers as JSON, one a line
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The oldest dead letters
    List {
        /// At most this many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
        limit: u32,
        /// Only those with this code
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
    },
    /// One dead letter, with its headers and body
    Show {
        /// Which, as `list` shows it
        id: String,
    },
    /// Send dead letters to where they came from again, and remove them
    Replay(Which),
    /// Remove dead letters for good
    Drop(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Which, as `list` shows them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// The answer to `GET /v1/dead`.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    pub(super) dead: Vec<Value>,
}

impl Dead {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match &self.what {
            What::List { limit, code } => self.list(*limit, code.as_deref()),
            What::Show { id } => self.show(id),
            What::Replay(which) => {
                self.each(which, |daemon, path| daemon.post(&format!("{path}/replay"), "application/json", ""))
            }
            What::Drop(which) => self.each(which, Daemon::delete),
        }
    }

    fn list(&self, limit: u32, code: Option<&str>) -> anyhow::Result<ExitCode> {
        let Listing { dead } = self.daemon.get(&format!("/v1/dead?limit={limit}"))?.json()?;
        let shown: Vec<Value> =
            dead.into_iter().filter(|letter| code.is_none_or(|code| text(letter, "code") == code)).collect();
        let mut out = io::stdout().lock();
        if self.json {
            for letter in &shown {
                writeln!(out, "{letter}")?;
            }
        } else if shown.is_empty() {
            writeln!(out, "no dead letters")?;
        } else {
            writeln!(out, "{}", table(&shown))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, id: &str) -> anyhow::Result<ExitCode> {
        let answered = self.daemon.get(&path(id)?)?;
        if missing(&answered, id) {
            return Ok(ExitCode::from(1));
        }
        let letter: Value = answered.json()?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{letter}")?;
        } else {
            write!(out, "{}", page(&letter))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Does the same to each; goes on behind one that is not there.
    fn each(&self, which: &Which, act: impl Fn(&Daemon, &str) -> anyhow::Result<Answered>) -> anyhow::Result<ExitCode> {
        let mut absent = 0;
        let mut out = io::stdout().lock();
        for id in &which.ids {
            let answered = act(&self.daemon, &path(id)?)?;
            if missing(&answered, id) {
                absent += 1;
                continue;
            }
            let done: Value = answered.json().with_context(|| format!("dead letter {id} stays where it is"))?;
            if self.json {
                writeln!(out, "{done}")?;
            } else {
                writeln!(out, "{id} {}", text(&done, "result"))?;
            }
        }
        Ok(ExitCode::from(u8::from(absent > 0)))
    }
}

/// The path of one letter. Ids are made by Picket; anything else would be another path.
fn path(id: &str) -> anyhow::Result<String> {
    let sound = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    anyhow::ensure!(sound, "{id:?} is no id of a dead letter; `picket dead list` shows them");
    Ok(format!("/v1/dead/{id}"))
}

/// Whether there is no letter of this id; says so.
fn missing(answered: &Answered, id: &str) -> bool {
    if answered.status == 404 {
        eprintln!("picket: no dead letter {id}");
    }
    answered.status == 404
}

fn table(letters: &[Value]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["ID", "AT", "CODE", "ROUTING KEY", "BYTES", "DETAIL"]);
    for letter in letters {
        let cells = ["id", "at", "code", "routing_key", "bytes", "detail"];
        table.add_row(cells.map(|name| printable(&text(letter, name))));
    }
    table
}

/// One letter as lines of `name value`, then its headers, then its body.
fn page(letter: &Value) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: &str| page.push_str(&format!("{name:<13} {}\n", printable(value)));
    for (name, value) in letter.as_object().into_iter().flatten() {
        if !["headers", "body", "body_is_text"].contains(&name.as_str()) {
            line(name, &plain(value));
        }
    }
    for (name, value) in letter["headers"].as_object().into_iter().flatten() {
        line("header", &format!("{name}: {}", plain(value)));
    }
    page.push('\n');
    if letter["body_is_text"] == Value::Bool(false) {
        page.push_str("(not text; what can be read of it)\n");
    }
    page.push_str(&text(letter, "body").lines().map(printable).collect::<Vec<_>>().join("\n"));
    page.push('\n');
    page
}

pub(super) fn text(letter: &Value, name: &str) -> String {
    plain(&letter[name])
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// What a stranger sent must not steer the terminal of whoever reads it.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_shows_everything_and_lets_nothing_steer_the_terminal() {
        let letter = json!({
            "id": "4f1c", "code": "not_json", "detail": "the body is no JSON", "bytes": 9,
            "headers": { "ce-id": "e\u{1b}[2J1" }, "body": "{\u{1b}[31m\nsecond", "body_is_text": true
        });
        let page = page(&letter);
        assert!(!page.contains('\u{1b}'), "{page:?}");
        for part in ["not_json", "the body is no JSON", "header        ce-id: e\u{fffd}[2J1", "\nsecond\n", "9\n"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let raw = json!({ "body": "\u{fffd}", "body_is_text": false });
        assert!(super::page(&raw).contains("not text"));
    }

    #[test]
    fn a_table_has_a_row_for_each_letter() {
        let letters = [json!({"id": "a", "code": "x", "bytes": 3}), json!({"id": "b", "code": "y"})];
        let shown = table(&letters).to_string();
        assert_eq!(shown.lines().count(), 3, "{shown}");
    }

    #[test]
    fn an_id_cannot_be_another_path() {
        assert_eq!(path("4f1c-2").expect("an id"), "/v1/dead/4f1c-2");
        for id in ["", "..", "a/b", "a?x=1", "ä", "a b"] {
            assert!(path(id).is_err(), "{id:?}");
        }
    }
}
