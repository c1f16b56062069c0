//! Writes an output stream by hand, numbered as the daemon numbers it.

use std::collections::BTreeMap;

use picket_sim::check::{Channel, Place, Team};
use serde_json::{Value, json};

/// Voice, chat and e-mail; team alfa of Ann and Bo, covered by Cara's bravo; Zoe and Yan in no team.
pub(super) fn place() -> Place {
    let channel = |cost, slots, interrupts: &[&str], class: &str| Channel {
        cost,
        slots,
        interruptible_by: interrupts.iter().map(|s| (*s).to_owned()).collect(),
        class: class.to_owned(),
    };
    let team = |members: &[&str], covers: &[&str]| Team {
        members: members.iter().map(|s| (*s).to_owned()).collect(),
        covers: covers.iter().map(|s| (*s).to_owned()).collect(),
    };
    Place {
        channels: BTreeMap::from([
            ("voice".to_owned(), channel(100, 1, &[], "live")),
            ("chat".to_owned(), channel(33, 3, &[], "messaging")),
            ("email".to_owned(), channel(20, 5, &["voice"], "deferred")),
        ]),
        points: BTreeMap::new(),
        teams: BTreeMap::from([
            ("alfa".to_owned(), team(&["ann", "bo"], &["bravo"])),
            ("bravo".to_owned(), team(&["cara"], &[])),
        ]),
    }
}

/// A stream under construction; every step is one second after the one before.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) events: Vec<Value>,
    seqs: BTreeMap<String, u64>,
}

impl Feed {
    fn push(mut self, kind: &str, contact: &str, mut data: Value) -> Self {
        let number = self.events.len() as u64 + 1;
        let seq = self.seqs.entry(contact.to_owned()).or_insert(0);
        *seq += 1;
        data["contact"] = json!(contact);
        data["source"] = json!("pbx");
        data["seq"] = json!(*seq);
        self.events.push(json!({
            "specversion": "1.0",
            "id": format!("out-{number}"),
            "type": format!("picket.{kind}.v1"),
            "time": format!("2026-11-23T09:{:02}:{:02}Z", number / 60, number % 60),
            "picketseq": number,
            "data": data,
        }));
        self
    }

    pub(super) fn queued(self, contact: &str) -> Self {
        self.queued_on(contact, "voice")
    }

    pub(super) fn queued_on(self, contact: &str, channel: &str) -> Self {
        self.push("contact.queued", contact, json!({"channel": channel}))
    }

    pub(super) fn fence(self, contact: &str, team: &str) -> Self {
        self.push("fence.set", contact, json!({"team": team}))
    }

    pub(super) fn open(self, contact: &str, reason: &str) -> Self {
        self.push("fence.opened", contact, json!({"reason": reason, "held_ms": 30000}))
    }

    pub(super) fn offer(self, contact: &str, offer: &str, agent: &str, standing: &str) -> Self {
        self.push("offer.made", contact, json!({"offer": offer, "agent": agent, "standing": standing}))
    }

    pub(super) fn accept(self, contact: &str, offer: &str, agent: &str) -> Self {
        self.push("offer.accepted", contact, json!({"offer": offer, "agent": agent}))
    }

    pub(super) fn over(self, contact: &str, offer: &str, how: &str) -> Self {
        self.push(&format!("offer.{how}"), contact, json!({"offer": offer}))
    }

    pub(super) fn assign(self, contact: &str, agent: &str, standing: &str) -> Self {
        self.push("contact.assigned", contact, json!({"agent": agent, "standing": standing, "over_capacity": false}))
    }

    pub(super) fn assign_over(self, contact: &str, agent: &str, standing: &str) -> Self {
        self.push("contact.assigned", contact, json!({"agent": agent, "standing": standing, "over_capacity": true}))
    }

    pub(super) fn connect(self, contact: &str) -> Self {
        self.push("contact.connected", contact, json!({}))
    }

    pub(super) fn park(self, contact: &str) -> Self {
        self.push("contact.parked", contact, json!({}))
    }

    pub(super) fn resume(self, contact: &str, agent: &str) -> Self {
        self.push("contact.resumed", contact, json!({"agent": agent, "over_capacity": false}))
    }

    pub(super) fn requeue(self, contact: &str) -> Self {
        self.push("contact.requeued", contact, json!({"cause": "agent"}))
    }

    pub(super) fn close(self, contact: &str, outcome: &str) -> Self {
        self.push("contact.closed", contact, json!({"outcome": outcome}))
    }

    /// Assigned, connected, ended and closed.
    pub(super) fn served(self, contact: &str, agent: &str, standing: &str) -> Self {
        self.assign(contact, agent, standing)
            .connect(contact)
            .push("contact.ended", contact, json!({}))
            .close(contact, "handled")
    }
}
