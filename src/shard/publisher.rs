//! Decides what is published and when it counts: committed outputs, in order, until the broker confirms them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::bugs::{self, Bug};
use super::handle::Health;
use super::ports::{Beacon, BrokerError, Head, Outbox, Store, StoreError, Token};
use super::state::ShardState;
use super::unheard::Told;
use super::witness::{self, Witness};
use crate::clock::{Clock, Monotonic};
use crate::contract::answer::Answer;
use crate::contract::wire::OutMessage;
use crate::telemetry::{Metrics, chain};

/// Outputs published with one call.
const WINDOW: usize = 256;
/// Answers kept for senders while the broker is away; older ones are dropped, a sender asks again.
const REPLIES: usize = 4096;
/// How often the watermark is written and the broker asked how it is.
const PACE: Duration = Duration::from_secs(1);
/// How often the beacon is left, if the journal has grown.
const BEACON: Duration = Duration::from_secs(30);
/// What is left to do at the end may take so long.
const ENDING: Duration = Duration::from_secs(2);

/// What waits for publication. Shared by the loop, which adds, and the publisher, which takes away.
#[derive(Debug, Default)]
pub(super) struct Outqueue {
    waiting: Mutex<Waiting>,
    news: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    outputs: VecDeque<Arc<OutMessage>>,
    replies: VecDeque<Reply>,
    published: u64,
    persisted: u64,
}

#[derive(Debug)]
struct Reply {
    to: String,
    correlation: Option<String>,
    body: Bytes,
}

