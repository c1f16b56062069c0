//! Decides how an input can be refused: each refusal names its obstacle and has a stable code.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why an input was refused. Nothing changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Rejection {
            $($(#[$doc])* $name,)*
        }

        impl Rejection {
            /// Every refusal there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code that goes over the wire; it never changes.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }

        impl fmt::Display for Rejection {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

rejections! {
    /// The contact id was never received, or is forgotten.
    UnknownContact = "unknown_contact", "no contact of this id is known";
    /// The contact is done.
    ContactClosed = "contact_closed", "the contact is closed";
    /// The contact was received before.
    ContactExists = "contact_exists", "a contact of this id was received before";
    /// The contact is in a state in which this cannot happen.
    WrongContactState = "wrong_contact_state", "the contact is not in a state in which this can happen";
    /// The channel is not configured.
    UnknownChannel = "unknown_channel", "the channel is not configured";
    /// The agent is not known.
    UnknownAgent = "unknown_agent", "no agent of this id is known";
    /// The team is not known.
    UnknownTeam = "unknown_team", "no team of this id is known";
    /// The queue is not known.
    UnknownQueue = "unknown_queue", "no queue of this id is known";
    /// The calendar is not known.
    UnknownCalendar = "unknown_calendar", "no calendar of this id is known";
    /// The offer was never made.
    UnknownOffer = "unknown_offer", "no offer of this id was made";
    /// The offer was put before somebody else.
    NotYourOffer = "not_your_offer", "the offer was put before another agent";
    /// The offer's time is over.
    OfferExpired = "offer_expired", "the offer's deadline has passed";
    /// The offer was answered or taken back.
    OfferGone = "offer_gone", "the offer was answered before, taken back, or has expired";
    /// Not this agent's contact.
    NotYourContact = "not_your_contact", "the contact is with another agent";
    /// The agent cannot take it now.
    AgentUnavailable = "agent_unavailable", "the agent cannot take this contact now";
    /// The contact's fence is closed to this agent.
    OutsideFence = "outside_fence", "the agent is outside the contact's fence, and the fence is closed";
    /// The contact has no fence.
    NoFence = "no_fence", "the contact has no fence";
    /// The fence is in that state already.
    FenceUnchanged = "fence_unchanged", "the fence is in that state already";
    /// This reason cannot be given by hand.
    ReasonNotAllowed = "reason_not_allowed", "a fence cannot be opened by hand for this reason";
    /// The plan has no step, too many, or names what is not known; or a slice has too many plans.
    BadPlan = "bad_plan", "the plan has no steps or names something unknown";
    /// The time lies where it must not.
    BadTime = "bad_time", "the time lies in the wrong direction";
    /// The definition contradicts itself.
    BadDefinition = "bad_definition", "the definition contradicts itself or is out of range";
    /// The queue is full and its overflow is to refuse.
    QueueFull = "queue_full", "the queue is full";
}
