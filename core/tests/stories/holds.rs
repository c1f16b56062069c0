//! Steps and their holds.

use picket_core::*;

use crate::scene::*;

fn entered(step: u8, cause: StepCause) -> Event {
    fact(7, ContactFact::StepEntered { step, cause })
}

fn holds(busy: u32, away: u32, absent: u32, off_shift: u32) -> Holds {
    let of = |seconds| Hold::For(secs(seconds));
    Holds { busy: of(busy), away: of(away), absent: of(absent), off_shift: of(off_shift), left: of(0) }
}

/// The lead, by what keeps her; then the team.
fn lead_then_team(holds: Holds) -> Plan {
    Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), hold(600))], ..fenced() }
}

#[test]
fn the_lead_is_asked_first_and_the_team_joins_after_the_hold() {
    let scene = world().ready(&[ANN, BOLA], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, fenced(), at(10)).then_asked(7, &[]);
    let scene = scene.until(at(40)).then_some(|event| *event == entered(1, StepCause::HoldOver));
    scene.then_asked(7, &[BOLA]);
}

#[test]
fn each_cause_has_its_own_hold() {
    for (presence, end) in [(Presence::NotReady, 20), (Presence::Offline, 40)] {
        let plan = lead_then_team(holds(10, 10, 10, 30));
        let scene = world().ready(&[ANN], at(0)).when(Input::Agent(ANN, says(presence)), at(1));
        let scene = scene.arrives(7, plan, at(10));
        let waiting = scene.router.contact(ContactId(7)).unwrap();
        assert_eq!(waiting.step_until, Some(at(end)), "{presence:?}");
    }
}

#[test]
fn a_hold_is_looked_at_again_when_the_persons_state_changes() {
    let plan = lead_then_team(holds(60, 10, 0, 0));
    let scene = world().ready(&[ANN, BOLA], at(0)).arrives(1, plan.clone(), at(1)).answered(1, at(2));
    let scene = scene.arrives(7, plan, at(10)).until(at(30)).then(&[]);
    let scene = scene.when(Input::Agent(ANN, says(Presence::NotReady)), at(31));
    scene.then_some(|event| *event == entered(1, StepCause::HoldOver)).then_asked(7, &[BOLA]);
}

#[test]
fn a_longer_hold_counts_from_the_start_of_the_step() {
    let plan = lead_then_team(holds(60, 20, 0, 0));
    let scene = world().ready(&[ANN, BOLA], at(0)).when(Input::Agent(ANN, says(Presence::NotReady)), at(1));
    let mut scene = scene.arrives(7, plan, at(10)).until(at(25)).then(&[]);
    scene = scene.when(Input::Agent(ANN, AgentCommand::Load(VOICE, 1)), at(26));
    scene = scene.when(Input::Agent(ANN, says(Presence::Ready)), at(27)).then_asked(7, &[]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step_until, Some(at(70)));
}

#[test]
fn a_step_nobody_can_ever_serve_is_passed_at_once() {
    let plan = Plan { lead: Some(AgentId(99)), ..lead_then_team(holds(60, 60, 60, 60)) };
    let scene = world().ready(&[BOLA], at(0)).arrives(7, plan, at(10));
    scene.then_some(|event| *event == entered(1, StepCause::Nobody)).then_asked(7, &[BOLA]);
}

#[test]
fn a_step_whose_people_lack_the_skill_is_passed_at_once() {
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let plan = Plan { needs, ..lead_then_team(holds(60, 60, 60, 60)) };
    let scene = world().with(WorldChange::PutAgent(BOLA, skilled(5))).ready(&[ANN, BOLA], at(0));
    let scene = scene.arrives(7, plan, at(10));
    scene.then_some(|event| *event == entered(1, StepCause::Nobody)).then_asked(7, &[BOLA]);
}

#[test]
fn a_queue_nobody_able_serves_is_passed_at_once() {
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let to = DestinationId(3);
    let finally = Finally { no_cover: ExitAction::Divert(to), ..STAY };
    let outcome = Outcome::Diverted { to, cause: FinalCause::NoCover };
    let scene = world().ready(&[CARYS], at(0)).arrives(7, Plan { needs, finally, ..plan() }, at(10));
    scene.then_some(|event| *event == fact(7, ContactFact::Closed { outcome }));
}

