//! Decides how what a record brought about is told to the world. The same record and state give the same bytes.

mod agents;
mod contacts;
mod hands;
mod offers;

use picket_core::{
    AgentId, ChannelId, ContactId, Event, FenceFact, FenceReason, Kind, QueueId, SourceId, TeamId, Timestamp, WorldFact,
};

use super::bugs::{self, Bug};
use super::record::{Cause, Record, ShellFact, Verdict};
use super::state::{ShardState, Topic, Voice};
use crate::contract::Code;
use crate::contract::outbound::common::{About, Fence, FenceState};
use crate::contract::outbound::{self, Outbound, Stamp, fence, other};
use crate::contract::wire::OutMessage;

/// What an output is written from: the state behind its record, the record, and its place in the stream.
#[derive(Clone, Copy, Debug)]
struct Writing<'a> {
    state: &'a ShardState,
    record: &'a Record,
    voice: &'a Voice<'a>,
}

/// Writes one output of a record.
pub(super) fn write(state: &ShardState, shard: &str, record: &Record, voice: &Voice<'_>) -> OutMessage {
    let writing = Writing { state, record, voice };
    let outbound = writing.outbound();
    let ordinal = u32::try_from(voice.number.saturating_sub(record.first_output)).unwrap_or(u32::MAX);
    let ordinal = if bugs::has(Bug::OneIdForAll) { 0 } else { ordinal };
    let id = outbound::output_id(shard, &record.token, record.seq, ordinal);
    let timer;
    let stamp = Stamp {
        id: &id,
        shard,
        epoch: record.token.split(':').next().and_then(|epoch| epoch.parse().ok()).unwrap_or(0),
        number: voice.number,
        seq: record.seq,
        time: record.at,
        domain: writing.domain(),
        cause: match &record.cause {
            Cause::Input { source, id, .. } => outbound::Cause::Input { source, id },
            Cause::Timer(kind) => {
                timer = serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
                outbound::Cause::Timer(timer.as_deref().unwrap_or("timer"))
            }
            Cause::Clock => outbound::Cause::Timer("clock"),
            Cause::Rules => outbound::Cause::Timer("rules"),
            Cause::Customer => outbound::Cause::Timer("customer"),
            Cause::Forwarding => outbound::Cause::Timer("forwarding"),
            Cause::Moving => outbound::Cause::Timer("moving"),
            Cause::Lag => outbound::Cause::Timer("lag"),
            Cause::Presence => outbound::Cause::Timer("presence"),
        },
    };
    match outbound.message(&stamp) {
        Ok(message) => message,
        // The contract's types are plain data; should one fail all the same, its place in the stream must not be empty.
        Err(error) => {
            tracing::error!(%error, kind = outbound.kind(), "an output could not be written");
            OutMessage {
                number: voice.number,
                seq: record.seq,
                id: id.clone(),
                kind: outbound.kind(),
                routing_key: format!("{}.{}.{}", stamp.domain, outbound.noun(), outbound.verb()),
                contact: None,
                agent: None,
                domain: stamp.domain.to_owned(),
                body: bytes::Bytes::from_static(b"{}"),
            }
        }
    }
}

