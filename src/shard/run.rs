//! Decides in which order a shard does things: commits first, then what has arrived, then the timer.
//!
//! One task owns the shard. A batch is decided while the one before is being written; nothing is acknowledged,
//! answered, shown or published before its record is committed.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use picket_rules::RuleSet;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bugs::{self, Bug};
use super::decide::Decider;
use super::decided::{Decided, Effect};
use super::feed::Feed;
use super::handle::{Health, Submission};
use super::keeper::Snapshots;
use super::lag::{Lag, Turn};
use super::measure;
use super::outqueue::Outqueue;
use super::ports::{Broker, DeadLetter, Delivery, Inbox, Receipt, StoreError};
use super::repair::{self, Page, Repair};
use super::state::ShardState;
use super::suspects::{Suspects, Verdict};
use super::witness::Witness;
use super::writer::Written;
use crate::clock::Monotonic;
use crate::contract::Refusal;
use crate::contract::answer::{Answer, Outcome};
use crate::contract::wire::WireMessage;
use crate::telemetry::Metrics;

/// How a shard loop is bounded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records in one append; at most 512.
    pub batch: usize,
    /// Outputs not yet published above which nothing more is taken.
    pub outbox: usize,
}

/// Why the loop ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// Somebody else owns the shard, or the journal is not what was left there.
    #[error("ownership of the shard ended")]
    Store(#[from] StoreError),
    /// The journal lost data, by the word of its witness.
    #[error("{0}")]
    Journal(String),
    /// Publishing or writing ended; its own error is in the log.
    #[error("ownership of the shard ended: {0}")]
    Part(&'static str),
}

/// The loop and what it holds.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) limits: Limits,
    pub(super) decider: Decider,
    pub(super) inbox: Box<dyn Inbox>,
    pub(super) suspects: Suspects,
    /// Cancelled once the journal is known to be all there: nothing is taken of the broker before.
    pub(super) compared: CancellationToken,
    /// Knows then what is to be taken again from the archive before.
    pub(super) witness: Witness,
    pub(super) broker: Arc<dyn Broker>,
    pub(super) repair: Option<Repair>,
    pub(super) lag: Lag,
    pub(super) model: Arc<RwLock<ShardState>>,
    pub(super) feed: Feed,
    pub(super) health: Arc<watch::Sender<Health>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) outqueue: Arc<Outqueue>,
    pub(super) snapshots: Snapshots,
    pub(super) queue: VecDeque<Decided>,
    /// Since when a batch is being written.
    pub(super) writing: Option<Monotonic>,
    pub(super) batches: mpsc::Sender<Vec<Decided>>,
    pub(super) written: mpsc::Receiver<Written>,
    pub(super) dead: mpsc::Sender<(DeadLetter, Option<Receipt>)>,
    pub(super) buried: mpsc::Receiver<Receipt>,
    pub(super) forwarding: Forwarding,
}

/// The loop's side of what goes to other shards.
#[derive(Debug)]
pub(super) struct Forwarding {
    /// Told when something is to be forwarded.
    pub(super) news: Arc<Notify>,
    /// Records whose events have arrived.
    pub(super) arrived: mpsc::Receiver<u64>,
}

/// Who waits for what becomes of a message.
pub(super) enum Origin {
    /// A request of the API.
    Request(oneshot::Sender<Vec<Answer>>),
    /// A delivery of the broker.
    Broker(Receipt),
    /// Nobody: it was acknowledged before it was lost.
    Archive(Receipt),
}

/// What wakes the loop.
enum Woken {
    Stop,
    Written(Option<Written>),
    Buried(Receipt),
    /// Other shards have what this record forwarded.
    Arrived(u64),
    Submitted(Submission),
    Delivered(Vec<Delivery>),
    Archived(Page),
    Activate(Arc<RuleSet>),
    Timer,
    /// Nothing has arrived, and not everybody is planned anew.
    Replanning,
    /// Nothing has arrived for as long as a catch-up waits for more.
    CaughtUp,
    /// Outputs were published: there may be room for more.
    Drained,
    /// And it is on record: a snapshot that waits for them can be kept, though nothing more comes.
    Persisted,
    /// Deliveries may be taken from now on.
    Compared,
    /// Timers are held no longer.
    Released,
    /// It is time to look who was not heard of.
    Looks,
}

impl Origin {
    pub(super) const fn of(receipt: Receipt) -> Self {
        if receipt.session == repair::SESSION { Self::Archive(receipt) } else { Self::Broker(receipt) }
    }
}

