//! Agents: readiness, pauses, overrides, absences, lost heartbeats.

use picket_core::*;

use crate::scene::*;

fn set(agent: AgentId, channels: &[ChannelId], presence: Presence, until: Option<Timestamp>, by: StateSetter) -> Input {
    Input::Agent(agent, AgentCommand::SetState { channels: channels.to_vec(), presence, reason: None, until, by })
}

const SOURCE: StateSetter = StateSetter::Source(PBX);

#[test]
fn a_waiting_contact_goes_to_who_becomes_ready() {
    world().arrives(7, plan(), at(1)).then_asked(7, &[]).ready(&[CARYS], at(5)).then_asked(7, &[CARYS]);
}

#[test]
fn readiness_is_per_channel() {
    let scene = world().when(set(CARYS, &[CHAT], Presence::Ready, None, SOURCE), at(1)).arrives(7, plan(), at(2));
    let scene = scene.then_asked(7, &[]);
    scene.when(set(CARYS, &[VOICE], Presence::Ready, None, SOURCE), at(3)).then_asked(7, &[CARYS]);
}

#[test]
fn a_timed_pause_ends_by_itself() {
    let scene = world().ready(&[CARYS], at(0)).when(set(CARYS, &[], Presence::NotReady, Some(at(60)), SOURCE), at(1));
    let scene = scene.arrives(7, plan(), at(2)).then_asked(7, &[]).until(at(60));
    scene.then_asked(7, &[CARYS]);
}

#[test]
fn a_pause_that_is_over_already_is_refused() {
    world().when(set(CARYS, &[], Presence::NotReady, Some(at(1)), SOURCE), at(1)).then_refused(Rejection::BadTime);
}

#[test]
fn a_supervisors_word_lies_above_the_platforms_and_always_ends() {
    let pause = set(CARYS, &[], Presence::NotReady, None, StateSetter::Supervisor);
    let scene = world().ready(&[CARYS], at(0)).when(pause, at(1)).ready(&[CARYS], at(2));
    let shown = scene.router.agent(CARYS).unwrap().channels[0];
    assert_eq!((shown.presence, shown.by, shown.until), (Presence::NotReady, StateSetter::Supervisor, Some(at(1801))));
    let scene = scene.arrives(7, plan(), at(1700)).then_asked(7, &[]);
    scene.until(at(1801)).then_asked(7, &[CARYS]);
}

#[test]
fn an_absent_agent_is_not_asked_and_her_deputy_leads() {
    let away = AgentCommand::Absent { from: at(1), until: at(500), reason: None, deputy: Some(BOLA) };
    let scene = world().ready(&[ANN, BOLA], at(0)).when(Input::Agent(ANN, away), at(1));
    let scene = scene.then_some(|event| *event == Event::Agent(ANN, AgentFact::AbsenceBegan));
    let scene = scene.arrives(7, fenced(), at(2)).then_asked(7, &[BOLA]);
    let led = |event: &Event| matches!(event, Event::Offer(_, OfferFact::Made { standing: Standing::Lead, .. }));
    let scene = scene.then_some(led).when(contact(7, ContactCommand::Abandon), at(3)).until(at(500));
    let scene = scene.then(&[Event::Agent(ANN, AgentFact::AbsenceEnded)]);
    scene.arrives(8, fenced(), at(501)).then_asked(8, &[ANN]);
}

#[test]
fn an_absence_ends_when_she_returns() {
    let away = AgentCommand::Absent { from: at(1), until: at(500), reason: None, deputy: None };
    let scene = world().ready(&[ANN], at(0)).when(Input::Agent(ANN, away), at(1)).arrives(7, fenced(), at(2));
    let scene = scene.then_asked(7, &[]).when(Input::Agent(ANN, AgentCommand::Return), at(9)).then_asked(7, &[ANN]);
    scene.when(Input::Agent(ANN, AgentCommand::Return), at(10)).then_refused(Rejection::BadTime);
}

#[test]
fn an_absence_is_recorded_before_it_begins() {
    let away = AgentCommand::Absent { from: at(50), until: at(500), reason: None, deputy: None };
    let scene = world().ready(&[ANN], at(0)).when(Input::Agent(ANN, away), at(1)).arrives(7, fenced(), at(45));
    let scene = scene.then_asked(7, &[ANN]).until(at(50));
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::AgentAway });
    scene.then_some(|event| *event == revoked);
}

