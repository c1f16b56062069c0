//! Events of agents and of consultations that are lost before they come; and whole lives of contacts with each of their
//! events left out in turn.

use std::collections::BTreeSet;

use picket_core::*;

use crate::scene::*;

const GONE: ContactCommand = ContactCommand::Withdraw(OutsideEnd::Gone);

fn points(scene: &Scene, agent: AgentId) -> u64 {
    scene.router.agent(agent).expect("she is known").points_in_use
}

fn presence(scene: &Scene, agent: AgentId) -> (Presence, StateCause) {
    let shown = scene.router.agent(agent).expect("she is known").channels[0];
    (shown.presence, shown.cause)
}

/// Carys talks and asks Dee.
fn asking() -> Scene {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).answered(7, at(2)).ready(&[DEE], at(3));
    scene.when(contact(7, ContactCommand::Consult(DEE)), at(10))
}

#[test]
fn the_end_of_a_consultation_that_is_never_told_is_the_end_of_the_talk() {
    let scene = asking().arrives(8, plan(), at(11)).then_asked(8, &[]).until(at(3000)).then_asked(8, &[]);
    scene.clone().when(contact(7, ContactCommand::End), at(3001)).then_asked(8, &[DEE]);
    // That one is lost too: asked for each hour; one answer frees both.
    let scene = scene.until(at(3602)).then_some(|event| *event == fact(7, ContactFact::Stalled));
    let scene = scene.until(at(7202)).then_some(|event| *event == fact(7, ContactFact::Stalled)).then_asked(8, &[]);
    let scene = scene.when(contact(7, GONE), at(7300));
    assert_eq!((scene.asked(8).len(), points(&scene, CARYS) + points(&scene, DEE)), (1, 100));
}

#[test]
fn a_consultation_that_is_never_told_takes_nobody_and_its_end_is_refused() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).answered(7, at(2)).ready(&[DEE], at(3));
    let scene = scene.when(contact(7, ContactCommand::EndConsult), at(20)).then_refused(Rejection::WrongContactState);
    scene.then_state(7, ContactState::Connected).arrives(8, plan(), at(21)).then_asked(8, &[DEE]);
}

#[test]
fn an_agent_who_left_untold_is_asked_once_and_her_contact_goes_on() {
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1)).arrives(7, plan(), at(10)).then_asked(7, &[CARYS]);
    let scene = scene.until(at(30)).then_asked(7, &[DEE]);
    assert_eq!(presence(&scene, CARYS), (Presence::NotReady, StateCause::NoAnswer));
    // She is asked no more until she says that she is ready.
    let scene = scene.answered(7, at(31)).arrives(8, plan(), at(32)).until(at(800)).then_asked(8, &[]);
    scene.ready(&[CARYS], at(801)).then_asked(8, &[CARYS]);
}

#[test]
fn an_agent_who_left_untold_with_a_contact_keeps_it_only_as_long_as_nobody_answers() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(10)).answered(7, at(12)).ready(&[DEE], at(13));
    for hour in 1..4 {
        let scene = scene.clone().until(at(12 + hour * 3600));
        scene.then_some(|event| *event == fact(7, ContactFact::Stalled)).then_state(7, ContactState::Connected);
    }
    scene.when(contact(7, ContactCommand::Requeue), at(4 * 3600)).then_asked(7, &[DEE]);
}

#[test]
fn what_comes_to_an_agent_unasked_who_left_untold_goes_on_at_its_deadline_each_time() {
    let auto = OfferPolicy { mode: OfferMode::Auto, accept_within: secs(7200), ..plan().offer };
    let mail = |number, now| Arrival { channel: EMAIL, ..arrival(number, Plan { offer: auto, ..plan() }, now) };
    let scene = world().ready(&[CARYS], at(0)).receives(mail(7, at(10)), at(10)).ready(&[DEE], at(11));
    let scene = scene.receives(mail(8, at(20)), at(20));
    let held = |scene: &Scene| [7, 8].map(|mail| scene.router.contact(ContactId(mail)).unwrap().agent);
    assert_eq!(held(&scene), [Some(CARYS); 2]);
    let scene = scene.until(at(7210));
    assert_eq!(held(&scene), [Some(DEE), Some(CARYS)]);
    let scene = scene.until(at(7220));
    assert_eq!(held(&scene), [Some(DEE); 2]);
    // Nobody answers for her, and nothing makes her not ready: what comes next may be hers for as long again.
    assert_eq!((presence(&scene, CARYS).0, points(&scene, CARYS)), (Presence::Ready, 0));
}

