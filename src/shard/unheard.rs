//! Decides what is said of outputs that no platform hears: each kind once a minute, and what was said last while it lasts.
//! It is listened for beside publishing, which does not wait for it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::handle::Health;
use super::ports::{Ear, Unheard};
use crate::clock::Monotonic;
use crate::telemetry::Metrics;

/// How often is listened.
const PACE: Duration = Duration::from_secs(1);

/// How often the same kind is told.
const AGAIN: Duration = Duration::from_secs(60);
/// Kinds that are remembered; further ones are counted and not told.
const KINDS: usize = 256;

/// Listens for one shard, and tells.
#[derive(Debug)]
pub(super) struct Listener {
    /// None where platforms need not bind any queue.
    ear: Option<Box<dyn Ear>>,
    told: Told,
    shard: String,
    health: Arc<watch::Sender<Health>>,
    metrics: Arc<Metrics>,
}

impl Listener {
    pub(super) fn new(
        ear: Option<Box<dyn Ear>>,
        shard: String,
        health: Arc<watch::Sender<Health>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { ear, told: Told::default(), shard, health, metrics }
    }

    /// Listens again and again.
    pub(super) async fn listen(&mut self) -> Infallible {
        let Some(ear) = &mut self.ear else { return std::future::pending().await };
        let mut pace = tokio::time::interval(PACE);
        loop {
            pace.tick().await;
            let unheard = ear.listen().await;
            self.metrics.unheard(unheard.count);
            for kind in self.told.news(&unheard) {
                tracing::warn!(shard = self.shard, kind, "no platform has bound a queue to picket.out that hears this");
            }
            let trouble = self.told.trouble();
            self.health.send_if_modified(|health| {
                (trouble.is_some() || health.knows("unheard")) && health.set("unheard", trouble)
            });
        }
    }
}

/// What was told, and when.
#[derive(Debug, Default)]
struct Told {
    kinds: BTreeMap<String, Monotonic>,
}

impl Told {
    /// The kinds that are to be told now.
    fn news(&mut self, unheard: &Unheard) -> Vec<String> {
        self.kinds.retain(|_, since| since.elapsed() < AGAIN);
        let mut news = Vec::new();
        for kind in unheard.routing_keys.iter().map(|key| kind_of(key)) {
            if self.kinds.len() < KINDS && !self.kinds.contains_key(kind) {
                self.kinds.insert(kind.to_owned(), Monotonic::now());
                news.push(kind.to_owned());
            }
        }
        news
    }

    /// What is to be said as long as it is so, in one line.
    fn trouble(&self) -> Option<String> {
        let mut kinds = self.kinds.iter().filter(|(_, since)| since.elapsed() < AGAIN).map(|(kind, _)| kind.as_str());
        let first = kinds.next()?;
        Some(match kinds.count() {
            0 => format!("no platform has bound a queue to picket.out that hears {first}"),
            more => format!("no platform has bound a queue to picket.out that hears {first}, and {more} more kinds"),
        })
    }
}

/// The domain and the type of a routing key, without channel and agent.
fn kind_of(key: &str) -> &str {
    let end = key.match_indices('.').nth(2).map_or(key.len(), |(at, _)| at);
    &key[..end]
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Told, Unheard, kind_of};

    fn unheard(keys: impl IntoIterator<Item = String>) -> Unheard {
        let routing_keys: Vec<String> = keys.into_iter().collect();
        Unheard { count: routing_keys.len() as u64, routing_keys }
    }

    #[test]
    fn each_kind_is_told_once_whoever_the_agent_is() {
        let mut told = Told::default();
        assert_eq!(told.trouble(), None);
        let keys = ["emea.offer.made.voice.ann", "emea.offer.made.chat.bob", "emea.contact.queued.sms"];
        let first = told.news(&unheard(keys.map(str::to_owned)));
        assert_eq!(first, ["emea.offer.made", "emea.contact.queued"]);
        assert_eq!(told.news(&unheard(keys.map(str::to_owned))), Vec::<String>::new());
        assert!(told.trouble().is_some_and(|said| said.ends_with("hears emea.contact.queued, and 1 more kinds")));
        assert_eq!(["a", "a.b", "a.b.c", "a.b.c.d"].map(kind_of), ["a", "a.b", "a.b.c", "a.b.c"]);
    }

    #[test]
    fn too_many_kinds_are_not_remembered() {
        let mut told = Told::default();
        assert_eq!(told.news(&unheard((0..1000).map(|n| format!("d{n}.a.b.c")))).len(), KINDS);
    }
}
