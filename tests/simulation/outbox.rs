//! Decides how outputs reach the modelled broker: over a line that carries them in order behind each other, whatever becomes
//! of who sent them, until it breaks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use picket::contract::wire::OutMessage;
use picket::shard::ports::{Beacon, BrokerError, Outbox, Token};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Seen, State};
use crate::fate::{Flaw, Slip};

/// How often a line that an alarm holds up looks whether it is over.
const PACE: Duration = Duration::from_millis(200);
/// More than a shard may have on its way.
const TOO_MANY: usize = 257;

/// The way out as one process sees it.
#[derive(Debug)]
pub(crate) struct Out {
    seen: Seen,
    token: Option<Token>,
    line: Option<Arc<Line>>,
}

/// One connection. What waits on it when it breaks, or is closed, never arrives.
#[derive(Debug, Default)]
struct Line {
    on_it: Mutex<OnIt>,
    news: Notify,
    answered: Notify,
}

#[derive(Debug, Default)]
struct OnIt {
    waiting: Vec<OutMessage>,
    /// Taken and not confirmed, as its sender knows.
    under_way: usize,
    /// Confirmed, and its sender does not know yet.
    confirmed: usize,
    failed: Option<BrokerError>,
    is_closed: bool,
}

impl Line {
    fn on_it(&self) -> MutexGuard<'_, OnIt> {
        self.on_it.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what is to be carried; nothing comes once it is broken or closed.
    async fn next(&self) -> Option<Vec<OutMessage>> {
        loop {
            {
                let on_it = &mut *self.on_it();
                if on_it.is_closed || on_it.failed.is_some() {
                    return None;
                }
                if !on_it.waiting.is_empty() {
                    return Some(std::mem::take(&mut on_it.waiting));
                }
            }
            self.news.notified().await;
        }
    }

    /// Tells its sender what became of what was carried: so many confirmed, and then why no more.
    fn answer(&self, confirmed: usize, failed: Option<BrokerError>) {
        let on_it = &mut *self.on_it();
        on_it.confirmed += confirmed;
        on_it.failed = failed;
        self.answered.notify_one();
    }

    fn close(&self) {
        self.on_it().is_closed = true;
        self.news.notify_one();
    }
}

/// Carries what is sent over a line, whoever still waits for it.
async fn carry(seen: Seen, token: Token, line: Arc<Line>) {
    let (fate, ends) = (Arc::clone(&seen.server.fate), seen.server.state().ends);
    while let Some(mut messages) = line.next().await {
        let all = messages.len();
        if fate.has(Flaw::WindowReversed) {
            messages.reverse();
        }
        if all > 1 && fate.slips(Slip::SomeConfirmed) {
            messages.truncate(all / 2);
        }
        while seen.server.state().alarm {
            sleep(PACE).await;
        }
        if seen.server.state().ends != ends {
            line.answer(0, Some(failed("the connection was lost")));
            return;
        }
        let (count, token) = (messages.len(), token.clone());
        let publish = move |state: &mut State| {
            if state.gate.as_ref() != Some(&token) {
                return Err(BrokerError::GateClosed);
            }
            state.published.extend(messages);
            Ok(())
        };
        match seen.call("publish", publish).await {
            Ok(()) if fate.has(Flaw::WholeWindowConfirmed) => line.answer(all, None),
            Err(BrokerError::Unavailable { .. }) if fate.has(Flaw::UnknownCountsAsConfirmed) => line.answer(all, None),
            Ok(()) => line.answer(count, (count < all).then(|| failed("a queue is full"))),
            Err(error) => line.answer(0, Some(error)),
        }
    }
}

fn failed(why: &'static str) -> BrokerError {
    BrokerError::Unavailable { attempt: "publishing", source: why.into() }
}

impl Out {
    pub(crate) fn new(seen: Seen) -> Self {
        Self { seen, token: None, line: None }
    }

    /// The line that outputs go over, or a new one.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is on its way does not wait for its sender, and ends with the run"
    )]
    fn line(&mut self, token: &Token) -> &Arc<Line> {
        self.line.get_or_insert_with(|| {
            let line = Arc::new(Line::default());
            tokio::spawn(carry(self.seen.clone(), token.clone(), Arc::clone(&line)));
            line
        })
    }

    fn hang_up(&mut self) {
        if let Some(line) = self.line.take() {
            line.close();
        }
    }
}

#[async_trait]
impl Outbox for Out {
    async fn take_over(&mut self, token: &Token) -> Result<(), BrokerError> {
        let mine = token.clone();
        let swap = move |state: &mut State| {
            if state.gate.as_ref().is_some_and(|other| other.epoch > mine.epoch) {
                return Err(BrokerError::GateClosed);
            }
            state.gate = Some(mine);
            Ok(())
        };
        self.seen.call("take_over", swap).await?;
        self.token = Some(token.clone());
        Ok(())
    }

    async fn beacon(&mut self) -> Result<Option<Beacon>, BrokerError> {
        self.seen.call("beacon", |state| Ok(state.beacon.clone())).await
    }

    async fn set_beacon(&mut self, beacon: &Beacon) -> Result<(), BrokerError> {
        let beacon = beacon.clone();
        let set = move |state: &mut State| {
            state.beacon = Some(beacon);
            Ok(())
        };
        self.seen.call("set_beacon", set).await
    }

    async fn send(&mut self, messages: &[OutMessage]) -> Result<usize, BrokerError> {
        self.seen.process.turn().await;
        let Some(token) = self.token.clone() else { return Err(BrokerError::GateClosed) };
        let line = self.line(&token);
        let on_it = &mut *line.on_it();
        if on_it.failed.is_some() {
            return Ok(0);
        }
        on_it.waiting.extend_from_slice(messages);
        on_it.under_way += messages.len();
        assert!(on_it.under_way < TOO_MANY, "{} outputs are on their way", on_it.under_way);
        line.news.notify_one();
        Ok(messages.len())
    }

    async fn confirmed(&mut self) -> Result<usize, BrokerError> {
        loop {
            self.seen.process.turn().await;
            let Some(line) = &self.line else { return std::future::pending().await };
            let failed = {
                let on_it = &mut *line.on_it();
                if on_it.confirmed > 0 {
                    on_it.under_way = on_it.under_way.saturating_sub(on_it.confirmed);
                    return Ok(std::mem::take(&mut on_it.confirmed));
                }
                on_it.failed.take()
            };
            if let Some(error) = failed {
                self.hang_up();
                return Err(error);
            }
            line.answered.notified().await;
        }
    }

    async fn reply(&mut self, _to: &str, _correlation: Option<&str>, _body: Bytes) -> Result<(), BrokerError> {
        self.seen.call("reply", |_| Ok(())).await
    }

    async fn check(&mut self) -> Result<(), BrokerError> {
        let look = |state: &mut State| match state.alarm {
            true => Err(failed("an alarm")),
            false => Ok(()),
        };
        self.seen.call("check of the broker", look).await
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.hang_up();
    }
}
