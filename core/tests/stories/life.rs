//! A contact's life from arrival to its end.

use picket_core::*;

use crate::scene::*;

fn closed(number: u32, outcome: Outcome) -> Event {
    fact(number, ContactFact::Closed { outcome })
}

fn connected() -> Scene {
    world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).answered(7, at(12))
}

fn chat(number: u32, plan: Plan, now: Timestamp) -> Arrival {
    Arrival { channel: CHAT, ..arrival(number, plan, now) }
}

#[test]
fn wrap_up_begins_when_the_customer_leaves_and_ends_by_itself() {
    let scene = connected().when(contact(7, ContactCommand::End), at(60));
    let scene = scene.then(&[fact(7, ContactFact::WrapUp { until: at(90) })]).then_state(7, ContactState::WrapUp);
    let scene = scene.arrives(8, plan(), at(61)).then_asked(8, &[]).until(at(90)).then_asked(8, &[CARYS]);
    let outcome = Outcome::Handled { agent: CARYS, wrap_up_expired: true };
    scene.then_some(|event| *event == closed(7, outcome));
}

#[test]
fn the_agent_closes_before_the_wrap_up_is_over() {
    let scene = connected().when(contact(7, ContactCommand::End), at(60));
    let outcome = Outcome::Handled { agent: CARYS, wrap_up_expired: false };
    scene.when(contact(7, ContactCommand::Close), at(70)).then(&[closed(7, outcome)]);
}

#[test]
fn without_wrap_up_the_end_closes() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, Plan { wrap_up: Millis::ZERO, ..plan() }, at(1));
    let scene = scene.answered(7, at(2)).when(contact(7, ContactCommand::End), at(60));
    scene.then(&[closed(7, Outcome::Handled { agent: CARYS, wrap_up_expired: false })]);
}

#[test]
fn a_customer_gives_up_waiting_offered_or_assigned() {
    let gone = |waited, while_offered| closed(7, Outcome::Abandoned { waited: secs(waited), while_offered });
    let waiting = world().arrives(7, plan(), at(10)).when(contact(7, ContactCommand::Abandon), at(15));
    waiting.then(&[gone(5, false)]);
    let offered = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10));
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::ContactGone });
    offered.clone().when(contact(7, ContactCommand::Abandon), at(15)).then(&[revoked, gone(5, true)]);
    let assigned = offered.when(accepts(1, CARYS), at(12)).when(contact(7, ContactCommand::Abandon), at(15));
    assigned.then(&[gone(5, true)]).arrives(8, plan(), at(16)).then_asked(8, &[CARYS]);
    connected().when(contact(7, ContactCommand::Abandon), at(20)).then_refused(Rejection::WrongContactState);
}

fn ended_early(arrival: Arrival, end: EarlyEnd) -> Input {
    Input::ReceiveEnded(Box::new(arrival), end)
}

#[test]
fn a_contact_whose_end_came_first_is_over_at_once_and_asks_nobody() {
    let scene = world().ready(&[CARYS], at(0));
    let late = |number| arrival(number, plan(), at(10));
    let left = EarlyEnd::Abandoned { at: at(13) };
    let gone = scene.clone().when(ended_early(late(7), left), at(20)).then_state(7, ContactState::Closed);
    let outcome = Outcome::Abandoned { waited: secs(3), while_offered: false };
    let gone = gone.then(&[
        fact(7, ContactFact::Received(Box::new(late(7)))),
        fact(7, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }),
        closed(7, outcome),
    ]);
    // Nobody is held up by it, and it comes once.
    gone.clone().arrives(8, plan(), at(21)).then_asked(8, &[CARYS]);
    gone.when(ended_early(late(7), left), at(22)).then_refused(Rejection::ContactExists);
    let elsewhere = scene.when(ended_early(late(7), EarlyEnd::Withdrawn(OutsideEnd::HandledElsewhere)), at(20));
    elsewhere.then_some(|event| *event == closed(7, Outcome::Withdrawn(OutsideEnd::HandledElsewhere)));
}

#[test]
fn a_contact_of_another_domain_is_over_here_at_once_and_asks_nobody() {
    let scene = world().ready(&[CARYS], at(0));
    let forwarded = scene.when(ended_early(arrival(7, plan(), at(10)), EarlyEnd::Forwarded), at(20));
    forwarded.then(&[
        fact(7, ContactFact::Received(Box::new(arrival(7, plan(), at(10))))),
        fact(7, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }),
        closed(7, Outcome::Forwarded),
    ]);
}

#[test]
fn nothing_happens_to_a_closed_contact() {
    let scene = connected().when(contact(7, ContactCommand::Close), at(20));
    for command in [ContactCommand::End, ContactCommand::Close, ContactCommand::Abandon, ContactCommand::Requeue] {
        scene.clone().when(contact(7, command), at(30)).then_refused(Rejection::ContactClosed);
    }
    scene.arrives(7, plan(), at(40)).then_refused(Rejection::ContactExists);
}

