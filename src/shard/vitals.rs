//! Decides how readiness keeps telling the truth while nothing is written or delivered: store and inbox are looked at.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::handle::Health;
use super::ports::{Pulse, Store};
use super::run::Lost;
use crate::telemetry::chain;

/// How often the store is asked, which is a question to a server.
const ASKED: Duration = Duration::from_secs(1);

/// How often the inbox is looked at, which costs nothing.
const LOOKED: Duration = Duration::from_millis(100);

/// Asks the store until the term is over.
pub(super) async fn store(
    store: Arc<dyn Store>,
    health: Arc<watch::Sender<Health>>,
    over: CancellationToken,
) -> Result<(), Lost> {
    let mut pace = tokio::time::interval(ASKED);
    let mut was_in_trouble = false;
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => return Ok(()),
            _ = pace.tick() => {}
        }
        let trouble = store.check().await.err().map(|error| chain(&error));
        // A store that answers may still refuse to write: of that the writer tells, and takes it back.
        let is_news = trouble.is_some() || was_in_trouble;
        was_in_trouble = trouble.is_some();
        health.send_if_modified(|health| is_news && health.set("store", trouble));
    }
}

/// Looks at the inbox until the term is over.
pub(super) async fn inbox(
    pulse: Arc<dyn Pulse>,
    health: Arc<watch::Sender<Health>>,
    over: CancellationToken,
) -> Result<(), Lost> {
    let mut pace = tokio::time::interval(LOOKED);
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => return Ok(()),
            _ = pace.tick() => look(&*pulse, &health),
        }
    }
}

/// Tells of the inbox what there is to tell now.
pub(super) fn look(pulse: &dyn Pulse, health: &watch::Sender<Health>) {
    health.send_if_modified(|health| health.set("inbox", pulse.trouble()));
}
