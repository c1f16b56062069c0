//! Looks at every state that two daemons, a store that fails over and a broker can bring the ownership of a shard into.
//!
//! # States
//!
//! - **The store**: a primary and two replicas. Each keeps the ownership of the shard (epoch, token, head), the journal and
//!   the watermark. A replica has what its server had at some moment. A fail-over promotes either replica; the old primary
//!   lives on, takes writes, and may still have a replica, until each of the two joins the new primary and has its data.
//! - **Two daemons**, each of which stands by, waits for the answer to its take-over, or owns the shard by its own light.
//!   What an owner knows is its token, how far it has committed and published, how far it is with the gate, and the batch
//!   that is on its way. One that was killed and one that waits for the lease are the same: both know nothing.
//! - **The broker**: a queue whose inputs are ready, held by the single active consumer, or acknowledged, and the tokens
//!   that are bound to the gate.
//! - **A request that nobody waits for any more**, and that may still be carried out.
//!
//! There is no clock. Whatever can happen may happen at any later moment, or never; so a daemon that is frozen, a call that
//! takes long, an answer that comes late, and a lease that ends at the wrong moment are all in it without being told.
//!
//! # Actions
//!
//! [`Action`] lists them. In the order of the design: a daemon takes over and waits for every replica; opens its inbox;
//! binds its token to the gate and unbinds the others; decides the first inputs; appends, with its token and the head that
//! it expects; counts the batch as committed once every replica has it; acknowledges; publishes from the watermark; and
//! notes the watermark. Between any two of them a call may be given up, its answer or its request be lost, the request be
//! carried out late and at another server, the term end, the broker close a channel, a replica catch up, or the store fail
//! over.
//!
//! # What is the daemon's own
//!
//! [`Token`](picket::shard::ports::Token), [`Head`](picket::shard::ports::Head) and
//! [`Batch`](picket::shard::ports::Batch); and [`picket::shard::ownership`] decides which epoch is next, whose writes are
//! taken, where a batch belongs, and who may open the gate.
//! [`StoreError::ends_ownership`](picket::shard::ports::StoreError::ends_ownership) decides which refusals end a term.
//! What `picket.lua` does in Redis is held to the same by `tests/store/suite.rs`.
//!
//! # What is left out
//!
//! Within its [`Bounds`] the check is complete. Not in it: the beacon and the archive, snapshots and trimming, a server
//! that forgets what it has confirmed, a replica that is promoted while it is being filled, and the order of arrival of
//! what is committed over HTTP. What two states differ in by the names of replicas or daemons alone is looked at once.
//!
//! A [`Flaw`] is a mistake in the design. For each there is a promise that it breaks, so that it is seen that the check
//! would find it.

mod action;
mod daemon;
mod flaw;
mod shard;
mod state;
mod store;

pub use action::{Action, Leaves};
pub use flaw::Flaw;
pub use shard::{
    Bounds, DONE, DONE_ALL_THE_SAME, NOTHING_AHEAD, NOTHING_LOST, ONCE, ONE_JOURNAL, ONE_VOICE, ONE_WRITER, Shard,
};
pub use state::State;
