//! Decides what a daemon does: take over, decide, append, count as committed, acknowledge, publish, and end its term.

use std::sync::Arc;

use picket::shard::ownership::{Place, may_open};
use picket::shard::ports::{Head, StoreError, Token};

use crate::action::Leaves;
use crate::flaw::Flaw;
use crate::state::{Breach, Daemon, Input, Late, Owner, RECORD, State, TakeOver, Way, Writing, Written, contains};
use crate::store::{self, Append, admit, append, breach};

impl State {
    /// The name of the next take-over.
    fn next_nonce(&mut self) -> String {
        let nonce = char::from(b'a' + self.terms).to_string();
        self.terms += 1;
        nonce
    }

    /// A daemon that has the lease takes the shard over at a server.
    pub(crate) fn take_over(&mut self, daemon: u8, at: u8) {
        let nonce = self.next_nonce();
        let kept = &mut self.servers[usize::from(at)].kept;
        let token = store::take_over(kept, &nonce);
        let answer = TakeOver { token, head: kept.ownership.head.clone(), watermark: kept.watermark };
        self.daemons[usize::from(daemon)] = Daemon::TakingOver(Arc::new(answer), Written { at, copies: 0 });
    }

    /// A daemon asks to take the shard over, and gives the call up before it was carried out.
    pub(crate) fn take_over_later(&mut self) {
        let nonce = self.next_nonce();
        self.late = Some(Arc::new(Late::TakeOver { nonce }));
    }

    /// The answer to a take-over: what the journal holds is on the replicas, and counts; the inbox is opened.
    pub(crate) fn begin_term(&mut self, daemon: u8) {
        let Daemon::TakingOver(answer, _) = &self.daemons[usize::from(daemon)] else { return };
        let TakeOver { token, head, watermark } = TakeOver::clone(answer);
        self.take_for_committed(&head);
        let owner = Owner { token, head, published: watermark, way: Way::Shut, writing: None };
        self.daemons[usize::from(daemon)] = Daemon::Owner(Arc::new(owner));
        self.active.get_or_insert(daemon);
    }

    /// Who stands by reads a journal.
    pub(crate) fn read(&mut self, daemon: u8, at: u8) {
        let head = self.server(at).kept.ownership.head.clone();
        self.daemons[usize::from(daemon)] = Daemon::Following(Arc::new(head), None);
    }

    /// Whether a server takes the question whether what was read is on the replicas: if it has it itself.
    pub(crate) fn could_settle(&self, read: &Head, at: u8, flaw: Flaw) -> bool {
        flaw == Flaw::SettlesAnything || self.server(at).kept.ownership.head.hash.starts_with(&read.hash)
    }

    /// It writes something behind what was read, and waits for the replicas.
    pub(crate) fn settle(&mut self, daemon: u8, at: u8) {
        self.daemons[usize::from(daemon)].rewrite(Some(Written { at, copies: 0 }));
    }

    /// The replicas have it: what was read is shown to everybody.
    pub(crate) fn show(&mut self, daemon: u8) {
        let Daemon::Following(read, _) = &self.daemons[usize::from(daemon)] else { return };
        let read = Arc::clone(read);
        self.take_for_committed(&read);
        self.daemons[usize::from(daemon)] = Daemon::Standby;
    }

    /// An owner ends its term: it was killed, has lost the lease, or was told that it is no owner. Its channel closes, and
    /// what it had taken returns; its lock at the broker goes.
    pub(crate) fn end_term(&mut self, daemon: u8, leaves: Leaves) {
        self.leave_call(daemon, leaves);
        self.daemons[usize::from(daemon)] = Daemon::Standby;
        if self.active == Some(daemon) {
            self.give_back();
            self.active = self.owner(1 - daemon).map(|_| 1 - daemon);
        }
    }

    /// The broker gives the active consumer up. It opens a new channel, behind the other one.
    pub(crate) fn lose_channel(&mut self) {
        self.give_back();
        if let Some(daemon) = self.active
            && self.owner(1 - daemon).is_some()
        {
            self.active = Some(1 - daemon);
        }
    }

    fn give_back(&mut self) {
        for input in self.queue.iter_mut().filter(|input| **input == Input::Held) {
            *input = Input::Ready;
        }
    }

