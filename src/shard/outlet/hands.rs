//! Decides what is told of things done by hand: consultations, holds and lendings, and who did it and why.

use picket_core::{AgentId, Bypass, ContactId, QueueId, TeamId, Timestamp};

use super::Writing;
use crate::contract::outbound::contact::{self, Bypassed};
use crate::contract::outbound::{Outbound, fence};
use crate::shard::record::ShellFact;

impl Writing<'_> {
    /// Who asked for this by hand and why; neither when a timer or a platform did.
    pub(super) fn by_hand(&self) -> (Option<String>, Option<String>) {
        let said = self.record.facts.iter().find_map(|fact| match fact {
            ShellFact::ByHand { by, why } => Some((by.clone(), why.clone())),
            ShellFact::ContactIn { .. }
            | ShellFact::Alias { .. }
            | ShellFact::EndedEarly { .. }
            | ShellFact::Forwarded { .. }
            | ShellFact::ForwardsArrived { .. }
            | ShellFact::DomainMoved { .. }
            | ShellFact::BeganAs { .. }
            | ShellFact::AccountOf { .. }
            | ShellFact::CustomerChanged { .. }
            | ShellFact::AccountChanged { .. }
            | ShellFact::PlanStands { .. }
            | ShellFact::ClockSetBack { .. }
            | ShellFact::RulesActivated { .. }
            | ShellFact::ValuedChanged { .. }
            | ShellFact::SourceSilent { .. } => None,
        });
        said.unwrap_or_default()
    }

    pub(super) fn held(&self, contact: ContactId, until: Option<Timestamp>) -> Outbound {
        let (about, (by, why)) = (self.about(contact), self.by_hand());
        match until {
            Some(until) => Outbound::ContactHeld(contact::Held { about, until: until.into(), by, why }),
            None => Outbound::ContactReleased(contact::Released { about, by, why }),
        }
    }

    pub(super) fn consulted(&self, contact: ContactId, asked: AgentId, over_capacity: bool) -> Outbound {
        let view = self.state.router.contact(contact);
        Outbound::ContactConsulted(Box::new(contact::Consulted {
            about: self.about(contact),
            agent: self.agent(asked),
            alias: self.alias(contact, asked),
            asked_by: view.and_then(|view| view.agent).map(|agent| self.agent(agent)),
            over_capacity,
            capacity: self.capacity(view, asked),
        }))
    }

    pub(super) fn consult_ended(&self, contact: ContactId) -> Outbound {
        let asked = self.voice.agent;
        Outbound::ContactConsultEnded(contact::ConsultEnded {
            about: self.about(contact),
            agent: asked.map(|agent| self.agent(agent)).unwrap_or_default(),
            alias: asked.and_then(|agent| self.alias(contact, agent)),
        })
    }

    pub(super) fn lent(&self, team: TeamId, queue: QueueId, until: Timestamp) -> Outbound {
        let (team, queue, (by, why)) = (self.team(team), self.queue(queue), self.by_hand());
        Outbound::TeamLent(fence::Lent { team, queue, until: until.into(), by, why })
    }

    pub(super) fn lend_ended(&self, team: TeamId, queue: QueueId) -> Outbound {
        let (team, queue, (by, why)) = (self.team(team), self.queue(queue), self.by_hand());
        Outbound::TeamLendEnded(fence::LendEnded { team, queue, by, why })
    }
}

/// The checks that were skipped, if any was.
pub(super) fn bypassed(bypass: Bypass) -> Option<Vec<Bypassed>> {
    let Bypass { skill, slots, hours } = bypass;
    let checks = [(skill, Bypassed::Skill), (slots, Bypassed::Slots), (hours, Bypassed::Hours)];
    let skipped: Vec<_> = checks.into_iter().filter(|(skipped, _)| *skipped).map(|(_, check)| check).collect();
    (!skipped.is_empty()).then_some(skipped)
}
