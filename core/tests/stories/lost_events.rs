//! Events of a contact that are lost before they come: what is awaited has a deadline or somebody who is asked.

use picket_core::*;

use crate::scene::*;

const GONE: ContactCommand = ContactCommand::Withdraw(OutsideEnd::Gone);
const CUSTOMER_GONE: ContactCommand = ContactCommand::FailToConnect(ConnectFailure::Customer { retry_at: None });

fn on(channel: ChannelId, number: u32, plan: Plan, now: Timestamp) -> Arrival {
    Arrival { channel, ..arrival(number, plan, now) }
}

fn closed(number: u32, outcome: Outcome) -> Event {
    fact(number, ContactFact::Closed { outcome })
}

fn handled(agent: AgentId) -> Outcome {
    Outcome::Handled { agent, wrap_up_expired: false }
}

/// Nothing of what there was takes an agent's capacity.
fn then_free(scene: Scene, agents: &[AgentId]) -> Scene {
    for agent in agents {
        let view = scene.router.agent(*agent).expect("she is known");
        assert_eq!((view.points_in_use, view.consults.len(), view.offers.len()), (0, 0, 0), "{agent:?}");
    }
    scene
}

/// Carys is asked first, then Dee.
fn offered() -> Scene {
    world().ready(&[CARYS], at(0)).ready(&[DEE], at(1)).arrives(7, plan(), at(10)).then_asked(7, &[CARYS])
}

/// Only Carys is there.
fn connected(channel: ChannelId) -> Scene {
    world().ready(&[CARYS], at(0)).receives(on(channel, 7, plan(), at(10)), at(10)).answered(7, at(12))
}

/// The source is asked an hour after the contact was connected, and each hour from then on, until it answers.
fn then_asked_each_hour(scene: Scene, number: u32, connected: i64) -> Scene {
    let asked = |scene: &Scene| -> Vec<Timestamp> {
        let questions = scene.log.iter().filter(|(_, event)| *event == fact(number, ContactFact::Stalled));
        questions.map(|(moment, _)| *moment).collect()
    };
    let scene = scene.until(at(connected + 5 * 3600 - 1)).then_state(number, ContactState::Connected);
    assert_eq!(asked(&scene), [1, 2, 3, 4].map(|hour| at(connected + hour * 3600)));
    scene
}

#[test]
fn a_contact_that_was_never_received_asks_nobody_and_what_follows_is_refused() {
    let scene = world().ready(&[CARYS], at(0));
    let commands = [
        ContactCommand::Connect,
        CUSTOMER_GONE,
        ContactCommand::Park,
        ContactCommand::Resume,
        ContactCommand::Consult(DEE),
        ContactCommand::EndConsult,
        ContactCommand::Schedule(at(900)),
        ContactCommand::Abandon,
        ContactCommand::End,
        ContactCommand::Close,
        GONE,
    ];
    for command in commands {
        let scene = scene.clone().when(contact(7, command), at(9)).then_refused(Rejection::UnknownContact);
        assert_eq!(scene.router.contacts().count(), 0);
    }
    let scene = scene.when(accepts(1, CARYS), at(10)).then_refused(Rejection::UnknownOffer);
    then_free(scene, &[CARYS]).arrives(8, plan(), at(11)).then_asked(8, &[CARYS]);
}

#[test]
fn an_answer_to_an_offer_that_is_lost_ends_it_at_its_deadline_and_the_next_one_is_asked() {
    let scene = offered().until(at(29)).then(&[]).then_asked(7, &[CARYS]).until(at(30)).then_asked(7, &[DEE]);
    let away = AgentFact::StateChanged {
        channels: Vec::new(),
        presence: Presence::NotReady,
        cause: StateCause::NoAnswer,
        until: None,
        by: StateSetter::Picket,
    };
    let scene = scene.then_some(|event| *event == Event::Offer(OfferId(1), OfferFact::Expired));
    let scene = scene.then_some(|event| *event == Event::Agent(CARYS, away.clone()));
    // It comes after all, too late: who sent it is told.
    let scene = then_free(scene, &[CARYS]).when(accepts(1, CARYS), at(31)).then_refused(Rejection::OfferGone);
    let scene = scene.answered(7, at(32)).arrives(8, plan(), at(33)).then_asked(8, &[]);
    scene.ready(&[CARYS], at(40)).then_asked(8, &[CARYS]);
}

#[test]
fn a_connection_that_is_never_told_puts_the_contact_to_somebody_else() {
    let scene = offered().when(accepts(1, CARYS), at(12)).until(at(41)).then(&[]).then_state(7, ContactState::Assigned);
    let scene = scene.until(at(42)).then_asked(7, &[DEE]);
    let scene =
        scene.then_some(|event| *event == fact(7, ContactFact::ConnectFailed { failure: ConnectFailure::Deadline }));
    let scene = then_free(scene, &[CARYS]).arrives(8, plan(), at(43)).then_asked(8, &[CARYS]);
    // The end of what nobody told of is refused, so its source knows: somebody else is asked for this contact.
    let scene = scene.when(contact(7, ContactCommand::End), at(44)).then_refused(Rejection::WrongContactState);
    let scene = scene.when(contact(7, GONE), at(45)).then_state(7, ContactState::Closed);
    then_free(scene, &[DEE]);
}