#[test]
fn an_agent_who_came_back_untold_stays_as_she_was_and_others_are_asked() {
    let scene = world().ready(&[CARYS], at(0)).when(Input::Agent(CARYS, says(Presence::NotReady)), at(1));
    let scene =
        scene.arrives(7, plan(), at(10)).then_asked(7, &[]).until(at(500)).then_asked(7, &[]).ready(&[DEE], at(501));
    scene
        .then_asked(7, &[DEE])
        .arrives(8, plan(), at(502))
        .then_asked(8, &[])
        .ready(&[CARYS], at(503))
        .then_asked(8, &[CARYS]);
}

#[test]
fn a_return_from_an_absence_that_is_never_told_comes_at_its_end() {
    let away = AgentCommand::Absent { from: at(1), until: at(500), reason: None, deputy: None };
    let scene = world().ready(&[CARYS], at(0)).when(Input::Agent(CARYS, away), at(1)).arrives(7, plan(), at(10));
    scene.until(at(499)).then_asked(7, &[]).until(at(500)).then_asked(7, &[CARYS]);
}

#[test]
fn work_from_elsewhere_counts_as_it_was_told_last() {
    let load = |contacts| Input::Agent(CARYS, AgentCommand::Load(VOICE, contacts));
    let scene = world().ready(&[CARYS], at(0)).when(load(1), at(1)).arrives(7, plan(), at(10));
    // Its end is lost: nobody is asked, and the next word about it is the one that counts.
    let scene = scene.until(at(800)).then_asked(7, &[]);
    assert_eq!(points(&scene, CARYS), 100);
    scene.when(load(0), at(801)).then_asked(7, &[CARYS]);
}

/// What is told of contact 7.
#[derive(Clone, Debug)]
enum Told {
    Received(Box<Arrival>),
    Accepted,
    Contact(ContactCommand),
    Agent(AgentCommand),
}

fn tell(scene: Scene, told: &Told, now: Timestamp) -> Scene {
    match told {
        Told::Received(arrival) => scene.receives((**arrival).clone(), now),
        Told::Contact(command) => scene.when(contact(7, command.clone()), now),
        Told::Agent(command) => scene.when(Input::Agent(CARYS, command.clone()), now),
        Told::Accepted => {
            let scene = scene.until(Timestamp(now.0 - 1));
            let live = scene.offer_of(7).and_then(|offer| scene.router.offer(offer));
            let Some((offer, agent)) = live.map(|live| (live.id, live.agent)) else { return scene };
            scene.when(accepts(offer.0, agent), now)
        }
    }
}

/// Every kind of life, from its first event to its last.
fn lives() -> Vec<(&'static str, Vec<Told>)> {
    use ContactCommand::{Abandon, Close, Connect, Consult, End, EndConsult, Park, Resume, Schedule};
    let auto = OfferPolicy { mode: OfferMode::Auto, accept_within: secs(7200), ..plan().offer };
    let received = |channel| Told::Received(Box::new(Arrival { channel, ..arrival(7, plan(), at(10)) }));
    let mail = Arrival { channel: EMAIL, ..arrival(7, Plan { offer: auto, ..plan() }, at(10)) };
    let of = |commands: &[ContactCommand]| commands.iter().cloned().map(Told::Contact).collect::<Vec<_>>();
    let offered =
        |channel, commands: &[ContactCommand]| [vec![received(channel), Told::Accepted], of(commands)].concat();
    let offline = Told::Agent(says(Presence::Offline));
    let failed = ContactCommand::FailToConnect(ConnectFailure::Customer { retry_at: Some(at(900)) });
    let again = [vec![Told::Accepted], of(&[Connect, End, Close])].concat();
    vec![
        ("call", offered(VOICE, &[Connect, End, Close])),
        ("chat", offered(CHAT, &[Connect, Park, Resume, Park, Resume, Close])),
        ("mail", [vec![Told::Received(Box::new(mail))], of(&[Connect, Close])].concat()),
        ("call-back", [vec![received(VOICE)], of(&[Schedule(at(11))]), again].concat()),
        ("call-back in vain", offered(VOICE, &[failed, Abandon])),
        ("consultation", offered(VOICE, &[Connect, Consult(DEE), EndConsult, End, Close])),
        ("abandoned", [vec![received(VOICE)], of(&[Abandon])].concat()),
        ("agent leaves", [vec![received(CHAT), offline, Told::Accepted], of(&[Connect, Close])].concat()),
    ]
}

