//! Decides where an installation is remembered: in memory for tests, in one SQLite file, or in Redis.
//!
//! All three implement [`Store`](crate::shard::ports::Store) and pass one suite, `tests/store.rs`.

pub mod embedded;
pub mod memory;
mod order;
pub mod redis;

pub use embedded::Embedded;
pub use memory::Memory;
pub use redis::Redis;

use crate::shard::ports::DirectoryKind;
use order::{check_batch, check_read};

/// The word for a kind of directory row in keys and tables.
const fn kind_name(kind: DirectoryKind) -> &'static str {
    match kind {
        DirectoryKind::Customer => "customer",
        DirectoryKind::Account => "account",
        DirectoryKind::Agent => "agent",
        DirectoryKind::Address => "address",
        DirectoryKind::Familiarity => "familiarity",
        DirectoryKind::Value => "value",
        DirectoryKind::Contact => "contact",
        DirectoryKind::Forward => "forward",
    }
}
