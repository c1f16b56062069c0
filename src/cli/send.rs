//! Decides how events are sent from the command line, and how what became of them is said.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Map, Value, json};

use super::client::Daemon;

const EXAMPLES: &str = "\
Examples:
  picket send --type agent.set_state --data '{\"agent\":\"ann\",\"state\":\"ready\"}'
  picket send --type contact.received --data '{\"contact\":\"c1\",\"channel\":\"voice\",\"from\":\"+442079460001\"}'
  picket send events.json                  one CloudEvent, a list of them, or one a line
  generate | picket send -                 from standard input
  picket send events.jsonl --json          what became of each, as JSON lines

A file is sent as it is. With --type, what the envelope needs and is not given is filled in.
Sending the same file twice is safe: an event is known by its source and id.
Exit code 0 if none was rejected, 1 if any was.";

/// The largest batch sent at once; the contract takes 256 KiB and 1,000 events.
const BATCH_BYTES: usize = 200 * 1024;
const BATCH_EVENTS: usize = 500;

/// Send events and print what became of each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Send {
    /// File of events, or - for standard input
    #[arg(required_unless_present = "type", conflicts_with = "type", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Type of a single event, short (contact.received) or whole (picket.contact.received.v1)
    #[arg(long, requires = "data")]
    r#type: Option<String>,
    /// Data of a single event, as JSON
    #[arg(long, requires = "type", value_name = "JSON")]
    data: Option<String>,
    /// Source of a single event
    #[arg(long, default_value = "picket-send")]
    source: String,
    /// Id of a single event; otherwise a random one
    #[arg(long)]
    id: Option<String>,
    /// Domain of a single event, where more than one is configured
    #[arg(long)]
    domain: Option<String>,
    /// How long to go on trying, in seconds, while the daemon is away or takes nothing
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    patience: u64,
    /// Print the answers as JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

impl Send {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let events = self.events()?;
        let patience = Duration::from_secs(self.patience);
        let (mut rejected, mut sent) = (false, 0);
        for batch in batches(&events) {
            let answers = self.daemon.send(batch, patience).with_context(|| {
                format!("{sent} of {} events were answered; sending all of them again is safe", events.len())
            })?;
            sent += answers.len();
            for answer in answers {
                rejected |= answer["result"] == "rejected";
                if self.json {
                    println!("{answer}");
                } else {
                    println!("{}", sentence(&answer));
                }
            }
        }
        Ok(ExitCode::from(u8::from(rejected)))
    }

    fn events(&self) -> anyhow::Result<Vec<Value>> {
        if let (Some(kind), Some(data)) = (&self.r#type, &self.data) {
            let data = serde_json::from_str(data).context("--data is not JSON")?;
            let id = self.id.clone().map_or_else(random_id, Ok)?;
            return Ok(vec![event(kind, &self.source, &id, self.domain.as_deref(), data)]);
        }
        let Some(file) = &self.file else { bail!("name a file, or --type and --data") };
        let text = if file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            text
        } else {
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        };
        read_events(&text).with_context(|| format!("{} is not JSON", file.display()))
    }
}

/// Every event of a text: documents one after the other, each an event or a list of them.
fn read_events(text: &str) -> serde_json::Result<Vec<Value>> {
    let mut events = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let document = document?;
        if let Value::Array(list) = document {
            events.extend(list);
        } else {
            events.push(document);
        }
    }
    Ok(events)
}

/// Slices that the daemon takes at once, in order.
fn batches(events: &[Value]) -> Vec<&[Value]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, event) in events.iter().enumerate() {
        let length = event.to_string().len() + 1;
        if index > start && (bytes + length > BATCH_BYTES || index - start >= BATCH_EVENTS) {
            batches.push(&events[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += length;
    }
    if start < events.len() {
        batches.push(&events[start..]);
    }
    batches
}

/// A CloudEvent of the contract.
pub(super) fn event(kind: &str, source: &str, id: &str, domain: Option<&str>, data: Value) -> Value {
    let whole = if kind.starts_with("picket.") { kind.to_owned() } else { format!("picket.{kind}.v1") };
    let mut event = Map::new();
    for (name, value) in [("specversion", "1.0"), ("id", id), ("source", source), ("type", &whole)] {
        event.insert(name.to_owned(), json!(value));
    }
    if let Some(domain) = domain {
        event.insert("picketdomain".to_owned(), json!(domain));
    }
    event.insert("data".to_owned(), data);
    Value::Object(event)
}

/// 128 random bits in hexadecimal.
///
/// # Errors
/// When the system gives no random numbers.
pub(super) fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// One line about one answer.
pub(super) fn sentence(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let id = answer["id"].as_str().unwrap_or("an event without an id");
    let mut line = format!("{:<10} {id}", text("result"));
    if let Some(code) = answer["code"].as_str() {
        line.push_str(&format!("  {code}: {}", text("detail")));
    } else if let Some(seq) = answer["seq"].as_u64() {
        line.push_str(&format!("  record {seq}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_hold_one_event_a_list_or_one_a_line() {
        for text in [r#"{"id":"1"}"#, r#"[{"id":"1"}]"#, "\n{\"id\":\n\"1\"}\n"] {
            assert_eq!(read_events(text).unwrap(), [json!({"id": "1"})], "{text}");
        }
        assert_eq!(read_events("{\"id\":1}\n{\"id\":2}\n[{\"id\":3}]").unwrap().len(), 3);
        assert!(read_events("{\"id\":1}\nnonsense").is_err());
    }

    #[test]
    fn batches_keep_the_order_and_stay_below_both_limits() {
        let small: Vec<Value> = (0..1200).map(|n| json!({ "n": n })).collect();
        assert_eq!(batches(&small).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [500, 500, 200]);
        assert_eq!(batches(&small).concat(), small);
        let large: Vec<Value> = (0..3).map(|n| json!({ "n": n, "text": "x".repeat(BATCH_BYTES / 2) })).collect();
        assert_eq!(batches(&large).len(), 3);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn a_short_type_becomes_a_whole_event() {
        let event = event("agent.set_state", "pbx", "7", Some("emea"), json!({"agent": "ann"}));
        assert_eq!(event["type"], "picket.agent.set_state.v1");
        assert_eq!((&event["source"], &event["picketdomain"]), (&json!("pbx"), &json!("emea")));
        assert_eq!(super::event("picket.x.y.v2", "s", "1", None, Value::Null)["type"], "picket.x.y.v2");
    }

    #[test]
    fn an_answer_is_one_line() {
        let rejected = json!({"id": "e1", "result": "rejected", "code": "unknown_agent", "detail": "no such agent"});
        assert_eq!(sentence(&rejected), "rejected   e1  unknown_agent: no such agent");
        assert_eq!(sentence(&json!({"id": "e2", "result": "accepted", "seq": 4})), "accepted   e2  record 4");
    }
}
