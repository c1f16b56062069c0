//! Decides what customers, agents and platforms do in the demo's world: a state machine that is told the time and what
//! came out of the daemon, and says what goes in.

mod contact;
mod people;
mod script;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use people::place;
pub use script::Tempo;

use crate::message::{Sender, moment};
use crate::output::{Contact, Fact, Output};
use crate::rng::Stream;
use contact::{Channel, Live, Phase};
use people::VALUED;
use script::Intent;

/// Customers, agents and platforms of the demo.
#[derive(Debug)]
pub struct World {
    tempo: Tempo,
    started: i64,
    calm: bool,
    chance: Chance,
    desk: Sender,
    platforms: BTreeMap<&'static str, Sender>,
    intents: BTreeMap<(i64, u64), Intent>,
    planned: u64,
    contacts: BTreeMap<Contact, Live>,
    offers: BTreeMap<String, Contact>,
    numbered: u64,
}

/// One stream of chance per source of randomness.
#[derive(Debug)]
struct Chance {
    valued: Stream,
    general: Stream,
    channels: Stream,
    answers: Stream,
    handling: Stream,
    patience: Stream,
    manners: Stream,
}

/// Whose contact it is, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The customer's name, or that nobody knows them.
    pub name: String,
    /// The channel.
    pub channel: &'static str,
}

impl World {
    /// A world that begins at `now`; the same seed and tempo draw the same numbers.
    #[must_use]
    pub fn new(seed: u64, tempo: Tempo, now: i64) -> Self {
        let run = format!("demo-{seed}");
        let stream = |name| Stream::new(seed, name);
        let mut world = Self {
            tempo,
            started: now,
            calm: false,
            chance: Chance {
                valued: stream("valued arrivals"),
                general: stream("general arrivals"),
                channels: stream("channels"),
                answers: stream("answers"),
                handling: stream("handling"),
                patience: stream("patience"),
                manners: stream("manners"),
            },
            desk: Sender::new("desk", &run),
            platforms: ["pbx", "chat", "mail"].map(|source| (source, Sender::new(source, &run))).into(),
            intents: BTreeMap::new(),
            planned: 0,
            contacts: BTreeMap::new(),
            offers: BTreeMap::new(),
            numbered: 0,
        };
        world.write_script();
        world
    }

    /// What goes in first: the directory, and everybody logs in.
    pub fn opening(&mut self) -> Vec<Value> {
        let mut crm = Sender::new("crm", &format!("{}-crm", self.started));
        let directory = people::directory().into_iter().map(|(kind, data)| crm.event(kind, data));
        let mut events: Vec<Value> = directory.collect();
        let ready = |agent| json!({"agent": agent, "state": "ready"});
        events.extend(people::agents().map(|agent| self.desk.event("agent.set_state", ready(agent))));
        events
    }

    /// When something is next to be done.
    #[must_use]
    pub fn next(&self) -> Option<i64> {
        self.intents.keys().next().map(|(at, _)| *at)
    }

