//! The inward gate: reserve and lending.

use picket_core::*;

use crate::scene::*;

/// Hopkins lends to the general queue and keeps one free.
fn lending(reserve: u32, floor: Option<Floor>) -> Scene {
    let hopkins = TeamSpec { reserve, lends_to: vec![GENERAL], releases: true, ..team(&[ANN, BOLA]) };
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { floor, ..queue() }));
    world.with(WorldChange::PutTeam(HOPKINS, hopkins))
}

#[test]
fn a_team_lends_only_above_its_reserve() {
    let scene = lending(1, None).ready(&[ANN, BOLA], at(0)).arrives(1, plan(), at(1)).then_asked(1, &[ANN]);
    let lent = |event: &Event| matches!(event, Event::Offer(_, OfferFact::Made { standing: Standing::Lent, .. }));
    scene.then_some(lent).arrives(2, plan(), at(2)).then_asked(2, &[]);
}

#[test]
fn a_member_kept_free_is_lent_when_another_becomes_idle() {
    let scene = lending(1, None).ready(&[ANN], at(0)).arrives(1, plan(), at(1)).then_asked(1, &[]);
    let scene = scene.ready(&[BOLA], at(2));
    let asked = scene.asked(1);
    assert_eq!(asked, [ANN], "the longer idle of the two");
}

#[test]
fn the_queues_own_agents_come_before_those_lent() {
    let scene = lending(0, None).ready(&[ANN], at(0)).ready(&[CARYS], at(1));
    scene.arrives(1, plan(), at(2)).then_asked(1, &[CARYS]).arrives(2, plan(), at(3)).then_asked(2, &[ANN]);
}

#[test]
fn the_reserve_does_not_keep_members_from_their_own_customers() {
    let scene = lending(2, None).ready(&[ANN], at(0)).arrives(7, fenced(), at(1));
    scene.then_asked(7, &[ANN]);
}

#[test]
fn a_queue_below_its_floor_releases_the_reserve_until_it_has_recovered() {
    let floor = Floor { share_permille: 700, within: secs(20), over: secs(160), margin_permille: 100 };
    let scene = lending(2, Some(floor)).ready(&[ANN, BOLA], at(0)).arrives(1, plan(), at(1)).then_asked(1, &[]);
    let released = Event::World(WorldFact::ReserveReleased { team: HOPKINS, queue: GENERAL });
    let restored = Event::World(WorldFact::ReserveRestored { team: HOPKINS, queue: GENERAL });
    let scene = scene.arrives(2, plan(), at(2)).when(contact(1, ContactCommand::Abandon), at(50));
    let scene = scene.then_some(|event| *event == released).then_asked(2, &[ANN]);
    assert_eq!(scene.router.team(HOPKINS).unwrap().effective_reserve, 0);
    assert_eq!(scene.router.service_permille(GENERAL, at(50)), Some(0));
    let scene = scene.when(contact(2, ContactCommand::Abandon), at(51)).until(at(220));
    let scene = scene.then_some(|event| *event == restored).arrives(3, plan(), at(221)).then_asked(3, &[]);
    assert_eq!(scene.router.team(HOPKINS).unwrap().effective_reserve, 2);
}

#[test]
fn idle_members_are_counted_per_channel() {
    let scene = lending(1, None).ready(&[ANN, BOLA], at(0)).arrives(7, fenced(), at(1));
    let idle = scene.router.team(HOPKINS).unwrap().idle;
    assert_eq!(idle.iter().map(|idle| idle.idle).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_team_that_helps_begins_to_lend_below_the_floor_and_keeps_its_reserve() {
    let floor = Some(Floor { share_permille: 700, within: secs(20), over: secs(160), margin_permille: 100 });
    let hopkins = TeamSpec { reserve: 1, helps: vec![GENERAL], ..team(&[ANN, BOLA]) };
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { floor, ..queue() }));
    let scene = world.with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN, BOLA], at(0));
    let scene = scene.arrives(1, plan(), at(1)).arrives(2, plan(), at(2)).arrives(3, plan(), at(3)).then_asked(1, &[]);
    let scene = scene.when(contact(1, ContactCommand::Abandon), at(50));
    let released = Event::World(WorldFact::ReserveReleased { team: HOPKINS, queue: GENERAL });
    let scene = scene.then_some(|event| *event == released).then_asked(2, &[ANN]).then_asked(3, &[]);
    let scene =
        scene.when(contact(2, ContactCommand::Abandon), at(51)).when(contact(3, ContactCommand::Abandon), at(52));
    let restored = Event::World(WorldFact::ReserveRestored { team: HOPKINS, queue: GENERAL });
    let scene = scene.until(at(230)).then_some(|event| *event == restored);
    scene.arrives(4, plan(), at(231)).then_asked(4, &[]);
}

#[test]
fn a_floor_opens_no_fence() {
    let floor = Some(Floor { share_permille: 700, within: secs(20), over: secs(160), margin_permille: 100 });
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { floor, ..queue() }));
    let strict = Plan { finally: STAY, ..fenced() };
    let scene = world.arrives(7, strict, at(1)).arrives(1, plan(), at(2)).ready(&[CARYS], at(35));
    let scene = scene.answered(1, at(40)).ready(&[DEE], at(41)).when(contact(1, ContactCommand::Close), at(42));
    assert_eq!(scene.router.service_permille(GENERAL, at(42)), Some(0));
    let scene = scene.when(contact(7, ContactCommand::Abandon), at(50));
    assert!(!scene.log.iter().any(|(_, event)| opened_for(event).is_some()));
}

#[test]
fn an_agent_of_two_teams_is_lent_only_above_the_reserve_of_both() {
    let hopkins = TeamSpec { lends_to: vec![GENERAL], ..team(&[ANN]) };
    let night = TeamSpec { reserve: 1, ..team(&[ANN, BOLA]) };
    let world = world().with(WorldChange::PutTeam(NIGHT, night)).with(WorldChange::PutTeam(HOPKINS, hopkins));
    let scene = world.ready(&[ANN], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[]);
    scene.ready(&[BOLA], at(2)).then_asked(7, &[ANN]);
}
