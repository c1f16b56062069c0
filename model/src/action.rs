//! Decides what can happen next.

use picket::shard::ports::Head;

use crate::flaw::Flaw;
use crate::shard::Bounds;
use crate::state::{Daemon, State, Way, Written};
use crate::store::awaited;

/// What is left of a call that was not carried out when its caller let go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Nothing: it was carried out, or never left.
    Nothing,
    /// The request, which may be carried out later.
    Request,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the numbers of daemons and servers, and say so")]
pub enum Action {
    /// A daemon has the lease, and its take-over is carried out at a server.
    TakeOver { daemon: u8, at: u8 },
    /// A daemon asks to take over, and gives the call up before it is carried out.
    TakeOverLater,
    /// The replicas have the take-over: its daemon hears so, and is the owner.
    BeginTerm { daemon: u8 },
    /// An owner is killed, loses the lease, or finds a reason to start over.
    EndTerm { daemon: u8, leaves: Leaves },
    /// Who stands by reads a journal.
    Read { daemon: u8, at: u8 },
    /// It asks a server whether what it read is on the replicas.
    Settle { daemon: u8, at: u8 },
    /// The answer is yes, and what was read is shown.
    Show { daemon: u8 },
    /// It forgets what it read.
    EndFollowing { daemon: u8 },
    /// The broker gives up the channel of the active consumer.
    LoseChannel,
    /// The active consumer takes so many inputs and decides them.
    Decide { count: usize },
    /// The append of an owner is carried out at a server.
    Append { daemon: u8, at: u8 },
    /// The replicas have the batch: its owner hears so.
    Commit { daemon: u8 },
    /// A daemon waits no longer for an answer, and tries again.
    GiveUp { daemon: u8, leaves: Leaves },
    /// A request that nobody waits for is carried out at a server.
    Arrive { at: u8 },
    /// The active consumer acknowledges what is committed.
    Acknowledge,
    /// An owner takes the lock of the gate and binds its token.
    Bind { daemon: u8 },
    /// It unbinds every other token.
    Unbind { daemon: u8 },
    /// The broker gives up its connection before.
    LoseGate { daemon: u8 },
    /// An owner publishes its next output; the confirm may be lost.
    Publish { daemon: u8, is_confirmed: bool },
    /// A server takes an owner's watermark.
    NoteWatermark { daemon: u8, at: u8 },
    /// A replica gets everything that its server has.
    Replicate { replica: u8 },
    /// A replica of the primary is promoted.
    FailOver { to: u8 },
    /// A server joins the primary, and loses what the primary does not have.
    Rejoin { server: u8 },
}

/// Everything that can happen in a state.
pub(crate) fn possible(state: &State, bounds: &Bounds, flaw: Flaw, actions: &mut Vec<Action>) {
    for daemon in [0, 1] {
        match &state.daemons[usize::from(daemon)] {
            Daemon::Standby => stand_by(state, bounds, daemon, actions),
            Daemon::Following(read, written) => follow(state, flaw, daemon, (read, *written), actions),
            Daemon::TakingOver(_, written) => {
                if written.copies.count_ones() >= flaw.awaited_at_take_over() {
                    actions.push(Action::BeginTerm { daemon });
                }
                actions.push(Action::GiveUp { daemon, leaves: Leaves::Nothing });
            }
            Daemon::Owner(_) => own(state, bounds, flaw, daemon, actions),
        }
    }
    consume(state, flaw, actions);
    serve(state, bounds, actions);
}

/// A daemon may try at any moment: the lease may end at any moment. Until then it may follow the journal.
fn stand_by(state: &State, bounds: &Bounds, daemon: u8, actions: &mut Vec<Action>) {
    // Two that stand by are alike.
    if daemon == 1 && state.daemons[0] == Daemon::Standby {
        return;
    }
    if bounds.follows {
        let is_longer = |at: &u8| state.server(*at).kept.ownership.head.seq > 0;
        actions.extend(state.writable().filter(is_longer).map(|at| Action::Read { daemon, at }));
    }
    if state.terms >= bounds.terms {
        return;
    }
    actions.extend(state.writable().map(|at| Action::TakeOver { daemon, at }));
    if may_leave(state, bounds) {
        actions.push(Action::TakeOverLater);
    }
}

