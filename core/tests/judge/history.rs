//! Runs one random history against the core, with everything that judges it beside: a router that only applies, the
//! naive second router, and the numbered invariants.

use picket_core::*;

use super::dice::{Dice, Op};
use super::inputs::Reader;
use super::invariants::Watch;
use super::setting::Setting;
use super::tally::Tally;
use super::worlds::{AGENTS, world};
use crate::naive::Naive;

/// Steps of one history.
pub(crate) const LENGTH: usize = 250;

/// How closely a history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judging {
    /// Invariants, replay and the second router.
    Full,
    /// Nothing: the log is compared with that of another run.
    LogOnly,
}

/// A live router, what judges it, and what was seen.
pub(crate) struct Run {
    pub(crate) live: Router,
    shadow: Router,
    naive: Naive,
    judging: Judging,
    pub(crate) log: Vec<(Timestamp, Event)>,
    /// Inputs and timers, each with the number of events before it.
    pub(crate) story: Vec<(Timestamp, String, usize)>,
    watch: Watch,
    s: Setting,
    now: Timestamp,
    next: u32,
    steps: u32,
    pub(crate) tally: Tally,
}

impl Run {
    pub(crate) fn new(seed: u64, s: Setting, judging: Judging) -> Self {
        Self::with(Router::new(), seed, s, judging)
    }

    pub(crate) fn with(router: Router, seed: u64, s: Setting, judging: Judging) -> Self {
        let mut run = Self {
            live: router.clone(),
            shadow: router,
            naive: Naive::default(),
            judging,
            log: Vec::new(),
            story: Vec::new(),
            watch: Watch::default(),
            s,
            now: s.at(0),
            next: 0,
            steps: 0,
            tally: Tally::default(),
        };
        let mut dice = Dice::new(seed);
        for change in world(s, &mut dice) {
            run.give(Input::World(Box::new(change)));
        }
        for agent in 0..AGENTS {
            let (reason, until, by) = (None, None, StateSetter::Source(s.source(0)));
            let presence = Presence::Ready;
            let ready = AgentCommand::SetState { channels: Vec::new(), presence, reason, until, by };
            run.give(Input::Agent(s.agent(agent), ready));
        }
        run
    }

    /// Time passes, its timers fire one by one unless they are late, and then something happens.
    pub(crate) fn step(&mut self, op: Op) {
        self.steps += 1;
        let reader = Reader { s: self.s, live: &self.live, now: self.now, next: self.next };
        let (end, is_late) = reader.time(op);
        if !is_late {
            self.pass(end);
        }
        self.now = end;
        let reader = Reader { s: self.s, live: &self.live, now: self.now, next: self.next };
        let input = reader.input(op);
        if let Input::Receive(arrival) | Input::ReceiveEnded(arrival, _) = &input
            && arrival.contact == self.s.contact(self.next)
        {
            self.next += 1;
        }
        self.give(input);
    }

    fn pass(&mut self, end: Timestamp) {
        let mut fired = 0;
        while let Some(wake) = self.live.next_wake().filter(|wake| wake.at <= end) {
            fired += 1;
            assert!(fired < 2000, "timers never come to an end: {wake:?}");
            self.now = self.now.max(wake.at);
            let mut out = Vec::new();
            self.story.push((self.now, format!("the timer fires: {:?}", wake.kind), self.log.len()));
            self.tally.timer(wake.kind);
            assert_eq!(self.live.wake(self.now, &mut out), Some(wake.kind));
            assert!(!out.is_empty(), "{wake:?} fired and nothing happened (invariant 6)");
            let mut second = Vec::new();
            if self.judging == Judging::Full {
                assert_eq!(self.naive.wake(self.now, &mut second), Some(wake.kind), "second router: another timer");
            }
            self.follow(None, out, second);
        }
    }

    fn give(&mut self, input: Input) {
        self.story.push((self.now, super::story::told(&input), self.log.len()));
        let mut out = Vec::new();
        let done = self.live.handle(self.now, input.clone(), &mut out);
        self.tally.input(&input, done);
        // The router that only applies was not given the input: if nothing changed, the two are still equal.
        if let Err(rejection) = done {
            assert!(out.is_empty(), "a refused input appended {out:?}");
            if let Some((_, line, _)) = self.story.last_mut() {
                line.push_str(&format!("  REFUSED: {}", rejection.code()));
            }
        }
        let mut second = Vec::new();
        if self.judging == Judging::Full {
            let decided = self.naive.handle(self.now, input.clone(), &mut second);
            assert_eq!(done, decided, "second router: core and naive answer differently");
        }
        self.follow(Some(&input), out, second);
    }

    /// Applies what happened to the router that only applies, event by event, with every check.
    fn follow(&mut self, input: Option<&Input>, out: Vec<Event>, second: Vec<Event>) {
        let is_judged = self.judging == Judging::Full;
        for event in &out {
            if is_judged {
                self.watch.before(self.now, input, event, &self.shadow);
                self.shadow.apply(self.now, event);
            }
            self.tally.event(event);
            self.log.push((self.now, event.clone()));
        }
        if !is_judged {
            return;
        }
        if let Some(place) = (0..out.len().max(second.len())).find(|place| out.get(*place) != second.get(*place)) {
            let (core, naive) = (out.get(place), second.get(place));
            panic!("second router: event {place} is, in the core, {core:?}\n  and naively {naive:?}");
        }
        assert_eq!(self.naive.next_wake(), self.live.next_wake(), "second router: naive and core wake differently");
        assert_eq!(self.shadow.next_wake(), self.live.next_wake(), "replay wakes as live (invariant 8)");
        // The whole state is compared now and then.
        if self.steps.is_multiple_of(16) {
            assert_eq!(self.shadow, self.live, "replay equals live (invariant 8)");
        }
        self.watch.after(&self.live);
    }

    /// What only needs to be looked at once.
    pub(crate) fn end(&self) {
        assert_eq!(self.shadow, self.live, "replay equals live (invariant 8)");
        let bytes = postcard::to_allocvec(&self.live).expect("state is serialisable");
        let back: Router = postcard::from_bytes(&bytes).expect("state is deserialisable");
        assert_eq!(back, self.live);
        assert_eq!(back.next_wake(), self.live.next_wake());
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.s.at(0)
    }

    /// The log as text, for comparisons under other names and at another pace.
    pub(crate) fn written(&self) -> Vec<String> {
        self.log.iter().map(|(at, event)| format!("{at:?} {event:?}")).collect()
    }
}
