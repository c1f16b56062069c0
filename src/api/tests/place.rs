//! A small place: one channel, one queue, one team of two, one contact of each of two platforms.

use picket_core::{
    AgentCommand, AgentId, AgentSpec, Arrival, Bypass, ChannelId, ChannelSpec, Class, ContactId, ExitAction, Finally,
    Hold, Holds, Input, Joining, Kind, Level, Member, Millis, Need, OfferMode, OfferPolicy, Pick, Plan, Presence,
    Promise, PromisedBy, QueueId, QueueOrder, QueueSpec, SkillId, SourceId, StateSetter, Step, TeamId, TeamSpec,
    Timestamp, Urgency, Who, WorldChange,
};

use crate::shard::ShardState;

/// 2026-11-23T09:00:00Z.
pub(super) const NINE: Timestamp = Timestamp(1_795_424_400_000);

pub(super) const ANN: AgentId = AgentId(0);
const BOLA: AgentId = AgentId(1);
const VOICE: ChannelId = ChannelId(0);
const GENERAL: QueueId = QueueId(0);
const HOPKINS: TeamId = TeamId(0);
const FRENCH: SkillId = SkillId(0);

/// Names the things above, in the order of their numbers.
fn name(state: &mut ShardState) {
    for (kind, texts) in [
        (Kind::Agent, &["ann", "bola"][..]),
        (Kind::Channel, &["voice"]),
        (Kind::Queue, &["general"]),
        (Kind::Team, &["hopkins"]),
        (Kind::Skill, &["french"]),
        (Kind::Source, &["pbx", "chat"]),
        (Kind::Contact, &["pbx c1", "chat c1", "pbx c2"]),
    ] {
        for text in texts {
            state.names.intern(kind, text, &mut Vec::new());
        }
    }
}

/// Makes the place, with Ann ready.
pub(super) fn furnish(state: &mut ShardState) {
    name(state);
    let channel = ChannelSpec {
        class: Class::Live,
        cost: 100,
        slots: 1,
        interruptible_by: Vec::new(),
        max_connected: Millis::from_secs(3600),
    };
    let agent = AgentSpec {
        points: 100,
        skills: vec![(FRENCH, Level(6))],
        queues: vec![GENERAL],
        slots: Vec::new(),
        shift: None,
    };
    let queue = QueueSpec {
        needs: Vec::new(),
        widen: Vec::new(),
        order: QueueOrder::Promise,
        pick: Pick::LongestIdle,
        limit: None,
        floor: None,
        hours: None,
        closed: ExitAction::Stay,
    };
    let member = |agent, rank| Member { agent, role: None, rank, from: None, until: None };
    let team = TeamSpec {
        members: vec![member(ANN, 1), member(BOLA, 2)],
        covers: Vec::new(),
        reserve: 1,
        lends_to: vec![GENERAL],
        releases: false,
        helps: Vec::new(),
        hours: None,
    };
    for change in [
        WorldChange::PutChannel(VOICE, channel),
        WorldChange::PutQueue(GENERAL, queue),
        WorldChange::PutAgent(ANN, agent.clone()),
        WorldChange::PutAgent(BOLA, agent),
        WorldChange::PutTeam(HOPKINS, team),
    ] {
        take(state, Input::World(Box::new(change)));
    }
    let by = StateSetter::Source(SourceId(0));
    let ready =
        AgentCommand::SetState { channels: Vec::new(), presence: Presence::Ready, reason: None, until: None, by };
    take(state, Input::Agent(ANN, ready));
}

/// Receives a contact behind the team's fence.
pub(super) fn receive(state: &mut ShardState, contact: ContactId, source: SourceId) {
    let arrival = Arrival {
        contact,
        channel: VOICE,
        customer: None,
        source,
        since: NINE,
        plan: plan(),
        thread: None,
        matter: None,
        familiar: Vec::new(),
        prefers: Vec::new(),
        avoids: Vec::new(),
        fit: Vec::new(),
        scheduled_for: None,
    };
    take(state, Input::Receive(Box::new(arrival)));
}

fn take(state: &mut ShardState, input: Input) {
    state.router.handle(NINE, input, &mut Vec::new()).unwrap();
}

fn plan() -> Plan {
    let step = |who, seconds| Step {
        who,
        holds: Holds::all(Hold::For(Millis::from_secs(seconds))),
        joining: Joining::Widens,
        needs: Vec::new(),
        bypass: Bypass::default(),
        pick: Pick::LongestIdle,
    };
    let stay = ExitAction::Stay;
    Plan {
        rules: 1,
        urgency: Urgency::Normal,
        queue: GENERAL,
        fence: Some(HOPKINS),
        lead: None,
        promise: Promise { within: Millis::from_secs(20), by: PromisedBy::Lead },
        needs: vec![Need { skill: FRENCH, level: Level(4) }],
        steps: vec![step(Who::Lead, 30), step(Who::Team(None), 60)],
        finally: Finally { busy: ExitAction::Open, closed_hours: stay, holiday: stay, no_cover: stay },
        offer: OfferPolicy {
            mode: OfferMode::One,
            expires: Millis::from_secs(20),
            accept_within: Millis::from_secs(30),
            misses: 1,
            away_for: Millis::ZERO,
        },
        wrap_up: Millis::from_secs(30),
        longest: Some(Millis::from_secs(900)),
    }
}
