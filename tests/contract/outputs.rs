//! What Picket publishes: complete, valid against its own schema, and readable again.

use picket::contract::inbound::contact::Chosen;
use picket::contract::inbound::control::FenceReason;
use picket::contract::outbound::common::{
    About, Capacity, Estimate, Fence, FenceState, FinalCause, OfferMode, Promise, PromisedBy, Standing, Urgency,
};
use picket::contract::outbound::{Cause, Stamp, agent, contact, fence, offer, other, output_id};
use picket::contract::value::Moment;
use picket::contract::{Code, Outbound};

use crate::NOW;

fn about() -> About {
    About { source: "pbx".to_owned(), contact: "42".to_owned(), channel: "voice".to_owned(), seq: 3 }
}

fn closed_fence() -> Option<Fence> {
    Some(Fence { team: "hopkins".to_owned(), state: FenceState::Closed })
}

fn capacity() -> Capacity {
    Capacity { cost: 100, points_in_use: 100, points: 100, slots_in_use: 1, slots: 1 }
}

fn ann() -> (String, Option<String>) {
    ("ann".to_owned(), Some("1001".to_owned()))
}

/// One of each, with everything in it.
pub(crate) fn one_of_each() -> Vec<Outbound> {
    let mut all = contacts_in();
    all.extend(contacts_out());
    all.extend(by_hand());
    all.extend(offers());
    all.extend(others());
    all
}

fn contacts_in() -> Vec<Outbound> {
    let (agent, alias) = ann();
    let now = Moment(NOW);
    vec![
        Outbound::ContactQueued(Box::new(contact::Queued {
            about: about(),
            queue: "general".to_owned(),
            urgency: Urgency::Normal,
            fence: closed_fence(),
            customer: Some("chief-scientist".to_owned()),
            rules: 1,
            waiting_since: now,
            age_from: contact::AgeFrom::Time,
            position: Some(2),
            estimate_own: Some(Estimate { wait_ms: 240_000, band_ms: 60_000 }),
            estimate_any: Some(Estimate { wait_ms: 20_000, band_ms: 9_000 }),
            promise: Promise { within_ms: 20_000, by: PromisedBy::Lead },
            words: Some("Ann in about four minutes.".to_owned()),
            scheduled_for: Some(now),
        })),
        Outbound::ContactPlanned(contact::Planned {
            about: about(),
            because: contact::PlannedBecause::HoldOver,
            step: 1,
            rules: 1,
            queue: "general".to_owned(),
            fence: closed_fence(),
            cause: Some(FinalCause::Busy),
            chance_permille: Some(125),
            scheduled_for: Some(now),
        }),
        Outbound::ContactChoiceAvailable(contact::ChoiceAvailable {
            about: about(),
            choices: vec![Chosen::Wait, Chosen::Callback],
            cause: Some(FinalCause::ClosedHours),
            words: Some("We open at seven.".to_owned()),
        }),
        Outbound::ContactAssigned(Box::new(contact::Assigned {
            about: about(),
            agent: agent.clone(),
            alias: alias.clone(),
            how: contact::How::Accepted,
            offer: Some("main-17".to_owned()),
            standing: Standing::Lead,
            inside: true,
            fence: closed_fence(),
            over_capacity: false,
            capacity: capacity(),
            bypassed: Some(vec![contact::Bypassed::Skill, contact::Bypassed::Hours]),
            by: Some("sue".to_owned()),
            why: Some("she asked for her".to_owned()),
            waited_ms: 9_000,
            connect_by: Some(now),
            customer: Some("chief-scientist".to_owned()),
            card: Some("/v1/customers/chief-scientist/card".to_owned()),
        })),
        Outbound::ContactConnected(contact::Connected {
            about: about(),
            agent: agent.clone(),
            alias: alias.clone(),
            waited_ms: 9_500,
        }),
        Outbound::ContactEnded(contact::Ended {
            about: about(),
            agent: agent.clone(),
            alias: alias.clone(),
            talked_ms: 61_000,
            wrap_up_until: now,
        }),
        Outbound::ContactParked(contact::Parked { about: about(), agent: agent.clone(), alias: alias.clone() }),
        Outbound::ContactResumed(Box::new(contact::Resumed {
            about: about(),
            agent,
            alias,
            standing: Standing::Lead,
            inside: true,
            fence: closed_fence(),
            over_capacity: true,
            capacity: capacity(),
        })),
    ]
}

