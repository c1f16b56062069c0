//! The order in which the contacts of an agent who becomes available are served.

use picket_core::*;

use crate::scene::*;

fn promised(seconds: u32) -> Plan {
    Plan { promise: Promise { within: secs(seconds), by: PromisedBy::Anyone }, ..plan() }
}

/// Behind the strict fence of Hopkins, for the whole team.
fn own() -> Plan {
    Plan { steps: vec![step(Who::Team(None), hold(600))], finally: STAY, ..fenced() }
}

/// So many wait since these seconds; the place is as given.
fn waiting(world: Scene, contacts: &[(u32, Plan, i64)]) -> Scene {
    let receive = |scene: Scene, (number, plan, since): &(u32, Plan, i64)| {
        scene.receives(arrival(*number, plan.clone(), at(*since)), at(*since))
    };
    let mut ordered = contacts.to_vec();
    ordered.sort_by_key(|(_, _, since)| *since);
    ordered.iter().fold(world, receive)
}

/// Whom an agent who becomes ready at 100 is asked about, all in the same moment.
fn served(scene: Scene, agent: AgentId) -> Vec<u32> {
    let now = at(100);
    let mut scene = scene.ready(&[agent], now);
    let mut order = Vec::new();
    loop {
        let next = scene.router.offers().next().map(|offer| offer.contact.0);
        let Some(number) = next else { return order };
        order.push(number);
        scene = scene.answered(number, now).when(contact(number, ContactCommand::Close), now);
    }
}

/// Ann is of Hopkins and of the general queue.
fn both() -> Scene {
    world().with(WorldChange::PutAgent(ANN, agent(&[GENERAL])))
}

#[test]
fn each_place_in_the_order_of_service_beats_everything_after_it() {
    let contacts = [
        (1, Plan { urgency: Urgency::Urgent, ..promised(1000) }, 99),
        (2, Plan { urgency: Urgency::Low, ..own() }, 98),
        (3, Plan { urgency: Urgency::High, ..promised(1000) }, 97),
        (4, promised(10), 92),
        // A twentieth of the promise each; the first of the two is older.
        (5, promised(1000), 50),
        (6, promised(500), 75),
    ];
    assert_eq!(served(waiting(both(), &contacts), ANN), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn an_urgent_contact_of_another_queue_comes_before_her_own_teams() {
    let urgent = Plan { urgency: Urgency::Urgent, queue: BILLING, ..promised(1000) };
    let world = world().with(WorldChange::PutAgent(ANN, agent(&[BILLING])));
    assert_eq!(served(waiting(world, &[(1, own(), 20), (2, urgent, 99)]), ANN), [2, 1]);
}

#[test]
fn behind_her_own_fence_urgency_decides_and_then_the_share_of_the_promise() {
    let within = |seconds, urgency| Plan { promise: promised(seconds).promise, urgency, ..own() };
    let contacts = [
        (1, within(1000, Urgency::Normal), 20),
        (2, within(10, Urgency::Normal), 90),
        (3, within(1000, Urgency::High), 99),
    ];
    assert_eq!(served(waiting(both(), &contacts), ANN), [3, 2, 1]);
}

#[test]
fn the_contacts_of_a_team_that_she_only_covers_are_no_contacts_of_her_own_team() {
    let covered = Plan { steps: vec![step(Who::Covers, hold(600))], promise: promised(1000).promise, ..own() };
    assert_eq!(served(waiting(world(), &[(1, covered, 99), (2, promised(10), 50)]), DEE), [2, 1]);
}

#[test]
fn a_queues_own_order_takes_the_place_of_the_promise_and_of_nothing_before_it() {
    let curve = QueueOrder::Due(vec![(secs(0), 0), (secs(100), 1000)]);
    for order in [QueueOrder::Fifo, curve] {
        let world = both().with(WorldChange::PutQueue(GENERAL, QueueSpec { order, ..queue() }));
        let contacts = [
            (1, Plan { urgency: Urgency::Urgent, ..promised(1000) }, 99),
            (2, own(), 98),
            (3, Plan { urgency: Urgency::High, ..promised(1000) }, 97),
            (4, promised(1000), 50),
            (5, promised(10), 92),
        ];
        assert_eq!(served(waiting(world, &contacts), ANN), [1, 2, 3, 4, 5]);
    }
}
