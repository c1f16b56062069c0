//! Decides how a line of contacts is kept: sorted, in short blocks, because nearly all join at the end and leave near the
//! front, and what costs is the memory that is touched.

use alloc::collections::VecDeque;
use alloc::collections::vec_deque;
use alloc::vec::Vec;
use core::iter::Flatten;

use serde::{Deserialize, Serialize};

use super::lanes::{Turn, Waiting};
use crate::{ContactId, Timestamp};

/// Entries of a block, at most.
const BLOCK: usize = 64;

/// Sorted entries, each once. No block is empty but the last one left, whose room is used again; equality looks at the
/// entries only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sorted<T> {
    blocks: VecDeque<Vec<T>>,
    len: usize,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), len: 0 }
    }
}

impl<T: PartialEq> PartialEq for Sorted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.into_iter().eq(other)
    }
}

impl<'a, T> IntoIterator for &'a Sorted<T> {
    type Item = &'a T;
    type IntoIter = Flatten<vec_deque::Iter<'a, Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.iter().flatten()
    }
}

impl<T: Copy + Ord> Sorted<T> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.blocks.front()?.first()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.blocks.back()?.last()
    }

    /// How many come before an entry.
    pub(crate) fn before(&self, entry: &T) -> usize {
        let block = self.block_of(entry);
        let earlier: usize = self.blocks.iter().take(block).map(Vec::len).sum();
        earlier + self.blocks.get(block).map_or(0, |block| block.partition_point(|known| known < entry))
    }

    /// The block in which an entry is, or belongs: the last that does not begin after it.
    fn block_of(&self, entry: &T) -> usize {
        let begins_later = |block: &Vec<T>| block.first().is_some_and(|first| first > entry);
        match self.blocks.back() {
            Some(last) if begins_later(last) => self.blocks.partition_point(|block| !begins_later(block)).max(1) - 1,
            Some(_) | None => self.blocks.len().max(1) - 1,
        }
    }

    /// Adds an entry, or puts it in the place of an equal one.
    pub(crate) fn insert(&mut self, entry: T) {
        let number = self.block_of(&entry);
        let is_last = number + 1 >= self.blocks.len();
        if self.blocks.is_empty() {
            self.blocks.push_back(Vec::new());
        }
        let Some(block) = self.blocks.get_mut(number) else { return };
        let place = match block.binary_search(&entry) {
            Ok(place) => {
                if let Some(known) = block.get_mut(place) {
                    *known = entry;
                }
                return;
            }
            Err(place) => place,
        };
        self.len += 1;
        if block.len() < BLOCK {
            block.insert(place, entry);
        } else if is_last && place == BLOCK {
            self.blocks.push_back([entry].into());
        } else {
            let mut later = block.split_off(BLOCK / 2);
            if place <= BLOCK / 2 {
                block.insert(place, entry);
            } else {
                later.insert(place - BLOCK / 2, entry);
            }
            self.blocks.insert(number + 1, later);
        }
    }

    pub(crate) fn remove(&mut self, entry: &T) {
        let number = self.block_of(entry);
        let Some(block) = self.blocks.get_mut(number) else { return };
        let Ok(place) = block.binary_search(entry) else { return };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() && self.blocks.len() > 1 {
            self.blocks.remove(number);
        }
    }
}

/// Whether anything keeps single agents from a contact: whom it avoids, who tried, who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ease {
    Particular,
    Plain,
}

/// A contact's place in one number, its ease in the lowest bit; ease is no part of the order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry(u128);

impl Entry {
    fn new(waiting: Waiting, ease: Ease) -> Self {
        let since = u128::from(waiting.since.0.cast_unsigned() ^ (1 << 63));
        Self((waiting.turn as u128) << 97 | since << 33 | u128::from(waiting.contact.0) << 1 | ease as u128)
    }

    const fn order(self) -> u128 {
        self.0 >> 1
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is cut out of the number it was put into")]
    const fn waiting(self) -> Waiting {
        let turn = if self.0 >> 97 == Turn::Ahead as u128 { Turn::Ahead } else { Turn::InTurn };
        let since = Timestamp(((self.0 >> 33) as u64 ^ (1 << 63)).cast_signed());
        Waiting { turn, since, contact: ContactId((self.0 >> 1) as u32) }
    }

    const fn ease(self) -> Ease {
        if self.0 & 1 == 1 { Ease::Plain } else { Ease::Particular }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// The contacts of one lane. The head is kept beside them: it is what every agent compares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    head: Option<Entry>,
    entries: Sorted<Entry>,
}

impl Line {
    pub(crate) fn insert(&mut self, waiting: Waiting, ease: Ease) {
        self.entries.insert(Entry::new(waiting, ease));
        self.head = self.entries.first().copied();
    }

    pub(crate) fn remove(&mut self, waiting: Waiting) {
        self.entries.remove(&Entry::new(waiting, Ease::Plain));
        self.head = self.entries.first().copied();
    }

    pub(crate) fn head(&self) -> Option<(Waiting, Ease)> {
        self.head.map(|entry| (entry.waiting(), entry.ease()))
    }

    pub(crate) fn last(&self) -> Option<Waiting> {
        self.entries.last().map(|entry| entry.waiting())
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many come before a place.
    pub(crate) fn before(&self, waiting: Waiting) -> usize {
        self.entries.before(&Entry::new(waiting, Ease::Plain))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Waiting> {
        self.entries.into_iter().map(|entry| entry.waiting())
    }
}
