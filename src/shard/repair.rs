//! Decides how inputs come back that were lost with a tail of the journal: read again from the broker's archive, in their
//! order, before anything new is taken.
//!
//! They go the way of every delivery, and nobody is answered. What the journal still has is a duplicate, so it does no harm
//! to begin too early, or again after a kill: the beacon says that a repair is due until it is done. How far back to begin
//! nobody has written down. It begins a while before the last record that is left, and further back as long as it meets
//! nothing that the journal knows: messages that waited in their queue then were received long before they were taken.
//!
//! The archive counts no deliveries, so a message that ends the process would end it for ever. Blocks are noted while they
//! are at hand, and one with which a life ended is read one message at a time, like any suspect.

use std::sync::Arc;
use std::time::Duration;

use picket_core::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::decided::Decided;
use super::ports::{ArchiveStart, Archived, Broker, BrokerError, Delivery, LostTail, Receipt};
use super::run::{Loop, Lost, Origin};
use crate::contract::answer::{Answer, Outcome};
use crate::contract::value::Moment;
use crate::telemetry::chain;

/// The session that receipts from the archive are of. An inbox has none of this number, and ignores them.
pub(super) const SESSION: u64 = 0;

/// Messages of a block: those whose places have the same quotient.
const BLOCK: u64 = 256;
/// How long before the last record that is left reading begins, and begins again as long as nothing known is met.
const MARGINS: [i64; 4] = [10 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE, 24 * 60 * MINUTE];
const MINUTE: i64 = 60_000;
/// How far back a margin may reach: a little less than the journal knows what it has seen.
const KNOWN: i64 = 47 * 60 * MINUTE;
/// Whose word the records are.
const BY: &str = "picket setup --accept-loss";

/// A repair under way.
#[derive(Debug)]
pub(super) struct Repair {
    tail: LostTail,
    margin: usize,
    pages: mpsc::Receiver<Page>,
    /// Ends with the repair.
    _reading: JoinSet<()>,
    /// Nothing of this reading was taken yet.
    is_fresh: bool,
    read: u64,
    back: u64,
    /// How it ended, in the journal's words.
    ending: Option<String>,
}

/// What is read of an archive.
#[derive(Debug)]
pub(super) enum Page {
    /// What is kept of a block.
    Block(u64, Vec<Archived>),
    /// It cannot be read now.
    Away(String),
    /// There is no more.
    End,
    /// It cannot be read, and waiting would not help.
    Unreadable(String),
}

/// The next page of a repair; never, without one.
pub(super) async fn page(repair: &mut Option<Repair>) -> Page {
    match repair {
        Some(repair) => {
            repair.pages.recv().await.unwrap_or_else(|| Page::Unreadable("reading it ended by itself".to_owned()))
        }
        None => std::future::pending().await,
    }
}

impl Loop {
    /// Begins a repair that is due; ends one that is done, once all of it is committed.
    pub(super) async fn tend_repair(&mut self) {
        let Some(repair) = &self.repair else {
            if let Some(tail) = self.witness.lost() {
                self.begin_repair(tail);
            }
            return;
        };
        if !self.is_quiet() {
            return;
        }
        let ending = repair.ending.clone();
        let is_done_with_block = self.suspects.leave().await;
        match ending {
            None if is_done_with_block => self.report_repair(),
            None => {}
            Some(ending) => {
                tracing::warn!(shard = self.decider.shard, "{ending}");
                self.witness.made_good();
                self.repair = None;
                self.health.send_if_modified(|health| health.set("repair", None));
            }
        }
    }

    /// Whether the next page may be taken: everything of the one before is committed.
    pub(super) fn reads_archive(&self) -> bool {
        self.is_quiet() && self.repair.as_ref().is_some_and(|repair| repair.ending.is_none())
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.writing.is_none() && self.suspects.is_idle()
    }

    fn begin_repair(&mut self, tail: LostTail) {
        let since = tail.since.map_or_else(|| "the oldest message".to_owned(), |since| time(since).to_string());
        let what = format!("tail.lost: {tail}; what was received since {since} is taken again from the archive");
        tracing::warn!(shard = self.decider.shard, "{what}");
        self.note_repair(what);
        self.read_archive(tail, 0);
        self.report_repair();
    }

    /// Has the archive read, from so far before the last record that is left.
    fn read_archive(&mut self, tail: LostTail, margin: usize) {
        let now = self.decider.keeper.clock().now().0;
        let start = tail.since.map_or(ArchiveStart::Oldest, |since| {
            let early = since.saturating_sub(MARGINS.get(margin).copied().unwrap_or(0));
            // Where the clock was set back, journal time may be ahead of the archive's.
            ArchiveStart::At(early.max(since.min(now - KNOWN)).min(now - MINUTE))
        });
        let (pages, read) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        reading.spawn(read_all(Arc::clone(&self.broker), self.decider.shard.clone(), start, pages));
        let (is_fresh, ending) = (true, None);
        self.repair = Some(Repair { tail, margin, pages: read, _reading: reading, is_fresh, read: 0, back: 0, ending });
    }

