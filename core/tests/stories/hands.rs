//! By hand: agents who pull, supervisors who push, force, take back, hold, open and lend. Everything that lasts has an end.

use picket_core::*;

use crate::scene::*;

fn supervise(number: u32, act: Supervision) -> Input {
    Input::Supervise(ContactId(number), act)
}

fn pull(agent: AgentId, number: u32) -> Input {
    Input::Agent(agent, AgentCommand::Pull(ContactId(number)))
}

fn force(agent: AgentId) -> Input {
    supervise(7, Supervision::Force(Handler { agent }))
}

/// Two wait for Carys, who declined the second.
fn declined() -> Scene {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(1, plan(), at(1)).answered(1, at(2));
    scene.arrives(7, plan(), at(3)).when(declines(2, DEE), at(4)).then_asked(7, &[])
}

#[test]
fn an_agent_takes_a_waiting_contact_herself_even_one_she_declined() {
    let scene = declined().when(pull(DEE, 7), at(5)).then_state(7, ContactState::Assigned);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().agent, Some(DEE));
}

#[test]
fn an_agent_takes_only_what_her_step_lets_her_take() {
    let scene = world().ready(&[ANN, CARYS], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, fenced(), at(3)).ready(&[BOLA], at(4));
    // Bola's step has not come yet, Ann is busy, Carys is outside.
    scene.clone().when(pull(BOLA, 7), at(5)).then_refused(Rejection::AgentUnavailable);
    scene.clone().when(pull(ANN, 7), at(5)).then_refused(Rejection::AgentUnavailable);
    scene.clone().when(pull(CARYS, 7), at(5)).then_refused(Rejection::OutsideFence);
    scene.clone().when(pull(CARYS, 1), at(5)).then_refused(Rejection::NotYourContact);
    scene.clone().when(pull(ANN, 1), at(5)).then_refused(Rejection::WrongContactState);
    scene.when(pull(ANN, 99), at(5)).then_refused(Rejection::UnknownContact);
}

#[test]
fn an_agent_takes_what_lies_before_another() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[CARYS]);
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::TakenByOther });
    scene.when(pull(DEE, 7), at(2)).then_some(|event| *event == revoked).then_state(7, ContactState::Assigned);
}

#[test]
fn the_reserve_keeps_its_people_from_pulling_other_work() {
    let hopkins = TeamSpec { reserve: 1, lends_to: vec![GENERAL], ..team(&[ANN]) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN], at(0)).arrives(7, plan(), at(1));
    scene.then_asked(7, &[]).when(pull(ANN, 7), at(2)).then_refused(Rejection::AgentUnavailable);
}

#[test]
fn a_supervisor_forces_past_the_checks_and_what_was_passed_is_recorded() {
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let scene = world().ready(&[CARYS], at(0)).arrives(1, plan(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, Plan { needs, ..plan() }, at(3)).when(force(CARYS), at(4));
    let recorded = |event: &Event| match event {
        Event::Contact(_, ContactFact::Assigned { over_capacity, bypassed, how, .. }) => {
            *over_capacity && bypassed.skill && !bypassed.hours && *how == Assignment::Manual
        }
        _ => false,
    };
    let scene = scene.then_some(recorded);
    assert_eq!(scene.router.agent(CARYS).unwrap().over_capacity, [ContactId(7)]);
}

#[test]
fn forcing_a_contact_out_of_its_fence_opens_it() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).then_asked(7, &[]);
    let scene = scene.when(force(CARYS), at(2)).then_some(|event| opened_for(event) == Some(FenceReason::Supervisor));
    scene.then_state(7, ContactState::Assigned).when(force(ANN), at(3)).then_refused(Rejection::WrongContactState);
}

#[test]
fn forcing_inside_the_fence_opens_nothing() {
    let scene = world().arrives(7, fenced(), at(1)).when(force(BOLA), at(2));
    scene.then_none(|event| opened_for(event).is_some()).then_state(7, ContactState::Assigned);
    world().arrives(7, plan(), at(1)).when(force(AgentId(50)), at(2)).then_refused(Rejection::UnknownAgent);
}

#[test]
fn a_supervisor_takes_a_contact_back_and_another_gets_it() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(1)).answered(7, at(2));
    let scene = scene.when(supervise(7, Supervision::TakeBack), at(10)).then_asked(7, &[DEE]);
    scene.when(supervise(7, Supervision::TakeBack), at(11)).then_refused(Rejection::WrongContactState);
}

#[test]
fn a_held_contact_stays_at_its_step_until_the_hold_ends() {
    let scene = world().arrives(7, fenced(), at(10)).when(supervise(7, Supervision::Hold(Some(at(100)))), at(11));
    let scene = scene.then(&[fact(7, ContactFact::Held { until: Some(at(100)) })]).until(at(99)).then(&[]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step, 0);
    let scene = scene.until(at(100)).then_some(|event| *event == fact(7, ContactFact::Held { until: None }));
    // The step's own hold was over long ago, and so is the next one's only after its time.
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step, 1);
}

