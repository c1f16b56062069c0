//! Every kind of message that is good by itself and wrong at its moment: what comes before it, and its code.
//!
//! They assume an agent `ann` and an agent `bola` on the queue that a voice contact of an unknown customer gets, nobody
//! else on it, and a clock that runs by itself.
#![allow(dead_code, reason = "each test binary uses its own part of the table")]

use picket::contract::Code;
use picket::contract::wire::WireMessage;
use picket_core::Timestamp;
use serde_json::{Value, json};

use crate::bad_inputs::{event, good, structured};

/// What has to happen before the bad message, in order.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Send this; it is taken.
    Send(Value),
    /// Wait for an output of this type about this contact. `{offer}` in later messages is its offer.
    Await {
        /// The CloudEvents type.
        kind: &'static str,
        /// The contact.
        contact: String,
    },
}

/// A kind of message that is wrong at its moment.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// Its name.
    pub(crate) name: &'static str,
    /// The codes it may have; usually one.
    pub(crate) codes: &'static [Code],
    /// What comes before.
    pub(crate) before: Vec<Step>,
    /// The bad message; may name `{offer}`.
    pub(crate) event: Value,
    /// What to do afterwards, so that the next sequence finds everybody free.
    pub(crate) after: Vec<Value>,
}

impl Sequence {
    /// Every message in it, with a made-up offer.
    pub(crate) fn messages(&self) -> Vec<WireMessage> {
        let sent = self.before.iter().filter_map(|step| match step {
            Step::Send(event) => Some(event),
            Step::Await { .. } => None,
        });
        sent.chain([&self.event]).chain(&self.after).map(|event| structured(&fill(event, "o-1"))).collect()
    }
}

/// Puts an offer where `{offer}` stands.
pub(crate) fn fill(event: &Value, offer: &str) -> Value {
    match event {
        Value::String(text) => json!(text.replace("{offer}", offer)),
        Value::Array(items) => items.iter().map(|item| fill(item, offer)).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), fill(value, offer))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => event.clone(),
    }
}

struct Script<'a> {
    tag: &'a str,
    now: Timestamp,
    name: &'static str,
    sent: u32,
    before: Vec<Step>,
}

impl Script<'_> {
    fn contact(&self) -> String {
        format!("contact-{}-{}", self.tag, self.name.replace(' ', "-"))
    }

    fn event(&mut self, noun_verb: &str, mut data: Value) -> Value {
        self.sent += 1;
        let unique = format!("{}-{}-{}", self.tag, self.name.replace(' ', "-"), self.sent);
        if noun_verb.starts_with("contact.") || noun_verb.starts_with("supervisor.") {
            data["contact"] = json!(self.contact());
        }
        event(&unique, noun_verb, data)
    }

    fn send(mut self, noun_verb: &str, data: Value) -> Self {
        let event = self.event(noun_verb, data);
        self.before.push(Step::Send(event));
        self
    }

    fn ready(self) -> Self {
        self.send("agent.set_state", json!({"agent": "ann", "state": "ready"}))
    }

    fn received(self) -> Self {
        self.send("contact.received", json!({"channel": "voice"}))
    }

    fn await_output(mut self, kind: &'static str) -> Self {
        let contact = self.contact();
        self.before.push(Step::Await { kind, contact });
        self
    }

    fn offered(self) -> Self {
        self.ready().received().await_output("picket.offer.made.v1")
    }

    fn assigned(self) -> Self {
        self.offered().send("offer.accept", json!({"offer": "{offer}", "agent": "ann"}))
    }

    /// The bad message, and an end to everything it left open.
    fn then(mut self, codes: &'static [Code], noun_verb: &str, data: Value) -> Sequence {
        let event = self.event(noun_verb, data);
        self.ended(codes, event)
    }

    fn ended(mut self, codes: &'static [Code], event: Value) -> Sequence {
        let live = self
            .before
            .iter()
            .any(|step| matches!(step, Step::Send(sent) if sent["type"] == "picket.contact.received.v1"));
        let closed = self
            .before
            .iter()
            .any(|step| matches!(step, Step::Send(sent) if sent["type"] == "picket.contact.abandoned.v1"));
        let mut after = Vec::new();
        if live && !closed {
            after.push(self.event("contact.withdrawn", json!({})));
        }
        after.push(self.event("agent.set_state", json!({"agent": "ann", "state": "offline"})));
        Sequence { name: self.name, codes, before: self.before, event, after }
    }
}

