//! Decides how things are kept by their dense number: in pages, so that a lookup costs two steps and a gap costs little.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Entries per page; a page is dropped when its last entry goes.
const PAGE: usize = 256;

/// Things by number. Iteration is in order of number; equality looks at the entries only.
#[derive(Clone)]
pub(crate) struct Table<T> {
    pages: Vec<Option<Page<T>>>,
    len: usize,
}

#[derive(Clone)]
struct Page<T> {
    /// Up to the last number that was ever used, so that walking a short table is short.
    slots: Vec<Option<T>>,
    used: usize,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.as_ref()?.slots.get(index % PAGE)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.pages.get_mut(index / PAGE)?.as_mut()?.slots.get_mut(index % PAGE)?.as_mut()
    }

    pub(crate) fn insert(&mut self, index: usize, value: T) -> Option<T> {
        let number = index / PAGE;
        while self.pages.len() <= number {
            self.pages.push(None);
        }
        let page = self.pages.get_mut(number)?;
        let page = page.get_or_insert_with(|| Page { slots: Vec::new(), used: 0 });
        while page.slots.len() <= index % PAGE {
            page.slots.push(None);
        }
        let before = page.slots.get_mut(index % PAGE)?.replace(value);
        if before.is_none() {
            page.used += 1;
            self.len += 1;
        }
        before
    }

    /// What is at a number, or the beginning of it.
    pub(crate) fn get_or_default(&mut self, index: usize) -> Option<&mut T>
    where
        T: Default,
    {
        if self.get(index).is_none() {
            self.insert(index, T::default());
        }
        self.get_mut(index)
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let slot = self.pages.get_mut(index / PAGE)?;
        let page = slot.as_mut()?;
        let before = page.slots.get_mut(index % PAGE)?.take()?;
        page.used -= 1;
        self.len -= 1;
        if page.used == 0 {
            *slot = None;
        }
        Some(before)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.pages.iter().enumerate().filter_map(|(n, page)| page.as_ref().map(|page| (n, page))).flat_map(
            |(n, page)| {
                page.slots
                    .iter()
                    .enumerate()
                    .filter_map(move |(i, slot)| slot.as_ref().map(|value| (n * PAGE + i, value)))
            },
        )
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len))?;
        for entry in self.iter() {
            seq.serialize_element(&entry)?;
        }
        seq.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(core::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence of numbered entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Table<T>, A::Error> {
                let mut table = Table::new();
                while let Some((index, value)) = seq.next_element::<(u32, T)>()? {
                    table.insert(index as usize, value);
                }
                Ok(table)
            }
        }
        deserializer.deserialize_seq(Entries(core::marker::PhantomData))
    }
}
