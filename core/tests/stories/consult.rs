//! Consultations: an agent asks another one while the customer is there.

use picket_core::*;

use crate::scene::*;

fn consult(number: u32, agent: AgentId) -> Input {
    contact(number, ContactCommand::Consult(agent))
}

/// Carys talks; Dee is free.
fn talking() -> Scene {
    world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).answered(7, at(2)).ready(&[DEE], at(3))
}

#[test]
fn a_consultation_takes_both_agents_until_it_is_over() {
    let scene = talking().when(consult(7, DEE), at(10));
    let scene = scene.then(&[fact(7, ContactFact::Consulted { agent: DEE, over_capacity: false })]);
    assert_eq!(scene.router.agent(DEE).unwrap().consults, [ContactId(7)]);
    let scene = scene.arrives(8, plan(), at(11)).then_asked(8, &[]);
    scene.when(contact(7, ContactCommand::EndConsult), at(20)).then_asked(8, &[DEE]);
}

#[test]
fn a_consultation_ends_with_the_talk() {
    let scene = talking().when(consult(7, DEE), at(10)).arrives(8, plan(), at(11)).then_asked(8, &[]);
    let scene = scene.when(contact(7, ContactCommand::End), at(20)).then_asked(8, &[DEE]);
    assert!(scene.router.agent(DEE).unwrap().consults.is_empty());
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().consulted, None);
}

#[test]
fn asking_somebody_who_is_busy_is_recorded_as_over_capacity() {
    let scene = talking().arrives(8, plan(), at(4)).answered(8, at(5)).when(consult(7, DEE), at(10));
    let scene = scene.then(&[fact(7, ContactFact::Consulted { agent: DEE, over_capacity: true })]);
    assert_eq!(scene.router.agent(DEE).unwrap().over_capacity, [ContactId(7)]);
    let scene = scene.when(contact(7, ContactCommand::EndConsult), at(20));
    assert!(scene.router.agent(DEE).unwrap().over_capacity.is_empty());
}

#[test]
fn who_is_asked_loses_an_offer_she_has_no_room_for() {
    let scene = talking().arrives(8, plan(), at(4)).then_asked(8, &[DEE]).when(consult(7, DEE), at(5));
    let revoked = Event::Offer(OfferId(2), OfferFact::Revoked { cause: RevokeCause::NoCapacity });
    scene.then_some(|event| *event == revoked).then_asked(8, &[]);
}

#[test]
fn asking_an_outsider_opens_no_fence_and_handing_on_to_her_does() {
    let scene = world().ready(&[ANN, CARYS], at(0)).arrives(7, fenced(), at(1)).answered(7, at(2));
    let scene = scene.when(consult(7, CARYS), at(10)).then_none(|event| opened_for(event).is_some());
    let scene = scene.when(contact(7, ContactCommand::Transfer(Transfer::Agent(CARYS))), at(20));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::Transfer)).then_asked(7, &[CARYS]);
}

#[test]
fn one_at_a_time_is_asked_and_nobody_asks_herself() {
    talking().when(consult(7, CARYS), at(10)).then_refused(Rejection::AgentUnavailable);
    talking().when(consult(7, AgentId(50)), at(10)).then_refused(Rejection::UnknownAgent);
    let scene = talking().when(consult(7, DEE), at(10)).when(consult(7, ANN), at(11));
    scene.then_refused(Rejection::WrongContactState);
    let none = talking().when(contact(7, ContactCommand::EndConsult), at(10));
    none.then_refused(Rejection::WrongContactState);
    world().arrives(7, plan(), at(1)).when(consult(7, DEE), at(2)).then_refused(Rejection::WrongContactState);
}

#[test]
fn who_is_asked_and_leaves_the_company_is_asked_no_more() {
    let mut scene = talking().when(consult(7, DEE), at(10));
    scene.put(WorldChange::RemoveAgent(DEE));
    let scene = scene.then_some(|event| *event == fact(7, ContactFact::ConsultEnded));
    scene.then_state(7, ContactState::Connected);
}

#[test]
fn a_consultation_outlasts_the_loss_of_the_agent_who_asks() {
    let lost = Input::Agent(CARYS, AgentCommand::Vouch(ExpectedPresence::Lost));
    let scene = talking().when(consult(7, DEE), at(10)).when(lost, at(12)).then_state(7, ContactState::Orphaned);
    let scene = scene.arrives(8, plan(), at(13)).then_asked(8, &[]).until(at(42));
    scene.then_asked(7, &[DEE]);
}
