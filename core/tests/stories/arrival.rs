//! The order on arrival: thread, matter, earlier step, familiarity, fit, and then the step's way of choosing.

use picket_core::*;

use crate::scene::*;

const CREW: std::ops::RangeInclusive<u32> = 10..=17;

/// Agents 10 to 17 of the general queue.
fn crew() -> Scene {
    CREW.fold(world(), |scene, number| scene.with(WorldChange::PutAgent(AgentId(number), agent(&[GENERAL]))))
}

/// For the general queue, chosen among in this way.
fn picking(pick: Pick) -> Plan {
    Plan { steps: vec![Step { pick, ..step(Who::Queue, hold(600)) }], ..plan() }
}

/// A contact that this agent handles, and that is over by the second of its end.
fn handled(scene: Scene, arrival: Arrival, agent: u32, from: i64) -> Scene {
    let number = arrival.contact.0;
    let scene =
        scene.ready(&[AgentId(agent)], at(from)).receives(arrival, at(from)).then_asked(number, &[AgentId(agent)]);
    let scene = scene.answered(number, at(from)).when(contact(number, ContactCommand::Close), at(from + 1));
    scene.when(Input::Agent(AgentId(agent), says(Presence::NotReady)), at(from + 2))
}

#[test]
fn each_place_in_the_order_on_arrival_beats_everything_after_it() {
    let (thread, matter) = (Some(ThreadId(1)), Some(MatterId(2)));
    let scene = handled(crew(), Arrival { thread, ..arrival(1, plan(), at(1)) }, 10, 1);
    let scene = handled(scene, Arrival { matter, ..arrival(2, plan(), at(5)) }, 11, 5);
    // 12 is of the earlier step, 13 knows the customer better than 14, 15 fits, and 16 has been idle longest.
    let steps = vec![step(Who::Agent(AgentId(12)), hold(0)), step(Who::Queue, hold(600))];
    let knows = |agent, contacts| Familiar { agent: AgentId(agent), contacts, last: at(-1000) };
    let familiar = vec![knows(14, 1), knows(13, 2)];
    let fit = vec![Fit { agent: AgentId(15), matched: 1, stated: 2 }];
    let arrival = Arrival { thread, matter, familiar, fit, ..arrival(7, Plan { steps, ..plan() }, at(20)) };
    let mut scene = scene.ready(&[AgentId(17)], at(19)).receives(arrival, at(20)).then_asked(7, &[AgentId(17)]);
    // While it lies before 17, everybody else becomes ready, the last in the order first.
    for number in (10..=16).rev() {
        scene = scene.ready(&[AgentId(number)], at(37 - i64::from(number)));
    }
    for (asked, next) in [(17, 10), (10, 11), (11, 12), (12, 13), (13, 14), (14, 15), (15, 16)] {
        let offer = scene.offer_of(7).unwrap();
        scene = scene.when(declines(offer.0, AgentId(asked)), at(30)).then_asked(7, &[AgentId(next)]);
    }
}

#[test]
fn the_same_matter_counts_while_its_first_contact_still_runs() {
    let matter = Some(MatterId(2));
    let chat = |number, matter, now| Arrival { channel: CHAT, matter, ..arrival(number, plan(), now) };
    let scene = world().ready(&[DEE], at(0)).receives(chat(1, matter, at(1)), at(1)).answered(1, at(2));
    let scene = scene.ready(&[CARYS], at(3)).when(Input::Agent(CARYS, AgentCommand::Load(EMAIL, 1)), at(4));
    let other = scene.clone().with_later(WorldChange::PutAgent(CARYS, agent(&[GENERAL])), at(5));
    scene.receives(chat(2, matter, at(5)), at(5)).then_asked(2, &[DEE]);
    // Where the rules join no matters, nothing ties the two.
    let least = picking(Pick::LeastOccupied);
    let apart = Arrival { plan: least, ..chat(2, None, at(6)) };
    other.receives(apart, at(6)).then_asked(2, &[CARYS]);
}

