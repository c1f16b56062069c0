//! Decides what a state of the model is: the servers, the daemons, the queue, the gate, and what the observer remembers.
//!
//! The hash of a record is the whole journal up to it, written out: `1a2b` is input 1, decided by owner `a`, and then
//! input 2, decided by owner `b`. A head so says what its journal holds, and one journal goes on another if its hash
//! begins with the other's.

use std::sync::Arc;

use picket::shard::ownership::Ownership;
use picket::shard::ports::{Head, Token};

/// Servers of the store.
pub(crate) const SERVERS: usize = 3;
/// How many characters a record adds to the hash.
pub(crate) const RECORD: usize = 2;

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) servers: [Server; SERVERS],
    /// The server whose journal counts.
    pub(crate) primary: u8,
    pub(crate) fail_overs: u8,
    pub(crate) daemons: [Daemon; 2],
    /// Each input, in the order of the queue.
    pub(crate) queue: Vec<Input>,
    /// The single active consumer.
    pub(crate) active: Option<u8>,
    /// The tokens that are bound to the gate.
    pub(crate) gate: Arc<Vec<String>>,
    /// A request that nobody waits for, and that may still be carried out.
    pub(crate) late: Option<Arc<Late>>,
    /// Take-overs that were begun.
    pub(crate) terms: u8,
    pub(crate) seen: Arc<Seen>,
}

/// A server of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) kept: Arc<Kept>,
    /// Whom it replicates; nobody, if it takes writes itself.
    pub(crate) upstream: Option<u8>,
}

/// What a server keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    pub(crate) ownership: Ownership,
    pub(crate) watermark: u8,
}

/// One of the two daemons. One that was killed, and one that waits for the lease, knows nothing and stands by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Daemon {
    Standby,
    /// It has read a journal while it stands by, and shows it once the replicas have what is written then.
    Following(Arc<Head>, Option<Written>),
    /// Its take-over was carried out, and waits for the replicas.
    TakingOver(Arc<TakeOver>, Written),
    Owner(Arc<Owner>),
}

/// The answer of a take-over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TakeOver {
    pub(crate) token: Token,
    pub(crate) head: Head,
    pub(crate) watermark: u8,
}

/// An owner, by its own light.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) token: Token,
    /// Where the journal ends, as far as it counts as committed.
    pub(crate) head: Head,
    /// The last output that is confirmed.
    pub(crate) published: u8,
    pub(crate) way: Way,
    pub(crate) writing: Option<Writing>,
}

/// How far an owner is with the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Shut,
    /// Its token is bound and others may be, too; it has the gate's lock.
    Bound,
    Open,
}

/// A batch on its way into the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Writing {
    /// Where the journal ends behind it.
    pub(crate) end: Head,
    /// Where it was carried out, once it was.
    pub(crate) written: Option<Written>,
}

/// A write that was carried out: where, and which other servers have it by now, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Written {
    pub(crate) at: u8,
    pub(crate) copies: u8,
}

/// Where an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Ready,
    /// With the active consumer, which has decided it and not acknowledged.
    Held,
    Acknowledged,
}

/// A request that was given up before it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    TakeOver { nonce: String },
    Append { token: Token, expected: Head, end: Head },
}

/// What an observer remembers who sees everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// The longest journal that somebody took for committed.
    pub(crate) committed: String,
    /// What was let through the gate, as the journal up to the last of it.
    pub(crate) published: String,
    /// Whose the gate was last.
    pub(crate) opened: Option<Token>,
    pub(crate) breach: Option<Breach>,
}

/// A promise that was broken at one moment, and would not be seen later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Breach {
    /// Two different records at one position were taken for committed.
    Forked,
    /// An output was let through that nobody had committed.
    Uncommitted,
    /// An output of an earlier owner was let through after the gate was a later one's.
    Late,
    /// A record was written under another token than the one in force.
    Foreign,
}

impl State {
    /// A new installation with so many inputs in its queue: two replicas follow the primary, and nobody owns the shard.
    pub(crate) fn first(inputs: u8) -> Self {
        let kept = Arc::new(Kept::default());
        let server = |upstream| Server { kept: Arc::clone(&kept), upstream };
        Self {
            servers: [server(None), server(Some(0)), server(Some(0))],
            primary: 0,
            fail_overs: 0,
            daemons: [Daemon::Standby, Daemon::Standby],
            queue: vec![Input::Ready; usize::from(inputs)],
            active: None,
            gate: Arc::default(),
            late: None,
            terms: 0,
            seen: Arc::default(),
        }
    }

    pub(crate) fn server(&self, at: u8) -> &Server {
        &self.servers[usize::from(at)]
    }

