//! A contact's states: what ends each of them, and that everybody who came is in exactly one.

use std::collections::BTreeMap;

use picket_core::*;

use crate::scene::*;

fn chat(number: u32, now: Timestamp) -> Arrival {
    Arrival { channel: CHAT, ..arrival(number, Plan { longest: None, ..plan() }, now) }
}

/// One contact in each state, all of Carys's, who was seen last at 5.
fn each() -> Vec<(ContactState, Scene, Option<TimerKind>)> {
    let command = |command| contact(1, command);
    let waiting = || world().receives(chat(1, at(1)), at(1));
    let offered = || waiting().ready(&[CARYS], at(2));
    let assigned = || offered().when(accepts(1, CARYS), at(3));
    let connected = || assigned().when(command(ContactCommand::Connect), at(4));
    let lost = Input::Agent(CARYS, AgentCommand::Vouch(ExpectedPresence::Lost));
    vec![
        (ContactState::Waiting, waiting(), Some(TimerKind::StepHold)),
        (ContactState::Offered, offered(), Some(TimerKind::OfferExpiry)),
        (ContactState::Assigned, assigned(), Some(TimerKind::AcceptedDeadline)),
        (ContactState::Connected, connected(), Some(TimerKind::ConnectedTooLong)),
        (ContactState::Orphaned, connected().when(lost, at(5)), Some(TimerKind::OrphanWait)),
        (ContactState::WrapUp, connected().when(command(ContactCommand::End), at(5)), Some(TimerKind::WrapUpEnd)),
        (
            ContactState::Scheduled,
            waiting().when(command(ContactCommand::Schedule(at(900))), at(5)),
            Some(TimerKind::ScheduleDue),
        ),
        // The customer's next word, and nothing else, ends it.
        (ContactState::Parked, connected().when(command(ContactCommand::Park), at(5)), None),
        (ContactState::Closed, waiting().when(command(ContactCommand::Abandon), at(5)), None),
    ]
}

#[test]
fn every_state_has_a_named_wake_up_or_waits_for_a_word_from_outside() {
    for (state, scene, kind) in each() {
        let scene = scene.then_state(1, state);
        assert_eq!(scene.router.next_wake().map(|wake| wake.kind), kind, "{state:?}");
    }
}

#[test]
fn left_to_itself_a_contact_goes_on_from_every_state_that_has_a_wake_up() {
    for (state, scene, kind) in each() {
        let Some(wake) = scene.router.next_wake() else { continue };
        let (happened, scene) = (scene.log.len(), scene.until(wake.at));
        assert!(scene.log.len() > happened, "{state:?}: {kind:?}");
        let after = scene.router.next_wake();
        assert!(after.is_none_or(|after| after.at > wake.at), "{state:?}: {after:?}");
    }
}

#[test]
fn after_a_refusal_a_miss_a_failure_and_a_requeue_a_contact_waits_again() {
    let out = || world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1));
    let gone = |scene: Scene, now| scene.when(Input::Agent(CARYS, says(Presence::NotReady)), at(now));
    let failed = contact(7, ContactCommand::FailToConnect(ConnectFailure::Agent));
    let back = [
        gone(out().when(declines(1, CARYS), at(2)), 3),
        out().until(at(21)),
        gone(out().when(accepts(1, CARYS), at(2)).when(failed, at(3)), 4),
        gone(out().answered(7, at(2)).when(contact(7, ContactCommand::Requeue), at(3)), 4),
    ];
    for scene in back {
        scene.then_state(7, ContactState::Waiting).ready(&[DEE], at(100)).then_asked(7, &[DEE]);
    }
}

#[test]
fn an_accepted_contact_is_seen_as_such_and_has_a_deadline_of_its_own() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).when(accepts(1, CARYS), at(5));
    let scene = scene.then_state(7, ContactState::Assigned).until(at(34)).then(&[]).until(at(35));
    let failure = ConnectFailure::Deadline;
    let scene = scene.then_some(|event| *event == fact(7, ContactFact::ConnectFailed { failure }));
    scene.when(contact(7, ContactCommand::Connect), at(36)).then_refused(Rejection::WrongContactState);
}

#[test]
fn everybody_who_was_received_is_in_exactly_one_state() {
    let crew: Vec<AgentId> = (10..14).map(AgentId).collect();
    let mut scene = world();
    for agent in &crew {
        scene.put(WorldChange::PutAgent(*agent, crate::scene::agent(&[GENERAL])));
    }
    scene = scene.ready(&crew, at(0));
    for number in 1..=8 {
        scene = scene.receives(chat(number, at(1)), at(1));
    }
    let ends = [
        (1, vec![ContactCommand::Abandon]),
        (3, vec![ContactCommand::Connect]),
        (4, vec![ContactCommand::Connect, ContactCommand::Park]),
        (5, vec![ContactCommand::Connect, ContactCommand::End]),
        (6, vec![ContactCommand::Withdraw(OutsideEnd::Gone)]),
        (7, vec![ContactCommand::Schedule(at(500))]),
    ];
    for number in 2..=5 {
        let offer = scene.offer_of(number).expect("an offer is out");
        let agent = scene.router.offer(offer).expect("it is live").agent;
        scene = scene.when(accepts(offer.0, agent), at(2));
    }
    for (number, commands) in ends {
        for command in commands {
            scene = scene.when(contact(number, command), at(3));
            assert_eq!(scene.refused, None, "{number}");
        }
    }
    scene = scene.receives(Arrival { channel: VOICE, ..chat(9, at(4)) }, at(4));
    let waiting = Plan { queue: BILLING, longest: None, ..plan() };
    scene = scene.receives(Arrival { plan: waiting, ..chat(10, at(4)) }, at(4));
    let received = scene.log.iter().filter(|(_, event)| matches!(event, Event::Contact(_, ContactFact::Received(_))));
    let mut counted = BTreeMap::<String, u32>::new();
    scene.router.contacts().for_each(|contact| *counted.entry(format!("{:?}", contact.state)).or_default() += 1);
    assert_eq!(usize::try_from(counted.values().sum::<u32>()), Ok(received.count()), "{counted:?}");
    for state in ["Waiting", "Offered", "Assigned", "Connected", "WrapUp", "Parked", "Scheduled", "Closed"] {
        assert!(counted.get(state).is_some_and(|count| *count > 0), "{state}: {counted:?}");
    }
}