    /// What is to be sent now.
    pub fn due(&mut self, now: i64) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(entry) = self.intents.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let intent = entry.remove();
            events.extend(self.act(now, intent));
        }
        events
    }

    /// Whose contact it is.
    #[must_use]
    pub fn whose(&self, contact: &Contact) -> Option<Whose> {
        let live = self.contacts.get(contact)?;
        let name = live.customer.and_then(|index| VALUED.get(index)).map_or("somebody new", |customer| customer.name);
        Some(Whose { name: name.to_owned(), channel: live.channel.name() })
    }

    /// Whether no more contacts come and every one that came is closed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.calm && self.contacts.values().all(|live| live.phase == Phase::Closed)
    }

    /// From now on nobody misbehaves, nobody new comes, and everybody is at their desk: all that is open must end.
    pub fn calm_down(&mut self, now: i64) {
        if self.calm {
            return;
        }
        self.calm = true;
        self.intents.retain(|_, intent| !intent.ends_with_the_day());
        for agent in people::agents() {
            self.plan(now, Intent::State { agent, state: "ready", reason: None });
        }
    }

    /// Hears what the daemon decided.
    pub fn see(&mut self, now: i64, output: &Output) {
        if let Fact::AgentState { agent, state, cause, .. } = &output.fact {
            self.agent_changed(now, agent, state, cause);
        }
        let Some(contact) = &output.contact else { return };
        match &output.fact {
            Fact::OfferMade { offer, agent, .. } => self.offered(now, contact, offer, agent),
            Fact::OfferAccepted { offer, .. } | Fact::OfferOver { offer, .. } => {
                self.offers.remove(offer);
            }
            Fact::Assigned { agent, .. } => self.assigned(now, contact, agent),
            Fact::Connected => self.connected(now, contact),
            Fact::Resumed { agent, .. } => {
                self.hold(contact, Phase::Talking, agent);
                self.talk(now, contact);
            }
            Fact::Ended => self.ended(now, contact),
            Fact::Parked => self.parked(now, contact),
            Fact::Requeued { .. } => self.turn(contact, Phase::Waiting),
            Fact::Closed { .. } => self.turn(contact, Phase::Closed),
            Fact::Queued { .. }
            | Fact::FenceSet { .. }
            | Fact::FenceOpened { .. }
            | Fact::FenceClosed
            | Fact::Transferred
            | Fact::AgentState { .. }
            | Fact::Rejected { .. }
            | Fact::Other(_) => {}
        }
    }

    fn plan(&mut self, at: i64, intent: Intent) {
        self.planned += 1;
        self.intents.insert((at, self.planned), intent);
    }

    fn turn(&mut self, contact: &Contact, phase: Phase) {
        if let Some(live) = self.contacts.get_mut(contact) {
            live.phase = phase;
        }
    }

    fn hold(&mut self, contact: &Contact, phase: Phase, agent: &str) {
        if let Some(live) = self.contacts.get_mut(contact) {
            live.phase = phase;
            agent.clone_into(&mut live.agent);
        }
    }

    fn phase(&self, contact: &Contact) -> Option<Phase> {
        self.contacts.get(contact).map(|live| live.phase)
    }

    fn send(&mut self, contact: &Contact, kind: &str, mut data: Value) -> Option<Value> {
        data["contact"] = json!(contact.id);
        Some(self.platforms.get_mut(contact.source.as_str())?.event(kind, data))
    }

    /// Does what was planned, if it still makes sense.
    fn act(&mut self, now: i64, intent: Intent) -> Option<Value> {
        match intent {
            Intent::ValuedArrives { again, customer } => Some(self.valued_arrives(now, again, customer)),
            Intent::GeneralArrives => Some(self.general_arrives(now)),
            Intent::GivesUp(contact) => {
                let waits = matches!(self.phase(&contact), Some(Phase::Waiting | Phase::Assigned));
                if waits { self.send(&contact, "contact.abandoned", json!({})) } else { None }
            }
            Intent::Answers { offer, agent, accepts } => {
                let contact = self.offers.get(&offer)?;
                let data = json!({"offer": offer, "agent": agent, "contact": contact.id});
                Some(self.desk.event(if accepts { "offer.accept" } else { "offer.decline" }, data))
            }
            Intent::Connects(contact) => self.connects(now, &contact),
            Intent::Parks(contact) => self.when(&contact, Phase::Talking, "contact.parked"),
            Intent::Resumes(contact) => self.when(&contact, Phase::Parked, "contact.resumed"),
            Intent::Ends(contact) => self.when(&contact, Phase::Talking, "contact.ended"),
            Intent::Closes(contact) => match self.phase(&contact)? {
                Phase::Talking | Phase::WrapUp => {
                    let data = json!({"agent": self.contacts.get(&contact)?.agent, "disposition": "done"});
                    self.send(&contact, "contact.close", data)
                }
                Phase::Waiting | Phase::Assigned | Phase::Parked | Phase::Closed => None,
            },
            Intent::State { agent, state, reason } => {
                let data = json!({"agent": agent, "state": state, "reason": reason});
                Some(self.desk.event("agent.set_state", data))
            }
            Intent::Absent { agent, deputy, for_ms } => {
                let until = moment(now.saturating_add(i64::try_from(for_ms).unwrap_or(0)));
                let data =
                    json!({"agent": agent, "from": moment(now), "until": until, "reason": "ill", "deputy": deputy});
                Some(self.desk.event("agent.absence", data))
            }
        }
    }

    fn when(&mut self, contact: &Contact, phase: Phase, kind: &str) -> Option<Value> {
        if self.phase(contact) == Some(phase) { self.send(contact, kind, json!({})) } else { None }
    }

    fn agent_changed(&mut self, now: i64, agent: &str, state: &str, cause: &str) {
        // Somebody who missed an offer comes back to her desk after a while.
        if state == "not_ready"
            && cause == "no_answer"
            && let Some(agent) = people::agents().find(|known| *known == agent)
        {
            let back = now + later(&mut self.chance.manners, 1200, 2600);
            self.plan(back, Intent::State { agent, state: "ready", reason: None });
        }
    }
}

/// A span from `low` to `high` milliseconds.
fn later(stream: &mut Stream, low: u64, high: u64) -> i64 {
    i64::try_from(stream.between(low, high)).unwrap_or(0)
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Callback => "callback",
        }
    }
}
