//! Decides what the directory knows of customers and accounts; every put replaces the whole object.

use std::collections::{BTreeMap, BTreeSet};

use picket_core::{CustomerId, Kind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Context, Prepared, Refused, put as put_row};
use crate::contract::Code;
use crate::contract::inbound::customer::{AccountPut, Erase, Put, Relationship};
use crate::contract::value::{Id, Text};
use crate::shard::identify::{AccountRow, CustomerRow, Lookup, Owners, key};
use crate::shard::ports::{DirectoryKey, DirectoryKind, DirectoryWrite};
use crate::shard::record::ShellFact;

/// Fields that rules declare as whole numbers; everything else a sender names is an open attribute.
const NUMBERS: &[&str] = &[
    "lifetime_value",
    "frequency",
    "purchasing_power",
    "situation",
    "reciprocity",
    "influence",
    "complaint_power",
    "nuisance",
    "open_commitments",
    "recent_gaps",
];
/// Fields that rules declare as text and the message has no field of its own for.
const TEXTS: &[&str] = &["segment", "region", "stage", "channel"];

/// Defines a customer.
pub(super) fn put(context: &Context<'_>, domain: Option<&str>, message: &Put) -> Result<Prepared, Refused> {
    let id = message.customer.as_str();
    let mut facts = declared(&message.attributes)?;
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::from(value));
        }
    };
    set("id", Some(id));
    set("account", message.account.as_ref().map(Id::as_str));
    set("team", message.team.as_ref().map(Id::as_str));
    set("lead", message.lead.as_ref().map(Id::as_str));
    set("language", message.language.as_ref().map(Text::as_str));
    set("relationship", message.relationship.map(relationship));
    let mut row = CustomerRow {
        name: message.name.as_ref().map(|name| name.as_str().to_owned()),
        addresses: message.addresses.iter().map(|text| text.as_str().to_owned()).collect(),
        domain: domain.map(str::to_owned),
        facts: read(facts)?,
    };
    row.facts.prefers = message.prefers.iter().map(|agent| agent.as_str().to_owned()).collect();
    row.facts.avoids = message.avoids.iter().map(|agent| agent.as_str().to_owned()).collect();
    let known = context.lookup.customer(id).unwrap_or_default();
    let mut writes = move_addresses(context, &known.addresses, &row.addresses, |owners| &mut owners.customers, id);
    writes.push(put_row(DirectoryKind::Customer, id, &row));
    let hash = context.lookup.pepper.hash("customer", id);
    let customer = context.state.names.find(Kind::Customer, &hash).map(CustomerId);
    let here = customer.filter(|customer| known.facts != row.facts && context.state.ties.is_customer_here(*customer));
    let facts = here.map(|customer| ShellFact::CustomerChanged { customer }).into_iter().collect();
    Ok(Prepared { writes, facts, ..Prepared::default() })
}

