//! Decides when messages are taken one at a time, and which of them is put aside: one in whose handling the process ended
//! again and again.
//!
//! Whatever ends the process (an abort, memory, the stack) raises the broker's count of every delivery that was on its
//! way with the culprit. So a count says that one of them may be it, and never which: it only makes the shard go one by
//! one, each committed and acknowledged before the next is read. What puts a message aside is our own count of the lives
//! that ended with it at hand, noted before it is read and forgotten once it is committed.
//!
//! The broker still sends as many ahead as ever. With a prefetch of one it would count against the culprit alone, and put
//! whatever is at hand when a connection ends behind all others that came back before (measured on RabbitMQ 3.10.8): one
//! count more for each death costs nobody anything, and the order of a contact's events does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::ports::{Delivery, Receipt, Store, StoreError, Token};
use super::record::hex;
use crate::contract::wire::{HeaderValue, WireMessage};
use crate::contract::{Code, Refusal};
use crate::telemetry::{Metrics, chain};

/// Delivered before so often, a message is suspect. One restart counts one for all that was on its way.
const SUSPECT: u32 = 2;

/// The attempt at which a message is put aside instead of being read: two lives have ended with it at hand.
const LAST: u32 = 3;

/// Who is suspected, and of what there is proof.
#[derive(Debug)]
pub(super) struct Suspects {
    store: Arc<dyn Store>,
    shard: String,
    token: Token,
    /// This run of this daemon.
    life: String,
    metrics: Arc<Metrics>,
    /// Whether messages are taken one at a time.
    is_on: bool,
    /// Delivered, and to be read one at a time.
    held: VecDeque<Delivery>,
    /// Read, and not done with.
    open: BTreeSet<Receipt>,
    /// The attempts noted for some of them.
    noted: BTreeMap<Receipt, String>,
    /// The block of the archive at hand, as it is noted.
    block: Option<String>,
}

/// What is done with a delivery that was held.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is read.
    Try(Delivery),
    /// It is put aside.
    Quarantine(Delivery, Box<Refusal>),
}

impl Suspects {
    /// Nobody is suspected yet.
    pub(super) fn new(store: Arc<dyn Store>, shard: String, token: Token, life: String, metrics: Arc<Metrics>) -> Self {
        let (held, open, noted) = (VecDeque::new(), BTreeSet::new(), BTreeMap::new());
        Self { store, shard, token, life, metrics, is_on: false, held, open, noted, block: None }
    }

    /// Begins where an attempt is noted: the life before ended with a suspect at hand.
    pub(super) async fn look_back(&mut self) -> Result<(), StoreError> {
        self.metrics.suspect_mode(&self.shard, false);
        if self.store.attempts(&self.shard).await? > 0 {
            self.begin();
        }
        Ok(())
    }

    /// How many deliveries may be taken now; none while those before are to be done with first.
    pub(super) fn may_take(&self, most: usize) -> Option<usize> {
        match (self.is_on, self.held.is_empty(), self.open.is_empty()) {
            (_, false, _) | (true, true, false) => None,
            (true, true, true) => Some(1),
            (false, true, _) => Some(most),
        }
    }

    /// Looks at what was delivered: returns what may be read at once, or holds it where a suspect is among it.
    pub(super) fn arrived(&mut self, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        if self.is_on || deliveries.iter().any(is_suspect) {
            self.held.extend(deliveries);
            return Vec::new();
        }
        self.open.extend(deliveries.iter().map(|delivery| delivery.receipt));
        deliveries
    }