impl Writing<'_> {
    fn outbound(&self) -> Outbound {
        match self.voice.topic {
            Topic::End(contact, outcome) => self.end(contact, outcome),
            Topic::Fact(fact) => self.fact(fact),
            Topic::Refused => self.refused(),
            Topic::Event(event) => match event {
                Event::Contact(contact, fact) => self.contact(*contact, fact),
                Event::Fence(contact, fact) => self.fence_fact(*contact, fact),
                Event::Offer(offer, fact) => self.offer(*offer, fact),
                Event::Agent(agent, fact) => self.agent_fact(*agent, fact),
                Event::World(fact) => self.world(fact),
            },
        }
    }

    fn fact(&self, fact: &ShellFact) -> Outbound {
        match fact {
            ShellFact::ValuedChanged { customer, valued, score } => {
                Outbound::CustomerValuedChanged(other::ValuedChanged {
                    customer: self.state.customer_hash(*customer).unwrap_or_default().to_owned(),
                    valued: *valued,
                    score: *score,
                })
            }
            ShellFact::RulesActivated { hash, number, .. } => {
                Outbound::RulesActivated(other::RulesActivated { rules: hash.clone(), number: *number, by: None })
            }
            ShellFact::SourceSilent { source, silent } => {
                Outbound::SourceLost(other::SourceLost { source: source.clone(), silent_ms: silent.0 })
            }
            // These have no voice of their own.
            ShellFact::ContactIn { .. }
            | ShellFact::Alias { .. }
            | ShellFact::ByHand { .. }
            | ShellFact::EndedEarly { .. }
            | ShellFact::Forwarded { .. }
            | ShellFact::ForwardsArrived { .. }
            | ShellFact::DomainMoved { .. }
            | ShellFact::BeganAs { .. }
            | ShellFact::AccountOf { .. }
            | ShellFact::CustomerChanged { .. }
            | ShellFact::AccountChanged { .. }
            | ShellFact::PlanStands { .. }
            | ShellFact::ClockSetBack { .. } => self.refused(),
        }
    }

    fn refused(&self) -> Outbound {
        let (source, id, kind) = match &self.record.cause {
            Cause::Input { source, id, kind, .. } => (source.clone(), id.clone(), kind.clone()),
            Cause::Timer(_)
            | Cause::Clock
            | Cause::Rules
            | Cause::Customer
            | Cause::Forwarding
            | Cause::Moving
            | Cause::Lag
            | Cause::Presence => <_>::default(),
        };
        let (code, detail) = match &self.record.verdict {
            Verdict::Rejected { code, detail } => (code.as_str(), detail.clone()),
            Verdict::Applied => ("", String::new()),
        };
        let code = Code::ALL.iter().find(|known| known.as_str() == code).copied().unwrap_or(Code::Quarantined);
        Outbound::CommandRejected(other::CommandRejected {
            source,
            id,
            kind,
            code,
            detail,
            contact: None,
            agent: None,
            seq: None,
        })
    }

    fn fence_fact(&self, contact: ContactId, fact: &FenceFact) -> Outbound {
        let about = self.about(contact);
        let view = self.state.router.contact(contact);
        let team = view.and_then(|view| view.fence).map(|fence| self.team(fence.team)).unwrap_or_default();
        match fact {
            FenceFact::Set { team } => {
                let (team, because) = (self.team(*team), fence::SetBecause::Plan);
                Outbound::FenceSet(fence::Set { about, team, because, by: None, why: None })
            }
            FenceFact::Closed | FenceFact::TeamMissing { .. } => {
                let (because, (by, why)) = (fence::SetBecause::Supervisor, self.by_hand());
                Outbound::FenceSet(fence::Set { about, team, because, by, why })
            }
            FenceFact::Opened { reason, held, tried, until } => {
                let tried = tried
                    .iter()
                    .map(|one| fence::Tried { agent: self.agent(one.agent), obstacle: one.obstacle.into() });
                let (by, why) = match reason {
                    FenceReason::Supervisor | FenceReason::CustomerChoice => self.by_hand(),
                    FenceReason::HoldOver
                    | FenceReason::NoCover
                    | FenceReason::Longest
                    | FenceReason::Transfer
                    | FenceReason::NoLongerValued
                    | FenceReason::Reidentified => (None, None),
                };
                Outbound::FenceOpened(fence::Opened {
                    about,
                    team,
                    reason: (*reason).into(),
                    held_ms: held.0,
                    tried: tried.collect(),
                    until: until.map(Into::into),
                    by,
                    why,
                })
            }
        }
    }

    fn world(&self, fact: &WorldFact) -> Outbound {
        match fact {
            WorldFact::ReserveReleased { team, queue } => {
                Outbound::ReserveReleased(fence::Reserve { team: self.team(*team), queue: self.queue(*queue) })
            }
            WorldFact::ReserveRestored { team, queue } => {
                Outbound::ReserveRestored(fence::Reserve { team: self.team(*team), queue: self.queue(*queue) })
            }
            WorldFact::Lent { team, queue, until } => self.lent(*team, *queue, *until),
            WorldFact::LendingEnded { team, queue } => self.lend_ended(*team, *queue),
            // Nothing else of the place has a voice.
            WorldFact::Changed(_)
            | WorldFact::Widened { .. }
            | WorldFact::HoursTurned { .. }
            | WorldFact::MembershipTurned { .. }
            | WorldFact::ClockJumped { .. }
            | WorldFact::CatchUpBegan { .. }
            | WorldFact::CatchUpEnded
            | WorldFact::CalendarRunsOut { .. } => self.refused(),
        }
    }

    /// The contact an output is about, and its count.
    fn about(&self, contact: ContactId) -> About {
        let (source, name) = self.state.contact_name(contact).unwrap_or_default();
        let channel = self.state.router.contact(contact).map(|view| self.channel(view.channel)).unwrap_or_default();
        let seq = self.voice.contact.map_or(0, |(_, count)| u64::from(count));
        About { source: source.to_owned(), contact: name.to_owned(), channel, seq }
    }

    fn fence(&self, contact: ContactId) -> Option<Fence> {
        let fence = self.state.router.contact(contact)?.fence?;
        let state = if fence.open.is_some() { FenceState::Open } else { FenceState::Closed };
        Some(Fence { team: self.team(fence.team), state })
    }

    fn customer(&self, contact: ContactId) -> Option<String> {
        let customer = self.state.router.contact(contact)?.customer?;
        self.state.customer_hash(customer).map(str::to_owned)
    }

    fn waited_ms(&self, contact: ContactId) -> u32 {
        let since = self.state.router.contact(contact).map_or(self.record.at, |view| view.since);
        self.state.meta(contact).and_then(|meta| meta.connected_at).unwrap_or(self.record.at).since(since).0
    }

    fn since_connected(&self, contact: ContactId) -> Option<u32> {
        let connected: Timestamp = self.state.meta(contact)?.connected_at?;
        Some(self.record.at.since(connected).0)
    }

    /// What the contact's source calls the agent.
    fn alias(&self, contact: ContactId, agent: AgentId) -> Option<String> {
        let source: SourceId = self.state.router.contact(contact)?.source;
        self.state.alias(agent, source).map(str::to_owned)
    }

    fn domain(&self) -> &str {
        let contact = self.voice.contact.and_then(|(contact, _)| self.state.meta(contact));
        contact.map_or_else(|| self.state.default_domain(), |meta| &meta.domain)
    }

    fn text(&self, kind: Kind, number: u32) -> String {
        self.state.names.text(kind, number).unwrap_or_default().to_owned()
    }

    fn agent(&self, agent: AgentId) -> String {
        self.text(Kind::Agent, agent.0)
    }

    fn team(&self, team: TeamId) -> String {
        self.text(Kind::Team, team.0)
    }

    fn queue(&self, queue: QueueId) -> String {
        self.text(Kind::Queue, queue.0)
    }

    fn channel(&self, channel: ChannelId) -> String {
        self.text(Kind::Channel, channel.0)
    }
}
