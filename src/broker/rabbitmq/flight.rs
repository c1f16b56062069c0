//! Decides when an output that is on its way counts as published: confirmed by the broker, and not returned.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use lapin::{Channel, Confirmation};

use super::convert::outgoing;
use super::outbox::publish_one;
use crate::clock::Monotonic;
use crate::contract::wire::OutMessage;

type Outcome = Result<Confirmation, lapin::Error>;

/// Outputs on their way over one channel, in order, until they are out or one of them fails. They stay here over calls, so that a caller that gave up waiting does not
/// send them twice.
pub(super) struct Flight {
    channel: Channel,
    returns: Returns,
    sent: VecDeque<Sent>,
    /// Whether one of them came back for which the gate is closed.
    is_returned: bool,
    /// Since when nothing has become of the front.
    since: Monotonic,
}

/// What it means that an output comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returns {
    /// The gate is closed to its sender.
    GateClosed,
    /// Nobody wants it, and it is out all the same.
    Unwanted,
}

/// Why the front of a flight is not out, and nothing is on its way any more.
#[derive(Debug)]
pub(super) enum Failure {
    /// The broker would not have it: a queue that it is routed to is full.
    Refused,
    /// The gate is closed.
    Returned,
    /// The channel is of no use any more.
    Broken(lapin::Error),
}

struct Sent {
    confirm: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    settled: Option<Settled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Taken,
    Refused,
}

impl Flight {
    pub(super) fn new(channel: Channel, returns: Returns) -> Self {
        Self { channel, returns, sent: VecDeque::new(), is_returned: false, since: Monotonic::now() }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Since when nothing has become of the front.
    pub(super) fn since(&self) -> Monotonic {
        self.since
    }

    /// From now on the front is waited for anew.
    pub(super) fn excuse(&mut self) {
        self.since = Monotonic::now();
    }

    /// Whether one on its way is known to have failed, so that nothing may follow it.
    pub(super) fn has_failed(&self) -> bool {
        self.is_returned || self.sent.iter().any(|sent| sent.settled == Some(Settled::Refused))
    }

    /// Sends these behind what is on its way.
    pub(super) fn add(&mut self, messages: &[OutMessage], exchange: &str, gate_key: &str) {
        if self.sent.is_empty() {
            self.excuse();
        }
        for message in messages {
            let channel = self.channel.clone();
            let (exchange, key) = (exchange.to_owned(), message.routing_key.clone());
            let properties = outgoing(message, gate_key);
            let mut confirm: Pin<Box<dyn Future<Output = Outcome> + Send>> =
                Box::pin(publish_one(channel, exchange, key, message.body.clone(), properties));
            // One poll each, in order: that hands the frames over in order without waiting for each to be written.
            if let Some(outcome) = confirm.as_mut().now_or_never() {
                confirm = Box::pin(std::future::ready(outcome));
            }
            self.sent.push_back(Sent { confirm, settled: None });
        }
    }

    /// Waits until some are out, from the front, and returns how many; for ever while nothing is on its way. Cancel-safe.
    pub(super) async fn progress(&mut self) -> Result<usize, Failure> {
        std::future::poll_fn(|context| self.poll_progress(context)).await
    }

    fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        let known = match self.look(context, Look::UntilPending) {
            Ok(()) => self.sent.iter().take_while(|sent| sent.settled.is_some()).count(),
            Err(error) => return Poll::Ready(Err(Failure::Broken(error))),
        };
        if known == 0 {
            return Poll::Pending;
        }
        self.wait_for_returns();
        if let Err(error) = self.look(context, Look::AtAll) {
            return Poll::Ready(Err(Failure::Broken(error)));
        }
        let is_out = |sent: &&Sent| sent.settled == Some(Settled::Taken);
        let out = self.sent.iter().take(known).take_while(is_out).count();
        if out > 0 && !self.is_returned {
            self.sent.drain(..out);
            self.excuse();
            return Poll::Ready(Ok(out));
        }
        // An answer that is still to come may bring the return of what is sent next: all are waited for.
        if self.sent.iter().any(|sent| sent.settled.is_none()) {
            return Poll::Pending;
        }
        self.sent.clear();
        let is_returned = std::mem::take(&mut self.is_returned);
        Poll::Ready(Err(if is_returned { Failure::Returned } else { Failure::Refused }))
    }

    /// Takes in what has become of those on their way.
    fn look(&mut self, context: &mut Context<'_>, look: Look) -> Result<(), lapin::Error> {
        for sent in self.sent.iter_mut().filter(|sent| sent.settled.is_none()) {
            let Poll::Ready(outcome) = sent.confirm.as_mut().poll(context) else {
                match look {
                    Look::UntilPending => return Ok(()),
                    Look::AtAll => continue,
                }
            };
            let confirmation = outcome?;
            sent.settled = Some(if confirmation.is_ack() { Settled::Taken } else { Settled::Refused });
            self.is_returned |= self.returns == Returns::GateClosed && confirmation.take_message().is_some();
        }
        Ok(())
    }

    /// Lets the return of whatever is confirmed by now be seen by the next look.
    ///
    /// A return comes before its confirm, and rides on the first confirm behind it: on any of those that the broker's frame
    /// confirms together. The client resolves these one after the other, on a thread of its own, and holds a lock meanwhile
    /// that this call takes: afterwards all of them are resolved.
    fn wait_for_returns(&mut self) {
        if self.returns == Returns::Unwanted {
            return;
        }
        // What it brings itself rode on a confirm that nobody waits for any more.
        let stray = self.channel.wait_for_confirms().now_or_never();
        self.is_returned |= matches!(stray, Some(Ok(messages)) if !messages.is_empty());
    }
}

#[derive(Clone, Copy)]
enum Look {
    /// From the front to the first that is not confirmed.
    UntilPending,
    AtAll,
}
