//! Decides how a broker behaves that has the measured vices of RabbitMQ: one queue with a single active consumer whose
//! unacknowledged messages come back in order and in front, confirms that are lost, a gate that only its owner passes.

#[path = "outbox.rs"]
mod outbox;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use picket::contract::wire::{OutMessage, WireMessage};
use picket::shard::ports::{
    Beacon, Broker, BrokerError, DeadLetter, DeadLetters, Delivery, Inbox, Outbox, Pulse, Receipt, Token,
};
use tokio::sync::Notify;
use tokio::time::sleep;

use self::outbox::Out;
use crate::fate::{Fate, Flaw, Slip};
use crate::link::{Broken, Process};

/// How long a consumer that waits looks for news of its connection.
const PACE: Duration = Duration::from_millis(200);

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
    fate: Arc<Fate>,
}

#[derive(Debug, Default)]
struct State {
    away: bool,
    alarm: bool,
    queue: VecDeque<Queued>,
    placed: u64,
    /// In the order in which they came; the first one is active.
    consumers: Vec<Consumer>,
    sessions: u64,
    /// How often all connections have ended.
    ends: u64,
    gate: Option<Token>,
    published: Vec<OutMessage>,
    dead: Vec<DeadLetter>,
    letters: u64,
    /// The contacts that a message was about when it was put aside.
    put_aside: BTreeSet<String>,
    beacon: Option<Beacon>,
    /// Messages that a consumer may hold unacknowledged.
    prefetch: usize,
    /// A flaw.
    returns_behind: bool,
}

#[derive(Debug)]
struct Queued {
    place: u64,
    message: WireMessage,
}

#[derive(Debug)]
struct Consumer {
    session: u64,
    process: Arc<Process>,
    /// Deliveries so far; each session counts its own.
    delivered: u64,
    unacknowledged: BTreeMap<u64, Queued>,
    /// Those of them that were sent ahead, and that nobody has taken yet.
    ahead: VecDeque<u64>,
}

impl Server {
    pub(crate) fn new(fate: &Arc<Fate>) -> Self {
        let (prefetch, returns_behind) = (fate.prefetch(), fate.has(Flaw::ReturnsBehind));
        let state = State { prefetch, returns_behind, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), news: Arc::default(), fate: Arc::clone(fate) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a platform's message, if it takes anything now.
    pub(crate) fn take(&self, message: WireMessage) -> bool {
        let state = &mut *self.state();
        if state.away || state.alarm {
            return false;
        }
        state.place(message);
        self.news.notify_waiters();
        true
    }

    /// What was published since the first so many.
    pub(crate) fn published(&self, from: usize) -> Vec<OutMessage> {
        self.state().published.get(from..).unwrap_or_default().to_vec()
    }

    pub(crate) fn set_away(&self, away: bool) {
        let state = &mut *self.state();
        state.away = away;
        if away {
            state.hang_up_on_all();
        }
        self.news.notify_waiters();
    }

    pub(crate) fn set_alarm(&self, alarm: bool) {
        self.state().alarm = alarm;
    }

    /// Ends every connection.
    pub(crate) fn hang_up(&self) {
        self.state().hang_up_on_all();
        self.news.notify_waiters();
    }

    /// Ends the connections of whoever did not answer heartbeats for long enough.
    pub(crate) fn hang_up_on(&self, process: &Arc<Process>) {
        self.state().hang_up(|consumer| Arc::ptr_eq(&consumer.process, process));
        self.news.notify_waiters();
    }

    /// Whose outputs get out.
    pub(crate) fn gate(&self) -> Option<Token> {
        self.state().gate.clone()
    }

    /// What operators do about messages that were put aside: they send them again.
    pub(crate) fn send_again(&self) {
        let state = &mut *self.state();
        let put_aside = state.dead.iter().filter(|letter| letter.code == "quarantined");
        let ids: Vec<String> = put_aside.map(|letter| letter.id.clone()).collect();
        for id in ids {
            state.replay(&id);
        }
        self.news.notify_waiters();
    }

    /// Whether anything was ever put aside.
    pub(crate) fn has_dead_letters_behind(&self) -> bool {
        self.state().letters > 0
    }

    /// The contacts of which something was put aside, and sent again later.
    pub(crate) fn put_aside(&self) -> BTreeSet<String> {
        self.state().put_aside.clone()
    }

    /// What is left in the queue or unacknowledged, and dead letters.
    pub(crate) fn left(&self) -> (usize, usize) {
        let state = self.state();
        let held: usize = state.consumers.iter().map(|consumer| consumer.unacknowledged.len()).sum();
        (state.queue.len() + held, state.dead.len())
    }

    /// What one process sees of it.
    pub(crate) fn seen_by(&self, process: &Arc<Process>) -> Seen {
        Seen { server: self.clone(), process: Arc::clone(process) }
    }
}

impl State {
    fn place(&mut self, message: WireMessage) {
        self.placed += 1;
        self.queue.push_back(Queued { place: self.placed, message });
        self.send_ahead();
    }

