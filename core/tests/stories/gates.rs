//! Both gates of a fence: the reserve, what releases and restores it, and who is inside.

use picket_core::*;

use crate::scene::*;

const FLOOR: Floor = Floor { share_permille: 700, within: secs(20), over: secs(16_000), margin_permille: 100 };

/// Hopkins lends to the general queue, which has a floor, and keeps two free.
fn lending(releases: bool) -> Scene {
    let hopkins = TeamSpec { reserve: 2, lends_to: vec![GENERAL], releases, ..team(&[ANN, BOLA]) };
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { floor: Some(FLOOR), ..queue() }));
    world.with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN, BOLA], at(0))
}

fn restored(event: &Event) -> bool {
    *event == Event::World(WorldFact::ReserveRestored { team: HOPKINS, queue: GENERAL })
}

fn released(event: &Event) -> bool {
    *event == Event::World(WorldFact::ReserveReleased { team: HOPKINS, queue: GENERAL })
}

/// A contact that gave up after thirty seconds.
fn given_up(scene: Scene) -> Scene {
    scene.arrives(1, plan(), at(1)).when(contact(1, ContactCommand::Abandon), at(31))
}

#[test]
fn a_team_that_does_not_allow_it_keeps_its_reserve_below_the_floor() {
    let scene = given_up(lending(false)).then_none(released).arrives(2, plan(), at(32)).then_asked(2, &[]);
    given_up(lending(true)).then_some(released).arrives(2, plan(), at(32)).then_asked(2, &[ANN]);
    scene.until(at(500)).then_asked(2, &[]);
}

#[test]
fn a_released_reserve_is_kept_again_only_above_the_floor_and_its_margin() {
    let mut scene = given_up(lending(true)).then_some(released).ready(&[CARYS], at(40));
    // One of two, two of three, three of four in time: above the floor, and not yet above its margin.
    for number in 2..=5 {
        let now = at(40 + i64::from(number) * 10);
        scene = scene.arrives(number, plan(), now).answered(number, now);
        scene = scene.when(contact(number, ContactCommand::Close), now);
        let since: Vec<&Event> = scene.log.iter().map(|(_, event)| event).filter(|event| restored(event)).collect();
        assert_eq!(since.len(), usize::from(number == 5), "after {number}");
    }
    let scene = scene.when(Input::Agent(CARYS, says(Presence::Offline)), at(200));
    scene.arrives(9, plan(), at(201)).then_asked(9, &[]);
}

#[test]
fn the_reserve_is_counted_for_the_channel_that_is_asked_for() {
    let hopkins = TeamSpec { reserve: 1, lends_to: vec![GENERAL], ..team(&[ANN, BOLA]) };
    let own = Plan { steps: vec![step(Who::Team(None), hold(600))], finally: STAY, ..fenced() };
    let chat = |number, plan, now| Arrival { channel: CHAT, ..arrival(number, plan, now) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN, BOLA], at(0));
    // With a chat of her own Ann can take another, and no call: two are idle for chats, and one for calls.
    let scene = scene.receives(chat(1, own, at(1)), at(1)).then_asked(1, &[ANN]).answered(1, at(2));
    let calls = scene.clone().arrives(7, plan(), at(3)).then_asked(7, &[]);
    let calls = calls.when(contact(1, ContactCommand::Close), at(4));
    assert_eq!(calls.asked(7).len(), 1, "both are idle for calls");
    let chats = scene.receives(chat(8, plan(), at(3)), at(3));
    assert_eq!(chats.asked(8).len(), 1);
}

#[test]
fn lending_needs_more_than_the_reserve_idle_before_and_not_after() {
    for (reserve, lent) in [(0, 3), (1, 2), (2, 1), (3, 0)] {
        let hopkins = TeamSpec { reserve, lends_to: vec![GENERAL], ..team(&[ANN, BOLA, AgentId(10)]) };
        let world = world().with(WorldChange::PutAgent(AgentId(10), agent(&[])));
        let scene = world.with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN, BOLA, AgentId(10)], at(0));
        let scene = (1..=4).fold(scene, |scene, number| scene.arrives(number, plan(), at(1)));
        assert_eq!(scene.router.offers().count(), lent, "with {reserve} kept free of three");
    }
}

#[test]
fn a_member_may_be_lent_to_a_queue_that_is_stated_and_to_no_other() {
    let hopkins = TeamSpec { lends_to: vec![GENERAL], ..team(&[ANN, BOLA]) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN], at(0));
    let scene = scene.arrives(1, Plan { queue: BILLING, ..plan() }, at(1)).then_asked(1, &[]);
    scene.arrives(2, plan(), at(2)).then_asked(2, &[ANN]);
}

#[test]
fn whatever_a_step_names_nobody_outside_a_closed_fence_is_offered_the_contact() {
    for who in [Who::Agent(CARYS), Who::Queue] {
        let strict = Plan { steps: vec![step(who, hold(600))], longest: None, finally: STAY, ..fenced() };
        let thread = Some(ThreadId(1));
        let talked = Arrival { thread, ..arrival(1, plan(), at(1)) };
        let scene = world().ready(&[CARYS], at(0)).receives(talked, at(1)).answered(1, at(2));
        let scene = scene.when(contact(1, ContactCommand::Close), at(3));
        // Not even the thread's own agent, whom the customer prefers.
        let prefers = vec![CARYS];
        let fenced = Arrival { thread, prefers, ..arrival(7, strict, at(4)) };
        scene.receives(fenced, at(4)).then_asked(7, &[]).until(at(3000)).then_asked(7, &[]);
    }
}

#[test]
fn after_a_supervisor_closed_it_again_a_fence_counts_anew_how_long_it_held() {
    let open = |scene: Scene, now| {
        let act = Supervision::OpenFence(FenceReason::CustomerChoice);
        scene.when(Input::Supervise(ContactId(7), act), at(now))
    };
    let held = |event: &Event, seconds| matches!(event, Event::Fence(_, FenceFact::Opened { held, .. }) if *held == secs(seconds));
    let plan = Plan { steps: vec![step(Who::Lead, hold(600))], ..fenced() };
    let scene = open(world().arrives(7, plan, at(1)), 11).then_some(|event| held(event, 10));
    let scene = scene.when(Input::Supervise(ContactId(7), Supervision::CloseFence), at(20));
    open(scene, 25).then_some(|event| held(event, 5));
}
