//! Smart holds: waiting for somebody busy only while it is worth it.

use picket_core::*;

use crate::scene::*;

const LIMIT: u32 = 120;

fn smart(least: u16) -> Holds {
    let none = Hold::For(Millis::ZERO);
    Holds {
        busy: Hold::Smart(secs(LIMIT), least),
        away: Hold::For(secs(10)),
        absent: none,
        off_shift: none,
        left: none,
    }
}

/// The lead under a smart hold; then the team.
fn plan_with(least: u16) -> Plan {
    let steps = vec![step(Who::Lead, smart(least)), step(Who::Team(None), hold(600))];
    Plan { steps, wrap_up: secs(0), ..fenced() }
}

/// Ann has handled eight contacts that lasted 30, 60, … 240 seconds, one after the other. The story begins at 2000.
fn practised() -> Scene {
    let mut scene = world().ready(&[ANN], at(0));
    let mut now = 1;
    for number in 100..108 {
        scene = scene.arrives(number, plan_with(400), at(now)).answered(number, at(now + 1));
        let lasts = i64::from(number - 99) * 30;
        scene = scene.when(contact(number, ContactCommand::End), at(now + 1 + lasts));
        assert_eq!(scene.refused, None);
        now += lasts + 2;
    }
    scene
}

/// Ann has a contact since then, and Bola is ready.
fn busy_since(since: i64) -> Scene {
    practised().arrives(1, plan_with(400), at(since)).answered(1, at(since)).ready(&[BOLA], at(since + 1))
}

fn step_until(scene: &Scene, number: u32) -> Option<Timestamp> {
    scene.router.contact(ContactId(number)).unwrap().step_until
}

#[test]
fn a_contact_waits_for_its_own_agent_while_the_chance_that_she_frees_up_is_good() {
    // Her contact has lasted 100 s: of the five that lasted longer, four ended within the next 120 s.
    let scene = busy_since(2000).arrives(7, plan_with(400), at(2100)).then_asked(7, &[]);
    assert_eq!(scene.router.chance_permille(ContactId(7), at(2100)), Some(800));
    let scene = scene.when(contact(1, ContactCommand::End), at(2130));
    scene.then_asked(7, &[ANN]);
}

#[test]
fn it_moves_on_at_once_when_her_contact_has_lasted_longer_than_any_before() {
    let scene = busy_since(2000).arrives(7, plan_with(400), at(2500));
    let moved = fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::Unlikely { chance_permille: 0 } });
    scene.then_some(|event| *event == moved).then_asked(7, &[BOLA]);
}

#[test]
fn the_hold_ends_at_the_moment_at_which_the_chance_becomes_too_small() {
    let scene = busy_since(2000).arrives(7, plan_with(700), at(2100));
    // At 180 s three of hers are left, of which only the one of 210 s ends by the limit at 220 s; at 150 s two of three.
    assert_eq!(step_until(&scene, 7), Some(at(2150)));
    assert_eq!(scene.router.next_wake().map(|wake| wake.kind), Some(TimerKind::StepHold));
    let scene = scene.until(at(2149)).then(&[]);
    let scene = scene.until(at(2150)).then_asked(7, &[BOLA]);
    scene.then_some(|event| {
        matches!(event, Event::Contact(_, ContactFact::StepEntered { cause: StepCause::Unlikely { chance_permille }, .. }) if *chance_permille < 700)
    });
}

#[test]
fn a_smart_hold_never_lasts_longer_than_its_limit() {
    // However small the chance may be, something always is left until the last known length is reached.
    let scene = busy_since(2000).arrives(7, plan_with(1), at(2010));
    let until = step_until(&scene, 7).unwrap();
    assert!(until <= at(2010 + i64::from(LIMIT)), "{until:?}");
    scene.until(at(2010 + i64::from(LIMIT))).then_asked(7, &[BOLA]);
}

#[test]
fn nothing_learned_yet_means_an_ordinary_hold_up_to_the_limit() {
    let scene = world().ready(&[ANN], at(0)).arrives(1, plan_with(900), at(1)).answered(1, at(1));
    let scene = scene.ready(&[BOLA], at(2)).arrives(7, plan_with(900), at(10)).then_asked(7, &[]);
    assert_eq!(scene.router.chance_permille(ContactId(7), at(10)), None);
    assert_eq!(step_until(&scene, 7), Some(at(130)));
    let moved = fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::HoldOver });
    scene.until(at(130)).then_some(|event| *event == moved).then_asked(7, &[BOLA]);
}

