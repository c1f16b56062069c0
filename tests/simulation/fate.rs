//! Decides what goes wrong in a simulated run, and how often: everything follows from one seed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use picket_sim::rng::Stream;

/// What can befall one call to the store or to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doom {
    /// It is answered at once: no.
    Refused,
    /// It never arrives, and the caller waits until its patience is over.
    RequestLost,
    /// It is done, and the answer never arrives.
    ReplyLost,
    /// It is done long after the caller has given up.
    Late,
    /// It takes a second.
    Slow,
    /// The process is killed before it is on its way.
    KilledBefore,
    /// The process is killed when it is done, before the answer.
    KilledAfter,
}

/// What can befall a whole place for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strike {
    /// A daemon is killed, and started again.
    Kill,
    /// A daemon is told to stop, and started again.
    Stop,
    /// A daemon stands still, and goes on later as if nothing had been.
    Freeze,
    /// A daemon cannot reach the store.
    CutFromStore,
    /// A daemon cannot reach the broker.
    CutFromBroker,
    /// A daemon can reach neither.
    CutFromBoth,
    /// The broker is killed, and comes back with what it has confirmed.
    BrokerDies,
    /// The broker's connections end.
    BrokerHangsUp,
    /// The broker takes nothing.
    Alarm,
    /// The store is away for a while.
    StoreDies,
    /// A replica of the store takes over; what was not confirmed by it may be gone.
    StoreFailsOver,
    /// A daemon's clock is put forward, up to two hours.
    ClockAhead,
    /// A daemon's clock is set back, up to two hours.
    ClockBack,
}

/// A mistake that somebody could make in what connects the shell with its store or broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A write counts though no replica has it.
    ReplicasIgnored,
    /// A write without an answer counts as done.
    UnknownCountsAsDone,
    /// Everybody has the lease.
    LeaseForEverybody,
    /// The journal is read without its last record.
    LastRecordUnread,
    /// The watermark runs ahead of what was confirmed.
    WatermarkAhead,
    /// At a take-over everything counts as published.
    WatermarkAtTheEnd,
    /// All of a window counts as confirmed when some of it is.
    WholeWindowConfirmed,
    /// A window without an answer counts as confirmed.
    UnknownCountsAsConfirmed,
    /// A window is published from its end.
    WindowReversed,
    /// What comes back goes behind what waits.
    ReturnsBehind,
    /// A consumer is cancelled before its channel is closed: what it holds comes back behind newer messages.
    CancelledFirst,
    /// A delivery counts as acknowledged as soon as it was sent.
    AcknowledgedAtOnce,
}

impl Flaw {
    pub(crate) const ALL: [Self; 12] = [
        Self::ReplicasIgnored,
        Self::UnknownCountsAsDone,
        Self::LeaseForEverybody,
        Self::LastRecordUnread,
        Self::WatermarkAhead,
        Self::WatermarkAtTheEnd,
        Self::WholeWindowConfirmed,
        Self::UnknownCountsAsConfirmed,
        Self::WindowReversed,
        Self::ReturnsBehind,
        Self::CancelledFirst,
        Self::AcknowledgedAtOnce,
    ];
}

/// What can befall a message or what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slip {
    /// A platform does not hear that its message was taken, and sends it again.
    SentTwice,
    /// An acknowledgement is lost with its channel.
    AckLost,
    /// The broker confirms only the first ones of a window.
    SomeConfirmed,
    /// A snapshot is torn.
    SnapshotTorn,
}

/// Whether something counted in a [`Tally`] is of a kind: what befalls calls is counted by call.
pub(crate) fn is_of_kind(name: &str, kind: &str) -> bool {
    name.split(' ').next() == Some(kind)
}

/// Every kind of trouble, and what the shell does about a queue of late events.
pub(crate) fn kinds() -> Vec<String> {
    let dooms = DOOMS.iter().map(|(doom, _)| format!("{doom:?}"));
    let strikes = STRIKES.iter().map(|strike| format!("{strike:?}"));
    let slips = SLIPS.iter().map(|(slip, _)| format!("{slip:?}"));
    dooms.chain(strikes).chain(slips).chain(["CatchUp".to_owned()]).collect()
}

/// Everything that went wrong in a run, counted, by name.
pub(crate) type Tally = BTreeMap<String, u64>;

const DOOMS: [(Doom, u64); 7] = [
    (Doom::Refused, 20),
    (Doom::RequestLost, 10),
    (Doom::ReplyLost, 10),
    (Doom::Late, 6),
    (Doom::Slow, 10),
    (Doom::KilledBefore, 2),
    (Doom::KilledAfter, 2),
];
const STRIKES: [Strike; 13] = [
    Strike::Kill,
    Strike::Stop,
    Strike::Freeze,
    Strike::CutFromStore,
    Strike::CutFromBroker,
    Strike::CutFromBoth,
    Strike::BrokerDies,
    Strike::BrokerHangsUp,
    Strike::Alarm,
    Strike::StoreDies,
    Strike::StoreFailsOver,
    Strike::ClockAhead,
    Strike::ClockBack,
];
const SLIPS: [(Slip, u64); 4] =
    [(Slip::SentTwice, 50), (Slip::AckLost, 20), (Slip::SomeConfirmed, 60), (Slip::SnapshotTorn, 300)];

/// What goes wrong in one run.
#[derive(Debug)]
pub(crate) struct Fate(Mutex<State>);

