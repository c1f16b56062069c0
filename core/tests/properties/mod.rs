//! Properties: whatever happens, in whatever order, the numbered invariants hold after every step.

mod history;
mod invariants;

use proptest::prelude::*;
use proptest::test_runner::Config;

use history::{Op, Run, ops};
use invariants::shifted;

/// A quarter of proptest's usual cases; `PROPTEST_CASES` scales it.
fn config() -> Config {
    let usual = Config::default();
    Config { cases: usual.cases / 4, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]
    /// Invariants 1 to 8, 10 and 11, after every step of any history.
    #[test]
    fn every_invariant_holds_after_every_step(ops in ops(160)) {
        let mut run = Run::new(0);
        for op in &ops {
            run.step(*op);
        }
        run.end();
    }

    /// Invariant 8: a second run of the same inputs gives the same bytes.
    #[test]
    fn a_second_run_gives_the_same_bytes(ops in ops(80)) {
        let bytes = |ops: &[Op]| {
            let mut run = Run::new(0);
            ops.iter().for_each(|op| run.step(*op));
            postcard::to_allocvec(&(&run.log, &run.live)).expect("state is serialisable")
        };
        prop_assert_eq!(bytes(&ops), bytes(&ops));
    }

    /// Invariant 12: the same inputs at other times give the same events at other times. The shift is of whole days, the
    /// one unit (beside the parts of a floor's span) in which the core counts.
    #[test]
    fn time_shifts_change_nothing_but_times(ops in ops(80), days in 1_i64..900) {
        let by = days * 86_400_000;
        let events = |shift| {
            let mut run = Run::new(shift);
            ops.iter().for_each(|op| run.step(*op));
            serde_json::to_value(&run.log).expect("events are serialisable")
        };
        prop_assert_eq!(shifted(events(0), by), events(by));
    }

    /// No input, however wild, panics or changes anything when refused.
    #[test]
    fn nonsense_is_refused_and_changes_nothing(ops in ops(40), wild in prop::collection::vec(any::<(u8, u32, i64)>(), 1..40)) {
        let mut run = Run::new(0);
        ops.iter().for_each(|op| run.step(*op));
        for (kind, number, time) in wild {
            run.nonsense(kind, number, time);
        }
    }
}

#[test]
fn most_inputs_of_a_history_are_accepted_and_every_kind_of_event_happens() {
    let mut run = Run::new(0);
    let mut seed = 1_u64;
    for _ in 0..4000 {
        // An LCG (Knuth, MMIX): the test needs variety, not quality.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [kind, a, b, c, dt, ..] = (seed >> 16).to_le_bytes();
        run.step(Op { kind, a, b, c, dt });
    }
    run.end();
    assert!(run.accepted * 10 >= run.tried * 6, "{} of {} accepted", run.accepted, run.tried);
    let seen = format!("{:?}", run.log);
    for name in [
        "Received",
        "Due",
        "Scheduled",
        "StepEntered",
        "PlanExhausted",
        "Replanned",
        "Assigned",
        "Connected",
        "ConnectFailed",
        "WrapUp",
        "Parked",
        "Resumed",
        "Requeued",
        "Transferred",
        "Orphaned",
        "CallbackWanted",
        "Closed",
        "Handled",
        "Abandoned",
        "Diverted",
        "Expired",
        "Withdrawn",
        "Set",
        "Opened",
        "HoldOver",
        "NoCover",
        "Longest",
        "Supervisor",
        "CustomerChoice",
        "Transfer",
        "NoLongerValued",
        "Reidentified",
        "Made",
        "Accepted",
        "Declined",
        "Revoked",
        "Extended",
        "StateChanged",
        "AbsenceSet",
        "AbsenceBegan",
        "AbsenceEnded",
        "LoadReported",
        "Vouched",
        "ReserveReleased",
        "ReserveRestored",
        "Widened",
        "HoursTurned",
        "MembershipTurned",
        "ClockJumped",
        "Overflowed",
        "Held",
        "Consulted",
        "ConsultEnded",
        "Identified",
        "Lent {",
        "LendingEnded",
        "TeamMissing",
        "Forwarded",
        "Holiday",
    ] {
        assert!(seen.contains(name), "{name} never happened");
    }
}
