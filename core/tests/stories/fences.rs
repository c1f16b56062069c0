//! Fences: who is inside, when they open, and that they stay closed.

use picket_core::*;

use crate::scene::*;

fn tried(agent: AgentId, obstacle: Obstacle) -> Tried {
    Tried { agent, obstacle }
}

#[test]
fn a_closed_fence_holds_although_an_outsider_is_free() {
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1));
    scene.then_asked(7, &[]).until(at(60)).then_asked(7, &[]);
}

#[test]
fn a_queue_step_behind_a_closed_fence_lets_only_insiders_in() {
    let plan = Plan { steps: vec![step(Who::Queue, hold(60))], finally: STAY, ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan.clone(), at(1)).then_asked(7, &[]);
    scene.ready(&[DEE], at(2)).then_asked(7, &[DEE]);
}

#[test]
fn the_fence_opens_when_every_hold_is_over_and_says_who_was_tried() {
    let scene = world().ready(&[ANN, BOLA, CARYS], at(0));
    let scene = scene.arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.when(Input::Agent(BOLA, says(Presence::NotReady)), at(3)).arrives(7, fenced(), at(10));
    let scene = scene.until(at(40)).then(&[fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::HoldOver })]);
    let scene = scene.until(at(100)).then(&[fact(7, ContactFact::StepEntered { step: 2, cause: StepCause::HoldOver })]);
    let scene = scene.until(at(160));
    let members = vec![tried(ANN, Obstacle::Busy), tried(BOLA, Obstacle::Away), tried(DEE, Obstacle::OffShift)];
    let opened = FenceFact::Opened { reason: FenceReason::HoldOver, held: secs(150), tried: members, until: None };
    scene.then_some(|event| *event == Event::Fence(ContactId(7), opened.clone())).then_asked(7, &[CARYS]);
}

#[test]
fn with_nobody_of_team_and_covers_there_it_opens_for_want_of_cover() {
    let holds = Holds { off_shift: Hold::For(Millis::ZERO), ..hold(30) };
    let plan = Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), holds)], ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan, at(1));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::NoCover)).then_asked(7, &[CARYS]);
}

#[test]
fn a_strict_fence_never_opens_by_itself() {
    let plan = Plan { finally: STAY, ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan, at(1)).until(at(5000));
    let opened = scene.log.iter().any(|(_, event)| opened_for(event).is_some());
    assert!(!opened);
    scene.then_state(7, ContactState::Waiting).ready(&[ANN], at(5001)).then_asked(7, &[ANN]);
}

#[test]
fn a_missing_team_never_opens_a_fence() {
    let scene = world().with(WorldChange::RemoveTeam(HOPKINS)).ready(&[ANN, CARYS], at(0));
    let plan = Plan { finally: STAY, ..fenced() };
    scene.arrives(7, plan, at(1)).then_asked(7, &[]).until(at(2000)).then_asked(7, &[]);
}

#[test]
fn the_longest_wait_opens_the_fence() {
    let plan = Plan { longest: Some(secs(20)), ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan, at(1)).until(at(21));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::Longest)).then_asked(7, &[CARYS]);
}

#[test]
fn insiders_still_come_first_while_a_fence_is_open() {
    let open = Input::Supervise(ContactId(7), Supervision::OpenFence(FenceReason::Supervisor));
    let scene = world().arrives(7, fenced(), at(1)).when(open, at(2));
    let scene = scene.then_some(|event| opened_for(event) == Some(FenceReason::Supervisor));
    let scene = scene.arrives(8, plan(), at(3)).ready(&[ANN], at(4)).then_asked(7, &[ANN]);
    scene.when(declines(1, ANN), at(5)).then_asked(7, &[]);
}

#[test]
fn a_supervisor_closes_what_was_opened_and_outsiders_lose_their_offer() {
    let open = Input::Supervise(ContactId(7), Supervision::OpenFence(FenceReason::CustomerChoice));
    let close = Input::Supervise(ContactId(7), Supervision::CloseFence);
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).when(open.clone(), at(2));
    let scene = scene.then_asked(7, &[CARYS]).when(open, at(3)).then_refused(Rejection::FenceUnchanged);
    let scene = scene.when(close.clone(), at(4)).then_asked(7, &[]);
    scene.when(close, at(5)).then_refused(Rejection::FenceUnchanged);
}