#[derive(Debug)]
struct State {
    chance: Stream,
    delays: Stream,
    dooms: Vec<(Doom, u64)>,
    strikes: Vec<Strike>,
    slips: Vec<(Slip, u64)>,
    /// The one call that fails, and how.
    only: Option<(u64, Doom)>,
    flaw: Option<Flaw>,
    calls: u64,
    tally: Tally,
}

impl Fate {
    /// The fate of a seed: some kinds of trouble, now and then or often.
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Stream::new(seed, "fate");
        // One run in four is calm, one hostile.
        let weight = [0, 1, 3, 10].get(usize::try_from(chance.below(4)).unwrap_or(0)).copied().unwrap_or(1);
        let dooms = DOOMS.into_iter().filter(|_| chance.happens(600)).collect::<Vec<_>>();
        let strikes = STRIKES.into_iter().filter(|_| chance.happens(500)).collect();
        let slips = SLIPS.into_iter().filter(|_| chance.happens(600)).collect();
        let dooms = dooms.into_iter().map(|(doom, often)| (doom, often * weight)).collect();
        Self::new(seed, dooms, strikes, slips, None)
    }

    /// Nothing goes wrong, but for at most one call.
    pub(crate) fn calm(seed: u64, only: Option<(u64, Doom)>) -> Self {
        Self::new(seed, Vec::new(), Vec::new(), Vec::new(), only)
    }

    fn new(
        seed: u64,
        dooms: Vec<(Doom, u64)>,
        strikes: Vec<Strike>,
        slips: Vec<(Slip, u64)>,
        only: Option<(u64, Doom)>,
    ) -> Self {
        let (chance, delays) = (Stream::new(seed, "trouble"), Stream::new(seed, "delays"));
        Self(Mutex::new(State {
            chance,
            delays,
            dooms,
            strikes,
            slips,
            only,
            flaw: None,
            calls: 0,
            tally: Tally::new(),
        }))
    }

    /// The same, with a flaw in what connects shell, store and broker.
    pub(crate) fn with_flaw(self, flaw: Flaw) -> Self {
        self.state().flaw = Some(flaw);
        self
    }

    /// Whether there is this flaw.
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.state().flaw == Some(flaw)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What befalls the next call; `what` names it.
    pub(crate) fn of_call(&self, what: &str) -> Option<Doom> {
        let state = &mut *self.state();
        state.calls += 1;
        let drawn = state.chance.below(10_000);
        let mut reached = 0;
        let by_chance = state.dooms.iter().find(|(_, often)| {
            reached += often;
            drawn < reached
        });
        let doom = match state.only {
            Some((call, doom)) => (call == state.calls).then_some(doom),
            None => by_chance.map(|(doom, _)| *doom),
        }?;
        count(&mut state.tally, format!("{doom:?} {what}"));
        Some(doom)
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Whether this slip happens now.
    pub(crate) fn slips(&self, slip: Slip) -> bool {
        let state = &mut *self.state();
        let permille = state.slips.iter().find(|(known, _)| *known == slip).map_or(0, |(_, permille)| *permille);
        let happens = permille > 0 && state.chance.happens(permille);
        if happens {
            count(&mut state.tally, format!("{slip:?}"));
        }
        happens
    }

    /// The next strike and how long until then; none when nothing ever strikes.
    pub(crate) fn next_strike(&self) -> Option<(Duration, Strike)> {
        let state = &mut *self.state();
        let strike = *state.chance.one_of(&state.strikes)?;
        let within = Duration::from_millis(state.chance.exponential(4_000));
        Some((within, strike))
    }

    /// Notes that something struck.
    pub(crate) fn struck(&self, strike: Strike) {
        count(&mut self.state().tally, format!("{strike:?}"));
    }

    /// Notes that something happened that is no trouble, and worth a count.
    pub(crate) fn noted(&self, what: &str) {
        count(&mut self.state().tally, what.to_owned());
    }

    /// How long a strike lasts: mostly short, at times longer than a lease and a heartbeat.
    pub(crate) fn lasting(&self) -> Duration {
        let state = &mut *self.state();
        let most = state.chance.one_of(&[500, 3_000, 8_000, 20_000]).copied().unwrap_or(500);
        Duration::from_millis(state.chance.between(50, most))
    }

    /// By how many milliseconds a clock is moved: mostly little, at times hours.
    pub(crate) fn span(&self) -> i64 {
        let state = &mut *self.state();
        let most = state.chance.one_of(&[900, 5_000, 600_000, 7_200_000]).copied().unwrap_or(900);
        i64::try_from(state.chance.between(1, most)).unwrap_or(0)
    }

    /// How long one way of a call takes.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_micros(self.state().delays.between(20, 2_000))
    }

    /// A number below a bound.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.state().chance.below(bound)
    }

    /// How many messages a consumer is sent ahead in this run.
    pub(crate) fn prefetch(&self) -> usize {
        self.state().delays.one_of(&[16, 32, 128]).copied().unwrap_or(128)
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&self) {
        let state = &mut *self.state();
        state.dooms.clear();
        state.strikes.clear();
        state.slips.clear();
        state.only = None;
    }

    /// What went wrong so far.
    pub(crate) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }
}

fn count(tally: &mut Tally, what: String) {
    *tally.entry(what).or_insert(0) += 1;
}
