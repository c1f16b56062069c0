//! Decides what an answer of the library means.

use std::vec::IntoIter;

use ::redis::{FromRedisValue, ParsingError, Value, from_redis_value};
use bytes::Bytes;

use crate::shard::ports::{Entry, Head, StoreError};

/// What a function of the library answered.
pub(super) struct Reply(Vec<String>);

/// What follows `ok`.
pub(super) struct Fields(IntoIter<String>);

impl FromRedisValue for Reply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        from_redis_value(value).map(Self)
    }
}

impl Reply {
    /// Tells success from the refusals.
    pub(super) fn into_fields(self) -> Result<Fields, StoreError> {
        let mut words = self.0.into_iter();
        let verdict = words.next();
        let mut fields = Fields(words);
        match verdict.as_deref() {
            Some("ok") => Ok(fields),
            Some("fenced") => Err(StoreError::Fenced { stored: fields.text()? }),
            Some("head") => Err(StoreError::HeadMismatch { found: fields.head()? }),
            Some("damaged") => Err(StoreError::Damaged { what: fields.text()? }),
            _ => Err(incomprehensible()),
        }
    }
}

impl Fields {
    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.0.next().ok_or_else(incomprehensible)
    }

    /// All that is left.
    pub(super) fn texts(self) -> Vec<String> {
        self.0.collect()
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        number("a number", Some(&self.text()?))
    }

    pub(super) fn head(&mut self) -> Result<Head, StoreError> {
        Ok(Head { seq: self.number()?, hash: self.text()? })
    }
}

/// Reads a number that is kept as text, and is 0 before it was written.
pub(super) fn number(name: &str, text: Option<&str>) -> Result<u64, StoreError> {
    text.unwrap_or("0").parse().map_err(|_| StoreError::Damaged { what: format!("`{name}` is no number") })
}

/// Reads a record of the stream, in which nothing but records of ours may be.
pub(super) fn entry((id, fields): (String, Vec<Bytes>)) -> Result<Entry, StoreError> {
    let foreign = || StoreError::Damaged { what: format!("something else wrote {id} into the journal") };
    let seq = id.strip_suffix("-0").and_then(|seq| seq.parse().ok()).ok_or_else(foreign)?;
    let [h, hash, d, body] = <[Bytes; 4]>::try_from(fields).map_err(|_| foreign())?;
    if h != "h" || d != "d" {
        return Err(foreign());
    }
    let hash = String::from_utf8(hash.into()).map_err(|_| foreign())?;
    Ok(Entry { seq, hash, body })
}

fn incomprehensible() -> StoreError {
    StoreError::Damaged { what: "the function library answered something it never does".to_owned() }
}
