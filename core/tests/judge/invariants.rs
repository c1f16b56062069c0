//! The numbered invariants of the design, looked at from outside through the views.

use std::collections::BTreeSet;

use picket_core::*;

const VOICE: ChannelId = ChannelId(super::setting::VOICE);
const EMAIL: ChannelId = ChannelId(super::setting::EMAIL);

/// What must be remembered to judge.
#[derive(Default)]
pub(crate) struct Watch {
    received: usize,
    /// Contacts that came back once: they may go before others, and not to everybody.
    returned: BTreeSet<ContactId>,
    /// Agents who were redefined, or had slots skipped for them: what they have may pass what they have room for.
    loosened: BTreeSet<AgentId>,
}

impl Watch {
    /// Looks at an event in the state just before it.
    pub(crate) fn before(&mut self, now: Timestamp, input: Option<&Input>, event: &Event, router: &Router) {
        match event {
            Event::Contact(_, ContactFact::Received(_)) => self.received += 1,
            Event::Contact(id, ContactFact::Requeued { .. } | ContactFact::Scheduled { .. }) => {
                self.returned.insert(*id);
            }
            Event::Offer(_, OfferFact::Declined { .. } | OfferFact::Expired | OfferFact::Revoked { .. }) => {
                self.returned
                    .extend(router.contacts().filter(|contact| !contact.offers.is_empty()).map(|contact| contact.id));
            }
            Event::Offer(_, OfferFact::Made { contact, agent, standing, bypassed, .. }) => {
                self.served(router, *contact, *agent, (*standing, *bypassed));
            }
            Event::Contact(contact, ContactFact::Assigned { agent, how: Assignment::Auto, standing, bypassed, .. }) => {
                self.served(router, *contact, *agent, (*standing, *bypassed));
            }
            Event::Contact(id, ContactFact::Assigned { agent, how: Assignment::Manual, .. }) => {
                let contact = router.contact(*id).expect("it is known");
                if let Some(fence) = contact.fence.filter(|fence| fence.open.is_none()) {
                    assert!(inside(router, *agent, fence.team), "invariant 2: {agent:?} is outside of {id:?}");
                }
            }
            Event::Offer(id, OfferFact::Accepted) => {
                let offer = router.offer(*id).expect("invariant 1: an accepted offer was out");
                assert!(now < offer.expires_at, "an answer at the deadline is too late: {offer:?} at {now:?}");
            }
            Event::World(WorldFact::Changed(change)) => match &**change {
                WorldChange::PutAgent(agent, _) => {
                    self.loosened.insert(*agent);
                }
                WorldChange::PutChannel(..) => self.loosened.extend(router.agents().map(|agent| agent.id)),
                _ => {}
            },
            Event::Fence(id, FenceFact::Opened { reason, tried, .. }) => {
                opening(now, input, router.contact(*id).expect("it is known"), (*reason, tried), router);
            }
            _ => {}
        }
    }

    fn served(&mut self, router: &Router, id: ContactId, agent: AgentId, (standing, bypassed): (Standing, Bypass)) {
        assert_eq!(router.catching_up(), None, "invariant 5: {id:?} is offered while it may be gone");
        let contact = router.contact(id).expect("it is known");
        let person = router.agent(agent).expect("she is known");
        if let Some(fence) = contact.fence.filter(|fence| fence.open.is_none()) {
            assert!(inside(router, agent, fence.team), "invariant 2: {agent:?} is outside of {id:?}");
        }
        let presence = person.channels.iter().find(|channel| channel.channel == contact.channel).expect("it is known");
        assert!(!contact.avoids.contains(&agent), "{agent:?} is avoided by the customer of {id:?}");
        assert!(presence.free || bypassed.slots || bypassed.hours, "invariant 3: {agent:?} has no room for {id:?}");
        if bypassed.slots {
            self.loosened.insert(agent);
        }
        let by_queue = contact.plan.steps.iter().all(|step| step.who == Who::Queue) && contact.handed_on.is_none();
        if by_queue && matches!(standing, Standing::Queue | Standing::Lent | Standing::Outside) {
            assert!(lendable(router, &person, &contact), "invariant 4: {agent:?} is kept free from {id:?}");
        }
        self.passes_nobody(router, &contact, agent);
    }

