//! Decides how a domain moves from one shard to a new one: while no daemon owns either, the new one begins with a copy of
//! the other's state, and the other's journal says that it has the domain no more. Killed in between, it is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use picket_core::{ContactState, Kind, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identify::{AccountRow, CustomerRow, Owners, Pepper, key};
use super::neighbours::{Neighbour, Neighbours};
use super::ports::{Batch, DirectoryKind, DirectoryWrite, Head, Lease, Store, StoreError, Token};
use super::record::{Cause, Record, ShellFact, VERSION, Verdict, hex};
use super::recover::{self, Read, recover};
use super::state::ShardState;
use super::{chance, intake, snapshot};
use crate::telemetry::chain;

/// How long both leases are held at once.
const LEASE: Duration = Duration::from_secs(60);
/// Rows written with one append.
const PAGE: usize = 256;
/// Every kind of row that a domain can have.
const KINDS: [DirectoryKind; 7] = [
    DirectoryKind::Customer,
    DirectoryKind::Account,
    DirectoryKind::Agent,
    DirectoryKind::Address,
    DirectoryKind::Familiarity,
    DirectoryKind::Value,
    DirectoryKind::Contact,
];

/// A domain that is not where the settings say.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misplaced {
    /// What is live in it is another shard's.
    #[error(
        "the domain {domain} is the shard {to}'s by the settings, and what is live in it is in the shard {from}: stop every \
         daemon and run `picket setup --move-domain {domain} --from {from}`, or name it under [shards.{from}] again"
    )]
    NotMoved {
        /// Which domain.
        domain: String,
        /// Where it is.
        from: String,
        /// Where it should be.
        to: String,
    },
    /// It was moved away.
    #[error("the domain {domain} was moved to the shard {to}: name it under [shards.{to}]")]
    Gone {
        /// Which domain.
        domain: String,
        /// Where it is.
        to: String,
    },
    /// Where it is could not be read.
    #[error("the journal of another shard cannot be read")]
    Unread(#[from] Box<recover::Error>),
}

/// Why a domain was not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A daemon runs.
    #[error("the shard {shard} is owned by {owner}: stop every daemon, and move the domain then")]
    Owned {
        /// Which shard.
        shard: String,
        /// By whom.
        owner: String,
    },
    /// The domain is not in that shard.
    #[error("the shard {shard} does not have the domain {domain}{}", has(.domains))]
    NotThere {
        /// Which shard.
        shard: String,
        /// Which domain.
        domain: String,
        /// Those it has.
        domains: Vec<String>,
    },
    /// It was moved before.
    #[error(
        "the domain {domain} of the shard {shard} was moved to the shard {to} already: name it under [shards.{to}], or move it \
         on from there"
    )]
    Elsewhere {
        /// Which domain.
        domain: String,
        /// Which shard had it.
        shard: String,
        /// The one that has it.
        to: String,
    },
    /// Something is not out yet.
    #[error(
        "{count} {what} of the shard {shard} are not out yet: start a daemon with the settings of before, wait until \
         `picket shards` shows no trouble, and stop it in order"
    )]
    UnderWay {
        /// Outputs, or events for other shards.
        what: &'static str,
        /// How many.
        count: u64,
        /// Which shard.
        shard: String,
    },
    /// The new shard is not new.
    #[error(
        "the shard {shard} has a journal of its own already: a domain moves into a new shard; give [shards.NAME] another name"
    )]
    Taken {
        /// Which shard.
        shard: String,
    },
    /// The store did not do it.
    #[error("the store did not do it")]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn unread(error: recover::Error) -> Error {
    match error {
        recover::Error::Store(error) => Error::Store(error),
        error @ (recover::Error::Record(_) | recover::Error::Gap { .. } | recover::Error::Short { .. }) => {
            Error::Journal(error.into())
        }
    }
}

fn has(domains: &[String]) -> String {
    if domains.is_empty() {
        String::from("; nothing was routed there yet")
    } else {
        format!("; it has {}", domains.join(", "))
    }
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Which domain.
    pub domain: String,
    /// The shard that had it.
    pub from: String,
    /// The one that has it.
    pub to: String,
    /// Live contacts that go on there.
    pub contacts: usize,
    /// Customers and accounts that were taken along.
    pub customers: usize,
}

/// A domain to be moved.
#[derive(Debug)]
pub struct Move<'a> {
    /// What remembers.
    pub store: &'a dyn Store,
    /// What turns people into keyed hashes.
    pub pepper: &'a Pepper,
    /// Which domain.
    pub domain: &'a str,
    /// The shard that has it.
    pub from: &'a str,
    /// The new one.
    pub to: &'a str,
    /// Who moves it, on leases and tokens.
    pub holder: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Rows that go along, and what becomes of those that stay behind.
