//! Decides how the state is shown: small views by number and in order of number, for the API, the mapper and the rules.

use alloc::vec::Vec;

use super::Router;
use super::capacity::{Condition, Shift};
use super::lanes::Waiting;
use super::pool::Pool;
use super::state::{Agent, Contact, Offer, Phase, Queue, Roll, Team};
use crate::{
    AgentId, AgentSpec, ChannelId, ChannelSpec, ContactId, CustomerId, FenceReason, MatterId, Need, OfferId, OfferMode,
    Outcome, Plan, Presence, QueueId, QueueSpec, SourceId, Standing, StateCause, StateSetter, TeamId, TeamSpec,
    ThreadId, Timestamp, Transfer,
};

/// Where a contact is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// Waits from a later moment on.
    Scheduled,
    /// Waits; nobody is asked.
    Waiting,
    /// Waits, and lies before at least one agent.
    Offered,
    /// Accepted, or assigned without asking; not yet connected.
    Assigned,
    /// Customer and agent are talking.
    Connected,
    /// Its agent is lost; it waits for her return.
    Orphaned,
    /// After-contact work.
    WrapUp,
    /// The customer went quiet; its agent is remembered.
    Parked,
    /// Done.
    Closed,
}

/// A fence around a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceState {
    /// Whose.
    pub team: TeamId,
    /// When it was set, or last closed.
    pub set_at: Timestamp,
    /// Why it is open, if it is.
    pub open: Option<FenceReason>,
    /// When a supervisor's opening ends.
    pub until: Option<Timestamp>,
}

/// One contact. Closed ones stay known for a while; of their plan, steps and needs are empty.
#[derive(Clone, Copy, Debug)]
pub struct ContactView<'a> {
    /// Which.
    pub id: ContactId,
    /// On which channel.
    pub channel: ChannelId,
    /// Whose, where known.
    pub customer: Option<CustomerId>,
    /// From which source.
    pub source: SourceId,
    /// The conversation it belongs to.
    pub thread: Option<ThreadId>,
    /// The matter it is about.
    pub matter: Option<MatterId>,
    /// Where it is in its life.
    pub state: ContactState,
    /// When it came into this state; an offer out or taken back does not count.
    pub state_since: Timestamp,
    /// Age counts from here.
    pub since: Timestamp,
    /// What it is entitled to.
    pub plan: &'a Plan,
    /// The step reached, from 0.
    pub step: u8,
    /// When that step began.
    pub step_since: Timestamp,
    /// When the step is over as things stand, while it waits.
    pub step_until: Option<Timestamp>,
    /// The fence around it, closed or open.
    pub fence: Option<FenceState>,
    /// Where it was handed on to, while that comes before its plan.
    pub handed_on: Option<&'a Transfer>,
    /// What its queue asks for it after widening, instead of the queue's own needs.
    pub widened: Option<&'a [Need]>,
    /// Offers that are out.
    pub offers: &'a [OfferId],
    /// The agent who has it, or had it last.
    pub agent: Option<AgentId>,
    /// Everybody who was connected, first to last.
    pub handled_by: &'a [AgentId],
    /// Agents never asked: the customer avoids them.
    pub avoids: &'a [AgentId],
    /// Agents not asked again while another can serve.
    pub excluded: &'a [AgentId],
    /// A supervisor keeps it at its step until then.
    pub held_until: Option<Timestamp>,
    /// Whom its agent asks for advice.
    pub consulted: Option<AgentId>,
    /// When a scheduled contact begins to wait, an accepted one fails, wrap-up ends, an orphan is requeued.
    pub due: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// One offer that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferView {
    /// Which.
    pub id: OfferId,
    /// Of which contact.
    pub contact: ContactId,
    /// Before whom.
    pub agent: AgentId,
    /// What she is to the contact.
    pub standing: Standing,
    /// The step of the plan, from 0.
    pub step: u8,
    /// How many are asked.
    pub mode: OfferMode,
    /// When it was made.
    pub made_at: Timestamp,
    /// The moment at which it is too late.
    pub expires_at: Timestamp,
}