/// A life with some of its events lost, and a few days after it.
fn live(life: &[Told], is_lost: impl Fn(usize) -> bool) -> Scene {
    let mut scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1));
    for (number, told) in life.iter().enumerate().filter(|(number, _)| !is_lost(*number)) {
        scene = tell(scene, told, at(10 + 5 * i64::try_from(number).expect("few")));
    }
    scene.until(at(80 * 3600))
}

/// Nothing is left that waits for a word which nobody is asked for, and that anybody else waits for.
fn then_nothing_is_stuck(scene: Scene, story: &str) -> Scene {
    let Some(view) = scene.router.contact(ContactId(7)) else { return scene };
    let state = view.state;
    match state {
        ContactState::Closed => {}
        ContactState::Connected => {
            let asked = scene.log.iter().rev().find(|(_, event)| *event == fact(7, ContactFact::Stalled));
            let (when, _) = asked.unwrap_or_else(|| panic!("{story}: nobody is asked"));
            assert!(*when > at(79 * 3600), "{story}: last asked at {when:?}");
        }
        ContactState::Waiting => {
            let asked = scene.clone().ready(&[CARYS, DEE], at(80 * 3600 + 1)).asked(7);
            assert_eq!(asked.len(), 1, "{story}: whoever becomes ready is asked");
        }
        ContactState::Parked => assert_eq!(points(&scene, CARYS) + points(&scene, DEE), 0, "{story}"),
        // A mail that nobody tells of goes from one to the other.
        ContactState::Assigned => {
            let wake = scene.router.next_wake().unwrap_or_else(|| panic!("{story}: nothing ends it"));
            assert_eq!((wake.kind, wake.at <= at(82 * 3600)), (TimerKind::AcceptedDeadline, true), "{story}");
        }
        other => panic!("{story}: {other:?} for days"),
    }
    let ends = if state == ContactState::Closed { scene } else { scene.when(contact(7, GONE), at(80 * 3600 + 2)) };
    assert_eq!(ends.state(7), ContactState::Closed, "{story}");
    for agent in [CARYS, DEE] {
        let view = ends.router.agent(agent).expect("she is known");
        assert_eq!((view.points_in_use, view.consults.len(), view.parked.len()), (0, 0, 0), "{story}: {agent:?}");
    }
    assert_eq!(ends.router.next_wake(), None, "{story}");
    ends
}

#[test]
fn whichever_event_of_a_life_is_lost_nothing_is_stuck() {
    let mut left = BTreeSet::new();
    for (name, life) in lives() {
        let whole = live(&life, |_| false);
        assert_eq!(whole.state(7), ContactState::Closed, "{name}");
        for lost in 0..life.len() {
            let alone = (live(&life, |number| number == lost), "alone");
            let silent = (live(&life, |number| number >= lost), "with all that follows");
            for (scene, how) in [alone, silent] {
                let story = format!("{name}, {:?} lost {how}", life[lost]);
                left.extend(scene.router.contact(ContactId(7)).map(|view| format!("{:?}", view.state)));
                then_nothing_is_stuck(scene, &story);
            }
        }
    }
    // Each way in which a life without one of its events can end was looked at.
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["Assigned", "Closed", "Connected", "Parked", "Waiting"]);
}