/// Defines an account.
pub(super) fn put_account(
    context: &Context<'_>,
    domain: Option<&str>,
    message: &AccountPut,
) -> Result<Prepared, Refused> {
    let id = message.account.as_str();
    let mut facts = declared(&message.attributes)?;
    // What rules declare of people only is an open attribute of an account.
    for name in ["situation", "complaint_power", "open_commitments", "recent_gaps", "stage", "channel"] {
        if let Some(value) = facts.remove(name)
            && let Some(Value::Object(attributes)) = facts.get_mut("attributes")
        {
            attributes.insert(name.to_owned(), Value::from(text_of(&value)));
        }
    }
    facts.insert("id".to_owned(), Value::from(id));
    for (name, value) in [("team", &message.team), ("lead", &message.lead)] {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    let row = AccountRow {
        name: message.name.as_ref().map(|name| name.as_str().to_owned()),
        addresses: message.addresses.iter().map(|text| text.as_str().to_owned()).collect(),
        domain: domain.map(str::to_owned),
        facts: read(facts)?,
    };
    let known = context.lookup.account(id).unwrap_or_default();
    let mut writes = move_addresses(context, &known.addresses, &row.addresses, |owners| &mut owners.accounts, id);
    writes.push(put_row(DirectoryKind::Account, id, &row));
    let here = known.facts != row.facts && context.state.ties.is_account_here(id);
    let facts = here.then(|| ShellFact::AccountChanged { account: id.to_owned() }).into_iter().collect();
    Ok(Prepared { writes, facts, ..Prepared::default() })
}

/// Erases what the directory knows of a customer.
pub(super) fn erase(context: &Context<'_>, message: &Erase) -> Prepared {
    let id = message.customer.as_str();
    let former = context.lookup.customer(id).map(|row| row.addresses).unwrap_or_default();
    let mut writes = move_addresses(context, &former, &[], |owners| &mut owners.customers, id);
    let hash = context.lookup.pepper.hash("customer", id);
    let gone = [
        key(DirectoryKind::Customer, id),
        key(DirectoryKind::Familiarity, hash.as_str()),
        key(DirectoryKind::Value, hash.as_str()),
    ];
    writes.extend(gone.map(|key| DirectoryWrite { key, body: None }));
    Prepared { writes, ..Prepared::default() }
}

/// Rows of the addresses that a customer had so far.
pub(super) fn former_addresses(lookup: &Lookup<'_>, customer: &str) -> Vec<DirectoryKey> {
    address_keys(lookup, &lookup.customer(customer).map(|row| row.addresses).unwrap_or_default())
}

/// Rows of the addresses that an account had so far.
pub(super) fn former_account_addresses(lookup: &Lookup<'_>, account: &str) -> Vec<DirectoryKey> {
    address_keys(lookup, &lookup.account(account).map(|row| row.addresses).unwrap_or_default())
}

fn address_keys(lookup: &Lookup<'_>, addresses: &[String]) -> Vec<DirectoryKey> {
    addresses.iter().map(|text| key(DirectoryKind::Address, lookup.pepper.hash("address", text))).collect()
}

fn move_addresses(
    context: &Context<'_>,
    former: &[String],
    now: &[String],
    list: impl Fn(&mut Owners) -> &mut Vec<String>,
    id: &str,
) -> Vec<DirectoryWrite> {
    let touched: BTreeSet<&String> = former.iter().chain(now).collect();
    let mut writes = Vec::new();
    for address in touched {
        let mut owners = context.lookup.owners(address);
        let before = owners.clone();
        let ids = list(&mut owners);
        ids.retain(|known| known != id);
        if now.contains(address) {
            ids.push(id.to_owned());
            ids.sort_unstable();
        }
        if owners == before {
            continue;
        }
        let hash = context.lookup.pepper.hash("address", address);
        let empty = owners == Owners::default();
        writes.push(if empty {
            DirectoryWrite { key: key(DirectoryKind::Address, hash), body: None }
        } else {
            put_row(DirectoryKind::Address, hash, &owners)
        });
    }
    writes
}

/// Sorts attributes into declared fields and open ones.
fn declared(attributes: &BTreeMap<Id, Value>) -> Result<Map<String, Value>, Refused> {
    let mut facts = Map::new();
    let mut open = Map::new();
    for (name, value) in attributes {
        let name = name.as_str();
        if NUMBERS.contains(&name) {
            facts.insert(name.to_owned(), Value::from(whole(name, value)?));
        } else if TEXTS.contains(&name) {
            facts.insert(name.to_owned(), Value::from(text_of(value)));
        } else {
            open.insert(name.to_owned(), Value::from(text_of(value)));
        }
    }
    facts.insert("attributes".to_owned(), Value::Object(open));
    Ok(facts)
}

#[expect(clippy::cast_possible_truncation, reason = "a number outside the range of i64 saturates, which is meant")]
fn whole(name: &str, value: &Value) -> Result<i64, Refused> {
    value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)).ok_or_else(|| {
        let detail = format!("data.attributes.{name}: the rules declare it as a number");
        Refused::new(Code::WrongType, detail)
    })
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read<T: DeserializeOwned>(facts: Map<String, Value>) -> Result<T, Refused> {
    serde_json::from_value(Value::Object(facts))
        .map_err(|error| Refused::new(Code::WrongType, format!("data.attributes: {error}")))
}

const fn relationship(relationship: Relationship) -> &'static str {
    match relationship {
        Relationship::Close => "close",
        Relationship::Standard => "standard",
        Relationship::ArmsLength => "arms_length",
    }
}
