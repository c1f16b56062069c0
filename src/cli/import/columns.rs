//! Decides what a column of a CSV file means for a customer, an account or an agent.

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::Kind;

/// Where a cell goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A text.
    Text(&'static str),
    /// A whole number.
    Number(&'static str),
    /// Several texts, separated by semicolons.
    List(&'static str),
    /// One entry of a map of texts.
    TextEntry(&'static str, String),
    /// One entry of a map of whole numbers.
    NumberEntry(&'static str, String),
    /// An attribute: a number, a truth value or a text.
    Attribute(String),
}

impl Kind {
    /// The field that names the object.
    pub(super) const fn id_field(self) -> &'static str {
        match self {
            Self::Customers => "customer",
            Self::Accounts => "account",
            Self::Agents => "agent",
        }
    }

    fn columns(self) -> Vec<Column> {
        let texts: &[&'static str] = match self {
            Self::Customers => &["customer", "account", "name", "team", "lead", "relationship", "language"],
            Self::Accounts => &["account", "name", "team", "lead"],
            Self::Agents => &["agent", "name", "shift"],
        };
        let lists: &[&'static str] = match self {
            Self::Customers => &["addresses", "prefers", "avoids"],
            Self::Accounts => &["addresses"],
            Self::Agents => &["queues"],
        };
        let numbers: &[&'static str] = if self == Self::Agents { &["points"] } else { &[] };
        let texts = texts.iter().map(|name| Column::Text(name));
        texts
            .chain(lists.iter().map(|name| Column::List(name)))
            .chain(numbers.iter().map(|n| Column::Number(n)))
            .collect()
    }
}

impl Column {
    fn name(&self) -> &str {
        match self {
            Self::Text(name) | Self::Number(name) | Self::List(name) => name,
            Self::TextEntry(name, _) | Self::NumberEntry(name, _) => name,
            Self::Attribute(name) => name,
        }
    }

    /// What a column called so means.
    ///
    /// # Errors
    /// A column of agents that is none, with the closest one.
    pub(super) fn of(kind: Kind, header: &str) -> anyhow::Result<Self> {
        let header = header.trim();
        let known = kind.columns();
        let wanted = if header == "id" { kind.id_field() } else { header };
        if let Some(column) = known.iter().find(|column| column.name() == wanted) {
            return Ok(column.clone());
        }
        let entry = header.split_once('.').map(|(map, key)| (map, key.to_owned()));
        match (kind, entry) {
            (Kind::Agents, Some(("aliases", key))) => Ok(Self::TextEntry("aliases", key)),
            (Kind::Agents, Some(("skills", key))) => Ok(Self::NumberEntry("skills", key)),
            (Kind::Agents, Some(("slots", key))) => Ok(Self::NumberEntry("slots", key)),
            (Kind::Agents, _) => {
                let close = known.iter().map(|column| column.name().to_owned());
                let close =
                    close.max_by(|a, b| strsim::jaro_winkler(a, header).total_cmp(&strsim::jaro_winkler(b, header)));
                bail!("`{header}` is no column of agents; did you mean `{}`?", close.unwrap_or_default())
            }
            (Kind::Customers | Kind::Accounts, Some(("attributes", key))) => Ok(Self::Attribute(key)),
            (Kind::Customers | Kind::Accounts, _) => Ok(Self::Attribute(header.to_owned())),
        }
    }

    /// Puts a cell where it belongs; an empty one is left out.
    ///
    /// # Errors
    /// When the cell is not what the column needs.
    pub(super) fn put(&self, cell: &str, data: &mut Map<String, Value>) -> Result<(), String> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(());
        }
        let number = || cell.parse::<u32>().map_err(|_| format!("column {}: `{cell}` is no whole number", self.name()));
        match self {
            Self::Text(name) => drop(data.insert((*name).to_owned(), json!(cell))),
            Self::Number(name) => drop(data.insert((*name).to_owned(), json!(number()?))),
            Self::List(name) => {
                let parts: Vec<&str> = cell.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
                data.insert((*name).to_owned(), json!(parts));
            }
            Self::TextEntry(name, key) => put_entry(data, name, key, json!(cell)),
            Self::NumberEntry(name, key) => put_entry(data, name, key, json!(number()?)),
            Self::Attribute(key) => put_entry(data, "attributes", key, plain(cell)),
        }
        Ok(())
    }
}

fn put_entry(data: &mut Map<String, Value>, map: &str, key: &str, value: Value) {
    if let Value::Object(entries) = data.entry(map).or_insert_with(|| json!({})) {
        entries.insert(key.to_owned(), value);
    }
}

/// A number or a truth value where the cell is written exactly as one, otherwise the text: `007` stays a text.
fn plain(cell: &str) -> Value {
    match serde_json::from_str::<Value>(cell) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        Ok(_) | Err(_) => json!(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(kind: Kind, cells: &[(&str, &str)]) -> Value {
        let mut data = Map::new();
        for (header, cell) in cells {
            Column::of(kind, header).unwrap().put(cell, &mut data).unwrap();
        }
        Value::Object(data)
    }

    #[test]
    fn a_customer_has_fields_lists_and_attributes() {
        let cells = [
            ("id", "c-17"),
            ("account", "jhu"),
            ("addresses", "+442079460001; x@example.org;"),
            ("lifetime_value", "120000"),
            ("vip", "true"),
            ("plan", "007"),
            ("lead", " "),
        ];
        assert_eq!(
            data(Kind::Customers, &cells),
            json!({
                "customer": "c-17", "account": "jhu", "addresses": ["+442079460001", "x@example.org"],
                "attributes": {"lifetime_value": 120_000, "vip": true, "plan": "007"}
            })
        );
    }

    #[test]
    fn an_agent_has_skills_aliases_and_slots_and_no_attributes() {
        let cells =
            [("agent", "ann"), ("skills.french", "6"), ("aliases.pbx", "1001"), ("slots.chat", "3"), ("points", "80")];
        let wanted = json!({
            "agent": "ann", "skills": {"french": 6}, "aliases": {"pbx": "1001"}, "slots": {"chat": 3}, "points": 80
        });
        assert_eq!(data(Kind::Agents, &cells), wanted);
        let error = Column::of(Kind::Agents, "queue").unwrap_err().to_string();
        assert_eq!(error, "`queue` is no column of agents; did you mean `queues`?");
        let skill = Column::of(Kind::Agents, "skills.french").unwrap();
        assert!(skill.put("fluent", &mut Map::new()).unwrap_err().contains("`fluent` is no whole number"));
    }
}
