//! Offers: made, accepted, declined, missed, revoked.

use picket_core::*;

use crate::scene::*;

fn made(offer: u64, number: u32, agent: AgentId, standing: Standing, expires_at: Timestamp) -> Event {
    let (contact, step, mode, bypassed) = (ContactId(number), 0, OfferMode::One, NO_BYPASS);
    Event::Offer(OfferId(offer), OfferFact::Made { contact, agent, standing, step, mode, expires_at, bypassed })
}

fn revoked(offer: u64, cause: RevokeCause) -> Event {
    Event::Offer(OfferId(offer), OfferFact::Revoked { cause })
}

#[test]
fn a_contact_is_put_before_a_free_agent_at_once() {
    let plan = plan();
    world().ready(&[CARYS], at(0)).arrives(7, plan.clone(), at(10)).then(&[
        fact(7, ContactFact::Received(Box::new(arrival(7, plan, at(10))))),
        fact(7, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival }),
        made(1, 7, CARYS, Standing::Queue, at(30)),
    ]);
}

#[test]
fn an_answer_before_the_deadline_is_in_time() {
    let how = Assignment::Accepted(OfferId(1));
    let (standing, bypassed) = (Standing::Queue, NO_BYPASS);
    world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).when(accepts(1, CARYS), at(29)).then(&[
        Event::Offer(OfferId(1), OfferFact::Accepted),
        fact(7, ContactFact::Assigned { agent: CARYS, how, standing, over_capacity: false, bypassed }),
    ]);
}

#[test]
fn an_answer_at_the_deadline_is_too_late() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10));
    scene.when_late(accepts(1, CARYS), at(30)).then_refused(Rejection::OfferExpired);
}

#[test]
fn nobody_answers_for_another() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10));
    scene.when(accepts(1, DEE), at(11)).then_refused(Rejection::NotYourOffer);
}

#[test]
fn an_offer_is_accepted_once() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).when(accepts(1, CARYS), at(11));
    scene.when(accepts(1, CARYS), at(12)).then_refused(Rejection::OfferGone);
}

#[test]
fn an_offer_never_made_is_unknown() {
    world().when(accepts(1, CARYS), at(1)).then_refused(Rejection::UnknownOffer);
    world().when(accepts(0, CARYS), at(1)).then_refused(Rejection::UnknownOffer);
}

#[test]
fn who_does_not_answer_is_no_longer_ready() {
    world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).until(at(30)).then(&[
        Event::Offer(OfferId(1), OfferFact::Expired),
        Event::Agent(
            CARYS,
            AgentFact::StateChanged {
                channels: vec![],
                presence: Presence::NotReady,
                cause: StateCause::NoAnswer,
                until: None,
                by: StateSetter::Picket,
            },
        ),
    ]);
}

#[test]
fn a_contact_nobody_answered_goes_to_another_agent_first() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(10)).then_asked(7, &[CARYS]);
    scene.until(at(30)).then_asked(7, &[DEE]);
}

#[test]
fn a_declined_contact_waits_for_another_who_is_there_but_busy() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(1, plan(), at(1)).then_asked(1, &[CARYS]);
    let scene = scene.answered(1, at(2)).arrives(2, plan(), at(3)).then_asked(2, &[DEE]);
    let scene = scene.when(declines(2, DEE), at(4)).then_asked(2, &[]).then_state(2, ContactState::Waiting);
    let scene = scene.when(contact(1, ContactCommand::Close), at(10)).then_asked(2, &[CARYS]);
    assert_eq!(scene.router.contact(ContactId(2)).unwrap().excluded, &[DEE]);
}

#[test]
fn an_agent_alone_is_offered_a_declined_contact_again() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1));
    scene.when(declines(1, CARYS), at(2)).then_asked(7, &[CARYS]);
}

#[test]
fn an_agent_left_alone_is_offered_again_what_she_declined() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(1, plan(), at(1)).answered(1, at(2));
    let scene = scene.arrives(2, plan(), at(3)).when(declines(2, DEE), at(4)).then_asked(2, &[]);
    scene.when(Input::Agent(CARYS, says(Presence::Offline)), at(5)).then_asked(2, &[DEE]);
}

#[test]
fn an_offer_leaves_with_the_agent_who_goes_away() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[CARYS]);
    scene
        .when(Input::Agent(CARYS, says(Presence::NotReady)), at(2))
        .then_some(|event| *event == revoked(1, RevokeCause::AgentAway))
        .then_asked(7, &[DEE]);
}

#[test]
fn all_asks_everybody_inside_and_the_first_accept_wins() {
    let plan = Plan {
        steps: vec![step(Who::Team(None), hold(60))],
        offer: OfferPolicy { mode: OfferMode::All, ..plan().offer },
        ..fenced()
    };
    let scene = world().ready(&[ANN, BOLA, CARYS], at(0)).arrives(7, plan, at(1)).then_asked(7, &[ANN, BOLA]);
    let scene = scene.when(accepts(2, BOLA), at(2));
    let scene = scene.then_some(|event| *event == revoked(1, RevokeCause::TakenByOther));
    scene.then_state(7, ContactState::Assigned).when(accepts(1, ANN), at(3)).then_refused(Rejection::OfferGone);
}

#[test]
fn all_also_asks_who_becomes_free_while_it_is_out() {
    let plan = Plan {
        steps: vec![step(Who::Team(None), hold(60))],
        offer: OfferPolicy { mode: OfferMode::All, ..plan().offer },
        ..fenced()
    };
    let scene = world().ready(&[ANN], at(0)).arrives(7, plan, at(1)).then_asked(7, &[ANN]);
    scene.ready(&[BOLA], at(2)).then_asked(7, &[ANN, BOLA]);
}

