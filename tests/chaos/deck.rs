//! Decides what happens next: first one of each, then a deck shuffled again and again.

use picket_sim::rng::Stream;

/// What is done to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strike {
    /// `kill -9`, and started again.
    KillDaemon,
    /// Stopped by the scheduler for a while.
    FreezeDaemon,
    /// Told to stop, and started again.
    StopDaemon,
    /// A daemon's link to broker or store breaks, stalls, or passes one direction only.
    CutLink,
    /// The broker loses its power.
    KillBroker,
    /// The broker takes no publishes.
    Alarm,
    /// The store's primary loses its power and comes back.
    KillStore,
    /// The store's primary is lost, and a replica takes its place.
    FailOver,
    /// The store's primary finds its disk full.
    DiskFull,
    /// The clock of a daemon jumps.
    ClockJump,
}

/// How often each is in the deck.
const DECK: [(Strike, usize); 10] = [
    (Strike::KillDaemon, 30),
    (Strike::FreezeDaemon, 10),
    (Strike::StopDaemon, 6),
    (Strike::CutLink, 10),
    (Strike::KillBroker, 10),
    (Strike::Alarm, 3),
    (Strike::KillStore, 5),
    (Strike::FailOver, 5),
    (Strike::DiskFull, 1),
    (Strike::ClockJump, 2),
];

/// A deck.
#[derive(Debug)]
pub(crate) struct Deck {
    chance: Stream,
    all: Vec<Strike>,
    cards: Vec<Strike>,
}

impl Deck {
    /// One with what can be done.
    pub(crate) fn new(seed: u64, can: impl Fn(Strike) -> bool) -> Self {
        let all = DECK.iter().flat_map(|(strike, count)| std::iter::repeat_n(*strike, *count));
        let cards = Strike::all().into_iter().rev().filter(|strike| can(*strike)).collect();
        Self { chance: Stream::new(seed, "deck"), all: all.filter(|strike| can(*strike)).collect(), cards }
    }

    /// The next card.
    pub(crate) fn draw(&mut self) -> Strike {
        if self.cards.is_empty() {
            self.cards.clone_from(&self.all);
            for at in (1..self.cards.len()).rev() {
                self.cards.swap(at, below(&mut self.chance, at + 1));
            }
        }
        self.cards.pop().expect("a deck has cards")
    }
}

impl Strike {
    /// All that there are.
    pub(crate) fn all() -> [Self; DECK.len()] {
        DECK.map(|(strike, _)| strike)
    }
}

/// A number below another.
pub(crate) fn below(chance: &mut Stream, bound: usize) -> usize {
    usize::try_from(chance.below(bound as u64)).expect("it is below a usize")
}