#[test]
fn a_contact_never_received_is_unknown() {
    world().when(contact(7, ContactCommand::End), at(1)).then_refused(Rejection::UnknownContact);
}

#[test]
fn a_closed_contact_is_forgotten_after_two_days() {
    let mut scene = connected().when(contact(7, ContactCommand::Close), at(20));
    scene = scene.when(Input::Agent(CARYS, says(Presence::Ready)), at(48 * 3600 + 20));
    assert_eq!(scene.router.drain_forgotten(), vec![ContactId(7)]);
    assert!(scene.router.drain_forgotten().is_empty());
    scene.when(contact(7, ContactCommand::End), at(48 * 3600 + 21)).then_refused(Rejection::UnknownContact);
}

#[test]
fn a_failed_connection_comes_back_first_in_line() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).when(accepts(1, CARYS), at(11));
    let scene = scene.receives(arrival(8, plan(), at(-50)), at(11)).then_asked(8, &[]);
    let failed = contact(7, ContactCommand::FailToConnect(ConnectFailure::Agent));
    let requeued = fact(7, ContactFact::Requeued { cause: RequeueCause::ConnectFailed });
    scene.when(failed, at(12)).then_some(|event| *event == requeued).then_asked(7, &[CARYS]).then_asked(8, &[]);
}

#[test]
fn a_callback_nobody_answers_is_tried_again_or_expires() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).when(accepts(1, CARYS), at(11));
    let failed = |retry_at| contact(7, ContactCommand::FailToConnect(ConnectFailure::Customer { retry_at }));
    scene.clone().when(failed(None), at(20)).then_some(|event| *event == closed(7, Outcome::Expired));
    scene.clone().when(failed(Some(at(20))), at(20)).then_refused(Rejection::BadTime);
    let scene = scene.when(failed(Some(at(100))), at(20)).then_state(7, ContactState::Scheduled);
    scene.until(at(100)).then_asked(7, &[CARYS]);
}

#[test]
fn a_scheduled_contact_waits_from_its_time_on() {
    let later = Arrival { scheduled_for: Some(at(100)), ..arrival(7, plan(), at(10)) };
    let scene = world().ready(&[CARYS], at(0)).receives(later, at(10)).then_state(7, ContactState::Scheduled);
    scene
        .then_asked(7, &[])
        .until(at(100))
        .then_some(|event| *event == fact(7, ContactFact::Due))
        .then_asked(7, &[CARYS]);
}

#[test]
fn a_quiet_chat_is_parked_and_comes_back_to_its_agent_over_capacity() {
    let scene = world().ready(&[CARYS], at(0)).receives(chat(1, plan(), at(1)), at(1)).answered(1, at(2));
    let scene = scene.when(contact(1, ContactCommand::Park), at(10)).then_state(1, ContactState::Parked);
    let mut scene = scene;
    for number in 2..=4 {
        scene = scene.receives(chat(number, plan(), at(11)), at(11)).answered(number, at(12));
    }
    let resumed = ContactFact::Resumed { agent: CARYS, over_capacity: true };
    let scene = scene.when(contact(1, ContactCommand::Resume), at(20)).then(&[fact(1, resumed)]);
    assert_eq!(scene.router.agent(CARYS).unwrap().over_capacity, &[ContactId(1)]);
}

#[test]
fn a_call_cannot_be_parked() {
    connected().when(contact(7, ContactCommand::Park), at(20)).then_refused(Rejection::WrongContactState);
}

#[test]
fn a_parked_chat_of_an_absent_agent_goes_to_her_deputy() {
    let scene = world().ready(&[ANN, BOLA], at(0)).receives(chat(1, fenced(), at(1)), at(1)).answered(1, at(2));
    let away = AgentCommand::Absent { from: at(20), until: at(900), reason: None, deputy: Some(BOLA) };
    let scene = scene.when(contact(1, ContactCommand::Park), at(10)).when(Input::Agent(ANN, away), at(15));
    let resumed = ContactFact::Resumed { agent: BOLA, over_capacity: false };
    scene.when(contact(1, ContactCommand::Resume), at(30)).then(&[fact(1, resumed)]);
}

#[test]
fn a_parked_chat_of_an_agent_gone_home_goes_through_its_plan() {
    let scene = world().ready(&[ANN], at(0)).receives(chat(1, fenced(), at(1)), at(1)).answered(1, at(2));
    let scene =
        scene.when(contact(1, ContactCommand::Park), at(10)).when(Input::Agent(ANN, says(Presence::Offline)), at(15));
    let scene = scene.when(contact(1, ContactCommand::Resume), at(30));
    scene.then_some(|event| *event == fact(1, ContactFact::Requeued { cause: RequeueCause::Resumed }));
}

