//! Decides how long what is kept by name is kept: for a while, and so many at most.

use std::collections::{BTreeMap, BTreeSet};

use picket_core::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// What knows since when it is kept.
pub(super) trait Dated {
    /// Since when.
    fn since(&self) -> Timestamp;
}

/// Things by name, the oldest of which is forgotten first. The same calls give the same ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aged<T> {
    by_name: BTreeMap<String, T>,
    by_age: BTreeSet<(Timestamp, String)>,
}

impl<T> Default for Aged<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), by_age: BTreeSet::new() }
    }
}

impl<T: Dated> Aged<T> {
    /// Forgets what is older than this, and the oldest of as many as there may be, so that there is room for one more.
    pub(super) fn make_room(&mut self, now: Timestamp, kept_for: Millis, most: usize) {
        while let Some((oldest, _)) = self.by_age.first()
            && (*oldest + kept_for < now || self.by_age.len() >= most)
        {
            if let Some((_, gone)) = self.by_age.pop_first() {
                self.by_name.remove(&gone);
            }
        }
    }

    /// Keeps something under a name, in the place of what was there.
    pub(super) fn keep(&mut self, name: &str, one: T) {
        self.forget(name);
        self.by_age.insert((one.since(), name.to_owned()));
        self.by_name.insert(name.to_owned(), one);
    }

    /// What is kept under a name.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name)
    }

    /// Forgets it.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some(gone) = self.by_name.remove(name) {
            self.by_age.remove(&(gone.since(), name.to_owned()));
        }
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_name.len(), self.by_age.len());
        self.by_name.len()
    }
}
