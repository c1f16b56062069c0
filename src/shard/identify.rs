//! Decides who a contact is from: directory rows, keyed hashes, and what the rules may know of both.

use hmac::{Hmac, KeyInit, Mac};
use picket_core::Timestamp;
use picket_rules::facts::{AccountFacts, ContactFacts, CustomerFacts};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::overlay::{Overlay, Rows};
use super::ports::{DirectoryKey, DirectoryKind};
use super::record::hex;

/// The installation's secret that turns people into keyed hashes. Never shown.
#[derive(Clone)]
pub struct Pepper(Vec<u8>);

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(…)")
    }
}

impl Pepper {
    /// A pepper from its bytes; at least 16.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The keyed hash under which a customer or an address appears in the journal: 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self, kind: &str, text: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes()[..16])
    }
}

/// A customer as the directory keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CustomerRow {
    /// Their name, for the context card only.
    pub(crate) name: Option<String>,
    /// Addresses that lead to them.
    pub(crate) addresses: Vec<String>,
    /// The domain that they belong to, where one was named.
    pub(crate) domain: Option<String>,
    /// What rules may know.
    pub(crate) facts: CustomerFacts,
}

/// An account as the directory keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AccountRow {
    /// Its name.
    pub(crate) name: Option<String>,
    /// Addresses that lead to it.
    pub(crate) addresses: Vec<String>,
    /// The domain that it belongs to, where one was named.
    pub(crate) domain: Option<String>,
    /// What rules may know.
    pub(crate) facts: AccountFacts,
}

/// Who is behind an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Owners {
    /// Customers, by id.
    pub(crate) customers: Vec<String>,
    /// Accounts, by id.
    pub(crate) accounts: Vec<String>,
}

impl Owners {
    /// Whether there are none.
    pub(crate) const fn is_nobody(&self) -> bool {
        self.customers.is_empty() && self.accounts.is_empty()
    }
}

/// How well one agent knows a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FamiliarRow {
    /// The agent's id.
    pub(crate) agent: String,
    /// Contacts handled.
    pub(crate) contacts: u32,
    /// The last one's end.
    pub(crate) last: Timestamp,
}

/// Whether a customer is valued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ValueRow {
    /// Now.
    pub(crate) valued: bool,
}

/// What is kept of a live contact for planning it anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContactRow {
    /// What rules may know of it.
    pub(crate) facts: ContactFacts,
    /// Its customer's id.
    pub(crate) customer: Option<String>,
    /// Its account's id, where only that is known.
    pub(crate) account: Option<String>,
}

/// Who a contact is from.
#[derive(Clone, Debug, Default)]
pub(super) struct Identified {
    pub(super) customer: Option<CustomerRow>,
    pub(super) account: Option<AccountRow>,
    pub(super) was_valued: bool,
    pub(super) familiar: Vec<FamiliarRow>,
}

/// A key of the directory.
pub(super) fn key(kind: DirectoryKind, id: impl Into<String>) -> DirectoryKey {
    DirectoryKey { kind, id: id.into() }
}

/// Reads rows with the uncommitted ones on top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup<'a> {
    pub(super) overlay: &'a Overlay,
    pub(super) rows: &'a Rows,
    pub(super) pepper: &'a Pepper,
}

impl Lookup<'_> {
    fn row<T: serde::de::DeserializeOwned>(&self, kind: DirectoryKind, id: &str) -> Option<T> {
        self.overlay.row(self.rows, &key(kind, id))
    }

    /// The owners of an address.
    pub(super) fn owners(&self, address: &str) -> Owners {
        self.row(DirectoryKind::Address, &self.pepper.hash("address", address)).unwrap_or_default()
    }

    /// A customer's row.
    pub(super) fn customer(&self, id: &str) -> Option<CustomerRow> {
        self.row(DirectoryKind::Customer, id)
    }

    /// An account's row.
    pub(super) fn account(&self, id: &str) -> Option<AccountRow> {
        self.row(DirectoryKind::Account, id)
    }

    /// What is kept of a live contact.
    pub(super) fn contact(&self, source: &str, contact: &str) -> Option<ContactRow> {
        self.contact_named(&format!("{source} {contact}"))
    }

    /// The same, by the name that joins both.
    pub(super) fn contact_named(&self, name: &str) -> Option<ContactRow> {
        self.row(DirectoryKind::Contact, name)
    }

    /// The customer and account ids that an id or an address lead to, and how.
    pub(super) fn whose(
        &self,
        customer: Option<&str>,
        from: Option<&str>,
    ) -> (Option<String>, Option<String>, Option<&'static str>) {
        if let Some(customer) = customer {
            return (Some(customer.to_owned()), None, None);
        }
        let owners = from.map(|from| self.owners(from)).unwrap_or_default();
        match (owners.customers.as_slice(), owners.accounts.as_slice()) {
            ([], []) => (None, None, None),
            ([customer], _) => (Some(customer.clone()), None, Some("matched")),
            ([], [account]) => (None, Some(account.clone()), Some("matched")),
            ([], _) => (None, None, Some("ambiguous")),
            (several, _) => (None, self.common_account(several), Some("ambiguous")),
        }
    }

    /// The account that all of these customers belong to: an ambiguous contact still has the account's fence.
    fn common_account(&self, customers: &[String]) -> Option<String> {
        let mut accounts = customers.iter().map(|id| self.customer(id).and_then(|row| row.facts.account));
        let first = accounts.next()??;
        accounts.all(|account| account.as_ref() == Some(&first)).then_some(first)
    }

    /// Everything the rules need to know of whoever this is.
    pub(super) fn identify(&self, customer: Option<&str>, account: Option<&str>) -> Identified {
        let row = customer.map(|id| {
            let mut row = self.customer(id).unwrap_or_default();
            row.facts.id = Some(id.to_owned());
            row
        });
        let account = account.map(str::to_owned).or_else(|| row.as_ref().and_then(|row| row.facts.account.clone()));
        let account = account.map(|id| {
            let mut row = self.account(&id).unwrap_or_default();
            row.facts.id = Some(id);
            row
        });
        let hash = customer.map(|id| self.pepper.hash("customer", id));
        let value: Option<ValueRow> = hash.as_ref().and_then(|hash| self.row(DirectoryKind::Value, hash));
        let familiar = hash.and_then(|hash| self.row(DirectoryKind::Familiarity, &hash)).unwrap_or_default();
        Identified { customer: row, account, was_valued: value.unwrap_or_default().valued, familiar }
    }
}
