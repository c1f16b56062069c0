//! Decides whether somebody still vouches for an agent. Where a source says after how long a silence somebody is lost, it is
//! to be heard of in that time, and so is each agent whom it told of: of her by name. Who is not is lost, as long as the
//! source itself is there; a source that is silent is told of once, and its agents stay as they were. What is heard is not
//! journaled, only what changes by it: after a take-over everybody has the whole span anew.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here says of nobody that she is there")]

use std::collections::BTreeMap;
use std::time::Duration;

use picket_core::{AgentCommand, AgentId, ExpectedPresence, Input, Kind, Millis, Presence, StateSetter, Timestamp};

use super::decide::{Decider, Draft};
use super::decided::Decided;
use super::record::{Cause, ShellFact, Verdict};
use super::run::Loop;
use super::state::ShardState;
use crate::clock::Monotonic;
use crate::contract::inbound::agent::State;
use crate::contract::{Envelope, Inbound, Sources};

/// How often it is looked at who was not heard of.
const PACE: Duration = Duration::from_secs(1);
/// Nothing was heard where nobody listened: after a longer pause between two looks everybody has the whole span anew.
const DEAF: Millis = Millis::from_secs(3);

/// When whom was heard of.
#[derive(Debug)]
pub(super) struct Presences {
    sources: BTreeMap<String, Source>,
    /// Over which source an agent was heard of last.
    agents: BTreeMap<AgentId, (String, Timestamp)>,
    looked: Timestamp,
    /// Before this nobody could be heard.
    listens_since: Timestamp,
    next: Monotonic,
}

/// A source that is to be heard of.
#[derive(Debug)]
struct Source {
    /// The longest silence.
    span: Millis,
    /// None for one that was never heard of.
    heard: Option<Timestamp>,
    /// It is silent, and that was told.
    is_told: bool,
    /// When it was back: what it said of its agents before is of no account.
    back: Timestamp,
}

/// Who was not heard of in time.
#[derive(Debug, Default, PartialEq, Eq)]
struct Overdue {
    agents: Vec<AgentId>,
    /// With how long each has been silent.
    sources: Vec<(String, Millis)>,
}

impl Presences {
    /// At a take-over: every source that was heard of before counts as heard of now, and so do the agents it told of.
    pub(super) fn new(sources: &Sources, state: &ShardState, now: Timestamp) -> Self {
        let expected = sources.lost_after().map(|(name, span)| {
            let heard = state.names.find(Kind::Source, name).map(|_| now);
            (name.to_owned(), Source { span, heard, is_told: false, back: now })
        });
        let sources: BTreeMap<_, _> = expected.collect();
        let told_of = |agent: &picket_core::AgentView<'_>| {
            let setters = agent.channels.iter().filter_map(|channel| match channel.by {
                StateSetter::Source(source) => state.names.text(Kind::Source, source.0),
                StateSetter::Picket | StateSetter::Supervisor => None,
            });
            setters.into_iter().find(|name| sources.contains_key(*name)).map(str::to_owned)
        };
        let agents = state.router.agents().filter_map(|agent| Some((agent.id, (told_of(&agent)?, now)))).collect();
        Self { sources, agents, looked: now, listens_since: now, next: Monotonic::now() }
    }

    /// A source said something, and by it that these agents are there.
    fn hear(&mut self, source: &str, agents: &[AgentId], now: Timestamp) {
        let Some(known) = self.sources.get_mut(source) else { return };
        if known.heard.is_none_or(|heard| now.since(heard.max(self.listens_since)) > known.span) {
            known.back = now;
        }
        known.heard = Some(now);
        if std::mem::take(&mut known.is_told) {
            tracing::info!(source, "a source that was silent is heard of again");
        }
        for agent in agents {
            self.agents.insert(*agent, (source.to_owned(), now));
        }
    }

    /// Who is overdue, each once. Whoever was not listened to meanwhile is not.
    fn look(&mut self, now: Timestamp, listens: bool) -> Overdue {
        if !listens || now.since(self.looked) > DEAF {
            self.listens_since = now;
        }
        self.looked = now;
        let (sources, listens_since) = (&mut self.sources, self.listens_since);
        let mut overdue = Overdue::default();
        self.agents.retain(|agent, (source, heard)| {
            let Some(source) = sources.get(source) else { return false };
            let is_late = |since: Timestamp| now.since(since.max(listens_since)) > source.span;
            let is_lost = is_late((*heard).max(source.back)) && !source.heard.is_none_or(is_late);
            overdue.agents.extend(is_lost.then_some(*agent));
            !is_lost
        });
        for (name, source) in sources {
            let silent = source.heard.map(|heard| (now.since(heard), now.since(heard.max(listens_since))));
            if let Some((silent, _)) = silent.filter(|(_, counts)| *counts > source.span && !source.is_told) {
                source.is_told = true;
                overdue.sources.push((name.clone(), silent));
            }
        }
        overdue
    }

    /// How long until the next look; none where nobody has to be heard of.
    pub(super) fn looks_in(&self) -> Option<Duration> {
        (!self.sources.is_empty()).then(|| PACE.saturating_sub(self.next.elapsed()))
    }
}

