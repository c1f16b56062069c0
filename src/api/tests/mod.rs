//! The API in front of the two ends of a real handle: the tests play the loop.

mod access;
mod events;
mod feed;
mod place;
mod server;
mod shown;

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::contract::answer::{Answer, Outcome};
use crate::contract::wire::WireMessage;
use crate::settings::Sources;
use crate::shard::ports::{BrokerError, DeadLetter};
use crate::shard::{ShardSide, pair};

/// An API and the loop's side of its shard.
struct Bench {
    api: Api,
    side: ShardSide,
    drained: CancellationToken,
}

impl Bench {
    /// With these settings instead of the built-in ones, as variables of the environment say them.
    fn with(variables: &[(&str, &str)]) -> Self {
        let settings = settings(variables);
        let (handle, side) = pair(8);
        side.health.send_modify(|health| health.active = true);
        let drained = CancellationToken::new();
        let dead = Arc::new(Kept::default());
        let shard = Shard { name: settings.shard.name.clone(), domains: Vec::new(), handle };
        let api = Api::new(&settings, Arc::from([shard]), dead, Arc::new(Metrics::new()), drained.clone());
        Self { api, side, drained }
    }

    fn new() -> Self {
        Self::with(&[])
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.api.clone().router().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.ask(get(path)).await).await
    }

    /// Sends a request and answers its message as the loop would; also returns the message.
    async fn send(&mut self, request: Request<Body>, answers: Vec<Answer>) -> (WireMessage, StatusCode, Value) {
        let router = self.api.clone().router();
        let (response, message) = tokio::join!(router.oneshot(request), async {
            let submission = self.side.submissions.recv().await.unwrap();
            submission.answers.send(answers).unwrap();
            submission.message
        });
        let (status, body) = read(response.unwrap()).await;
        (message, status, body)
    }
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::load(Sources { environment, ..Sources::default() }).unwrap()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn answer(result: Outcome, code: Option<&str>) -> Answer {
    Answer {
        id: Some("e1".into()),
        source: Some("pbx".into()),
        result,
        code: code.map(String::from),
        detail: code.map(|code| format!("because {code}")),
        seq: None,
        output: None,
        state: None,
    }
}

/// Dead letters in memory.
#[derive(Debug, Default)]
struct Kept(Mutex<VecDeque<DeadLetter>>);

impl Kept {
    fn remove(&self, id: &str) -> bool {
        let mut letters = self.0.lock().unwrap();
        let before = letters.len();
        letters.retain(|letter| letter.id != id);
        letters.len() < before
    }
}

#[async_trait]
impl DeadLetters for Kept {
    async fn put(&self, letter: DeadLetter) -> Result<(), BrokerError> {
        self.0.lock().unwrap().push_back(letter);
        Ok(())
    }

    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        Ok(self.0.lock().unwrap().iter().take(limit).cloned().collect())
    }

    async fn replay(&self, id: &str) -> Result<bool, BrokerError> {
        Ok(self.remove(id))
    }

    async fn drop_one(&self, id: &str) -> Result<bool, BrokerError> {
        Ok(self.remove(id))
    }
}
