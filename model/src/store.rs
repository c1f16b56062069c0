//! Decides what the servers of the store do: take over, append, replicate, fail over. Who is let in, and where a batch
//! belongs, is asked of the daemon's own [`Ownership`].

use std::sync::Arc;

use picket::shard::ownership::{Ownership, Place};
use picket::shard::ports::{Batch, Entry, Head, StoreError, Token};

use crate::flaw::Flaw;
use crate::state::{Breach, Daemon, Kept, RECORD, Seen, State, Written, bit};

/// A request to append, as it is sent.
pub(crate) struct Append<'a> {
    pub(crate) token: &'a Token,
    pub(crate) expected: &'a Head,
    pub(crate) end: &'a Head,
}

impl Append<'_> {
    /// The batch that leads from the expected head to the end.
    fn batch(&self) -> Batch {
        let hashes = (self.expected.hash.len() + RECORD..=self.end.hash.len()).step_by(RECORD);
        let entries = hashes.zip(self.expected.seq + 1..).map(|(length, seq)| Entry {
            seq,
            hash: self.end.hash[..length].to_owned(),
            body: Vec::new().into(),
        });
        Batch { entries: entries.collect(), ..Batch::default() }
    }

    /// The same records, wherever the journal ends.
    fn behind(&self, found: &Head) -> (Head, Head) {
        let added = &self.end.hash[self.expected.hash.len()..];
        let end = Head { seq: found.seq + (added.len() / RECORD) as u64, hash: format!("{}{added}", found.hash) };
        (found.clone(), end)
    }
}

/// Gives a server's shard to a new owner. The clock says nothing: it may have been set back.
pub(crate) fn take_over(kept: &mut Arc<Kept>, nonce: &str) -> Token {
    Arc::make_mut(kept).ownership.take_over(nonce, 0)
}

/// Carries an append out.
pub(crate) fn append(
    kept: &mut Arc<Kept>,
    seen: &mut Arc<Seen>,
    flaw: Flaw,
    append: &Append<'_>,
) -> Result<Place, StoreError> {
    admit(&kept.ownership, append.token, flaw)?;
    let place = if flaw == Flaw::NoHead {
        let (expected, end) = append.behind(&kept.ownership.head);
        let moved = Append { expected: &expected, end: &end, ..*append };
        Arc::make_mut(kept).ownership.advance(&expected, &moved.batch())?
    } else {
        // Asked first, so that a refused request copies nothing.
        let mut ownership = kept.ownership.clone();
        let place = ownership.advance(append.expected, &append.batch())?;
        Arc::make_mut(kept).ownership = ownership;
        place
    };
    if place == Place::Free && kept.ownership.token != append.token.to_string() {
        breach(seen, Breach::Foreign);
    }
    Ok(place)
}

/// Lets an owner pass.
pub(crate) fn admit(ownership: &Ownership, token: &Token, flaw: Flaw) -> Result<(), StoreError> {
    if flaw.compares_epochs() && ownership.epoch == token.epoch { Ok(()) } else { ownership.admit(token) }
}

/// Remembers the first promise that was broken.
pub(crate) fn breach(seen: &mut Arc<Seen>, breach: Breach) {
    if seen.breach.is_none() {
        Arc::make_mut(seen).breach = Some(breach);
    }
}

impl State {
    /// Whether a replica lacks something, or a write waits for it.
    pub(crate) fn lags(&self, replica: u8) -> bool {
        let Some(upstream) = self.server(replica).upstream else { return false };
        let waits = |daemon: &Daemon| {
            daemon.written().is_some_and(|written| written.at == upstream && written.copies & bit(replica) == 0)
        };
        self.server(replica).kept != self.server(upstream).kept || self.daemons.iter().any(waits)
    }

    /// A replica has everything that its server has. Having it in several steps could be seen by nobody.
    pub(crate) fn replicate(&mut self, replica: u8) {
        let Some(upstream) = self.server(replica).upstream else { return };
        self.servers[usize::from(replica)].kept = Arc::clone(&self.server(upstream).kept);
        self.each_written(|written| {
            if written.at == upstream {
                written.copies |= bit(replica);
            }
        });
    }

    /// A replica is promoted. The old primary lives on, and so do the others' links to it.
    pub(crate) fn fail_over(&mut self, to: u8, flaw: Flaw) {
        let Some(upstream) = self.servers[usize::from(to)].upstream.take() else { return };
        self.leave(to, upstream, flaw);
        self.primary = to;
        self.fail_overs += 1;
        // The promoted one gets one name, since the replicas were alike.
        if to == 2 {
            self.swap_servers(1, 2);
        }
    }

    /// A server becomes a replica of the primary, with all that the primary has and nothing else.
    pub(crate) fn rejoin(&mut self, server: u8, flaw: Flaw) {
        let primary = self.primary;
        match self.servers[usize::from(server)].upstream.replace(primary) {
            Some(before) => self.leave(server, before, flaw),
            None => self.break_calls(server, flaw),
        }
        self.replicate(server);
    }

    /// A replica that leaves a server is not counted there any more; what was answered before stays answered.
    fn leave(&mut self, replica: u8, upstream: u8, flaw: Flaw) {
        let waits = |daemon: &Daemon, written: Written| written.copies.count_ones() < awaited(daemon, flaw);
        for daemon in 0..self.daemons.len() {
            let one = &self.daemons[daemon];
            let Some(written) = one.written().filter(|written| written.at == upstream && waits(one, *written)) else {
                continue;
            };
            self.daemons[daemon].rewrite(Some(Written { copies: written.copies & !bit(replica), ..written }));
        }
    }

    /// A server that takes no writes any more answers nobody who waits there.
    fn break_calls(&mut self, server: u8, flaw: Flaw) {
        for daemon in &mut self.daemons {
            if daemon.written().is_some_and(|one| one.at == server && one.copies.count_ones() < awaited(daemon, flaw)) {
                daemon.rewrite(None);
            }
        }
    }
}

/// How many replicas must have what a daemon wrote.
pub(crate) const fn awaited(daemon: &Daemon, flaw: Flaw) -> u32 {
    match daemon {
        Daemon::TakingOver(..) => flaw.awaited_at_take_over(),
        Daemon::Standby | Daemon::Following(..) | Daemon::Owner(_) => flaw.awaited(),
    }
}

impl Daemon {
    /// Changes what is known of the write that is under way. Nothing at all: an append is tried again, a take-over is not.
    pub(crate) fn rewrite(&mut self, now: Option<Written>) {
        match self {
            Self::Standby => {}
            Self::Following(_, written) => *written = now,
            Self::TakingOver(_, written) => match now {
                Some(now) => *written = now,
                None => *self = Self::Standby,
            },
            Self::Owner(owner) => {
                if let Some(writing) = Arc::make_mut(owner).writing.as_mut() {
                    writing.written = now;
                }
            }
        }
    }
}