/// The readiness of an agent on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPresence {
    /// Which channel.
    pub channel: ChannelId,
    /// The state that counts.
    pub presence: Presence,
    /// Why.
    pub cause: StateCause,
    /// Who said so.
    pub by: StateSetter,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Whether she could take one more contact of this channel now.
    pub free: bool,
    /// When she became idle on it.
    pub idle_since: Timestamp,
}

/// One agent.
#[derive(Clone, Debug)]
pub struct AgentView<'a> {
    /// Which.
    pub id: AgentId,
    /// Her definition.
    pub spec: &'a AgentSpec,
    /// Her readiness on every channel, in order.
    pub channels: Vec<ChannelPresence>,
    /// The end of the absence she is in.
    pub absent_until: Option<Timestamp>,
    /// Who stands in for her now.
    pub deputy: Option<AgentId>,
    /// Nobody vouches for her.
    pub lost: bool,
    /// Points that contacts, offers and reported work take.
    pub points_in_use: u64,
    /// Contacts she has, in order of assignment; parked ones are not among them.
    pub contacts: Vec<ContactId>,
    /// Contacts of others about which she is asked.
    pub consults: Vec<ContactId>,
    /// Contacts she has over her capacity.
    pub over_capacity: &'a [ContactId],
    /// Parked contacts that return to her.
    pub parked: &'a [ContactId],
    /// Offers before her.
    pub offers: Vec<OfferId>,
    /// Teams of which she is a member now.
    pub teams: &'a [TeamId],
    /// When she logged in last.
    pub login: Timestamp,
}

/// How many of a team could take one more contact of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelIdle {
    /// Which channel.
    pub channel: ChannelId,
    /// How many.
    pub idle: u32,
}

/// One team.
#[derive(Clone, Debug)]
pub struct TeamView<'a> {
    /// Which.
    pub id: TeamId,
    /// Its definition.
    pub spec: &'a TeamSpec,
    /// Members of now, by rank.
    pub members: Vec<AgentId>,
    /// Who could take one more, per channel.
    pub idle: Vec<ChannelIdle>,
    /// Members kept free as defined.
    pub reserve: u32,
    /// Members kept free now: none while it is released for any queue, or a supervisor lends the team to one.
    pub effective_reserve: u32,
    /// Queues below their floor for which the reserve is released, or to which the team began to lend.
    pub released_for: &'a [QueueId],
    /// Queues to which a supervisor lends it, and until when.
    pub lent_to: &'a [(QueueId, Timestamp)],
    /// Contacts that wait behind its closed fence.
    pub waiting: u32,
    /// The age of the oldest of them counts from here.
    pub oldest_since: Option<Timestamp>,
}

/// One queue.
#[derive(Clone, Debug)]
pub struct QueueView<'a> {
    /// Which.
    pub id: QueueId,
    /// Its definition.
    pub spec: &'a QueueSpec,
    /// Contacts that wait in it, offered ones included, those behind a closed fence not.
    pub waiting: u32,
    /// The age of the oldest of them counts from here.
    pub oldest_since: Option<Timestamp>,
    /// Agents who serve it, whatever their state.
    pub staff: u32,
}