#[test]
fn only_two_reasons_can_be_given_by_hand() {
    for reason in [FenceReason::HoldOver, FenceReason::NoCover, FenceReason::Longest, FenceReason::Transfer] {
        let open = Input::Supervise(ContactId(7), Supervision::OpenFence(reason));
        world().arrives(7, fenced(), at(1)).when(open, at(2)).then_refused(Rejection::ReasonNotAllowed);
    }
    let open = Input::Supervise(ContactId(7), Supervision::OpenFence(FenceReason::Supervisor));
    world().arrives(7, plan(), at(1)).when(open, at(2)).then_refused(Rejection::NoFence);
}

#[test]
fn a_transfer_out_of_the_fence_opens_it() {
    let scene = world().ready(&[ANN, CARYS], at(0)).arrives(7, fenced(), at(1)).answered(7, at(2));
    let scene = scene.when(contact(7, ContactCommand::Transfer(Transfer::Agent(CARYS))), at(10));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::Transfer)).then_asked(7, &[CARYS]);
}

#[test]
fn a_transfer_inside_the_fence_keeps_it_closed() {
    let scene = world().ready(&[ANN, BOLA, CARYS], at(0)).arrives(7, fenced(), at(1)).answered(7, at(2));
    let scene = scene.when(contact(7, ContactCommand::Transfer(Transfer::Agent(BOLA))), at(10));
    let scene = scene.then_none(|event| opened_for(event).is_some()).then_asked(7, &[BOLA]);
    scene.when(accepts(2, BOLA), at(11)).then_state(7, ContactState::Assigned);
}

#[test]
fn an_update_of_the_plan_never_opens_a_fence() {
    let replan = ContactCommand::Replan(Box::new(plan()), Replanning::Updated);
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).when(contact(7, replan), at(5));
    let scene = scene.then_none(|event| opened_for(event).is_some()).then_asked(7, &[]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().fence.unwrap().open, None);
}

#[test]
fn a_fence_ends_when_the_customer_is_no_longer_valued() {
    let replan = ContactCommand::Replan(Box::new(plan()), Replanning::Customer);
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).when(contact(7, replan), at(5));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::NoLongerValued)).then_asked(7, &[CARYS]);
}

#[test]
fn a_contact_that_is_somebody_elses_leaves_the_fence() {
    let replan = ContactCommand::Replan(Box::new(plan()), Replanning::Reidentified);
    let scene = world().arrives(7, fenced(), at(1)).when(contact(7, replan), at(5));
    scene.then_some(|event| opened_for(event) == Some(FenceReason::Reidentified));
}

#[test]
fn a_new_plan_counts_the_time_already_waited() {
    let replan = ContactCommand::Replan(Box::new(fenced()), Replanning::Rules);
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).when(contact(7, replan), at(20));
    scene.until(at(31)).then(&[fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::HoldOver })]);
}

#[test]
fn the_fence_survives_no_answer_and_requeue() {
    let plan = Plan { finally: STAY, ..fenced() };
    let scene = world().ready(&[ANN, CARYS], at(0)).arrives(7, plan, at(1)).until(at(21)).then_asked(7, &[]);
    let scene = scene.ready(&[BOLA], at(60)).answered(7, at(61)).when(contact(7, ContactCommand::Requeue), at(70));
    // Nobody else inside is there: the one who gave it back is asked again, and never an outsider.
    scene.then_asked(7, &[BOLA]).when(declines(3, BOLA), at(71)).ready(&[ANN], at(72)).then_asked(7, &[BOLA]);
}

#[test]
fn who_leaves_the_team_loses_the_offer() {
    let scene = world().ready(&[ANN], at(0)).arrives(7, fenced(), at(1)).then_asked(7, &[ANN]);
    let mut scene = scene;
    scene.put(WorldChange::PutTeam(HOPKINS, team(&[BOLA])));
    scene.then_asked(7, &[]);
}

