//! Decides what is told about agents.

use picket_core::{AgentFact, AgentId, ExpectedPresence, Kind, Presence, StateCause as CoreCause, StateSetter};

use super::Writing;
use crate::contract::outbound::Outbound;
use crate::contract::outbound::agent::{Setter, StateCause, StateChanged};

impl Writing<'_> {
    pub(super) fn agent_fact(&self, agent: AgentId, fact: &AgentFact) -> Outbound {
        let mut said = StateChanged {
            agent: self.agent(agent),
            aliases: self.state.aliases_of(agent),
            channels: Vec::new(),
            state: None,
            cause: StateCause::Said,
            reason: None,
            from: None,
            until: None,
            deputy: None,
            contacts: None,
            by: Setter::Picket,
        };
        let reason = |reason: Option<picket_core::ReasonId>| reason.map(|reason| self.text(Kind::Reason, reason.0));
        match fact {
            AgentFact::StateChanged { channels, presence, cause, until, by } => {
                said.channels = channels.iter().map(|channel| self.channel(*channel)).collect();
                said.state = Some((*presence).into());
                said.cause = (*cause).into();
                if let CoreCause::Said(why) = cause {
                    said.reason = reason(*why);
                }
                said.until = until.map(Into::into);
                said.by = match by {
                    StateSetter::Source(source) => Setter::Source(self.text(Kind::Source, source.0)),
                    StateSetter::Supervisor => Setter::Supervisor,
                    StateSetter::Picket => Setter::Picket,
                };
            }
            AgentFact::AbsenceSet { from, until, reason: why, deputy } => {
                said.cause = StateCause::Absence;
                said.reason = reason(*why);
                said.from = Some((*from).into());
                said.until = Some((*until).into());
                said.deputy = deputy.map(|deputy| self.agent(deputy));
            }
            AgentFact::AbsenceBegan => said.cause = StateCause::Absence,
            AgentFact::AbsenceEnded => said.cause = StateCause::AbsenceOver,
            AgentFact::LoadReported { channel, contacts } => {
                said.cause = StateCause::Load;
                said.channels = vec![self.channel(*channel)];
                said.contacts = Some(*contacts);
            }
            AgentFact::Vouched(ExpectedPresence::Lost) => {
                (said.cause, said.state) = (StateCause::HeartbeatLost, Some(Presence::Offline.into()));
            }
            AgentFact::Vouched(ExpectedPresence::Seen) => {
                (said.cause, said.state) = (StateCause::HeartbeatSeen, self.presence(agent).map(Into::into));
            }
        }
        Outbound::AgentStateChanged(said)
    }

    /// Her state, where it is the same on every channel.
    fn presence(&self, agent: AgentId) -> Option<Presence> {
        let channels = self.state.router.agent(agent)?.channels;
        let first = channels.first()?.presence;
        channels.iter().all(|channel| channel.presence == first).then_some(first)
    }
}