    /// The journal that counts.
    pub(crate) fn journal(&self) -> &str {
        &self.server(self.primary).kept.ownership.head.hash
    }

    pub(crate) fn owner(&self, daemon: u8) -> Option<&Owner> {
        match &self.daemons[usize::from(daemon)] {
            Daemon::Owner(owner) => Some(owner),
            Daemon::Standby | Daemon::Following(..) | Daemon::TakingOver(..) => None,
        }
    }

    pub(crate) fn owner_mut(&mut self, daemon: u8) -> Option<&mut Owner> {
        match &mut self.daemons[usize::from(daemon)] {
            Daemon::Owner(owner) => Some(Arc::make_mut(owner)),
            Daemon::Standby | Daemon::Following(..) | Daemon::TakingOver(..) => None,
        }
    }

    /// Servers that take writes.
    pub(crate) fn writable(&self) -> impl Iterator<Item = u8> {
        (0..).zip(&self.servers).filter(|(_, server)| server.upstream.is_none()).map(|(at, _)| at)
    }

    /// Every write of a daemon that waits for replicas.
    pub(crate) fn each_written(&mut self, mut each: impl FnMut(&mut Written)) {
        for daemon in &mut self.daemons {
            match daemon {
                Daemon::Standby | Daemon::Following(_, None) => {}
                Daemon::TakingOver(_, written) | Daemon::Following(_, Some(written)) => each(written),
                Daemon::Owner(owner) => {
                    if owner.writing.as_ref().is_some_and(|writing| writing.written.is_some())
                        && let Some(written) =
                            Arc::make_mut(owner).writing.as_mut().and_then(|one| one.written.as_mut())
                    {
                        each(written);
                    }
                }
            }
        }
    }

    /// The one name of all states that differ only in which replica, or which daemon, is called what.
    pub(crate) fn named_alike(mut self) -> Self {
        let mut replicas = (0..).zip(&self.servers).filter(|(_, one)| one.upstream == Some(self.primary));
        if let (Some((one, _)), Some((other, _))) = (replicas.next(), replicas.next())
            && self.rank(one) > self.rank(other)
        {
            self.swap_servers(one, other);
        }
        if self.daemons[0].rank() > self.daemons[1].rank() {
            self.daemons.swap(0, 1);
            self.active = self.active.map(|daemon| 1 - daemon);
        }
        self
    }

    pub(crate) fn swap_servers(&mut self, one: u8, other: u8) {
        let renamed = |name: u8| {
            if name == one {
                other
            } else if name == other {
                one
            } else {
                name
            }
        };
        self.servers.swap(usize::from(one), usize::from(other));
        self.primary = renamed(self.primary);
        for server in &mut self.servers {
            server.upstream = server.upstream.map(renamed);
        }
        self.each_written(|written| {
            written.at = renamed(written.at);
            let others = written.copies & !(bit(one) | bit(other));
            let has = |name| if written.copies & bit(name) == 0 { 0 } else { bit(renamed(name)) };
            written.copies = others | has(one) | has(other);
        });
    }

    fn rank(&self, replica: u8) -> (&str, &str, u8, [bool; 2]) {
        let kept = &self.server(replica).kept;
        let has = |daemon: &Daemon| daemon.written().is_some_and(|written| written.copies & bit(replica) != 0);
        let copies = [has(&self.daemons[0]), has(&self.daemons[1])];
        (&kept.ownership.token, &kept.ownership.head.hash, kept.watermark, copies)
    }
}

impl Daemon {
    pub(crate) fn written(&self) -> Option<Written> {
        match self {
            Self::Standby => None,
            Self::Following(_, written) => *written,
            Self::TakingOver(_, written) => Some(*written),
            Self::Owner(owner) => owner.writing.as_ref().and_then(|writing| writing.written),
        }
    }

    fn rank(&self) -> (&str, &str, Option<Written>) {
        match self {
            Self::Standby => ("", "", None),
            Self::Following(read, written) => ("", &read.hash, *written),
            Self::TakingOver(take_over, _) => (&take_over.token.nonce, "", None),
            Self::Owner(owner) => (&owner.token.nonce, "", None),
        }
    }
}

impl Owner {
    /// The journal as far as this owner has decided it.
    pub(crate) fn decided(&self) -> &Head {
        self.writing.as_ref().map_or(&self.head, |writing| &writing.end)
    }
}

/// The bit of a server.
pub(crate) const fn bit(server: u8) -> u8 {
    1 << server
}

/// Whether a journal contains an input; inputs count from 0 and are written from 1.
pub(crate) fn contains(journal: &str, input: usize) -> bool {
    journal.bytes().step_by(RECORD).any(|found| usize::from(found - b'1') == input)
}
