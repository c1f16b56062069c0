//! Decides when a daemon tries to own a shard: when no other daemon has the lease. A lease says when to try and protects
//! nothing; that is what the token is for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::bugs::{self, Bug};
use super::handle::{Health, Owner};
use super::ports::{Lease, Store};
use super::run::Lost;
use super::spread::Spread;
use crate::clock::Clock;
use crate::telemetry::chain;

/// How long a lease lasts that is not prolonged: after so long another daemon takes over from one that died.
const LASTS: Duration = Duration::from_millis(1500);

/// How often it is prolonged.
const PROLONGED: Duration = Duration::from_millis(300);

/// How often one who stands by asks for it.
const ASKED: Duration = Duration::from_millis(100);

/// The lease of one shard, as one daemon sees it.
#[derive(Clone, Debug)]
pub(super) struct Leaseholder {
    pub(super) store: Arc<dyn Store>,
    pub(super) shard: String,
    /// This daemon, and no other one.
    pub(super) name: String,
    pub(super) health: Arc<watch::Sender<Health>>,
    pub(super) clock: Clock,
    pub(super) spread: Arc<Spread>,
}

impl Leaseholder {
    /// Stands by until the lease is this daemon's; false if it is told to stop before.
    pub(super) async fn obtain(&self, stop: &CancellationToken) -> bool {
        let mut told = String::new();
        while !stop.is_cancelled() {
            match self.ask().await {
                Ok(Lease::Held) => {
                    self.health.send_if_modified(|health| std::mem::take(&mut health.standby));
                    return true;
                }
                Ok(Lease::HeldBy(other)) => {
                    if told != other {
                        tracing::info!(shard = self.shard, owner = other, "another daemon owns the shard: standing by");
                        told.clone_from(&other);
                    }
                    let why = format!("{other} owns the shard; this daemon stands by");
                    let since = self.clock.now();
                    self.health.send_if_modified(|health| {
                        if health.owner.as_ref().is_none_or(|known| known.name != other) {
                            health.owner = Some(Owner { name: other, token: None, since });
                        }
                        !std::mem::replace(&mut health.standby, true)
                            | health.set("store", None)
                            | health.set("journal", Some(why))
                    });
                }
                Err(trouble) => {
                    self.health.send_if_modified(|health| health.set("store", Some(trouble)));
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(ASKED) => {}
            }
        }
        false
    }

    /// Prolongs it until the term is over. Ends the term in order, once the shard is to be another daemon's.
    ///
    /// # Errors
    /// Another daemon has it: this one was away for too long.
    pub(super) async fn prolong(self, over: CancellationToken, end: CancellationToken) -> Result<(), Lost> {
        loop {
            tokio::select! {
                biased;
                () = over.cancelled() => return Ok(()),
                () = tokio::time::sleep(PROLONGED) => {}
            }
            if !end.is_cancelled() && self.spread.gives_away(&self.shard) {
                tracing::info!(shard = self.shard, "the shard is handed over: this daemon has more than its part");
                end.cancel();
            }
            if bugs::has(Bug::LeaseNotProlonged) {
                continue;
            }
            // A store that does not answer is told of by those who need its answers.
            if let Ok(Lease::HeldBy(_)) = self.ask().await {
                return Err(Lost::Part("another daemon has the lease"));
            }
        }
    }

    /// Gives it back, so that who stands by need not wait for its end.
    pub(super) async fn release(&self) {
        if let Err(error) = self.store.release(&self.shard, &self.name).await {
            tracing::debug!(shard = self.shard, error = %chain(&error), "the lease ends by itself");
        }
    }

    async fn ask(&self) -> Result<Lease, String> {
        self.store.lease(&self.shard, &self.name, LASTS).await.map_err(|error| chain(&error))
    }
}