/// Who stands by reads over one connection and writes over another, which may lead to another server.
fn follow(state: &State, flaw: Flaw, daemon: u8, (read, written): (&Head, Option<Written>), actions: &mut Vec<Action>) {
    actions.push(Action::EndFollowing { daemon });
    match written {
        None => {
            let settles = state.writable().filter(|at| state.could_settle(read, *at, flaw));
            actions.extend(settles.map(|at| Action::Settle { daemon, at }));
        }
        Some(written) if written.copies.count_ones() >= flaw.awaited() => actions.push(Action::Show { daemon }),
        Some(_) => {}
    }
}

fn may_leave(state: &State, bounds: &Bounds) -> bool {
    bounds.late && state.late.is_none()
}

fn own(state: &State, bounds: &Bounds, flaw: Flaw, daemon: u8, actions: &mut Vec<Action>) {
    let Some(owner) = state.owner(daemon) else { return };
    let is_sent = owner.writing.as_ref().is_some_and(|writing| writing.written.is_none());
    let leaves_request = is_sent && may_leave(state, bounds);
    actions.push(Action::EndTerm { daemon, leaves: Leaves::Nothing });
    if leaves_request {
        actions.push(Action::EndTerm { daemon, leaves: Leaves::Request });
        actions.push(Action::GiveUp { daemon, leaves: Leaves::Request });
    }
    if is_sent {
        actions.extend(state.writable().map(|at| Action::Append { daemon, at }));
    }
    if let Some(written) = state.daemons[usize::from(daemon)].written() {
        if written.copies.count_ones() >= awaited(&state.daemons[usize::from(daemon)], flaw) {
            actions.push(Action::Commit { daemon });
        }
        actions.push(Action::GiveUp { daemon, leaves: Leaves::Nothing });
    }
    match owner.way {
        Way::Shut => {
            let is_locked = state.owner(1 - daemon).is_some_and(|other| other.way == Way::Bound);
            if !is_locked {
                actions.push(Action::Bind { daemon });
            }
        }
        Way::Bound => actions.extend([Action::Unbind { daemon }, Action::LoseGate { daemon }]),
        Way::Open => {}
    }
    if State::publishable(owner, flaw) {
        actions.extend([true, false].map(|is_confirmed| Action::Publish { daemon, is_confirmed }));
    }
    let noted = state.writable().filter(|at| state.could_note(owner, *at, flaw));
    actions.extend(noted.map(|at| Action::NoteWatermark { daemon, at }));
}

/// What the queue and its active consumer do.
fn consume(state: &State, flaw: Flaw, actions: &mut Vec<Action>) {
    if state.active.is_none() {
        return;
    }
    actions.push(Action::LoseChannel);
    actions.extend((1..=state.undecided()).map(|count| Action::Decide { count }));
    if !state.acknowledgeable(flaw).is_empty() {
        actions.push(Action::Acknowledge);
    }
}

/// What the servers do.
fn serve(state: &State, bounds: &Bounds, actions: &mut Vec<Action>) {
    if state.late.is_some() {
        actions.extend(state.writable().map(|at| Action::Arrive { at }));
    }
    for (server, kept) in (0..).zip(&state.servers) {
        if state.lags(server) {
            actions.push(Action::Replicate { replica: server });
        }
        if kept.upstream == Some(state.primary) && state.fail_overs < bounds.fail_overs {
            actions.push(Action::FailOver { to: server });
        }
        if server != state.primary && kept.upstream != Some(state.primary) {
            actions.push(Action::Rejoin { server });
        }
    }
}