    /// Takes a page in.
    ///
    /// # Errors
    /// Another owner holds the shard.
    pub(super) async fn take_page(&mut self, page: Page, stop: &CancellationToken) -> Result<(), Lost> {
        let ended = match page {
            Page::Block(block, messages) => {
                // Noted before anything of it is looked at.
                let Some(lives) = self.suspects.enter(block, stop).await? else { return Ok(()) };
                if !self.reads_from_further_back(&messages) {
                    self.take_block(messages, lives, stop).await;
                }
                return Ok(());
            }
            Page::Away(why) => {
                self.health.send_if_modified(|health| health.set("repair", Some(why)));
                return Ok(());
            }
            Page::End if self.reads_from_further_back(&[]) => return Ok(()),
            Page::End => None,
            Page::Unreadable(why) => Some(why),
        };
        let Some(repair) = &mut self.repair else { return Ok(()) };
        let (tail, read, back) = (&repair.tail, repair.read, repair.back);
        let ending = match ended {
            None => format!("tail.repaired: {read} messages were read from the archive, {back} inputs are back"),
            Some(why) => format!(
                "tail.not_repaired: {tail}, and the archive cannot be read ({why}): {read} messages were read before, {back} \
                 inputs are back, and the others stay lost"
            ),
        };
        repair.ending = Some(ending.clone());
        self.note_repair(ending);
        Ok(())
    }

    async fn take_block(&mut self, messages: Vec<Archived>, lives: u32, stop: &CancellationToken) {
        let Some(repair) = &mut self.repair else { return };
        repair.is_fresh = false;
        repair.read += messages.len() as u64;
        let deliveries = messages.into_iter().map(|mut one| {
            // Whoever sent it was answered then.
            one.message.reply_to = None;
            Delivery { receipt: Receipt { session: SESSION, tag: one.place }, message: one.message }
        });
        if lives > 1 {
            self.suspects.hold(deliveries.collect());
            return;
        }
        let items = deliveries.map(|one| (one.message, Origin::Archive(one.receipt)));
        self.take_in(items.collect(), stop).await;
    }

    /// Reads from further back if reading has just begun, and with something that the journal does not know.
    fn reads_from_further_back(&mut self, first: &[Archived]) -> bool {
        let Some(repair) = &self.repair else { return false };
        let (margin, is_last) = (repair.margin + 1, repair.margin + 1 >= MARGINS.len() || repair.tail.since.is_none());
        if !repair.is_fresh || is_last || first.iter().any(|one| self.decider.knows(&one.message)) {
            return false;
        }
        let tail = repair.tail.clone();
        tracing::info!(
            shard = self.decider.shard,
            margin,
            "nothing known is met in the archive: it is read from earlier on"
        );
        self.read_archive(tail, margin);
        true
    }

    /// Counts the inputs that the journal did not have.
    pub(super) fn count_brought_back(&mut self, answers: &[Answer]) {
        let is_back = |answer: &&Answer| answer.result != Outcome::Duplicate && answer.seq.is_some();
        if let Some(repair) = &mut self.repair {
            repair.back += answers.iter().filter(is_back).count() as u64;
        }
    }

    fn note_repair(&mut self, what: String) {
        let record: Decided = self.decider.note_by_hand(BY, what);
        self.queue.push_back(record);
    }

    fn report_repair(&self) {
        let Some(Repair { tail, read, back, .. }) = &self.repair else { return };
        let said = format!(
            "{tail}, and inputs are taken again from the archive before anything new: {read} messages read, {back} inputs back"
        );
        self.health.send_if_modified(|health| health.set("repair", Some(said)));
    }
}

/// Reads an archive to its end, again and again from where it was when the broker went away.
async fn read_all(broker: Arc<dyn Broker>, shard: String, mut start: ArchiveStart, pages: mpsc::Sender<Page>) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    let mut block = Vec::new();
    loop {
        let last = match read_on(&*broker, &shard, &mut start, &mut block, &pages).await {
            Ok(last) => last,
            Err(error @ BrokerError::Unavailable { .. }) => {
                let why = format!("the archive of lost inputs is waited for: {}", chain(&error));
                tracing::warn!(shard, "{why}");
                // A page that waits is news enough.
                let _ = pages.try_send(Page::Away(why));
                backoff.wait().await;
                continue;
            }
            Err(error) => Page::Unreadable(chain(&error)),
        };
        // Whoever hung up wants no more.
        let _ = flush(&mut block, &pages).await;
        let _ = pages.send(last).await;
        return;
    }
}

/// Reads on, and sends each block that is whole; returns what comes behind them.
async fn read_on(
    broker: &dyn Broker,
    shard: &str,
    start: &mut ArchiveStart,
    block: &mut Vec<Archived>,
    pages: &mpsc::Sender<Page>,
) -> Result<Page, BrokerError> {
    let Some(mut archive) = broker.archive(shard, *start).await? else {
        return Ok(Page::Unreadable("none is kept".to_owned()));
    };
    loop {
        let messages = archive.next().await?;
        if messages.is_empty() {
            return Ok(Page::End);
        }
        for one in messages {
            *start = ArchiveStart::Behind(one.place);
            if block.first().is_some_and(|first| first.place / BLOCK != one.place / BLOCK)
                && flush(block, pages).await.is_err()
            {
                return Ok(Page::End);
            }
            block.push(one);
        }
    }
}

async fn flush(block: &mut Vec<Archived>, pages: &mpsc::Sender<Page>) -> Result<(), mpsc::error::SendError<Page>> {
    let Some(first) = block.first() else { return Ok(()) };
    pages.send(Page::Block(first.place / BLOCK, std::mem::take(block))).await
}

const fn time(at: i64) -> Moment {
    Moment(Timestamp(at))
}