#[test]
fn a_hold_without_an_end_ends_after_half_an_hour_and_can_be_released() {
    let plan = Plan { longest: None, ..fenced() };
    let scene = world().arrives(7, plan, at(10)).when(supervise(7, Supervision::Hold(None)), at(11));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().held_until, Some(at(11 + 1800)));
    let scene = scene.when(supervise(7, Supervision::Release), at(60));
    let entered = fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::HoldOver });
    let scene = scene.then_some(|event| *event == entered);
    scene.when(supervise(7, Supervision::Release), at(61)).then_refused(Rejection::WrongContactState);
}

#[test]
fn the_longest_wait_ends_a_manual_hold_too() {
    let plan = Plan { longest: Some(secs(50)), ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan, at(10));
    let scene = scene.when(supervise(7, Supervision::Hold(None)), at(11)).until(at(60));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::Longest)).then_asked(7, &[CARYS]);
}

#[test]
fn somebody_who_may_serve_gets_a_held_contact_at_once() {
    let scene = world().arrives(7, fenced(), at(10)).when(supervise(7, Supervision::Hold(None)), at(11));
    let scene = scene.ready(&[BOLA], at(100)).then_asked(7, &[]).ready(&[ANN], at(101)).then_asked(7, &[ANN]);
    let scene = scene.answered(7, at(102));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().held_until, None);
}

#[test]
fn what_a_supervisor_opens_closes_again_by_itself() {
    let open = supervise(7, Supervision::OpenFenceUntil(at(100)));
    let plan = Plan { finally: STAY, ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(1, self::plan(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, plan, at(10)).when(open, at(11)).until(at(99)).then_asked(7, &[]);
    let closed = Event::Fence(ContactId(7), FenceFact::Closed);
    let scene = scene.until(at(100)).then_some(|event| *event == closed);
    scene.when(contact(1, ContactCommand::Close), at(101)).then_asked(7, &[]);
}

#[test]
fn an_opening_without_an_end_lasts_half_an_hour_and_a_customers_choice_lasts() {
    let open = |reason| supervise(7, Supervision::OpenFence(reason));
    let scene = world().arrives(7, fenced(), at(10));
    let until = |scene: &Scene| scene.router.contact(ContactId(7)).unwrap().fence.unwrap().until;
    let by_hand = scene.clone().when(open(FenceReason::Supervisor), at(11));
    assert_eq!(until(&by_hand), Some(at(11 + 1800)));
    let chosen = scene.clone().when(open(FenceReason::CustomerChoice), at(11));
    assert_eq!(until(&chosen), None);
    let past = supervise(7, Supervision::OpenFenceUntil(at(11)));
    scene.clone().when(past, at(11)).then_refused(Rejection::BadTime);
    scene.when(supervise(7, Supervision::Hold(Some(at(11)))), at(11)).then_refused(Rejection::BadTime);
}

#[test]
fn an_outsider_loses_the_offer_when_the_opening_ends_and_keeps_what_she_has() {
    let open = supervise(7, Supervision::OpenFenceUntil(at(20)));
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(10)).when(open, at(11)).then_asked(7, &[CARYS]);
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::Replanned });
    scene.clone().until(at(20)).then_some(|event| *event == revoked).then_asked(7, &[]);
    scene.answered(7, at(12)).until(at(20)).then_state(7, ContactState::Connected);
}

#[test]
fn a_supervisor_lends_a_team_reserve_included_for_a_while() {
    let lend = |until| Input::Team(HOPKINS, TeamCommand::Lend(GENERAL, until));
    let hopkins = TeamSpec { reserve: 2, ..team(&[ANN, BOLA]) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN], at(0)).arrives(7, plan(), at(1));
    let scene = scene.then_asked(7, &[]).when(lend(Some(at(100))), at(2)).then_asked(7, &[ANN]);
    let lent = |event: &Event| matches!(event, Event::Offer(_, OfferFact::Made { standing: Standing::Lent, .. }));
    let scene = scene.then_some(lent).when(contact(7, ContactCommand::Abandon), at(3)).until(at(100));
    let ended = Event::World(WorldFact::LendingEnded { team: HOPKINS, queue: GENERAL });
    let scene = scene.then(&[ended]).arrives(8, plan(), at(101)).then_asked(8, &[]);
    let scene = scene.when(lend(None), at(102)).then_asked(8, &[ANN]);
    assert_eq!(scene.router.team(HOPKINS).unwrap().lent_to, [(GENERAL, at(102 + 1800))]);
    scene.when(Input::Team(HOPKINS, TeamCommand::EndLend(BILLING)), at(103)).then_refused(Rejection::BadTime);
}

#[test]
fn a_lending_of_or_to_nobody_known_is_refused() {
    let lend = |team, queue, until| Input::Team(team, TeamCommand::Lend(queue, until));
    world().when(lend(TeamId(50), GENERAL, None), at(1)).then_refused(Rejection::UnknownTeam);
    world().when(lend(HOPKINS, QueueId(50), None), at(1)).then_refused(Rejection::UnknownQueue);
    world().when(lend(HOPKINS, GENERAL, Some(at(1))), at(1)).then_refused(Rejection::BadTime);
}
