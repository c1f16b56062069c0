//! What an agent's readiness says of itself, what lies above it, and what an absence moves.

use picket_core::*;

use crate::scene::*;

fn set(channels: &[ChannelId], presence: Presence, until: Option<Timestamp>, by: StateSetter) -> Input {
    let reason = (presence == Presence::NotReady).then_some(ReasonId(3));
    Input::Agent(CARYS, AgentCommand::SetState { channels: channels.to_vec(), presence, reason, until, by })
}

const SWITCH: StateSetter = StateSetter::Source(PBX);
const CHATS: StateSetter = StateSetter::Source(SourceId(1));

fn shown(scene: &Scene, channel: usize) -> (Presence, StateCause, StateSetter, Option<Timestamp>) {
    let shown = scene.router.agent(CARYS).unwrap().channels[channel];
    (shown.presence, shown.cause, shown.by, shown.until)
}

#[test]
fn a_pause_has_a_reason_and_may_have_an_end() {
    let said = |until| AgentFact::StateChanged {
        channels: Vec::new(),
        presence: Presence::NotReady,
        cause: StateCause::Said(Some(ReasonId(3))),
        until,
        by: SWITCH,
    };
    for until in [None, Some(at(60))] {
        let scene = world().ready(&[CARYS], at(0)).when(set(&[], Presence::NotReady, until, SWITCH), at(1));
        let scene = scene.then(&[Event::Agent(CARYS, said(until))]);
        assert_eq!(shown(&scene, 0), (Presence::NotReady, StateCause::Said(Some(ReasonId(3))), SWITCH, until));
        let scene = scene.until(at(100)).arrives(7, plan(), at(101));
        assert_eq!(scene.asked(7).len(), usize::from(until.is_some()));
    }
}

#[test]
fn each_source_says_its_own_channel() {
    let scene = world().when(set(&[VOICE], Presence::Ready, None, SWITCH), at(1));
    let scene = scene.when(set(&[CHAT], Presence::NotReady, None, CHATS), at(2));
    assert_eq!((shown(&scene, 0).0, shown(&scene, 0).2), (Presence::Ready, SWITCH));
    assert_eq!((shown(&scene, 1).0, shown(&scene, 1).2), (Presence::NotReady, CHATS));
    let chat = Arrival { channel: CHAT, ..arrival(8, plan(), at(3)) };
    scene.receives(chat, at(3)).then_asked(8, &[]).arrives(7, plan(), at(4)).then_asked(7, &[CARYS]);
}

#[test]
fn an_override_lies_above_whatever_platforms_say_until_its_end_and_says_so() {
    let above = set(&[CHAT], Presence::Ready, Some(at(500)), StateSetter::Supervisor);
    let scene = world().when(set(&[], Presence::NotReady, None, SWITCH), at(1)).when(above, at(2));
    assert_eq!((shown(&scene, 1).0, shown(&scene, 1).2), (Presence::Ready, StateSetter::Supervisor));
    assert_eq!(shown(&scene, 1).3, Some(at(500)));
    // The platforms go on saying no; for calls that counts at once, for chats only when the override is over.
    let scene = scene.when(set(&[CHAT], Presence::NotReady, None, CHATS), at(3));
    assert_eq!((shown(&scene, 0).0, shown(&scene, 1).0), (Presence::NotReady, Presence::Ready));
    let chat = |number, now| Arrival { channel: CHAT, ..arrival(number, plan(), now) };
    let scene = scene.receives(chat(8, at(4)), at(4)).then_asked(8, &[CARYS]).arrives(7, plan(), at(5));
    let scene = scene.then_asked(7, &[]).answered(8, at(6)).until(at(500));
    assert_eq!((shown(&scene, 1).0, shown(&scene, 1).2), (Presence::NotReady, CHATS));
    scene.receives(chat(9, at(501)), at(501)).then_asked(9, &[]);
}

#[test]
fn the_matter_of_an_absent_agent_is_her_deputys_and_hers_again_after_the_absence() {
    let matter = Some(MatterId(4));
    let team = Plan { steps: vec![step(Who::Team(None), hold(600))], finally: STAY, ..fenced() };
    let about = |number, now| Arrival { matter, ..arrival(number, team.clone(), now) };
    let scene = world().with(WorldChange::PutTeam(HOPKINS, crate::scene::team(&[ANN, DEE, BOLA])));
    let scene = scene.ready(&[ANN], at(0)).receives(about(1, at(1)), at(1)).answered(1, at(2)).ready(&[DEE], at(3));
    let scene = scene.ready(&[BOLA], at(4)).when(contact(1, ContactCommand::Close), at(5));
    let away = AgentCommand::Absent { from: at(6), until: at(500), reason: None, deputy: Some(BOLA) };
    let scene = scene.when(Input::Agent(ANN, away), at(6));
    assert_eq!(scene.router.handover(ANN).matters, [MatterId(4)]);
    let scene = scene.receives(about(2, at(7)), at(7)).then_asked(2, &[BOLA]);
    let scene = scene.when(contact(2, ContactCommand::Abandon), at(8)).until(at(500));
    scene.receives(about(3, at(501)), at(501)).then_asked(3, &[ANN]);
}

#[test]
fn a_parked_chat_of_an_absent_agent_whose_deputy_is_gone_too_goes_through_its_plan() {
    let chat = Arrival { channel: CHAT, ..arrival(1, fenced(), at(1)) };
    let scene = world().ready(&[ANN], at(0)).receives(chat, at(1)).answered(1, at(2));
    let away = AgentCommand::Absent { from: at(15), until: at(900), reason: None, deputy: Some(BOLA) };
    let scene = scene.when(contact(1, ContactCommand::Park), at(10)).when(Input::Agent(ANN, away), at(15));
    let scene = scene.when(contact(1, ContactCommand::Resume), at(30));
    let scene = scene.then_some(|event| *event == fact(1, ContactFact::Requeued { cause: RequeueCause::Resumed }));
    scene.until(at(200)).ready(&[DEE], at(201)).then_asked(1, &[DEE]);
}

#[test]
fn a_login_restarts_the_idle_clock() {
    let scene = world().ready(&[CARYS], at(0)).ready(&[DEE], at(1));
    let scene = scene.when(Input::Agent(CARYS, says(Presence::Offline)), at(2)).ready(&[CARYS], at(3));
    scene.arrives(7, plan(), at(4)).then_asked(7, &[DEE]);
}
