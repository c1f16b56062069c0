//! Decides what is told about offers.

use picket_core::{Kind, OfferFact, OfferId};

use super::Writing;
use crate::contract::outbound::Outbound;
use crate::contract::outbound::common::Standing;
use crate::contract::outbound::offer as out;

/// An offer's id, as platforms see it.
pub(super) fn name(offer: OfferId) -> String {
    format!("o-{}", offer.0)
}

impl Writing<'_> {
    pub(super) fn offer(&self, id: OfferId, fact: &OfferFact) -> Outbound {
        let (Some((contact, _)), Some(to)) = (self.voice.contact, self.voice.agent) else {
            // Every offer fact is about an offer that was made: its parties are known.
            tracing::error!(offer = id.0, "an offer without parties");
            return self.refused();
        };
        let (about, offer) = (self.about(contact), name(id));
        let (agent, alias) = (self.agent(to), self.alias(contact, to));
        match fact {
            OfferFact::Made { standing, step, mode, expires_at, .. } => {
                let standing = Standing::from(*standing);
                Outbound::OfferMade(Box::new(out::Made {
                    about,
                    offer,
                    agent,
                    alias,
                    expires_at: (*expires_at).into(),
                    expires_in_ms: expires_at.since(self.record.at).0,
                    standing,
                    inside: standing.is_inside(),
                    fence: self.fence(contact),
                    step: *step,
                    mode: (*mode).into(),
                    waited_ms: self.waited_ms(contact),
                    customer: self.customer(contact),
                    card: None,
                }))
            }
            OfferFact::Accepted => Outbound::OfferAccepted(out::Accepted { about, offer, agent, alias }),
            OfferFact::Declined { reason } => {
                let reason = reason.map(|reason| self.text(Kind::Reason, reason.0));
                Outbound::OfferDeclined(out::Declined { about, offer, agent, alias, reason })
            }
            OfferFact::Expired => Outbound::OfferExpired(out::Expired { about, offer, agent, alias }),
            OfferFact::Revoked { cause } => {
                Outbound::OfferRevoked(out::Revoked { about, offer, agent, alias, cause: (*cause).into() })
            }
            OfferFact::Extended { expires_at } => {
                Outbound::OfferExtended(out::Extended { about, offer, agent, alias, expires_at: (*expires_at).into() })
            }
        }
    }
}