    /// Invariant 10, between contacts alike in everything but age and urgency that nobody has turned down.
    fn passes_nobody(&self, router: &Router, served: &ContactView<'_>, agent: AgentId) {
        let plain = |contact: &ContactView<'_>| {
            !self.returned.contains(&contact.id) && contact.fence.is_none() && contact.plan.steps.len() == 1
        };
        if !plain(served) || served.plan.offer.mode == OfferMode::All {
            return;
        }
        for other in router.contacts().filter(|other| other.state == ContactState::Waiting && plain(other)) {
            let alike = other.channel == served.channel
                && other.plan.queue == served.plan.queue
                && other.plan.promise == served.plan.promise
                && other.widened == served.widened;
            let before = (other.plan.urgency, other.since, other.id) < (served.plan.urgency, served.since, served.id);
            let older = other.since <= served.since;
            assert!(
                !(alike && before && older && can_serve(router, &other, agent)),
                "invariant 10: {:?} was passed by {:?} at {agent:?}",
                other.id,
                served.id
            );
        }
    }

    /// Looks at the whole state between inputs.
    pub(crate) fn after(&self, router: &Router) {
        assert_eq!(router.contacts().count(), self.received, "invariant 7");
        let asked: usize = router.agents().map(|agent| agent.offers.len()).sum();
        assert_eq!(asked, router.offers().count(), "invariant 7: every offer lies before somebody");
        for contact in router.contacts().filter(|contact| contact.state != ContactState::Closed) {
            let holders = router.agents().filter(|agent| agent.contacts.contains(&contact.id)).count();
            let held = matches!(
                contact.state,
                ContactState::Assigned | ContactState::Connected | ContactState::Orphaned | ContactState::WrapUp
            );
            assert_eq!(holders, usize::from(held), "invariant 1: {:?}", contact.id);
            if contact.state == ContactState::Waiting && router.catching_up().is_none() {
                nobody_is_left_waiting(router, &contact);
            }
        }
        for agent in router.agents() {
            for contact in &agent.consults {
                assert_eq!(router.contact(*contact).and_then(|contact| contact.consulted), Some(agent.id));
            }
        }
        for offer in router.offers() {
            let contact = router.contact(offer.contact).expect("it is known");
            assert!(contact.offers.contains(&offer.id) && contact.state == ContactState::Offered);
            if let Some(fence) = contact.fence.filter(|fence| fence.open.is_none()) {
                assert!(inside(router, offer.agent, fence.team), "invariant 2: {offer:?}");
            }
        }
        router
            .agents()
            .filter(|agent| !self.loosened.contains(&agent.id))
            .for_each(|agent| keeps_to_capacity(router, &agent));
    }
}

/// Invariant 5; exceptions: the reserve, who missed or declined this contact, and catching up.
fn nobody_is_left_waiting(router: &Router, contact: &ContactView<'_>) {
    for agent in router.agents() {
        let excused = contact.excluded.contains(&agent.id);
        assert!(
            excused || !can_serve(router, contact, agent.id),
            "invariant 5: {:?} could serve {:?}",
            agent.id,
            contact.id
        );
    }
}

fn inside(router: &Router, agent: AgentId, team: TeamId) -> bool {
    router.team(team).is_some_and(|team| {
        let covers = team.spec.covers.iter().filter_map(|cover| router.team(*cover));
        team.members.contains(&agent) || covers.into_iter().any(|cover| cover.members.contains(&agent))
    })
}

fn lendable(router: &Router, agent: &AgentView<'_>, contact: &ContactView<'_>) -> bool {
    if contact.fence.is_some_and(|fence| inside(router, agent.id, fence.team)) {
        return true;
    }
    agent.teams.iter().filter_map(|team| router.team(*team)).all(|team| {
        let queue = contact.plan.queue;
        let released = team.spec.releases && team.released_for.contains(&queue);
        let by_hand = team.lent_to.iter().any(|(lent, _)| *lent == queue);
        let reserve = if released || by_hand { 0 } else { team.reserve };
        let idle = team.idle.iter().find(|idle| idle.channel == contact.channel).map_or(0, |idle| idle.idle);
        idle > reserve
    })
}