impl Decider {
    /// Whether an event says only that somebody is there: it has no record and may come again.
    pub(super) fn is_heartbeat(&self, envelope: &Envelope) -> bool {
        match &envelope.message {
            Inbound::SourceHeartbeat(_) => true,
            // Of somebody unknown it is refused as any other event.
            Inbound::AgentHeartbeat(_) => !said_to_be_there(&self.state, envelope).is_empty(),
            _ => false,
        }
    }

    /// Takes note of who is there by an event; who was lost is found.
    pub(super) fn hear(&mut self, envelope: &Envelope) -> Vec<Decided> {
        let agents = said_to_be_there(&self.state, envelope);
        self.presences.hear(&envelope.source, &agents, self.keeper.last());
        let lost = agents.into_iter().filter(|agent| self.state.router.agent(*agent).is_some_and(|view| view.lost));
        let lost: Vec<AgentId> = lost.collect();
        lost.into_iter().map(|agent| self.vouch(agent, ExpectedPresence::Seen)).collect()
    }

    /// Looks who was not heard of in time.
    fn find_missing(&mut self, listens: bool) -> Vec<Decided> {
        let overdue = self.presences.look(self.keeper.last(), listens);
        let mut decided: Vec<Decided> = overdue.sources.into_iter().map(|(name, by)| self.silent(name, by)).collect();
        for agent in overdue.agents {
            let is_here = self.state.router.agent(agent).is_some_and(|view| {
                let is_on = view.channels.iter().any(|channel| channel.presence != Presence::Offline);
                !view.lost && (is_on || !view.contacts.is_empty())
            });
            if is_here {
                decided.push(self.vouch(agent, ExpectedPresence::Lost));
            }
        }
        decided
    }

    fn vouch(&mut self, agent: AgentId, what: ExpectedPresence) -> Decided {
        if what == ExpectedPresence::Lost {
            let agent = self.state.names.text(Kind::Agent, agent.0).unwrap_or_default();
            tracing::warn!(shard = self.shard, agent, "nobody vouches for an agent any more: her heartbeats stopped");
        }
        let mut draft = Draft::default();
        // The core refuses it of no agent that it knows.
        let input = Input::Agent(agent, AgentCommand::Vouch(what));
        let _ = self.state.router.handle(self.keeper.last(), input, &mut draft.events);
        self.seal(Cause::Presence, Verdict::Applied, draft)
    }

    fn silent(&mut self, source: String, silent: Millis) -> Decided {
        tracing::warn!(
            shard = self.shard,
            source,
            silent_ms = silent.0,
            "a source is silent: its agents stay as they are"
        );
        let facts = vec![ShellFact::SourceSilent { source, silent }];
        self.seal(Cause::Presence, Verdict::Applied, Draft { facts, ..Draft::default() })
    }
}

impl Loop {
    /// Looks, once a second, who was not heard of; what could not be taken could not be heard. A driven clock says nothing of
    /// how long somebody was silent.
    pub(super) fn look_for_missing(&mut self) {
        self.decider.presences.next = Monotonic::now();
        if self.decider.keeper.clock().is_driven() {
            return;
        }
        self.queue.extend(self.decider.catch_up());
        let listens = !self.decider.is_catching_up() && !self.health.borrow().is_in_trouble("inbox");
        let decided = self.decider.find_missing(listens);
        self.queue.extend(decided);
    }
}