#[test]
fn the_contacts_of_a_lost_agent_wait_for_her_and_then_for_others_in_front() {
    let lost = Input::Agent(CARYS, AgentCommand::Vouch(ExpectedPresence::Lost));
    let seen = Input::Agent(CARYS, AgentCommand::Vouch(ExpectedPresence::Seen));
    let scene = world().ready(&[CARYS], at(0)).arrives(7, plan(), at(1)).answered(7, at(2)).arrives(8, plan(), at(0));
    let scene = scene.when(lost, at(10)).then_some(|event| *event == fact(7, ContactFact::Orphaned { until: at(40) }));
    let shown = scene.router.agent(CARYS).unwrap().channels[0];
    assert_eq!((shown.presence, shown.cause), (Presence::Offline, StateCause::HeartbeatLost));
    let back = scene.clone().when(seen, at(20)).then_state(7, ContactState::Connected);
    assert_eq!(back.router.agent(CARYS).unwrap().channels[0].presence, Presence::Ready);
    let scene = scene.until(at(40)).then(&[fact(7, ContactFact::Requeued { cause: RequeueCause::AgentLost })]);
    scene.ready(&[DEE], at(41)).then_asked(7, &[DEE]).then_asked(8, &[]);
}

#[test]
fn the_contacts_of_an_agent_who_left_the_company_wait_again() {
    let mut scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(1)).answered(7, at(2));
    scene.put(WorldChange::RemoveAgent(CARYS));
    let scene = scene.then_asked(7, &[DEE]);
    assert!(scene.router.agent(CARYS).is_none());
    scene.when(Input::Agent(CARYS, says(Presence::Ready)), at(9)).then_refused(Rejection::UnknownAgent);
}

#[test]
fn a_shift_begins_and_ends() {
    let calendar = Calendar { windows: vec![Window { from: at(100), to: at(200) }], ..Calendar::default() };
    let spec = AgentSpec { shift: Some(CalendarId(0)), ..agent(&[GENERAL]) };
    let world =
        world().with(WorldChange::PutCalendar(CalendarId(0), calendar)).with(WorldChange::PutAgent(CARYS, spec));
    let scene = world.ready(&[CARYS], at(0)).arrives(7, plan(), at(50)).then_asked(7, &[]);
    let turned = |open| Event::World(WorldFact::HoursTurned { calendar: CalendarId(0), open });
    let scene = scene.until(at(100)).then_some(|event| *event == turned(true)).then_asked(7, &[CARYS]);
    let scene = scene.when(contact(7, ContactCommand::Abandon), at(110)).arrives(8, plan(), at(190)).until(at(200));
    scene.then_some(|event| *event == turned(false)).then_asked(8, &[]);
}

#[test]
fn a_dated_membership_begins_in_its_time() {
    let member = Member { agent: CARYS, role: None, rank: 1, from: Some(at(100)), until: Some(at(200)) };
    let world = world().with(WorldChange::PutTeam(HOPKINS, TeamSpec { members: vec![member], ..team(&[]) }));
    let plan = Plan { finally: STAY, ..fenced() };
    let scene = world.ready(&[CARYS], at(0)).arrives(7, plan.clone(), at(50)).then_asked(7, &[]);
    let scene = scene.until(at(100)).then_asked(7, &[CARYS]).answered(7, at(101));
    let scene =
        scene.when(contact(7, ContactCommand::Close), at(120)).arrives(8, plan, at(190)).then_asked(8, &[CARYS]);
    scene.until(at(200)).then_asked(8, &[]);
}

#[test]
fn the_idle_clock_restarts_at_the_end_of_work_and_not_at_an_offer() {
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1)).arrives(1, plan(), at(2)).then_asked(1, &[CARYS]);
    let scene = scene.when(contact(1, ContactCommand::Abandon), at(10)).arrives(2, plan(), at(11));
    let scene = scene.then_asked(2, &[CARYS]).answered(2, at(12)).when(contact(2, ContactCommand::Close), at(20));
    scene.arrives(3, plan(), at(21)).then_asked(3, &[DEE]);
}

#[test]
fn an_unknown_agent_or_channel_is_refused() {
    world().when(Input::Agent(AgentId(50), says(Presence::Ready)), at(1)).then_refused(Rejection::UnknownAgent);
    let wrong = set(CARYS, &[ChannelId(50)], Presence::Ready, None, SOURCE);
    world().when(wrong, at(1)).then_refused(Rejection::UnknownChannel);
}

#[test]
fn a_source_speaks_for_its_own_channels_and_leaves_the_others_word_standing() {
    let chat_server = StateSetter::Source(SourceId(1));
    let scene = world().when(set(CARYS, &[CHAT], Presence::NotReady, None, chat_server), at(1));
    let scene = scene.ready(&[CARYS], at(2));
    let shown = |scene: &Scene, channel: usize| {
        let shown = scene.router.agent(CARYS).unwrap().channels[channel];
        (shown.presence, shown.by)
    };
    assert_eq!(shown(&scene, 0), (Presence::Ready, SOURCE));
    assert_eq!(shown(&scene, 1), (Presence::NotReady, chat_server));
    let scene = scene.when(set(CARYS, &[CHAT], Presence::Ready, None, chat_server), at(3));
    assert_eq!(shown(&scene, 1), (Presence::Ready, chat_server));
}

