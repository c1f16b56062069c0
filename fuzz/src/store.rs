//! The store that forgets.

#[path = "../../src/store/memory.rs"]
mod memory;
#[path = "../../src/store/order.rs"]
mod order;

pub use memory::Memory;
use order::{check_batch, check_read};