#[test]
fn whom_the_customer_avoids_is_passed_over_even_for_her_own_thread_and_as_the_lead() {
    let thread = Some(ThreadId(1));
    let avoids = vec![DEE];
    let scene = world().ready(&[DEE], at(0)).receives(Arrival { thread, ..arrival(1, plan(), at(1)) }, at(1));
    let scene = scene.answered(1, at(2)).when(contact(1, ContactCommand::Close), at(3)).ready(&[CARYS], at(4));
    scene.receives(Arrival { thread, avoids, ..arrival(7, plan(), at(5)) }, at(5)).then_asked(7, &[CARYS]);
    let led = Arrival { avoids: vec![ANN], ..arrival(7, fenced(), at(5)) };
    let scene = world().ready(&[ANN, BOLA], at(0)).receives(led, at(5)).until(at(200));
    assert!(scene.log.iter().any(|(_, event)| matches!(event, Event::Offer(_, OfferFact::Made { agent: BOLA, .. }))));
    assert!(!scene.log.iter().any(|(_, event)| matches!(event, Event::Offer(_, OfferFact::Made { agent: ANN, .. }))));
}

#[test]
fn the_longest_idle_is_the_one_whose_last_work_ended_first() {
    let scene =
        world().ready(&[CARYS, DEE], at(0)).arrives(1, plan(), at(1)).then_asked(1, &[CARYS]).answered(1, at(1));
    let scene = scene.arrives(2, plan(), at(2)).then_asked(2, &[DEE]).answered(2, at(2));
    let scene = scene.when(contact(2, ContactCommand::Close), at(5)).when(contact(1, ContactCommand::Close), at(9));
    scene.arrives(3, picking(Pick::LongestIdle), at(10)).then_asked(3, &[DEE]);
}

#[test]
fn the_least_occupied_is_the_one_with_the_fewest_points_in_use() {
    let chat = |pick| Arrival { channel: CHAT, ..arrival(7, picking(pick), at(5)) };
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1));
    let scene = scene.when(Input::Agent(CARYS, AgentCommand::Load(EMAIL, 1)), at(2));
    scene.clone().receives(chat(Pick::LongestIdle), at(5)).then_asked(7, &[CARYS]);
    scene.receives(chat(Pick::LeastOccupied), at(5)).then_asked(7, &[DEE]);
}

#[test]
fn the_most_and_the_least_proficient_are_chosen_by_level_and_not_by_idle_time() {
    let third = AgentId(10);
    let world = world().with(WorldChange::PutAgent(CARYS, skilled(3))).with(WorldChange::PutAgent(DEE, skilled(9)));
    let scene = world.with(WorldChange::PutAgent(third, skilled(6))).ready(&[third], at(0)).ready(&[CARYS, DEE], at(1));
    let needs = vec![Need { skill: FRENCH, level: Level(2) }];
    for (pick, asked) in [(Pick::LongestIdle, third), (Pick::MostProficient, DEE), (Pick::LeastProficient, CARYS)] {
        let plan = Plan { needs: needs.clone(), ..picking(pick) };
        scene.clone().arrives(7, plan, at(5)).then_asked(7, &[asked]);
    }
}

#[test]
fn the_fewest_today_is_the_one_who_handled_fewer_however_long_ago() {
    let scene = world().ready(&[CARYS], at(0)).arrives(1, plan(), at(1)).answered(1, at(1));
    let scene = scene.when(contact(1, ContactCommand::Close), at(2)).ready(&[DEE], at(10));
    scene.clone().arrives(7, picking(Pick::LongestIdle), at(20)).then_asked(7, &[CARYS]);
    scene.arrives(7, picking(Pick::FewestToday), at(20)).then_asked(7, &[DEE]);
}

#[test]
fn round_robin_asks_the_next_after_the_one_chosen_last() {
    let scene = crew().ready(&[AgentId(12)], at(0)).ready(&[AgentId(10), AgentId(11)], at(1));
    for (pick, order) in [(Pick::RoundRobin, [12, 10, 11, 12, 10]), (Pick::LongestIdle, [12, 12, 12, 12, 12])] {
        let mut scene = scene.clone();
        let mut asked = Vec::new();
        for number in 1..=5_u32 {
            scene = scene.arrives(number, picking(pick), at(1 + i64::from(number)));
            asked.extend(scene.asked(number).iter().map(|agent| agent.0));
            scene = scene.when(contact(number, ContactCommand::Abandon), at(1 + i64::from(number)));
        }
        assert_eq!(asked, order, "{pick:?}");
    }
}