impl Loop {
    /// Runs until stopped (everything taken is then committed) or until ownership ends.
    pub(super) async fn run(
        mut self,
        submissions: &mut mpsc::Receiver<Submission>,
        rules: &mut watch::Receiver<Arc<RuleSet>>,
        parts: &mut JoinSet<Result<(), Lost>>,
        stop: &CancellationToken,
    ) -> Result<(), Lost> {
        self.health.send_modify(|health| health.active = true);
        self.metrics.catching_up(&self.decider.shard, self.decider.is_catching_up());
        let result = self.turn_until_stopped(submissions, rules, parts, stop).await;
        self.health.send_modify(|health| health.active = false);
        self.metrics.catching_up(&self.decider.shard, false);
        self.suspects.let_go().await;
        if self.repair.take().is_some() {
            self.health.send_if_modified(|health| health.set("repair", None));
        }
        // Channel first: what is unacknowledged returns in order.
        self.inbox.close().await;
        result
    }

    async fn turn_until_stopped(
        &mut self,
        submissions: &mut mpsc::Receiver<Submission>,
        rules: &mut watch::Receiver<Arc<RuleSet>>,
        parts: &mut JoinSet<Result<(), Lost>>,
        stop: &CancellationToken,
    ) -> Result<(), Lost> {
        self.suspects.look_back().await?;
        loop {
            let is_compared = self.compared.is_cancelled();
            if is_compared {
                self.tend_repair().await;
            }
            self.take_held(stop).await?;
            self.send_batch().await;
            let takes = self.takes();
            let held = self.lag.held();
            let quiet_for = self.look_at_lag(takes);
            let replans = takes && held.is_none();
            if replans && self.decider.is_replanning() {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    decided = self.decider.replan_some() => self.queue.extend(decided),
                }
            }
            // What was lost comes before anything new.
            let (takes_new, reads_archive) = (takes && self.repair.is_none(), takes && self.reads_archive());
            let room = if takes_new && is_compared { self.suspects.may_take(self.limits.batch) } else { None };
            let replans = replans && self.decider.is_replanning();
            let woken = tokio::select! {
                biased;
                () = stop.cancelled() => Woken::Stop,
                Some(part) = parts.join_next() => return Err(part_ended(part)),
                result = self.written.recv() => Woken::Written(result),
                Some(receipt) = self.buried.recv() => Woken::Buried(receipt),
                Some(record) = self.forwarding.arrived.recv() => Woken::Arrived(record),
                Ok(()) = rules.changed() => Woken::Activate(rules.borrow_and_update().clone()),
                () = until_timer(self.decider.wakes_in()), if takes && held.is_none() => Woken::Timer,
                () = until_timer(held), if takes && held.is_some() => Woken::Released,
                () = until_timer(self.decider.presences.looks_in()), if takes_new && is_compared => Woken::Looks,
                Some(submission) = submissions.recv(), if takes_new => Woken::Submitted(submission),
                deliveries = self.inbox.take(room.unwrap_or(1)), if room.is_some() => Woken::Delivered(deliveries),
                page = repair::page(&mut self.repair), if reads_archive => Woken::Archived(page),
                () = self.compared.cancelled(), if !is_compared => Woken::Compared,
                () = until_timer(quiet_for), if quiet_for.is_some() => Woken::CaughtUp,
                () = std::future::ready(()), if replans => Woken::Replanning,
                () = self.outqueue.more_persisted(), if self.snapshots.waits() => Woken::Persisted,
                () = self.outqueue.drained(), if !takes && !bugs::has(Bug::SleepsWhenFull) => Woken::Drained,
            };
            match woken {
                Woken::Stop => return self.drain().await,
                Woken::Written(result) => self.committed(result).await?,
                Woken::Buried(receipt) => self.acknowledge(&[receipt]).await,
                Woken::Arrived(first) => {
                    let more = std::iter::from_fn(|| self.forwarding.arrived.try_recv().ok());
                    let records = std::iter::once(first).chain(more).collect();
                    let decided = self.decider.forwards_arrived(records);
                    self.queue.push_back(decided);
                }
                Woken::Activate(rules) => {
                    let decided = self.decider.activate(&rules);
                    self.queue.extend(decided);
                }
                Woken::Replanning | Woken::Drained | Woken::Compared | Woken::Released => {}
                Woken::Persisted => {
                    let model = self.model.read().unwrap_or_else(PoisonError::into_inner);
                    self.snapshots.consider(&model, self.outqueue.persisted());
                }
                Woken::Looks => self.look_for_missing(),
                Woken::Timer => self.queue.extend(self.decider.catch_up()),
                Woken::CaughtUp => self.end_catch_up(),
                Woken::Submitted(first) => {
                    let more = std::iter::from_fn(|| submissions.try_recv().ok()).take(self.limits.batch - 1);
                    let all = std::iter::once(first).chain(more);
                    let items = all.map(|one| (one.message, Origin::Request(one.answers)));
                    self.take_in(items.collect(), stop).await;
                }
                Woken::Archived(page) => self.take_page(page, stop).await?,
                Woken::Delivered(deliveries) => {
                    let items = self.suspects.arrived(deliveries);
                    let items = items.into_iter().map(|one| (one.message, Origin::Broker(one.receipt)));
                    self.take_in(items.collect(), stop).await;
                }
            }
        }
    }

    /// Whether more is taken: not while two batches wait, or too much waits for publication or is on its way elsewhere.
    fn takes(&self) -> bool {
        let waits = self.outqueue.len().max(self.decider.state.forwards.len());
        self.queue.len() < 2 * self.limits.batch && waits < self.limits.outbox
    }

    async fn send_batch(&mut self) {
        if self.writing.is_some() || self.queue.is_empty() {
            return;
        }
        let mut records = 0;
        let most = self.limits.batch;
        let taken = self.queue.iter().take_while(|decided| {
            records += usize::from(decided.record.is_some());
            records <= most
        });
        let count = taken.count();
        let batch: Vec<Decided> = self.queue.drain(..count).collect();
        if bugs::has(Bug::PublishesBeforeCommit) {
            self.outqueue.add(batch.iter().flat_map(|one| one.outputs.iter().map(Arc::clone)));
        }
        // The channel has room for the one batch that may be under way; a closed one shows up as a lost part.
        self.writing = self.batches.send(batch).await.is_ok().then(Monotonic::now);
    }

    async fn committed(&mut self, result: Option<Written>) -> Result<(), Lost> {
        let decided = result.ok_or(Lost::Part("the writer ended"))??;
        if let Some(since) = self.writing.take() {
            self.lag.wrote(since.elapsed());
        }
        self.show(&decided);
        let mut receipts = Vec::new();
        for one in decided {
            if !bugs::has(Bug::PublishesBeforeCommit) {
                self.outqueue.add(one.outputs);
            }
            for effect in one.effects {
                match effect {
                    Effect::Acknowledge(receipt) => receipts.push(receipt),
                    Effect::Reply { to, correlation, answer } => self.outqueue.answer(to, correlation, &answer),
                    // A sender that hung up asks again.
                    Effect::Answer(waiter, answers) => drop(waiter.send(answers)),
                }
            }
        }
        if !receipts.is_empty() {
            self.acknowledge(&receipts).await;
        }
        Ok(())
    }

    async fn acknowledge(&mut self, receipts: &[Receipt]) {
        self.suspects.done_with(receipts).await;
        self.inbox.acknowledge(receipts).await;
    }

    /// Reads the next of those that are taken one at a time, or puts it aside.
    async fn take_held(&mut self, stop: &CancellationToken) -> Result<(), Lost> {
        if !self.takes() {
            return Ok(());
        }
        match self.suspects.next(stop).await? {
            None => {}
            Some(Verdict::Try(one)) => self.take_in(vec![(one.message, Origin::of(one.receipt))], stop).await,
            Some(Verdict::Quarantine(one, refusal)) => {
                let answer = not_understood(&refusal);
                // From the archive it may be a dead letter already, and a second one is no harm.
                self.settle(one.message, Origin::Broker(one.receipt), vec![answer], vec![*refusal]).await;
            }
        }
        Ok(())
    }

    /// Makes committed records visible, and keeps a snapshot when one is due.
    fn show(&mut self, decided: &[Decided]) {
        {
            let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
            for (record, entry) in decided.iter().filter_map(|one| one.record.as_ref()) {
                model.replay(record, &entry.hash);
                self.decider.committed(record.seq);
            }
            if decided.iter().any(Decided::forwards) {
                self.forwarding.news.notify_one();
            }
            self.snapshots.consider(&model, self.outqueue.persisted());
            for one in decided {
                measure::count(&self.metrics, &model, one);
            }
        }
        self.feed.push(decided.iter().flat_map(|one| one.outputs.iter().map(Arc::clone)).collect());
    }

    /// Decides what has arrived, in order; gives up only when stopped while the store does not answer.
    pub(super) async fn take_in(&mut self, mut items: Vec<(WireMessage, Origin)>, stop: &CancellationToken) {
        if bugs::has(Bug::BatchReversed) {
            items.reverse();
        }
        let read: Vec<_> = items.iter().map(|(message, _)| self.decider.read(message)).collect();
        let rows = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            rows = self.decider.look_up(read.iter().flatten().flatten()) => rows,
        };
        let turn = self.lag_of(&items, &read);
        if turn == Turn::Begins {
            self.begin_catch_up();
        }
        self.queue.extend(self.decider.catch_up());
        for ((message, origin), arrived) in items.into_iter().zip(read) {
            let mut answers = Vec::with_capacity(arrived.len());
            let mut refused = Vec::new();
            for one in arrived {
                match one {
                    Ok(envelope) => {
                        let began = Monotonic::now();
                        let (decided, answer) = self.decider.decide(envelope, &rows);
                        self.metrics.decided(began.elapsed());
                        self.queue.extend(decided);
                        answers.push(answer);
                    }
                    Err(refusal) => {
                        answers.push(not_understood(&refusal));
                        refused.push(refusal);
                    }
                }
            }
            self.settle(message, origin, answers, refused).await;
        }
        if turn == Turn::Ends {
            self.end_catch_up();
        }
    }

    /// Queues what the sender is told once everything before is committed, and keeps what was refused.
    async fn settle(&mut self, message: WireMessage, origin: Origin, answers: Vec<Answer>, mut refused: Vec<Refusal>) {
        let mut effects = Vec::new();
        let mut receipt = None;
        match origin {
            Origin::Request(waiter) if bugs::has(Bug::AnswersBeforeCommit) => drop(waiter.send(answers)),
            Origin::Broker(_) if bugs::has(Bug::DuplicatesUnacknowledged) && all_seen_before(&answers) => {}
            Origin::Broker(delivered) if bugs::has(Bug::AcknowledgesBeforeCommit) => {
                self.inbox.acknowledge(&[delivered]).await;
            }
            Origin::Request(waiter) => effects.push(Effect::Answer(waiter, answers)),
            Origin::Broker(delivered) => {
                receipt = Some(delivered);
                let to = message.reply_to.clone();
                effects.extend(to.into_iter().flat_map(|to| answers_to(to, &message, &answers)));
            }
            Origin::Archive(read) => {
                receipt = Some(read);
                // It was kept as a dead letter before it was acknowledged, and dead letters are not lost with the journal.
                refused.clear();
                self.count_brought_back(&answers);
            }
        }
        let last = refused.len().saturating_sub(1);
        for (at, refusal) in refused.iter().enumerate() {
            // A message with a refused part is acknowledged once all of those are kept as dead letters.
            self.bury(self.decider.dead_letter(&message, refusal), receipt.filter(|_| at == last)).await;
        }
        if refused.is_empty() {
            effects.extend(receipt.map(Effect::Acknowledge));
        }
        self.queue.push_back(Decided { effects, ..Decided::default() });
    }

    /// Hands a dead letter on; what is buried meanwhile is acknowledged, so that neither side waits for the other.
    async fn bury(&mut self, letter: DeadLetter, receipt: Option<Receipt>) {
        let dead = self.dead.clone();
        loop {
            tokio::select! {
                biased;
                place = dead.reserve() => {
                    if let Ok(place) = place {
                        place.send((letter, receipt));
                    }
                    // The channel closes only with the loop; the delivery then comes again.
                    return;
                }
                Some(buried) = self.buried.recv() => self.acknowledge(&[buried]).await,
            }
        }
    }

    /// Commits what was taken, within the time that a stop allows.
    async fn drain(&mut self) -> Result<(), Lost> {
        while self.writing.is_some() || !self.queue.is_empty() {
            self.send_batch().await;
            let result = tokio::time::timeout(Duration::from_secs(5), self.written.recv()).await;
            self.committed(result.unwrap_or(None)).await?;
        }
        Ok(())
    }
}

/// For a seeded bug.
fn all_seen_before(answers: &[Answer]) -> bool {
    answers.iter().all(|answer| answer.result == Outcome::Duplicate)
}

fn not_understood(refusal: &Refusal) -> Answer {
    Answer {
        id: refusal.id.clone(),
        source: refusal.source.clone(),
        result: Outcome::Rejected,
        code: Some(refusal.code.as_str().to_owned()),
        detail: Some(refusal.detail.clone()),
        seq: None,
        output: None,
        state: None,
    }
}

fn answers_to(to: String, message: &WireMessage, answers: &[Answer]) -> Vec<Effect> {
    let reply = |answer: &Answer| Effect::Reply {
        to: to.clone(),
        correlation: message.correlation_id.clone().or_else(|| message.message_id.clone()),
        answer: Box::new(answer.clone()),
    };
    answers.iter().map(reply).collect()
}

async fn until_timer(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

fn part_ended(part: Result<Result<(), Lost>, tokio::task::JoinError>) -> Lost {
    match part {
        Ok(Err(lost)) => lost,
        Ok(Ok(())) => Lost::Part("a part of the shard ended"),
        Err(_) => Lost::Part("a part of the shard panicked"),
    }
}