/// Every kind that is wrong at its moment. `tag` makes the ids of one run; `now` is when they are sent.
pub(crate) fn sequences(tag: &str, now: Timestamp) -> Vec<Sequence> {
    let script = |name| Script { tag, now, name, sent: 0, before: Vec::new() };
    let mut sequences = offers(&script);
    sequences.extend(contacts(&script));
    sequences.extend(hands(&script));
    sequences.extend(supervision(&script));
    sequences.extend(places(&script));
    sequences
}

fn offers<'a>(script: &dyn Fn(&'static str) -> Script<'a>) -> Vec<Sequence> {
    let answer = |agent: &str| json!({"offer": "{offer}", "agent": agent});
    vec![
        script("an offer nobody made").then(
            &[Code::UnknownOffer],
            "offer.accept",
            json!({"offer": "no-such-offer", "agent": "ann"}),
        ),
        script("an accept by the wrong agent").offered().then(&[Code::NotYourOffer], "offer.accept", answer("bola")),
        script("a late accept").offered().await_output("picket.offer.expired.v1").then(
            &[Code::OfferExpired, Code::OfferGone],
            "offer.accept",
            answer("ann"),
        ),
        script("a double accept").assigned().then(&[Code::OfferGone], "offer.accept", answer("ann")),
        script("an accept after a decline").offered().send("offer.decline", answer("ann")).then(
            &[Code::OfferGone],
            "offer.accept",
            answer("ann"),
        ),
        script("an accept after the customer left").offered().send("contact.abandoned", json!({})).then(
            &[Code::OfferGone, Code::ContactClosed],
            "offer.accept",
            answer("ann"),
        ),
    ]
}

fn contacts<'a>(script: &dyn Fn(&'static str) -> Script<'a>) -> Vec<Sequence> {
    let mut conflict = script("the same id with other content").received();
    let mut other = good("conflict", conflict.now);
    if let Some(Step::Send(first)) = conflict.before.first() {
        other["id"] = first["id"].clone();
    }
    other["subject"] = json!(conflict.contact());
    other["data"] = json!({"contact": conflict.contact(), "channel": "email"});
    conflict.sent += 1;
    vec![
        conflict.ended(&[Code::IdConflict], other),
        script("connected before received").then(&[Code::UnknownContact], "contact.connected", json!({})),
        script("closed before received").then(&[Code::UnknownContact], "contact.close", json!({})),
        script("received twice").received().then(
            &[Code::ContactExists],
            "contact.received",
            json!({"channel": "voice"}),
        ),
        script("connected after the end").received().send("contact.abandoned", json!({})).then(
            &[Code::ContactClosed, Code::UnknownContact],
            "contact.connected",
            json!({}),
        ),
        script("abandoned after the end").received().send("contact.abandoned", json!({})).then(
            &[Code::ContactClosed, Code::UnknownContact],
            "contact.abandoned",
            json!({}),
        ),
        script("connected while waiting").received().then(&[Code::WrongContactState], "contact.connected", json!({})),
        script("ended while waiting").received().then(&[Code::WrongContactState], "contact.ended", json!({})),
        script("resumed without having been parked").received().then(
            &[Code::WrongContactState],
            "contact.resumed",
            json!({}),
        ),
        script("a transfer by another agent").assigned().send("contact.connected", json!({})).then(
            &[Code::NotYourContact],
            "contact.transfer",
            json!({"to": {"queue": "general"}, "agent": "bola"}),
        ),
        script("a close by another agent").assigned().send("contact.connected", json!({})).then(
            &[Code::NotYourContact],
            "contact.close",
            json!({"agent": "bola"}),
        ),
        script("a transfer to a queue nobody knows").assigned().send("contact.connected", json!({})).then(
            &[Code::UnknownQueue],
            "contact.transfer",
            json!({"to": {"queue": "no-such-queue"}}),
        ),
    ]
}

