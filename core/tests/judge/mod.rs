//! What judges a random history: the invariants, a replay, and the second router. `properties` runs it over the core as
//! it is, `mutation` over cores with a bug.

pub(crate) mod dice;
pub(crate) mod history;
mod inputs;
mod invariants;
pub(crate) mod setting;
pub(crate) mod story;
pub(crate) mod tally;
mod worlds;
