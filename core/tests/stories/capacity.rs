//! Points, slots, and what may be offered on top of what.

use picket_core::*;

use crate::scene::*;

fn on(channel: ChannelId, number: u32, now: Timestamp) -> Arrival {
    Arrival { channel, ..arrival(number, plan(), now) }
}

fn mail(number: u32, now: Timestamp) -> Arrival {
    let offer = OfferPolicy { mode: OfferMode::Auto, ..plan().offer };
    Arrival { plan: Plan { offer, ..plan() }, ..on(EMAIL, number, now) }
}

#[test]
fn an_agent_takes_as_many_chats_as_she_has_slots() {
    let mut scene = world().ready(&[CARYS], at(0));
    for number in 1..=3 {
        scene = scene.receives(on(CHAT, number, at(1)), at(1)).then_asked(number, &[CARYS]);
    }
    scene = scene.receives(on(CHAT, 4, at(2)), at(2)).then_asked(4, &[]);
    assert_eq!(scene.router.agent(CARYS).unwrap().points_in_use, 90);
    scene.answered(1, at(3)).when(contact(1, ContactCommand::Close), at(4)).then_asked(4, &[CARYS]);
}

#[test]
fn her_own_slots_come_before_the_channels() {
    let spec = AgentSpec { slots: vec![(CHAT, 1)], ..agent(&[GENERAL]) };
    let scene = world().with(WorldChange::PutAgent(CARYS, spec)).ready(&[CARYS], at(0));
    let scene = scene.receives(on(CHAT, 1, at(1)), at(1)).receives(on(CHAT, 2, at(1)), at(1));
    scene.then_asked(1, &[CARYS]).then_asked(2, &[]);
}

#[test]
fn points_are_shared_by_the_channels() {
    let scene = world().ready(&[CARYS], at(0)).receives(on(CHAT, 1, at(1)), at(1)).then_asked(1, &[CARYS]);
    scene.arrives(7, plan(), at(2)).then_asked(7, &[]);
}

#[test]
fn a_call_may_interrupt_mail_and_mail_may_not_interrupt_a_call() {
    let scene = world().ready(&[CARYS], at(0)).receives(mail(1, at(1)), at(1)).then_state(1, ContactState::Assigned);
    let scene = scene.arrives(7, plan(), at(2)).then_asked(7, &[CARYS]);
    scene.receives(mail(2, at(3)), at(3)).then_state(2, ContactState::Waiting);
}

#[test]
fn a_parked_chat_costs_nothing() {
    let scene = world().ready(&[CARYS], at(0)).receives(on(CHAT, 1, at(1)), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, plan(), at(3)).then_asked(7, &[]);
    scene.when(contact(1, ContactCommand::Park), at(4)).then_asked(7, &[CARYS]);
}

#[test]
fn work_reported_by_a_platform_takes_capacity() {
    let load = |contacts| Input::Agent(CARYS, AgentCommand::Load(VOICE, contacts));
    let scene = world().ready(&[CARYS], at(0)).when(load(1), at(1)).arrives(7, plan(), at(2)).then_asked(7, &[]);
    let scene = scene.when(load(0), at(3)).then_asked(7, &[CARYS]).when(load(1), at(4));
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::NoCapacity });
    scene.then_some(|event| *event == revoked);
}

#[test]
fn a_bypass_of_slots_still_keeps_to_the_points() {
    let bypass = Bypass { slots: true, ..NO_BYPASS };
    let lead = Step { bypass, ..step(Who::Lead, hold(60)) };
    let chat =
        |number| Arrival { channel: CHAT, ..arrival(number, Plan { steps: vec![lead.clone()], ..fenced() }, at(1)) };
    let spec = AgentSpec { slots: vec![(CHAT, 1)], ..agent(&[]) };
    let mut scene = world().with(WorldChange::PutAgent(ANN, spec)).ready(&[ANN], at(0));
    for number in 1..=3 {
        scene = scene.receives(chat(number), at(1)).then_asked(number, &[ANN]);
    }
    scene.receives(chat(4), at(1)).then_asked(4, &[]);
}
