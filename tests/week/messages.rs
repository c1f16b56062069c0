//! Decides how the acts of the recorded week are written as events. Built once, an event keeps its id however often it
//! is sent.

use std::collections::BTreeMap;

use picket_sim::message::{Sender, moment};
use picket_sim::week::Act;
use serde_json::{Value, json};

/// The platforms of the week.
#[derive(Debug)]
pub(crate) struct Messages {
    platforms: BTreeMap<&'static str, Sender>,
}

impl Messages {
    pub(crate) fn new() -> Self {
        Self { platforms: ["pbx", "crm", "driver"].map(|source| (source, Sender::new(source, "week"))).into() }
    }

    /// Time moves to `to`, then the acts happen.
    pub(crate) fn step(&mut self, to: i64, acts: &[Act]) -> Vec<Value> {
        let mut events = vec![self.event("driver", "clock.advance", json!({"to": moment(to)}))];
        events.extend(acts.iter().map(|act| self.act(act)));
        events
    }

    fn act(&mut self, act: &Act) -> Value {
        match act {
            Act::Value { customer, calls, team, lead } => {
                let data =
                    json!({"customer": customer, "team": team, "lead": lead, "attributes": {"frequency": calls}});
                self.event("crm", "customer.put", data)
            }
            Act::Duty { agent, here } => {
                let state = if *here { "ready" } else { "offline" };
                self.event("pbx", "agent.set_state", json!({"agent": agent, "state": state}))
            }
            Act::Receive { contact, customer } => {
                let data = json!({"contact": contact, "channel": "voice", "customer": customer});
                self.event("pbx", "contact.received", data)
            }
            Act::Accept { offer, agent } => self.event("pbx", "offer.accept", json!({"offer": offer, "agent": agent})),
            Act::Connect { contact } => self.event("pbx", "contact.connected", json!({"contact": contact})),
            Act::End { contact } => self.event("pbx", "contact.ended", json!({"contact": contact})),
            Act::Close { contact, agent } => {
                self.event("pbx", "contact.close", json!({"contact": contact, "agent": agent}))
            }
            Act::Abandon { contact } => self.event("pbx", "contact.abandoned", json!({"contact": contact})),
        }
    }

    fn event(&mut self, source: &'static str, kind: &str, data: Value) -> Value {
        self.platforms.get_mut(source).expect("a platform of the week").event(kind, data)
    }
}
