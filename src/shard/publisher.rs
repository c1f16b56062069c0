//! Decides what is published and when it counts: committed outputs, in order, until the broker confirms them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::bugs::{self, Bug};
use super::flight::Flight;
use super::handle::Health;
use super::outqueue::Outqueue;
use super::ports::{Beacon, BrokerError, Head, Outbox, Store, StoreError, Token};
use super::state::ShardState;
use super::unheard::Listener;
use super::watermark::Watermark;
use super::witness::{self, Witness};
use crate::clock::{Clock, Monotonic};
use crate::telemetry::{Metrics, chain};

/// How often the broker is asked how it is.
const PACE: Duration = Duration::from_secs(1);
/// How often the beacon is left, if the journal has grown.
const BEACON: Duration = Duration::from_secs(30);
/// What is left to do at the end may take so long.
const ENDING: Duration = Duration::from_secs(2);
/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

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
    /// Those of the outputs that wait that are on their way: the first ones.
    pub(super) flight: Flight,
    /// Runs from the first failure until something is out.
    pub(super) pauses: Option<Backoff>,
    pub(super) model: Arc<RwLock<ShardState>>,
    pub(super) clock: Clock,
    /// When a beacon was left last, or tried to be.
    pub(super) beaconed: Option<Monotonic>,
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
    pub(super) async fn run(mut self, mut listener: Listener, stop: CancellationToken) -> Result<(), Over> {
        self.compare(&stop).await?;
        self.open_gate(&stop).await?;
        self.leave_beacon(Duration::ZERO).await;
        let watermark = Watermark {
            queue: Arc::clone(&self.queue),
            store: Arc::clone(&self.store),
            shard: self.shard.clone(),
            token: self.token.clone(),
        };
        tokio::select! {
            biased;
            ended = self.publish(&stop) => ended?,
            error = watermark.keep() => return Err(Over::Store(error)),
            never = listener.listen() => match never {},
        }
        let _ = tokio::time::timeout(ENDING, self.publish_rest()).await;
        let noted = watermark.note().await.map_err(Over::Store);
        let _ = tokio::time::timeout(ENDING, self.leave_beacon(Duration::ZERO)).await;
        noted
    }

    /// Publishes what waits: each output as soon as there is room, behind those that are not confirmed yet.
    async fn publish(&mut self, stop: &CancellationToken) -> Result<(), Over> {
        let mut pace = tokio::time::interval(PACE);
        while !stop.is_cancelled() {
            self.answer_one().await;
            if let Err(error) = self.send_some().await {
                self.start_again(&error, stop).await?;
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = pace.tick() => self.look_around().await?,
                confirmed = self.way.outbox.confirmed(), if self.flight.len() > 0 => match confirmed {
                    Ok(count) => self.confirm(count),
                    Err(error) => self.start_again(&error, stop).await?,
                },
                () = self.queue.news() => {}
            }
        }
        Ok(())
    }

    /// What is done once a second.
    async fn look_around(&mut self) -> Result<(), Over> {
        let outcome = self.way.outbox.check().await;
        // An outbox that could be used is of no use while outputs fail.
        if outcome.is_err() || self.pauses.is_none() {
            self.report(outcome.as_ref().err())?;
        }
        self.report_archive();
        self.metrics.outbox(&self.shard, self.queue.len());
        self.leave_beacon(BEACON).await;
        Ok(())
    }

    /// Compares the journal with its beacon, where that could not be done before: the broker was away.
    async fn compare(&mut self, stop: &CancellationToken) -> Result<(), Over> {
        let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
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
        let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
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

    /// Sends, in order, what waits and is not on its way, as far as there is room.
    async fn send_some(&mut self) -> Result<(), BrokerError> {
        let outputs = self.queue.behind_the_first(self.flight.len(), self.flight.room());
        if !outputs.is_empty() {
            let taken = self.way.outbox.send(&outputs).await?;
            self.flight.add(taken);
        }
        Ok(())
    }

    /// Nothing is on its way any more: after a pause, everything is sent again from the first output that is not confirmed.
    async fn start_again(&mut self, error: &BrokerError, stop: &CancellationToken) -> Result<(), Over> {
        self.report(Some(error))?;
        if !bugs::has(Bug::GoesOnBehindFailure) {
            self.flight = Flight::after_failure();
        }
        let pauses = self.pauses.get_or_insert_with(|| Backoff::new(PAUSES.0, PAUSES.1));
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = pauses.wait() => {}
        }
        Ok(())
    }

    fn confirm(&mut self, count: usize) {
        self.queue.confirm(count);
        self.flight.confirm(count);
        self.pauses = None;
        self.metrics.outbox(&self.shard, self.queue.len());
    }

    /// Publishes until nothing waits or something fails.
    async fn publish_rest(&mut self) -> Result<(), BrokerError> {
        loop {
            while self.answer_one().await {}
            self.send_some().await?;
            if self.flight.len() == 0 {
                return Ok(());
            }
            let count = self.way.outbox.confirmed().await?;
            self.confirm(count);
        }
    }

    /// Answers the sender who waits longest; whether there was one.
    async fn answer_one(&mut self) -> bool {
        let Some(reply) = self.queue.next_answer() else { return false };
        if let Err(error) = self.way.outbox.reply(&reply.to, reply.correlation.as_deref(), reply.body).await {
            // At most once: the sender asks again. Outputs must not wait behind answers nobody can be given.
            tracing::debug!(error = %chain(&error), "an answer is not given");
        }
        true
    }

    fn report_archive(&self) {
        let missing = self.way.outbox.degraded();
        self.health.send_if_modified(|health| {
            (missing.is_some() || health.knows("archive")) && health.set("archive", missing)
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;
    use crate::contract::wire::OutMessage;
    use crate::store::Memory;

    /// A broker that takes everything, and confirms what it is told to.
    #[derive(Clone, Debug, Default)]
    struct Scripted(Arc<Script>);

    #[derive(Debug, Default)]
    struct Script {
        sent: Mutex<Vec<u64>>,
        answers: Mutex<VecDeque<Result<usize, BrokerError>>>,
        news: Notify,
    }

    /// What it refuses.
    fn full() -> BrokerError {
        BrokerError::Unavailable { attempt: "publishing", source: "it is full".into() }
    }

    #[async_trait]
    impl Outbox for Scripted {
        async fn take_over(&mut self, _: &Token) -> Result<(), BrokerError> {
            Ok(())
        }

        async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
            self.0.sent.lock().expect("the script").extend(messages.iter().map(|message| message.number));
            Ok(messages.len())
        }

        async fn confirmed(&mut self) -> Result<usize, BrokerError> {
            loop {
                let answer = self.0.answers.lock().expect("the script").pop_front();
                match answer {
                    Some(answer) => return answer,
                    None => self.0.news.notified().await,
                }
            }
        }

        async fn reply(&mut self, _: &str, _: Option<&str>, _: Bytes) -> Result<(), BrokerError> {
            Ok(())
        }

        async fn check(&mut self) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    /// A publisher at work.
    struct Work {
        script: Scripted,
        queue: Arc<Outqueue>,
        store: Arc<Memory>,
        parts: JoinSet<Result<(), Over>>,
    }

    impl Work {
        async fn start() -> Self {
            let (script, queue, store) = (Scripted::default(), Arc::new(Outqueue::behind(0)), Arc::new(Memory::new()));
            let (token, end) = store.acquire("main", "me", "nonce", 0).await.expect("a token");
            let (outbox, compared) = (Box::new(script.clone()), CancellationToken::new());
            compared.cancel();
            let publisher = Publisher {
                queue: Arc::clone(&queue),
                way: WayOut { outbox, witness: Witness::default(), end: end.clone(), seen: end, compared },
                flight: Flight::default(),
                pauses: None,
                model: Arc::default(),
                clock: Clock::System,
                beaconed: None,
                store: Arc::clone(&store) as Arc<dyn Store>,
                shard: "main".to_owned(),
                token,
                health: Arc::new(watch::channel(Health::default()).0),
                metrics: Arc::new(Metrics::new()),
            };
            let mut parts = JoinSet::new();
            let (health, metrics) = (Arc::clone(&publisher.health), Arc::clone(&publisher.metrics));
            let listener = Listener::new(None, publisher.shard.clone(), health, metrics);
            parts.spawn(publisher.run(listener, CancellationToken::new()));
            Self { script, queue, store, parts }
        }

        fn add(&self, numbers: std::ops::RangeInclusive<u64>) {
            let output = |number| OutMessage {
                number,
                seq: number,
                id: format!("out{number}"),
                kind: "picket.offer.made.v1",
                routing_key: "emea.offer.made.voice.ann".to_owned(),
                contact: None,
                agent: None,
                domain: "emea".to_owned(),
                body: Bytes::new(),
            };
            self.queue.add(numbers.map(|number| Arc::new(output(number))));
        }

        /// What the broker says next; and what is sent then, within ten seconds.
        async fn after(&self, answer: Option<Result<usize, BrokerError>>) -> Vec<u64> {
            self.script.0.answers.lock().expect("the script").extend(answer);
            self.script.0.news.notify_one();
            tokio::time::sleep(Duration::from_secs(10)).await;
            std::mem::take(&mut self.script.0.sent.lock().expect("the script"))
        }
    }

    fn all(numbers: std::ops::RangeInclusive<u64>) -> Vec<u64> {
        numbers.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_waits_for_no_confirm_until_so_many_are_on_their_way() {
        let work = Work::start().await;
        work.add(1..=3);
        assert_eq!(work.after(None).await, all(1..=3));
        work.add(4..=5);
        assert_eq!(work.after(None).await, all(4..=5), "though nothing is confirmed");
        work.add(6..=1000);
        assert_eq!(work.after(None).await, all(6..=256), "and no more than that");
        assert_eq!(work.after(Some(Ok(10))).await, all(257..=266));
        assert_eq!((work.queue.len(), work.queue.published()), (990, 10));
        assert_eq!(work.store.watermark("main").await.expect("a watermark"), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_everything_goes_again_in_order_and_nothing_before_it() {
        let work = Work::start().await;
        work.add(1..=20);
        assert_eq!(work.after(Some(Ok(4))).await, all(1..=20));
        assert_eq!(work.after(Some(Err(full()))).await, all(5..=5), "one goes ahead");
        work.add(21..=22);
        assert!(work.after(None).await.is_empty(), "what is new waits behind what failed");
        assert_eq!(work.after(Some(Ok(1))).await, all(6..=7));
        assert_eq!(work.after(Some(Ok(2))).await, all(8..=11));
        assert_eq!(work.after(Some(Err(full()))).await, all(8..=8), "it fails again");
        assert_eq!(work.store.watermark("main").await.expect("a watermark"), 7, "only what is confirmed counts");
        for (confirmed, sent) in [(1, 9..=10), (2, 11..=14), (4, 15..=22)] {
            assert_eq!(work.after(Some(Ok(confirmed))).await, all(sent));
        }
        assert!(work.after(Some(Ok(8))).await.is_empty());
        assert_eq!((work.queue.len(), work.queue.published()), (0, 22));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_ends_it() {
        let mut work = Work::start().await;
        work.add(1..=2);
        assert_eq!(work.after(Some(Err(BrokerError::GateClosed))).await, all(1..=2));
        let ended = work.parts.join_next().await.expect("it ends").expect("in order");
        assert!(matches!(ended, Err(Over::Gate(_))), "{ended:?}");
    }
}