#[test]
fn with_its_team_gone_not_even_an_opening_plan_opens_a_fence_and_an_alarm_is_raised() {
    for empty in [WorldChange::RemoveTeam(HOPKINS), WorldChange::PutTeam(HOPKINS, team(&[]))] {
        let scene = world().with(empty).ready(&[CARYS], at(0)).arrives(7, fenced(), at(1));
        let alarm = Event::Fence(ContactId(7), FenceFact::TeamMissing { team: HOPKINS });
        let scene = scene.then_some(|event| *event == alarm).until(at(2000)).then_asked(7, &[]);
        assert!(!scene.log.iter().any(|(_, event)| opened_for(event).is_some()));
        let mut scene = scene.then_state(7, ContactState::Waiting);
        scene.put(WorldChange::PutTeam(HOPKINS, team(&[CARYS])));
        scene.then_asked(7, &[CARYS]);
    }
}

#[test]
fn a_missing_team_still_lets_finally_send_the_contact_elsewhere() {
    let to = DestinationId(4);
    let finally = Finally { no_cover: ExitAction::Divert(to), ..OPEN };
    let scene = world().with(WorldChange::RemoveTeam(HOPKINS)).arrives(7, Plan { finally, ..fenced() }, at(1));
    let outcome = Outcome::Diverted { to, cause: FinalCause::NoCover };
    scene.then_some(|event| *event == fact(7, ContactFact::Closed { outcome }));
}

#[test]
fn while_a_fence_is_open_the_whole_team_comes_before_the_queue() {
    let open = Input::Supervise(ContactId(7), Supervision::OpenFence(FenceReason::CustomerChoice));
    let lead_only = Plan { steps: vec![step(Who::Lead, hold(600))], ..fenced() };
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE, BOLA], at(1)).arrives(7, lead_only, at(2));
    let scene = scene.then_asked(7, &[]).when(open, at(3)).then_asked(7, &[BOLA]);
    let scene = scene.when(declines(1, BOLA), at(4)).then_asked(7, &[DEE]);
    scene.when(declines(2, DEE), at(5)).then_asked(7, &[CARYS]);
}

#[test]
fn a_contact_handed_out_of_the_fence_waits_for_whom_it_was_handed_to_before_anybody_else() {
    let scene = world().ready(&[ANN, CARYS, DEE], at(0)).arrives(1, plan(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, fenced(), at(3)).answered(7, at(4));
    let scene = scene.when(contact(7, ContactCommand::Transfer(Transfer::Agent(CARYS))), at(10)).then_asked(7, &[]);
    scene.clone().when(contact(1, ContactCommand::Close), at(30)).then_asked(7, &[CARYS]);
    // After its time anybody may have it, insiders first.
    scene.until(at(70)).then_asked(7, &[DEE]);
}

#[test]
fn a_cover_serves_inside_the_fence_and_is_told_apart() {
    let scene = world().ready(&[DEE], at(0)).arrives(7, fenced(), at(1)).until(at(91)).then_asked(7, &[DEE]);
    let covered = |event: &Event| matches!(event, Event::Offer(_, OfferFact::Made { standing: Standing::Cover, .. }));
    scene.then_some(covered).then_none(|event| opened_for(event).is_some());
}

#[test]
fn once_open_a_fence_stays_open_through_a_requeue_and_a_new_plan() {
    let open = Input::Supervise(ContactId(7), Supervision::OpenFence(FenceReason::CustomerChoice));
    let scene = world().ready(&[CARYS], at(0)).arrives(7, fenced(), at(1)).when(open, at(2)).answered(7, at(3));
    let scene = scene.when(contact(7, ContactCommand::Requeue), at(10));
    let replan = ContactCommand::Replan(Box::new(fenced()), Replanning::Rules);
    let scene = scene.when(contact(7, replan), at(11));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().fence.unwrap().open, Some(FenceReason::CustomerChoice));
}