#[test]
fn a_step_that_says_only_replaces_the_people_before() {
    let only = Step { joining: Joining::Only, ..step(Who::Agent(BOLA), hold(600)) };
    let plan = Plan { steps: vec![step(Who::Lead, hold(10)), only], ..fenced() };
    let scene = world().arrives(7, plan, at(10)).until(at(20)).ready(&[ANN], at(21)).then_asked(7, &[]);
    scene.ready(&[BOLA], at(22)).then_asked(7, &[BOLA]);
}

#[test]
fn a_widening_step_keeps_preference_for_the_people_before() {
    let scene = world().arrives(7, fenced(), at(10)).until(at(40));
    let scene = scene.when(Input::Agent(ANN, says(Presence::Ready)), at(41)).then_asked(7, &[ANN]);
    let scene = scene.when(declines(1, ANN), at(42)).ready(&[BOLA], at(43));
    scene.then_asked(7, &[BOLA]);
}

#[test]
fn a_hold_in_working_time_ignores_the_night() {
    let hours = CalendarId(0);
    let windows = vec![Window { from: at(0), to: at(100) }, Window { from: at(1000), to: at(2000) }];
    let holds = Holds::all(Hold::Working(secs(60), hours));
    let scene = world().with(WorldChange::PutCalendar(hours, Calendar { windows, ..Calendar::default() }));
    let scene = scene.arrives(7, Plan { longest: None, ..lead_then_team(holds) }, at(80));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step_until, Some(at(1040)));
}

#[test]
fn a_bypassed_skill_is_said_in_the_offer() {
    let skip = Bypass { skill: true, ..NO_BYPASS };
    let needs = vec![Need { skill: FRENCH, level: Level(4) }];
    let lead = Step { bypass: skip, ..step(Who::Lead, hold(60)) };
    let scene = world().ready(&[ANN], at(0)).arrives(7, Plan { steps: vec![lead], needs, ..fenced() }, at(10));
    scene.then_some(|event| matches!(event, Event::Offer(_, OfferFact::Made { bypassed, .. }) if *bypassed == skip));
}

#[test]
fn the_queues_needs_widen_with_the_wait() {
    let need = |level| vec![Need { skill: FRENCH, level: Level(level) }];
    let widen = vec![Widening { after: secs(30), needs: need(3) }, Widening { after: secs(60), needs: Vec::new() }];
    let world = world().with(WorldChange::PutQueue(GENERAL, QueueSpec { needs: need(8), widen, ..queue() }));
    let scene = world.with(WorldChange::PutAgent(CARYS, skilled(3))).ready(&[CARYS], at(0));
    let scene =
        scene.arrives(7, Plan { steps: vec![step(Who::Queue, hold(600))], ..plan() }, at(10)).then_asked(7, &[]);
    let widened = WorldFact::Widened { contact: ContactId(7), needs: need(3) };
    scene.until(at(40)).then_some(|event| *event == Event::World(widened.clone())).then_asked(7, &[CARYS]);
}

#[test]
fn by_cause_the_plan_ends_in_a_callback_and_waits_for_its_time() {
    let finally = Finally { no_cover: ExitAction::Callback, ..STAY };
    let scene = world().arrives(7, Plan { finally, ..fenced() }, at(10)).until(at(160));
    let scene = scene.then_some(|event| *event == fact(7, ContactFact::CallbackWanted));
    let scene =
        scene.when(contact(7, ContactCommand::Schedule(at(1000))), at(170)).then_state(7, ContactState::Scheduled);
    let scene = scene.ready(&[ANN], at(200)).then_asked(7, &[]).until(at(1000)).then_asked(7, &[ANN]);
    assert!(scene.router.contact(ContactId(7)).unwrap().fence.unwrap().open.is_none());
}

#[test]
fn closed_hours_are_a_cause_of_their_own() {
    let hours = CalendarId(0);
    let calendar = Calendar { windows: vec![Window { from: at(0), to: at(50) }], ..Calendar::default() };
    let to = DestinationId(5);
    let finally = Finally { closed_hours: ExitAction::Divert(to), ..STAY };
    let night = TeamSpec { hours: Some(hours), ..team(&[DEE]) };
    let hopkins = TeamSpec { hours: Some(hours), covers: vec![NIGHT], ..team(&[ANN, BOLA]) };
    let scene = world().with(WorldChange::PutCalendar(hours, calendar)).with(WorldChange::PutTeam(NIGHT, night));
    let scene = scene.with(WorldChange::PutTeam(HOPKINS, hopkins)).arrives(7, Plan { finally, ..fenced() }, at(60));
    let outcome = Outcome::Diverted { to, cause: FinalCause::ClosedHours };
    scene.until(at(210)).then_some(|event| *event == fact(7, ContactFact::Closed { outcome }));
}

