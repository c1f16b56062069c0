//! How long a contact is expected to wait.

use picket_core::*;

use crate::scene::*;

/// A contact of the general queue that is assigned without asking.
fn auto() -> Plan {
    let offer = OfferPolicy { mode: OfferMode::Auto, accept_within: secs(0), ..plan().offer };
    Plan { offer, wrap_up: secs(0), longest: None, ..plan() }
}

/// The same behind the fence of Hopkins.
fn auto_fenced() -> Plan {
    Plan { fence: Some(HOPKINS), steps: vec![step(Who::Team(None), hold(6000))], finally: STAY, ..auto() }
}

/// Carys finishes one contact every minute, and another is always waiting: numbers 1 to `last`, one is left behind.
fn busy_queue(last: u32) -> Scene {
    let mut scene = world().ready(&[CARYS], at(0));
    for number in 1..=last + 1 {
        scene = scene.arrives(number, auto(), at(i64::from(number)));
    }
    for number in 1..=last {
        let end = at(60 * i64::from(number));
        scene = scene.when(contact(number, ContactCommand::Connect), at(60 * i64::from(number) - 1));
        scene = scene.when(contact(number, ContactCommand::End), end);
        assert_eq!(scene.refused, None);
    }
    scene
}

fn any(scene: &Scene, number: u32, now: Timestamp) -> Option<Estimate> {
    scene.router.estimates(ContactId(number), now).and_then(|estimates| estimates.any)
}

#[test]
fn a_contact_is_expected_to_wait_a_gap_for_itself_and_one_for_each_before_it() {
    let scene = busy_queue(9).arrives(50, auto(), at(541)).arrives(51, auto(), at(542));
    let first = any(&scene, 50, at(542)).unwrap();
    let second = any(&scene, 51, at(542)).unwrap();
    assert!((50_000..75_000).contains(&first.wait.0), "{first:?}");
    assert!(second.wait.0.abs_diff(2 * first.wait.0) < 1000, "{first:?} {second:?}");
    assert!(first.band < first.wait && second.band > first.band, "{first:?} {second:?}");
}

#[test]
fn nothing_is_said_while_nothing_is_known() {
    let scene = world().arrives(1, auto(), at(1));
    assert_eq!(any(&scene, 1, at(5)), None);
    let scene = scene.arrives(2, auto(), at(31));
    let second = any(&scene, 2, at(31)).unwrap();
    assert_eq!(second.wait, secs(30), "the first has waited that long");
}

#[test]
fn a_line_that_stands_still_is_expected_to_take_longer_and_longer() {
    let scene = busy_queue(9).arrives(50, auto(), at(541));
    let waits: Vec<u32> = [541, 600, 900, 1800].iter().map(|now| any(&scene, 50, at(*now)).unwrap().wait.0).collect();
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
}

#[test]
fn a_contact_that_lies_before_somebody_waits_for_nothing_more() {
    let scene = world().ready(&[ANN], at(0)).arrives(1, fenced(), at(1)).then_asked(1, &[ANN]);
    let zero = Some(Estimate::default());
    assert_eq!(scene.router.estimates(ContactId(1), at(2)), Some(Estimates { own: zero, any: zero }));
    let scene = scene.answered(1, at(3));
    assert_eq!(scene.router.estimates(ContactId(1), at(4)), None);
}

#[test]
fn behind_a_fence_two_waits_are_told() {
    let mut scene = busy_queue(9).ready(&[ANN], at(541));
    // Ann takes ten minutes each.
    for number in 60..66 {
        scene = scene.arrives(number, auto_fenced(), at(542));
    }
    for number in 60..65_u32 {
        let end = 542 + 600 * i64::from(number - 59);
        scene = scene.when(contact(number, ContactCommand::Connect), at(end - 1));
        scene = scene.when(contact(number, ContactCommand::End), at(end));
        assert_eq!(scene.refused, None);
    }
    let now = at(542 + 3001);
    let scene = scene.arrives(70, auto_fenced(), now).arrives(80, auto(), now).then_asked(70, &[]);
    let Estimates { own, any } = scene.router.estimates(ContactId(70), now).unwrap();
    let (own, any) = (own.unwrap(), any.unwrap());
    assert!((500_000..700_000).contains(&own.wait.0), "{own:?}");
    assert!(any.wait <= own.wait);
    assert_eq!(scene.router.estimates(ContactId(80), now).unwrap().own, None, "no fence, no own people");
}

#[test]
fn a_queue_turns_away_by_the_wait_that_one_more_would_have() {
    let limit = Some(QueueLimit { length: 100, wait: Some(secs(150)), then: ExitAction::Callback });
    let scene = busy_queue(9).with_later(WorldChange::PutQueue(GENERAL, QueueSpec { limit, ..queue() }), at(541));
    // Two before it take two minutes, three take three.
    let scene = scene.arrives(50, auto(), at(542)).then_none(wants_callback);
    let scene = scene.arrives(51, auto(), at(543)).then_none(wants_callback);
    let scene = scene.arrives(52, auto(), at(544)).then_some(wants_callback);
    let mut scene = scene;
    for number in 50..53 {
        scene = scene.when(contact(number, ContactCommand::Abandon), at(545));
    }
    scene.arrives(53, auto(), at(546)).then_none(wants_callback);
}

fn wants_callback(event: &Event) -> bool {
    matches!(event, Event::Contact(_, ContactFact::CallbackWanted))
}

#[test]
fn a_queue_says_what_one_more_would_wait() {
    let scene = busy_queue(9);
    let told: Vec<_> = scene.router.queue_estimates(GENERAL, at(541)).collect();
    assert!(matches!(told.as_slice(), [(VOICE, Urgency::Normal, _)]), "{told:?}");
    let scene = scene.ready(&[DEE], at(542)).when(contact(10, ContactCommand::Abandon), at(543));
    let free = scene.router.newcomer_estimate(GENERAL, VOICE, Urgency::Normal, at(544));
    assert_eq!(free, Some(Estimate::default()), "somebody is free");
}
