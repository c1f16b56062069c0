//! Decides how dead letters are kept: one after the other, again and again until each is; then its delivery is done with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::backoff::Backoff;
use super::ports::{DeadLetter, DeadLetters, Receipt};
use crate::telemetry::chain;

/// Keeps what comes until the loop hangs up; tells it which deliveries are done with.
pub(super) async fn bury(
    keeper: Arc<dyn DeadLetters>,
    mut letters: mpsc::Receiver<(DeadLetter, Option<Receipt>)>,
    done: mpsc::Sender<Receipt>,
) {
    while let Some((letter, receipt)) = letters.recv().await {
        tracing::warn!(code = letter.code, detail = letter.detail, "a message is kept as a dead letter");
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while let Err(error) = keeper.put(letter.clone()).await {
            tracing::warn!(error = %chain(&error), "keeping a dead letter is tried again");
            backoff.wait().await;
        }
        if let Some(receipt) = receipt
            && done.send(receipt).await.is_err()
        {
            return;
        }
    }
}