#[test]
fn a_newcomer_is_judged_by_what_is_known_of_the_channel() {
    // Bola leads here and has handled nothing; Ann's contacts are the channel's experience.
    let plan = Plan { lead: Some(BOLA), ..plan_with(400) };
    let scene = practised().ready(&[BOLA], at(2000)).arrives(1, plan.clone(), at(2001)).answered(1, at(2001));
    let scene = scene.arrives(7, plan.clone(), at(2002));
    assert_eq!(scene.router.chance_permille(ContactId(7), at(2002)), Some(500));
    let scene = scene.when(Input::Agent(ANN, says(Presence::NotReady)), at(2003)).then_asked(7, &[]);
    let scene = scene.arrives(
        8,
        Plan { steps: vec![step(Who::Lead, smart(600)), step(Who::Team(None), hold(9))], ..plan },
        at(2004),
    );
    scene.then_some(|event| matches!(event, Event::Contact(ContactId(8), ContactFact::StepEntered { step: 1, .. })));
}

#[test]
fn a_break_is_waited_for_as_long_as_it_says_and_by_no_chance() {
    let scene = practised().when(Input::Agent(ANN, says(Presence::NotReady)), at(2000)).ready(&[BOLA], at(2001));
    let scene = scene.arrives(7, plan_with(400), at(2002));
    assert_eq!(step_until(&scene, 7), Some(at(2012)));
    scene.until(at(2012)).then_asked(7, &[BOLA]);
}

#[test]
fn it_is_judged_again_when_she_takes_another_contact() {
    let urgent = Plan { urgency: Urgency::Urgent, ..plan_with(400) };
    let scene = busy_since(2000).arrives(7, plan_with(500), at(2050)).then_asked(7, &[]);
    let scene = scene.when(Input::Agent(BOLA, says(Presence::Offline)), at(2051)).arrives(8, urgent, at(2060));
    // She frees up, takes the urgent one first, and begins anew; the one behind moves on at once.
    let scene = scene.when(contact(1, ContactCommand::End), at(2070)).then_asked(8, &[ANN]);
    scene.then_some(|event| {
        matches!(
            event,
            Event::Contact(ContactId(7), ContactFact::StepEntered { step: 1, cause: StepCause::Unlikely { .. } })
        )
    });
}

#[test]
fn after_contact_work_that_ends_by_itself_is_certain_to_end() {
    let plan = Plan { wrap_up: secs(60), ..plan_with(1000) };
    let scene = practised().arrives(1, plan, at(2000)).answered(1, at(2000));
    let scene = scene.when(contact(1, ContactCommand::End), at(2500)).ready(&[BOLA], at(2501));
    let scene = scene.arrives(7, plan_with(1000), at(2510)).then_asked(7, &[]);
    assert_eq!(scene.router.chance_permille(ContactId(7), at(2510)), Some(1000));
    scene.until(at(2560)).then_asked(7, &[ANN]);
}

#[test]
fn who_begins_after_contact_work_is_waited_for_again_by_its_end() {
    let plan = Plan { wrap_up: secs(60), ..plan_with(700) };
    let scene = practised().arrives(1, plan, at(2000)).answered(1, at(2000)).ready(&[BOLA], at(2001));
    let scene = scene.arrives(7, plan_with(700), at(2100));
    assert_eq!(step_until(&scene, 7), Some(at(2150)));
    // By chance it would be over at 2150; now it is certain that she is done by 2170.
    let scene = scene.when(contact(1, ContactCommand::End), at(2110));
    assert_eq!(scene.router.chance_permille(ContactId(7), at(2110)), Some(1000));
    scene.until(at(2170)).then_asked(7, &[ANN]);
}

#[test]
fn who_is_asked_for_advice_is_busy_and_no_more_certain_to_free_up_than_with_a_contact() {
    let bolas = Plan { lead: Some(BOLA), ..plan_with(400) };
    let scene = practised().ready(&[BOLA], at(2000)).arrives(1, bolas, at(2001)).answered(1, at(2001));
    let scene = scene.when(contact(1, ContactCommand::Consult(ANN)), at(2010));
    let scene = scene.arrives(7, plan_with(600), at(2020));
    // Of the eight that are remembered four ended within the two minutes that are left: too few.
    let moved = fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::Unlikely { chance_permille: 500 } });
    scene.then_some(|event| *event == moved);
}

#[test]
fn a_queue_has_no_smart_hold_and_a_break_neither() {
    let in_queue = Plan { steps: vec![step(Who::Queue, smart(400))], ..plan() };
    let away = Holds { away: Hold::Smart(secs(10), 400), ..hold(10) };
    let without = Plan { steps: vec![step(Who::Lead, smart(0))], ..fenced() };
    for plan in [in_queue, Plan { steps: vec![step(Who::Lead, away)], ..fenced() }, without] {
        world().arrives(7, plan, at(1)).then_refused(Rejection::BadPlan);
    }
}

#[test]
fn what_was_learned_and_judged_survives_a_replay() {
    let scene = busy_since(2000).arrives(7, plan_with(700), at(2100)).until(at(2120));
    let mut again = Router::new();
    for (at, event) in &scene.log {
        again.apply(*at, event);
    }
    assert_eq!(again, scene.router);
    assert_eq!(again.next_wake(), scene.router.next_wake());
    let bytes = postcard::to_allocvec(&again).unwrap();
    assert_eq!(postcard::from_bytes::<Router>(&bytes).unwrap(), scene.router);
}
