//! Who gets it: the agent for a contact, the contact for an agent.

use picket_core::*;

use crate::scene::*;

fn aged(number: u32, plan: Plan, since: Timestamp, now: Timestamp, scene: Scene) -> Scene {
    scene.receives(arrival(number, plan, since), now)
}

fn promised(seconds: u32) -> Plan {
    Plan { promise: Promise { within: secs(seconds), by: PromisedBy::Anyone }, ..plan() }
}

#[test]
fn the_longest_idle_is_asked() {
    world().ready(&[DEE], at(0)).ready(&[CARYS], at(1)).arrives(7, plan(), at(2)).then_asked(7, &[DEE]);
}

#[test]
fn the_agent_of_the_same_thread_comes_first() {
    let thread = Some(ThreadId(4));
    let first = Arrival { thread, ..arrival(1, plan(), at(2)) };
    let scene = world().ready(&[DEE], at(0)).ready(&[CARYS], at(1)).receives(first, at(2)).answered(1, at(3));
    let scene = scene.when(contact(1, ContactCommand::Close), at(9));
    scene.receives(Arrival { thread, ..arrival(2, plan(), at(10)) }, at(10)).then_asked(2, &[DEE]);
}

#[test]
fn the_agent_of_the_same_matter_comes_first() {
    let matter = Some(MatterId(4));
    let first = Arrival { matter, ..arrival(1, plan(), at(2)) };
    let scene = world().ready(&[DEE], at(0)).ready(&[CARYS], at(1)).receives(first, at(2)).answered(1, at(3));
    let scene = scene.when(contact(1, ContactCommand::Close), at(9));
    scene.receives(Arrival { matter, ..arrival(2, plan(), at(10)) }, at(10)).then_asked(2, &[DEE]);
}

#[test]
fn the_more_familiar_is_asked_and_a_preferred_one_before() {
    let knows = |agent, contacts| Familiar { agent, contacts, last: at(-1000) };
    let familiar = vec![knows(DEE, 2), knows(CARYS, 3)];
    let known = Arrival { familiar: familiar.clone(), ..arrival(7, plan(), at(2)) };
    let scene = world().ready(&[DEE], at(0)).ready(&[CARYS], at(1));
    scene.clone().receives(known.clone(), at(2)).then_asked(7, &[CARYS]);
    scene.receives(Arrival { prefers: vec![DEE], ..known }, at(2)).then_asked(7, &[DEE]);
}

#[test]
fn an_avoided_agent_is_never_asked() {
    let scene =
        world().ready(&[DEE], at(0)).receives(Arrival { avoids: vec![DEE], ..arrival(7, plan(), at(1)) }, at(1));
    scene.then_asked(7, &[]).until(at(500)).then_asked(7, &[]).ready(&[CARYS], at(501)).then_asked(7, &[CARYS]);
}

#[test]
fn proficiency_decides_where_the_step_says_so() {
    let needs = vec![Need { skill: FRENCH, level: Level(2) }];
    let world = world().with(WorldChange::PutAgent(CARYS, skilled(3))).with(WorldChange::PutAgent(DEE, skilled(9)));
    let scene = world.ready(&[CARYS, DEE], at(0));
    for (pick, agent) in [(Pick::MostProficient, DEE), (Pick::LeastProficient, CARYS)] {
        let steps = vec![Step { pick, ..step(Who::Queue, hold(60)) }];
        scene.clone().arrives(7, Plan { needs: needs.clone(), steps, ..plan() }, at(1)).then_asked(7, &[agent]);
    }
}

#[test]
fn the_least_occupied_and_the_fewest_today_and_turns() {
    let chat = |number, pick| {
        let steps = vec![Step { pick, ..step(Who::Queue, hold(60)) }];
        Arrival { channel: CHAT, ..arrival(number, Plan { steps, ..plan() }, at(1)) }
    };
    for pick in [Pick::LeastOccupied, Pick::FewestToday, Pick::RoundRobin] {
        let mut scene =
            world().with(WorldChange::PutQueue(GENERAL, QueueSpec { pick, ..queue() })).ready(&[CARYS, DEE], at(0));
        for (number, agent) in [(1, CARYS), (2, DEE), (3, CARYS), (4, DEE)] {
            scene = scene.receives(chat(number, pick), at(1)).then_asked(number, &[agent]).answered(number, at(1));
        }
    }
}

