//! Decides which messages Picket publishes, and what each of them carries.

pub mod agent;
pub mod common;
pub mod contact;
mod ending;
pub mod fence;
pub mod offer;
pub mod other;
mod publish;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

pub use publish::{Cause, SOURCE_PREFIX, Stamp, event_source, output_id};

/// Whether an output says what is so, or asks the platform to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// It says what is so.
    Fact,
    /// The platform is to act.
    Instruction,
}

/// One type of message that Picket publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The CloudEvents type, `picket.offer.made.v1`.
    pub name: &'static str,
    /// What it is about: the second segment of its routing key.
    pub noun: &'static str,
    /// What happened: the third segment of its routing key.
    pub verb: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
    /// Fact or instruction.
    pub character: Character,
}

/// What an output is about, for subject, routing key and filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The contact.
    pub contact: Option<&'a str>,
    /// The channel.
    pub channel: Option<&'a str>,
    /// The agent, in the installation's id.
    pub agent: Option<&'a str>,
    /// What else it is about, where it is neither contact nor agent.
    pub other: Option<&'a str>,
}

/// What an output can say about itself.
pub(crate) trait Body {
    fn target(&self) -> Target<'_>;
}

macro_rules! outputs {
    ($($(#[doc = $doc:literal])+ $variant:ident($payload:ty) = $noun:literal . $verb:literal, $character:ident;)*) => {
        /// A message to be published.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Outbound {
            $($(#[doc = $doc])+ $variant($payload),)*
        }

        impl Outbound {
            /// Every type of message that Picket publishes.
            pub const KINDS: &'static [Kind] = &[$(Kind {
                name: concat!("picket.", $noun, ".", $verb, ".v1"),
                noun: $noun,
                verb: $verb,
                doc: concat!($($doc),+),
                character: Character::$character,
            },)*];

            /// The CloudEvents type.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!("picket.", $noun, ".", $verb, ".v1"),)* }
            }

            /// What it is about: the second segment of its routing key.
            #[must_use]
            pub const fn noun(&self) -> &'static str {
                match self { $(Self::$variant(_) => $noun,)* }
            }

            /// What happened: the third segment of its routing key.
            #[must_use]
            pub const fn verb(&self) -> &'static str {
                match self { $(Self::$variant(_) => $verb,)* }
            }

            /// The `data` of the event.
            ///
            /// # Errors
            /// None of the contract's types fails to serialise; the error is serde's.
            pub fn data(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(body) => serde_json::to_value(body),)* }
            }

            /// Reads `data` of a type, for those who follow the output; `None` when the type is not an output.
            ///
            /// # Errors
            /// When the data is not what the type says.
            pub fn read(kind: &str, data: &Value) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $(concat!("picket.", $noun, ".", $verb, ".v1") =>
                        Some(<$payload as Deserialize>::deserialize(data).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// The schema of `data`, for each type.
            pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static Kind, Schema)> {
                let schemas = [$(<$payload as JsonSchema>::json_schema(generator),)*];
                Self::KINDS.iter().zip(schemas).collect()
            }

            fn body(&self) -> &dyn Body {
                match self { $(Self::$variant(body) => body as &dyn Body,)* }
            }
        }
    };
}