#[derive(Debug, Default)]
struct Rows {
    there: Vec<DirectoryWrite>,
    here: Vec<DirectoryWrite>,
    customers: usize,
}

impl Move<'_> {
    /// Moves it, once it is known that it can be and what else is needed for it is ready.
    ///
    /// # Errors
    /// [`enum@Error`]. Nothing is moved then, or it is moved when the same is done again.
    pub async fn run<E: From<Error>>(self, ready: impl Future<Output = Result<(), E>>) -> Result<Moved, E> {
        let moved = async {
            self.hold().await?;
            self.look().await?;
            ready.await?;
            Ok(self.moved().await?)
        };
        let moved = moved.await;
        for shard in [self.from, self.to] {
            if let Err(error) = self.store.release(shard, self.holder).await {
                // Whoever comes next waits until it has run out.
                tracing::warn!(shard, error = %chain(&error), "a lease could not be given back");
            }
        }
        moved
    }

    /// Whether it can be moved; nothing is changed.
    async fn look(&self) -> Result<(), Error> {
        let state = other_state(self.store, self.from).await.map_err(unread)?;
        match state.forwards.has(self.domain) {
            Some(to) if to == self.to => Ok(()),
            Some(to) => {
                let (domain, shard, to) = (self.domain.to_owned(), self.from.to_owned(), to.to_owned());
                Err(Error::Elsewhere { domain, shard, to })
            }
            None if self.store.head(self.to).await?.seq > 0 => Err(Error::Taken { shard: self.to.to_owned() }),
            None => self.check(&state, self.store.watermark(self.from).await?),
        }
    }

    async fn moved(&self) -> Result<Moved, Error> {
        let mut nonce = [0; 16];
        chance::fill(&mut nonce).map_err(|error| Error::Journal(error.to_string().into()))?;
        let (nonce, floor) = (hex(&nonce), u64::try_from(self.now.0).unwrap_or(0));
        let found = recover(self.store, self.from, self.holder, &nonce, floor, None).await;
        let found = found.map_err(unread)?;
        let (state, mut owned) = (&found.read.state, (found.token, found.read.state.head.clone()));
        let rows = self.rows(state).await?;
        let mut contacts = 0;
        // Marked already: somebody was killed behind it, and only what stayed behind is to be tidied up.
        if state.forwards.has(self.domain) != Some(self.to) {
            // Once more, now that nobody else can write.
            self.check(state, found.watermark)?;
            contacts = self.copy(state, &rows, &nonce, floor).await?;
            owned.1 = self.mark(state, &owned).await?;
        }
        self.write(self.from, &owned, &rows.here).await?;
        let (domain, from, to) = (self.domain.to_owned(), self.from.to_owned(), self.to.to_owned());
        Ok(Moved { domain, from, to, contacts, customers: rows.customers })
    }

    /// Takes both leases, or prolongs them: nobody is to begin in between.
    async fn hold(&self) -> Result<(), Error> {
        for shard in [self.from, self.to] {
            if let Lease::HeldBy(owner) = self.store.lease(shard, self.holder, LEASE).await? {
                return Err(Error::Owned { shard: shard.to_owned(), owner });
            }
        }
        Ok(())
    }

    fn check(&self, state: &ShardState, watermark: u64) -> Result<(), Error> {
        let domains = state.rules.as_ref().map(|rules| rules.domains.clone()).unwrap_or_default();
        if !domains.iter().any(|known| known == self.domain) {
            let (shard, domain) = (self.from.to_owned(), self.domain.to_owned());
            return Err(Error::NotThere { shard, domain, domains });
        }
        let unpublished = state.outputs.saturating_sub(watermark);
        for (what, count) in [("outputs", unpublished), ("events for other shards", state.forwards.len() as u64)] {
            if count > 0 {
                return Err(Error::UnderWay { what, count, shard: self.from.to_owned() });
            }
        }
        Ok(())
    }

    /// Lets the new shard begin with what the other one knows; how many contacts are live in the domain.
    async fn copy(&self, state: &ShardState, rows: &Rows, nonce: &str, floor: u64) -> Result<usize, Error> {
        let (token, head) = self.store.acquire(self.to, self.holder, nonce, floor).await?;
        if head.seq > 0 {
            return Err(Error::Taken { shard: self.to.to_owned() });
        }
        let owned = (token, head);
        // What an earlier attempt left may be there no more.
        let wanted: BTreeSet<_> = rows.there.iter().map(|write| &write.key).collect();
        let mut stale = Vec::new();
        for kind in KINDS {
            let there = self.store.rows(self.to, kind).await?.into_iter().map(|(id, _)| key(kind, id));
            stale.extend(there.filter(|key| !wanted.contains(key)).map(|key| DirectoryWrite { key, body: None }));
        }
        self.write(self.to, &owned, &stale).await?;
        self.write(self.to, &owned, &rows.there).await?;
        let mut beginning = state.clone();
        (beginning.head, beginning.outputs) = (Head::default(), 0);
        beginning.forwards.begin_as(self.from, state.head.seq);
        let domains = state.rules.iter().flat_map(|rules| &rules.domains);
        for other in domains.filter(|domain| *domain != self.domain) {
            beginning.forwards.moved(other, self.from);
        }
        let beginning = snapshot::encode(&beginning).map_err(|error| Error::Journal(error.into()))?;
        self.store.save_snapshot(self.to, &owned.0, &beginning).await?;
        let live = state.router.contacts().filter(|view| view.state != ContactState::Closed);
        Ok(live.filter(|view| state.meta(view.id).is_some_and(|meta| *meta.domain == *self.domain)).count())
    }

    /// Says in the journal that the domain is the other shard's: from here on it is.
    async fn mark(&self, state: &ShardState, (token, head): &(Token, Head)) -> Result<Head, Error> {
        let fact = ShellFact::DomainMoved { domain: self.domain.to_owned(), shard: self.to.to_owned() };
        let record = Record {
            v: VERSION,
            seq: head.seq + 1,
            at: self.now.max(state.time),
            token: token.to_string(),
            prev: head.hash.clone(),
            cause: Cause::Moving,
            verdict: Verdict::Applied,
            names: Vec::new(),
            facts: vec![fact],
            events: Vec::new(),
            trace: None,
            directory: Vec::new(),
            first_output: state.outputs + 1,
        };
        let entry = record.to_entry().map_err(|error| Error::Journal(error.into()))?;
        let batch = Batch { entries: vec![entry], ..Batch::default() };
        Ok(self.store.append(self.from, token, head, &batch).await?)
    }

    async fn write(&self, shard: &str, (token, head): &(Token, Head), rows: &[DirectoryWrite]) -> Result<(), Error> {
        for page in rows.chunks(PAGE) {
            self.hold().await?;
            let batch = Batch { directory: page.to_vec(), ..Batch::default() };
            self.store.append(shard, token, head, &batch).await?;
        }
        Ok(())
    }

    /// Sorts the directory: who belongs to the domain goes along, whose domain nobody said is known in both.
    async fn rows(&self, state: &ShardState) -> Result<Rows, Error> {
        let mut rows = Rows::default();
        let mut people: BTreeMap<DirectoryKind, BTreeMap<String, Whose>> = BTreeMap::new();
        for (id, body) in self.store.rows(self.from, DirectoryKind::Customer).await? {
            let whose = self.whose(read::<CustomerRow>(&body).domain.as_deref());
            let hash = self.pepper.hash("customer", &id);
            people.entry(DirectoryKind::Value).or_default().insert(hash, whose);
            people.entry(DirectoryKind::Customer).or_default().insert(id.clone(), whose);
            rows.take(DirectoryKind::Customer, id, body, whose);
        }
        for (id, body) in self.store.rows(self.from, DirectoryKind::Account).await? {
            let whose = self.whose(read::<AccountRow>(&body).domain.as_deref());
            people.entry(DirectoryKind::Account).or_default().insert(id.clone(), whose);
            rows.take(DirectoryKind::Account, id, body, whose);
        }
        rows.customers = rows.there.len();
        let of = |kind: DirectoryKind, id: &str| {
            people.get(&kind).and_then(|known| known.get(id)).copied().unwrap_or(Whose::Nobodys)
        };
        for kind in [DirectoryKind::Value, DirectoryKind::Familiarity] {
            for (hash, body) in self.store.rows(self.from, kind).await? {
                let whose = of(DirectoryKind::Value, &hash);
                rows.take(kind, hash, body, whose);
            }
        }
        for (hash, body) in self.store.rows(self.from, DirectoryKind::Address).await? {
            let owners: Owners = read(&body);
            let only = |taken: fn(Whose) -> bool| Owners {
                customers: filtered(&owners.customers, |id| taken(of(DirectoryKind::Customer, id))),
                accounts: filtered(&owners.accounts, |id| taken(of(DirectoryKind::Account, id))),
            };
            let (there, here) = (only(|whose| whose != Whose::Others), only(|whose| whose != Whose::Ours));
            rows.there.extend((!there.is_nobody()).then(|| intake::put(DirectoryKind::Address, hash.as_str(), &there)));
            if here != owners {
                let body = (!here.is_nobody()).then(|| intake::put(DirectoryKind::Address, "", &here).body).flatten();
                rows.here.push(DirectoryWrite { key: key(DirectoryKind::Address, hash), body });
            }
        }
        for (name, body) in self.store.rows(self.from, DirectoryKind::Contact).await? {
            let contact = state.names.find(Kind::Contact, &name).map(picket_core::ContactId);
            let meta = contact.and_then(|contact| state.meta(contact));
            let whose = self.whose(meta.map(|meta| &*meta.domain));
            rows.take(DirectoryKind::Contact, name, body, whose);
        }
        for (id, body) in self.store.rows(self.from, DirectoryKind::Agent).await? {
            rows.take(DirectoryKind::Agent, id, body, Whose::Nobodys);
        }
        Ok(rows)
    }

    fn whose(&self, domain: Option<&str>) -> Whose {
        match domain {
            None => Whose::Nobodys,
            Some(domain) if domain == self.domain => Whose::Ours,
            Some(_) => Whose::Others,
        }
    }
}

