//! Liveness: nobody waits while somebody could serve, and nothing is forgotten.

use picket_core::*;

use super::*;

#[test]
fn whoever_logs_in_drains_every_queue_and_team_of_hers() {
    let mut scene = world().with(WorldChange::PutAgent(ANN, AgentSpec { points: 1000, ..agent(&[GENERAL, BILLING]) }));
    let chat = |number, plan| on(CHAT, number, plan, at(1));
    scene = scene.receives(chat(1, plan()), at(1)).receives(chat(2, Plan { queue: BILLING, ..plan() }), at(1));
    scene = scene.receives(chat(3, fenced()), at(1)).then_asked(3, &[]);
    scene.ready(&[ANN], at(2)).then_asked(1, &[ANN]).then_asked(2, &[ANN]).then_asked(3, &[ANN]);
}

#[test]
fn whoever_moves_on_by_a_timer_is_put_before_an_idle_agent_at_once() {
    let person = Plan { steps: vec![step(Who::Agent(ANN), hold(10)), step(Who::Queue, hold(600))], ..plan() };
    let scene = world().ready(&[CARYS], at(0)).arrives(1, person, at(1)).then_asked(1, &[]).until(at(10));
    let scene = scene.then_asked(1, &[]).until(at(11)).then_asked(1, &[CARYS]);
    assert_eq!(scene.log.last().map(|(now, _)| *now), Some(at(11)));
}

#[test]
fn a_deadline_counts_whether_or_not_its_timer_has_fired() {
    let person = Plan { steps: vec![step(Who::Agent(ANN), hold(10)), step(Who::Queue, hold(600))], ..plan() };
    let scene = world().ready(&[CARYS], at(0)).arrives(1, person, at(1));
    // The timer of the first is late: the second arrives, and is younger.
    scene
        .when_late(Input::Receive(Box::new(arrival(2, plan(), at(12)))), at(12))
        .then_asked(1, &[CARYS])
        .then_asked(2, &[]);
}

#[test]
fn whoever_comes_and_goes_a_hundred_times_loses_nobody() {
    let mut scene = world();
    for turn in 0..100 {
        let now = at(i64::from(turn) + 1);
        scene = scene.arrives(turn, Plan { longest: Some(secs(9000)), ..plan() }, now).ready(&[CARYS], now);
        scene = scene.when(not_ready(CARYS), now).then_asked(turn, &[]);
    }
    assert_eq!(scene.router.queue(GENERAL).expect("it is known").waiting, 100);
    assert!(scene.router.contacts().all(|contact| contact.state == ContactState::Waiting));
    scene.ready(&[CARYS], at(200)).then_asked(0, &[CARYS]);
}

#[test]
fn the_last_agent_leaving_stops_nothing_for_whoever_comes_next() {
    let mut scene = crowd(3);
    for number in 0..3 {
        scene = scene.arrives(number, plan(), at(1));
    }
    for agent in [10, 11, 12] {
        scene = scene.when(offline(AgentId(agent)), at(2));
    }
    assert_eq!(scene.router.offers().count(), 0);
    scene = scene.ready(&[CARYS, DEE], at(3));
    scene.then_asked(0, &[CARYS]).then_asked(1, &[DEE]);
}

#[test]
fn with_nobody_logged_in_the_plan_ends_at_once_and_not_at_its_longest_wait() {
    let holds = Holds { off_shift: Hold::For(Millis::ZERO), ..hold(600) };
    let divert = ExitAction::Divert(DestinationId(3));
    let plan = Plan { steps: vec![step(Who::Queue, holds)], finally: Finally { no_cover: divert, ..STAY }, ..plan() };
    let scene = world().ready(&[CARYS], at(0)).arrives(1, plan, at(1)).then_asked(1, &[CARYS]);
    scene.when(offline(CARYS), at(5)).then_state(1, ContactState::Closed);
}

#[test]
fn two_thousand_may_wait_and_none_is_dropped() {
    let mut scene = world();
    for number in 0..2000 {
        scene = scene.arrives(number, plan(), at(1));
    }
    assert_eq!(scene.router.queue(GENERAL).expect("it is known").waiting, 2000);
    scene.ready(&[CARYS], at(2)).then_asked(0, &[CARYS]);
}

