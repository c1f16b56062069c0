//! The end of a plan: what `finally` says for each cause, and the longest wait.

use picket_core::*;

use crate::scene::*;

const HOURS: CalendarId = CalendarId(0);
const ELSEWHERE: DestinationId = DestinationId(5);
const CAUSES: [FinalCause; 4] = [FinalCause::Busy, FinalCause::ClosedHours, FinalCause::Holiday, FinalCause::NoCover];
const ACTIONS: [ExitAction; 4] =
    [ExitAction::Stay, ExitAction::Open, ExitAction::Callback, ExitAction::Divert(ELSEWHERE)];

/// What is done for one cause; for the others something else.
fn finally(cause: FinalCause, action: ExitAction) -> Finally {
    let other = if action == ExitAction::Stay { ExitAction::Divert(DestinationId(9)) } else { ExitAction::Stay };
    let mut all = Finally { busy: other, closed_hours: other, holiday: other, no_cover: other };
    let own = match cause {
        FinalCause::Busy => &mut all.busy,
        FinalCause::ClosedHours => &mut all.closed_hours,
        FinalCause::Holiday => &mut all.holiday,
        FinalCause::NoCover => &mut all.no_cover,
    };
    *own = action;
    all
}

/// Hopkins and its cover work until 50, and have a holiday from 100 on.
fn place() -> Scene {
    let windows = vec![Window { from: at(0), to: at(50) }];
    let holidays = vec![Window { from: at(100), to: at(1000) }];
    let night = TeamSpec { hours: Some(HOURS), ..team(&[DEE]) };
    let hopkins = TeamSpec { hours: Some(HOURS), covers: vec![NIGHT], ..team(&[ANN, BOLA]) };
    let scene = world().with(WorldChange::PutCalendar(HOURS, Calendar { windows, holidays, until: None }));
    scene.with(WorldChange::PutTeam(NIGHT, night)).with(WorldChange::PutTeam(HOPKINS, hopkins))
}

/// A contact whose plan ends for this cause as soon as it arrives.
fn ended(cause: FinalCause, action: ExitAction) -> Scene {
    let scene = match cause {
        FinalCause::Busy => place().ready(&[ANN], at(0)).when(Input::Agent(ANN, says(Presence::NotReady)), at(1)),
        FinalCause::ClosedHours | FinalCause::Holiday | FinalCause::NoCover => place(),
    };
    let now = match cause {
        FinalCause::Busy | FinalCause::NoCover => at(10),
        FinalCause::ClosedHours => at(60),
        FinalCause::Holiday => at(150),
    };
    let plan = Plan { steps: vec![step(Who::Team(None), hold(0))], finally: finally(cause, action), ..fenced() };
    scene.until(Timestamp(now.0 - 1)).arrives(7, plan, now)
}

/// What followed the end of the plan.
fn followed(scene: &Scene) -> Vec<Event> {
    let at_end = |event: &Event| matches!(event, Event::Contact(ContactId(7), ContactFact::PlanExhausted { .. }));
    scene.last.iter().skip_while(|event| !at_end(event)).cloned().collect()
}

#[test]
fn finally_does_for_each_cause_what_it_says_for_that_cause() {
    for cause in CAUSES {
        let exhausted = fact(7, ContactFact::PlanExhausted { cause });
        let wanted = fact(7, ContactFact::CallbackWanted);
        let diverted = fact(7, ContactFact::Closed { outcome: Outcome::Diverted { to: ELSEWHERE, cause } });
        for action in ACTIONS {
            let found = followed(&ended(cause, action));
            let (first, then) = found.split_first().expect("the plan ended");
            assert_eq!(*first, exhausted, "{action:?}");
            match action {
                ExitAction::Stay => assert_eq!(then, [], "{cause:?}"),
                ExitAction::Open => {
                    let reasons: Vec<FenceReason> = then.iter().filter_map(opened_for).collect();
                    let nobody = cause == FinalCause::NoCover;
                    assert_eq!(reasons, [if nobody { FenceReason::NoCover } else { FenceReason::HoldOver }]);
                }
                ExitAction::Callback => assert_eq!(then, std::slice::from_ref(&wanted), "{cause:?}"),
                ExitAction::Divert(_) | ExitAction::Overflow(_) => assert_eq!(then, std::slice::from_ref(&diverted)),
            }
        }
    }
}

#[test]
fn when_the_longest_wait_is_reached_finally_applies() {
    let ends = |action| {
        let finally = Finally { busy: action, closed_hours: action, holiday: action, no_cover: action };
        let plan = Plan { steps: vec![step(Who::Team(None), hold(600))], longest: Some(secs(20)), finally, ..fenced() };
        let scene = world().arrives(7, plan, at(1)).until(at(20)).then(&[]);
        scene.until(at(21)).then_some(|event| matches!(event, Event::Contact(_, ContactFact::PlanExhausted { .. })))
    };
    let opened = ends(ExitAction::Open);
    opened.then_some(|event| opened_for(event) == Some(FenceReason::Longest));
    ends(ExitAction::Callback).then_some(|event| *event == fact(7, ContactFact::CallbackWanted));
    ends(ExitAction::Divert(ELSEWHERE)).then_state(7, ContactState::Closed);
    let stays = ends(ExitAction::Stay).then_state(7, ContactState::Waiting).until(at(4000));
    stays.then_none(|event| opened_for(event).is_some()).ready(&[BOLA], at(4001)).then_asked(7, &[BOLA]);
}

#[test]
fn the_longest_wait_goes_on_through_offers_that_nobody_took() {
    let plan = Plan { longest: Some(secs(30)), finally: finally(FinalCause::Busy, ExitAction::Open), ..fenced() };
    let scene = world().ready(&[ANN], at(0)).arrives(7, plan, at(1)).then_asked(7, &[ANN]).until(at(21));
    let scene = scene.then_asked(7, &[]).until(at(30)).then_none(|event| opened_for(event).is_some());
    scene.until(at(31)).then_some(|event| opened_for(event) == Some(FenceReason::Longest));
}

#[test]
fn a_contact_without_a_fence_that_is_to_stay_is_served_when_somebody_comes() {
    let plan = Plan { steps: vec![step(Who::Queue, hold(30))], longest: Some(secs(60)), ..plan() };
    let scene = world().arrives(7, plan, at(1)).until(at(500)).then_state(7, ContactState::Waiting);
    scene.ready(&[CARYS], at(501)).then_asked(7, &[CARYS]);
}

#[test]
fn a_team_that_is_emptied_while_a_contact_waits_opens_nothing_and_raises_an_alarm() {
    for empty in [WorldChange::RemoveTeam(HOPKINS), WorldChange::PutTeam(HOPKINS, team(&[]))] {
        let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).with_later(empty, at(5));
        let scene = scene.until(at(2000)).then_asked(7, &[]).then_state(7, ContactState::Waiting);
        assert!(!scene.log.iter().any(|(_, event)| opened_for(event).is_some()));
        let alarm = Event::Fence(ContactId(7), FenceFact::TeamMissing { team: HOPKINS });
        assert!(scene.log.iter().any(|(_, event)| *event == alarm));
    }
}
