//! Decides what waits for publication: committed outputs, in order, until they are confirmed, and answers to senders.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::bugs::{self, Bug};
use crate::contract::answer::Answer;
use crate::contract::wire::OutMessage;

/// Answers kept for senders while the broker is away; older ones are dropped, a sender asks again.
const REPLIES: usize = 4096;

/// What waits for publication. Shared by the loop, which adds, and the publisher, which takes away.
#[derive(Debug, Default)]
pub(super) struct Outqueue {
    waiting: Mutex<Waiting>,
    news: Notify,
    drained: Notify,
    persisted: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    outputs: VecDeque<Arc<OutMessage>>,
    replies: VecDeque<Reply>,
    published: u64,
    persisted: u64,
}

/// An answer to a sender.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) to: String,
    pub(super) correlation: Option<String>,
    pub(super) body: Bytes,
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

    /// Waits until something was added, or left for later, since the last time that somebody waited.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// At most `most` outputs behind the first `first`.
    pub(super) fn behind_the_first(&self, first: usize, most: usize) -> Vec<OutMessage> {
        self.with(|waiting| {
            let outputs = waiting.outputs.iter().skip(first).take(most);
            outputs.map(|output| OutMessage::clone(output)).collect()
        })
    }

    /// Takes the answer that waits longest. The others are news: outputs must not wait behind all of them.
    pub(super) fn next_answer(&self) -> Option<Reply> {
        let (reply, left) = self.with(|waiting| (waiting.replies.pop_front(), waiting.replies.len()));
        if left > 0 {
            self.news.notify_one();
        }
        reply
    }

    /// The first so many outputs are out.
    pub(super) fn confirm(&self, count: usize) {
        self.with(|waiting| {
            let count = count.min(waiting.outputs.len());
            if let Some(last) = waiting.outputs.drain(..count).next_back() {
                waiting.published = last.number;
            }
        });
        self.drained.notify_one();
    }

    /// Outputs not yet confirmed.
    pub(super) fn len(&self) -> usize {
        self.with(|waiting| waiting.outputs.len())
    }

    /// Waits until some were confirmed, since the last time that somebody waited.
    pub(super) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// The last output that is confirmed.
    pub(super) fn published(&self) -> u64 {
        self.with(|waiting| waiting.published)
    }

    /// The last output whose publication is on record.
    pub(super) fn persisted(&self) -> u64 {
        self.with(|waiting| waiting.persisted)
    }

    /// Publication up to this output is on record.
    pub(super) fn persist(&self, published: u64) {
        self.with(|waiting| waiting.persisted = published);
        self.persisted.notify_one();
    }

    /// Waits until more was put on record, since the last time that somebody waited.
    pub(super) async fn more_persisted(&self) {
        self.persisted.notified().await;
    }

    fn with<T>(&self, action: impl FnOnce(&mut Waiting) -> T) -> T {
        action(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