#[test]
fn auto_assigns_without_asking() {
    let plan = Plan { offer: OfferPolicy { mode: OfferMode::Auto, ..plan().offer }, ..plan() };
    let mut mail = arrival(7, plan, at(1));
    mail.channel = EMAIL;
    let scene = world().ready(&[CARYS], at(0)).receives(mail, at(1)).then_state(7, ContactState::Assigned);
    let scene = scene.when(contact(7, ContactCommand::Close), at(9));
    scene.then_state(7, ContactState::Closed);
}

#[test]
fn a_jump_of_the_clock_extends_live_offers() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10));
    let scene = scene.when_late(Input::ClockJumped(secs(100)), at(111));
    let scene = scene.then(&[
        Event::World(WorldFact::ClockJumped { by: secs(100) }),
        Event::Offer(OfferId(1), OfferFact::Extended { expires_at: at(130) }),
    ]);
    scene.when(accepts(1, CARYS), at(129)).then_state(7, ContactState::Assigned);
}

#[test]
fn misses_count_only_in_a_row() {
    let plan = Plan { offer: OfferPolicy { misses: 2, ..plan().offer }, ..plan() };
    let scene = world().ready(&[CARYS], at(0)).arrives(1, plan.clone(), at(1)).until(at(21)).then_asked(1, &[CARYS]);
    let scene = scene.answered(1, at(22)).when(contact(1, ContactCommand::Close), at(30));
    let scene = scene.arrives(2, plan, at(31)).until(at(51));
    scene.then_asked(2, &[CARYS]).until(at(71)).then_asked(2, &[]);
}

#[test]
fn an_accepted_contact_that_is_never_connected_waits_again_first_in_line() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).when(accepts(1, CARYS), at(2));
    let failure = ConnectFailure::Deadline;
    scene.until(at(32)).then_some(|event| *event == fact(7, ContactFact::ConnectFailed { failure }));
}

/// A chat that may be missed once, and then goes on to nobody else.
fn chat(number: u32, misses: u8, away_for: u32, now: Timestamp) -> Arrival {
    let offer = OfferPolicy { misses, away_for: secs(away_for), ..plan().offer };
    Arrival { channel: CHAT, ..arrival(number, Plan { offer, ..plan() }, now) }
}

#[test]
fn misses_are_counted_per_channel() {
    let scene = world().ready(&[CARYS], at(0)).receives(chat(1, 2, 0, at(1)), at(1)).until(at(21));
    let scene = scene.then_asked(1, &[CARYS]).when(contact(1, ContactCommand::Abandon), at(22));
    // One chat was missed: a call that is missed is the first on its channel.
    let twice = Plan { offer: OfferPolicy { misses: 2, ..plan().offer }, ..plan() };
    let scene = scene.arrives(2, twice, at(23)).then_asked(2, &[CARYS]).until(at(43)).then_asked(2, &[CARYS]);
    let scene = scene.when(contact(2, ContactCommand::Abandon), at(44));
    scene.receives(chat(3, 2, 0, at(45)), at(45)).until(at(65)).then_asked(3, &[]);
}

#[test]
fn a_refusal_is_an_answer_and_ends_the_row_of_misses() {
    let scene = world().ready(&[CARYS], at(0)).receives(chat(1, 2, 0, at(1)), at(1)).until(at(21));
    let scene = scene.when(declines(2, CARYS), at(22)).then_asked(1, &[CARYS]).until(at(42));
    scene.then_asked(1, &[CARYS]).until(at(62)).then_asked(1, &[]);
}

#[test]
fn an_agent_who_missed_offers_is_back_after_the_time_stated_or_when_she_says_so() {
    let scene = world().ready(&[CARYS], at(0)).receives(chat(1, 1, 60, at(1)), at(1)).until(at(21)).then_asked(1, &[]);
    let shown = scene.router.agent(CARYS).unwrap().channels[0];
    assert_eq!((shown.cause, shown.by, shown.until), (StateCause::NoAnswer, StateSetter::Picket, Some(at(81))));
    scene.clone().until(at(81)).then_asked(1, &[CARYS]);
    scene.ready(&[CARYS], at(30)).then_asked(1, &[CARYS]);
}

#[test]
fn after_missed_offers_each_source_means_what_it_said_before() {
    let quiet = AgentCommand::SetState {
        channels: vec![EMAIL],
        presence: Presence::NotReady,
        reason: None,
        until: None,
        by: StateSetter::Source(SourceId(1)),
    };
    let scene = world().ready(&[CARYS], at(0)).when(Input::Agent(CARYS, quiet), at(0));
    let scene = scene.receives(chat(1, 1, 60, at(1)), at(1)).until(at(81)).then_asked(1, &[CARYS]);
    let channels = scene.router.agent(CARYS).unwrap().channels;
    let presences: Vec<Presence> = channels.iter().map(|channel| channel.presence).collect();
    assert_eq!(presences, [Presence::Ready, Presence::Ready, Presence::NotReady]);
}

#[test]
fn at_most_eight_are_remembered_as_tried() {
    let agents: Vec<AgentId> = (10..20).map(AgentId).collect();
    let mut scene = world();
    for id in &agents {
        scene.put(WorldChange::PutAgent(*id, agent(&[GENERAL])));
    }
    scene = scene.ready(&agents, at(0)).arrives(7, plan(), at(1));
    for _ in 0..9 {
        let (offer, asked) = (scene.offer_of(7).unwrap(), scene.asked(7)[0]);
        scene = scene.when(declines(offer.0, asked), at(2));
    }
    let excluded = scene.router.contact(ContactId(7)).unwrap().excluded.to_vec();
    assert_eq!(excluded, agents[1..9], "the oldest is forgotten first");
}
