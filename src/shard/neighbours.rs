//! Decides which shard has which domain beside this one, and in which of them a customer is at home whom nobody knows here.

use std::collections::HashMap;

use super::identify::{AccountRow, CustomerRow, Lookup, key};
use super::overlay::{Overlay, Rows};
use super::ports::{DirectoryKey, DirectoryKind, Store, StoreError};

/// Another shard of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// Its name.
    pub(super) shard: String,
    /// The domains that it routes.
    pub(super) domains: Vec<String>,
}

/// Every other shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours(Vec<Neighbour>);

/// Who somebody is, as an event says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// A customer, by id.
    Customer(String),
    /// Whoever has this address.
    Address(String),
}

/// The domain in which somebody is at home whom only another shard knows.
pub(super) type Homes = HashMap<Who, String>;

impl Who {
    /// Who an event is from.
    pub(super) fn of(customer: Option<&str>, from: Option<&str>) -> Option<Self> {
        customer.map(|id| Self::Customer(id.to_owned())).or_else(|| from.map(|from| Self::Address(from.to_owned())))
    }

    /// Whether the directory at hand knows them.
    pub(super) fn is_known(&self, lookup: &Lookup<'_>) -> bool {
        match self {
            Self::Customer(id) => lookup.customer(id).is_some(),
            Self::Address(address) => !lookup.owners(address).is_nobody(),
        }
    }

    fn key(&self, lookup: &Lookup<'_>) -> DirectoryKey {
        match self {
            Self::Customer(id) => key(DirectoryKind::Customer, id.as_str()),
            Self::Address(address) => key(DirectoryKind::Address, lookup.pepper.hash("address", address)),
        }
    }

    /// The rows that say to which domain they belong, once it is known who has the address.
    fn rows(&self, lookup: &Lookup<'_>) -> Vec<DirectoryKey> {
        let Self::Address(address) = self else { return Vec::new() };
        let owners = lookup.owners(address);
        let customer = owners.customers.first().map(|id| key(DirectoryKind::Customer, id.as_str()));
        let account = owners.accounts.first().map(|id| key(DirectoryKind::Account, id.as_str()));
        customer.or(account).into_iter().collect()
    }

    /// The domain that was named when they were put into a directory that knows them; none where none was.
    fn named(&self, lookup: &Lookup<'_>) -> Option<String> {
        let of_customer = |id: &str| lookup.customer(id).and_then(|row: CustomerRow| row.domain);
        match self {
            Self::Customer(id) => of_customer(id),
            Self::Address(address) => {
                let owners = lookup.owners(address);
                let of_account = |id: &str| lookup.account(id).and_then(|row: AccountRow| row.domain);
                match owners.customers.first() {
                    Some(customer) => of_customer(customer),
                    None => owners.accounts.first().and_then(|account| of_account(account)),
                }
            }
        }
    }
}

impl Neighbours {
    /// Every shard but this one.
    #[must_use]
    pub fn of(shard: &str, all: &[(String, Vec<String>)]) -> Self {
        let others = all.iter().filter(|(name, _)| name != shard);
        Self(others.map(|(name, domains)| Neighbour { shard: name.clone(), domains: domains.clone() }).collect())
    }

    /// Whether this shard is alone.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The others.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.0.iter()
    }

    /// The shard that has a domain.
    pub(super) fn shard_of(&self, domain: &str) -> Option<&str> {
        let has = |one: &&Neighbour| one.domains.iter().any(|known| known == domain);
        self.0.iter().find(has).map(|one| one.shard.as_str())
    }

    /// Looks in the directories of the others where these are at home. Such a look may be a little late: it decides nothing
    /// but where their contacts go.
    pub(super) async fn find(
        &self,
        store: &dyn Store,
        wanted: Vec<Who>,
        pepper: &super::Pepper,
    ) -> Result<Homes, StoreError> {
        let (mut homes, mut wanted) = (Homes::new(), wanted);
        let overlay = Overlay::default();
        for Neighbour { shard, domains } in &self.0 {
            let mut rows = Rows::default();
            for round in [|who: &Who, lookup: &Lookup<'_>| vec![who.key(lookup)], Who::rows] {
                let lookup = Lookup { overlay: &overlay, rows: &rows, pepper };
                let keys = wanted.iter().flat_map(|who| round(who, &lookup)).collect();
                rows.fetch(store, shard, keys).await?;
            }
            let lookup = Lookup { overlay: &overlay, rows: &rows, pepper };
            wanted.retain(|who| {
                if !who.is_known(&lookup) {
                    return true;
                }
                let named = who.named(&lookup).filter(|named| domains.contains(named));
                homes.extend(named.or_else(|| domains.first().cloned()).map(|domain| (who.clone(), domain)));
                false
            });
        }
        Ok(homes)
    }
}