#[test]
fn urgent_contacts_come_before_everything() {
    let scene = aged(1, fenced(), at(-100), at(1), world());
    let urgent = Plan { urgency: Urgency::Urgent, ..plan() };
    let world = aged(2, urgent, at(2), at(2), scene).with(WorldChange::PutAgent(ANN, agent(&[GENERAL])));
    world.ready(&[ANN], at(3)).then_asked(2, &[ANN]).then_asked(1, &[]);
}

#[test]
fn fenced_contacts_of_her_own_team_come_before_older_and_higher_ones() {
    let scene = aged(1, Plan { urgency: Urgency::High, ..plan() }, at(-500), at(1), world());
    let scene = aged(2, fenced(), at(1), at(1), scene).with(WorldChange::PutAgent(ANN, agent(&[GENERAL])));
    scene.ready(&[ANN], at(3)).then_asked(2, &[ANN]);
}

#[test]
fn the_larger_share_of_the_promise_comes_first() {
    let scene = aged(1, promised(100), at(-50), at(1), world());
    let scene = aged(2, promised(10), at(-10), at(1), scene);
    scene.ready(&[CARYS], at(2)).then_asked(2, &[CARYS]).ready(&[DEE], at(3)).then_asked(1, &[DEE]);
}

#[test]
fn a_fifo_queue_serves_the_older_first() {
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { order: QueueOrder::Fifo, ..queue() }));
    let scene = aged(1, promised(100), at(-50), at(1), world);
    aged(2, promised(10), at(-10), at(1), scene).ready(&[CARYS], at(2)).then_asked(1, &[CARYS]);
}

#[test]
fn a_due_queue_serves_the_costlier_first() {
    let order = QueueOrder::Due(vec![(secs(30), 0), (secs(60), 1000)]);
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { order, ..queue() }));
    let scene = aged(1, promised(100), at(-50), at(1), world);
    aged(2, promised(10), at(-10), at(1), scene).ready(&[CARYS], at(2)).then_asked(1, &[CARYS]);
}

#[test]
fn higher_urgency_comes_first_and_then_the_older() {
    let scene = aged(1, plan(), at(-5), at(1), world());
    let scene = aged(2, plan(), at(-9), at(1), scene);
    let scene = aged(3, Plan { urgency: Urgency::High, ..plan() }, at(1), at(1), scene);
    let scene = scene.ready(&[CARYS], at(2)).then_asked(3, &[CARYS]);
    scene.ready(&[DEE], at(3)).then_asked(2, &[DEE]);
}

#[test]
fn position_counts_those_served_before() {
    let scene = aged(1, plan(), at(-5), at(1), world());
    let scene = aged(2, Plan { urgency: Urgency::Low, ..plan() }, at(-9), at(1), scene);
    let scene = aged(3, promised(7), at(0), at(1), scene);
    let position = |number| scene.router.position(ContactId(number));
    assert_eq!([position(1), position(3), position(2)], [Some(0), Some(1), Some(2)]);
    assert_eq!(position(99), None);
    let queue = scene.router.queue(GENERAL).unwrap();
    assert_eq!((queue.waiting, queue.oldest_since), (3, Some(at(-9))));
}

fn fits(agent: AgentId, matched: u16, stated: u16) -> Fit {
    Fit { agent, matched, stated }
}

#[test]
fn among_the_equally_familiar_the_better_fit_is_asked() {
    let scene = world().ready(&[DEE], at(0)).ready(&[CARYS], at(1));
    let fit = |fit| Arrival { fit, ..arrival(7, plan(), at(2)) };
    scene.clone().receives(fit(vec![fits(CARYS, 1, 3)]), at(2)).then_asked(7, &[CARYS]);
    // 2 of 3 is more than 3 of 5, and less than 3 of 4.
    scene.clone().receives(fit(vec![fits(CARYS, 2, 3), fits(DEE, 3, 5)]), at(2)).then_asked(7, &[CARYS]);
    scene.clone().receives(fit(vec![fits(CARYS, 2, 3), fits(DEE, 3, 4)]), at(2)).then_asked(7, &[DEE]);
    // Nobody fits: the longest idle, as without.
    scene.clone().receives(fit(vec![fits(CARYS, 0, 3)]), at(2)).then_asked(7, &[DEE]);
    // Equal shares of different size are equal.
    scene.receives(fit(vec![fits(CARYS, 1, 2), fits(DEE, 2, 4)]), at(2)).then_asked(7, &[DEE]);
}