fn contacts_out() -> Vec<Outbound> {
    let (agent, alias) = ann();
    vec![
        Outbound::ContactTransferred(contact::Transferred {
            about: about(),
            to: contact::TransferredTo::Needs([("billing".to_owned(), 5)].into()),
            agent: Some(agent.clone()),
        }),
        Outbound::ContactRequeued(contact::Requeued {
            about: about(),
            cause: contact::RequeueCause::ConnectFailed,
            agent: Some(agent.clone()),
            alias: alias.clone(),
            waited_ms: 30_000,
            fence: closed_fence(),
            scheduled_for: Some(Moment(NOW)),
            by: None,
            why: None,
        }),
        Outbound::ContactStalled(contact::Stalled {
            about: about(),
            agent: Some(agent.clone()),
            connected_ms: 14_400_000,
        }),
        Outbound::ContactDiverted(contact::Diverted {
            about: about(),
            to: "voicemail".to_owned(),
            cause: FinalCause::Holiday,
        }),
        Outbound::ContactForwarded(contact::Forwarded { about: about(), to: "apac".to_owned() }),
        Outbound::ContactOrphaned(contact::Orphaned { about: about(), agent: agent.clone(), until: Moment(NOW) }),
        Outbound::ContactAbandoned(contact::Abandoned { about: about(), waited_ms: 31_000, while_offered: true }),
        Outbound::ContactClosed(contact::Closed {
            about: about(),
            outcome: contact::Outcome::Handled,
            agent: Some(agent),
            alias,
            standing: Some(Standing::Lead),
            waited_ms: 9_500,
            handled_ms: Some(80_000),
            wrap_up_expired: Some(false),
            fence: closed_fence(),
            elsewhere: Some("branch".to_owned()),
        }),
        Outbound::FenceSet(fence::Set {
            about: about(),
            team: "hopkins".to_owned(),
            because: fence::SetBecause::Supervisor,
            by: Some("sue".to_owned()),
            why: Some("her lead is back".to_owned()),
        }),
        Outbound::FenceOpened(fence::Opened {
            about: about(),
            team: "hopkins".to_owned(),
            reason: FenceReason::HoldOver,
            held_ms: 60_000,
            tried: vec![fence::Tried { agent: "ann".to_owned(), obstacle: fence::Obstacle::Busy }],
            until: None,
            by: None,
            why: None,
        }),
        Outbound::ReserveReleased(fence::Reserve { team: "hopkins".to_owned(), queue: "general".to_owned() }),
        Outbound::ReserveRestored(fence::Reserve { team: "hopkins".to_owned(), queue: "general".to_owned() }),
    ]
}

fn by_hand() -> Vec<Outbound> {
    let (agent, alias) = ann();
    let (by, why) = (Some("sue".to_owned()), Some("half of them are ill".to_owned()));
    let (team, queue) = ("hopkins".to_owned(), "general".to_owned());
    vec![
        Outbound::ContactHeld(contact::Held { about: about(), until: Moment(NOW), by: by.clone(), why: why.clone() }),
        Outbound::ContactReleased(contact::Released { about: about(), by: None, why: None }),
        Outbound::ContactConsulted(Box::new(contact::Consulted {
            about: about(),
            agent: agent.clone(),
            alias: alias.clone(),
            asked_by: Some("bola".to_owned()),
            over_capacity: true,
            capacity: capacity(),
        })),
        Outbound::ContactConsultEnded(contact::ConsultEnded { about: about(), agent, alias }),
        Outbound::TeamLent(fence::Lent {
            team: team.clone(),
            queue: queue.clone(),
            until: Moment(NOW),
            by: by.clone(),
            why: why.clone(),
        }),
        Outbound::TeamLendEnded(fence::LendEnded { team, queue, by, why }),
    ]
}

fn offers() -> Vec<Outbound> {
    let (agent, alias) = ann();
    let offer = || "main-17".to_owned();
    vec![
        Outbound::OfferMade(Box::new(offer::Made {
            about: about(),
            offer: offer(),
            agent: agent.clone(),
            alias: alias.clone(),
            expires_at: Moment(NOW),
            expires_in_ms: 20_000,
            standing: Standing::Lead,
            inside: true,
            fence: closed_fence(),
            step: 0,
            mode: OfferMode::One,
            waited_ms: 2_000,
            customer: Some("chief-scientist".to_owned()),
            card: Some("/v1/customers/chief-scientist/card".to_owned()),
        })),
        Outbound::OfferAccepted(offer::Accepted {
            about: about(),
            offer: offer(),
            agent: agent.clone(),
            alias: alias.clone(),
        }),
        Outbound::OfferDeclined(offer::Declined {
            about: about(),
            offer: offer(),
            agent: agent.clone(),
            alias: alias.clone(),
            reason: Some("lunch".to_owned()),
        }),
        Outbound::OfferExpired(offer::Expired {
            about: about(),
            offer: offer(),
            agent: agent.clone(),
            alias: alias.clone(),
        }),
        Outbound::OfferRevoked(offer::Revoked {
            about: about(),
            offer: offer(),
            agent: agent.clone(),
            alias: alias.clone(),
            cause: offer::RevokeCause::TakenByOther,
        }),
        Outbound::OfferExtended(offer::Extended {
            about: about(),
            offer: offer(),
            agent,
            alias,
            expires_at: Moment(NOW),
        }),
    ]
}

