//! Decides what is remembered of what went to other shards: what is still on its way, for a day where each contact went, so
//! that what is said of it later goes there too, and for good which domains did.

use std::collections::BTreeMap;

use picket_core::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::aged::{Aged, Dated};

/// How long it is known where a contact went.
const KEPT_FOR: Millis = Millis(24 * 3600 * 1000);
/// Of how many contacts; beyond them the one that was last heard of the longest ago is forgotten.
const MOST: usize = 100_000;

/// The id of the directory row in which an event lies while it is on its way.
pub(super) fn row(source: &str, id: &str) -> String {
    format!("{source} {id}")
}

/// What went to other shards. The same records give the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forwards {
    /// The id of the directory row, by the record that wrote it.
    under_way: BTreeMap<u64, String>,
    /// By the contact's name.
    gone: Aged<Gone>,
    /// Domains that other shards have since they were moved, and those shards.
    moved: BTreeMap<String, String>,
    /// The state that the journal began with was another shard's: which one's, and its last record in it.
    origin: Option<(String, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Gone {
    domain: String,
    at: Timestamp,
}

impl Dated for Gone {
    fn since(&self) -> Timestamp {
        self.at
    }
}

impl Forwards {
    /// An event about a contact goes to a domain; `row` is where it lies meanwhile.
    pub(super) fn send(&mut self, record: u64, row: String, contact: Option<&str>, domain: &str, at: Timestamp) {
        self.under_way.insert(record, row);
        if let Some(contact) = contact {
            self.gone.make_room(at, KEPT_FOR, MOST);
            self.gone.keep(contact, Gone { domain: domain.to_owned(), at });
        }
    }

    /// A domain is another shard's.
    pub(super) fn moved(&mut self, domain: &str, shard: &str) {
        self.moved.insert(domain.to_owned(), shard.to_owned());
    }

    /// The shard that a domain was moved to.
    pub(super) fn has(&self, domain: &str) -> Option<&str> {
        self.moved.get(domain).map(String::as_str)
    }

    /// Whether no domain ever left.
    pub(super) fn has_all(&self) -> bool {
        self.moved.is_empty()
    }

    /// What was another shard's is the beginning of this one.
    pub(super) fn begin_as(&mut self, shard: &str, record: u64) {
        self.origin = Some((shard.to_owned(), record));
    }

    /// The shard whose state this one began with, and its last record in it.
    pub(super) fn origin(&self) -> Option<&(String, u64)> {
        self.origin.as_ref()
    }

    /// What these records forwarded has arrived.
    pub(super) fn arrived(&mut self, records: &[u64]) {
        for record in records {
            self.under_way.remove(record);
        }
    }

    /// A contact of this name is received here.
    pub(super) fn received(&mut self, contact: &str) {
        self.gone.forget(contact);
    }

    /// The domain that a contact went to.
    pub(super) fn of(&self, contact: &str) -> Option<&str> {
        self.gone.get(contact).map(|gone| gone.domain.as_str())
    }

    /// The rows of what is on its way behind this record, with the records that wrote them, in order.
    pub(super) fn behind(&self, record: u64, most: usize) -> Vec<(u64, String)> {
        let behind = self.under_way.range(record + 1..).take(most);
        behind.map(|(record, row)| (*record, row.clone())).collect()
    }

    /// The row that a record wrote.
    pub(super) fn row(&self, record: u64) -> Option<&str> {
        self.under_way.get(&record).map(String::as_str)
    }

    /// How much is on its way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_known_in_order_until_it_has_arrived() {
        let mut forwards = Forwards::default();
        for record in [3, 5, 9] {
            forwards.send(record, format!("pbx {record}"), Some("pbx c"), "apac", Timestamp(1));
        }
        assert_eq!(forwards.behind(3, 10), [(5, "pbx 5".to_owned()), (9, "pbx 9".to_owned())]);
        assert_eq!(forwards.behind(0, 1), [(3, "pbx 3".to_owned())]);
        forwards.arrived(&[3, 5, 4]);
        assert_eq!((forwards.len(), forwards.row(5), forwards.row(9)), (1, None, Some("pbx 9")));
        assert_eq!(forwards.of("pbx c"), Some("apac"), "where it went is known after its arrival");
    }

    #[test]
    fn where_a_contact_went_is_known_for_a_day_after_the_last_word_of_it() {
        let day = 24 * 3600 * 1000;
        let mut forwards = Forwards::default();
        forwards.send(1, "pbx 1".to_owned(), Some("pbx a"), "apac", Timestamp(0));
        forwards.send(2, "pbx 2".to_owned(), Some("pbx b"), "apac", Timestamp(5));
        forwards.send(3, "pbx 3".to_owned(), Some("pbx a"), "emea", Timestamp(10));
        forwards.send(4, "pbx 4".to_owned(), Some("pbx c"), "apac", Timestamp(6 + day));
        assert_eq!((forwards.of("pbx a"), forwards.of("pbx b")), (Some("emea"), None));
        forwards.received("pbx a");
        assert_eq!(forwards.of("pbx a"), None, "it is here again");
    }
}