impl Outqueue {
    /// A queue that continues behind the output with this number.
    pub(super) fn behind(watermark: u64) -> Self {
        let waiting = Waiting { published: watermark, persisted: watermark, ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), ..Self::default() }
    }

    /// Adds committed outputs.
    pub(super) fn add(&self, outputs: impl IntoIterator<Item = Arc<OutMessage>>) {
        let most = if bugs::has(Bug::DropsWhenFull) { 16 } else { usize::MAX };
        self.with(|waiting| {
            let room = most.saturating_sub(waiting.outputs.len());
            waiting.outputs.extend(outputs.into_iter().take(room));
        });
        self.news.notify_one();
    }

    /// Adds an answer to a sender.
    pub(super) fn answer(&self, to: String, correlation: Option<String>, answer: &Answer) {
        let Ok(body) = serde_json::to_vec(answer) else { return };
        self.with(|waiting| {
            if waiting.replies.len() >= REPLIES {
                waiting.replies.pop_front();
            }
            waiting.replies.push_back(Reply { to, correlation, body: Bytes::from(body) });
        });
        self.news.notify_one();
    }

    /// Outputs not yet confirmed.
    pub(super) fn len(&self) -> usize {
        self.with(|waiting| waiting.outputs.len())
    }

    /// Waits until some were confirmed, since the last time that somebody waited.
    pub(super) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// The last output whose publication is on record.
    pub(super) fn persisted(&self) -> u64 {
        self.with(|waiting| waiting.persisted)
    }

    fn with<T>(&self, action: impl FnOnce(&mut Waiting) -> T) -> T {
        action(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The way out, and whether it is known yet that the journal is all there. Before that nothing is published, and nothing
/// is taken of the broker.
#[derive(Debug)]
pub(super) struct WayOut {
    pub(super) outbox: Box<dyn Outbox>,
    pub(super) witness: Witness,
    /// Where the journal ended at the take-over.
    pub(super) end: Head,
    /// What this process saw committed before.
    pub(super) seen: Head,
    /// Cancelled once the journal was compared.
    pub(super) compared: CancellationToken,
}

impl WayOut {
    /// Compares the journal with its witness.
    ///
    /// # Errors
    /// Any; see [`witness::Error`].
    pub(super) async fn compare(&mut self, store: &dyn Store, shard: &str) -> Result<(), witness::Error> {
        self.witness.compare(&mut *self.outbox, store, shard, &self.end, &self.seen).await?;
        self.compared.cancel();
        Ok(())
    }
}

/// Publishes for one shard.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) queue: Arc<Outqueue>,
    pub(super) way: WayOut,
    pub(super) model: Arc<RwLock<ShardState>>,
    pub(super) clock: Clock,
    /// When a beacon was left last, or tried to be.
    pub(super) beaconed: Option<Monotonic>,
    /// What was told of outputs that nobody hears.
    pub(super) told: Told,
    pub(super) store: Arc<dyn Store>,
    pub(super) shard: String,
    pub(super) token: Token,
    pub(super) health: Arc<watch::Sender<Health>>,
    pub(super) metrics: Arc<Metrics>,
}

/// Why publishing ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Over {
    /// The gate belongs to another owner.
    #[error("publishing ended")]
    Gate(#[source] BrokerError),
    /// The store does.
    #[error("the watermark could not be written")]
    Store(#[source] StoreError),
    /// The journal is not all there.
    #[error(transparent)]
    Journal(witness::Error),
}

impl Publisher {
    /// Publishes until stopped, and then until everything is out or two seconds have passed.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), Over> {
        self.compare(&stop).await?;
        self.open_gate(&stop).await?;
        self.leave_beacon(Duration::ZERO).await;
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let mut pace = tokio::time::interval(PACE);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = pace.tick() => {
                    self.note_watermark().await?;
                    let outcome = self.way.outbox.check().await;
                    self.report(outcome.as_ref().err())?;
                    self.report_archive();
                    self.report_unheard().await;
                    self.leave_beacon(BEACON).await;
                }
                () = self.queue.news.notified() => {}
            }
            while let Err(error) = self.publish_some().await {
                self.report(Some(&error))?;
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    () = backoff.wait() => {}
                }
            }
            backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        }
        let _ = tokio::time::timeout(ENDING, self.publish_some()).await;
        let noted = self.note_watermark().await;
        let _ = tokio::time::timeout(ENDING, self.leave_beacon(Duration::ZERO)).await;
        noted
    }

    /// Compares the journal with its beacon, where that could not be done before: the broker was away.
    async fn compare(&mut self, stop: &CancellationToken) -> Result<(), Over> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while !self.way.compared.is_cancelled() {
            match self.way.compare(&*self.store, &self.shard).await {
                Ok(()) => return Ok(()),
                Err(witness::Error::Broker(error)) => self.report(Some(&error))?,
                Err(witness::Error::Store(error)) if !error.ends_ownership() => {
                    tracing::debug!(error = %chain(&error), "the journal is compared later");
                }
                Err(error) => return Err(Over::Journal(error)),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = backoff.wait() => {}
            }
        }
        Ok(())
    }

    /// Leaves word of how far the journal is committed, if it has moved and the last word is this old. The first records
    /// of all are worth a word at once, and so is a lost tail that is made good.
    async fn leave_beacon(&mut self, pace: Duration) {
        let head = self.model.read().unwrap_or_else(PoisonError::into_inner).head.clone();
        let (left, lost) = (self.way.witness.last_left(), self.way.witness.lost());
        let is_as_left = |left: &Beacon| left.head == head && left.epoch == self.token.epoch && left.lost == lost;
        let is_news = !left.as_ref().is_some_and(is_as_left);
        let is_urgent = left.is_none_or(|left| left.head.seq == 0 || left.lost != lost);
        let pace = if is_urgent { Duration::ZERO } else { pace };
        // A word about a journal that nobody compared would be taken for the one that it replaces.
        if !self.way.compared.is_cancelled() || !is_news || self.beaconed.is_some_and(|since| since.elapsed() < pace) {
            return;
        }
        self.beaconed = Some(Monotonic::now());
        let beacon = Beacon { epoch: self.token.epoch, head, at: self.clock.now().0, lost };
        match self.way.outbox.set_beacon(&beacon).await {
            Ok(()) => self.way.witness.left(beacon),
            Err(error) => {
                tracing::warn!(shard = self.shard, error = %chain(&error), "the beacon is left later");
            }
        }
    }

    async fn open_gate(&mut self, stop: &CancellationToken) -> Result<(), Over> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while let Err(error) = self.way.outbox.take_over(&self.token).await {
            self.report(Some(&error))?;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = backoff.wait() => {}
            }
        }
        self.report(None)
    }

    /// Publishes until nothing waits.
    async fn publish_some(&mut self) -> Result<(), BrokerError> {
        loop {
            let (outputs, reply): (Vec<OutMessage>, _) = self.queue.with(|waiting| {
                let outputs = waiting.outputs.iter().take(WINDOW).map(|output| OutMessage::clone(output)).collect();
                (outputs, waiting.replies.pop_front())
            });
            if outputs.is_empty() && reply.is_none() {
                self.metrics.outbox(&self.shard, 0);
                return Ok(());
            }
            if let Some(reply) = reply
                && let Err(error) = self.way.outbox.reply(&reply.to, reply.correlation.as_deref(), reply.body).await
            {
                // At most once: the sender asks again. Outputs must not wait behind answers nobody can be given.
                tracing::debug!(error = %chain(&error), "an answer is not given");
            }
            if !outputs.is_empty() {
                let confirmed = self.way.outbox.publish(&outputs).await?;
                self.confirm(&outputs[..confirmed.min(outputs.len())]);
            }
        }
    }

    fn confirm(&self, confirmed: &[OutMessage]) {
        let Some(last) = confirmed.last() else { return };
        let waiting = self.queue.with(|waiting| {
            waiting.outputs.drain(..confirmed.len());
            waiting.published = last.number;
            waiting.outputs.len()
        });
        self.queue.drained.notify_one();
        self.metrics.outbox(&self.shard, waiting);
    }

    /// Writes the watermark down. Being late with it only publishes something again, under the same id.
    async fn note_watermark(&mut self) -> Result<(), Over> {
        let (published, persisted) = self.queue.with(|waiting| (waiting.published, waiting.persisted));
        if published == persisted {
            return Ok(());
        }
        match self.store.set_watermark(&self.shard, &self.token, published).await {
            Ok(()) => {
                self.queue.with(|waiting| waiting.persisted = published);
                Ok(())
            }
            Err(error) if error.ends_ownership() => Err(Over::Store(error)),
            Err(error) => {
                tracing::debug!(error = %chain(&error), "the watermark is written later");
                Ok(())
            }
        }
    }

    fn report_archive(&self) {
        let missing = self.way.outbox.degraded();
        self.health.send_if_modified(|health| {
            (missing.is_some() || health.knows("archive")) && health.set("archive", missing)
        });
    }

    async fn report_unheard(&mut self) {
        let unheard = self.way.outbox.unheard().await;
        self.metrics.unheard(unheard.count);
        for kind in self.told.news(&unheard) {
            tracing::warn!(shard = self.shard, kind, "no platform has bound a queue to picket.out that hears this");
        }
        let trouble = self.told.trouble();
        self.health.send_if_modified(|health| {
            (trouble.is_some() || health.knows("unheard")) && health.set("unheard", trouble)
        });
    }

    fn report(&self, error: Option<&BrokerError>) -> Result<(), Over> {
        if matches!(error, Some(BrokerError::GateClosed)) {
            return Err(Over::Gate(BrokerError::GateClosed));
        }
        let trouble = error.map(|error| chain(error));
        if self.health.send_if_modified(|health| health.set("broker", trouble.clone()))
            && let Some(trouble) = trouble
        {
            tracing::warn!(shard = self.shard, error = trouble, "publishing is tried again");
        }
        Ok(())
    }
}