#[test]
fn a_failure_to_connect_that_is_never_told_counts_as_one_at_the_deadline() {
    let failed = contact(7, ContactCommand::FailToConnect(ConnectFailure::Agent));
    let told = offered().when(accepts(1, CARYS), at(12)).when(failed, at(13));
    let lost = offered().when(accepts(1, CARYS), at(12)).until(at(42));
    for (scene, now) in [(told, at(14)), (lost, at(43))] {
        let scene = then_free(scene.then_asked(7, &[DEE]), &[CARYS]);
        scene.answered(7, now).then_state(7, ContactState::Connected);
    }
}

#[test]
fn an_end_that_is_never_told_is_asked_for_each_hour_until_it_is() {
    let scene = then_asked_each_hour(connected(VOICE).arrives(8, plan(), at(20)), 7, 12);
    let scene = scene.then_asked(8, &[]);
    let now = at(5 * 3600);
    let ended = scene.clone().when(contact(7, ContactCommand::End), now).then_state(7, ContactState::WrapUp);
    let ended = ended.when(contact(7, ContactCommand::Close), now).then_asked(8, &[CARYS]);
    ended.then_some(|event| *event == closed(7, handled(CARYS)));
    let gone = scene.when(contact(7, GONE), now).then_asked(8, &[CARYS]);
    gone.then_some(|event| *event == closed(7, Outcome::Withdrawn(OutsideEnd::Gone)));
}

#[test]
fn a_close_that_is_never_told_ends_wrap_up_by_its_timer() {
    let scene = connected(VOICE).arrives(8, plan(), at(20)).when(contact(7, ContactCommand::End), at(60));
    let scene = scene.until(at(89)).then(&[]).then_asked(8, &[]).until(at(90)).then_asked(8, &[CARYS]);
    let outcome = Outcome::Handled { agent: CARYS, wrap_up_expired: true };
    let scene = scene.then_some(|event| *event == closed(7, outcome));
    scene.when(contact(7, ContactCommand::Close), at(91)).then_refused(Rejection::ContactClosed);
}

#[test]
fn a_chat_whose_end_is_never_told_is_asked_about_each_hour_until_it_is_closed() {
    let scene = then_asked_each_hour(connected(CHAT), 7, 12);
    assert_eq!(scene.router.agent(CARYS).unwrap().points_in_use, 30);
    let scene = scene.when(contact(7, ContactCommand::Close), at(5 * 3600)).then(&[closed(7, handled(CARYS))]);
    then_free(scene, &[CARYS]);
}

#[test]
fn a_pause_that_is_never_told_takes_capacity_and_the_return_finds_the_agent() {
    let scene = connected(CHAT).when(contact(7, ContactCommand::Resume), at(30));
    let scene = scene.then_refused(Rejection::WrongContactState).then_state(7, ContactState::Connected);
    let view = scene.router.contact(ContactId(7)).expect("it is known");
    assert_eq!(view.agent, Some(CARYS));
    let scene = then_asked_each_hour(scene, 7, 12);
    assert_eq!(scene.router.agent(CARYS).unwrap().points_in_use, 30);
}

#[test]
fn a_return_that_is_never_told_leaves_the_chat_parked_where_it_takes_nothing_and_any_later_word_ends_it() {
    let scene = connected(CHAT).when(contact(7, ContactCommand::Park), at(20)).until(at(100 * 3600)).then(&[]);
    let scene = then_free(scene.then_state(7, ContactState::Parked), &[CARYS]);
    // Nobody is asked: only a word from outside moves it.
    assert_eq!(scene.router.next_wake(), None);
    let now = at(100 * 3600 + 1);
    for end in [ContactCommand::End, ContactCommand::Close] {
        let scene = scene.clone().when(contact(7, end), now).then(&[closed(7, handled(CARYS))]);
        assert!(scene.router.agent(CARYS).unwrap().parked.is_empty());
    }
    let gone = scene.clone().when(contact(7, GONE), now);
    gone.then(&[closed(7, Outcome::Withdrawn(OutsideEnd::Gone))]);
    scene.when(contact(7, ContactCommand::Resume), now).then_state(7, ContactState::Connected);
}

/// A mail that Carys has without having been asked; Dee comes later.
fn mail() -> Scene {
    let auto = OfferPolicy { mode: OfferMode::Auto, accept_within: secs(7200), ..plan().offer };
    let mail = on(EMAIL, 7, Plan { offer: auto, ..plan() }, at(10));
    world().ready(&[CARYS], at(0)).receives(mail, at(10)).then_state(7, ContactState::Assigned).ready(&[DEE], at(11))
}