    /// How many inputs the active consumer could decide now.
    pub(crate) fn undecided(&self) -> usize {
        let Some(owner) = self.active.and_then(|daemon| self.owner(daemon)) else { return 0 };
        if owner.writing.is_some() { 0 } else { self.fresh(owner).count() }
    }

    fn fresh<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = usize> + 'a {
        let ready = self.queue.iter().enumerate().filter(|(_, input)| **input == Input::Ready).map(|(at, _)| at);
        ready.filter(|input| !contains(&owner.decided().hash, *input))
    }

    /// The active consumer takes the first inputs and decides them; the batch is on its way to the store.
    pub(crate) fn decide(&mut self, count: usize) {
        let Some(daemon) = self.active else { return };
        let Some(owner) = self.owner(daemon) else { return };
        let inputs: Vec<usize> = self.fresh(owner).take(count).collect();
        let mut end = owner.head.clone();
        for input in &inputs {
            end.seq += 1;
            end.hash.push_str(&format!("{}{}", input + 1, owner.token.nonce));
        }
        for input in inputs {
            self.queue[input] = Input::Held;
        }
        if let Some(owner) = self.owner_mut(daemon) {
            owner.writing = Some(Writing { end, written: None });
        }
    }

    /// The append of an owner is carried out at a server.
    pub(crate) fn append(&mut self, daemon: u8, at: u8, flaw: Flaw) {
        let Daemon::Owner(owner) = &self.daemons[usize::from(daemon)] else { return };
        let owner = Arc::clone(owner);
        let Some(writing) = &owner.writing else { return };
        let request = Append { token: &owner.token, expected: &owner.head, end: &writing.end };
        let done = append(&mut self.servers[usize::from(at)].kept, &mut self.seen, flaw, &request);
        match done {
            Ok(place) => {
                let counts = place == Place::Written && flaw == Flaw::FoundCounts;
                let copies = if counts { u8::MAX } else { 0 };
                self.daemons[usize::from(daemon)].rewrite(Some(Written { at, copies }));
            }
            Err(error) => self.refused(daemon, &error),
        }
    }

    /// The store refused: whoever is no owner drops all it knows. Anything else is tried again.
    fn refused(&mut self, daemon: u8, error: &StoreError) {
        if error.ends_ownership() {
            self.end_term(daemon, Leaves::Nothing);
        }
    }

    /// The answer to an append: its records count.
    pub(crate) fn commit(&mut self, daemon: u8) {
        let Some(owner) = self.owner_mut(daemon) else { return };
        let Some(writing) = owner.writing.take() else { return };
        owner.head = writing.end.clone();
        self.take_for_committed(&writing.end);
    }

    fn take_for_committed(&mut self, head: &Head) {
        let known = &self.seen.committed;
        if head.hash.len() > known.len() && head.hash.starts_with(known.as_str()) {
            Arc::make_mut(&mut self.seen).committed.clone_from(&head.hash);
        } else if !known.starts_with(head.hash.as_str()) {
            breach(&mut self.seen, Breach::Forked);
        }
    }

    /// No answer came in time, or too few replicas were there. An append is tried again, a take-over is not; what was not
    /// carried out yet may still be.
    pub(crate) fn give_up(&mut self, daemon: u8, leaves: Leaves) {
        self.leave_call(daemon, leaves);
        self.daemons[usize::from(daemon)].rewrite(None);
    }

    fn leave_call(&mut self, daemon: u8, leaves: Leaves) {
        if leaves == Leaves::Request
            && let Some(owner) = self.owner(daemon)
            && let Some(writing) = &owner.writing
        {
            let (token, expected, end) = (owner.token.clone(), owner.head.clone(), writing.end.clone());
            self.late = Some(Arc::new(Late::Append { token, expected, end }));
        }
    }

    /// A request that nobody waits for is carried out.
    pub(crate) fn arrive(&mut self, at: u8, flaw: Flaw) {
        let Some(late) = self.late.take() else { return };
        let kept = &mut self.servers[usize::from(at)].kept;
        match &*late {
            Late::TakeOver { nonce } => drop(store::take_over(kept, nonce)),
            Late::Append { token, expected, end } => {
                drop(append(kept, &mut self.seen, flaw, &Append { token, expected, end }));
            }
        }
    }

    /// Inputs that a daemon could acknowledge: those that it has committed and still holds, or is given again.
    pub(crate) fn acknowledgeable(&self, flaw: Flaw) -> Vec<usize> {
        let Some(owner) = self.active.and_then(|daemon| self.owner(daemon)) else { return Vec::new() };
        let journal = if flaw == Flaw::AcknowledgesEarly { owner.decided() } else { &owner.head };
        let waiting = self.queue.iter().enumerate().filter(|(_, input)| **input != Input::Acknowledged);
        waiting.map(|(at, _)| at).filter(|input| contains(&journal.hash, *input)).collect()
    }

    pub(crate) fn acknowledge(&mut self, flaw: Flaw) {
        for input in self.acknowledgeable(flaw) {
            self.queue[input] = Input::Acknowledged;
        }
    }

    /// An owner comes to the gate: it takes the lock, looks who was there, adds its token and binds it.
    pub(crate) fn bind(&mut self, daemon: u8, flaw: Flaw) {
        let Some(owner) = self.owner(daemon) else { return };
        let token = owner.token.clone();
        if flaw != Flaw::GateForAnybody && !may_open(&token, self.gate.iter().map(String::as_str)) {
            self.end_term(daemon, Leaves::Nothing);
            return;
        }
        let text = token.to_string();
        if !self.gate.contains(&text) {
            Arc::make_mut(&mut self.gate).push(text);
        }
        self.set_way(daemon, Way::Bound);
    }

    /// It unbinds every other token, and gives the lock back.
    pub(crate) fn unbind(&mut self, daemon: u8) {
        let Some(owner) = self.owner(daemon) else { return };
        let token = owner.token.clone();
        self.gate = Arc::new(vec![token.to_string()]);
        if self.seen.opened.as_ref().is_none_or(|last| last.epoch <= token.epoch) {
            Arc::make_mut(&mut self.seen).opened = Some(token);
        }
        self.set_way(daemon, Way::Open);
    }

    /// The broker gives its connection up while it has the lock: it begins anew.
    pub(crate) fn lose_gate(&mut self, daemon: u8) {
        self.set_way(daemon, Way::Shut);
    }

    fn set_way(&mut self, daemon: u8, way: Way) {
        if let Some(owner) = self.owner_mut(daemon) {
            owner.way = way;
        }
    }

    /// Whether an owner has something to publish.
    pub(crate) fn publishable(owner: &Owner, flaw: Flaw) -> bool {
        let end = if flaw == Flaw::PublishesEarly { owner.decided() } else { &owner.head };
        owner.way == Way::Open && u64::from(owner.published) < end.seq
    }

    /// An owner publishes the next output. If the gate does not carry its token, it comes back, and the term is over.
    pub(crate) fn publish(&mut self, daemon: u8, is_confirmed: bool, flaw: Flaw) {
        let Some(owner) = self.owner(daemon) else { return };
        let token = owner.token.clone();
        if flaw != Flaw::NoGate && !self.gate.contains(&token.to_string()) {
            self.end_term(daemon, Leaves::Nothing);
            return;
        }
        let number = owner.published + 1;
        let output = owner.decided().hash[..usize::from(number) * RECORD].to_owned();
        self.let_through(&token, output);
        if is_confirmed && let Some(owner) = self.owner_mut(daemon) {
            owner.published = number;
        }
    }

    fn let_through(&mut self, token: &Token, output: String) {
        if !self.seen.committed.starts_with(&output) {
            breach(&mut self.seen, Breach::Uncommitted);
        }
        let is_late = |last: &Token| last != token && token.epoch <= last.epoch;
        if self.seen.opened.as_ref().is_some_and(is_late) {
            breach(&mut self.seen, Breach::Late);
        }
        if output.len() > self.seen.published.len() {
            Arc::make_mut(&mut self.seen).published = output;
        }
    }

    /// Whether a server would take an owner's word of how far it has published, and does not know it.
    pub(crate) fn could_note(&self, owner: &Owner, at: u8, flaw: Flaw) -> bool {
        let kept = &self.server(at).kept;
        kept.watermark < owner.published && admit(&kept.ownership, &owner.token, flaw).is_ok()
    }

    pub(crate) fn note_watermark(&mut self, daemon: u8, at: u8) {
        let Some(published) = self.owner(daemon).map(|owner| owner.published) else { return };
        Arc::make_mut(&mut self.servers[usize::from(at)].kept).watermark = published;
    }
}
