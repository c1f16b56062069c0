//! The store in memory: two clones of one.

use std::sync::Arc;

use picket::shard::ports::Store;
use picket::store::Memory;

pub(crate) struct Fixture(Memory);

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self(Memory::new())
    }

    pub(crate) async fn open(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        (Arc::new(self.0.clone()), Arc::new(self.0.clone()))
    }
}