/// What agents do by hand: consultations and pulling.
fn hands<'a>(script: &dyn Fn(&'static str) -> Script<'a>) -> Vec<Sequence> {
    vec![
        script("a consultation while waiting").received().then(
            &[Code::WrongContactState],
            "contact.consult",
            json!({"with": {"agent": "bola"}}),
        ),
        script("a consultation by another agent").assigned().send("contact.connected", json!({})).then(
            &[Code::NotYourContact],
            "contact.consult",
            json!({"with": {"agent": "ann"}, "agent": "bola"}),
        ),
        script("a consultation with herself").assigned().send("contact.connected", json!({})).then(
            &[Code::AgentUnavailable],
            "contact.consult",
            json!({"with": {"agent": "ann"}}),
        ),
        script("a consultation with a whole queue").assigned().send("contact.connected", json!({})).then(
            &[Code::NotSupportedYet],
            "contact.consult",
            json!({"with": {"queue": "general"}}),
        ),
        script("the end of no consultation").assigned().send("contact.connected", json!({})).then(
            &[Code::WrongContactState],
            "contact.consult",
            json!({"ended": true}),
        ),
        script("a pull by an agent who is away").received().then(
            &[Code::AgentUnavailable],
            "contact.pull",
            json!({"agent": "bola"}),
        ),
        script("a pull of what another agent has").assigned().then(
            &[Code::NotYourContact],
            "contact.pull",
            json!({"agent": "bola"}),
        ),
    ]
}

/// What a supervisor does by hand.
fn supervision<'a>(script: &dyn Fn(&'static str) -> Script<'a>) -> Vec<Sequence> {
    let said = |mut data: Value| {
        data["by"] = json!("sue");
        data["why"] = json!("to see it refused");
        data
    };
    vec![
        script("an assignment to an agent who is away").received().then(
            &[Code::AgentUnavailable],
            "supervisor.assign",
            said(json!({"agent": "bola"})),
        ),
        script("a forced assignment of what another agent has").assigned().then(
            &[Code::WrongContactState],
            "supervisor.assign",
            said(json!({"agent": "bola", "force": true})),
        ),
        script("taking back what nobody has").received().then(
            &[Code::WrongContactState],
            "supervisor.take_back",
            said(json!({})),
        ),
        script("a hold of what an agent has").assigned().then(
            &[Code::WrongContactState],
            "supervisor.hold",
            said(json!({})),
        ),
        script("a hold that is over before it begins").received().then(
            &[Code::BadTime],
            "supervisor.hold",
            said(json!({"until": "2026-01-01T09:00:00Z"})),
        ),
        script("a release of what nobody holds").received().then(
            &[Code::WrongContactState],
            "supervisor.release",
            json!({}),
        ),
        script("lending a team nobody knows").then(
            &[Code::UnknownTeam],
            "supervisor.lend",
            said(json!({"team": "no-such-team", "queue": "general"})),
        ),
        script("the end of lending a team nobody knows").then(
            &[Code::UnknownTeam],
            "supervisor.end_lend",
            json!({"team": "no-such-team", "queue": "general"}),
        ),
    ]
}

fn places<'a>(script: &dyn Fn(&'static str) -> Script<'a>) -> Vec<Sequence> {
    let no_rules = "0".repeat(64);
    vec![
        script("a state of an agent nobody knows").then(
            &[Code::UnknownAgent],
            "agent.set_state",
            json!({"agent": "no-such-agent", "state": "ready"}),
        ),
        script("an accept by an agent nobody knows").then(
            &[Code::UnknownAgent, Code::UnknownOffer],
            "offer.accept",
            json!({"offer": "no-such-offer", "agent": "no-such-agent"}),
        ),
        script("an absence that ends before it begins").then(
            &[Code::BadTime],
            "agent.absence",
            json!({"agent": "ann", "from": "2026-11-24T09:00:00Z", "until": "2026-11-23T09:00:00Z"}),
        ),
        script("no fence to open").received().then(
            &[Code::NoFence],
            "supervisor.open_fence",
            json!({"reason": "supervisor"}),
        ),
        script("a reason that no hand can give").received().then(
            &[Code::ReasonNotAllowed, Code::NoFence],
            "supervisor.open_fence",
            json!({"reason": "hold_over"}),
        ),
        script("rules nobody stored").then(&[Code::UnknownRules], "rules.activate", json!({"rules": no_rules})),
        script("a clock that runs by itself").then(
            &[Code::ClockNotDriven],
            "clock.advance",
            json!({"to": "2026-11-24T09:00:00Z"}),
        ),
    ]
}