#[test]
fn familiarity_comes_before_fit() {
    let familiar = vec![Familiar { agent: CARYS, contacts: 1, last: at(-1000) }];
    let known = Arrival { familiar, fit: vec![fits(DEE, 4, 4)], ..arrival(7, plan(), at(2)) };
    world().ready(&[DEE], at(0)).ready(&[CARYS], at(1)).receives(known, at(2)).then_asked(7, &[CARYS]);
}

#[test]
fn as_often_but_more_recently_is_more_familiar_and_fit_decides_between_equals() {
    let knows = |agent, last| Familiar { agent, contacts: 2, last: at(last) };
    let scene = world().ready(&[DEE], at(0)).ready(&[CARYS], at(1));
    let familiar = vec![knows(DEE, -1000), knows(CARYS, -10)];
    scene.clone().receives(Arrival { familiar, ..arrival(7, plan(), at(2)) }, at(2)).then_asked(7, &[CARYS]);
    let familiar = vec![knows(DEE, -10), knows(CARYS, -10)];
    let fit = vec![fits(CARYS, 1, 1)];
    scene.receives(Arrival { familiar, fit, ..arrival(7, plan(), at(2)) }, at(2)).then_asked(7, &[CARYS]);
}

#[test]
fn an_earlier_step_comes_before_familiarity() {
    let familiar = vec![Familiar { agent: BOLA, contacts: 9, last: at(-10) }];
    let steps = vec![step(Who::Lead, hold(0)), step(Who::Team(None), hold(60))];
    let known = Arrival { familiar, ..arrival(7, Plan { steps, ..fenced() }, at(2)) };
    world().ready(&[BOLA, ANN], at(0)).receives(known, at(2)).then_asked(7, &[ANN]);
}

#[test]
fn the_thread_comes_before_the_matter_and_the_matter_before_the_step() {
    let (thread, matter) = (Some(ThreadId(1)), Some(MatterId(2)));
    let team = Plan { steps: vec![step(Who::Team(None), hold(60))], ..fenced() };
    let first = |number, thread, matter| Arrival { thread, matter, ..arrival(number, team.clone(), at(2)) };
    let scene = world().ready(&[ANN], at(0)).receives(first(1, None, matter), at(2)).answered(1, at(3));
    let scene =
        scene.when(contact(1, ContactCommand::Close), at(4)).when(Input::Agent(ANN, says(Presence::NotReady)), at(5));
    let scene = scene.ready(&[BOLA], at(6)).receives(first(2, thread, None), at(7)).answered(2, at(8));
    let scene = scene.when(contact(2, ContactCommand::Close), at(9)).ready(&[ANN], at(10));
    scene.clone().receives(first(3, thread, matter), at(11)).then_asked(3, &[BOLA]);
    scene.receives(first(4, None, matter), at(11)).then_asked(4, &[ANN]);
}

#[test]
fn a_queues_own_agents_come_before_a_lent_one_whom_the_customer_knows() {
    let hopkins = TeamSpec { lends_to: vec![GENERAL], ..team(&[ANN]) };
    let familiar = vec![Familiar { agent: ANN, contacts: 3, last: at(-10) }];
    let known = Arrival { familiar, ..arrival(7, plan(), at(2)) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, hopkins)).ready(&[ANN, CARYS], at(0));
    scene.receives(known, at(2)).then_asked(7, &[CARYS]);
}

#[test]
fn a_queue_that_picks_by_proficiency_keeps_its_agents_in_that_order() {
    let needs = vec![Need { skill: FRENCH, level: Level(2) }];
    for (pick, agent) in [(Pick::MostProficient, DEE), (Pick::LeastProficient, CARYS)] {
        let spec = QueueSpec { needs: needs.clone(), pick, ..queue() };
        let world = world().with(WorldChange::PutQueue(GENERAL, spec));
        let world = world.with(WorldChange::PutAgent(CARYS, skilled(3))).with(WorldChange::PutAgent(DEE, skilled(9)));
        let steps = vec![Step { pick, ..step(Who::Queue, hold(60)) }];
        world.ready(&[CARYS, DEE], at(0)).arrives(7, Plan { steps, ..plan() }, at(1)).then_asked(7, &[agent]);
    }
}
