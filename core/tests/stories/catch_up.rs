//! After an outage: what happened meanwhile is told first, and nobody is offered anything before.

use picket_core::*;

use crate::scene::*;

const BEGIN: Input = Input::CatchUp(CatchUp::Begin);
const END: Input = Input::CatchUp(CatchUp::End);

const fn began(until: Timestamp) -> Event {
    Event::World(WorldFact::CatchUpBegan { until })
}

const ENDED: Event = Event::World(WorldFact::CatchUpEnded);

fn is_offer(event: &Event) -> bool {
    matches!(event, Event::Offer(_, OfferFact::Made { .. }))
}

#[test]
fn while_it_lasts_nobody_is_offered_anything_and_who_is_gone_by_its_end_never_is() {
    let scene = world().ready(&[CARYS, DEE], at(0)).when(BEGIN, at(1)).then(&[began(at(31))]);
    let scene = scene.arrives(1, plan(), at(1)).arrives(2, plan(), at(2)).arrives(3, plan(), at(2));
    let scene = scene.when(contact(1, ContactCommand::Abandon), at(3)).then_state(1, ContactState::Closed);
    let scene = scene.when(Input::Agent(DEE, says(Presence::NotReady)), at(4)).ready(&[DEE], at(5)).until(at(30));
    assert!(!scene.log.iter().any(|(_, event)| is_offer(event)));
    let scene = scene.when(END, at(30)).then_asked(2, &[CARYS]).then_asked(3, &[DEE]);
    assert_eq!(scene.router.offers().count(), 2);
}

#[test]
fn it_ends_by_itself_after_thirty_seconds_whoever_else_begins_one() {
    let scene =
        world().ready(&[CARYS], at(0)).when(BEGIN, at(1)).arrives(1, plan(), at(2)).when(BEGIN, at(20)).then(&[]);
    assert_eq!(scene.router.catching_up(), Some(at(31)));
    assert_eq!(scene.router.next_wake(), Some(Wake { at: at(31), kind: TimerKind::CatchUpEnd }));
    let scene = scene.until(at(30)).then_asked(1, &[]).until(at(31)).then_asked(1, &[CARYS]);
    assert_eq!(scene.last.first(), Some(&ENDED));
    scene.when(END, at(32)).then(&[]);
}

#[test]
fn a_jump_of_the_clock_is_no_time_in_which_anything_was_told() {
    let scene = world().ready(&[CARYS], at(0)).when(BEGIN, at(1)).arrives(1, plan(), at(2));
    let scene = scene.when_late(Input::ClockJumped(secs(3600)), at(3602)).then_asked(1, &[]);
    assert_eq!(scene.router.catching_up(), Some(at(3631)));
    scene.until(at(3631)).then_asked(1, &[CARYS]);
}

#[test]
fn what_is_out_already_is_answered_or_missed_as_ever_and_what_waits_again_waits_for_the_end() {
    let scene =
        world().ready(&[CARYS, DEE], at(0)).arrives(1, plan(), at(0)).arrives(2, plan(), at(0)).when(BEGIN, at(1));
    let scene = scene.when(accepts(1, CARYS), at(2)).then_state(1, ContactState::Assigned);
    let scene = scene.when(contact(1, ContactCommand::FailToConnect(ConnectFailure::Agent)), at(3));
    let scene = scene.then_state(1, ContactState::Waiting).then_asked(1, &[]);
    let scene = scene.until(at(20)).then_some(|event| matches!(event, Event::Offer(_, OfferFact::Expired)));
    // Dee did not answer and is away; Carys is alone now, and what was hers goes before the other.
    scene.then_asked(2, &[]).when(END, at(21)).then_asked(1, &[CARYS]).then_asked(2, &[]);
}

#[test]
fn the_longest_wait_ends_where_it_ends() {
    let to = DestinationId(3);
    let finally = Finally { busy: ExitAction::Divert(to), ..STAY };
    let short = Plan { longest: Some(secs(10)), finally, ..plan() };
    let scene = world().ready(&[CARYS], at(0)).when(BEGIN, at(1)).arrives(1, short, at(2)).until(at(12));
    let outcome = Outcome::Diverted { to, cause: FinalCause::Busy };
    scene.then_some(|event| *event == fact(1, ContactFact::Closed { outcome }));
}

#[test]
fn no_step_is_over_and_no_fence_opens_for_people_who_were_not_asked() {
    let short = Plan { steps: vec![step(Who::Lead, hold(5))], ..fenced() };
    let scene = world().ready(&[ANN, CARYS], at(0)).when(BEGIN, at(1)).arrives(1, short, at(2)).until(at(30));
    let scene = scene.then(&[]).when(END, at(30)).then_asked(1, &[ANN]);
    assert_eq!(
        scene.router.contact(ContactId(1)).and_then(|contact| contact.fence).map(|fence| fence.open),
        Some(None)
    );
}

#[test]
fn at_the_end_whom_nobody_can_take_moves_on_before_anybody_is_given_something_else() {
    let holds = Holds { off_shift: Hold::For(Millis::ZERO), ..hold(600) };
    let valued = Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), hold(600))], ..fenced() };
    let lends = TeamSpec { lends_to: vec![GENERAL], ..team(&[ANN, BOLA]) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, lends)).ready(&[BOLA], at(0)).when(BEGIN, at(1));
    let scene = scene.arrives(1, plan(), at(2)).arrives(2, valued, at(3)).when(END, at(4));
    scene.then_asked(2, &[BOLA]).then_asked(1, &[]);
}

#[test]
fn at_the_end_everybody_has_the_best_for_her_or_what_is_hers_alone() {
    let familiar = |number, agent| Arrival {
        familiar: vec![Familiar { agent, contacts: 3, last: at(-500) }],
        ..arrival(number, plan(), at(i64::from(number)))
    };
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1)).when(BEGIN, at(2));
    let scene = scene.receives(familiar(3, DEE), at(4)).receives(familiar(4, CARYS), at(5)).when(END, at(6));
    scene.then_asked(3, &[DEE]).then_asked(4, &[CARYS]);
}

#[test]
fn a_supervisor_gives_and_an_agent_takes_all_the_same() {
    let scene =
        world().ready(&[CARYS, DEE], at(0)).when(BEGIN, at(1)).arrives(1, plan(), at(2)).arrives(2, plan(), at(2));
    let give = Supervision::Assign(Handler { agent: CARYS });
    let scene = scene.when(Input::Supervise(ContactId(1), give), at(3)).then_state(1, ContactState::Assigned);
    scene.when(Input::Agent(DEE, AgentCommand::Pull(ContactId(2))), at(4)).then_state(2, ContactState::Assigned);
}

#[test]
fn what_is_assigned_without_asking_waits_for_the_end_too() {
    let auto = Plan { offer: OfferPolicy { mode: OfferMode::Auto, ..plan().offer }, ..plan() };
    let scene = world().ready(&[CARYS], at(0)).when(BEGIN, at(1)).arrives(1, auto, at(2));
    scene.then_state(1, ContactState::Waiting).when(END, at(3)).then_state(1, ContactState::Assigned);
}