/// To which domain a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The one that moves.
    Ours,
    /// Another one of the same shard.
    Others,
    /// Nobody said.
    Nobodys,
}

impl Rows {
    fn take(&mut self, kind: DirectoryKind, id: String, body: Bytes, whose: Whose) {
        let key = key(kind, id);
        if whose == Whose::Ours {
            self.here.push(DirectoryWrite { key: key.clone(), body: None });
        }
        if whose != Whose::Others {
            self.there.push(DirectoryWrite { key, body: Some(body) });
        }
    }
}

fn filtered(ids: &[String], takes: impl Fn(&str) -> bool) -> Vec<String> {
    ids.iter().filter(|id| takes(id)).cloned().collect()
}

/// A row that cannot be read is one that says nothing.
fn read<T: DeserializeOwned + Default>(body: &Bytes) -> T {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether what is live in each domain of a shard is where the settings say that it is.
///
/// # Errors
/// [`Misplaced`], with the remedy.
pub(super) async fn check(
    store: &dyn Store,
    shard: &str,
    domains: &BTreeSet<String>,
    neighbours: &Neighbours,
    state: &ShardState,
) -> Result<(), Misplaced> {
    if let Some((domain, to)) = domains.iter().find_map(|domain| Some((domain, state.forwards.has(domain)?))) {
        return Err(Misplaced::Gone { domain: domain.clone(), to: to.to_owned() });
    }
    if let Some((domain, to)) = live_in(state).find_map(|domain| Some((domain, neighbours.shard_of(domain)?))) {
        return Err(Misplaced::NotMoved { domain: domain.to_owned(), from: shard.to_owned(), to: to.to_owned() });
    }
    // A new shard may not begin with nothing while another one still has what is its own.
    if state.head.seq > 0 || state.forwards.origin().is_some() {
        return Ok(());
    }
    let settled = neighbours.iter().map(|Neighbour { shard, .. }| shard.clone());
    // A shard that the settings name no more still has what was live in it.
    let known = store.shards().await.map_err(recover::Error::Store).map_err(Box::new)?;
    let others: BTreeSet<String> = settled.chain(known).filter(|other| other != shard).collect();
    for from in others {
        let there = match other_state(store, &from).await {
            Err(error) if !neighbours.iter().any(|one| one.shard == from) && !is_passing(&error) => {
                tracing::warn!(shard = from, error = %chain(&error), "what is live in a shard of before cannot be read");
                continue;
            }
            there => there.map_err(Box::new)?,
        };
        if let Some(domain) = live_in(&there).find(|domain| domains.contains(*domain)) {
            return Err(Misplaced::NotMoved { domain: domain.to_owned(), from, to: shard.to_owned() });
        }
    }
    Ok(())
}

/// Whether it may read a moment later.
const fn is_passing(error: &recover::Error) -> bool {
    matches!(error, recover::Error::Store(error) if !error.ends_ownership())
}

async fn other_state(store: &dyn Store, shard: &str) -> Result<ShardState, recover::Error> {
    let head = store.head(shard).await?;
    let read = Read::begin(store, shard, u64::MAX).await?.up_to(store, shard, &head).await?;
    Ok(read.state)
}

/// The domains that a shard routed last, without those that were moved since.
fn live_in(state: &ShardState) -> impl Iterator<Item = &str> {
    let routed = state.rules.iter().flat_map(|rules| &rules.domains).map(String::as_str);
    routed.filter(|domain| state.forwards.has(domain).is_none())
}