/// Whether an agent could have a waiting contact now: the design, read naively.
fn can_serve(router: &Router, contact: &ContactView<'_>, agent: AgentId) -> bool {
    let Some(person) = router.agent(agent) else { return false };
    let free = person.channels.iter().any(|channel| channel.channel == contact.channel && channel.free);
    if !free || contact.plan.steps.is_empty() || contact.avoids.contains(&agent) {
        return false;
    }
    if contact.fence.is_some_and(|fence| fence.open.is_none() && !inside(router, agent, fence.team)) {
        return false;
    }
    let mut people: Vec<(Who, &[Need])> = Vec::new();
    match contact.handed_on {
        Some(Transfer::Agent(to)) => people.push((Who::Agent(*to), &[])),
        // Looked at by stories; the plan's own words cannot say it.
        Some(_) => return false,
        None => {
            for step in contact.plan.steps.iter().take(usize::from(contact.step) + 1) {
                if step.joining == Joining::Only {
                    people.clear();
                }
                people.push((step.who, &step.needs));
            }
        }
    }
    if contact.handed_on.is_none() && contact.fence.is_some_and(|fence| fence.open.is_some()) {
        people.extend([(Who::Team(None), &[][..]), (Who::Covers, &[]), (Who::Queue, &[])]);
    }
    people.into_iter().any(|(who, further)| {
        is_meant(router, contact, &person, who) && is_skilled(router, contact, &person, who) && meets(&person, further)
    })
}

fn is_meant(router: &Router, contact: &ContactView<'_>, agent: &AgentView<'_>, who: Who) -> bool {
    let team = contact.fence.and_then(|fence| router.team(fence.team));
    let stands_for = |person: AgentId| {
        person == agent.id || router.agent(person).is_some_and(|person| person.deputy == Some(agent.id))
    };
    let members = team.as_ref().map(|team| team.members.clone()).unwrap_or_default();
    match who {
        Who::Agent(person) => stands_for(person),
        Who::Lead => contact.plan.lead.or_else(|| members.first().copied()).is_some_and(stands_for),
        Who::Backups => {
            let lead = contact.plan.lead.or_else(|| members.first().copied());
            Some(agent.id) != lead && members.contains(&agent.id)
        }
        Who::Team(None) => members.contains(&agent.id),
        Who::Team(role) => team.is_some_and(|team| {
            let of_role = team.spec.members.iter().any(|member| member.agent == agent.id && member.role == role);
            of_role && members.contains(&agent.id)
        }),
        Who::Covers => team.is_some_and(|team| {
            let covers = team.spec.covers.iter().filter_map(|cover| router.team(*cover));
            covers.into_iter().any(|cover| cover.members.contains(&agent.id))
        }),
        Who::Queue => {
            let queue = contact.plan.queue;
            let lent = agent.teams.iter().filter_map(|team| router.team(*team)).any(|team| lends(&team, queue));
            (agent.spec.queues.contains(&queue) || lent) && lendable(router, agent, contact)
        }
    }
}

fn lends(team: &TeamView<'_>, queue: QueueId) -> bool {
    let by_hand = team.lent_to.iter().any(|(lent, _)| *lent == queue);
    team.spec.lends_to.contains(&queue) || team.released_for.contains(&queue) || by_hand
}

fn is_skilled(router: &Router, contact: &ContactView<'_>, agent: &AgentView<'_>, who: Who) -> bool {
    let mut needs = contact.plan.needs.clone();
    if who == Who::Queue {
        let own = router.queue(contact.plan.queue).map(|queue| queue.spec.needs.clone()).unwrap_or_default();
        needs.extend(contact.widened.map_or(own, <[Need]>::to_vec));
    }
    meets(agent, &needs)
}

