//! Decides what happens in the run whose journal is kept: `run.txt`, line by line.

use std::time::Duration;

use picket::contract::answer::{Answer, Outcome};
use picket::contract::value::Moment;
use picket::contract::wire::WireMessage;
use picket::shard::chance;
use picket::shard::ports::Entry;
use picket::shard::{ShardHandle, ShardState};
use picket_core::{ContactId, Kind, Millis, Timestamp};
use serde_json::{Value, json};

use crate::place::{LATER_RULES, Place, RULES, store_with_neighbour};

/// A Monday in November 2026, at noon.
pub(crate) const NOON: Timestamp = Timestamp(1_795_435_200_000);
const SEED: u64 = 2;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/run.txt");

/// What a run leaves.
pub(crate) struct Ran {
    pub(crate) journal: Vec<Entry>,
    pub(crate) state: ShardState,
    /// What was refused, with the code.
    pub(crate) refused: Vec<String>,
}

/// Does something in virtual time.
pub(crate) fn in_virtual_time<T>(act: impl Future<Output = T>) -> T {
    chance::seed(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(act)
}

/// Runs the script; the same each time.
pub(crate) fn run() -> Ran {
    in_virtual_time(async {
        let mut place = Place::open(NOON, store_with_neighbour().await, &RULES);
        place.until_ready().await;
        let mut refused = Vec::new();
        let script = std::fs::read_to_string(SCRIPT).expect("the script");
        let lines = script.lines().enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let number = number + 1;
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "+" => place.live(millis(rest)).await,
                "ahead" | "back" => {
                    let by = i64::try_from(millis(rest).as_millis()).expect("a span");
                    place.clock.put(if word == "back" { -by } else { by });
                }
                "rules" => place.activate(&LATER_RULES),
                "restart" => place.restart().await,
                "move" => {
                    let (domain, shard) = rest.split_once(' ').expect("a domain and a shard");
                    place.move_domain(domain, shard).await;
                }
                "late" => late(&place, number, rest),
                source => refused.extend(say(&place, number, source, rest).await),
            }
            place.journal();
        }
        let journal = place.journal().to_vec();
        let state = place.handle().model().clone();
        Ran { journal, state, refused }
    })
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().expect("milliseconds"))
}

/// An event without a time.
fn event(place: &Place, number: usize, source: &str, rest: &str) -> Value {
    let (kind, data) = rest.split_once(' ').expect("source, type and data");
    let data = filled(place.handle(), data);
    let data: Value = serde_json::from_str(&data).unwrap_or_else(|error| panic!("run.txt:{number}: {error}"));
    json!({
        "specversion": "1.0", "id": format!("line-{number}"), "source": source,
        "type": format!("picket.{kind}.v1"), "data": data,
    })
}

fn message(event: &Value) -> WireMessage {
    WireMessage {
        body: event.to_string().into(),
        content_type: Some("application/cloudevents+json".to_owned()),
        ..WireMessage::default()
    }
}

/// Has the broker deliver an event that happened a minute ago.
fn late(place: &Place, number: usize, rest: &str) {
    let (source, rest) = rest.split_once(' ').expect("source, type and data");
    let mut event = event(place, number, source, rest);
    let at = place.clock.now() - Millis::from_secs(60);
    event["time"] = json!(Moment(at));
    place.deliver(message(&event));
}

/// Sends one event; its type and the code if it is refused.
async fn say(place: &Place, number: usize, source: &str, rest: &str) -> Option<String> {
    let kind = rest.split(' ').next().unwrap_or_default();
    let message = message(&event(place, number, source, rest));
    let answers = place.handle().submit(message).await.unwrap_or_else(|error| panic!("run.txt:{number}: {error}"));
    let refused = |answer: Answer| {
        let code = answer.code.unwrap_or_default();
        (answer.result == Outcome::Rejected).then(|| format!("{kind} {code}"))
    };
    answers.into_iter().find_map(refused)
}

/// The data with what is known only now.
fn filled(handle: &ShardHandle, data: &str) -> String {
    let model = handle.model();
    let hash = model.rules.as_ref().map_or("", |rules| &rules.hash);
    let mut data = data.replace("@rules", hash);
    for (mark, is_offer) in [("@offer(", true), ("@asked(", false)] {
        let Some((before, rest)) = data.split_once(mark) else { continue };
        let (contact, behind) = rest.split_once(')').expect("a contact in brackets");
        let is_of = |of: &ContactId| model.contact_name(*of).is_some_and(|(_, name)| name == contact);
        let last = model.live_offers().filter(|(_, (of, _))| is_of(of)).last();
        let offer = last.map(|(offer, _)| format!("o-{}", offer.0));
        let asked = last.and_then(|(_, (_, agent))| model.names.text(Kind::Agent, agent.0)).map(str::to_owned);
        // What is not there is refused.
        let known = if is_offer { offer } else { asked };
        data = format!("{before}{}{behind}", known.unwrap_or_else(|| "nobody".to_owned()));
    }
    data
}
