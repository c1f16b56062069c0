//! Decides what a consultation does: the agent who is asked is taken like the one who asks, over capacity if need be and
//! recorded so, until it is over or the contact is no longer connected.
//!
//! The contact stays with its agent, so asking somebody outside its fence opens nothing; handing it on to her does.

use alloc::vec::Vec;

use super::Router;
use super::capacity::Slots;
use super::state::Phase;
use crate::{AgentId, ContactFact, ContactId, Event, Rejection, Timestamp};

impl Router {
    /// One consultation at a time per contact; of any agent who is known, for the platform says what happens anyway.
    pub(super) fn consult(
        &mut self,
        now: Timestamp,
        id: ContactId,
        asked: AgentId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let contact = self.open_contact(id)?;
        let Phase::Connected { agent: holder, .. } = contact.phase else { return Err(Rejection::WrongContactState) };
        if contact.consulted.is_some() {
            return Err(Rejection::WrongContactState);
        }
        let agent = self.live_agent(asked).ok_or(Rejection::UnknownAgent)?;
        if asked == holder {
            return Err(Rejection::AgentUnavailable);
        }
        let over_capacity = !self.has_room(agent, contact.channel, Slots::Count);
        self.say(now, id, ContactFact::Consulted { agent: asked, over_capacity }, out);
        self.revoke_unfit(now, asked, out);
        Ok(())
    }

    pub(super) fn stop_consulting(
        &mut self,
        now: Timestamp,
        id: ContactId,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        if self.open_contact(id)?.consulted.is_none() {
            return Err(Rejection::WrongContactState);
        }
        self.say(now, id, ContactFact::ConsultEnded, out);
        Ok(())
    }
}
