//! A contact's life: waits for the right person, never stuck, and nothing left behind.

use picket_core::*;

use super::*;

#[test]
fn a_busy_lead_is_waited_for_and_an_absent_one_is_not() {
    let holds = Holds { busy: Hold::For(secs(20)), ..hold(0) };
    let plan = Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), hold(60))], ..fenced() };
    let busy = world().ready(&[ANN, BOLA], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let busy = busy.arrives(2, plan.clone(), at(3)).then_asked(2, &[]);
    busy.when(contact(1, ContactCommand::Close), at(8)).then_asked(2, &[ANN]);
    world().ready(&[BOLA, CARYS], at(0)).arrives(2, plan, at(3)).then_asked(2, &[BOLA]);
}

#[test]
fn whoever_waits_for_a_person_is_looked_at_again_the_moment_she_leaves() {
    let holds = Holds { off_shift: Hold::For(Millis::ZERO), ..hold(600) };
    let plan = Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), hold(60))], ..fenced() };
    let scene = world().ready(&[ANN, BOLA], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.arrives(2, plan, at(3)).then_asked(2, &[]);
    scene.when(offline(ANN), at(4)).then_asked(2, &[BOLA]);
}

#[test]
fn a_lost_end_keeps_nobody_busy_for_ever() {
    let scene = crowd(1).arrives(1, plan(), at(1)).answered(1, at(2));
    let asked = scene.until(at(3602)).then_some(|event| *event == fact(1, ContactFact::Stalled));
    let scene = asked.when(contact(1, ContactCommand::Withdraw(OutsideEnd::Gone)), at(3700));
    scene.arrives(2, plan(), at(3701)).then_asked(2, &[AgentId(10)]);
}

#[test]
fn from_every_state_there_is_a_way_out() {
    let waiting = || world().receives(on(CHAT, 1, plan(), at(1)), at(1));
    let offered = || waiting().ready(&[CARYS], at(2));
    let assigned = || offered().when(accepts(1, CARYS), at(3));
    let connected = || assigned().when(contact(1, ContactCommand::Connect), at(4));
    let lost = Input::Agent(CARYS, AgentCommand::Vouch(ExpectedPresence::Lost));
    let states = [
        (ContactState::Waiting, waiting()),
        (ContactState::Offered, offered()),
        (ContactState::Assigned, assigned()),
        (ContactState::Connected, connected()),
        (ContactState::Orphaned, connected().when(lost, at(5))),
        (ContactState::WrapUp, connected().when(contact(1, ContactCommand::End), at(5))),
        (ContactState::Parked, connected().when(contact(1, ContactCommand::Park), at(5))),
        (ContactState::Scheduled, waiting().when(contact(1, ContactCommand::Schedule(at(900))), at(5))),
    ];
    for (state, scene) in states {
        let scene = scene.then_state(1, state).when(contact(1, ContactCommand::Withdraw(OutsideEnd::Gone)), at(6));
        let scene = scene.then_state(1, ContactState::Closed);
        let agent = scene.router.agent(CARYS).expect("she is known");
        assert_eq!((agent.points_in_use, agent.parked.len()), (0, 0), "after {state:?}");
    }
}

#[test]
fn nothing_of_closed_contacts_is_left_behind() {
    let mut router = Router::new();
    let mut out = Vec::new();
    let size = |router: &Router| postcard::to_allocvec(router).expect("state is serialisable").len();
    for change in channels() {
        router.handle(at(0), Input::World(Box::new(change)), &mut out).expect("it is sound");
    }
    let general = WorldChange::PutQueue(GENERAL, queue());
    router.handle(at(0), Input::World(Box::new(general)), &mut out).expect("it is sound");
    let mut days = |from: u32, router: &mut Router| {
        let day = i64::from(from) * 1_000;
        for number in from..from + 300 {
            let thread = Some(ThreadId(number));
            let arrival = Arrival { thread, matter: Some(MatterId(number)), ..arrival(number, plan(), at(day + 1)) };
            router.handle(at(day + 1), Input::Receive(Box::new(arrival)), &mut out).expect("it is taken");
            router.handle(at(day + 2), contact(number, ContactCommand::Abandon), &mut out).expect("it waits");
        }
        let full = size(router);
        // After two days each event forgets a few of them.
        for second in 0..300 {
            let moment = at(day + 200_000 + second);
            router.handle(moment, Input::ClockJumped(Millis::ZERO), &mut out).expect("it is taken");
        }
        assert_eq!(router.contacts().count(), 0);
        assert_eq!(router.drain_forgotten().len(), 300);
        assert!(size(router) < full);
        size(router)
    };
    // How lines move is remembered, as far as estimates look back, and no further.
    let (once, twice) = (days(0, &mut router), days(300, &mut router));
    assert!(twice <= once + 8, "{twice} bytes, {once} before");
    assert_eq!(router.next_wake(), None);
}
