//! Decides what becomes of one contact in the demo's world: how it arrives, how agents answer, how long they talk, and
//! when the customer has had enough.

use serde_json::{Value, json};

use super::people::VALUED;
use super::script::Intent;
use super::{World, later};
use crate::message::moment;
use crate::output::Contact;

/// A contact as its platform knows it.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) channel: Channel,
    pub(super) customer: Option<usize>,
    pub(super) phase: Phase,
    pub(super) agent: String,
    /// Failed connections so far; nobody has more than one.
    failures: u8,
    /// Whether this chat went quiet before; nobody does so twice.
    parked: bool,
    /// One of a rush: a long matter.
    long: bool,
}

/// The four channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Voice,
    Chat,
    Email,
    Callback,
}

/// How far a contact is, as far as its platform knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Assigned,
    Talking,
    Parked,
    WrapUp,
    Closed,
}

impl Channel {
    const fn source(self) -> &'static str {
        match self {
            Self::Voice | Self::Callback => "pbx",
            Self::Chat => "chat",
            Self::Email => "mail",
        }
    }
}

impl World {
    pub(super) fn valued_arrives(&mut self, now: i64, again: bool, customer: Option<usize>) -> Value {
        if again {
            let next = now + i64::try_from(self.chance.valued.exponential(self.tempo.valued_every)).unwrap_or(1);
            self.plan(next, Intent::ValuedArrives { again, customer: None });
        }
        let drawn = usize::try_from(self.chance.valued.below(VALUED.len() as u64)).unwrap_or(0);
        let channel = if customer.is_some() { Channel::Voice } else { self.draw_channel() };
        self.arrives(now, channel, Some(customer.unwrap_or(drawn)), customer.is_some())
    }

    pub(super) fn general_arrives(&mut self, now: i64) -> Value {
        let every = self.tempo.valued_every * 9 / 10;
        let next = now + i64::try_from(self.chance.general.exponential(every)).unwrap_or(1);
        self.plan(next, Intent::GeneralArrives);
        let channel = self.draw_channel();
        self.arrives(now, channel, None, false)
    }

    fn draw_channel(&mut self) -> Channel {
        match self.chance.channels.below(100) {
            0..50 => Channel::Voice,
            50..72 => Channel::Chat,
            72..90 => Channel::Email,
            _ => Channel::Callback,
        }
    }

    fn arrives(&mut self, now: i64, channel: Channel, customer: Option<usize>, long: bool) -> Value {
        self.numbered += 1;
        let number = self.numbered;
        let id = match channel {
            Channel::Voice => format!("call-{number}"),
            Channel::Chat => format!("chat-{number}"),
            Channel::Email => format!("mail-{number}"),
            Channel::Callback => format!("callback-{number}"),
        };
        let contact = Contact { source: channel.source().to_owned(), id };
        let topics = ["order", "delivery.late", "billing.question"];
        let topic = self.chance.channels.one_of(&topics).copied().unwrap_or("order");
        let mut data = json!({"channel": channel.name(), "topic": topic});
        if let Some(customer) = customer.and_then(|index| VALUED.get(index)) {
            data["customer"] = json!(customer.id);
            data["from"] = json!(customer.phone);
            data["identity"] = json!("verified");
        }
        if channel == Channel::Callback {
            data["scheduled_for"] = json!(moment(now + later(&mut self.chance.patience, 500, 1500)));
        }
        // E-mail waits, and whoever asked to be called back does not hang on the line.
        if matches!(channel, Channel::Voice | Channel::Chat) {
            let patience = 2500 + self.chance.patience.exponential(self.tempo.valued_every * 8);
            let gives_up = now + i64::try_from(patience.min(18_000)).unwrap_or(0);
            self.plan(gives_up, Intent::GivesUp(contact.clone()));
        }
        let phase = Phase::Waiting;
        let live = Live { channel, customer, phase, agent: String::new(), failures: 0, parked: false, long };
        self.contacts.insert(contact.clone(), live);
        self.send(&contact, "contact.received", data).unwrap_or(Value::Null)
    }