fn meets(agent: &AgentView<'_>, needs: &[Need]) -> bool {
    needs.iter().all(|need| agent.spec.skills.iter().any(|(skill, level)| *skill == need.skill && *level >= need.level))
}

/// Invariant 3; exceptions, recorded: contacts over capacity, and work that a platform reports.
fn keeps_to_capacity(router: &Router, agent: &AgentView<'_>) {
    let channel_of = |id: &ContactId| router.contact(*id).map(|contact| contact.channel);
    let offered = agent.offers.iter().filter_map(|offer| router.offer(*offer)).map(|offer| offer.contact);
    let held: Vec<ContactId> = agent.contacts.iter().chain(&agent.consults).copied().chain(offered).collect();
    let routed: Vec<ChannelId> = held.iter().filter_map(channel_of).collect();
    let counted = |channel: &&ChannelId| !(**channel == EMAIL && routed.contains(&VOICE));
    let points: u64 = routed
        .iter()
        .filter(counted)
        .filter_map(|channel| router.channel(*channel))
        .map(|channel| u64::from(channel.cost))
        .sum();
    if !agent.over_capacity.is_empty() {
        return;
    }
    assert!(points <= u64::from(agent.spec.points), "invariant 3: {:?}", agent.id);
    for channel in &routed {
        let own = agent.spec.slots.iter().find(|(own, _)| own == channel).map(|(_, slots)| *slots);
        let slots = own.or_else(|| router.channel(*channel).map(|channel| channel.slots)).unwrap_or(0);
        let used = routed.iter().filter(|own| *own == channel).count();
        assert!(used <= usize::try_from(slots).expect("few"), "invariant 3: {:?}", agent.id);
    }
}

/// Invariant 11: only for a listed reason, whose condition holds at that moment.
fn opening(
    now: Timestamp,
    input: Option<&Input>,
    contact: ContactView<'_>,
    (reason, tried): (FenceReason, &[Tried]),
    router: &Router,
) {
    assert_eq!(contact.fence.expect("it has a fence").open, None, "invariant 11: opened twice");
    let replanned = matches!(input, Some(Input::Contact(_, ContactCommand::Replan(..)) | Input::Replan(..)));
    let by_plan = matches!(reason, FenceReason::HoldOver | FenceReason::NoCover | FenceReason::Longest);
    let team = contact.fence.and_then(|fence| router.team(fence.team));
    let is_staffed = team.is_some_and(|team| team.members.iter().any(|agent| router.agent(*agent).is_some()));
    assert!(!by_plan || is_staffed || replanned, "invariant 11: opened for want of a team");
    let holds = match reason {
        FenceReason::HoldOver => {
            contact.state == ContactState::Waiting && usize::from(contact.step) + 1 == contact.plan.steps.len()
        }
        FenceReason::NoCover => tried.iter().all(|tried| {
            let skilled =
                router.agent(tried.agent).is_some_and(|agent| is_skilled(router, &contact, &agent, Who::Lead));
            let team = contact.fence.expect("it has a fence").team;
            let is_insider = inside(router, tried.agent, team);
            !is_insider
                || !skilled
                || contact.avoids.contains(&tried.agent)
                || !router.is_here(tried.agent, contact.channel)
        }),
        FenceReason::Longest => contact.plan.longest.is_some_and(|longest| now.since(contact.since) >= longest),
        FenceReason::Supervisor | FenceReason::CustomerChoice => {
            let by_hand =
                matches!(input, Some(Input::Supervise(_, Supervision::OpenFenceUntil(_) | Supervision::Force(_))));
            (by_hand && reason == FenceReason::Supervisor)
                || matches!(input, Some(Input::Supervise(_, Supervision::OpenFence(given))) if *given == reason)
        }
        FenceReason::Transfer => matches!(input, Some(Input::Contact(_, ContactCommand::Transfer(_)))),
        FenceReason::NoLongerValued | FenceReason::Reidentified => replanned,
    };
    assert!(holds || replanned, "invariant 11: {reason:?} for {:?}", contact.id);
}
