//! Decides how a daemon is driven over HTTP: one batch a step, and its outputs from the live feed.

use std::collections::BTreeSet;
use std::time::Duration;

use picket_sim::output::Output;
use picket_sim::week::{Act, Seat};
use serde_json::Value;

use super::messages::Messages;
use crate::common::daemon::Daemon;
use crate::common::http::Stream;

/// A daemon on a driven clock, killed at some steps.
pub(crate) struct HttpSeat {
    daemon: Daemon,
    messages: Messages,
    client: ureq::Agent,
    feed: Stream,
    last: u64,
    steps: u64,
    kills: BTreeSet<u64>,
    killed: u32,
}

impl HttpSeat {
    pub(crate) fn new(daemon: Daemon, kills: &[u64]) -> Self {
        let feed = Stream::open(&daemon.url("/v1/stream"), Some("0"));
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60)));
        let client = config.build().into();
        let kills = kills.iter().copied().collect();
        Self { daemon, messages: Messages::new(), client, feed, last: 0, steps: 0, kills, killed: 0 }
    }

    /// How often it was killed so far.
    pub(crate) fn killed(&self) -> u32 {
        self.killed
    }

    /// Kills it with a batch on its way or just answered, and starts it again.
    fn kill_around(&mut self, body: &[u8]) {
        let (client, url) = (self.client.clone(), self.daemon.url("/v1/events"));
        if self.killed.is_multiple_of(2) {
            let body = body.to_vec();
            let sent = std::thread::spawn(move || post(&client, &url, &body));
            self.daemon.kill();
            // Whether it was answered is not known to this sender: it sends again.
            let _: Option<Vec<Value>> = sent.join().expect("the sender does not panic");
        } else {
            assert!(post(&client, &url, body).is_some(), "a running daemon answers");
            self.daemon.kill();
        }
        self.killed += 1;
        self.daemon.start();
        self.feed = Stream::open(&self.daemon.url("/v1/stream"), Some(&self.last.to_string()));
    }
}

impl Seat for HttpSeat {
    type Error = String;

    fn step(&mut self, to: i64, acts: &[Act]) -> Result<Vec<Output>, String> {
        self.steps += 1;
        let body = serde_json::to_vec(&self.messages.step(to, acts)).map_err(|error| error.to_string())?;
        if self.kills.contains(&self.steps) {
            self.kill_around(&body);
        }
        let url = self.daemon.url("/v1/events");
        let answers = post(&self.client, &url, &body).ok_or_else(|| format!("no answer: {}", self.daemon.log_end()))?;
        if answers.len() != acts.len() + 1 {
            return Err(format!("{} events, {} answers", acts.len() + 1, answers.len()));
        }
        for answer in &answers {
            let code = answer["code"].as_str().unwrap_or_default();
            if !matches!(code, "" | "offer_gone" | "offer_expired" | "wrong_contact_state") {
                return Err(format!("step {} to {to}: {answer}", self.steps));
            }
        }
        let until = answers.iter().filter_map(|answer| answer["output"].as_u64()).max().unwrap_or(0);
        let mut outputs = Vec::new();
        while self.last < until {
            let (_, event) = self.feed.event();
            let output = Output::read(&event).map_err(|error| error.to_string())?;
            self.last = output.number;
            outputs.push(output);
        }
        Ok(outputs)
    }
}

fn post(client: &ureq::Agent, url: &str, body: &[u8]) -> Option<Vec<Value>> {
    let request = client.post(url).header("content-type", "application/cloudevents-batch+json");
    request.send(body).ok()?.body_mut().read_json().ok()
}