fn others() -> Vec<Outbound> {
    vec![
        Outbound::AgentStateChanged(agent::StateChanged {
            agent: "ann".to_owned(),
            aliases: [("pbx".to_owned(), "1001".to_owned())].into(),
            channels: vec!["voice".to_owned()],
            state: Some(picket::contract::inbound::agent::State::NotReady),
            cause: agent::StateCause::NoAnswer,
            reason: Some("no_answer".to_owned()),
            from: Some(Moment(NOW)),
            until: Some(Moment(NOW)),
            deputy: Some("bola".to_owned()),
            contacts: Some(1),
            by: agent::Setter::Source("pbx".to_owned()),
        }),
        Outbound::CustomerValuedChanged(other::ValuedChanged {
            customer: "chief-scientist".to_owned(),
            valued: true,
            score: 65,
        }),
        Outbound::ExpectationMissed(other::ExpectationMissed {
            about: about(),
            promise: Promise { within_ms: 20_000, by: PromisedBy::Team },
            waited_ms: 31_000,
            agent: Some("carys".to_owned()),
            standing: Some(Standing::Outside),
        }),
        Outbound::RulesActivated(other::RulesActivated {
            rules: "0".repeat(64),
            number: 2,
            by: Some("ops".to_owned()),
        }),
        Outbound::SourceLost(other::SourceLost { source: "pbx".to_owned(), silent_ms: 30_000 }),
        Outbound::CommandRejected(other::CommandRejected {
            source: "pbx".to_owned(),
            id: "e-9".to_owned(),
            kind: "picket.offer.accept.v1".to_owned(),
            code: Code::OfferExpired,
            detail: "the offer's deadline has passed".to_owned(),
            contact: Some("42".to_owned()),
            agent: Some("ann".to_owned()),
            seq: Some(9),
        }),
    ]
}

pub(crate) fn stamp(id: &str) -> Stamp<'_> {
    Stamp {
        id,
        shard: "main",
        epoch: 4,
        number: 17,
        seq: 12,
        time: NOW,
        domain: "emea",
        cause: Cause::Input { source: "pbx", id: "e-1" },
    }
}

#[test]
fn there_is_one_of_each_kind() {
    let made: Vec<_> = one_of_each().iter().map(Outbound::kind).collect();
    let known: Vec<_> = Outbound::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(made.len(), known.len());
    assert!(known.iter().all(|name| made.contains(name)), "{known:?}");
}

#[test]
fn an_output_read_again_is_the_same() {
    for output in one_of_each() {
        let event = output.event(&stamp("0a")).unwrap();
        let read = Outbound::read(event["type"].as_str().unwrap(), &event["data"]).unwrap().unwrap();
        assert_eq!(read, output);
    }
}

#[test]
fn an_offer_carries_all_that_a_desktop_and_a_judge_need() {
    let outputs = one_of_each();
    let made = outputs.iter().find(|output| matches!(output, Outbound::OfferMade(_))).unwrap();
    let id = output_id("main", "4:abc", 12, 0);
    let message = made.message(&stamp(&id)).unwrap();
    assert_eq!(message.routing_key, "emea.offer.made.voice.ann");
    assert_eq!((message.contact.as_deref(), message.agent.as_deref()), (Some("42"), Some("ann")));
    let event: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(event["id"], id);
    assert_eq!(event["source"], "/picket/main");
    assert_eq!(event["subject"], "42");
    assert_eq!(event["time"], "2026-11-23T09:00:00.000Z");
    assert_eq!(
        (&event["picketshard"], &event["picketepoch"], &event["picketseq"]),
        (&"main".into(), &"4".into(), &"17".into())
    );
    assert_eq!(event["picketcause"], "pbx e-1");
    assert_eq!(event["data"]["seq"], 3);
    assert_eq!(event["data"]["inside"], true);
    assert_eq!(event["data"]["alias"], "1001");
}

#[test]
fn an_output_id_depends_on_owner_place_and_nothing_else() {
    let id = output_id("main", "4:abc", 12, 0);
    assert_eq!(id, output_id("main", "4:abc", 12, 0));
    assert_eq!(id.len(), 32);
    for other in [
        output_id("main", "5:abc", 12, 0),
        output_id("main", "4:abc", 13, 0),
        output_id("main", "4:abc", 12, 1),
        output_id("mai", "n4:abc", 12, 0),
    ] {
        assert_ne!(id, other);
    }
}
