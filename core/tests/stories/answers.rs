//! Offers, to the letter: late, stale and missed answers, and agents for whom nobody vouches any more.

use picket_core::*;

use crate::scene::*;

fn revoked(offer: u64, cause: RevokeCause) -> Event {
    Event::Offer(OfferId(offer), OfferFact::Revoked { cause })
}

fn lost(agent: AgentId) -> Input {
    Input::Agent(agent, AgentCommand::Vouch(ExpectedPresence::Lost))
}

/// The whole team, behind the strict fence.
fn own() -> Plan {
    Plan { steps: vec![step(Who::Team(None), hold(600))], finally: STAY, ..fenced() }
}

#[test]
fn a_refusal_at_the_deadline_is_too_late_too() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10));
    scene.clone().when_late(declines(1, CARYS), at(30)).then_refused(Rejection::OfferExpired);
    scene
        .when_late(declines(1, CARYS), at(29))
        .then_some(|event| *event == Event::Offer(OfferId(1), OfferFact::Declined { reason: None }));
}

#[test]
fn an_accept_of_an_offer_that_is_no_more_is_refused_whatever_ended_it() {
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(10)).then_asked(7, &[CARYS]);
    let ends = [
        scene.clone().until(at(30)),
        scene.clone().when(declines(1, CARYS), at(11)),
        scene.clone().when(contact(7, ContactCommand::Abandon), at(11)),
        scene.clone().when(Input::Agent(CARYS, says(Presence::NotReady)), at(11)),
        scene.when(Input::Supervise(ContactId(7), Supervision::Assign(Handler { agent: DEE })), at(11)),
    ];
    for scene in ends {
        assert_eq!(scene.refused, None);
        scene.when(accepts(1, CARYS), at(31)).then_refused(Rejection::OfferGone);
    }
}

#[test]
fn a_missed_offer_changes_neither_age_nor_step() {
    let scene = world().arrives(7, fenced(), at(1)).until(at(40)).ready(&[BOLA], at(50)).then_asked(7, &[BOLA]);
    let scene = scene.until(at(70)).then_some(|event| *event == Event::Offer(OfferId(1), OfferFact::Expired));
    let scene = scene.then_none(|event| matches!(event, Event::Contact(..))).then_asked(7, &[]);
    // Older than one that arrived in the meantime, and still at the step of the team.
    let scene = scene.arrives(8, own(), at(71)).ready(&[ANN], at(72)).then_asked(7, &[ANN]).then_asked(8, &[]);
    scene.then_some(
        |event| matches!(event, Event::Offer(_, OfferFact::Made { expires_at, .. }) if *expires_at == at(92)),
    );
}

#[test]
fn all_leaves_out_who_is_busy_away_or_outside() {
    let offer = OfferPolicy { mode: OfferMode::All, ..plan().offer };
    let world = world().with(WorldChange::PutTeam(HOPKINS, team(&[ANN, BOLA, DEE, AgentId(10)])));
    let world = world.with(WorldChange::PutAgent(AgentId(10), agent(&[])));
    let scene = world.ready(&[ANN], at(0)).arrives(1, own(), at(1)).answered(1, at(2));
    let scene = scene.ready(&[BOLA, CARYS, DEE, AgentId(10)], at(3));
    let scene = scene.when(Input::Agent(BOLA, says(Presence::NotReady)), at(4));
    let scene = scene.arrives(7, Plan { offer, ..own() }, at(5)).then_asked(7, &[DEE, AgentId(10)]);
    let first = scene.offer_of(7).unwrap();
    // The first to accept has it; the other one's offer is taken back, and nobody is asked any more.
    let scene = scene.when(accepts(first.0, DEE), at(6));
    scene.then_some(|event| *event == revoked(first.0 + 1, RevokeCause::TakenByOther)).then_asked(7, &[]);
}

#[test]
fn what_is_assigned_without_asking_makes_no_offer() {
    let offer = OfferPolicy { mode: OfferMode::Auto, ..plan().offer };
    let mail = Arrival { channel: EMAIL, ..arrival(7, Plan { offer, ..plan() }, at(1)) };
    let scene = world().ready(&[CARYS], at(0)).receives(mail, at(1));
    let how = Assignment::Auto;
    let assigned = ContactFact::Assigned {
        agent: CARYS,
        how,
        standing: Standing::Queue,
        over_capacity: false,
        bypassed: NO_BYPASS,
    };
    let scene = scene.then_some(|event| *event == fact(7, assigned.clone()));
    scene.then_none(|event| matches!(event, Event::Offer(..)));
}

#[test]
fn who_is_no_longer_vouched_for_loses_her_offers_and_takes_nothing() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[CARYS]);
    let scene = scene
        .when(lost(CARYS), at(5))
        .then(&[Event::Agent(CARYS, AgentFact::Vouched(ExpectedPresence::Lost)), revoked(1, RevokeCause::AgentAway)]);
    let shown = scene.router.agent(CARYS).unwrap().channels[0];
    assert_eq!((shown.presence, shown.cause), (Presence::Offline, StateCause::HeartbeatLost));
    scene.ready(&[CARYS], at(6)).then_asked(7, &[]).ready(&[DEE], at(7)).then_asked(7, &[DEE]);
}

#[test]
fn the_contact_of_a_lost_agent_comes_back_inside_its_fence_and_in_front_of_older_ones() {
    let scene = world().ready(&[ANN], at(0)).arrives(1, own(), at(10)).answered(1, at(11));
    let scene = scene.receives(arrival(2, own(), at(5)), at(12)).ready(&[CARYS], at(13)).then_asked(2, &[]);
    let scene = scene.when(lost(ANN), at(20)).until(at(49)).then_state(1, ContactState::Orphaned);
    let requeued = fact(1, ContactFact::Requeued { cause: RequeueCause::AgentLost });
    let scene = scene.until(at(50)).then_some(|event| *event == requeued);
    // Carys is free and outside; Bola is inside, and gets it before the one that is older.
    let scene = scene.then_asked(1, &[]).then_none(|event| opened_for(event).is_some());
    scene.ready(&[BOLA], at(51)).then_asked(1, &[BOLA]).then_asked(2, &[]);
}

#[test]
fn a_live_contact_missed_once_and_a_chat_missed_twice_make_an_agent_not_ready() {
    let missing = |channel, misses| {
        let offer = OfferPolicy { misses, ..plan().offer };
        let arrival = Arrival { channel, ..arrival(7, Plan { offer, ..plan() }, at(10)) };
        world().ready(&[CARYS], at(0)).receives(arrival, at(10))
    };
    let away = |event: &Event| {
        matches!(event, Event::Agent(CARYS, AgentFact::StateChanged { cause: StateCause::NoAnswer, .. }))
    };
    missing(VOICE, 1).until(at(30)).then_some(away);
    missing(CHAT, 2).until(at(30)).then_none(away).then_asked(7, &[CARYS]).until(at(50)).then_some(away);
}