#[test]
fn the_end_of_a_pause_does_not_end_what_was_said_of_a_single_channel() {
    let scene = world().when(set(CARYS, &[], Presence::NotReady, Some(at(60)), SOURCE), at(1));
    let scene = scene.when(set(CARYS, &[CHAT], Presence::NotReady, None, SOURCE), at(2)).until(at(60));
    let channels = scene.router.agent(CARYS).unwrap().channels;
    assert_eq!((channels[0].presence, channels[1].presence), (Presence::Ready, Presence::NotReady));
}

#[test]
fn the_conversation_of_an_absent_agent_goes_on_with_her_deputy() {
    let thread = Some(ThreadId(4));
    let team = Plan { steps: vec![step(Who::Team(None), hold(60))], ..fenced() };
    let talk = |number, now| Arrival { thread, ..arrival(number, team.clone(), now) };
    let mut scene = world().with(WorldChange::PutTeam(HOPKINS, crate::scene::team(&[ANN, DEE, BOLA])));
    scene = scene.ready(&[ANN], at(0)).receives(talk(1, at(1)), at(1)).answered(1, at(2)).ready(&[DEE], at(3));
    scene = scene.ready(&[BOLA], at(4)).when(contact(1, ContactCommand::Close), at(5));
    let away = AgentCommand::Absent { from: at(6), until: at(500), reason: None, deputy: Some(BOLA) };
    scene = scene.when(Input::Agent(ANN, away), at(6));
    scene.receives(talk(2, at(7)), at(7)).then_asked(2, &[BOLA]);
}

#[test]
fn what_a_deputy_parks_again_goes_back_to_who_returns() {
    let chat = Arrival { channel: CHAT, ..arrival(1, fenced(), at(1)) };
    let away = AgentCommand::Absent { from: at(15), until: at(100), reason: None, deputy: Some(BOLA) };
    let command = |command| contact(1, command);
    let scene = world().ready(&[ANN, BOLA], at(0)).receives(chat, at(1)).answered(1, at(2));
    let scene = scene.when(command(ContactCommand::Park), at(10)).when(Input::Agent(ANN, away), at(15));
    let scene = scene.when(command(ContactCommand::Resume), at(30)).when(command(ContactCommand::Park), at(40));
    assert_eq!(scene.router.agent(ANN).unwrap().parked, [ContactId(1)]);
    let scene = scene.when(command(ContactCommand::Resume), at(120));
    let resumed = ContactFact::Resumed { agent: ANN, over_capacity: false };
    scene.then_some(|event| *event == fact(1, resumed.clone()));
}

#[test]
fn what_an_absence_moves_is_listed_before_it_is_confirmed() {
    let thread = Some(ThreadId(4));
    let chat = |number| Arrival { channel: CHAT, thread, ..arrival(number, fenced(), at(1)) };
    let later = Arrival { scheduled_for: Some(at(900)), ..arrival(3, fenced(), at(1)) };
    let scene = world().ready(&[ANN], at(0)).receives(chat(1), at(1)).answered(1, at(2)).receives(later, at(3));
    let scene = scene.when(contact(1, ContactCommand::Park), at(10));
    let expected = Handover {
        leads: vec![HOPKINS],
        parked: vec![ContactId(1)],
        threads: vec![ThreadId(4)],
        matters: Vec::new(),
        scheduled: vec![ContactId(3)],
    };
    assert_eq!(scene.router.handover(ANN), expected);
    assert_eq!(scene.router.handover(BOLA), Handover::default());
}

#[test]
fn a_callback_of_an_absent_lead_is_her_deputys_and_hers_again_when_she_returns() {
    let later = |number, due| Arrival { scheduled_for: Some(at(due)), ..arrival(number, fenced(), at(1)) };
    let away = AgentCommand::Absent { from: at(10), until: at(200), reason: None, deputy: Some(BOLA) };
    let scene = world().ready(&[ANN, BOLA], at(0)).receives(later(1, 100), at(1)).receives(later(2, 300), at(1));
    let scene = scene.when(Input::Agent(ANN, away), at(10)).until(at(100)).then_asked(1, &[BOLA]);
    let scene = scene.answered(1, at(105)).when(contact(1, ContactCommand::Close), at(110));
    scene.until(at(300)).then_asked(2, &[ANN]);
}
