//! Decides how a decision reads: when, on which channel, whose, behind which fence, and why.

use std::collections::BTreeMap;

use chrono::DateTime;
use picket_sim::output::{Contact, Fact, Output};
use picket_sim::world::World;

/// What the lines printed so far have said about each contact.
#[derive(Debug, Default)]
pub(super) struct Lines {
    fences: BTreeMap<Contact, Fence>,
    offers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Fence {
    team: String,
    opened: Option<String>,
}

impl Lines {
    /// The line for an output; none for what is no decision.
    pub(super) fn line(&mut self, output: &Output, world: &World) -> Option<String> {
        let said = self.said(output)?;
        let at = DateTime::from_timestamp_millis(output.at)
            .map_or_else(String::new, |at| at.format("%H:%M:%S%.3f").to_string());
        let Some(contact) = &output.contact else { return Some(format!("{at}  {:8}  {:22}  {said}", "", "")) };
        let whose = world.whose(contact);
        let (name, channel) = whose.as_ref().map_or(("?", "?"), |whose| (whose.name.as_str(), whose.channel));
        let fence = self.fences.get(contact).map_or_else(String::new, |fence| match fence.opened {
            None => format!("[{}]", fence.team),
            Some(_) => format!("]{}[", fence.team),
        });
        Some(format!("{at}  {channel:8}  {name:18}  {fence:11}  {said}"))
    }

    fn said(&mut self, output: &Output) -> Option<String> {
        let contact = output.contact.as_ref();
        Some(match &output.fact {
            Fact::FenceSet { team } => {
                self.fences.insert(contact?.clone(), Fence { team: team.clone(), opened: None });
                return None;
            }
            Fact::FenceOpened { reason, held_ms } => {
                if let Some(fence) = contact.and_then(|contact| self.fences.get_mut(contact)) {
                    fence.opened = Some(reason.clone());
                }
                format!("fence opened: {}, after {}", words(reason), seconds(*held_ms))
            }
            Fact::OfferMade { offer, agent, standing } => {
                self.offers.insert(offer.clone(), agent.clone());
                format!("offered to {} ({})", title(agent), self.why(contact, standing))
            }
            Fact::OfferOver { offer, how } => {
                let agent = self.offers.remove(offer).unwrap_or_default();
                match *how {
                    "declined" => format!("declined by {}", title(&agent)),
                    "expired" => format!("no answer from {}", title(&agent)),
                    _ => format!("taken back from {}", title(&agent)),
                }
            }
            Fact::OfferAccepted { offer, .. } => {
                self.offers.remove(offer);
                return None;
            }
            Fact::Assigned { agent, standing, .. } => {
                format!("assigned to {} ({})", title(agent), self.why(contact, standing))
            }
            Fact::Requeued { cause } => format!("waits again: {}", cause.replace('_', " ")),
            Fact::Parked => "gone quiet: parked".to_owned(),
            Fact::Resumed { agent, .. } => format!("back with {}", title(agent)),
            Fact::Closed { outcome } => format!("closed: {outcome}"),
            Fact::AgentState { agent, state, cause, reason } if state != "ready" => {
                let why = if reason.is_empty() { cause } else { reason };
                let state = if state.is_empty() { "marked" } else { state };
                format!("{} is {}: {}", title(agent), state.replace('_', " "), why.replace('_', " "))
            }
            Fact::Queued { .. }
            | Fact::FenceClosed
            | Fact::Connected
            | Fact::Ended
            | Fact::Transferred
            | Fact::AgentState { .. }
            | Fact::Rejected { .. }
            | Fact::Other(_) => return None,
        })
    }

    /// What an agent is to a contact, in words.
    fn why(&self, contact: Option<&Contact>, standing: &str) -> String {
        let fence = contact.and_then(|contact| self.fences.get(contact));
        let team = fence.map_or("its team", |fence| fence.team.as_str());
        match standing {
            "lead" => format!("lead of {team}"),
            "team" => format!("of {team}"),
            "cover" => format!("covers for {team}"),
            "outside" => {
                let reason = fence.and_then(|fence| fence.opened.as_deref()).unwrap_or("?");
                format!("outside {team}: {}", words(reason))
            }
            "lent" => "lent to the queue".to_owned(),
            _ => "the queue's own".to_owned(),
        }
    }
}

/// A reason of an opening, in words.
fn words(reason: &str) -> &str {
    match reason {
        "hold_over" => "its people were busy for longer than the hold",
        "no_cover" => "nobody of the team is there",
        "longest" => "the longest wait is reached",
        other => other,
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// A name as people write it.
fn title(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