#[test]
fn handled_elsewhere_withdraws_from_any_state() {
    let outcome = Outcome::Withdrawn(OutsideEnd::HandledElsewhere);
    let withdraw = ContactCommand::Withdraw(OutsideEnd::HandledElsewhere);
    world().arrives(7, plan(), at(1)).when(contact(7, withdraw.clone()), at(2)).then(&[closed(7, outcome)]);
    connected().when(contact(7, withdraw), at(20)).then(&[closed(7, outcome)]);
}

#[test]
fn a_requeued_contact_keeps_its_age_and_is_not_given_back() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(10)).answered(7, at(12));
    let scene = scene.when(contact(7, ContactCommand::Requeue), at(60)).then_asked(7, &[DEE]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().since, at(10));
}

#[test]
fn a_transfer_to_a_queue_waits_there() {
    let scene = world().with(WorldChange::PutAgent(BOLA, agent(&[BILLING]))).ready(&[CARYS, BOLA], at(0));
    let scene = scene.arrives(7, plan(), at(10)).then_asked(7, &[CARYS]).answered(7, at(12));
    scene.when(contact(7, ContactCommand::Transfer(Transfer::Queue(BILLING))), at(60)).then_asked(7, &[BOLA]);
}

#[test]
fn a_transfer_to_a_person_falls_back_to_the_plan() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(10)).answered(7, at(12));
    let scene = scene.when(contact(7, ContactCommand::Transfer(Transfer::Agent(ANN))), at(60)).then_asked(7, &[]);
    scene.until(at(120)).then_asked(7, &[DEE]);
}

#[test]
fn a_transfer_to_other_skills_asks_who_has_them() {
    let needs = vec![Need { skill: FRENCH, level: Level(5) }];
    let scene = world().with(WorldChange::PutAgent(DEE, skilled(6))).ready(&[CARYS, DEE], at(0));
    let scene = scene.arrives(7, plan(), at(10)).answered(7, at(12));
    scene.when(contact(7, ContactCommand::Transfer(Transfer::Needs(needs))), at(60)).then_asked(7, &[DEE]);
}

#[test]
fn a_transfer_to_nobody_known_is_refused() {
    let to = |to| contact(7, ContactCommand::Transfer(to));
    connected().when(to(Transfer::Agent(AgentId(50))), at(20)).then_refused(Rejection::UnknownAgent);
    connected().when(to(Transfer::Team(TeamId(50))), at(20)).then_refused(Rejection::UnknownTeam);
    connected().when(to(Transfer::Queue(QueueId(50))), at(20)).then_refused(Rejection::UnknownQueue);
}

#[test]
fn a_contact_connected_for_too_long_is_asked_about_and_stays_connected() {
    let scene = connected().until(at(3611)).then(&[]).until(at(3612)).then(&[fact(7, ContactFact::Stalled)]);
    scene.until(at(7211)).then(&[]).then_state(7, ContactState::Connected);
}

#[test]
fn a_full_queue_turns_away_as_it_says() {
    let to = DestinationId(2);
    let limited = |then| {
        let limit = Some(QueueLimit { length: 1, wait: None, then });
        world().with(WorldChange::PutQueue(GENERAL, QueueSpec { limit, ..queue() })).arrives(1, plan(), at(1))
    };
    limited(ExitAction::Stay).arrives(7, plan(), at(2)).then_refused(Rejection::QueueFull);
    let outcome = Outcome::Diverted { to, cause: FinalCause::Busy };
    let full = limited(ExitAction::Divert(to)).arrives(7, plan(), at(2));
    full.then_some(|event| *event == closed(7, outcome))
        .arrives(8, fenced(), at(3))
        .then_state(8, ContactState::Waiting);
}

#[test]
fn a_closed_queue_does_what_it_says() {
    let hours = Some(CalendarId(0));
    let calendar = Calendar { windows: vec![Window { from: at(100), to: at(200) }], ..Calendar::default() };
    let spec = QueueSpec { hours, closed: ExitAction::Callback, ..queue() };
    let world =
        world().with(WorldChange::PutCalendar(CalendarId(0), calendar)).with(WorldChange::PutQueue(GENERAL, spec));
    let shut = world.arrives(7, plan(), at(50)).then_some(|event| *event == fact(7, ContactFact::CallbackWanted));
    shut.arrives(8, plan(), at(150)).then_none(|event| *event == fact(8, ContactFact::CallbackWanted));
}

#[test]
fn a_contact_from_the_future_is_refused() {
    world().receives(arrival(7, plan(), at(20)), at(10)).then_refused(Rejection::BadTime);
    let channel = ChannelId(9);
    world().receives(Arrival { channel, ..arrival(7, plan(), at(1)) }, at(10)).then_refused(Rejection::UnknownChannel);
}

