//! The store of the simulation, when nothing goes wrong: what is proven in it is proven of stores like the real ones.

use std::sync::Arc;

use picket::shard::ports::Store;

use crate::fate::Fate;
use crate::link::Process;
use crate::simulated::Server;

pub(crate) struct Fixture(Server);

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self(Server::new())
    }

    pub(crate) async fn open(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        let fate = Arc::new(Fate::calm(1, None));
        let seen = || -> Arc<dyn Store> { Arc::new(self.0.seen_by(&Arc::new(Process::new(Arc::clone(&fate))), &fate)) };
        (seen(), seen())
    }
}
