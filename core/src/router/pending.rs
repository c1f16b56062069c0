//! Decides how what must still be looked at is kept: in order of number, each once, in room that is used again.

use alloc::collections::VecDeque;

/// Numbers to be looked at, the lowest first. Few at most times, and then searching is cheaper than a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending<T>(VecDeque<T>);

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy + Ord> Pending<T> {
    pub(crate) fn insert(&mut self, item: T) {
        if let Err(place) = self.0.binary_search(&item) {
            self.0.insert(place, item);
        }
    }

    pub(crate) fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        for item in items {
            match self.0.back() {
                Some(last) if *last >= item => self.insert(item),
                _ => self.0.push_back(item),
            }
        }
    }

    pub(crate) fn pop_first(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
