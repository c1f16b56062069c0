//! Decides who lives in the demo's world: the customers, the agents and the channels of `config/demo-rules`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::check::{Channel, Place, Team};

/// A valued customer.
pub(super) struct Customer {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) account: &'static str,
    pub(super) lead: Option<&'static str>,
    pub(super) phone: &'static str,
}

/// An account with its dedicated team: id, name, team, what it is worth, whom it influences.
pub(super) const ACCOUNTS: [(&str, &str, &str, u32, u32); 3] = [
    ("jhu", "Hopkins Hospital", "hopkins", 200_000, 5),
    ("meridian", "Meridian Shipping", "meridian", 160_000, 2),
    ("northwind", "Northwind Books", "northwind", 150_000, 3),
];

const fn customer(
    id: &'static str,
    name: &'static str,
    account: &'static str,
    lead: Option<&'static str>,
    phone: &'static str,
) -> Customer {
    Customer { id, name, account, lead, phone }
}

/// Everybody whom a team belongs to.
pub(super) const VALUED: [Customer; 10] = [
    customer("dr-osei", "Dr Osei", "jhu", None, "+442079460101"),
    customer("ward-7", "Ward 7", "jhu", Some("bola"), "+442079460102"),
    customer("pharmacy", "The pharmacy", "jhu", Some("carys"), "+442079460103"),
    customer("radiology", "Radiology", "jhu", None, "+442079460104"),
    customer("capt-lund", "Captain Lund", "meridian", None, "+442079460105"),
    customer("harbour", "The harbour office", "meridian", Some("elif"), "+442079460106"),
    customer("customs", "The customs desk", "meridian", Some("farid"), "+442079460107"),
    customer("mr-quill", "Mr Quill", "northwind", None, "+442079460108"),
    customer("reading-room", "The reading room", "northwind", Some("hana"), "+442079460109"),
    customer("orders", "The order desk", "northwind", None, "+442079460110"),
];

/// Members by team.
pub(super) const TEAMS: [(&str, &[&str], &[&str]); 3] = [
    ("hopkins", &["ann", "bola", "carys"], &["meridian"]),
    ("meridian", &["dev", "elif", "farid"], &[]),
    ("northwind", &["gwen", "hana"], &[]),
];

/// Agents of the general queue.
pub(super) const GENERAL: [&str; 5] = ["ivo", "jun", "kofi", "lena", "mika"];

/// Every agent, team members first.
pub(super) fn agents() -> impl Iterator<Item = &'static str> {
    TEAMS.iter().flat_map(|(_, members, _)| members.iter().copied()).chain(GENERAL)
}

/// The place as the checker is told it.
#[must_use]
pub fn place() -> Place {
    let channel = |cost, slots, interrupts: &[&str], class: &str| Channel {
        cost,
        slots,
        interruptible_by: names(interrupts),
        class: class.to_owned(),
    };
    let team = |(id, members, covers): &(&str, &[&str], &[&str])| {
        let covers = covers.iter().map(|cover| (*cover).to_owned()).collect();
        ((*id).to_owned(), Team { members: names(members), covers })
    };
    Place {
        channels: BTreeMap::from([
            ("voice".to_owned(), channel(100, 1, &[], "live")),
            ("chat".to_owned(), channel(33, 3, &[], "messaging")),
            ("email".to_owned(), channel(20, 5, &["voice", "callback"], "deferred")),
            ("callback".to_owned(), channel(100, 1, &[], "live")),
        ]),
        points: BTreeMap::new(),
        teams: TEAMS.iter().map(team).collect(),
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What the directory is told about accounts and customers, as `data` of `account.put` and `customer.put`.
pub(super) fn directory() -> Vec<(&'static str, Value)> {
    let account = |(id, name, team, worth, influence): &(&str, &str, &str, u32, u32)| {
        let attributes = json!({"lifetime_value": worth, "influence": influence});
        ("account.put", json!({"account": id, "name": name, "team": team, "attributes": attributes}))
    };
    let customer = |customer: &Customer| {
        let worth = ACCOUNTS.iter().find(|account| account.0 == customer.account);
        let attributes =
            worth.map(|(_, _, _, worth, influence)| json!({"lifetime_value": worth, "influence": influence}));
        let mut data = json!({
            "customer": customer.id,
            "name": customer.name,
            "account": customer.account,
            "addresses": [customer.phone],
            "attributes": attributes,
        });
        if let Some(lead) = customer.lead {
            data["lead"] = json!(lead);
        }
        ("customer.put", data)
    };
    ACCOUNTS.iter().map(account).chain(VALUED.iter().map(customer)).collect()
}
