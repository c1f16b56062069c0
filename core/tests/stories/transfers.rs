//! Transfers: to a team, a queue, other skills; what survives them, and which of them open a fence.

use picket_core::*;

use crate::scene::*;

fn to(transfer: Transfer) -> Input {
    contact(7, ContactCommand::Transfer(transfer))
}

/// Ann talks, behind the fence of Hopkins.
fn talking() -> Scene {
    world().ready(&[ANN, CARYS], at(0)).arrives(7, Plan { finally: STAY, ..fenced() }, at(1)).answered(7, at(2))
}

fn is_open(event: &Event) -> bool {
    opened_for(event).is_some()
}

#[test]
fn a_transfer_to_a_team_asks_its_people() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).answered(7, at(2)).ready(&[DEE, BOLA], at(3));
    let scene = scene.when(to(Transfer::Team(HOPKINS)), at(10)).then_asked(7, &[BOLA]);
    scene.then_some(|event| *event == fact(7, ContactFact::Transferred { to: Transfer::Team(HOPKINS) }));
}

#[test]
fn a_transfer_to_a_cover_of_the_team_opens_nothing() {
    let scene = talking().ready(&[DEE], at(3)).when(to(Transfer::Team(NIGHT)), at(10));
    scene.then_none(is_open).then_asked(7, &[DEE]);
}

#[test]
fn a_transfer_to_a_queue_or_to_another_team_leads_out_of_the_fence() {
    let billing = TeamId(2);
    let place = || talking().with_later(WorldChange::PutTeam(billing, team(&[CARYS])), at(3));
    for transfer in [Transfer::Queue(GENERAL), Transfer::Team(billing), Transfer::Agent(CARYS)] {
        let scene = place().when(to(transfer), at(10)).then_asked(7, &[CARYS]);
        scene.then_some(|event| opened_for(event) == Some(FenceReason::Transfer));
    }
}

#[test]
fn fence_age_and_plan_survive_a_transfer_to_other_skills() {
    let world = world().with(WorldChange::PutAgent(CARYS, skilled(9)));
    let world = world.with(WorldChange::PutAgent(BOLA, AgentSpec { queues: Vec::new(), ..skilled(5) }));
    let strict = Plan { urgency: Urgency::High, finally: STAY, ..fenced() };
    let scene = world.ready(&[ANN, CARYS], at(0)).arrives(7, strict, at(1)).answered(7, at(2));
    let needs = vec![Need { skill: FRENCH, level: Level(5) }];
    let scene = scene.when(to(Transfer::Needs(needs)), at(10)).then_none(is_open).then_asked(7, &[]);
    // Carys speaks French and is outside.
    let scene = scene.until(at(100)).then_asked(7, &[]).ready(&[BOLA], at(101)).then_asked(7, &[BOLA]);
    let view = scene.router.contact(ContactId(7)).unwrap();
    assert_eq!((view.since, view.plan.urgency, view.fence.unwrap().open), (at(1), Urgency::High, None));
}

#[test]
fn who_handed_a_contact_on_is_free_at_once() {
    let scene = talking().arrives(8, fenced(), at(3)).then_asked(8, &[]);
    scene.ready(&[BOLA], at(4)).when(to(Transfer::Agent(BOLA)), at(10)).then_asked(7, &[BOLA]).then_asked(8, &[ANN]);
}

#[test]
fn what_overflows_into_another_queue_no_longer_waits_where_it_was_handed_on_to() {
    let away = ExitAction::Overflow(BILLING);
    let finally = Finally { busy: away, no_cover: away, closed_hours: away, holiday: away };
    let plan = Plan { longest: Some(secs(30)), finally, ..plan() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan, at(1)).answered(7, at(2));
    let scene = scene.when(to(Transfer::Queue(GENERAL)), at(10)).until(at(41));
    let scene =
        scene.then_some(|event| matches!(event, Event::Contact(_, ContactFact::Overflowed { to: BILLING, .. })));
    let view = scene.router.contact(ContactId(7)).unwrap();
    assert_eq!((view.plan.queue, view.handed_on), (BILLING, None));
    let scene = scene.with(WorldChange::PutAgent(BOLA, agent(&[BILLING]))).ready(&[BOLA], at(42));
    scene.then_asked(7, &[BOLA]);
}
