//! Decides how the platforms of a run send: some publish to the broker until it confirms, some ask over HTTP until they
//! are answered. Each sends its own events in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use picket::contract::wire::WireMessage;
use picket::shard::ShardHandle;
use picket_sim::message::moment;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::broker::Server;
use crate::fate::{Fate, Slip};

/// Which way a platform's events take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Broker,
    Http,
}

/// Where requests over HTTP go: to whoever of these takes them.
pub(crate) type Doors = Arc<Mutex<Vec<Option<ShardHandle>>>>;

/// All platforms of a run.
#[derive(Debug)]
pub(crate) struct Platform {
    broker: Server,
    fate: Arc<Fate>,
    desk: Way,
    /// Whether events say when they happened.
    timed: bool,
    to_broker: VecDeque<Value>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    to_http: VecDeque<Value>,
    confirmed: Vec<Value>,
}

impl Platform {
    pub(crate) fn start(broker: &Server, doors: &Doors, fate: &Arc<Fate>) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        tokio::spawn(ask(Arc::clone(&shared), Arc::clone(doors)));
        let desk = if fate.below(2) == 0 { Way::Http } else { Way::Broker };
        let timed = fate.below(4) > 0;
        Self { broker: broker.clone(), fate: Arc::clone(fate), desk, timed, to_broker: VecDeque::new(), shared }
    }

    /// Takes events over that happen now, to be sent as soon and as often as it takes.
    pub(crate) fn send(&mut self, now: i64, events: Vec<Value>) {
        for mut event in events {
            if self.timed {
                event["time"] = moment(now).into();
            }
            tracing::debug!(%event, "input");
            match event["source"].as_str() {
                Some("desk" | "crm") if self.desk == Way::Http => self.shared().to_http.push_back(event),
                _ => self.to_broker.push_back(event),
            }
        }
    }

    /// Publishes what waits for the broker, as far as it takes it.
    pub(crate) fn publish(&mut self) {
        while let Some(event) = self.to_broker.front() {
            if !self.broker.take(published(event)) {
                return;
            }
            // One that did not hear the confirm sends again.
            if self.fate.slips(Slip::SentTwice) {
                continue;
            }
            let sent = self.to_broker.pop_front();
            self.shared().confirmed.extend(sent);
        }
    }

    /// Whether everything was taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.to_broker.is_empty() && self.shared().to_http.is_empty()
    }

    /// Every event that was confirmed or answered.
    pub(crate) fn confirmed(&self) -> Vec<Value> {
        self.shared().confirmed.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends what goes over HTTP, one after the other, each until somebody answers.
async fn ask(shared: Arc<Mutex<Shared>>, doors: Doors) {
    loop {
        let Some(event) = lock(&shared).to_http.front().cloned() else {
            sleep(Duration::from_millis(15)).await;
            continue;
        };
        let handles: Vec<ShardHandle> = lock(&doors).iter().flatten().cloned().collect();
        let mut answered = false;
        for handle in handles {
            let message = structured(&event);
            if let Ok(Ok(_)) = timeout(Duration::from_secs(4), handle.submit(message)).await {
                answered = true;
                break;
            }
        }
        if answered {
            let shared = &mut *lock(&shared);
            let sent = shared.to_http.pop_front();
            shared.confirmed.extend(sent);
        } else {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn structured(event: &Value) -> WireMessage {
    WireMessage {
        body: event.to_string().into(),
        content_type: Some("application/cloudevents+json".to_owned()),
        ..WireMessage::default()
    }
}

fn published(event: &Value) -> WireMessage {
    let kind = event["type"].as_str().unwrap_or_default();
    let key = format!("demo.{}", kind.trim_start_matches("picket.").trim_end_matches(".v1"));
    WireMessage {
        exchange: Some("picket.in".to_owned()),
        routing_key: Some(key),
        message_id: event["id"].as_str().map(str::to_owned),
        ..structured(event)
    }
}
