//! Decides how several shards spread over the daemons that are there: evenly, and the same for everyone who works it out.
//!
//! Nothing here protects anything: whoever is wrong owns a shard too early, too late or not at all, and another has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::ports::Store;
use crate::clock::Monotonic;
use crate::telemetry::chain;

/// How often a daemon says that it is there.
const SAID: Duration = Duration::from_millis(300);

/// How long that counts: shorter than a lease, so that who died is not waited for.
const COUNTS: Duration = Duration::from_millis(1200);

/// A daemon that is new is given a shard once it has been there for so long.
const SETTLED: Duration = Duration::from_secs(5);

/// Who did not take what it was given is not given it again for so long.
const DECLINED: Duration = Duration::from_mins(1);

/// The shards of an installation and the daemons that are there, as one of them sees it.
#[derive(Debug)]
pub struct Spread {
    daemon: String,
    shards: Vec<String>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Daemons that are there, and since when this one knows.
    there: BTreeMap<String, Monotonic>,
    /// The shards that this daemon owns.
    owned: BTreeSet<String>,
    /// What was given to whom, and when.
    given: BTreeMap<(String, String), Monotonic>,
}

impl Spread {
    /// Of these shards, for this daemon.
    #[must_use]
    pub fn new(daemon: String, mut shards: Vec<String>) -> Arc<Self> {
        shards.sort();
        Arc::new(Self { daemon, shards, seen: Mutex::default() })
    }

    /// Says that this daemon is there and looks who else is, until stopped.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, stop: CancellationToken) {
        let list = self.shards.join(",");
        loop {
            match store.attend(&list, &self.daemon, COUNTS).await {
                Ok(there) => self.saw(there),
                Err(error) => tracing::debug!(error = %chain(&error), "who else is there is not known"),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(SAID) => {}
            }
        }
        if let Err(error) = store.attend(&list, &self.daemon, Duration::ZERO).await {
            tracing::debug!(error = %chain(&error), "that this daemon is gone is noticed later");
        }
    }

    fn saw(&self, there: Vec<String>) {
        self.with(|seen| {
            let before = std::mem::take(&mut seen.there);
            let since = |name: &String| before.get(name).copied().unwrap_or_else(Monotonic::now);
            seen.there = there.into_iter().map(|name| (name.clone(), since(&name))).collect();
        });
    }

    /// This daemon owns a shard, or no longer does.
    pub(super) fn owns(&self, shard: &str, does: bool) {
        self.with(|seen| if does { seen.owned.insert(shard.to_owned()) } else { seen.owned.remove(shard) });
    }

    /// Whether a shard is to be handed over: this daemon has more than its part, and the one whose it is has been there
    /// for a while. Asked again, it says no until that one had its chance.
    pub(super) fn gives_away(&self, shard: &str) -> bool {
        self.with(|seen| {
            let Some(heir) = self.wanted(seen, shard).map(str::to_owned) else { return false };
            let is_settled = seen.there.get(&heir).is_some_and(|since| since.elapsed() >= SETTLED);
            let part = self.shards.len().div_ceil(seen.there.len().max(1));
            if heir == self.daemon || !is_settled || seen.owned.len() <= part {
                return false;
            }
            let gift = (shard.to_owned(), heir);
            if seen.given.get(&gift).is_some_and(|when| when.elapsed() < DECLINED) {
                return false;
            }
            seen.given.insert(gift, Monotonic::now());
            true
        })
    }

    /// Whose a shard is: each shard in turn belongs to the daemon of those with room whose name and the shard's together
    /// give the highest number. A daemon that comes or goes moves few shards.
    fn wanted<'a>(&self, seen: &'a Seen, shard: &str) -> Option<&'a str> {
        let part = self.shards.len().div_ceil(seen.there.len().max(1));
        let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
        for each in &self.shards {
            let with_room = seen.there.keys().filter(|daemon| parts.get(daemon.as_str()).is_none_or(|has| *has < part));
            let best = with_room.max_by_key(|daemon| (weight(each, daemon), *daemon))?;
            if each == shard {
                return Some(best);
            }
            *parts.entry(best).or_default() += 1;
        }
        None
    }

    fn with<T>(&self, action: impl FnOnce(&mut Seen) -> T) -> T {
        action(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How much a daemon is for a shard. What makes a name of a daemon new at each start is left out.
fn weight(shard: &str, daemon: &str) -> [u8; 8] {
    let lasting = daemon.rsplit_once(' ').map_or(daemon, |(instance, _)| instance);
    let sum = Sha256::digest(format!("{shard} {lasting}"));
    std::array::from_fn(|at| sum[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{kind}-{number}")).collect()
    }

    fn owners(shards: usize, there: &[String]) -> BTreeMap<String, String> {
        let spread = Spread::new("me".to_owned(), names("shard", shards));
        spread.saw(there.to_vec());
        let owner = |shard: &String| spread.with(|seen| spread.wanted(seen, shard).unwrap().to_owned());
        spread.shards.iter().map(|shard| (shard.clone(), owner(shard))).collect()
    }

    #[test]
    fn shards_spread_evenly_and_a_daemon_that_leaves_moves_few_of_the_others() {
        let five = names("host", 5);
        let before = owners(20, &five);
        for daemon in &five {
            let part = before.values().filter(|owner| *owner == daemon).count();
            assert!((1..=4).contains(&part), "{daemon} has {part} of 20");
        }
        let after = owners(20, &five[..4]);
        let moved = before.iter().filter(|(shard, owner)| **owner != five[4] && after[*shard] != **owner).count();
        assert!(moved <= 6, "{moved} of 20 shards moved between daemons that stayed");
    }

    #[test]
    fn a_daemon_that_starts_again_under_a_new_name_gets_what_it_had() {
        assert_eq!(weight("emea", "host-1 0a1b"), weight("emea", "host-1 ffff"));
        assert_ne!(weight("emea", "host-1 0a1b"), weight("emea", "host-2 0a1b"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_above_its_part_is_given_away_once_and_to_who_has_been_there_for_a_while() {
        let spread = Spread::new("me".to_owned(), names("shard", 2));
        let both = vec!["me".to_owned(), "other".to_owned()];
        spread.saw(both.clone());
        let owners = owners(2, &both);
        let others = owners.into_iter().find(|(_, owner)| owner == "other").unwrap().0;
        spread.owns(&others, true);
        tokio::time::sleep(SETTLED).await;
        spread.saw(both.clone());
        assert!(!spread.gives_away(&others), "one of two shards is its part, whichever it is");
        names("shard", 2).iter().for_each(|shard| spread.owns(shard, true));
        assert!(spread.gives_away(&others));
        assert!(!spread.gives_away(&others), "it had its chance");
        tokio::time::sleep(DECLINED).await;
        assert!(spread.gives_away(&others));
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_shard_is_never_given_away() {
        let spread = Spread::new("me".to_owned(), vec!["main".to_owned()]);
        spread.owns("main", true);
        for other in names("host", 20) {
            spread.saw(vec!["me".to_owned(), other]);
            tokio::time::sleep(SETTLED).await;
            assert!(!spread.gives_away("main"));
        }
    }
}
