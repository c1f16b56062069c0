//! Decides how the live feed is followed from the command line: one line per output, resumed when the connection breaks.

use std::io::{self, BufRead, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::client::Daemon;
use crate::shard::feed::short_type;

const EXAMPLES: &str = "\
Examples:
  picket tail                                     everything from now on
  picket tail --type 'offer.*,contact.assigned'   only these; * at the end stands for anything
  picket tail --agent ann --domain emea           what concerns Ann
  picket tail --after 0 --json | jq .             all that is still kept, as CloudEvents, one a line

When the connection breaks, it is made again and nothing is missed, as long as the daemon still keeps the outputs.";

/// Follow what Picket decides, live.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tail {
    /// Only these types, short or whole; comma list, * at the end stands for anything
    #[arg(long, value_name = "TYPES")]
    r#type: Option<String>,
    /// Only these domains
    #[arg(long, value_name = "DOMAINS")]
    domain: Option<String>,
    /// Only what concerns these agents
    #[arg(long, value_name = "AGENTS")]
    agent: Option<String>,
    /// Which of several shards to follow
    #[arg(long, value_name = "SHARD")]
    shard: Option<String>,
    /// Begin behind this output instead of now
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// Stop after this many outputs
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print whole CloudEvents, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// One message of a live feed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    id: Option<u64>,
    event: String,
    data: String,
    retry: Option<Duration>,
}

/// Whether to go on.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Enough,
    Broken,
}

impl Tail {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let path = self.path();
        let mut progress = Progress { place: self.after, pause: Duration::from_secs(1), left: self.count };
        let mut feed = self.daemon.follow(&path, progress.place)?;
        loop {
            if self.print(feed, &mut progress)? == Ended::Enough {
                return Ok(ExitCode::SUCCESS);
            }
            eprintln!("picket: the connection broke; trying again");
            feed = loop {
                std::thread::sleep(progress.pause);
                match self.daemon.follow(&path, progress.place) {
                    Ok(feed) => break feed,
                    Err(error) => eprintln!("picket: {error:#}"),
                }
            };
        }
    }

    fn path(&self) -> String {
        let filters =
            [("type", &self.r#type), ("domain", &self.domain), ("agent", &self.agent), ("shard", &self.shard)];
        let query: Vec<String> = filters
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", query_value(value.as_ref()?))))
            .collect();
        if query.is_empty() { "/v1/stream".to_owned() } else { format!("/v1/stream?{}", query.join("&")) }
    }

    fn print(&self, feed: impl BufRead, progress: &mut Progress) -> anyhow::Result<Ended> {
        let mut out = io::stdout().lock();
        let mut lines = feed.lines().map_while(Result::ok);
        while progress.left != Some(0) {
            let Some(message) = next_message(&mut lines) else { return Ok(Ended::Broken) };
            progress.place = message.id.or(progress.place);
            progress.pause = message.retry.unwrap_or(progress.pause);
            if message.data.is_empty() {
                continue;
            }
            if message.event == "reset" {
                eprintln!("picket: outputs were missed: the daemon no longer keeps them ({})", message.data);
                continue;
            }
            if self.json {
                writeln!(out, "{}", message.data)?;
            } else {
                let event: Value =
                    serde_json::from_str(&message.data).context("the feed sent something else than JSON")?;
                writeln!(out, "{}", sentence(message.id, &event))?;
            }
            out.flush()?;
            progress.left = progress.left.map(|left| left - 1);
        }
        Ok(Ended::Enough)
    }
}

/// Where the reader is.
struct Progress {
    place: Option<u64>,
    pause: Duration,
    left: Option<u64>,
}

/// Reads up to the next empty line; none when the connection ended.
fn next_message(lines: &mut impl Iterator<Item = String>) -> Option<Message> {
    let mut message = Message::default();
    loop {
        let line = lines.next()?;
        if line.is_empty() {
            return Some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => message.id = value.parse().ok(),
            "event" => value.clone_into(&mut message.event),
            "retry" => message.retry = value.parse().ok().map(Duration::from_millis),
            "data" => {
                if !message.data.is_empty() {
                    message.data.push('\n');
                }
                message.data.push_str(value);
            }
            _ => {}
        }
    }
}

/// One line about one output: when, which, what, and its data in the order in which they were sent.
fn sentence(number: Option<u64>, event: &Value) -> String {
    let time = event["time"].as_str().unwrap_or_default();
    let clock = time.split_once('T').map_or(time, |(_, clock)| clock).trim_end_matches('Z');
    let kind = short_type(event["type"].as_str().unwrap_or("?"));
    let number = number.map(|number| format!("#{number}")).unwrap_or_default();
    let data = event["data"].as_object().into_iter().flatten();
    let facts: Vec<String> = data
        .filter(|(name, value)| name.as_str() != "seq" && !value.is_null())
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name}={text}"),
            None => format!("{name}={value}"),
        })
        .collect();
    format!("{clock:<12} {number:<8} {kind:<24} {}", facts.join(" "))
}

/// A value as it may stand in a query.
fn query_value(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,*~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_end_at_an_empty_line_and_comments_say_nothing() {
        let text =
            "retry: 1000\n\nid: 7\nevent: picket.offer.made.v1\ndata: {\"a\":1}\n\n: still here\n\nid: 9\n\nid: 10\n";
        let mut lines = text.lines().map(String::from);
        assert_eq!(next_message(&mut lines).unwrap().retry, Some(Duration::from_secs(1)));
        let offer = next_message(&mut lines).unwrap();
        assert_eq!(
            (offer.id, offer.event.as_str(), offer.data.as_str()),
            (Some(7), "picket.offer.made.v1", "{\"a\":1}")
        );
        assert_eq!(next_message(&mut lines), Some(Message::default()));
        assert_eq!(next_message(&mut lines).unwrap().id, Some(9), "a place without an output");
        assert_eq!(next_message(&mut lines), None, "a message cut off by the end is none");
    }

    #[test]
    fn an_output_is_one_line_without_its_bookkeeping() {
        let event = json!({
            "type": "picket.offer.made.v1", "time": "2026-11-23T09:00:00.120Z",
            "data": {"agent": "ann", "contact": "c1", "note": null, "seq": 3}
        });
        assert_eq!(sentence(Some(12), &event), "09:00:00.120 #12      offer.made               agent=ann contact=c1");
    }

    #[test]
    fn a_filter_is_escaped_in_the_query() {
        assert_eq!(query_value("offer.*,x&y=ä"), "offer.*,x%26y%3D%C3%A4");
    }
}
