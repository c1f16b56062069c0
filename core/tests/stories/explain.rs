//! Why somebody got a contact, and why nobody did.

use picket_core::*;

use crate::scene::*;

fn explained(detail: Detail) -> Scene {
    let mut scene = world();
    scene.router.explain(detail);
    scene
}

fn check_of(decision: &Decision, agent: AgentId) -> Check {
    let found = decision.candidates.iter().find(|candidate| candidate.agent == agent);
    found.unwrap_or_else(|| panic!("{agent:?} is not named in {decision:?}")).check
}

fn decisions(scene: &mut Scene) -> Vec<Decision> {
    scene.router.drain_decisions().collect()
}

#[test]
fn nothing_is_recorded_unless_asked_for() {
    let mut scene = explained(Detail::Off).ready(&[ANN], at(0)).arrives(1, fenced(), at(1)).then_asked(1, &[ANN]);
    assert_eq!(decisions(&mut scene), []);
}

#[test]
fn a_summary_names_the_winner_and_every_member_of_the_team() {
    let mut scene = explained(Detail::Summary).ready(&[ANN, CARYS], at(0)).arrives(1, fenced(), at(1));
    let recorded = decisions(&mut scene);
    let [decision] = recorded.as_slice() else { panic!("one decision: {recorded:?}") };
    let winner = decision.winner.unwrap();
    assert_eq!((winner.agent, winner.standing, winner.step, winner.by), (ANN, Standing::Lead, 0, By::Pick));
    assert_eq!(check_of(decision, ANN), Check::Passed);
    assert_eq!(check_of(decision, BOLA), Check::NotYet, "her step has not begun");
    assert_eq!(decision.others, []);
    assert!(decisions(&mut scene).is_empty(), "they are handed out once");
}

#[test]
fn each_of_the_others_is_named_with_the_first_check_that_fails() {
    let french = vec![Need { skill: FRENCH, level: Level(5) }];
    let scene = explained(Detail::Full)
        .with(WorldChange::PutAgent(CARYS, skilled(3)))
        .with(WorldChange::PutAgent(DEE, skilled(7)))
        .with(WorldChange::PutAgent(AgentId(4), skilled(9)))
        .with(WorldChange::PutAgent(AgentId(5), skilled(9)));
    let plan = Plan { needs: french, ..plan() };
    let scene =
        scene.ready(&[CARYS, DEE, AgentId(4)], at(0)).when(Input::Agent(AgentId(4), says(Presence::NotReady)), at(1));
    let mut scene = scene.arrives(1, plan, at(2)).then_asked(1, &[DEE]);
    let decision = decisions(&mut scene).pop().unwrap();
    let checks: Vec<Check> = [DEE, CARYS, AgentId(4), AgentId(5)].map(|agent| check_of(&decision, agent)).into();
    assert_eq!(checks, [Check::Passed, Check::Skill, Check::Away, Check::OffShift]);
    assert_eq!(decision.candidates[0].agent, DEE, "who can serve stands first");
}

#[test]
fn beyond_sixteen_the_others_are_counted_by_the_check_they_fail() {
    let mut scene = explained(Detail::Full);
    for number in 10..60 {
        scene.put(WorldChange::PutAgent(AgentId(number), agent(&[GENERAL])));
    }
    let mut scene = scene.ready(&[AgentId(30), AgentId(31)], at(0)).arrives(1, plan(), at(1));
    let decision = decisions(&mut scene).pop().unwrap();
    assert_eq!(decision.candidates.len(), NAMED_LIMIT);
    let first: Vec<AgentId> = decision.candidates.iter().take(2).map(|candidate| candidate.agent).collect();
    assert_eq!(first, [AgentId(30), AgentId(31)], "in the order in which they would be chosen");
    assert_eq!(decision.others, [(Check::OffShift, 52 - 16)]);
}

#[test]
fn what_put_the_winner_first_is_said() {
    let scene = explained(Detail::Full).ready(&[CARYS, DEE], at(0));
    let known = Familiar { agent: DEE, contacts: 3, last: at(-900) };
    let mut scene = scene.receives(Arrival { familiar: vec![known], ..arrival(1, plan(), at(1)) }, at(1));
    let winner = decisions(&mut scene).pop().unwrap().winner.unwrap();
    assert_eq!((winner.agent, winner.by), (DEE, By::Familiar { contacts: 3, last: at(-900) }));
    let mut scene = scene.receives(Arrival { prefers: vec![CARYS], ..arrival(2, plan(), at(2)) }, at(2));
    let winner = decisions(&mut scene).pop().unwrap().winner.unwrap();
    assert_eq!((winner.agent, winner.by), (CARYS, By::Preferred));
}

#[test]
fn why_not_ann_while_the_contact_still_waits() {
    let scene = world().ready(&[ANN, BOLA, CARYS], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.when(Input::Agent(BOLA, says(Presence::NotReady)), at(3)).arrives(7, fenced(), at(10));
    let why = scene.router.why(ContactId(7), at(11)).unwrap();
    assert_eq!((why.winner, why.step), (None, 0));
    assert_eq!(check_of(&why, ANN), Check::Busy);
    let ann = why.candidates[0];
    assert_eq!((ann.agent, ann.slots, ann.points), (ANN, (1, 1), (100, 100)), "at capacity, 1 of 1");
    assert_eq!(check_of(&why, BOLA), Check::NotYet);
    let scene = scene.until(at(50));
    let why = scene.router.why(ContactId(7), at(50)).unwrap();
    assert_eq!(check_of(&why, BOLA), Check::Away);
    assert_eq!(check_of(&why, DEE), Check::NotYet, "the cover's step");
    assert_eq!(scene.router.why(ContactId(1), at(50)), None, "it does not wait");
}

#[test]
fn who_avoids_and_who_declined_is_told_apart() {
    let scene = world().with(WorldChange::PutAgent(AgentId(4), agent(&[GENERAL]))).ready(&[CARYS, DEE], at(0));
    let arrival = Arrival { avoids: vec![DEE], ..arrival(1, plan(), at(1)) };
    let scene = scene.receives(arrival, at(1)).then_asked(1, &[CARYS]);
    let why = scene.router.why(ContactId(1), at(2)).unwrap();
    assert_eq!((check_of(&why, CARYS), check_of(&why, DEE)), (Check::Asked, Check::Avoided));
    let scene = scene.ready(&[AgentId(4)], at(3));
    let scene = scene.when(declines(1, CARYS), at(4)).then_asked(1, &[AgentId(4)]);
    let why = scene.router.why(ContactId(1), at(5)).unwrap();
    assert_eq!((check_of(&why, CARYS), check_of(&why, AgentId(4))), (Check::Excluded, Check::Asked));
}

#[test]
fn records_are_no_part_of_the_state_and_the_same_inputs_give_the_same_ones() {
    let run = |detail| {
        let scene = explained(detail).ready(&[ANN, CARYS], at(0)).arrives(1, fenced(), at(1)).arrives(2, plan(), at(2));
        scene.answered(1, at(3)).arrives(7, fenced(), at(4)).until(at(200))
    };
    let (mut one, mut other, off) = (run(Detail::Full), run(Detail::Full), run(Detail::Off));
    assert_eq!(one.log, off.log, "explaining changes no decision");
    assert_eq!(one.router, off.router);
    let mut again = Router::new();
    one.log.iter().for_each(|(at, event)| again.apply(*at, event));
    assert_eq!(again, one.router);
    let (first, second) = (decisions(&mut one), decisions(&mut other));
    assert_eq!(first, second);
    assert!(first.len() >= 2, "{first:?}");
}