#[test]
fn another_domain_takes_a_contact_over() {
    let scene =
        world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).when(contact(7, ContactCommand::Forward), at(2));
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::ContactGone });
    scene.then(&[revoked, closed(7, Outcome::Forwarded)]);
}

#[test]
fn a_full_queue_overflows_into_another_and_the_age_goes_on() {
    let limit = |then| Some(QueueLimit { length: 1, wait: None, then });
    let general = QueueSpec { limit: limit(ExitAction::Overflow(BILLING)), ..queue() };
    let world = world().with(WorldChange::PutQueue(GENERAL, general)).arrives(1, plan(), at(1));
    let overflowed = |number| fact(number, ContactFact::Overflowed { to: BILLING, cause: FinalCause::Busy });
    let scene = world.arrives(7, plan(), at(2)).then_some(|event| *event == overflowed(7));
    let view = scene.router.contact(ContactId(7)).unwrap();
    assert_eq!((view.plan.queue, view.since), (BILLING, at(2)));
    let scene = scene.with(WorldChange::PutAgent(BOLA, agent(&[BILLING]))).ready(&[BOLA], at(3));
    scene.then_asked(7, &[BOLA]).then_asked(1, &[]);
}

#[test]
fn a_contact_that_overflows_meets_the_limit_of_the_next_queue() {
    let to = DestinationId(3);
    let limit = |length, then| Some(QueueLimit { length, wait: None, then });
    let general = QueueSpec { limit: limit(0, ExitAction::Overflow(BILLING)), ..queue() };
    let billing = QueueSpec { limit: limit(1, ExitAction::Divert(to)), ..queue() };
    let world = world().with(WorldChange::PutQueue(GENERAL, general)).with(WorldChange::PutQueue(BILLING, billing));
    let scene = world.arrives(1, plan(), at(1)).then_state(1, ContactState::Waiting).arrives(7, plan(), at(2));
    let outcome = Outcome::Diverted { to, cause: FinalCause::Busy };
    scene.then_some(|event| *event == closed(7, outcome));
}

#[test]
fn two_full_queues_that_overflow_into_each_other_come_to_an_end() {
    let limit = |then| Some(QueueLimit { length: 0, wait: None, then });
    let general = QueueSpec { limit: limit(ExitAction::Overflow(BILLING)), ..queue() };
    let billing = QueueSpec { limit: limit(ExitAction::Overflow(GENERAL)), ..queue() };
    let world = world().with(WorldChange::PutQueue(GENERAL, general)).with(WorldChange::PutQueue(BILLING, billing));
    world.arrives(7, plan(), at(1)).then_state(7, ContactState::Waiting);
}

#[test]
fn a_plan_may_end_in_another_queue_but_not_through_a_closed_fence() {
    let finally = Finally { busy: ExitAction::Overflow(BILLING), no_cover: ExitAction::Overflow(BILLING), ..STAY };
    let steps = vec![step(Who::Queue, hold(30))];
    let scene = world().with(WorldChange::PutAgent(BOLA, agent(&[BILLING]))).ready(&[BOLA], at(0));
    let open = scene.clone().arrives(7, Plan { finally, steps, ..plan() }, at(1)).until(at(31));
    open.then_asked(7, &[BOLA]);
    let shut = scene.arrives(7, Plan { finally, ..fenced() }, at(1)).until(at(800));
    assert_eq!(shut.router.contact(ContactId(7)).unwrap().plan.queue, GENERAL);
}

#[test]
fn a_queue_limit_by_wait_turns_away_who_would_wait_too_long() {
    let to = DestinationId(2);
    let limit = Some(QueueLimit { length: 100, wait: Some(secs(60)), then: ExitAction::Divert(to) });
    let scene = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { limit, ..queue() })).arrives(1, plan(), at(1));
    let scene = scene.arrives(2, plan(), at(50)).then_state(2, ContactState::Waiting).arrives(7, plan(), at(62));
    let outcome = Outcome::Diverted { to, cause: FinalCause::Busy };
    scene.then_some(|event| *event == closed(7, outcome));
}

#[test]
fn a_callback_keeps_age_plan_and_fence() {
    let scene = world().arrives(7, fenced(), at(10)).when(contact(7, ContactCommand::Schedule(at(500))), at(20));
    let scene = scene.arrives(8, fenced(), at(30)).when(contact(8, ContactCommand::Schedule(at(500))), at(31));
    let scene = scene.until(at(500));
    let view = scene.router.contact(ContactId(7)).unwrap();
    assert_eq!((view.since, view.step, view.fence.unwrap().open), (at(10), 0, None));
    // The older one is served first, whenever it was put off.
    scene.ready(&[ANN], at(501)).then_asked(7, &[ANN]).then_asked(8, &[]);
}
