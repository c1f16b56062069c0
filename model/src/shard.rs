//! Decides what is promised in every state, and what has to be possible in some.

use stateright::{Model, Property};

use crate::action::{Action, Leaves, possible};
use crate::flaw::Flaw;
use crate::state::{Breach, Input, RECORD, State, contains};

/// How far a check goes. Within these numbers it looks at everything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Inputs in the queue, nine at most.
    pub inputs: u8,
    /// Take-overs that are begun.
    pub terms: u8,
    /// Fail-overs of the store.
    pub fail_overs: u8,
    /// Whether a request may be carried out when nobody waits for it any more.
    pub late: bool,
    /// Whether daemons that stand by follow the journal and show it.
    pub follows: bool,
}

/// The ownership of one shard, with a flaw or without.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// How far.
    pub bounds: Bounds,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is committed stays, the same for everybody.
pub const ONE_JOURNAL: &str = "at each position there is one committed record, and it stays";
/// What is acknowledged is there.
pub const NOTHING_LOST: &str = "what is acknowledged is in the journal";
/// What is published is committed.
pub const NOTHING_AHEAD: &str = "what is published is committed, and what the watermark passes is published";
/// Each input is there once.
pub const ONCE: &str = "each input is journaled once, in the order of its queue";
/// One owner at a time.
pub const ONE_WRITER: &str = "each record is written by the owner whose token is in force";
/// One owner at the gate.
pub const ONE_VOICE: &str = "once a later owner has opened the gate, no earlier one's output is let through";
/// It ends well.
pub const DONE: &str = "every input is committed, published and acknowledged";
/// It ends well after a fail-over, and after a take-over.
pub const DONE_ALL_THE_SAME: &str = "the same after a fail-over, by another owner than the one who began";

impl Model for Shard {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.bounds.inputs)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        possible(state, &self.bounds, self.flaw, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let (mut state, flaw) = (last.clone(), self.flaw);
        match action {
            Action::TakeOver { daemon, at } => state.take_over(daemon, at),
            Action::TakeOverLater => state.take_over_later(),
            Action::Read { daemon, at } => state.read(daemon, at),
            Action::Settle { daemon, at } => state.settle(daemon, at),
            Action::Show { daemon } => state.show(daemon),
            Action::EndFollowing { daemon } => state.end_term(daemon, Leaves::Nothing),
            Action::BeginTerm { daemon } => state.begin_term(daemon),
            Action::EndTerm { daemon, leaves } => state.end_term(daemon, leaves),
            Action::LoseChannel => state.lose_channel(),
            Action::Decide { count } => state.decide(count),
            Action::Append { daemon, at } => state.append(daemon, at, flaw),
            Action::Commit { daemon } => state.commit(daemon),
            Action::GiveUp { daemon, leaves } => state.give_up(daemon, leaves),
            Action::Arrive { at } => state.arrive(at, flaw),
            Action::Acknowledge => state.acknowledge(flaw),
            Action::Bind { daemon } => state.bind(daemon, flaw),
            Action::Unbind { daemon } => state.unbind(daemon),
            Action::LoseGate { daemon } => state.lose_gate(daemon),
            Action::Publish { daemon, is_confirmed } => state.publish(daemon, is_confirmed, flaw),
            Action::NoteWatermark { daemon, at } => state.note_watermark(daemon, at),
            Action::Replicate { replica } => state.replicate(replica),
            Action::FailOver { to } => state.fail_over(to, flaw),
            Action::Rejoin { server } => state.rejoin(server, flaw),
        }
        Some(state.named_alike())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_JOURNAL, |_, state: &State| {
                state.seen.breach != Some(Breach::Forked) && state.journal().starts_with(&state.seen.committed)
            }),
            Property::always(NOTHING_LOST, |_, state: &State| {
                let mut acknowledged =
                    state.queue.iter().enumerate().filter(|(_, input)| **input == Input::Acknowledged);
                acknowledged.all(|(input, _)| contains(state.journal(), input))
            }),
            Property::always(NOTHING_AHEAD, |_, state: &State| {
                let watermark = usize::from(state.server(state.primary).kept.watermark);
                state.seen.breach != Some(Breach::Uncommitted)
                    && state.journal().starts_with(&state.seen.published)
                    && watermark * RECORD <= state.seen.published.len()
            }),
            Property::always(ONCE, |_, state: &State| {
                (1..).zip(inputs(state.journal())).all(|(at, input)| at == input)
            }),
            Property::always(ONE_WRITER, |_, state: &State| state.seen.breach != Some(Breach::Foreign)),
            Property::always(ONE_VOICE, |_, state: &State| state.seen.breach != Some(Breach::Late)),
            Property::sometimes(DONE, |model: &Self, state: &State| model.is_done(state)),
            Property::sometimes(DONE_ALL_THE_SAME, |model: &Self, state: &State| {
                let began = state.journal().get(1..RECORD);
                let ended = state.seen.opened.as_ref().map(|token| token.nonce.as_str());
                state.fail_overs > 0 && began != ended && model.is_done(state)
            }),
        ]
    }
}

impl Shard {
    fn is_done(&self, state: &State) -> bool {
        let kept = &state.server(state.primary).kept;
        state.queue.iter().all(|input| *input == Input::Acknowledged)
            && kept.ownership.head.seq == u64::from(self.bounds.inputs)
            && state.seen.published == kept.ownership.head.hash
            && kept.watermark == self.bounds.inputs
    }
}

/// The inputs of a journal, which count from 1.
fn inputs(journal: &str) -> impl Iterator<Item = u8> + '_ {
    journal.bytes().step_by(RECORD).map(|found| found - b'0')
}