#[test]
fn a_mail_that_nobody_tells_of_goes_to_the_next_agent_at_its_deadline() {
    let scene = mail().until(at(7209)).then(&[]).until(at(7210)).then_state(7, ContactState::Assigned);
    let requeued = fact(7, ContactFact::Requeued { cause: RequeueCause::ConnectFailed });
    let scene = then_free(scene.then_some(|event| *event == requeued), &[CARYS]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().agent, Some(DEE));
    let scene = scene.when(contact(7, ContactCommand::Close), at(7300)).then(&[closed(7, handled(DEE))]);
    then_free(scene, &[DEE]);
}

#[test]
fn of_a_mail_either_word_may_be_lost() {
    let unread = mail().when(contact(7, ContactCommand::Close), at(60)).then(&[closed(7, handled(CARYS))]);
    then_free(unread, &[CARYS, DEE]);
    let unanswered = then_asked_each_hour(mail().when(contact(7, ContactCommand::Connect), at(60)), 7, 60);
    let answered = unanswered.when(contact(7, ContactCommand::Close), at(5 * 3600 + 60));
    then_free(answered.then_some(|event| *event == closed(7, handled(CARYS))), &[CARYS]);
}

#[test]
fn a_callback_that_is_never_told_lets_the_contact_wait_on() {
    let callback = contact(7, ContactCommand::Schedule(at(500)));
    let waiting = world().arrives(7, plan(), at(10));
    let told = waiting.clone().when(callback, at(20)).ready(&[CARYS], at(30)).then_asked(7, &[]);
    told.until(at(500)).then_asked(7, &[CARYS]);
    waiting.ready(&[CARYS], at(30)).then_asked(7, &[CARYS]);
}

#[test]
fn a_callback_of_which_nothing_is_told_goes_from_agent_to_agent() {
    let later = Arrival { scheduled_for: Some(at(100)), ..arrival(7, plan(), at(10)) };
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1)).receives(later, at(10)).until(at(100));
    // The answer is lost.
    let scene = then_free(scene.then_asked(7, &[CARYS]).until(at(120)).then_asked(7, &[DEE]), &[CARYS]);
    // Whether they were connected is lost.
    let scene = scene.ready(&[CARYS], at(125)).when(accepts(2, DEE), at(130)).until(at(160)).then_asked(7, &[CARYS]);
    let retry_at = Some(at(900));
    let failed = contact(7, ContactCommand::FailToConnect(ConnectFailure::Customer { retry_at }));
    let scene = then_free(scene, &[DEE]).when(accepts(3, CARYS), at(165)).when(failed, at(170));
    let scene = then_free(scene.then_state(7, ContactState::Scheduled), &[CARYS, DEE]);
    let scene = scene.until(at(899)).then_asked(7, &[]).until(at(900));
    assert_eq!(scene.asked(7).len(), 1);
}

#[test]
fn a_customer_who_left_untold_is_asked_for_until_somebody_says_so() {
    // The offer reaches an agent who finds nobody there: her platform says so, or nothing at all.
    let accepted = offered().when(accepts(1, CARYS), at(12));
    let told = accepted.clone().when(contact(7, CUSTOMER_GONE), at(20)).then_state(7, ContactState::Closed);
    then_free(told.then_some(|event| *event == closed(7, Outcome::Expired)), &[CARYS, DEE]);
    let scene = then_free(accepted.until(at(42)).then_asked(7, &[DEE]), &[CARYS]);
    let scene = scene.when(accepts(2, DEE), at(50)).until(at(80));
    // Both had it in vain: it is put to them again, in front, and neither is kept by it meanwhile.
    assert_eq!(scene.asked(7).len(), 1);
    let others = scene.clone().arrives(8, plan(), at(81));
    assert_eq!(others.asked(8).len(), 1);
    let gone = scene.when(contact(7, ContactCommand::Abandon), at(90)).then_state(7, ContactState::Closed);
    then_free(gone, &[CARYS, DEE]);
}

#[test]
fn a_customer_who_left_untold_while_nobody_was_there_leaves_by_the_end_of_the_plan() {
    let to = DestinationId(3);
    let divert = ExitAction::Divert(to);
    let finally = Finally { busy: divert, closed_hours: divert, holiday: divert, no_cover: divert };
    let ends = world().ready(&[CARYS], at(0)).arrives(6, plan(), at(1)).answered(6, at(2));
    let ends = ends.arrives(7, Plan { finally, longest: Some(secs(300)), ..plan() }, at(10));
    let outcome = Outcome::Diverted { to, cause: FinalCause::Busy };
    ends.until(at(309)).then(&[]).until(at(310)).then_some(|event| *event == closed(7, outcome));
    // A plan that stays waits for the next agent, who is asked.
    let stays = world().arrives(7, plan(), at(10)).until(at(50_000)).then_state(7, ContactState::Waiting);
    stays.ready(&[CARYS], at(50_001)).then_asked(7, &[CARYS]);
}