/// The agents who are there by what an event says of them.
fn said_to_be_there(state: &ShardState, envelope: &Envelope) -> Vec<AgentId> {
    let find = |called: &str| {
        let found = state.find_agent(&envelope.source, called);
        found.filter(|agent| state.router.agent(*agent).is_some())
    };
    let one = |called: &str| find(called).into_iter().collect();
    match &envelope.message {
        Inbound::AgentHeartbeat(message) => one(message.agent.as_str()),
        Inbound::AgentSetState(message) if message.state != State::Offline => one(message.agent.as_str()),
        Inbound::OfferAccept(message) => one(message.agent.as_str()),
        Inbound::OfferDecline(message) => one(message.agent.as_str()),
        Inbound::ContactPull(message) => one(message.agent.as_str()),
        Inbound::SourceSync(message) => {
            let there = message.agents.iter().filter(|live| live.state != State::Offline);
            there.filter_map(|live| find(live.agent.as_str())).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::SourceConfig;

    const ANN: AgentId = AgentId(1);
    const BOLA: AgentId = AgentId(2);

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    /// A source `pbx` that may be silent for ten seconds, and was not.
    fn pbx() -> Presences {
        let config = SourceConfig { lost_after_ms: Some(10_000), ..SourceConfig::default() };
        let sources = Sources::new([("pbx".to_owned(), config)].into(), []).expect("sources");
        let mut presences = Presences::new(&sources, &ShardState::default(), at(0));
        presences.hear("pbx", &[ANN, BOLA], at(0));
        presences
    }

    /// Looks each second from one time to another, while `hears` says who is heard of at which second.
    fn run(presences: &mut Presences, seconds: std::ops::Range<i64>, hears: &[AgentId]) -> Vec<(i64, Overdue)> {
        let mut found = Vec::new();
        for second in seconds {
            if second % 5 == 0 {
                presences.hear("pbx", hears, at(second));
            }
            let overdue = presences.look(at(second), true);
            if overdue != Overdue::default() {
                found.push((second, overdue));
            }
        }
        found
    }

    #[test]
    fn who_is_not_heard_of_while_their_source_is_is_lost_once() {
        let mut presences = pbx();
        let lost = Overdue { agents: vec![BOLA], ..Overdue::default() };
        assert_eq!(run(&mut presences, 0..60, &[ANN]), [(11, lost)]);
        presences.hear("pbx", &[BOLA], at(60));
        let lost = Overdue { agents: vec![BOLA], ..Overdue::default() };
        assert_eq!(run(&mut presences, 60..90, &[ANN]), [(71, lost)], "and again, once she was back");
    }

    #[test]
    fn of_a_silent_source_nobody_is_lost_and_when_it_is_back_everybody_has_the_whole_span() {
        let mut presences = pbx();
        let told: Vec<_> = (0..100).map(|second| (second, presences.look(at(second), true))).collect();
        let told: Vec<_> = told.into_iter().filter(|(_, overdue)| *overdue != Overdue::default()).collect();
        let silent = Overdue { sources: vec![("pbx".to_owned(), Millis(11_000))], ..Overdue::default() };
        assert_eq!(told, [(11, silent)]);
        let lost = Overdue { agents: vec![BOLA], ..Overdue::default() };
        assert_eq!(run(&mut presences, 100..130, &[ANN]), [(111, lost)]);
    }

    #[test]
    fn what_was_not_listened_to_is_held_against_nobody() {
        let mut presences = pbx();
        assert_eq!(presences.look(at(30), true), Overdue::default(), "nothing was taken for half a minute");
        for second in 31..60 {
            assert_eq!(presences.look(at(second), false), Overdue::default(), "the broker is away");
        }
        let both = Overdue { agents: vec![ANN, BOLA], ..Overdue::default() };
        assert_eq!(run(&mut presences, 60..80, &[]), [(70, both)]);
    }

    #[test]
    fn a_source_that_was_never_heard_of_is_not_missed_and_one_that_may_be_silent_neither() {
        let sources = Sources::new([("pbx".to_owned(), SourceConfig::default())].into(), []).expect("sources");
        let presences = Presences::new(&sources, &ShardState::default(), at(0));
        assert_eq!(presences.looks_in(), None);
        let config = SourceConfig { lost_after_ms: Some(10_000), ..SourceConfig::default() };
        let sources = Sources::new([("pbx".to_owned(), config)].into(), []).expect("sources");
        let mut presences = Presences::new(&sources, &ShardState::default(), at(0));
        assert!(presences.looks_in().is_some());
        assert!((1..60).all(|second| presences.look(at(second), true) == Overdue::default()));
    }
}
