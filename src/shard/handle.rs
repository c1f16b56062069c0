//! Decides how the rest of the daemon talks to a shard: it submits messages, reads committed state, follows the feed.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use picket_core::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::feed::Feed;
use super::state::ShardState;
use crate::contract::answer::Answer;
use crate::contract::wire::WireMessage;

/// Messages that may wait for the loop before senders are told to come again.
const WAITING: usize = 256;

/// A hold on a running shard. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ShardHandle {
    submissions: mpsc::Sender<Submission>,
    model: Arc<RwLock<ShardState>>,
    feed: Feed,
    health: watch::Receiver<Health>,
}

/// What the loop holds of the same things.
#[derive(Debug)]
pub struct ShardSide {
    pub(crate) submissions: mpsc::Receiver<Submission>,
    pub(crate) model: Arc<RwLock<ShardState>>,
    pub(crate) feed: Feed,
    pub(crate) health: Arc<watch::Sender<Health>>,
}

impl ShardSide {
    /// Where others say what is wrong, too.
    #[must_use]
    pub fn health(&self) -> Arc<watch::Sender<Health>> {
        Arc::clone(&self.health)
    }
}

/// One message from the API, and where its answers go after commit.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) message: WireMessage,
    pub(crate) answers: oneshot::Sender<Vec<Answer>>,
}

/// The shard takes nothing at the moment; nothing was taken.
#[derive(Debug, thiserror::Error)]
#[error("nothing was taken: {why}")]
pub struct Unavailable {
    /// Why.
    pub why: String,
    /// When to come again.
    pub retry_after: Duration,
}

/// How the shard and what it depends on are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the shard is owned here and routes.
    pub active: bool,
    /// Whether another daemon owns it, and this one waits for its turn.
    pub standby: bool,
    /// Who owns it, as far as this daemon knows.
    pub owner: Option<Owner>,
    /// The dependencies, each with what is wrong.
    pub dependencies: Vec<Dependency>,
}

/// The daemon that owns a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name on the lease.
    pub name: String,
    /// The proof of its ownership; only the owner itself knows it.
    pub token: Option<String>,
    /// When it took the shard over, or was first seen to own it.
    pub since: Timestamp,
}

/// One thing the shard depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// `store`, `journal`; `broker` is the way out, `inbox` the way in; `repair` while lost inputs are taken again, and
    /// nothing else is. An `archive` that is missing, `forwarding` that gets nowhere, `rules` that were refused, and outputs
    /// that are `unheard`, are told, and nothing waits for them.
    pub name: &'static str,
    /// What is wrong; nothing when it works.
    pub trouble: Option<String>,
}

impl Health {
    /// Whether events are taken and decided.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.trouble().is_none()
    }

    /// What is wrong, in one line; none when nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble_of(|name| !matches!(name, "archive" | "forwarding" | "rules" | "unheard"))
    }

    /// What keeps events from being committed. A broker that is away does not: outputs wait for it, up to a limit.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        self.trouble_of(|name| matches!(name, "store" | "journal" | "repair"))
    }

    /// Whether the daemon has done what it does before it routes, stands by, or takes lost inputs again, which may take
    /// long.
    #[must_use]
    pub fn has_started(&self) -> bool {
        let repairs = self.dependencies.iter().any(|one| one.name == "repair" && one.trouble.is_some());
        self.standby || repairs || self.ready()
    }

    fn trouble_of(&self, counts: impl Fn(&str) -> bool) -> Option<String> {
        let troubles: Vec<String> = self
            .dependencies
            .iter()
            .filter(|d| counts(d.name))
            .filter_map(|d| d.trouble.as_ref().map(|trouble| format!("{}: {trouble}", d.name)))
            .collect();
        match (troubles.is_empty(), self.active) {
            (true, true) => None,
            (true, false) => Some("the shard is starting".to_owned()),
            (false, _) => Some(troubles.join("; ")),
        }
    }

    /// Whether something was said about a dependency.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency.name == name)
    }

    /// Whether something is wrong with a dependency.
    #[must_use]
    pub fn is_in_trouble(&self, name: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency.name == name && dependency.trouble.is_some())
    }

    /// Sets what is wrong with a dependency; returns whether that is news.
    pub fn set(&mut self, name: &'static str, trouble: Option<String>) -> bool {
        match self.dependencies.iter_mut().find(|dependency| dependency.name == name) {
            Some(known) if known.trouble == trouble => false,
            Some(known) => {
                known.trouble = trouble;
                true
            }
            None => {
                self.dependencies.push(Dependency { name, trouble });
                true
            }
        }
    }
}

/// Makes both sides of a shard's handle; `kept` outputs stay in the feed for resumption.
#[must_use]
pub fn pair(kept: usize) -> (ShardHandle, ShardSide) {
    let (submissions, taken) = mpsc::channel(WAITING);
    let (health, seen) = watch::channel(Health::default());
    let (model, feed) = (Arc::new(RwLock::new(ShardState::default())), Feed::new(kept));
    let handle = ShardHandle { submissions, model: Arc::clone(&model), feed: feed.clone(), health: seen };
    (handle, ShardSide { submissions: taken, model, feed, health: Arc::new(health) })
}

impl ShardHandle {
    /// Hands a message to the loop and waits until what came of it is committed.
    ///
    /// # Errors
    /// [`Unavailable`] while the shard cannot commit; nothing was taken then, or it is not known whether, and sending
    /// the same event again is safe.
    pub async fn submit(&self, message: WireMessage) -> Result<Vec<Answer>, Unavailable> {
        if let Some(why) = self.health().obstacle() {
            return Err(unavailable(why));
        }
        let (answers, answered) = oneshot::channel();
        let submission = Submission { message, answers };
        self.submissions.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => unavailable("too many messages wait".to_owned()),
            mpsc::error::TrySendError::Closed(_) => unavailable("the shard is stopping".to_owned()),
        })?;
        answered.await.map_err(|_| unavailable("the shard gave up ownership while the event was written".to_owned()))
    }

    /// The committed state. To be read briefly, and never across an await.
    pub fn model(&self) -> RwLockReadGuard<'_, ShardState> {
        self.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outputs as they are committed.
    #[must_use]
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How the shard is now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }
}

const fn unavailable(why: String) -> Unavailable {
    Unavailable { why, retry_after: Duration::from_secs(1) }
}
