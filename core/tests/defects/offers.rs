//! Offers: taken twice, lost, stale, or never free again.

use picket_core::*;

use super::*;

#[test]
fn of_two_accepts_in_either_order_one_wins_and_the_other_is_refused() {
    for winner in [0, 1] {
        let scene = crowd(2).arrives(1, to_all(plan()), at(1));
        let offers = scene.router.contact(ContactId(1)).expect("it waits").offers.to_vec();
        let agent = |offer: OfferId| scene.router.offer(offer).expect("it is out").agent;
        let (first, second) = (offers[winner], offers[1 - winner]);
        let (one, other) = (agent(first), agent(second));
        let scene = scene.when(accepts(first.0, one), at(2)).then_state(1, ContactState::Assigned);
        let scene = scene.when(accepts(second.0, other), at(2)).then_refused(Rejection::OfferGone);
        assert_eq!(scene.router.contact(ContactId(1)).expect("it is known").agent, Some(one));
        assert!(scene.router.agent(other).expect("she is known").contacts.is_empty());
    }
}

#[test]
fn in_a_burst_nobody_is_asked_twice_and_no_contact_lies_before_two() {
    let mut scene = crowd(20);
    for number in 0..400 {
        scene = scene.arrives(number, plan(), at(1));
    }
    let offers = made(&scene);
    assert_eq!(offers.len(), 20);
    let agents: std::collections::BTreeSet<AgentId> = offers.iter().map(|(_, agent)| *agent).collect();
    let contacts: std::collections::BTreeSet<ContactId> = offers.iter().map(|(contact, _)| *contact).collect();
    assert_eq!((agents.len(), contacts.len()), (20, 20));
}

#[test]
fn whichever_way_an_offer_ends_its_agent_can_be_asked_again() {
    let out = || crowd(1).arrives(1, Plan { offer: OfferPolicy { misses: 0, ..plan().offer }, ..plan() }, at(1));
    let agent = AgentId(10);
    let ends: [fn(Scene) -> Scene; 5] = [
        |scene| scene.when(declines(1, AgentId(10)), at(2)),
        |scene| scene.until(at(21)),
        |scene| scene.when(contact(1, ContactCommand::Abandon), at(2)),
        |scene| scene.when(contact(1, ContactCommand::Withdraw(OutsideEnd::Gone)), at(2)),
        |scene| scene.when(contact(1, ContactCommand::Schedule(at(900))), at(2)),
    ];
    for end in ends {
        let scene = end(out()).when(contact(1, ContactCommand::Withdraw(OutsideEnd::Gone)), at(30));
        scene.arrives(2, plan(), at(31)).then_asked(2, &[agent]);
    }
}

#[test]
fn a_customer_who_hangs_up_at_any_point_of_an_offer_ends_once_and_frees_the_agent() {
    let before: [fn(Scene) -> Scene; 3] =
        [|scene| scene, |scene| scene.when(accepts(1, AgentId(10)), at(2)), |scene| scene.until(at(2))];
    for point in before {
        let scene = point(crowd(1).arrives(1, plan(), at(1))).when(contact(1, ContactCommand::Abandon), at(3));
        let scene = scene.then_state(1, ContactState::Closed);
        let scene = scene.when(contact(1, ContactCommand::Abandon), at(4)).then_refused(Rejection::ContactClosed);
        let scene = scene.when(accepts(1, AgentId(10)), at(4)).then_refused(Rejection::OfferGone);
        assert!(scene.router.agent(AgentId(10)).expect("she is known").contacts.is_empty());
        scene.arrives(2, plan(), at(5)).then_asked(2, &[AgentId(10)]);
    }
}

#[test]
fn a_hundred_offers_out_at_once_each_belong_to_their_own_agent_alone() {
    let mut scene = crowd(100);
    for number in 0..100 {
        scene = scene.arrives(number, plan(), at(1));
    }
    let offers: Vec<OfferView> = scene.router.offers().collect();
    for pair in offers.windows(2) {
        scene = scene.when(accepts(pair[0].id.0, pair[1].agent), at(2)).then_refused(Rejection::NotYourOffer);
    }
    for offer in &offers {
        scene = scene.when(accepts(offer.id.0, offer.agent), at(3));
        assert_eq!(scene.router.contact(offer.contact).expect("it is known").agent, Some(offer.agent));
    }
}

#[test]
fn a_lost_connection_during_an_offer_is_neither_a_refusal_nor_a_miss() {
    let vouch = |word| Input::Agent(AgentId(10), AgentCommand::Vouch(word));
    let scene = crowd(1).arrives(1, plan(), at(1)).then_asked(1, &[AgentId(10)]);
    let scene = scene.when(vouch(ExpectedPresence::Lost), at(2)).then_asked(1, &[]);
    let scene = scene.when(vouch(ExpectedPresence::Seen), at(3)).then_asked(1, &[AgentId(10)]);
    assert!(scene.router.contact(ContactId(1)).expect("it waits").excluded.is_empty());
    // One miss is still allowed: the lost connection was none.
    scene.answered(1, at(4)).then_state(1, ContactState::Connected);
}

#[test]
fn who_missed_too_often_is_seen_to_be_away_and_comes_back_with_a_word() {
    let scene = crowd(1).arrives(1, plan(), at(1)).until(at(21));
    let state = scene.router.agent(AgentId(10)).expect("she is known").channels[0];
    assert_eq!((state.presence, state.cause), (Presence::NotReady, StateCause::NoAnswer));
    scene.ready(&[AgentId(10)], at(30)).then_asked(1, &[AgentId(10)]);
}
