//! Decides what an input or a timer does. The router is the core's whole state and its only transition function, one
//! file per family:
//!
//! | file | decides |
//! |---|---|
//! | `on_receive`, `on_contact`, `on_consult`, `on_replan`, `on_offer`, `on_agent`, `on_world`, `on_supervise` | whether an input is granted, and which events follow |
//! | `apply`, `apply_contact`, `apply_agent`, `apply_world` | what an event changes: the only writers of state |
//! | `matching`, `choice`, `check` | who gets a contact, which contact an agent gets, which check fails |
//! | `catch_up` | when nobody is offered anything, and who gets what when that is over |
//! | `steps`, `fence`, `audience`, `floor` | how a plan goes on, who is inside, whom a step means, when reserves are released |
//! | `lanes`, `line`, `place`, `pool`, `capacity`, `pending` | how waiting contacts and available agents are kept |
//! | `flow`, `estimate` | how fast lines move, and how long a contact is expected to wait |
//! | `learn`, `smart` | how long contacts last, and whether waiting for somebody busy is worth it |
//! | `explain` | how a decision is explained |
//! | `timers`, `state`, `table`, `views` | deadlines, what is remembered, how it is kept, how it is shown |
//!
//! Live, an input emits events and each is applied as it is emitted; a replay applies the same events and ends in the
//! same state, indexes and timers included. `work` holds what must be looked at before the input is done; between
//! inputs it is empty.

mod apply;
mod apply_agent;
mod apply_contact;
mod apply_world;
mod audience;
mod capacity;
mod catch_up;
mod check;
mod choice;
mod estimate;
mod explain;
mod fence;
mod floor;
mod flow;
mod handover;
mod lanes;
mod learn;
mod line;
mod matching;
mod on_agent;
mod on_consult;
mod on_contact;
mod on_offer;
mod on_receive;
mod on_replan;
mod on_supervise;
mod on_world;
mod pending;
mod place;
mod pool;
mod smart;
mod state;
mod steps;
mod stirred;
mod table;
mod timers;
mod validate;
mod views;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use apply_contact::{CLOSED_KEPT, CLOSED_KEPT_FOR};
pub use catch_up::CATCH_UP_LIMIT;
pub use choice::ASKED_LIMIT;
pub use estimate::{Estimate, Estimates};
pub use explain::{By, Candidate, Check, DECISIONS_KEPT, Decision, Detail, NAMED_LIMIT, Winner};
pub use fence::TRIED_LIMIT;
pub use handover::Handover;
pub use on_agent::{ORPHAN_WAIT, OVERRIDE_SPAN};
pub use on_replan::{ReplanCursor, SLICE_LIMIT};
pub use steps::TRANSFER_HOLD;
pub use timers::{TimerKind, Wake};
pub use validate::STEPS_LIMIT;
pub use views::{
    AgentView, ChannelIdle, ChannelPresence, ContactState, ContactView, FenceState, OfferView, QueueView, TeamView,
};

use crate::{
    AgentId, ChannelSpec, ContactId, Event, Input, MatterId, OfferId, QueueId, Rejection, ThreadId, Timestamp,
};
use explain::Explaining;
use flow::Flows;
use lanes::Lanes;
use learn::Latest;
use pending::Pending;
use pool::Pools;
use smart::Smarts;
use state::{Agent, Contact, Hours, Offer, Queue, Team};
use table::Table;
use timers::Timers;