outputs! {
    /// A contact is in and waits.
    ContactQueued(Box<contact::Queued>) = "contact"."queued", Fact;
    /// What a contact is entitled to has changed, or its plan has gone on to the next step.
    ContactPlanned(contact::Planned) = "contact"."planned", Fact;
    /// The customer can be given a choice.
    ContactChoiceAvailable(contact::ChoiceAvailable) = "contact"."choice_available", Instruction;
    /// An agent has the contact: connect the two.
    ContactAssigned(Box<contact::Assigned>) = "contact"."assigned", Instruction;
    /// Customer and agent are talking.
    ContactConnected(contact::Connected) = "contact"."connected", Fact;
    /// The customer has left; wrap-up has begun.
    ContactEnded(contact::Ended) = "contact"."ended", Fact;
    /// The contact is quiet; its agent's capacity is free.
    ContactParked(contact::Parked) = "contact"."parked", Fact;
    /// The contact is back with its agent.
    ContactResumed(Box<contact::Resumed>) = "contact"."resumed", Fact;
    /// The contact is being handed on.
    ContactTransferred(contact::Transferred) = "contact"."transferred", Fact;
    /// The contact waits again.
    ContactRequeued(contact::Requeued) = "contact"."requeued", Instruction;
    /// A supervisor keeps the contact at its step.
    ContactHeld(contact::Held) = "contact"."held", Fact;
    /// The contact is no longer held.
    ContactReleased(contact::Released) = "contact"."released", Fact;
    /// The contact's agent asks a colleague, who is taken until it is over.
    ContactConsulted(Box<contact::Consulted>) = "contact"."consulted", Fact;
    /// The consultation is over.
    ContactConsultEnded(contact::ConsultEnded) = "contact"."consult_ended", Fact;
    /// The contact has been connected for longer than its channel allows: is it still?
    ContactStalled(contact::Stalled) = "contact"."stalled", Instruction;
    /// Send the contact elsewhere.
    ContactDiverted(contact::Diverted) = "contact"."diverted", Instruction;
    /// The contact went to another domain.
    ContactForwarded(contact::Forwarded) = "contact"."forwarded", Fact;
    /// The contact's agent is lost.
    ContactOrphaned(contact::Orphaned) = "contact"."orphaned", Fact;
    /// The customer gave up.
    ContactAbandoned(contact::Abandoned) = "contact"."abandoned", Fact;
    /// The contact is done, for good; always its last message.
    ContactClosed(contact::Closed) = "contact"."closed", Fact;
    /// A fence stands around the contact.
    FenceSet(fence::Set) = "fence"."set", Fact;
    /// The contact's fence has opened.
    FenceOpened(fence::Opened) = "fence"."opened", Fact;
    /// A team's reserve helps a queue that is below its floor.
    ReserveReleased(fence::Reserve) = "reserve"."released", Fact;
    /// The team keeps its reserve again.
    ReserveRestored(fence::Reserve) = "reserve"."restored", Fact;
    /// A supervisor lends a team's people to a queue, reserve included.
    TeamLent(fence::Lent) = "team"."lent", Fact;
    /// That lending is over.
    TeamLendEnded(fence::LendEnded) = "team"."lend_ended", Fact;
    /// A contact is put before an agent: ask her.
    OfferMade(Box<offer::Made>) = "offer"."made", Instruction;
    /// The agent took it.
    OfferAccepted(offer::Accepted) = "offer"."accepted", Fact;
    /// The agent refused it.
    OfferDeclined(offer::Declined) = "offer"."declined", Fact;
    /// The agent did not answer in time: stop asking her.
    OfferExpired(offer::Expired) = "offer"."expired", Instruction;
    /// The offer is taken back: stop asking her.
    OfferRevoked(offer::Revoked) = "offer"."revoked", Instruction;
    /// The offer's deadline has moved, because the clock did.
    OfferExtended(offer::Extended) = "offer"."extended", Fact;
    /// An agent's state has changed.
    AgentStateChanged(agent::StateChanged) = "agent"."state_changed", Fact;
    /// A customer is valued now, or no longer.
    CustomerValuedChanged(other::ValuedChanged) = "customer"."valued_changed", Fact;
    /// What the customer was promised was not delivered.
    ExpectationMissed(other::ExpectationMissed) = "expectation"."missed", Fact;
    /// Another rule set is in force.
    RulesActivated(other::RulesActivated) = "rules"."activated", Fact;
    /// A source has not been heard of in time.
    SourceLost(other::SourceLost) = "source"."lost", Fact;
    /// A message was good and was refused.
    CommandRejected(other::CommandRejected) = "command"."rejected", Fact;
}

impl Outbound {
    /// The kind of a CloudEvents type.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Kind> {
        Self::KINDS.iter().find(|kind| kind.name == name)
    }

    /// What it is about.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        self.body().target()
    }
}
