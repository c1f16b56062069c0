//! The store that forgets.

#[path = "../../src/store/memory.rs"]
mod memory;
#[path = "../../src/store/order.rs"]
mod order;

pub use memory::Memory;
use order::{Place, check_batch, check_read, head_behind, place};