    /// Sends the active consumer what it may hold.
    fn send_ahead(&mut self) {
        let Some(active) = self.consumers.first_mut() else { return };
        while active.unacknowledged.len() < self.prefetch
            && let Some(queued) = self.queue.pop_front()
        {
            active.delivered += 1;
            active.unacknowledged.insert(active.delivered, queued);
            active.ahead.push_back(active.delivered);
        }
    }

    /// Sends a dead letter to the queue again; whether there is one of this id.
    fn replay(&mut self, id: &str) -> bool {
        let Some(letter) = self.remove(id) else { return false };
        self.place(WireMessage {
            body: letter.body.into(),
            content_type: Some(letter.content_type),
            exchange: Some(letter.exchange),
            routing_key: Some(letter.routing_key),
            user: letter.user,
            ..WireMessage::default()
        });
        true
    }

    fn remove(&mut self, id: &str) -> Option<DeadLetter> {
        let at = self.dead.iter().position(|letter| letter.id == id)?;
        Some(self.dead.remove(at))
    }

    /// Ends consumers: what they held returns in front of what waits, in its order.
    fn hang_up(&mut self, ends: impl Fn(&Consumer) -> bool) {
        self.end_consumers(ends, false);
    }

    fn hang_up_on_all(&mut self) {
        self.ends += 1;
        self.hang_up(|_| true);
    }

    /// The same as [`State::hang_up`]; `behind` is what a flaw makes of it.
    fn end_consumers(&mut self, ends: impl Fn(&Consumer) -> bool, behind: bool) {
        let (gone, stay): (Vec<_>, Vec<_>) = self.consumers.drain(..).partition(|consumer| ends(consumer));
        self.consumers = stay;
        let mut back: Vec<Queued> =
            gone.into_iter().flat_map(|consumer| consumer.unacknowledged.into_values()).collect();
        back.sort_by_key(|queued| queued.place);
        back.iter_mut().for_each(|queued| queued.message.deliveries += 1);
        if behind || self.returns_behind {
            self.queue.extend(back);
        } else {
            back.into_iter().rev().for_each(|queued| self.queue.push_front(queued));
        }
        self.send_ahead();
    }

    /// What a consumer takes of what was sent to it.
    fn deliver(&mut self, session: u64, most: usize) -> Vec<Delivery> {
        let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.session == session) else {
            return Vec::new();
        };
        let count = consumer.ahead.len().min(most);
        let tags = consumer.ahead.drain(..count);
        let delivery = |tag| {
            let message = consumer.unacknowledged.get(&tag)?.message.clone();
            Some(Delivery { receipt: Receipt { session, tag }, message })
        };
        tags.filter_map(delivery).collect()
    }

    fn knows(&self, session: u64) -> bool {
        self.consumers.iter().any(|consumer| consumer.session == session)
    }
}

/// The broker as one process sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    server: Server,
    process: Arc<Process>,
}

impl Seen {
    fn reaches(&self) -> bool {
        self.process.broker.load(Ordering::Relaxed) && !self.server.state().away
    }

    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut State) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let server = self.server.clone();
        let carried = self.process.carry(what, || self.reaches(), move |_| act(&mut server.state())).await;
        carried.unwrap_or_else(|Broken(why)| Err(BrokerError::Unavailable { attempt: what, source: why.into() }))
    }
}

impl Broker for Seen {
    fn inbox(&self, _shard: &str) -> Result<Box<dyn Inbox>, BrokerError> {
        Ok(Box::new(In { seen: self.clone(), session: 0, is_lost: false }))
    }

    fn outbox(&self, _shard: &str) -> Result<Box<dyn Outbox>, BrokerError> {
        Ok(Box::new(Out::new(self.clone())))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.clone())
    }
}

