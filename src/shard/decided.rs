//! Decides what is held back until a record is committed: everything the world could see of it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::ports::{Batch, DirectoryWrite, Entry, Receipt};
use super::record::Record;
use crate::contract::answer::Answer;
use crate::contract::wire::OutMessage;

/// One decided input or timer, not yet seen by anybody.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// The record; none for a duplicate or a refusal that is not journaled.
    pub(super) record: Option<(Arc<Record>, Entry)>,
    /// Directory rows written with it.
    pub(super) directory: Vec<DirectoryWrite>,
    /// Content-addressed bodies written with it.
    pub(super) blobs: Vec<(String, Bytes)>,
    /// What it makes the world hear.
    pub(super) outputs: Vec<Arc<OutMessage>>,
    /// What is done for the sender once it is committed.
    pub(super) effects: Vec<Effect>,
}

impl Decided {
    /// Whether its input goes to another shard.
    pub(super) fn forwards(&self) -> bool {
        self.record.as_ref().is_some_and(|(record, _)| record.forwards())
    }
}

/// What is done for a sender after commit.
#[derive(Debug)]
pub(super) enum Effect {
    /// Acknowledges a delivery.
    Acknowledge(Receipt),
    /// Answers at `reply_to`.
    Reply {
        /// Where.
        to: String,
        /// The sender's own correlation.
        correlation: Option<String>,
        /// What.
        answer: Box<Answer>,
    },
    /// Answers a waiting request.
    Answer(oneshot::Sender<Vec<Answer>>, Vec<Answer>),
}

/// Takes at most `most` records' worth from the front, as one batch for the store.
pub(super) fn batch_of(decided: &[Decided]) -> Batch {
    let mut batch = Batch::default();
    for one in decided {
        batch.entries.extend(one.record.iter().map(|(_, entry)| entry.clone()));
        batch.directory.extend(one.directory.iter().cloned());
        batch.blobs.extend(one.blobs.iter().cloned());
    }
    batch
}
