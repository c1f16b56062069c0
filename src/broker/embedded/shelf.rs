//! Decides how dead letters lie in a table, and for how long.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::broker::unavailable;
use crate::shard::ports::{BrokerError, DeadLetter};
use crate::store;

/// Dead letters are kept 14 days, counted at each new one.
const KEPT_MS: i64 = 14 * 24 * 3_600_000;
/// Above this many, the oldest go first: bad input must not fill the disk.
const MOST: i64 = 100_000;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS dead_letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    at INTEGER NOT NULL,
    shard TEXT NOT NULL,
    exchange TEXT NOT NULL,
    user TEXT,
    routing_key TEXT NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT";
const COLUMNS: &str = "id, code, detail, at, shard, exchange, user, routing_key, content_type, headers, body";

/// The table of dead letters.
#[derive(Clone, Debug)]
pub(super) enum Shelf {
    /// In the store's file.
    File(store::Embedded),
    /// In memory: gone with the process.
    Memory(Arc<Mutex<Connection>>),
}

impl Shelf {
    pub(super) async fn open(file: Option<store::Embedded>) -> Result<Self, BrokerError> {
        let shelf = match file {
            Some(file) => Self::File(file),
            None => {
                let memory =
                    Connection::open_in_memory().map_err(|error| unavailable("keeping dead letters", error))?;
                Self::Memory(Arc::new(Mutex::new(memory)))
            }
        };
        shelf.run(|connection| connection.execute_batch(TABLE)).await?;
        Ok(shelf)
    }

    pub(super) async fn put(&self, mut letter: DeadLetter) -> Result<(), BrokerError> {
        const ATTEMPT: &str = "keeping a dead letter";
        if letter.id.is_empty() {
            let mut bytes = [0_u8; 16];
            getrandom::fill(&mut bytes).map_err(|error| unavailable(ATTEMPT, error.to_string()))?;
            letter.id = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        let headers = serde_json::to_string(&letter.headers).map_err(|error| unavailable(ATTEMPT, error))?;
        self.run(move |connection| keep(connection, &letter, &headers)).await
    }

    pub(super) async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.run(move |connection| {
            let query = format!("SELECT {COLUMNS} FROM dead_letter ORDER BY number LIMIT ?1");
            let mut statement = connection.prepare(&query)?;
            statement.query_map([limit], letter)?.collect()
        })
        .await
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<DeadLetter>, BrokerError> {
        let id = id.to_owned();
        self.run(move |connection| {
            let query = format!("SELECT {COLUMNS} FROM dead_letter WHERE id = ?1");
            connection.query_row(&query, [id], letter).optional()
        })
        .await
    }

    pub(super) async fn remove(&self, id: &str) -> Result<bool, BrokerError> {
        let id = id.to_owned();
        let removed =
            self.run(move |connection| connection.execute("DELETE FROM dead_letter WHERE id = ?1", [id])).await?;
        Ok(removed > 0)
    }

    async fn run<T: Send + 'static>(
        &self,
        use_it: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BrokerError> {
        const ATTEMPT: &str = "using the table of dead letters";
        match self {
            Self::File(file) => file.with_connection(use_it).await.map_err(|error| unavailable(ATTEMPT, error)),
            Self::Memory(connection) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                use_it(&mut connection).map_err(|error| unavailable(ATTEMPT, error))
            }
        }
    }
}

fn keep(connection: &mut Connection, letter: &DeadLetter, headers: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM dead_letter WHERE at < ?1", [letter.at.saturating_sub(KEPT_MS)])?;
    transaction.execute(
        "INSERT INTO dead_letter
         (id, code, detail, at, shard, exchange, user, routing_key, content_type, headers, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO NOTHING",
        params![
            letter.id,
            letter.code,
            letter.detail,
            letter.at,
            letter.shard,
            letter.exchange,
            letter.user,
            letter.routing_key,
            letter.content_type,
            headers,
            letter.body,
        ],
    )?;
    let last = transaction.last_insert_rowid();
    transaction.execute("DELETE FROM dead_letter WHERE number <= ?1", [last.saturating_sub(MOST)])?;
    transaction.commit()
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let headers: String = row.get(9)?;
    Ok(DeadLetter {
        id: row.get(0)?,
        code: row.get(1)?,
        detail: row.get(2)?,
        at: row.get(3)?,
        shard: row.get(4)?,
        exchange: row.get(5)?,
        user: row.get(6)?,
        routing_key: row.get(7)?,
        content_type: row.get(8)?,
        headers: serde_json::from_str(&headers)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, error.into()))?,
        body: row.get(10)?,
    })
}