/// The routing core of one shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Router {
    channels: Table<ChannelSpec>,
    hours: Table<Hours>,
    agents: Table<Agent>,
    teams: Table<Team>,
    queues: Table<Queue>,
    contacts: Table<Box<Contact>>,
    offers: BTreeMap<OfferId, Offer>,
    /// The number of the latest offer ever made.
    last_offer: u64,
    /// How many offers and assignments there were, for taking turns.
    turns: u64,
    lanes: Lanes,
    pools: Pools,
    /// How long contacts lasted, by channel.
    lasted: Table<Latest>,
    smarts: Smarts,
    flows: Flows,
    timers: Timers,
    /// The last agent of each conversation and matter, while a contact of it is known.
    threads: BTreeMap<ThreadId, (ContactId, AgentId)>,
    matters: BTreeMap<MatterId, (ContactId, AgentId)>,
    /// Agents who are absent and have a deputy.
    absent: BTreeSet<AgentId>,
    /// Agents who stand in for somebody.
    deputies: BTreeSet<AgentId>,
    /// Closed contacts, the oldest end first.
    closed: VecDeque<(Timestamp, ContactId)>,
    forgotten: Forgotten,
    #[serde(skip)]
    work: Work,
    #[serde(skip)]
    explaining: Explaining,
    #[cfg(feature = "seeded-bugs")]
    #[serde(skip)]
    bug: Option<crate::Bug>,
}

/// What must be looked at before the input is done.
#[derive(Clone, Debug, Default, PartialEq)]
struct Work {
    agents: Pending<AgentId>,
    contacts: Pending<ContactId>,
    queues: Pending<QueueId>,
}

/// Contacts that were forgotten and not yet drained. Draining is the shell's, so equality of routers leaves it out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Forgotten(Vec<ContactId>);

impl PartialEq for Forgotten {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Router {
    /// A router that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A router that has a bug, for the tests to find.
    #[cfg(feature = "seeded-bugs")]
    #[must_use]
    pub fn with_bug(bug: crate::Bug) -> Self {
        Self { bug: Some(bug), ..Self::default() }
    }

    /// Whether it has this bug; only a build for tests can.
    #[cfg(feature = "seeded-bugs")]
    fn has(&self, bug: crate::Bug) -> bool {
        self.bug == Some(bug)
    }

    #[cfg(not(feature = "seeded-bugs"))]
    #[inline(always)]
    #[expect(clippy::unused_self, clippy::inline_always, reason = "without the feature it must compile to nothing")]
    const fn has(&self, _: crate::bugs::Bug) -> bool {
        false
    }

    /// Takes an input: appends what happens to `out`, and what becomes possible by it.
    ///
    /// # Errors
    /// The obstacle. Then nothing was appended and nothing changed.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Event>) -> Result<(), Rejection> {
        match input {
            Input::Receive(arrival) => self.on_receive(now, arrival, out),
            Input::ReceiveEnded(arrival, end) => self.on_receive_ended(now, arrival, end, out),
            Input::Contact(contact, command) => self.on_contact(now, contact, command, out),
            Input::Offer(offer, command) => self.on_offer(now, offer, command, out),
            Input::Agent(agent, command) => self.on_agent(now, agent, command, out),
            Input::World(change) => self.on_world(now, *change, out),
            Input::Supervise(contact, act) => self.on_supervise(now, contact, act, out),
            Input::Replan(slice, because) => self.replan_slice(now, slice, because, out),
            Input::Team(team, command) => self.on_team(now, team, command, out),
            Input::ClockJumped(by) => {
                self.on_clock_jump(now, by, out);
                Ok(())
            }
            Input::CatchUp(what) => {
                self.on_catch_up(now, what, out);
                Ok(())
            }
        }?;
        self.settle(now, out);
        Ok(())
    }

    /// Applies an event of the journal. With every event of a run, in order, the router equals the one that ran.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        self.apply_event(at, event);
        self.work.agents.clear();
        self.work.contacts.clear();
        self.work.queues.clear();
    }

    /// Contacts forgotten since the last call: their names can be forgotten too.
    pub fn drain_forgotten(&mut self) -> Vec<ContactId> {
        core::mem::take(&mut self.forgotten.0)
    }

    fn emit(&mut self, now: Timestamp, event: Event, out: &mut Vec<Event>) {
        self.apply_event(now, &event);
        out.push(event);
    }
}