#[test]
fn who_could_not_be_matched_a_hundred_times_is_matched_when_it_becomes_possible() {
    let french = vec![Need { skill: FRENCH, level: Level(5) }];
    let mut scene = crowd(1).with(WorldChange::PutAgent(CARYS, skilled(9)));
    scene = scene.arrives(0, Plan { needs: french, ..plan() }, at(1));
    for turn in 1..100 {
        let now = at(i64::from(turn) + 1);
        scene = scene.arrives(turn, plan(), now).then_asked(0, &[]).answered(turn, now);
        scene = scene.when(contact(turn, ContactCommand::Close), now);
    }
    scene.ready(&[CARYS], at(300)).then_asked(0, &[CARYS]);
}

#[test]
fn the_widest_needs_hold_for_ever() {
    let needs = |level| vec![Need { skill: FRENCH, level: Level(level) }];
    let widen = [(10, 4), (20, 2)].map(|(after, level)| Widening { after: secs(after), needs: needs(level) }).to_vec();
    let mut scene = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { needs: needs(8), widen, ..queue() }));
    let spec = AgentSpec { skills: vec![(FRENCH, Level(2))], ..agent(&[GENERAL]) };
    scene = scene.with(WorldChange::PutAgent(CARYS, spec)).arrives(1, Plan { longest: None, ..plan() }, at(1));
    scene.until(at(20_000)).ready(&[CARYS], at(20_001)).then_asked(1, &[CARYS]);
}

#[test]
fn three_thousand_agents_and_three_thousand_contacts_all_meet() {
    let (agents, contacts) = (3000, 3000);
    let mut scene = crowd_without_checks(agents);
    let mut out = Vec::new();
    for number in 0..contacts {
        let input = Input::Receive(Box::new(arrival(number, plan(), at(1))));
        scene.handle(at(1), input, &mut out).expect("it is taken");
    }
    let asked: std::collections::BTreeSet<AgentId> = scene.offers().map(|offer| offer.agent).collect();
    assert_eq!((scene.offers().count(), asked.len()), (3000, 3000));
}

#[test]
fn a_hundred_thousand_contacts_that_wait_are_looked_at_again_without_a_stall() {
    let mut router = crowd_without_checks(0);
    let mut out = Vec::new();
    let contacts = 100_000;
    for number in 0..contacts {
        let input = Input::Receive(Box::new(arrival(number, plan(), at(1))));
        router.handle(at(1), input, &mut out).expect("it is taken");
    }
    // Each would take a minute if whoever comes next were looked for among all the others.
    out.clear();
    let spec = router.queue(GENERAL).expect("the queue").spec.clone();
    router.handle(at(2), Input::World(Box::new(WorldChange::PutQueue(GENERAL, spec))), &mut out).expect("it is sound");
    router.handle(at(3), Input::ClockJumped(Millis(1_000)), &mut out).expect("it is taken");
    let waiting = router.contacts().filter(|contact| contact.state == ContactState::Waiting).count();
    assert_eq!(waiting, contacts as usize);
    assert!(out.len() < 10, "nobody's turn has come: {} events", out.len());
}

#[test]
fn ten_thousand_agents_log_in_while_twenty_thousand_wait_and_each_has_one() {
    let (agents, contacts) = (10_000, 20_000);
    let (mut router, mut out) = (crowd_without_checks(agents), Vec::new());
    let says = |router: &mut Router, presence, now, out: &mut Vec<Event>| {
        for agent in (10..10 + agents).map(AgentId) {
            router.handle(now, Input::Agent(agent, says(presence)), out).expect("she is known");
        }
    };
    says(&mut router, Presence::Offline, at(1), &mut out);
    arrive(&mut router, contacts);
    out.clear();
    says(&mut router, Presence::Ready, at(3), &mut out);
    let offered = out.iter().filter_map(|event| match event {
        Event::Offer(_, OfferFact::Made { contact, .. }) => Some(contact.0),
        _ => None,
    });
    assert!(offered.eq(0..agents), "each login takes the one who waits the longest");
}

#[test]
fn after_catching_up_ten_thousand_agents_and_a_hundred_thousand_contacts_meet_in_one_pass() {
    let (agents, contacts) = (10_000, 100_000);
    let (mut router, mut out) = (crowd_without_checks(agents), Vec::new());
    router.handle(at(1), Input::CatchUp(CatchUp::Begin), &mut out).expect("it is taken");
    arrive(&mut router, contacts);
    assert_eq!(router.offers().count(), 0);
    router.handle(at(3), Input::CatchUp(CatchUp::End), &mut out).expect("it is taken");
    let offered: std::collections::BTreeSet<ContactId> = router.offers().map(|offer| offer.contact).collect();
    assert!(offered.into_iter().eq((0..agents).map(ContactId)), "who waits the longest is served");
}