    pub(super) fn offered(&mut self, now: i64, contact: &Contact, offer: &str, agent: &str) {
        self.offers.insert(offer.to_owned(), contact.clone());
        let manners = if self.calm { 1000 } else { self.chance.answers.below(1000) };
        let after = later(&mut self.chance.answers, 120, 700);
        // Sixty in a thousand ring out, fifty are declined.
        if manners >= 60 {
            let answer = Intent::Answers { offer: offer.to_owned(), agent: agent.to_owned(), accepts: manners >= 110 };
            self.plan(now + after, answer);
        }
    }

    pub(super) fn assigned(&mut self, now: i64, contact: &Contact, agent: &str) {
        self.hold(contact, Phase::Assigned, agent);
        let after = later(&mut self.chance.handling, 60, 250);
        self.plan(now + after, Intent::Connects(contact.clone()));
    }

    /// The platform connects the two, or fails to: a call-back that nobody answers, a headset that is not plugged in.
    pub(super) fn connects(&mut self, now: i64, contact: &Contact) -> Option<Value> {
        let live = self.contacts.get_mut(contact)?;
        if live.phase != Phase::Assigned {
            return None;
        }
        let fails = match live.channel {
            Channel::Callback => 200,
            Channel::Voice => 30,
            Channel::Chat | Channel::Email => 0,
        };
        if live.failures == 0 && !self.calm && self.chance.manners.happens(fails) {
            live.failures += 1;
            let data = if live.channel == Channel::Callback {
                let retry = moment(now + later(&mut self.chance.manners, 800, 1500));
                json!({"side": "customer", "cause": "no answer", "retry_at": retry})
            } else {
                json!({"side": "agent", "cause": "headset not connected"})
            };
            return self.send(contact, "contact.connect_failed", data);
        }
        let agent = live.agent.clone();
        self.send(contact, "contact.connected", json!({"agent": agent}))
    }

    pub(super) fn connected(&mut self, now: i64, contact: &Contact) {
        self.turn(contact, Phase::Talking);
        let quiet = self.chance.manners.happens(300) && !self.calm;
        let Some(live) = self.contacts.get_mut(contact) else { return };
        if live.channel == Channel::Chat && quiet && !live.parked {
            live.parked = true;
            let parks = now + later(&mut self.chance.handling, 200, 600);
            self.plan(parks, Intent::Parks(contact.clone()));
            return;
        }
        self.talk(now, contact);
    }

    /// A chat that went quiet goes on after a while.
    pub(super) fn parked(&mut self, now: i64, contact: &Contact) {
        self.turn(contact, Phase::Parked);
        let resumes = now + later(&mut self.chance.handling, 500, 1400);
        self.plan(resumes, Intent::Resumes(contact.clone()));
    }

    /// They talk for a while; e-mail ends with its answer, everything else with the customer's leaving.
    pub(super) fn talk(&mut self, now: i64, contact: &Contact) {
        let mean = self.tempo.handling();
        let Some(live) = self.contacts.get(contact) else { return };
        let drawn = if live.long { mean * 2 } else { mean / 3 + self.chance.handling.exponential(mean * 2 / 3) };
        let span = i64::try_from(drawn.min(mean * 3).min(6000)).unwrap_or(0);
        let intent = match live.channel {
            Channel::Email => Intent::Closes(contact.clone()),
            Channel::Voice | Channel::Chat | Channel::Callback => Intent::Ends(contact.clone()),
        };
        self.plan(now + span, intent);
    }

    pub(super) fn ended(&mut self, now: i64, contact: &Contact) {
        self.turn(contact, Phase::WrapUp);
        // One in ten forgets to close, and the daemon ends the wrap-up.
        if !self.chance.manners.happens(100) {
            let closes = now + later(&mut self.chance.handling, 100, 500);
            self.plan(closes, Intent::Closes(contact.clone()));
        }
    }
}