    /// The next of those held, once everything before is done with; an attempt at a suspect is noted by then. None when
    /// stopped meanwhile.
    ///
    /// # Errors
    /// Another owner holds the shard.
    pub(super) async fn next(&mut self, stop: &CancellationToken) -> Result<Option<Verdict>, StoreError> {
        if !self.open.is_empty() {
            return Ok(None);
        }
        let Some(delivery) = self.held.pop_front() else { return Ok(None) };
        self.open.insert(delivery.receipt);
        if !is_suspect(&delivery) {
            // What came back stands before what is new in the queue: behind this one nobody is suspect.
            if self.is_on {
                self.end().await;
            }
            return Ok(Some(Verdict::Try(delivery)));
        }
        if !self.is_on {
            self.begin();
        }
        let key = key(&delivery.message);
        let lives = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            lives = self.note(&key) => lives?,
        };
        self.noted.insert(delivery.receipt, key);
        if lives < LAST {
            return Ok(Some(Verdict::Try(delivery)));
        }
        let refusal = refusal(&delivery, lives - 1);
        Ok(Some(Verdict::Quarantine(delivery, Box::new(refusal))))
    }

    /// These are committed, or kept as dead letters: what was noted of them is forgotten before they are acknowledged.
    pub(super) async fn done_with(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            self.open.remove(receipt);
            if let Some(key) = self.noted.remove(receipt) {
                self.forget(Some(&key)).await;
            }
        }
    }

    /// Nothing is held, and everything that was read is done with.
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.open.is_empty()
    }

    /// Notes, before any of it is read, that a block of the archive is at hand, which no broker counts deliveries of; in
    /// how many lives it was by now. None when stopped meanwhile.
    ///
    /// # Errors
    /// Another owner holds the shard.
    pub(super) async fn enter(&mut self, block: u64, stop: &CancellationToken) -> Result<Option<u32>, StoreError> {
        let key = format!("archive {block}");
        let lives = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            lives = self.note(&key) => lives?,
        };
        self.block = Some(key);
        Ok(Some(lives))
    }

    /// The block of the archive at hand is done with; whether there was one.
    pub(super) async fn leave(&mut self) -> bool {
        let Some(key) = self.block.take() else { return false };
        self.forget(Some(&key)).await;
        true
    }

    /// Holds these, to be read one at a time, each with an attempt noted: a life ended with them at hand.
    pub(super) fn hold(&mut self, mut deliveries: Vec<Delivery>) {
        deliveries.iter_mut().for_each(|delivery| delivery.message.deliveries = SUSPECT);
        self.held.extend(deliveries);
    }

    /// The process goes on without these: an end in order is nobody's fault.
    pub(super) async fn let_go(&mut self) {
        self.leave().await;
        for key in std::mem::take(&mut self.noted).into_values() {
            self.forget(Some(&key)).await;
        }
    }

    fn begin(&mut self) {
        self.is_on = true;
        self.metrics.suspect_mode(&self.shard, true);
        tracing::warn!(
            shard = self.shard,
            "suspect mode begins: a message may have ended the process, so each is taken alone"
        );
    }

    async fn end(&mut self) {
        self.is_on = false;
        self.metrics.suspect_mode(&self.shard, false);
        tracing::info!(shard = self.shard, "suspect mode ends: messages are taken many at a time again");
        // What is noted still was taken out of the queue by somebody else.
        self.forget(None).await;
    }

    /// Notes an attempt; holds on while the store does not answer.
    async fn note(&self, key: &str) -> Result<u32, StoreError> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            match self.store.note_attempt(&self.shard, &self.token, key, &self.life).await {
                Ok(lives) => return Ok(lives),
                Err(error) if error.ends_ownership() => return Err(error),
                Err(error) => {
                    tracing::warn!(shard = self.shard, error = %chain(&error), "noting an attempt is tried again");
                    backoff.wait().await;
                }
            }
        }
    }

    async fn forget(&self, key: Option<&str>) {
        // A note too many makes the next life begin one at a time, and counts against nobody else.
        if let Err(error) = self.store.forget_attempts(&self.shard, &self.token, key).await {
            tracing::debug!(shard = self.shard, error = %chain(&error), "a noted attempt stays");
        }
    }
}

const fn is_suspect(delivery: &Delivery) -> bool {
    delivery.message.deliveries >= SUSPECT
}

/// What a message is known by before anything of it is read: a digest of all that its sender wrote.
fn key(message: &WireMessage) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    let texts = [&message.exchange, &message.routing_key, &message.message_id, &message.content_type];
    texts.into_iter().for_each(|text| part(text.as_deref().unwrap_or_default().as_bytes()));
    part(&message.body);
    for (name, value) in &message.headers {
        // The broker's own headers change with each delivery, and ours with each replay.
        let is_the_senders = !name.starts_with("x-") && !name.starts_with("picket-");
        if let (true, HeaderValue::Text(value)) = (is_the_senders, value) {
            part(name.as_bytes());
            part(value.as_bytes());
        }
    }
    hex(&digest.finalize()[..16])
}

fn refusal(delivery: &Delivery, lives: u32) -> Refusal {
    let deliveries = delivery.message.deliveries.saturating_add(1);
    let detail = format!(
        "{lives} times the process ended while it handled this message alone (delivered {deliveries} times in all); it was \
         put aside without being read again"
    );
    Refusal {
        code: Code::Quarantined,
        detail,
        id: None,
        source: None,
        kind: None,
        reply_to: None,
        correlation_id: None,
    }
}