impl Router {
    /// A contact that is live, or closed and not yet forgotten.
    #[must_use]
    pub fn contact(&self, id: ContactId) -> Option<ContactView<'_>> {
        self.contacts.get(id.index()).map(|contact| self.view_contact(contact))
    }

    /// Every known contact.
    pub fn contacts(&self) -> impl Iterator<Item = ContactView<'_>> {
        self.contacts.iter().map(|(_, contact)| self.view_contact(contact))
    }

    /// An agent who is defined.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<AgentView<'_>> {
        self.live_agent(id).map(|agent| self.view_agent(agent))
    }

    /// Every defined agent.
    pub fn agents(&self) -> impl Iterator<Item = AgentView<'_>> {
        self.agents.iter().filter(|(_, agent)| !agent.removed).map(|(_, agent)| self.view_agent(agent))
    }

    /// A team that is defined.
    #[must_use]
    pub fn team(&self, id: TeamId) -> Option<TeamView<'_>> {
        self.teams.get(id.index()).filter(|team| !team.removed).map(|team| self.view_team(team))
    }

    /// Every defined team.
    pub fn teams(&self) -> impl Iterator<Item = TeamView<'_>> {
        self.teams.iter().filter(|(_, team)| !team.removed).map(|(_, team)| self.view_team(team))
    }

    /// A queue.
    #[must_use]
    pub fn queue(&self, id: QueueId) -> Option<QueueView<'_>> {
        self.queues.get(id.index()).map(|queue| self.view_queue(queue))
    }

    /// Every queue.
    pub fn queues(&self) -> impl Iterator<Item = QueueView<'_>> {
        self.queues.iter().map(|(_, queue)| self.view_queue(queue))
    }

    /// The share of a queue's contacts answered in time over the span of its floor, in thousandths; `None` without a
    /// floor, or while nothing was answered or given up.
    #[must_use]
    pub fn service_permille(&self, id: QueueId, now: Timestamp) -> Option<u32> {
        let queue = self.queues.get(id.index())?;
        queue.service.share_permille(now, &queue.spec.floor?)
    }

    /// A channel's definition.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&ChannelSpec> {
        self.channels.get(id.index())
    }

    /// An offer that is out.
    #[must_use]
    pub fn offer(&self, id: OfferId) -> Option<OfferView> {
        self.offers.get(&id).map(view_offer)
    }

    /// Every offer that is out.
    pub fn offers(&self) -> impl Iterator<Item = OfferView> {
        self.offers.values().map(view_offer)
    }

    /// About how many waiting contacts are served before this one: in its queue, or behind the same fence. `None` if it
    /// does not wait. Those more urgent count, and older ones of the same urgency; neither skills nor shares of the
    /// promise are looked at.
    #[must_use]
    pub fn position(&self, id: ContactId) -> Option<u32> {
        let contact = self.contacts.get(id.index())?;
        let own = self.lanes.get(contact.places.last()?.lane)?;
        let entry = Waiting::of(contact);
        let mut before = 0_usize;
        for (_, lane) in self.lanes.of(own.key.audience) {
            before += match lane.key.urgency.cmp(&own.key.urgency) {
                core::cmp::Ordering::Less => lane.waiting.len(),
                core::cmp::Ordering::Equal => match lane.waiting.last() {
                    Some(last) if last < entry => lane.waiting.len(),
                    Some(last) if last == entry => lane.waiting.len() - 1,
                    Some(_) | None => lane.waiting.before(entry),
                },
                core::cmp::Ordering::Greater => 0,
            };
        }
        u32::try_from(before).ok()
    }

    fn view_contact<'a>(&'a self, contact: &'a Contact) -> ContactView<'a> {
        let (state, due) = match contact.phase {
            Phase::Scheduled { at } => (ContactState::Scheduled, Some(at)),
            Phase::Waiting if contact.offers.is_empty() => (ContactState::Waiting, None),
            Phase::Waiting => (ContactState::Offered, None),
            Phase::Assigned { deadline, .. } => (ContactState::Assigned, deadline),
            Phase::Connected { .. } => (ContactState::Connected, None),
            Phase::Orphaned { until, .. } => (ContactState::Orphaned, Some(until)),
            Phase::WrapUp { until, .. } => (ContactState::WrapUp, Some(until)),
            Phase::Parked { .. } => (ContactState::Parked, None),
            Phase::Closed { .. } => (ContactState::Closed, None),
        };
        let waits = state == ContactState::Waiting && !contact.progress.exhausted;
        let outcome = if let Phase::Closed { outcome } = contact.phase { Some(outcome) } else { None };
        ContactView {
            id: contact.id,
            channel: contact.channel,
            customer: contact.customer,
            source: contact.source,
            thread: contact.thread,
            matter: contact.matter,
            state,
            state_since: contact.phase_since,
            since: contact.since,
            plan: &contact.plan,
            step: contact.step,
            step_since: contact.step_since,
            step_until: if waits { self.step_end(contact).at } else { None },
            fence: contact.fence.map(|fence| FenceState {
                team: fence.team,
                set_at: fence.set_at,
                open: fence.open,
                until: fence.until,
            }),
            handed_on: contact.redirect.as_ref(),
            widened: contact.widened.as_deref(),
            offers: &contact.offers,
            agent: contact.agent,
            handled_by: &contact.handled_by,
            avoids: &contact.avoids,
            excluded: &contact.excluded,
            held_until: contact.held_until,
            consulted: contact.consulted,
            due,
            outcome,
        }
    }

    fn view_agent<'a>(&self, agent: &'a Agent) -> AgentView<'a> {
        let channels = self.channels.iter().map(|(index, _)| {
            let channel = ChannelId(u32::try_from(index).unwrap_or(u32::MAX));
            let said = agent.effective(channel);
            let (presence, cause, by) = if agent.lost {
                (Presence::Offline, StateCause::HeartbeatLost, StateSetter::Picket)
            } else {
                (said.presence, said.cause, said.by)
            };
            let idle_since = agent.idle_since(channel);
            let free = self.is_free(agent, channel);
            ChannelPresence { channel, presence, cause, by, since: said.at, until: said.until, free, idle_since }
        });
        AgentView {
            id: agent.id,
            spec: &agent.spec,
            channels: channels.collect(),
            absent_until: agent.absences.iter().find(|absence| absence.begun).map(|absence| absence.until),
            deputy: self.deputy(agent.id),
            lost: agent.lost,
            points_in_use: self.points_in_use(agent),
            contacts: agent.contacts.iter().map(|(contact, _)| *contact).collect(),
            consults: agent.consults.iter().map(|(contact, _)| *contact).collect(),
            over_capacity: &agent.over_capacity,
            parked: &agent.parked,
            offers: agent.offers.iter().map(|(offer, _)| *offer).collect(),
            teams: &agent.teams,
            login: agent.login,
        }
    }

    fn view_team<'a>(&'a self, team: &'a Team) -> TeamView<'a> {
        let idle = self.channels.iter().map(|(index, _)| {
            let channel = ChannelId(u32::try_from(index).unwrap_or(u32::MAX));
            ChannelIdle { channel, idle: self.pools.len(Pool::Idle(team.id, channel)) }
        });
        let (waiting, oldest_since) = self.waiting(Roll::Team(team.id));
        TeamView {
            id: team.id,
            spec: &team.spec,
            members: team.people().collect(),
            idle: idle.collect(),
            reserve: team.spec.reserve,
            effective_reserve: team.lends_to().map(|queue| team.reserve_from(queue)).min().unwrap_or(team.spec.reserve),
            released_for: &team.released,
            lent_to: &team.lent,
            waiting,
            oldest_since,
        }
    }

    fn view_queue<'a>(&'a self, queue: &'a Queue) -> QueueView<'a> {
        let (waiting, oldest_since) = self.waiting(Roll::Queue(queue.id));
        let staff = self.pools.len(Pool::Staff(queue.id));
        QueueView { id: queue.id, spec: &queue.spec, waiting, oldest_since, staff }
    }

    fn waiting(&self, roll: Roll) -> (u32, Option<Timestamp>) {
        self.lanes.roll(roll).map_or((0, None), |waiting| {
            (u32::try_from(waiting.len()).unwrap_or(u32::MAX), waiting.first().map(|(since, _)| *since))
        })
    }

    /// Whether an agent of a step would be looked at for a channel: logged in, ready, on shift, not absent.
    #[must_use]
    pub fn is_here(&self, agent: AgentId, channel: ChannelId) -> bool {
        self.live_agent(agent).is_some_and(|agent| self.condition(agent, channel, Shift::Matters) == Condition::Here)
    }
}

fn view_offer(offer: &Offer) -> OfferView {
    OfferView {
        id: offer.id,
        contact: offer.contact,
        agent: offer.agent,
        standing: offer.standing,
        step: offer.step,
        mode: offer.mode,
        made_at: offer.made_at,
        expires_at: offer.expires_at,
    }
}
