//! Decides whether the promises hold in every state that the ownership of a shard can come into, and whether a flaw in the
//! design would be found. With `PICKET_LONG=1` it goes further: some ten times as many states, and a few minutes.

use std::collections::BTreeMap;

use picket_model::{
    Action, Bounds, Flaw, NOTHING_AHEAD, NOTHING_LOST, ONCE, ONE_JOURNAL, ONE_VOICE, ONE_WRITER, Shard,
};
use stateright::{Checker, HasDiscoveries, Model as _};

/// Two owners, one after the other or both at once, and one input.
const SMALL: Bounds = Bounds { inputs: 1, terms: 2, fail_overs: 1, late: true, follows: false };

/// Fails unless every promise holds everywhere, and a good end is reached.
fn holds(what: &str, bounds: Bounds) {
    let checked = Shard { bounds, flaw: Flaw::Nothing }.checker().spawn_bfs().join();
    tell(what, &checked);
    checked.assert_properties();
}

/// What a flaw breaks first: the promises, and what happened up to then, as short as it can be.
fn broken_by(flaw: Flaw, bounds: Bounds) -> BTreeMap<&'static str, Vec<Action>> {
    let mut shortest = BTreeMap::new();
    // A check goes on for a while behind the first path that it finds, and names the last.
    loop {
        let mut checker = Shard { bounds, flaw }.checker().finish_when(HasDiscoveries::AnyFailures);
        if let Some(steps) = shortest.values().map(Vec::len).min() {
            // Counts states, of which a path has one more than steps; and the last is not looked at.
            checker = checker.target_max_depth(steps + 1);
        }
        let checked = checker.spawn_bfs().join();
        let found = checked.discoveries().into_iter();
        let failed = found.filter(|(promise, _)| checked.model().property(promise).expectation.discovery_is_failure());
        let failed: BTreeMap<_, _> = failed.map(|(promise, path)| (promise, path.into_actions())).collect();
        if failed.is_empty() {
            return shortest;
        }
        tell(&format!("{flaw:?}"), &checked);
        shortest = failed;
    }
}

fn tell(what: &str, checked: &impl Checker<Shard>) {
    let (states, ways) = (checked.unique_state_count(), checked.state_count());
    eprintln!("{what}: {states} states, {ways} ways into them, {} steps deep", checked.max_depth() - 1);
}

#[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside, and only here")]
fn is_long() -> bool {
    std::env::var("PICKET_LONG").is_ok_and(|value| value == "1")
}

#[test]
fn whatever_happens_to_two_owners_and_their_store_nothing_is_lost_and_nothing_is_done_twice() {
    holds("two inputs, two owners", Bounds { inputs: 2, ..SMALL });
    if is_long() {
        holds("two inputs, three owners", Bounds { inputs: 2, terms: 3, ..SMALL });
    }
}

#[test]
fn nor_is_it_with_a_third_owner() {
    holds("one input, three owners", Bounds { terms: 3, ..SMALL });
}

#[test]
fn nor_is_it_when_the_store_fails_over_twice() {
    holds("one input, two owners, two fail-overs", Bounds { fail_overs: 2, ..SMALL });
    if is_long() {
        holds("two inputs, two owners, two fail-overs", Bounds { inputs: 2, fail_overs: 2, ..SMALL });
        holds("one input, three owners, two fail-overs", Bounds { terms: 3, fail_overs: 2, ..SMALL });
    }
}

#[test]
fn who_stands_by_shows_nothing_that_is_lost_later() {
    holds("one input, two owners, followed", Bounds { follows: true, ..SMALL });
    if is_long() {
        holds("two inputs, two owners, followed", Bounds { inputs: 2, follows: true, ..SMALL });
    }
}

/// Otherwise the proofs above would prove nothing.
#[test]
fn each_flaw_in_the_design_breaks_a_promise() {
    let flaws = [
        (Flaw::OneReplica, ONE_JOURNAL),
        (Flaw::NoReplica, ONE_JOURNAL),
        (Flaw::TakeOverUnreplicated, ONE_JOURNAL),
        (Flaw::EpochOnly, ONE_WRITER),
        (Flaw::NoHead, ONCE),
        (Flaw::FoundCounts, ONE_JOURNAL),
        (Flaw::SettlesAnything, ONE_JOURNAL),
        (Flaw::AcknowledgesEarly, NOTHING_LOST),
        (Flaw::PublishesEarly, NOTHING_AHEAD),
        (Flaw::NoGate, ONE_VOICE),
        (Flaw::GateForAnybody, ONE_VOICE),
    ];
    for (flaw, promise) in flaws {
        let bounds = Bounds { follows: flaw == Flaw::SettlesAnything, ..SMALL };
        let broken = broken_by(flaw, bounds);
        let Some(path) = broken.get(promise) else { panic!("{flaw:?} does not break: {promise}; but {broken:?}") };
        eprintln!("  in {} steps it is not so that {promise}: {path:?}", path.len());
    }
}

/// What the random part of a token is for: it protects where a take-over can be lost. Where each take-over waits for every
/// replica, an epoch is given out once.
#[test]
fn an_epoch_alone_is_as_good_as_a_token_only_as_long_as_no_take_over_is_lost() {
    let has_one_writer = |flaw| {
        let checked = Shard { bounds: SMALL, flaw }.checker().spawn_bfs().join();
        tell(&format!("{flaw:?}, all of it"), &checked);
        checked.discovery(ONE_WRITER).is_none()
    };
    assert!(has_one_writer(Flaw::EpochOnlyReplicated));
    assert!(has_one_writer(Flaw::TakeOverUnreplicated));
    assert!(broken_by(Flaw::EpochOnly, SMALL).contains_key(ONE_WRITER));
}
