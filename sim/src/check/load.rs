//! Decides what each agent carries at a moment, recomputed from the outputs, and whether one more was too much.

use std::collections::BTreeMap;

use super::place::Place;
use crate::output::Contact;

/// Contacts in each agent's hands: offered to her, assigned, connected or in wrap-up.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    carried: BTreeMap<String, BTreeMap<Contact, String>>,
}

/// Which limit one contact more would pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// More points than she has.
    Points { used: u32, of: u32 },
    /// More contacts on this channel than she may have at once.
    Slots { used: usize, of: u32 },
}

impl Load {
    /// Puts a contact into an agent's hands; says so if that is too much for her. What she holds already is no more.
    pub(super) fn take(&mut self, place: &Place, agent: &str, contact: &Contact, channel: &str) -> Option<TooMuch> {
        let held = self.carried.entry(agent.to_owned()).or_default();
        if held.insert(contact.clone(), channel.to_owned()).is_some() {
            return None;
        }
        let spec = place.channels.get(channel)?;
        let on_channel = held.values().filter(|c| *c == channel).count();
        if on_channel > spec.slots as usize {
            return Some(TooMuch::Slots { used: on_channel, of: spec.slots });
        }
        // What this channel may interrupt takes no points from its view; the contact itself always does.
        let others = held.iter().filter(|(c, _)| *c != contact).filter_map(|(_, name)| place.channels.get(name));
        let used: u32 =
            others.filter(|c| !c.interruptible_by.contains(channel)).map(|c| c.cost).sum::<u32>() + spec.cost;
        let of = place.points(agent);
        (used > of).then_some(TooMuch::Points { used, of })
    }

    /// Takes a contact out of an agent's hands.
    pub(super) fn release(&mut self, agent: &str, contact: &Contact) {
        if let Some(held) = self.carried.get_mut(agent) {
            held.remove(contact);
        }
    }

    /// Agents who still carry something.
    pub(super) fn carrying(&self) -> impl Iterator<Item = (&str, usize)> {
        self.carried.iter().filter(|(_, held)| !held.is_empty()).map(|(agent, held)| (agent.as_str(), held.len()))
    }
}
