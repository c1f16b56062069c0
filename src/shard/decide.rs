//! Decides one input at a time: seen before, who it is from, what the rules say, what the core does; sealed as a record.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use std::sync::Arc;
use std::time::Duration;

use picket_core::{CatchUp, ContactCommand, ContactFact, Event, Input, Kind, Millis, Name, Rejection, Timestamp};
use picket_rules::{RuleSet, RuleTrace};

use super::backoff::Backoff;
use super::bugs::{self, Bug};
use super::decided::Decided;
use super::identify::{FamiliarRow, Lookup, Pepper, key};
use super::intake::{self, Prepared, Refused};
use super::neighbours::{Homes, Neighbours, Who};
use super::outlet;
use super::overlay::{Overlay, Rows};
use super::ports::{DeadLetter, DirectoryKey, DirectoryKind, DirectoryWrite, Store, StoreError, Token};
use super::presence::Presences;
use super::record::{Cause, Record, ShellFact, VERSION, Verdict, hex};
use super::replan::Walk;
use super::seen::Sight;
use super::state::ShardState;
use super::time::{Keeper, Reading};
use crate::contract::answer::{Answer, Outcome};
use crate::contract::wire::WireMessage;
use crate::contract::{self, Code, Envelope, Refusal, Sources};
use crate::telemetry::chain;

/// Contacts of a moved domain that are let go with one record.
const LET_GO: usize = 200;

/// The deciding router and everything a decision needs. It runs ahead of what is committed and is seen by nobody.
#[derive(Debug)]
pub(super) struct Decider {
    pub(super) shard: String,
    pub(super) token: Token,
    pub(super) state: ShardState,
    pub(super) keeper: Keeper,
    pub(super) rules: Arc<RuleSet>,
    pub(super) sources: Arc<Sources>,
    pub(super) pepper: Pepper,
    pub(super) neighbours: Neighbours,
    pub(super) presences: Presences,
    pub(super) store: Arc<dyn Store>,
    pub(super) overlay: Overlay,
    pub(super) walk: Option<Walk>,
}

/// Everything of a record but what sealing adds.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) names: Vec<Name>,
    pub(super) facts: Vec<ShellFact>,
    pub(super) events: Vec<Event>,
    pub(super) trace: Option<RuleTrace>,
    pub(super) writes: Vec<DirectoryWrite>,
}

impl Decider {
    /// What a message says, as far as it can be understood.
    pub(super) fn read(&self, message: &WireMessage) -> Vec<Result<Envelope, Refusal>> {
        contract::decode(message, &self.sources, self.keeper.clock().now())
    }

