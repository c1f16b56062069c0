//! Capacity: over it, forgotten, or counted where it does not belong.

use picket_core::*;

use super::*;

fn chats(agent: AgentId, scene: &Scene) -> usize {
    scene.router.offers().filter(|offer| offer.agent == agent).count()
}

fn flooded(spec: AgentSpec, channel: ChannelId) -> usize {
    let mut scene = world().with(WorldChange::PutAgent(CARYS, spec)).ready(&[CARYS], at(0));
    for number in 1..=20 {
        scene = scene.receives(on(channel, number, plan(), at(1)), at(1));
    }
    chats(CARYS, &scene)
}

#[test]
fn slots_and_points_hold_each_alone_and_together() {
    let spec = |points, slots: &[(ChannelId, u32)]| AgentSpec { points, slots: slots.to_vec(), ..agent(&[GENERAL]) };
    // Points alone (30 a chat), the channel's slots (3), her own slots, and the tighter of both.
    assert_eq!(flooded(spec(60, &[(CHAT, 9)]), CHAT), 2);
    assert_eq!(flooded(spec(1000, &[]), CHAT), 3);
    assert_eq!(flooded(spec(1000, &[(CHAT, 5)]), CHAT), 5);
    assert_eq!(flooded(spec(89, &[(CHAT, 3)]), CHAT), 2);
    assert_eq!(flooded(spec(90, &[(CHAT, 3)]), CHAT), 3);
    assert_eq!(flooded(spec(99, &[(CHAT, 3)]), VOICE), 0);
    // Slots of one channel do not limit another.
    assert_eq!(flooded(spec(1000, &[(CHAT, 1)]), EMAIL), 5);
}

#[test]
fn a_full_team_leaks_nobody_until_the_plan_says_so() {
    let mut scene = world().ready(&[ANN, BOLA, CARYS, DEE], at(0));
    for number in 1..=3 {
        scene = scene.arrives(number, fenced(), at(1));
    }
    let asked = |scene: &Scene, number| scene.asked(number);
    scene = scene.until(at(10)).then_asked(3, &[]);
    for second in 11..150 {
        scene = scene.until(at(second));
        for number in 1..=3 {
            let fence = scene.router.contact(ContactId(number)).expect("it is known").fence.expect("it has one");
            assert!(fence.open.is_some() || !asked(&scene, number).contains(&CARYS), "{number} leaked");
        }
    }
    let opened = scene.log.iter().filter_map(|(_, event)| opened_for(event)).collect::<Vec<_>>();
    assert!(
        !opened.is_empty()
            && opened.iter().all(|reason| *reason == FenceReason::HoldOver || *reason == FenceReason::NoCover),
        "{opened:?}"
    );
}

#[test]
fn after_contact_work_keeps_an_agent_of_six_queues_from_all_of_them() {
    let queues: Vec<QueueId> = (0..6).map(QueueId).collect();
    let mut scene = world().with(WorldChange::PutAgent(CARYS, agent(&queues)));
    for queue_id in &queues {
        scene.put(WorldChange::PutQueue(*queue_id, queue()));
    }
    scene = scene.ready(&[CARYS], at(0)).arrives(0, plan(), at(1)).answered(0, at(2));
    for queue in &queues {
        scene = scene.arrives(10 + queue.0, Plan { queue: *queue, ..plan() }, at(3));
    }
    scene = scene.when(contact(0, ContactCommand::End), at(10)).until(at(39));
    assert_eq!(scene.router.offers().count(), 0, "nothing before the thirty seconds are over");
    scene = scene.until(at(40));
    assert_eq!(scene.router.offers().count(), 1);
}

#[test]
fn a_contact_handed_on_gives_its_agent_her_capacity_back_once() {
    let scene = crowd(1).receives(on(CHAT, 1, plan(), at(1)), at(1)).answered(1, at(2));
    let scene = scene.when(contact(1, ContactCommand::Transfer(Transfer::Queue(BILLING))), at(3));
    assert_eq!(scene.router.agent(AgentId(10)).expect("she is known").points_in_use, 0);
    let again = scene.when(contact(1, ContactCommand::Transfer(Transfer::Queue(GENERAL))), at(4));
    assert_eq!(again.refused, Some(Rejection::WrongContactState));
    let view = again.router.agent(AgentId(10)).expect("she is known");
    assert_eq!((view.points_in_use, view.contacts.len()), (0, 0));
}

#[test]
fn load_spreads_over_agents_who_are_equally_loaded() {
    let mut scene = crowd(4).with(WorldChange::PutQueue(GENERAL, QueueSpec { pick: Pick::LeastOccupied, ..queue() }));
    for number in 0..8 {
        scene = scene.receives(on(CHAT, number, picking(Pick::LeastOccupied), at(1)), at(1));
    }
    for agent in 10..14 {
        assert_eq!(chats(AgentId(agent), &scene), 2);
    }
}

#[test]
fn only_who_says_that_she_is_ready_is_asked() {
    let scene = world().arrives(1, plan(), at(1)).then_asked(1, &[]);
    let scene = scene.when(not_ready(CARYS), at(2)).then_asked(1, &[]);
    let scene = scene.when(offline(CARYS), at(3)).then_asked(1, &[]);
    scene.ready(&[CARYS], at(4)).then_asked(1, &[CARYS]);
}
