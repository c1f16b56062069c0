//! Decides how tests speak HTTP: like any client, over a socket.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The body as text.
    pub(crate) text: String,
    /// `Retry-After`, where it was said.
    pub(crate) retry_after: Option<String>,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text))
    }
}

/// A client that reports every status instead of calling some of them errors.
fn client(patience: Option<Duration>) -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(patience);
    config.build().into()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Reply {
    let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap_or_default();
    Reply { status: response.status().as_u16(), text, retry_after }
}

/// `GET`; `None` when nobody answers.
pub(crate) fn get(url: &str) -> Option<Reply> {
    client(Some(Duration::from_secs(10))).get(url).call().ok().map(read)
}

/// `POST` of bytes with headers; `None` when nobody answers.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Reply> {
    let mut request = client(Some(Duration::from_secs(30))).post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send(body).ok().map(read)
}

/// One message of a live feed.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its `id:`.
    pub(crate) id: String,
    /// Its `data:`, joined.
    pub(crate) data: String,
}

/// A live feed as a browser reads it.
pub(crate) struct Stream {
    lines: std::io::Lines<BufReader<ureq::BodyReader<'static>>>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl Stream {
    /// Opens a feed, from behind a message that was seen before if one is given.
    pub(crate) fn open(url: &str, last: Option<&str>) -> Self {
        let mut request = client(None).get(url).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.call().unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(response.status().as_u16(), 200, "{url}");
        Self { lines: BufReader::new(response.into_body().into_reader()).lines() }
    }

    /// The next message that carries data; comments and keep-alives are passed over. `None` when the feed has ended.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let (mut id, mut data) = (String::new(), Vec::new());
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(value) = line.strip_prefix("id:") {
                value.trim().clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.trim_start().to_owned());
            } else if line.is_empty() && !data.is_empty() {
                return Some(Message { id, data: data.join("\n") });
            }
        }
    }

    /// The next message that is an event of Picket's.
    pub(crate) fn event(&mut self) -> (Message, Value) {
        let message = self.next().expect("the feed ended");
        let event = serde_json::from_str(&message.data).unwrap_or_else(|e| panic!("{e} in {:?}", message.data));
        (message, event)
    }
}