#[test]
fn a_plan_without_steps_is_refused() {
    let bad = [
        Plan { steps: Vec::new(), ..plan() },
        Plan { steps: vec![step(Who::Queue, hold(1)); 17], ..plan() },
        Plan { queue: QueueId(77), ..plan() },
        Plan { promise: Promise { within: Millis::ZERO, by: PromisedBy::Anyone }, ..plan() },
    ];
    for plan in bad {
        world().arrives(7, plan, at(1)).then_refused(Rejection::BadPlan);
    }
    let unknown = Holds::all(Hold::Working(secs(1), CalendarId(9)));
    let plan = Plan { steps: vec![step(Who::Queue, unknown)], ..plan() };
    world().arrives(7, plan, at(1)).then_refused(Rejection::UnknownCalendar);
}

#[test]
fn a_holiday_is_a_cause_of_its_own() {
    let hours = CalendarId(0);
    let windows = vec![Window { from: at(0), to: at(50) }];
    let holidays = vec![Window { from: at(100), to: at(1000) }];
    let calendar = Calendar { windows, holidays, until: None };
    let (shut, feast) = (DestinationId(5), DestinationId(6));
    let finally = Finally { closed_hours: ExitAction::Divert(shut), holiday: ExitAction::Divert(feast), ..STAY };
    let hopkins = TeamSpec { hours: Some(hours), ..team(&[ANN, BOLA]) };
    let world = world().with(WorldChange::PutCalendar(hours, calendar)).with(WorldChange::PutTeam(HOPKINS, hopkins));
    for (from, to, cause) in [(60, feast, FinalCause::Holiday), (1100, shut, FinalCause::ClosedHours)] {
        let plan = Plan { finally, steps: vec![step(Who::Team(None), hold(90))], ..fenced() };
        let scene = world.clone().arrives(7, plan, at(from)).until(at(from + 90));
        let outcome = Outcome::Diverted { to, cause };
        scene.then_some(|event| *event == fact(7, ContactFact::Closed { outcome }));
    }
}

#[test]
fn a_queue_closed_for_a_holiday_says_so() {
    let hours = CalendarId(0);
    let holidays = vec![Window { from: at(100), to: at(1000) }];
    let calendar = Calendar { windows: Vec::new(), holidays, until: None };
    let to = DestinationId(5);
    let spec = QueueSpec { hours: Some(hours), closed: ExitAction::Divert(to), ..queue() };
    let world = world().with(WorldChange::PutCalendar(hours, calendar)).with(WorldChange::PutQueue(GENERAL, spec));
    for (now, cause) in [(50, FinalCause::ClosedHours), (100, FinalCause::Holiday)] {
        let outcome = Outcome::Diverted { to, cause };
        let scene = world.clone().arrives(7, plan(), at(now));
        scene.then_some(|event| *event == fact(7, ContactFact::Closed { outcome }));
    }
}

#[test]
fn each_persons_hold_counts_and_the_step_lasts_while_any_runs() {
    let plan =
        Plan { steps: vec![step(Who::Team(None), holds(60, 20, 0, 5)), step(Who::Covers, hold(60))], ..fenced() };
    let scene = world().ready(&[ANN, BOLA], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
    let scene = scene.when(Input::Agent(BOLA, says(Presence::NotReady)), at(3)).arrives(7, plan, at(10));
    let until = |scene: &Scene| scene.router.contact(ContactId(7)).unwrap().step_until;
    assert_eq!(until(&scene), Some(at(70)), "Ann is busy");
    let scene = scene.when(Input::Agent(ANN, says(Presence::Offline)), at(20));
    assert_eq!(until(&scene), Some(at(30)), "Bola is away longer than Ann is gone");
}

#[test]
fn an_absent_person_has_a_hold_of_her_own_and_one_who_left_has_another() {
    let left = Holds { left: Hold::For(secs(15)), ..holds(60, 60, 40, 60) };
    let plan = lead_then_team(left);
    let away = AgentCommand::Absent { from: at(5), until: at(900), reason: None, deputy: None };
    let scene = world().ready(&[ANN], at(0)).when(Input::Agent(ANN, away), at(5)).arrives(7, plan.clone(), at(10));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step_until, Some(at(50)));
    let mut scene = world();
    scene.put(WorldChange::RemoveAgent(ANN));
    let scene = scene.arrives(7, plan, at(10));
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().step_until, Some(at(25)));
    scene.until(at(25)).then(&[entered(1, StepCause::Nobody)]);
}
