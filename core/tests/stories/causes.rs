//! What keeps a person, how long a step waits for each cause, and when it looks again.

use picket_core::*;

use crate::scene::*;

const fn of(seconds: u32) -> Hold {
    Hold::For(secs(seconds))
}

/// The lead, by what keeps her; then the team.
fn lead_then_team(holds: Holds) -> Plan {
    Plan { steps: vec![step(Who::Lead, holds), step(Who::Team(None), hold(6000))], longest: None, ..fenced() }
}

/// Five different holds.
const EACH: Holds = Holds { busy: of(50), away: of(40), absent: of(30), off_shift: of(20), left: of(10) };

/// Nobody who left is waited for.
const NOBODY: Holds = Holds { left: of(0), ..Holds::all(of(600)) };

/// When contact 7 went on to its second step.
fn moved_on(scene: Scene) -> Option<Timestamp> {
    let entered =
        |event: &Event| matches!(event, Event::Contact(ContactId(7), ContactFact::StepEntered { step: 1, .. }));
    scene.until(at(5000)).log.iter().find(|(_, event)| entered(event)).map(|(now, _)| *now)
}

fn absence(from: i64) -> Input {
    Input::Agent(ANN, AgentCommand::Absent { from: at(from), until: at(9000), reason: None, deputy: None })
}

fn says_of_ann(presence: Presence) -> Input {
    Input::Agent(ANN, says(presence))
}

fn lost() -> Input {
    Input::Agent(ANN, AgentCommand::Vouch(ExpectedPresence::Lost))
}

/// Hopkins with a shift for Ann that ends then.
fn on_shift_until(end: i64) -> Scene {
    let shift = Calendar { windows: vec![Window { from: at(0), to: at(end) }], ..Calendar::default() };
    let spec = AgentSpec { shift: Some(CalendarId(0)), ..agent(&[]) };
    world().with(WorldChange::PutCalendar(CalendarId(0), shift)).with(WorldChange::PutAgent(ANN, spec))
}

#[test]
fn each_of_the_five_causes_has_a_hold_of_its_own() {
    let ready = world().ready(&[ANN], at(0));
    let gone = ready.clone().with_later(WorldChange::RemoveAgent(ANN), at(2));
    let kept = [
        ("busy", ready.clone().arrives(1, fenced(), at(1)).answered(1, at(2)), 60),
        ("away", ready.clone().when(says_of_ann(Presence::NotReady), at(2)), 50),
        ("absent", ready.clone().when(absence(2), at(2)), 40),
        ("logged out", ready.clone().when(says_of_ann(Presence::Offline), at(2)), 30),
        ("outside her shift", on_shift_until(5).ready(&[ANN], at(0)), 30),
        ("not vouched for", ready.when(lost(), at(2)), 30),
        ("removed", gone, 20),
    ];
    for (what, scene, end) in kept {
        assert_eq!(moved_on(scene.arrives(7, lead_then_team(EACH), at(10))), Some(at(end)), "{what}");
    }
}

#[test]
fn busy_means_no_room_for_this_channel() {
    let chat = |number, now| Arrival { channel: CHAT, ..arrival(number, lead_then_team(EACH), now) };
    let scene = world().ready(&[ANN], at(0)).receives(chat(1, at(1)), at(1)).answered(1, at(2));
    // One chat leaves room for another, and none for a call.
    scene.clone().receives(chat(2, at(10)), at(10)).then_asked(2, &[ANN]);
    assert_eq!(moved_on(scene.arrives(7, lead_then_team(EACH), at(10))), Some(at(60)));
}

#[test]
fn whatever_changes_what_keeps_her_is_looked_at_the_moment_it_changes() {
    let holds = Holds { busy: of(2000), ..Holds::all(of(5)) };
    let busy = |scene: Scene| {
        let scene = scene.ready(&[ANN], at(0)).arrives(1, fenced(), at(1)).answered(1, at(2));
        scene.arrives(7, lead_then_team(holds), at(10))
    };
    let changes = [
        says_of_ann(Presence::NotReady),
        says_of_ann(Presence::Offline),
        absence(100),
        lost(),
        Input::World(Box::new(WorldChange::RemoveAgent(ANN))),
        Input::World(Box::new(WorldChange::PutTeam(HOPKINS, team(&[BOLA])))),
    ];
    for change in changes {
        assert_eq!(moved_on(busy(world()).when(change.clone(), at(100))), Some(at(100)), "{change:?}");
    }
    assert_eq!(moved_on(busy(on_shift_until(100))), Some(at(100)), "her shift ends");
    assert_eq!(moved_on(busy(world()).when(absence(100), at(50))), Some(at(100)), "an absence announced before begins");
    assert_eq!(moved_on(busy(world())), Some(at(2010)), "nothing changes");
}

#[test]
fn a_step_lasts_while_the_hold_of_any_of_its_people_runs_and_counts_from_its_start() {
    let nobody = step(Who::Agent(AgentId(99)), NOBODY);
    let steps = vec![nobody, step(Who::Team(None), EACH), step(Who::Covers, hold(6000))];
    let plan = Plan { steps, longest: None, lead: None, fence: Some(HOPKINS), finally: STAY, ..plan() };
    let scene = world().ready(&[ANN, BOLA], at(0)).arrives(1, Plan { lead: Some(BOLA), ..fenced() }, at(1));
    let scene = scene.answered(1, at(2)).when(says_of_ann(Presence::Offline), at(3));
    // Nobody is meant by the first step: it is passed, and the second begins at 10 with its longest hold, Bola's.
    let scene = scene.arrives(7, plan, at(10));
    let entered = |step, cause| fact(7, ContactFact::StepEntered { step, cause });
    let scene = scene.then_some(|event| *event == entered(1, StepCause::Nobody)).until(at(59));
    let scene = scene.then_none(|event| matches!(event, Event::Contact(ContactId(7), _))).until(at(60));
    scene.then_some(|event| *event == entered(2, StepCause::HoldOver));
}

#[test]
fn every_step_that_nobody_can_ever_serve_is_passed_at_once_and_recorded() {
    let nobody = |number| step(Who::Agent(AgentId(number)), NOBODY);
    let plan = Plan { steps: vec![nobody(98), nobody(99), step(Who::Queue, hold(600))], ..plan() };
    let passed = |step| fact(7, ContactFact::StepEntered { step, cause: StepCause::Nobody });
    let received = fact(7, ContactFact::Received(Box::new(arrival(7, plan.clone(), at(1)))));
    let first = fact(7, ContactFact::StepEntered { step: 0, cause: StepCause::Arrival });
    world().arrives(7, plan, at(1)).then(&[received, first, passed(1), passed(2)]);
}

#[test]
fn two_working_hours_end_on_the_next_working_day() {
    let (hour, day) = (3600, 86_400);
    let open = |number: i64| Window { from: at(number * day + 9 * hour), to: at(number * day + 17 * hour) };
    let calendar = Calendar { windows: vec![open(0), open(1)], ..Calendar::default() };
    let holds = Holds { off_shift: Hold::Working(secs(7200), CalendarId(0)), ..EACH };
    let scene = world().with(WorldChange::PutCalendar(CalendarId(0), calendar));
    let scene = scene.arrives(7, lead_then_team(holds), at(16 * hour + 1800));
    let due = day + 10 * hour + 1800;
    let scene = scene.until(at(due - 1)).then_none(|event| matches!(event, Event::Contact(ContactId(7), _)));
    let entered = fact(7, ContactFact::StepEntered { step: 1, cause: StepCause::HoldOver });
    scene.until(at(due)).then_some(|event| *event == entered);
}