#[derive(Debug)]
struct In {
    seen: Seen,
    session: u64,
    /// Its connection is of no use any more.
    is_lost: bool,
}

impl In {
    /// Registers as a consumer, behind those that are there.
    fn connect(&mut self) {
        let state = &mut *self.seen.server.state();
        let process = Arc::clone(&self.seen.process);
        // Whatever it had open before is closed first.
        state.hang_up(|consumer| consumer.session == self.session);
        state.sessions += 1;
        self.session = state.sessions;
        self.is_lost = false;
        let (unacknowledged, ahead) = (BTreeMap::new(), VecDeque::new());
        state.consumers.push(Consumer { session: self.session, process, delivered: 0, unacknowledged, ahead });
        state.send_ahead();
    }
}

#[async_trait]
impl Inbox for In {
    async fn take(&mut self, most: usize) -> Vec<Delivery> {
        loop {
            self.seen.process.turn().await;
            if self.seen.reaches() {
                if self.is_lost || !self.seen.server.state().knows(self.session) {
                    sleep(self.seen.server.fate.delay()).await;
                    self.connect();
                }
                let deliveries = self.seen.server.state().deliver(self.session, most);
                if self.seen.server.fate.has(Flaw::AcknowledgedAtOnce) {
                    let sent: Vec<Receipt> = deliveries.iter().map(|delivery| delivery.receipt).collect();
                    self.acknowledge(&sent).await;
                }
                if !deliveries.is_empty() {
                    return deliveries;
                }
            }
            tokio::select! {
                biased;
                () = self.seen.server.news.notified() => sleep(self.seen.server.fate.delay()).await,
                () = sleep(PACE) => {}
            }
        }
    }

    async fn acknowledge(&mut self, receipts: &[Receipt]) {
        self.seen.process.turn().await;
        if !self.seen.reaches() {
            self.is_lost = true;
            return;
        }
        if self.seen.server.fate.slips(Slip::AckLost) {
            self.seen.server.state().hang_up(|consumer| consumer.session == self.session);
            return;
        }
        let state = &mut *self.seen.server.state();
        let Some(consumer) = state.consumers.iter_mut().find(|consumer| consumer.session == self.session) else {
            return;
        };
        for receipt in receipts.iter().filter(|receipt| receipt.session == self.session) {
            consumer.unacknowledged.remove(&receipt.tag);
        }
        state.send_ahead();
        self.seen.server.news.notify_waiters();
    }

    async fn close(&mut self) {
        self.seen.process.turn().await;
        let cancelled = self.seen.server.fate.has(Flaw::CancelledFirst);
        self.seen.server.state().end_consumers(|consumer| consumer.session == self.session, cancelled);
        self.seen.server.news.notify_waiters();
    }

    fn pulse(&self) -> Option<Arc<dyn Pulse>> {
        Some(Arc::new(self.seen.clone()))
    }
}

impl Drop for In {
    fn drop(&mut self) {
        self.seen.server.state().hang_up(|consumer| consumer.session == self.session);
        self.seen.server.news.notify_waiters();
    }
}

impl Pulse for Seen {
    fn trouble(&self) -> Option<String> {
        (!self.reaches()).then(|| "nothing answers".to_owned())
    }
}

#[async_trait]
impl DeadLetters for Seen {
    async fn put(&self, mut letter: DeadLetter) -> Result<(), BrokerError> {
        self.call("put", move |state| {
            state.letters += 1;
            letter.id = format!("letter-{}", state.letters);
            let event: serde_json::Value = serde_json::from_slice(&letter.body).unwrap_or_default();
            state.put_aside.extend(event["data"]["contact"].as_str().map(str::to_owned));
            state.dead.push(letter);
            Ok(())
        })
        .await
    }

    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.call("list", move |state| Ok(state.dead.iter().take(limit).cloned().collect())).await
    }

    async fn replay(&self, id: &str) -> Result<bool, BrokerError> {
        let id = id.to_owned();
        let replayed = self.call("replay", move |state| Ok(state.replay(&id))).await;
        self.server.news.notify_waiters();
        replayed
    }

    async fn drop_one(&self, id: &str) -> Result<bool, BrokerError> {
        let id = id.to_owned();
        self.call("drop_one", move |state| Ok(state.remove(&id).is_some())).await
    }
}
