//! Decides how a call travels between a simulated daemon and its store or broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::fate::{Doom, Fate};

/// How long a caller waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a call may still be under way when its caller has given up.
const LATE: u64 = 3_000;

/// A simulated process, as everything outside sees it.
#[derive(Debug)]
pub(crate) struct Process {
    fate: Arc<Fate>,
    dead: AtomicBool,
    frozen: AtomicBool,
    thawed: Notify,
    pub(crate) store: AtomicBool,
    pub(crate) broker: AtomicBool,
}

/// Why a call gave no answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken(pub(crate) &'static str);

impl Process {
    pub(crate) fn new(fate: Arc<Fate>) -> Self {
        Self {
            fate,
            dead: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            thawed: Notify::new(),
            store: AtomicBool::new(true),
            broker: AtomicBool::new(true),
        }
    }

    /// From now on it does nothing any more.
    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    pub(crate) fn thaw(&self) {
        self.frozen.store(false, Ordering::Relaxed);
        self.thawed.notify_waiters();
    }

    /// Whether it answers its heartbeats.
    pub(crate) fn is_alive(&self) -> bool {
        !self.is_dead() && !self.frozen.load(Ordering::Relaxed)
    }

    /// Waits until the process may go on: for ever, once it is dead.
    pub(crate) async fn turn(&self) {
        while !self.is_alive() {
            if self.is_dead() {
                return std::future::pending().await;
            }
            self.thawed.notified().await;
        }
    }

    async fn end(&self) {
        self.die();
        std::future::pending().await
    }

    /// Carries one call: `reaches` says whether the other side is there, `act` is what it does.
    pub(crate) async fn carry<T: Send + 'static>(
        &self,
        what: &'static str,
        reaches: impl Fn() -> bool + Send,
        act: impl FnOnce(bool) -> T + Send + 'static,
    ) -> Result<T, Broken> {
        self.turn().await;
        let doom = self.fate.of_call(what);
        if doom == Some(Doom::KilledBefore) {
            self.end().await;
        }
        sleep(self.fate.delay()).await;
        if doom == Some(Doom::Slow) {
            sleep(Duration::from_secs(1)).await;
        }
        self.turn().await;
        if doom == Some(Doom::Refused) {
            return Err(Broken("it was refused"));
        }
        if doom == Some(Doom::RequestLost) || !reaches() {
            sleep(PATIENCE).await;
            return Err(Broken("nothing answered in time"));
        }
        if doom == Some(Doom::Late) {
            let after = PATIENCE + Duration::from_millis(self.fate.below(LATE));
            later(after, act);
            sleep(PATIENCE).await;
            return Err(Broken("no answer in time"));
        }
        let answers = !matches!(doom, Some(Doom::ReplyLost | Doom::KilledAfter));
        let done = act(answers);
        if doom == Some(Doom::KilledAfter) {
            self.end().await;
        }
        if doom == Some(Doom::ReplyLost) {
            sleep(PATIENCE).await;
            return Err(Broken("the answer was lost"));
        }
        sleep(self.fate.delay()).await;
        self.turn().await;
        Ok(done)
    }
}

/// Does something after a while, whoever still waits for it.
#[expect(clippy::disallowed_methods, reason = "nobody waits for it, and it ends with the run")]
fn later<T: 'static>(after: Duration, act: impl FnOnce(bool) -> T + Send + 'static) {
    tokio::spawn(async move {
        sleep(after).await;
        act(false);
    });
}
