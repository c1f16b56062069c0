//! Decides who may touch a connection of SQLite: one thread of its own, fed through a bounded queue.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::file::lost_trust;
use crate::shard::ports::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// How many callers may queue up before the next one waits.
const QUEUE: usize = 64;

/// A thread that owns a connection and does one job after the other. Dropping it waits for the job at hand, so that
/// the file is closed afterwards.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Set for good when the disk has failed to keep what it was given.
    distrusted: Arc<AtomicBool>,
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error("the disk did not finish within {} s", .0.as_secs())]
    Late(Duration),
    #[error("the thread that uses the file has ended")]
    Ended,
    #[error("the disk failed to keep what was written; restart once it is sound")]
    Distrusted,
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start(name: &str, mut connection: Connection) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut connection);
                }
            })
            .map_err(|source| StoreError::Unavailable {
                attempt: "starting the store's thread",
                source: Box::new(source),
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), distrusted: Arc::default() })
    }

    /// Runs a job on the thread and waits for what it returns, at most for `patience`. A job that is given up on may
    /// still be done later.
    ///
    /// After a failed sync no job is done any more: what is in the page cache then proves nothing about what is on the
    /// disk, so only a new process may look at the file.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        attempt: &'static str,
        patience: Duration,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stuck = |why| StoreError::Unavailable { attempt, source: Box::new(why) };
        let jobs = self.jobs.as_ref().ok_or_else(|| stuck(Stuck::Ended))?;
        let (answer, answered) = oneshot::channel();
        let distrusted = Arc::clone(&self.distrusted);
        let job: Job = Box::new(move |connection| {
            let result =
                if distrusted.load(Ordering::Acquire) { Err(stuck(Stuck::Distrusted)) } else { job(connection) };
            if let Err(StoreError::Unavailable { source, .. }) = &result
                && source.downcast_ref().is_some_and(lost_trust)
            {
                distrusted.store(true, Ordering::Release);
            }
            // Nobody listens any more when the caller gave up; the job is done all the same.
            let _ = answer.send(result);
        });
        let done = timeout(patience, async {
            jobs.send(job).await.map_err(|_| Stuck::Ended)?;
            answered.await.map_err(|_| Stuck::Ended)
        });
        match done.await {
            Ok(Ok(result)) => result,
            Ok(Err(why)) => Err(stuck(why)),
            Err(_) => Err(stuck(Stuck::Late(patience))),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread has been reported by the job it was doing; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}