#[test]
fn when_a_shift_begins_all_of_it_is_put_to_work_without_a_stall() {
    let (agents, contacts) = (1_000, 5_000);
    let (mut router, mut out) = (world().router, Vec::new());
    let shift = CalendarId(0);
    let window = Window { from: at(100), to: at(10_000) };
    let calendar = Calendar { windows: vec![window], until: None, holidays: Vec::new() };
    let mut put = |change| router.handle(at(0), Input::World(Box::new(change)), &mut out).expect("it is sound");
    put(WorldChange::PutCalendar(shift, calendar));
    for number in 10..10 + agents {
        put(WorldChange::PutAgent(AgentId(number), AgentSpec { shift: Some(shift), ..agent(&[GENERAL]) }));
    }
    for number in 10..10 + agents {
        router.handle(at(1), Input::Agent(AgentId(number), says(Presence::Ready)), &mut out).expect("she is known");
    }
    arrive(&mut router, contacts);
    assert_eq!(router.offers().count(), 0);
    assert_eq!(router.wake(at(100), &mut out), Some(TimerKind::HoursEdge));
    let offered: std::collections::BTreeSet<ContactId> = router.offers().map(|offer| offer.contact).collect();
    assert!(offered.into_iter().eq((0..agents).map(ContactId)), "who waits the longest is served");
}

/// Contacts come, all at once, and keep waiting.
fn arrive(router: &mut Router, contacts: u32) {
    let mut out = Vec::new();
    for number in 0..contacts {
        let input = Input::Receive(Box::new(arrival(number, plan(), at(2))));
        router.handle(at(2), input, &mut out).expect("it is taken");
    }
}

/// As `crowd`, for many: the scene copies its router before every input.
fn crowd_without_checks(agents: u32) -> Router {
    let (mut router, mut out) = (world().router, Vec::new());
    for number in 10..10 + agents {
        let spec = WorldChange::PutAgent(AgentId(number), agent(&[GENERAL]));
        router.handle(at(0), Input::World(Box::new(spec)), &mut out).expect("it is sound");
        router.handle(at(0), Input::Agent(AgentId(number), says(Presence::Ready)), &mut out).expect("she is known");
    }
    router
}

#[test]
fn on_a_channel_that_can_wait_nobody_is_turned_away_for_want_of_agents() {
    let patient = Plan { longest: None, ..plan() };
    let scene = world().receives(on(EMAIL, 1, patient.clone(), at(1)), at(1)).then_state(1, ContactState::Waiting);
    let scene = scene.receives(on(CHAT, 2, patient, at(1)), at(1)).then_state(2, ContactState::Waiting);
    let scene = scene.until(at(100_000)).then_state(1, ContactState::Waiting).then_state(2, ContactState::Waiting);
    scene.ready(&[CARYS], at(100_001)).then_asked(1, &[CARYS]).then_asked(2, &[CARYS]);
}

#[test]
fn a_chat_that_comes_after_the_last_agent_left_is_turned_away_at_once_and_nobody_takes_it() {
    let holds = Holds { off_shift: Hold::For(Millis::ZERO), ..hold(600) };
    let to = DestinationId(3);
    let finally = Finally { no_cover: ExitAction::Divert(to), ..STAY };
    let plan = Plan { steps: vec![step(Who::Queue, holds)], finally, ..plan() };
    let diverted = |number| {
        let outcome = Outcome::Diverted { to, cause: FinalCause::NoCover };
        move |event: &Event| *event == fact(number, ContactFact::Closed { outcome })
    };
    let scene = world().ready(&[CARYS, DEE], at(0)).receives(on(CHAT, 1, plan.clone(), at(1)), at(1));
    let scene = scene.when(offline(CARYS), at(2)).then_asked(1, &[DEE]);
    // The last one leaves: what lies before her is turned away in that moment, and what comes then as it comes.
    let scene = scene.when(offline(DEE), at(3)).then_some(diverted(1));
    let scene = scene.receives(on(CHAT, 2, plan, at(4)), at(4)).then_some(diverted(2));
    let scene = scene.ready(&[CARYS, DEE], at(5));
    assert_eq!(scene.router.offers().count(), 0);
    scene.when(accepts(1, CARYS), at(6)).then_refused(Rejection::OfferGone);
}
