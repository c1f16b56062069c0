//! Decides what an absence would move to the deputy, so that it can be listed before it is confirmed.
//!
//! Nothing is moved at once: while the absence lasts, whoever would be looked for is looked for at the deputy too, and
//! what the deputy parks again waits for the absent one.

use alloc::vec::Vec;

use super::Router;
use super::state::{Contact, Phase, Team};
use crate::{AgentId, ContactId, MatterId, TeamId, ThreadId, Who};

/// What is an agent's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// Teams that she leads.
    pub leads: Vec<TeamId>,
    /// Parked contacts that return to her.
    pub parked: Vec<ContactId>,
    /// Conversations that were last with her.
    pub threads: Vec<ThreadId>,
    /// Matters that were last with her.
    pub matters: Vec<MatterId>,
    /// Scheduled contacts and call-backs whose plan names her.
    pub scheduled: Vec<ContactId>,
}

impl Router {
    /// What moves to the deputy while this agent is absent. It looks at everything there is: for a question now and then.
    #[must_use]
    pub fn handover(&self, agent: AgentId) -> Handover {
        let leads = self.teams.iter().map(|(_, team)| team).filter(|team| !team.removed && team.lead() == Some(agent));
        let scheduled =
            self.contacts.iter().map(|(_, contact)| contact).filter(|contact| {
                matches!(contact.phase, Phase::Scheduled { .. }) && self.is_planned_for(contact, agent)
            });
        Handover {
            leads: leads.map(|team| team.id).collect(),
            parked: self.agents.get(agent.index()).map(|agent| agent.parked.to_vec()).unwrap_or_default(),
            threads: self.threads.iter().filter(|(_, (_, own))| *own == agent).map(|(id, _)| *id).collect(),
            matters: self.matters.iter().filter(|(_, (_, own))| *own == agent).map(|(id, _)| *id).collect(),
            scheduled: scheduled.map(|contact| contact.id).collect(),
        }
    }

    /// Whether a plan names an agent: as the lead, or as the person of a step.
    fn is_planned_for(&self, contact: &Contact, agent: AgentId) -> bool {
        let team = contact.fence.and_then(|fence| self.teams.get(fence.team.index()));
        let lead = contact.plan.lead.or_else(|| team.and_then(Team::lead));
        contact.plan.steps.iter().any(|step| match step.who {
            Who::Agent(named) => named == agent,
            Who::Lead => lead == Some(agent),
            Who::Backups | Who::Team(_) | Who::Covers | Who::Queue => false,
        })
    }
}
