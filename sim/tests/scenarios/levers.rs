//! Each lever moves the waits the way it must, with the same customers on both sides: same arrivals, same work, same
//! patience, contact by contact.

use picket_sim::scenario::{FinallyFrom, Scenario, Span};
use picket_sim::simulate::{Run, Started};

use super::{changed, report, value};

/// Long enough that the order of the levers' effects is beyond chance: the seeds are fixed and the customers the same.
fn shorter(scenario: &mut Scenario) {
    scenario.length = Span::seconds(10 * 86_400);
    scenario.replications = 2;
}

fn plan(scenario: &mut Scenario) -> &mut picket_sim::scenario::PlanFrom {
    scenario.classes[0].plan.as_mut().expect("a stated plan")
}

#[test]
fn more_reserve_shortens_the_valued_wait_and_lengthens_the_general_one() {
    let waits: Vec<(f64, f64)> = [0, 1, 2, 4]
        .into_iter()
        .map(|reserve| {
            let model = changed("reserve.toml", |scenario| {
                shorter(scenario);
                scenario.teams[0].reserve = reserve;
            });
            let report = report(&model);
            (value(&report, "valued", "mean_wait_s"), value(&report, "general", "mean_wait_s"))
        })
        .collect();
    println!("{waits:?}");
    assert!(waits.windows(2).all(|pair| pair[0].0 > pair[1].0 && pair[0].1 < pair[1].1), "{waits:?}");
}

#[test]
fn a_longer_hold_raises_the_teams_share_and_the_valued_wait() {
    let seen: Vec<(f64, f64)> = [0, 20, 60, 180]
        .into_iter()
        .map(|hold| {
            let model = changed("hold_team.toml", |scenario| {
                shorter(scenario);
                plan(scenario).hold_team = Some(Span::seconds(hold));
            });
            let report = report(&model);
            (value(&report, "valued", "served_by_own_and_team"), value(&report, "valued", "mean_wait_s"))
        })
        .collect();
    println!("{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{seen:?}");
}

#[test]
fn a_longer_hold_for_ones_own_agent_raises_continuity_and_the_wait() {
    let seen: Vec<(f64, f64, f64)> = [0, 60, 240]
        .into_iter()
        .map(|hold| {
            let model = changed("hold_own.toml", |scenario| {
                shorter(scenario);
                plan(scenario).hold_own = Some(Span::seconds(hold));
            });
            let report = report(&model);
            let of = |figure| value(&report, "valued", figure);
            (of("continuity_secon"), of("served_by_own"), of("mean_wait_s"))
        })
        .collect();
    println!("{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1 && pair[0].2 < pair[1].2));
}

/// A team that lends: outward the fence is closed or opens, inward the reserve is kept or not.
fn general_wait(finally: FinallyFrom, reserve: u32) -> f64 {
    let model = changed("hold_team.toml", |scenario| {
        shorter(scenario);
        plan(scenario).finally = finally;
        scenario.teams[0].lends_to = vec!["general".to_owned()];
        scenario.teams[0].reserve = reserve;
    });
    value(&report(&model), "general", "mean_wait_s")
}

#[test]
fn opening_a_fence_never_shortens_the_general_wait_and_releasing_a_reserve_does() {
    for reserve in [0, 2] {
        let (closed, open) = (general_wait(FinallyFrom::Stay, reserve), general_wait(FinallyFrom::Open, reserve));
        println!("reserve {reserve}: closed {closed}, open {open}");
        assert!(closed <= open, "reserve {reserve}: closed {closed}, open {open}");
    }
    for finally in [FinallyFrom::Stay, FinallyFrom::Open] {
        let (kept, released) = (general_wait(finally, 2), general_wait(finally, 0));
        println!("{finally:?}: kept {kept}, released {released}");
        assert!(released < kept, "{finally:?}: kept {kept}, released {released}");
    }
}

/// Who took whom, when.
fn decisions(change: impl FnOnce(&mut Scenario)) -> Vec<Started> {
    let model = changed("golden/cutoff_priority_k0.toml", |scenario| {
        scenario.length = Span::seconds(5 * 86_400);
        scenario.replications = 1;
        change(scenario);
    });
    let mut run = Run::new(&model, 1).expect("a run");
    run.record();
    run.extend(model.scenario.batches, 1).expect("batches");
    run.replications()[0].started().to_vec()
}

#[test]
fn without_reserve_and_hold_a_fence_is_pooled_priority_decision_by_decision() {
    let fenced = decisions(|_| {});
    let pooled = decisions(|scenario| {
        scenario.teams.clear();
        scenario.agents[0].queues = vec!["general".to_owned()];
        let plan = plan(scenario);
        plan.fence = None;
        plan.urgency = picket_core::Urgency::High;
    });
    assert!(fenced.len() > 20_000, "{}", fenced.len());
    let differs = fenced.iter().zip(&pooled).position(|(one, other)| one != other);
    assert_eq!(differs, None, "of {} and {}", fenced.len(), pooled.len());
    assert_eq!(fenced.len(), pooled.len());
    let kept = decisions(|scenario| scenario.teams[0].reserve = 1);
    assert_ne!(fenced, kept, "a reserve must decide something");
}
