//! Decides what is told about contacts.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named here has nothing to say about it")]

use picket_core::{
    AgentId, Assignment, Bypass, ConnectFailure, ContactFact, ContactId, ContactView, Kind, Outcome, OutsideEnd, Plan,
    Standing, Timestamp, Transfer,
};

use super::{Writing, hands};
use crate::contract::inbound::contact::Chosen;
use crate::contract::outbound::Outbound;
use crate::contract::outbound::common::{Capacity, Estimate, Promise};
use crate::contract::outbound::contact::{self as out, AgeFrom, PlannedBecause, TransferredTo};

impl Writing<'_> {
    pub(super) fn contact(&self, contact: ContactId, fact: &ContactFact) -> Outbound {
        let about = self.about(contact);
        let waited_ms = self.waited_ms(contact);
        let view = self.state.router.contact(contact);
        let held = view.and_then(|view| view.agent);
        let agent = held.map(|agent| self.agent(agent)).unwrap_or_default();
        let alias = held.and_then(|agent| self.alias(contact, agent));
        match fact {
            ContactFact::Received(arrival) => self.queued(contact, &arrival.plan, arrival.scheduled_for),
            ContactFact::Due => match view {
                Some(view) => self.queued(contact, view.plan, None),
                None => self.planned(contact, PlannedBecause::Scheduled),
            },
            ContactFact::Scheduled { .. } => self.planned(contact, PlannedBecause::Scheduled),
            ContactFact::StepEntered { cause, .. } => self.planned(contact, (*cause).into()),
            ContactFact::PlanExhausted { .. } | ContactFact::Overflowed { .. } => {
                self.planned(contact, PlannedBecause::Exhausted)
            }
            // This has no voice of its own.
            ContactFact::Identified(_) => self.planned(contact, PlannedBecause::Updated),
            ContactFact::Held { until } => self.held(contact, *until),
            ContactFact::Consulted { agent, over_capacity } => self.consulted(contact, *agent, *over_capacity),
            ContactFact::ConsultEnded => self.consult_ended(contact),
            ContactFact::Replanned { because, .. } => self.planned(contact, (*because).into()),
            ContactFact::Assigned { agent, how, standing, over_capacity, bypassed } => {
                self.assigned(contact, *agent, *how, *standing, *over_capacity, *bypassed)
            }
            ContactFact::Connected => Outbound::ContactConnected(out::Connected { about, agent, alias, waited_ms }),
            ContactFact::WrapUp { until } => Outbound::ContactEnded(out::Ended {
                about,
                agent,
                alias,
                talked_ms: self.since_connected(contact).unwrap_or_default(),
                wrap_up_until: (*until).into(),
            }),
            ContactFact::Parked => Outbound::ContactParked(out::Parked { about, agent, alias }),
            ContactFact::Resumed { agent, over_capacity } => self.resumed(contact, *agent, *over_capacity),
            ContactFact::Requeued { cause } => self.requeued(contact, (*cause).into(), None, self.by_hand()),
            ContactFact::Transferred { to } => Outbound::ContactTransferred(out::Transferred {
                about,
                to: self.transferred_to(to),
                agent: held.map(|_| agent),
            }),
            ContactFact::Orphaned { until } => {
                Outbound::ContactOrphaned(out::Orphaned { about, agent, until: (*until).into() })
            }
            ContactFact::Stalled => Outbound::ContactStalled(out::Stalled {
                about,
                agent: held.map(|_| agent),
                connected_ms: self.since_connected(contact).unwrap_or_default(),
            }),
            ContactFact::ConnectFailed { failure } => {
                let retry_at = match failure {
                    ConnectFailure::Customer { retry_at } => *retry_at,
                    ConnectFailure::Agent | ConnectFailure::Deadline => None,
                };
                self.requeued(contact, out::RequeueCause::ConnectFailed, retry_at, (None, None))
            }
            ContactFact::CallbackWanted => Outbound::ContactChoiceAvailable(out::ChoiceAvailable {
                about,
                choices: vec![Chosen::Wait, Chosen::Callback],
                cause: None,
                words: Some("Nobody who may take this is free. You can wait, or we call you back.".to_owned()),
            }),
            ContactFact::Closed { outcome } => self.closed(contact, outcome),
        }
    }

    fn requeued(
        &self,
        contact: ContactId,
        cause: out::RequeueCause,
        scheduled_for: Option<Timestamp>,
        (by, why): (Option<String>, Option<String>),
    ) -> Outbound {
        let held = self.state.router.contact(contact).and_then(|view| view.agent);
        Outbound::ContactRequeued(out::Requeued {
            about: self.about(contact),
            cause,
            agent: held.map(|agent| self.agent(agent)),
            alias: held.and_then(|agent| self.alias(contact, agent)),
            waited_ms: self.waited_ms(contact),
            fence: self.fence(contact),
            scheduled_for: scheduled_for.map(Into::into),
            by,
            why,
        })
    }

    /// The particular end of a contact, told before its `closed`.
    pub(super) fn end(&self, contact: ContactId, outcome: &Outcome) -> Outbound {
        let about = self.about(contact);
        match outcome {
            Outcome::Abandoned { waited, while_offered } => {
                Outbound::ContactAbandoned(out::Abandoned { about, waited_ms: waited.0, while_offered: *while_offered })
            }
            Outcome::Diverted { to, cause } => Outbound::ContactDiverted(out::Diverted {
                about,
                to: self.text(Kind::Destination, to.0),
                cause: (*cause).into(),
            }),
            Outcome::Forwarded => {
                let name = self.text(Kind::Contact, contact.0);
                let to = self.state.forwards.of(&name).unwrap_or_default().to_owned();
                Outbound::ContactForwarded(out::Forwarded { about, to })
            }
            Outcome::Handled { .. } | Outcome::Expired | Outcome::Withdrawn(_) => self.closed(contact, outcome),
        }
    }

    fn queued(&self, contact: ContactId, plan: &Plan, scheduled_for: Option<Timestamp>) -> Outbound {
        let since = self.state.router.contact(contact).map_or(self.record.at, |view| view.since);
        let ahead = self.state.router.position(contact);
        let estimates = self.state.router.estimates(contact, self.record.at).unwrap_or_default();
        let told = |estimate: picket_core::Estimate| Estimate { wait_ms: estimate.wait.0, band_ms: estimate.band.0 };
        Outbound::ContactQueued(Box::new(out::Queued {
            about: self.about(contact),
            queue: self.queue(plan.queue),
            urgency: plan.urgency.into(),
            fence: self.fence(contact),
            customer: self.customer(contact),
            rules: plan.rules,
            waiting_since: since.into(),
            age_from: if since == self.record.at { AgeFrom::Intake } else { AgeFrom::WaitingSince },
            position: ahead.map(|ahead| ahead.saturating_add(1)),
            estimate_own: estimates.own.map(told),
            estimate_any: estimates.any.map(told),
            promise: Promise { within_ms: plan.promise.within.0, by: plan.promise.by.into() },
            words: None,
            scheduled_for: scheduled_for.map(Into::into),
        }))
    }

    fn planned(&self, contact: ContactId, because: PlannedBecause) -> Outbound {
        let view = self.state.router.contact(contact);
        let scheduled_for = match (&self.voice.topic, view) {
            (super::Topic::Event(picket_core::Event::Contact(_, ContactFact::Scheduled { at })), _) => Some(*at),
            _ => None,
        };
        let cause = match &self.voice.topic {
            super::Topic::Event(picket_core::Event::Contact(_, ContactFact::PlanExhausted { cause })) => {
                Some((*cause).into())
            }
            _ => None,
        };
        let chance_permille = match &self.voice.topic {
            super::Topic::Event(picket_core::Event::Contact(
                _,
                ContactFact::StepEntered { cause: picket_core::StepCause::Unlikely { chance_permille }, .. },
            )) => Some(*chance_permille),
            _ => None,
        };
        let step = match &self.voice.topic {
            super::Topic::Event(picket_core::Event::Contact(_, ContactFact::StepEntered { step, .. })) => *step,
            _ => view.map_or(0, |view| view.step),
        };
        Outbound::ContactPlanned(out::Planned {
            about: self.about(contact),
            because,
            step,
            rules: view.map_or(0, |view| view.plan.rules),
            queue: view.map(|view| self.queue(view.plan.queue)).unwrap_or_default(),
            fence: self.fence(contact),
            cause,
            chance_permille,
            scheduled_for: scheduled_for.map(Into::into),
        })
    }

    fn assigned(
        &self,
        contact: ContactId,
        agent: AgentId,
        how: Assignment,
        standing: Standing,
        over_capacity: bool,
        bypassed: Bypass,
    ) -> Outbound {
        let view = self.state.router.contact(contact);
        let (by, why) = if how == Assignment::Manual { self.by_hand() } else { (None, None) };
        let standing: crate::contract::outbound::common::Standing = standing.into();
        let offer = match how {
            Assignment::Accepted(offer) => Some(super::offers::name(offer)),
            Assignment::Auto | Assignment::Manual | Assignment::Resumed => None,
        };
        Outbound::ContactAssigned(Box::new(out::Assigned {
            about: self.about(contact),
            agent: self.agent(agent),
            alias: self.alias(contact, agent),
            how: how.into(),
            offer,
            standing,
            inside: standing.is_inside(),
            fence: self.fence(contact),
            over_capacity,
            capacity: self.capacity(view, agent),
            bypassed: hands::bypassed(bypassed),
            by,
            why,
            waited_ms: self.waited_ms(contact),
            connect_by: view.and_then(|view| view.due).map(Into::into),
            customer: self.customer(contact),
            card: None,
        }))
    }

    fn resumed(&self, contact: ContactId, agent: AgentId, over_capacity: bool) -> Outbound {
        let standing = self.state.meta(contact).and_then(|meta| meta.standing).unwrap_or(Standing::Queue);
        let standing: crate::contract::outbound::common::Standing = standing.into();
        Outbound::ContactResumed(Box::new(out::Resumed {
            about: self.about(contact),
            agent: self.agent(agent),
            alias: self.alias(contact, agent),
            standing,
            inside: standing.is_inside(),
            fence: self.fence(contact),
            over_capacity,
            capacity: self.capacity(self.state.router.contact(contact), agent),
        }))
    }

    pub(super) fn capacity(&self, contact: Option<ContactView<'_>>, agent: AgentId) -> Capacity {
        let channel = contact.map(|view| view.channel);
        let spec = channel.and_then(|channel| self.state.router.channel(channel));
        let Some(view) = self.state.router.agent(agent) else {
            return Capacity { cost: 0, points_in_use: 0, points: 0, slots_in_use: 0, slots: 0 };
        };
        let taken = view.contacts.iter().chain(&view.consults);
        let on_channel = taken.filter(|id| self.state.router.contact(**id).map(|other| other.channel) == channel);
        let own_slots = view.spec.slots.iter().find(|(of, _)| Some(*of) == channel).map(|(_, slots)| *slots);
        Capacity {
            cost: spec.map_or(0, |spec| spec.cost),
            points_in_use: u32::try_from(view.points_in_use).unwrap_or(u32::MAX),
            points: view.spec.points,
            slots_in_use: u32::try_from(on_channel.count()).unwrap_or(u32::MAX),
            slots: own_slots.or(spec.map(|spec| spec.slots)).unwrap_or(0),
        }
    }

    fn transferred_to(&self, to: &Transfer) -> TransferredTo {
        match to {
            Transfer::Agent(agent) => TransferredTo::Agent(self.agent(*agent)),
            Transfer::Team(team) => TransferredTo::Team(self.team(*team)),
            Transfer::Queue(queue) => TransferredTo::Queue(self.queue(*queue)),
            Transfer::Needs(needs) => TransferredTo::Needs(
                needs.iter().map(|need| (self.text(Kind::Skill, need.skill.0), need.level.0)).collect(),
            ),
        }
    }

    fn closed(&self, contact: ContactId, outcome: &Outcome) -> Outbound {
        let (agent, wrap_up_expired) = match outcome {
            Outcome::Handled { agent, wrap_up_expired } => (Some(*agent), Some(*wrap_up_expired)),
            _ => (None, None),
        };
        let elsewhere = match outcome {
            Outcome::Withdrawn(OutsideEnd::HandledElsewhere) => Some("handled_elsewhere".to_owned()),
            Outcome::Withdrawn(OutsideEnd::Gone) => Some("gone".to_owned()),
            _ => None,
        };
        let standing = agent.and_then(|_| self.state.meta(contact)?.standing);
        Outbound::ContactClosed(out::Closed {
            about: self.about(contact),
            outcome: (*outcome).into(),
            agent: agent.map(|agent| self.agent(agent)),
            alias: agent.and_then(|agent| self.alias(contact, agent)),
            standing: standing.map(Into::into),
            waited_ms: self.waited_ms(contact),
            handled_ms: self.since_connected(contact),
            wrap_up_expired,
            fence: self.fence(contact),
            elsewhere,
        })
    }
}