    /// Reads the directory rows that these messages need; holds on while the store does not answer.
    pub(super) async fn look_up<'a>(&self, envelopes: impl Iterator<Item = &'a Envelope>) -> Rows {
        let envelopes: Vec<&Envelope> = envelopes.collect();
        let mut rows = Rows::default();
        // Each round needs what the one before found: addresses, then customers, then accounts.
        for round in intake::ROUNDS {
            let keys = |lookup: &Lookup<'_>| {
                envelopes.iter().flat_map(|envelope| round(&self.state, lookup, envelope)).collect()
            };
            self.fetch(&mut rows, keys).await;
        }
        if !self.neighbours.is_empty() {
            rows.homes = self.find_homes(&envelopes, &rows).await;
        }
        rows
    }

    /// Where those are at home who write or call, and whom nobody knows here.
    async fn find_homes(&self, envelopes: &[&Envelope], rows: &Rows) -> Homes {
        let lookup = Lookup { overlay: &self.overlay, rows, pepper: &self.pepper };
        let strangers: Vec<Who> = envelopes.iter().filter_map(|envelope| intake::stranger(&lookup, envelope)).collect();
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        while !strangers.is_empty() {
            match self.neighbours.find(&*self.store, strangers.clone(), &self.pepper).await {
                Ok(homes) => return homes,
                Err(error) => self.read_again(&error, &mut backoff).await,
            }
        }
        Homes::new()
    }

    /// Reads the rows of these keys that are not there yet.
    pub(super) async fn fetch(&self, rows: &mut Rows, keys: impl Fn(&Lookup<'_>) -> Vec<DirectoryKey>) {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            let keys = keys(&Lookup { overlay: &self.overlay, rows, pepper: &self.pepper });
            match rows.fetch(&*self.store, &self.shard, keys).await {
                Ok(()) => return,
                Err(error) => self.read_again(&error, &mut backoff).await,
            }
        }
    }

    async fn read_again(&self, error: &StoreError, backoff: &mut Backoff) {
        tracing::warn!(shard = self.shard, error = %chain(error), "reading the directory is tried again");
        backoff.wait().await;
    }

    /// Brings time up to now: a recorded jump in either direction, then every timer that is due.
    pub(super) fn catch_up(&mut self) -> Vec<Decided> {
        let mut decided = self.read_clock();
        decided.extend(self.fire(self.keeper.last()));
        decided
    }

    /// Records that what is delivered lags behind, before any timer that is due, or that it does so no more.
    pub(super) fn note_lag(&mut self, what: CatchUp) -> Vec<Decided> {
        let mut decided = self.read_clock();
        let mut draft = Draft::default();
        // The core never refuses it.
        let _ = self.state.router.handle(self.keeper.last(), Input::CatchUp(what), &mut draft.events);
        decided.push(self.seal(Cause::Lag, Verdict::Applied, draft));
        decided
    }

    /// Whether the core catches up.
    pub(super) const fn is_catching_up(&self) -> bool {
        self.state.router.catching_up().is_some()
    }

    fn read_clock(&mut self) -> Vec<Decided> {
        let mut decided = Vec::new();
        match self.keeper.read() {
            Reading::Now(_) => {}
            Reading::Jumped(by, _) => {
                tracing::warn!(
                    shard = self.shard,
                    by_ms = by.0,
                    "the clock jumped ahead: live offers are extended by it"
                );
                decided.push(self.jump(by));
            }
            Reading::SetBack(by, _) => decided.push(self.set_back(by)),
        }
        decided
    }

    /// Records that journal time jumped; deadlines of live offers move with it.
    pub(super) fn jump(&mut self, by: Millis) -> Decided {
        let mut draft = Draft::default();
        // The core never refuses it.
        let _ = self.state.router.handle(self.keeper.last(), Input::ClockJumped(by), &mut draft.events);
        self.seal(Cause::Clock, Verdict::Applied, draft)
    }

    /// Records that the wall clock was set back. Journal time goes on; the record is for whoever compares both.
    pub(super) fn set_back(&mut self, by: Millis) -> Decided {
        tracing::warn!(shard = self.shard, by_ms = by.0, "the clock was set back: journal time goes on a tenth slower");
        let draft = Draft { facts: vec![ShellFact::ClockSetBack { by }], ..Draft::default() };
        self.seal(Cause::Clock, Verdict::Applied, draft)
    }

    /// Records what somebody did who is no source: by hand, and without an effect of its own.
    pub(super) fn note_by_hand(&mut self, by: &str, why: String) -> Decided {
        let fact = ShellFact::ByHand { by: Some(by.to_owned()), why: Some(why) };
        self.seal(Cause::Clock, Verdict::Applied, Draft { facts: vec![fact], ..Draft::default() })
    }

    /// Records that other shards have what these records forwarded.
    pub(super) fn forwards_arrived(&mut self, records: Vec<u64>) -> Decided {
        let rows = records.iter().filter_map(|record| self.state.forwards.row(*record));
        let writes = rows.map(|row| DirectoryWrite { key: key(DirectoryKind::Forward, row), body: None }).collect();
        let facts = vec![ShellFact::ForwardsArrived { records }];
        self.seal(Cause::Forwarding, Verdict::Applied, Draft { facts, writes, ..Draft::default() })
    }

    /// Records that the live contacts of domains that were moved go on in other shards, some at a time: nothing is said of it.
    pub(super) fn let_go(&mut self) -> Vec<Decided> {
        let mut decided = Vec::new();
        if let Some((shard, record)) = self.state.forwards.origin().filter(|_| self.state.head.seq == 0).cloned() {
            let facts = vec![ShellFact::BeganAs { shard, record }];
            decided.push(self.seal(Cause::Moving, Verdict::Applied, Draft { facts, ..Draft::default() }));
        }
        for contacts in self.state.left_behind().chunks(LET_GO) {
            let mut draft = Draft::default();
            for contact in contacts {
                let input = Input::Contact(*contact, ContactCommand::Forward);
                // What is live can be forwarded.
                let _ = self.state.router.handle(self.keeper.last(), input, &mut draft.events);
            }
            decided.push(self.seal(Cause::Moving, Verdict::Applied, draft));
        }
        decided
    }

    /// Whether an event of this message was seen before.
    pub(super) fn knows(&self, message: &WireMessage) -> bool {
        let is_known =
            |one: &Envelope| !matches!(self.state.seen.look(&one.source, &one.id, &hex(&one.content_hash)), Sight::New);
        self.read(message).iter().flatten().any(is_known)
    }

    /// Fires every timer due at or before `until`, each at its own record.
    fn fire(&mut self, until: Timestamp) -> Vec<Decided> {
        let mut decided = Vec::new();
        while let Some(wake) = self.state.router.next_wake()
            && wake.at <= until
        {
            // On a driven clock a timer fires at its own moment, whatever step the driver takes.
            let at = if self.keeper.clock().is_driven() { wake.at.max(self.state.time) } else { until };
            let mut draft = Draft::default();
            let Some(kind) = self.state.router.wake(at, &mut draft.events) else { break };
            decided.push(self.seal_at(at, Cause::Timer(kind), Verdict::Applied, draft));
        }
        decided
    }

    /// How long until the next timer; none when nothing is to be waited for, or time is driven.
    pub(super) fn wakes_in(&self) -> Option<Duration> {
        if self.keeper.clock().is_driven() || bugs::has(Bug::TimersWithInputsOnly) {
            return None;
        }
        let wake = self.state.router.next_wake()?;
        Some(self.keeper.until(wake.at))
    }

    /// Decides one event. The answer goes out once everything before is committed.
    pub(super) fn decide(&mut self, envelope: Envelope, rows: &Rows) -> (Vec<Decided>, Answer) {
        if self.is_heartbeat(&envelope) {
            return (self.hear(&envelope), self.answer(&envelope, Verdict::Applied, None));
        }
        let content = hex(&envelope.content_hash);
        let conflict = match self.state.seen.look(&envelope.source, &envelope.id, &content) {
            Sight::Again(first) => return (Vec::new(), first.again(&envelope)),
            Sight::Conflict => true,
            Sight::New => false,
        };
        let cause = Cause::Input {
            source: envelope.source.clone(),
            id: envelope.id.clone(),
            kind: envelope.kind.to_owned(),
            content,
        };
        let is_ours = envelope.domain.as_ref().is_none_or(|domain| self.neighbours.shard_of(domain).is_none());
        let mut decided = if is_ours { self.prepare_place(&envelope) } else { Vec::new() };
        decided.extend(self.hear(&envelope));
        let mut draft = Draft::default();
        let outcome =
            if conflict { Err(Refused::conflict()) } else { self.carry_out(&envelope, rows, &mut draft, &mut decided) };
        let verdict = match outcome {
            Ok(()) => Verdict::Applied,
            Err(refused) => {
                self.state.names.rollback(&mut draft.names);
                draft = Draft::default();
                Verdict::Rejected { code: refused.code.as_str().to_owned(), detail: refused.detail }
            }
        };
        if bugs::has(Bug::RefusalsUntold) && verdict != Verdict::Applied {
            return (decided, self.answer(&envelope, verdict, None));
        }
        let sealed = self.seal(cause, verdict.clone(), draft);
        let answer = self.answer(&envelope, verdict, sealed.record.as_ref().map(|(record, _)| &**record));
        decided.push(sealed);
        (decided, answer)
    }

    /// What an event or a new plan is made out with; names met for the first time are added to `fresh`.
    pub(super) fn context<'a>(&'a mut self, rows: &'a Rows, fresh: &'a mut Vec<Name>) -> intake::Context<'a> {
        intake::Context {
            state: &mut self.state,
            rules: &self.rules,
            lookup: Lookup { overlay: &self.overlay, rows, pepper: &self.pepper },
            neighbours: &self.neighbours,
            now: self.keeper.last(),
            behind: self.keeper.behind(),
            fresh,
        }
    }

    fn carry_out(
        &mut self,
        envelope: &Envelope,
        rows: &Rows,
        draft: &mut Draft,
        decided: &mut Vec<Decided>,
    ) -> Result<(), Refused> {
        if let Some(to) = intake::clock_advance(envelope) {
            return self.advance(to, decided);
        }
        let prepared = intake::prepare(&mut self.context(rows, &mut draft.names), envelope)?;
        let Prepared { inputs, facts, writes, trace } = prepared;
        // Several inputs are each a statement of its own: one that is refused does not take the others back.
        let single = inputs.len() == 1;
        for input in inputs {
            let result = self.state.router.handle(self.keeper.last(), input, &mut draft.events);
            if let (Err(rejection), true) = (result, single) {
                return Err(Refused::by_core(rejection));
            }
        }
        draft.facts = facts;
        draft.writes = writes;
        draft.trace = trace;
        Ok(())
    }

    /// Adds what an event needs of the place, as a record of its own: it stands even if the event is refused.
    fn prepare_place(&mut self, envelope: &Envelope) -> Vec<Decided> {
        let mut draft = Draft::default();
        let now = self.keeper.last();
        let change = intake::prerequisites(&self.rules, &mut self.state, &mut draft.names, envelope, now);
        let Some(change) = change else { return Vec::new() };
        match self.state.router.handle(now, Input::World(Box::new(change)), &mut draft.events) {
            Ok(()) => vec![self.seal(Cause::Rules, Verdict::Applied, draft)],
            Err(rejection) => {
                tracing::error!(%rejection, "what an event needs of the place was refused");
                self.state.names.rollback(&mut draft.names);
                Vec::new()
            }
        }
    }

    fn advance(&mut self, to: Timestamp, decided: &mut Vec<Decided>) -> Result<(), Refused> {
        if !self.keeper.clock().is_driven() {
            return Err(Refused::new(
                Code::ClockNotDriven,
                "time is moved by inputs only under `picket serve --clock driven`",
            ));
        }
        if to < self.keeper.last() {
            return Err(Refused::by_core(Rejection::BadTime));
        }
        decided.extend(self.fire(to));
        self.keeper.clock().advance(to);
        self.keeper.reach(to);
        // A driven clock begins in 1970: rules come into force, and their calendars begin, with the first advance.
        if self.state.rules.is_none() {
            let rules = Arc::clone(&self.rules);
            decided.extend(self.activate(&rules));
        }
        Ok(())
    }

    /// Puts a rule set in force, unless it is already: one record with the whole place.
    pub(super) fn activate(&mut self, rules: &Arc<RuleSet>) -> Option<Decided> {
        let in_force = self.state.rules.as_ref();
        let domains = intake::domains(rules, self.sources.domains());
        if in_force.is_some_and(|known| known.hash == rules.hash() && known.domains == domains) {
            self.rules = Arc::clone(rules);
            return None;
        }
        if self.keeper.clock().is_driven() && self.keeper.last().0 == 0 {
            return None;
        }
        let number = in_force.map_or(1, |known| known.number + 1);
        let mut draft = Draft::default();
        let changes = intake::world(rules, &mut self.state, &mut draft.names, self.keeper.last());
        for change in changes {
            if let Err(rejection) =
                self.state.router.handle(self.keeper.last(), Input::World(Box::new(change)), &mut draft.events)
            {
                // The rest of a checked rule set still stands; what was refused keeps its former definition.
                tracing::error!(%rejection, "a definition of the rule set was refused");
            }
        }
        draft.facts = intake::aliases(rules, &mut self.state, &mut draft.names);
        let hash = rules.hash().to_owned();
        draft.facts.push(ShellFact::RulesActivated { hash: hash.clone(), number, domains });
        self.rules = Arc::clone(rules);
        let mut decided = self.seal(Cause::Rules, Verdict::Applied, draft);
        decided.blobs.push((hash, intake::rules_body(rules)));
        self.begin_replanning();
        Some(decided)
    }

    /// Everything up to this record is in the store.
    pub(super) fn committed(&mut self, seq: u64) {
        self.overlay.committed(seq);
    }

    pub(super) fn seal(&mut self, cause: Cause, verdict: Verdict, draft: Draft) -> Decided {
        self.seal_at(self.keeper.last(), cause, verdict, draft)
    }

    fn seal_at(&mut self, at: Timestamp, cause: Cause, verdict: Verdict, mut draft: Draft) -> Decided {
        draft.writes.extend(self.rows_of_closed(&draft.events));
        let mut record = Record {
            v: VERSION,
            seq: self.state.head.seq + 1,
            at: at.max(self.state.time),
            token: self.token.to_string(),
            prev: self.state.head.hash.clone(),
            cause,
            verdict,
            names: draft.names,
            facts: draft.facts,
            events: draft.events,
            trace: draft.trace,
            directory: draft.writes.iter().map(|write| self.concealed(&write.key)).collect(),
            first_output: self.state.outputs + 1,
        };
        let entry = loop {
            match record.to_entry() {
                Ok(entry) => break entry,
                // No record of ours fails to encode; a trace is the one part whose shape others decide.
                Err(error) if record.trace.is_some() => {
                    tracing::error!(%error, "a rule trace could not be written");
                    record.trace = None;
                }
                Err(error) => unreachable!("a record is plain data: {error}"),
            }
        };
        let record = Arc::new(record);
        let noted = self.state.note(&record, &entry.hash);
        draft.writes.extend(
            noted.familiar.into_iter().filter_map(|(customer, familiar)| self.familiarity_write(customer, &familiar)),
        );
        let outputs =
            noted.voices.iter().map(|voice| Arc::new(outlet::write(&self.state, &self.shard, &record, voice)));
        let outputs = outputs.collect();
        self.overlay.write(record.seq, &draft.writes);
        Decided { record: Some((record, entry)), directory: draft.writes, outputs, ..Decided::default() }
    }

    /// The rows of contacts that are done by these events: kept for planning anew, and of no use any more.
    fn rows_of_closed(&self, events: &[Event]) -> Vec<DirectoryWrite> {
        let closed = events.iter().filter_map(|event| match event {
            Event::Contact(contact, ContactFact::Closed { .. }) => self.state.names.text(Kind::Contact, contact.0),
            _ => None,
        });
        closed.map(|name| DirectoryWrite { key: key(DirectoryKind::Contact, name), body: None }).collect()
    }

    fn familiarity_write(
        &self,
        customer: picket_core::CustomerId,
        familiar: &[picket_core::Familiar],
    ) -> Option<DirectoryWrite> {
        let hash = self.state.customer_hash(customer)?;
        let rows: Vec<FamiliarRow> = familiar
            .iter()
            .filter_map(|one| {
                let agent = self.state.names.text(Kind::Agent, one.agent.0)?.to_owned();
                Some(FamiliarRow { agent, contacts: one.contacts, last: one.last })
            })
            .collect();
        Some(intake::put(DirectoryKind::Familiarity, hash, &rows))
    }

    /// A key as the journal may show it: people by keyed hash.
    fn concealed(&self, key: &DirectoryKey) -> DirectoryKey {
        match key.kind {
            DirectoryKind::Customer => DirectoryKey { kind: key.kind, id: self.pepper.hash("customer", &key.id) },
            DirectoryKind::Account
            | DirectoryKind::Agent
            | DirectoryKind::Address
            | DirectoryKind::Familiarity
            | DirectoryKind::Value
            | DirectoryKind::Contact
            | DirectoryKind::Forward => key.clone(),
        }
    }

    fn answer(&self, envelope: &Envelope, verdict: Verdict, record: Option<&Record>) -> Answer {
        let (result, code, detail) = match verdict {
            Verdict::Applied => {
                let remark = record.and_then(Record::remark);
                let text = |text: &str| text.to_owned();
                (Outcome::Accepted, remark.map(|code| text(code.as_str())), remark.map(|code| text(code.cause())))
            }
            Verdict::Rejected { code, detail } => (Outcome::Rejected, Some(code), Some(detail)),
        };
        let (id, source) = (Some(envelope.id.clone()), Some(envelope.source.clone()));
        let state = intake::live(&self.state, envelope);
        let seq = record.map(|record| record.seq);
        Answer { id, source, result, code, detail, seq, output: Some(self.state.outputs), state }
    }

    /// A message that could not be understood, as people will find it.
    pub(super) fn dead_letter(&self, message: &WireMessage, refusal: &Refusal) -> DeadLetter {
        intake::dead_letter(message, refusal, &self.shard, self.keeper.clock().now())
    }
}
