//! Order: who is served first, and by whom.

use picket_core::*;

use super::*;

const AGENT: AgentId = AgentId(10);

fn in_queue(queue: QueueId, within: u32) -> Plan {
    Plan { queue, promise: Promise { within: secs(within), by: PromisedBy::Anyone }, ..plan() }
}

/// One agent of both queues, and a number of queues besides; she is not ready yet.
fn both() -> Scene {
    world().with(WorldChange::PutAgent(AGENT, agent(&[GENERAL, BILLING])))
}

/// Whom she is asked about, one after the other.
fn served(mut scene: Scene, from: i64) -> Vec<u32> {
    let mut order = Vec::new();
    scene = scene.ready(&[AGENT], at(from));
    for turn in 1.. {
        let Some(offer) = scene.router.offers().next() else { break };
        order.push(offer.contact.0);
        let now = at(from + turn);
        scene = scene
            .when(accepts(offer.id.0, offer.agent), now)
            .when(contact(offer.contact.0, ContactCommand::Connect), now);
        scene = scene.when(contact(offer.contact.0, ContactCommand::Close), now);
    }
    order
}

#[test]
fn who_waits_longer_is_served_before_whoever_arrives() {
    let scene = crowd(1).arrives(1, plan(), at(1)).arrives(2, plan(), at(2)).arrives(3, plan(), at(3));
    let scene = scene.answered(1, at(4)).when(contact(1, ContactCommand::Close), at(5)).then_asked(2, &[AGENT]);
    scene.arrives(4, plan(), at(5)).then_asked(4, &[]).then_asked(3, &[]);
}

#[test]
fn ten_contacts_of_the_same_millisecond_are_served_in_order_of_number() {
    let mut scene = both();
    for number in 1..=10 {
        scene = scene.arrives(number, plan(), at(1));
    }
    assert_eq!(served(scene, 2), (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_pressing_contact_that_nobody_free_can_serve_holds_up_nobody_else() {
    let french = vec![Need { skill: FRENCH, level: Level(5) }];
    let urgent = Plan { urgency: Urgency::Urgent, needs: french, ..in_queue(BILLING, 1) };
    let able = AgentSpec { skills: vec![(FRENCH, Level(9))], ..agent(&[BILLING]) };
    let scene = both().with(WorldChange::PutAgent(CARYS, able)).arrives(1, urgent, at(1));
    let scene = scene.arrives(2, in_queue(GENERAL, 600), at(2));
    scene.ready(&[AGENT], at(3)).then_asked(1, &[]).then_asked(2, &[AGENT]);
}

#[test]
fn three_queues_with_orders_of_their_own_never_block_each_other() {
    // By age 1 comes before 2; by share of the promise 2 before 3, and 3 before 1: in pairs that is a circle.
    let fifo = QueueSpec { order: QueueOrder::Fifo, ..queue() };
    let scene = both().with(WorldChange::PutQueue(GENERAL, fifo));
    let scene = scene.arrives(1, in_queue(GENERAL, 1000), at(1)).arrives(2, in_queue(GENERAL, 10), at(2));
    let scene = scene.arrives(3, in_queue(BILLING, 30), at(2));
    assert_eq!(served(scene, 10), [3, 1, 2]);
}

#[test]
fn across_queues_the_larger_share_of_the_promise_decides_and_not_the_place_in_the_own_queue() {
    for (waited, within, expected) in [
        ((20, 10), (100, 20), [2, 1]),
        ((20, 10), (20, 20), [1, 2]),
        ((20, 19), (60, 20), [2, 1]),
        ((9, 8), (20, 20), [1, 2]),
    ] {
        let scene = both().arrives(1, in_queue(GENERAL, within.0), at(100 - waited.0));
        let scene = scene.arrives(2, in_queue(BILLING, within.1), at(100 - waited.1));
        assert_eq!(served(scene, 100), expected, "waited {waited:?} of {within:?}");
    }
}

#[test]
fn a_second_word_about_the_same_end_counts_nothing_twice() {
    let spec = QueueSpec { pick: Pick::FewestToday, ..queue() };
    let plan = || picking(Pick::FewestToday);
    let mut scene = world().with(WorldChange::PutQueue(GENERAL, spec)).ready(&[CARYS, DEE], at(0));
    scene = scene.arrives(1, plan(), at(1)).then_asked(1, &[CARYS]).answered(1, at(2));
    for _ in 0..5 {
        scene = scene.when(contact(1, ContactCommand::Close), at(3));
    }
    scene = scene.then_refused(Rejection::ContactClosed).arrives(2, plan(), at(4)).then_asked(2, &[DEE]);
    scene = scene.answered(2, at(5)).when(contact(2, ContactCommand::Close), at(6));
    // One each: the longer idle is next, which is Carys.
    scene.arrives(3, plan(), at(7)).then_asked(3, &[CARYS]);
}

#[test]
fn the_first_whose_after_contact_work_ends_gets_the_next_contact_at_once() {
    let mut scene = crowd(3);
    for number in 1..=3 {
        let wrap_up = secs(10 * (4 - number));
        scene = scene.arrives(number, Plan { wrap_up, ..plan() }, at(1)).answered(number, at(2));
    }
    scene = scene.arrives(9, plan(), at(3));
    for number in 1..=3 {
        scene = scene.when(contact(number, ContactCommand::End), at(4));
    }
    // The third contact's agent has ten seconds of it, the others twenty and thirty.
    scene.until(at(13)).then_asked(9, &[]).until(at(14)).then_asked(9, &[AgentId(12)]);
}

#[test]
fn equal_agents_get_equal_shares() {
    let (agents, contacts) = (7_u32, 7 * 200);
    for pick in [Pick::LongestIdle, Pick::RoundRobin, Pick::FewestToday, Pick::LeastOccupied] {
        let mut scene = crowd(agents).with(WorldChange::PutQueue(GENERAL, QueueSpec { pick, ..queue() }));
        for number in 0..contacts {
            let now = at(1 + i64::from(number));
            scene = scene.arrives(number, picking(pick), now).answered(number, now);
            scene = scene.when(contact(number, ContactCommand::Close), now);
        }
        let mut shares = std::collections::BTreeMap::<AgentId, u32>::new();
        made(&scene).into_iter().for_each(|(_, agent)| *shares.entry(agent).or_default() += 1);
        let (least, most) = (shares.values().min().copied(), shares.values().max().copied());
        assert_eq!((shares.len(), least, most), (7, Some(200), Some(200)), "{pick:?}");
    }
}

#[test]
fn the_idle_clock_is_the_same_whatever_ended_the_work() {
    let ends: [fn() -> ContactCommand; 3] =
        [|| ContactCommand::Close, || ContactCommand::Requeue, || ContactCommand::Transfer(Transfer::Queue(BILLING))];
    for end in ends {
        let scene = crowd(1).arrives(1, plan(), at(5)).answered(1, at(6)).when(contact(1, end()), at(9));
        let idle = scene.router.agent(AGENT).expect("she is known").channels[0].idle_since;
        assert_eq!(idle, at(9));
    }
    // Neither an offer nor a pause of hers is work.
    let scene = crowd(1).arrives(1, plan(), at(5)).when(declines(1, AGENT), at(6));
    let scene = scene.when(not_ready(AGENT), at(7)).ready(&[AGENT], at(8));
    assert_eq!(scene.router.agent(AGENT).expect("she is known").channels[0].idle_since, at(0));
    let scene = scene.when(offline(AGENT), at(9)).ready(&[AGENT], at(10));
    assert_eq!(scene.router.agent(AGENT).expect("she is known").channels[0].idle_since, at(10));
}
