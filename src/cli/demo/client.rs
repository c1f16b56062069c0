//! Decides how the demo speaks to its daemon: over the public HTTP interface, like any platform.

use std::io::BufReader;
use std::time::Duration;

use anyhow::Context;
use picket_sim::feed::Events;
use serde_json::Value;

/// One daemon's HTTP interface. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    base: String,
    agent: ureq::Agent,
}

/// What became of one event.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Answer {
    result: String,
}

impl Answer {
    pub(super) fn is_rejected(&self) -> bool {
        self.result == "rejected"
    }
}

impl Client {
    pub(super) fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(2)))
            .timeout_recv_response(Some(Duration::from_secs(30)))
            .build();
        Self { base: base.to_owned(), agent: config.into() }
    }

    /// Whether the daemon takes and gives.
    pub(super) fn is_ready(&self) -> bool {
        self.agent.get(format!("{}/readyz", self.base)).call().is_ok()
    }

    /// Sends events in one batch, in order; one answer each.
    pub(super) fn send(&self, events: &[Value]) -> anyhow::Result<Vec<Answer>> {
        let body = serde_json::to_vec(events)?;
        let mut response = self
            .agent
            .post(format!("{}/v1/events", self.base))
            .content_type("application/cloudevents-batch+json")
            .send(&body[..])
            .context("cannot send events to the daemon")?;
        response.body_mut().read_json().context("cannot read the daemon's answers")
    }

    /// Follows the live feed from its first output, as long as `take` wants more.
    pub(super) fn follow(&self, mut take: impl FnMut(Value) -> bool) -> anyhow::Result<()> {
        let response = self
            .agent
            .get(format!("{}/v1/stream", self.base))
            .header("Accept", "text/event-stream")
            .header("Last-Event-ID", "0")
            .call()
            .context("cannot follow the live feed")?;
        let mut events = Events::new(BufReader::new(response.into_body().into_reader()));
        while let Some(event) = events.next().context("cannot read the live feed")? {
            let output = serde_json::from_str(&event.data).context("an output is not JSON")?;
            if !take(output) {
                break;
            }
        }
        Ok(())
    }
}
