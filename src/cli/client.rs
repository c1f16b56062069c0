//! Decides how the command talks to a running daemon.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Monotonic;

/// The longest answer that is read into memory.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// A live feed that is silent for longer than this is taken for lost; it says something every 15 seconds.
const FEED_SILENCE: Duration = Duration::from_secs(60);

/// How long to wait before trying again, where the daemon does not say.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Which daemon, and who asks.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Daemon {
    /// Where the daemon's API is
    #[arg(long, env = "PICKET_URL", default_value = "http://127.0.0.1:7420", value_name = "URL")]
    url: String,
    /// Access token, when the daemon wants one
    #[arg(long, env = "PICKET_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,
}

/// An access token; never printed.
#[derive(Clone)]
struct Token(String);

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// What the daemon answered.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The status.
    pub(crate) status: u16,
    /// When to come again, with 503.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: String,
}

/// The body of every error.
#[derive(Debug, Deserialize)]
struct Trouble {
    code: String,
    detail: String,
}

impl Answered {
    /// The body as JSON, or the daemon's own words as an error.
    ///
    /// # Errors
    /// When the status is not a success, or the body is not what it should be.
    pub(crate) fn json<T: for<'de> Deserialize<'de>>(&self) -> anyhow::Result<T> {
        if !(200..300).contains(&self.status) {
            match serde_json::from_str::<Trouble>(&self.body) {
                Ok(Trouble { code, detail }) => bail!("{detail} ({code})"),
                Err(_) => bail!("the daemon answered with status {}", self.status),
            }
        }
        serde_json::from_str(&self.body).context("the answer is not one of Picket's; is it Picket that listens there?")
    }
}

impl Daemon {
    /// A daemon of this machine that wants no token.
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), token: None }
    }

    /// Where the API is, without the slash at the end.
    pub(crate) fn url(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Answered> {
        let request = agent(Some(Duration::from_secs(30))).get(format!("{}{path}", self.url()));
        self.answered(self.signed(request).call())
    }

    /// Removes something.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Answered> {
        let request = agent(Some(Duration::from_secs(30))).delete(format!("{}{path}", self.url()));
        self.answered(self.signed(request).call())
    }

    /// Sends a body.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &str) -> anyhow::Result<Answered> {
        let request = agent(Some(Duration::from_secs(60))).post(format!("{}{path}", self.url()));
        self.answered(self.signed(request).header("content-type", content_type).send(body))
    }

    /// Sends events, again as long as the daemon is away or says that it takes nothing at the moment, for at most
    /// `patience`.
    ///
    /// Sending again is safe: an event is known by its source and id.
    ///
    /// # Errors
    /// When the daemon cannot be reached or refuses the whole message.
    pub(crate) fn send(&self, events: &[Value], patience: Duration) -> anyhow::Result<Vec<Value>> {
        let body = serde_json::to_string(events).context("cannot write the events as JSON")?;
        let begun = Monotonic::now();
        loop {
            let answered = self.post("/v1/events", "application/cloudevents-batch+json", &body);
            let pause = match &answered {
                Ok(answered) if answered.status != 503 => return answered.json(),
                Ok(answered) => answered.retry_after.unwrap_or(RETRY_PAUSE),
                Err(_) => RETRY_PAUSE,
            };
            if begun.elapsed() + pause > patience {
                return answered?.json();
            }
            std::thread::sleep(pause);
        }
    }

    /// Opens a live feed.
    ///
    /// # Errors
    /// When the daemon cannot be reached or refuses.
    pub(crate) fn follow(&self, path: &str, after: Option<u64>) -> anyhow::Result<impl BufRead + use<>> {
        let mut request = agent(None).get(format!("{}{path}", self.url())).header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let response = self.signed(request).call().map_err(|error| self.unreachable(error))?;
        if response.status().as_u16() != 200 {
            self.answered(Ok(response))?.json::<Value>()?;
            bail!("{} is no live feed", self.url());
        }
        Ok(BufReader::new(response.into_body().into_reader()))
    }

    fn signed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(Token(token)) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn answered(&self, result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Answered> {
        let response = result.map_err(|error| self.unreachable(error))?;
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = String::new();
        let reader = response.into_body().into_reader();
        reader.take(ANSWER_BYTES).read_to_string(&mut body).context("the answer broke off")?;
        Ok(Answered { status, retry_after: header.map(Duration::from_secs), body })
    }

    fn unreachable(&self, error: ureq::Error) -> anyhow::Error {
        let hint = format!("cannot reach the daemon at {}; is it running (`picket serve`)?", self.url());
        anyhow::Error::new(error).context(hint)
    }
}

fn agent(whole: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("picket/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(whole)
        .timeout_per_read(Some(FEED_SILENCE))
        .build()
        .into()
}
