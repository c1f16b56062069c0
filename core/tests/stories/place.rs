//! The place changes while contacts wait; a supervisor assigns by hand.

use picket_core::*;

use crate::scene::*;

#[test]
fn a_new_member_is_asked_for_who_already_waits() {
    let mut scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).then_asked(7, &[]);
    scene.put(WorldChange::PutTeam(HOPKINS, team(&[CARYS])));
    scene.then_asked(7, &[CARYS]);
}

#[test]
fn an_agent_who_learns_a_skill_is_asked() {
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let mut scene = world().ready(&[CARYS], at(0)).arrives(7, Plan { needs, ..plan() }, at(1)).then_asked(7, &[]);
    scene.put(WorldChange::PutAgent(CARYS, skilled(4)));
    scene.then_asked(7, &[CARYS]);
}

#[test]
fn a_queue_that_asks_for_less_finds_somebody() {
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { needs, ..queue() }));
    let mut scene = world.ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[]);
    scene.put(WorldChange::PutQueue(GENERAL, queue()));
    scene.then_asked(7, &[CARYS]);
}

#[test]
fn a_supervisor_assigns_inside_the_same_checks() {
    let assign = |agent| Input::Supervise(ContactId(7), Supervision::Assign(Handler { agent }));
    let scene = world().ready(&[ANN, BOLA, CARYS], at(0)).arrives(7, fenced(), at(1)).then_asked(7, &[ANN]);
    scene.clone().when(assign(CARYS), at(2)).then_refused(Rejection::OutsideFence);
    scene.clone().when(assign(DEE), at(2)).then_refused(Rejection::AgentUnavailable);
    scene.clone().when(assign(AgentId(50)), at(2)).then_refused(Rejection::UnknownAgent);
    let by_hand = scene.clone().when(assign(BOLA), at(2)).then_state(7, ContactState::Assigned);
    assert_eq!(by_hand.router.contact(ContactId(7)).unwrap().agent, Some(BOLA));
    by_hand.when(assign(BOLA), at(3)).then_refused(Rejection::WrongContactState);
    scene.when(assign(ANN), at(2)).then_state(7, ContactState::Assigned);
}

#[test]
fn a_definition_that_contradicts_itself_is_refused() {
    let window = |from, to| Window { from: at(from), to: at(to) };
    let calendar = |windows| WorldChange::PutCalendar(CalendarId(0), Calendar { windows, ..Calendar::default() });
    let due = |points| WorldChange::PutQueue(GENERAL, QueueSpec { order: QueueOrder::Due(points), ..queue() });
    let bad = [
        calendar(vec![window(10, 10)]),
        calendar(vec![window(10, 20), window(15, 30)]),
        due(Vec::new()),
        due((0..9).map(|i| (secs(i), i)).collect()),
        due(vec![(secs(1), 9), (secs(2), 3)]),
        WorldChange::PutTeam(NIGHT, TeamSpec { covers: vec![NIGHT], ..team(&[]) }),
        WorldChange::PutAgent(ANN, AgentSpec { points: 1_000_001, ..agent(&[]) }),
    ];
    for change in bad {
        let mut scene = world();
        assert_eq!(scene.try_input(at(1), Input::World(Box::new(change))), Err(Rejection::BadDefinition));
    }
    let mut scene = world();
    let remove = |change| Input::World(Box::new(change));
    assert_eq!(scene.try_input(at(1), remove(WorldChange::RemoveTeam(TeamId(9)))), Err(Rejection::UnknownTeam));
    assert_eq!(scene.try_input(at(1), remove(WorldChange::RemoveAgent(AgentId(9)))), Err(Rejection::UnknownAgent));
}

#[test]
fn a_calendar_that_runs_out_is_asked_for_once() {
    let day = 86_400;
    let calendar = Calendar { windows: Vec::new(), until: Some(at(400 * day)), ..Calendar::default() };
    let scene = world().with(WorldChange::PutCalendar(CalendarId(0), calendar)).until(at(200 * day));
    let asked = Event::World(WorldFact::CalendarRunsOut { calendar: CalendarId(0) });
    scene.then(&[asked]).until(at(399 * day)).then(&[]);
}
