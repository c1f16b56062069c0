//! Decides how others' scenario is run through the embedded daemon, by the clock: so many ready agents, one queue, a
//! burst of ten contacts for each agent, everybody accepts at once and is busy for 50 to 200 ms. The core alone runs it
//! in its own bench.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use picket::clock::Monotonic;
use serde_json::{Value, json};

use super::table::Row;
use crate::common::daemon::{Daemon, Setup, event};
use crate::common::http::Stream;

/// Agents, and how many contacts come at once. The largest case of the core's bench takes this road as long as the other
/// two together do, so it is left to whoever asks for it by name.
const RUNS: [(usize, usize); 2] = [(100, 1_000), (1_000, 10_000)];
const LARGEST: (usize, usize) = (10_000, 100_000);
/// Events of one request.
const BATCH: usize = 500;
/// Nothing heard for so long is a stall.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of one contact.
#[derive(Clone, Copy, Debug)]
struct Contact {
    sent: Duration,
    offers: u32,
    offered_after: Option<Duration>,
    closed: bool,
}

/// One run.
struct Run {
    daemon: Daemon,
    heard: Receiver<Value>,
    began: Monotonic,
    contacts: BTreeMap<String, Contact>,
    /// Whose call ends when.
    talks: BinaryHeap<Reverse<(Duration, String)>>,
    /// Events not sent yet.
    outbox: Vec<Value>,
    sent: usize,
    random: u64,
}

/// Contacts per second of each run.
pub(crate) fn measure() -> Vec<Row> {
    RUNS.into_iter().map(row).collect()
}

/// The largest run alone.
pub(crate) fn measure_largest() -> Vec<Row> {
    vec![row(LARGEST)]
}

fn row((agents, contacts): (usize, usize)) -> Row {
    let mut run = Run::new(agents);
    let cpu = run.daemon.processor_time();
    run.burst(contacts);
    let took = run.began.elapsed();
    let cpu = run.daemon.processor_time().saturating_sub(cpu);
    let twice = run.contacts.values().filter(|contact| contact.offers > 1).count();
    let lost = run.contacts.values().filter(|contact| !contact.closed).count();
    let mut waits: Vec<Duration> = run.contacts.values().filter_map(|contact| contact.offered_after).collect();
    waits.sort_unstable();
    let wait = |percent: usize| waits.get(waits.len().saturating_sub(1) * percent / 100).map_or(0, Duration::as_millis);
    let each = cpu.as_micros() / u128::try_from(contacts).unwrap_or(1).max(1);
    let note = format!(
        "to the offer p50 {} ms, p99 {} ms; {each} us of processor a contact; {twice} twice, {lost} lost",
        wait(50),
        wait(99)
    );
    let what = format!("embedded daemon: {agents} agents, {contacts} contacts at once");
    Row { what, unit: "contacts/s", count: contacts - lost, took, note }
}

fn rules(agents: usize) -> String {
    let mut text = String::from(
        "skills = []\ntopics = [\"order\"]\n\n[domain.DOMAIN]\ntimezone = \"Europe/London\"\n\n[channel.voice]\nclass = \"live\"\ncost = 100\nslots = 1\nwrap_up = \"0s\"\nlongest = \"1h\"\n\n",
    );
    for agent in 0..agents {
        let _ = write!(text, "[[agent]]\nid = \"a{agent}\"\nqueues = [\"general\"]\n\n");
    }
    text.push_str("[[queue]]\nid = \"general\"\ndomain = \"DOMAIN\"\npick = \"longest_idle\"\npromise = { share = \"80%\", within = \"20s\" }\n\n[[queue_rule]]\nqueue = \"general\"\n");
    text
}

impl Run {
    fn new(agents: usize) -> Self {
        let daemon = Setup::embedded(&rules(agents), "bench").start();
        let url = daemon.url("/v1/stream?type=offer.made,contact.assigned,contact.closed");
        let (say, heard) = sync_channel(1 << 16);
        std::thread::spawn(move || {
            let mut stream = Stream::open(&url, Some("0"));
            while let Some(message) = stream.next() {
                let Ok(event) = serde_json::from_str(&message.data) else { continue };
                if say.send(event).is_err() {
                    return;
                }
            }
        });
        let began = Monotonic::now();
        let (contacts, talks, outbox) = (BTreeMap::new(), BinaryHeap::new(), Vec::new());
        let mut run = Self { daemon, heard, began, contacts, talks, outbox, sent: 0, random: 7 };
        for agent in 0..agents {
            run.say("agent.set_state", json!({"agent": format!("a{agent}"), "state": "ready"}));
        }
        run.flush();
        run
    }

    fn say(&mut self, kind: &str, data: Value) {
        self.sent += 1;
        self.outbox.push(event("bench", &format!("e-{}", self.sent), kind, data));
    }

    fn flush(&mut self) {
        for batch in std::mem::take(&mut self.outbox).chunks(BATCH) {
            let body = Value::Array(batch.to_vec()).to_string();
            let reply = self.daemon.post("application/cloudevents-batch+json", body.as_bytes());
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    }

    /// Sends all contacts and answers until all are done, or nothing more is heard.
    fn burst(&mut self, contacts: usize) {
        self.began = Monotonic::now();
        for number in 0..contacts {
            let contact = format!("c-{number}");
            self.say("contact.received", json!({"contact": contact, "channel": "voice"}));
            let sent = self.began.elapsed();
            self.contacts.insert(contact, Contact { sent, offers: 0, offered_after: None, closed: false });
            if self.outbox.len() == BATCH {
                self.flush();
                while let Ok(event) = self.heard.try_recv() {
                    self.answer(&event);
                }
                self.hang_up();
            }
        }
        self.flush();
        let mut open = self.contacts.values().filter(|contact| !contact.closed).count();
        while open > 0 {
            let next = self.talks.peek().map_or(PATIENCE, |Reverse((at, _))| at.saturating_sub(self.began.elapsed()));
            match self.heard.recv_timeout(next) {
                Ok(event) => {
                    open -= usize::from(self.answer(&event));
                    while let Ok(event) = self.heard.try_recv() {
                        open -= usize::from(self.answer(&event));
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.talks.is_empty() => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.hang_up();
            self.flush();
        }
    }

    /// Accepts what is offered and connects what is assigned; true if a contact is done.
    fn answer(&mut self, event: &Value) -> bool {
        let data = &event["data"];
        let Some(id) = data["contact"].as_str().map(str::to_owned) else { return false };
        let now = self.began.elapsed();
        let Some(contact) = self.contacts.get_mut(&id) else { return false };
        match event["type"].as_str() {
            Some("picket.offer.made.v1") => {
                contact.offers += 1;
                contact.offered_after.get_or_insert(now.saturating_sub(contact.sent));
                self.say("offer.accept", json!({"offer": data["offer"], "agent": data["agent"]}));
            }
            Some("picket.contact.assigned.v1") => {
                self.random =
                    self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                self.talks.push(Reverse((now + Duration::from_millis(50 + (self.random >> 33) % 151), id.clone())));
                self.say("contact.connected", json!({"contact": id}));
            }
            Some("picket.contact.closed.v1") => return !std::mem::replace(&mut contact.closed, true),
            _ => {}
        }
        false
    }

    /// Ends every call whose time has come.
    fn hang_up(&mut self) {
        let now = self.began.elapsed();
        while self.talks.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, contact))) = self.talks.pop() else { return };
            self.say("contact.ended", json!({"contact": contact}));
        }
    }
}
