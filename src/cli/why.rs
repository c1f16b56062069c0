//! Decides how people learn why a contact still waits: who it waits for, until when, and what keeps each of them.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::Value;

use super::client::Daemon;

const EXAMPLES: &str = "\
Examples:
  picket why c-17                     who it waits for, until when, and what keeps each of them
  picket why c-17 --source pbx        where several platforms have a contact of this id
  picket why c-17 --json              the same for a script

Exit codes: 0 done; 1 no contact of this id; 2 the daemon could not be asked.";

/// Say why a contact waits, and what keeps each of those who could take it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Why {
    /// The contact, in its platform's own id
    contact: String,
    /// The platform, where several have a contact of this id
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Print the daemon's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

impl Why {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let query = self.source.as_ref().map(|source| format!("?source={}", escaped(source))).unwrap_or_default();
        let answered = self.daemon.get(&format!("/v1/contacts/{}/why{query}", escaped(&self.contact)))?;
        if answered.status == 404 {
            eprintln!("picket: no contact {} was received, or it is forgotten", self.contact);
            return Ok(ExitCode::from(1));
        }
        let why: Value = answered.json()?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{why}")?;
        } else {
            write!(out, "{}", page(&why))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A part of a path or query: everything but letters, digits and a few marks as `%XX`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("-")
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or(0)
}

/// The word of a value that is a text, or one of a single field.
fn word(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name} {}", word(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

fn span(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// The whole answer in lines.
fn page(why: &Value) -> String {
    let mut lines = vec![format!(
        "{} ({}, {}) is {} since {}",
        text(why, "contact"),
        text(why, "source"),
        text(why, "channel"),
        text(why, "state"),
        text(why, "state_since"),
    )];
    let fence = &why["fence"];
    if fence.is_object() {
        let reason = fence["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        lines.push(format!("fence      {}, {}{reason}", text(fence, "team"), text(fence, "state")));
    }
    lines.push(format!("queue      {}, by rules {}", text(why, "queue"), number(why, "rules")));
    let waits = &why["waits_for"];
    let until = waits["until"].as_str().map(|until| format!(", until {until}")).unwrap_or_default();
    lines.push(format!("waits for  {}{until}", text(waits, "what").replace('_', " ")));
    for (label, field) in [("own people", "own"), ("anyone    ", "any")] {
        let expected = &why["expected"][field];
        if expected.is_object() {
            let (wait, band) = (span(number(expected, "wait_ms")), span(number(expected, "band_ms")));
            lines.push(format!("{label} in about {wait}, give or take {band}"));
        }
    }
    if let Some(chance) = why["chance_permille"].as_u64() {
        lines.push(format!("chance     {}.{} % that its own agent frees up in time", chance / 10, chance % 10));
    }
    lines.extend(steps(why));
    lines.extend(candidates(why));
    lines.join("\n") + "\n"
}

fn steps(why: &Value) -> Vec<String> {
    let steps = why["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let hold = &step["hold_ms"]["busy"];
        let hold = match (hold.as_u64(), hold["smart"].as_u64(), hold["working"].as_u64()) {
            (Some(ms), ..) => format!("holds {}", span(ms)),
            (_, Some(ms), _) => {
                format!("holds at most {} while the chance is {} ‰", span(ms), hold["least_permille"])
            }
            (.., Some(ms)) => format!("holds {} of working time", span(ms)),
            _ => String::new(),
        };
        let until = step["until"].as_str().map(|until| format!(", until {until}")).unwrap_or_default();
        let state = text(step, "state").replace('_', " ");
        lines.push(format!("  {:<8} {}  {}, {hold}{until}", state, number + 1, word(&step["who"])));
    }
    if !lines.is_empty() {
        lines.insert(0, "steps".to_owned());
    }
    lines
}

fn candidates(why: &Value) -> Vec<String> {
    let candidates = why["candidates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for candidate in candidates {
        let check = text(candidate, "check").replace('_', " ");
        let detail = if check == "busy" {
            let used = |field: &str| number(candidate, field);
            let (slots, points) = (used("slots_in_use"), used("points_in_use"));
            format!(", {slots} of {} slots, {points} of {} points", used("slots"), used("points"))
        } else {
            String::new()
        };
        let rank = number(candidate, "rank");
        lines.push(format!(
            "  {rank:>2}  {:<16} {:<8} {check}{detail}",
            text(candidate, "agent"),
            text(candidate, "standing")
        ));
    }
    if let Some(others) = why["others"].as_object().filter(|others| !others.is_empty()) {
        let counts: Vec<String> =
            others.iter().map(|(check, count)| format!("{count} {}", check.replace('_', " "))).collect();
        lines.push(format!("  and others: {}", counts.join(", ")));
    }
    if !lines.is_empty() {
        lines.insert(0, "who is looked at, and the first check that each fails".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_explanation_names_who_until_when_and_what_keeps_each() {
        let why = json!({
            "contact": "c-7", "source": "pbx", "channel": "voice", "state": "waiting",
            "state_since": "2026-11-23T09:00:00.000Z", "queue": "general", "rules": 3,
            "fence": { "team": "hopkins", "state": "closed", "reason": null },
            "waits_for": { "what": "somebody_free", "until": "2026-11-23T09:02:00.000Z" },
            "expected": { "own": { "wait_ms": 240_000, "band_ms": 60_000 }, "any": null },
            "chance_permille": 425,
            "steps": [
                { "who": "lead", "state": "now", "until": "2026-11-23T09:02:00.000Z",
                  "hold_ms": { "busy": { "smart": 180_000, "least_permille": 400 } } },
                { "who": { "team": { "role": "billing" } }, "state": "to_come", "hold_ms": { "busy": 60_000 } },
            ],
            "candidates": [
                { "rank": 1, "agent": "ann", "standing": "lead", "check": "busy",
                  "slots_in_use": 3, "slots": 3, "points_in_use": 90, "points": 100 },
                { "rank": 2, "agent": "bola", "standing": "team", "check": "not_yet" },
            ],
            "others": { "off_shift": 4 },
        });
        let page = page(&why);
        for part in [
            "c-7 (pbx, voice) is waiting since 2026-11-23T09:00:00.000Z",
            "fence      hopkins, closed",
            "waits for  somebody free, until 2026-11-23T09:02:00.000Z",
            "own people in about 4 min, give or take 60 s",
            "chance     42.5 % that its own agent frees up in time",
            "now      1  lead, holds at most 3 min while the chance is 400 ‰",
            "to come  2  team role billing, holds 60 s",
            "busy, 3 of 3 slots, 90 of 100 points",
            "and others: 4 off shift",
        ] {
            assert!(page.contains(part), "no `{part}` in\n{page}");
        }
    }

    #[test]
    fn an_id_with_odd_marks_stays_one_part_of_the_path() {
        assert_eq!(escaped("a/b?c d"), "a%2Fb%3Fc%20d");
    }
}
