//! Decides which messages Picket takes, and what each of them carries.

pub mod agent;
mod bound;
pub mod contact;
pub mod control;
pub mod customer;
pub mod later;
pub mod offer;
pub mod source;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use serde_json::Value;

use super::value::Moment;

/// How a message is answered by this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It takes effect.
    Now,
    /// It is typed and refused with `not_supported_yet`.
    Later,
}

/// One type of message that Picket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The CloudEvents type, `picket.contact.received.v1`.
    pub name: &'static str,
    /// What it is about: the second segment of its routing key.
    pub noun: &'static str,
    /// What happened or is asked: the third segment of its routing key.
    pub verb: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
    /// Whether it takes effect in this version.
    pub serving: Serving,
}

impl Kind {
    /// Whether it belongs on the control exchange, where only ops and the daemons may write.
    #[must_use]
    pub fn is_control(&self) -> bool {
        matches!(self.noun, "supervisor" | "rules" | "clock")
    }
}

/// Which times make sense in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It has happened: at most a day ahead of receipt.
    Happened,
    /// It is planned: at most two years ahead.
    Planned,
    /// A clock is driven there: from 1970 to 2200.
    Driven,
}

/// What every message can say about itself.
pub(crate) trait Body {
    /// The ids that `subject` may be, the usual one first; none when any subject will do.
    fn subjects(&self) -> Vec<&str>;

    /// Its times, by field.
    fn times(&self) -> Vec<(&'static str, Moment, When)> {
        Vec::new()
    }

    /// A field that is missing beside the others that are there.
    fn missing(&self) -> Option<&'static str> {
        None
    }
}

/// Lists the fields that hold a time and are there.
pub(crate) fn present<const N: usize>(
    times: [(&'static str, Option<Moment>, When); N],
) -> Vec<(&'static str, Moment, When)> {
    times.into_iter().filter_map(|(field, time, when)| time.map(|time| (field, time, when))).collect()
}

macro_rules! inputs {
    ($($(#[doc = $doc:literal])+ $variant:ident($payload:ty) = $noun:literal . $verb:literal, $serving:ident;)*) => {
        /// A message that was understood.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Inbound {
            $($(#[doc = $doc])+ $variant($payload),)*
        }

        impl Inbound {
            /// Every type of message that Picket takes.
            pub const KINDS: &'static [Kind] = &[$(Kind {
                name: concat!("picket.", $noun, ".", $verb, ".v1"),
                noun: $noun,
                verb: $verb,
                doc: concat!($($doc),+),
                serving: Serving::$serving,
            },)*];

            /// The CloudEvents type.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!("picket.", $noun, ".", $verb, ".v1"),)* }
            }

            /// The `data` of the event.
            ///
            /// # Errors
            /// None of the contract's types fails to serialise; the error is serde's.
            pub fn data(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(body) => serde_json::to_value(body),)* }
            }

            /// Reads `data` of a type; `None` when the type is not an input.
            pub(crate) fn read(
                kind: &str,
                data: &Value,
            ) -> Option<Result<Self, serde_path_to_error::Error<serde_json::Error>>> {
                match kind {
                    $(concat!("picket.", $noun, ".", $verb, ".v1") =>
                        Some(serde_path_to_error::deserialize(data).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// The schema of `data`, for each type.
            pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static Kind, Schema)> {
                let schemas = [$(<$payload as JsonSchema>::json_schema(generator),)*];
                Self::KINDS.iter().zip(schemas).collect()
            }

            pub(crate) fn body(&self) -> &dyn Body {
                match self { $(Self::$variant(body) => body as &dyn Body,)* }
            }
        }
    };
}

inputs! {
    /// A customer's request has arrived and wants somebody.
    ContactReceived(Box<contact::Received>) = "contact"."received", Now;
    /// More is known about a contact.
    ContactUpdated(Box<contact::Updated>) = "contact"."updated", Now;
    /// The customer has chosen among what they were told.
    ContactChoice(contact::Choice) = "contact"."choice", Now;
    /// The customer gave up before an agent was connected.
    ContactAbandoned(contact::Abandoned) = "contact"."abandoned", Now;
    /// Customer and agent are talking.
    ContactConnected(contact::Connected) = "contact"."connected", Now;
    /// Customer and agent could not be connected.
    ContactConnectFailed(contact::ConnectFailed) = "contact"."connect_failed", Now;
    /// The customer has left a connected contact; wrap-up begins.
    ContactEnded(contact::Ended) = "contact"."ended", Now;
    /// An asynchronous customer has gone quiet.
    ContactParked(contact::Parked) = "contact"."parked", Now;
    /// A quiet customer is back.
    ContactResumed(contact::Resumed) = "contact"."resumed", Now;
    /// The contact was handled elsewhere, or is gone.
    ContactWithdrawn(contact::Withdrawn) = "contact"."withdrawn", Now;
    /// The agent is done with the contact.
    ContactClose(Box<contact::Close>) = "contact"."close", Now;
    /// Hand the contact on.
    ContactTransfer(contact::Transfer) = "contact"."transfer", Now;
    /// Ask another agent in, without handing on; or end that.
    ContactConsult(contact::Consult) = "contact"."consult", Now;
    /// An agent takes a waiting contact by hand.
    ContactPull(contact::Pull) = "contact"."pull", Now;
    /// Put the contact back into waiting.
    ContactRequeue(contact::Requeue) = "contact"."requeue", Now;
    /// The customer wants to be called back.
    ContactCallback(contact::Callback) = "contact"."callback", Now;
    /// Let the contact wait from a later moment on.
    ContactSchedule(contact::Schedule) = "contact"."schedule", Now;
    /// The agent takes an offer.
    OfferAccept(offer::Accept) = "offer"."accept", Now;
    /// The agent refuses an offer.
    OfferDecline(offer::Decline) = "offer"."decline", Now;
    /// Say whether an agent takes contacts.
    AgentSetState(agent::SetState) = "agent"."set_state", Now;
    /// Put an agent's absence on record, or end it.
    AgentAbsence(agent::Absence) = "agent"."absence", Now;
    /// Say how much work an agent has that Picket did not route.
    AgentLoad(agent::Load) = "agent"."load", Now;
    /// Vouch for an agent.
    AgentHeartbeat(agent::Heartbeat) = "agent"."heartbeat", Now;
    /// Define an agent, replacing what was defined.
    AgentPut(Box<agent::Put>) = "agent"."put", Now;
    /// An agent has left the company.
    AgentRemove(agent::Remove) = "agent"."remove", Now;
    /// Define a customer, replacing what was defined.
    CustomerPut(Box<customer::Put>) = "customer"."put", Now;
    /// Erase what is known about a customer.
    CustomerErase(customer::Erase) = "customer"."erase", Now;
    /// Define an account, replacing what was defined.
    AccountPut(Box<customer::AccountPut>) = "account"."put", Now;
    /// Make a commitment to a customer.
    CommitmentMake(later::CommitmentMake) = "commitment"."make", Later;
    /// Move a commitment to another time.
    CommitmentMove(later::CommitmentMove) = "commitment"."move", Later;
    /// A commitment is kept.
    CommitmentKeep(later::CommitmentKeep) = "commitment"."keep", Later;
    /// Open an investigation.
    InvestigationOpen(later::InvestigationOpen) = "investigation"."open", Later;
    /// Give an investigation to an owner.
    InvestigationAssign(later::InvestigationAssign) = "investigation"."assign", Later;
    /// Note something in an investigation.
    InvestigationNote(later::InvestigationNote) = "investigation"."note", Later;
    /// Close an investigation with its cause and remedy.
    InvestigationClose(later::InvestigationClose) = "investigation"."close", Later;
    /// The customer's own verdict.
    CustomerFeedback(later::CustomerFeedback) = "customer"."feedback", Later;
    /// Say everything that is live at this source; what is missing has ended.
    SourceSync(source::Sync) = "source"."sync", Now;
    /// The source is there.
    SourceHeartbeat(source::Heartbeat) = "source"."heartbeat", Now;
    /// Ask what is live for an agent or for the source.
    StateRequest(source::StateRequest) = "state"."request", Now;
    /// Open a contact's fence by hand.
    SupervisorOpenFence(control::OpenFence) = "supervisor"."open_fence", Now;
    /// Close a contact's fence by hand.
    SupervisorCloseFence(control::CloseFence) = "supervisor"."close_fence", Now;
    /// Assign a contact by hand.
    SupervisorAssign(control::Assign) = "supervisor"."assign", Now;
    /// Take a contact from its agent by hand; it waits again.
    SupervisorTakeBack(control::TakeBack) = "supervisor"."take_back", Now;
    /// Keep a waiting contact at its step by hand.
    SupervisorHold(control::Hold) = "supervisor"."hold", Now;
    /// End a hold by hand.
    SupervisorRelease(control::Release) = "supervisor"."release", Now;
    /// Lend a team's people to a queue by hand, reserve included.
    SupervisorLend(control::Lend) = "supervisor"."lend", Now;
    /// End a lending by hand.
    SupervisorEndLend(control::EndLend) = "supervisor"."end_lend", Now;
    /// Put a stored rule set in force.
    RulesActivate(control::Activate) = "rules"."activate", Now;
    /// Move a driven clock forward.
    ClockAdvance(control::Advance) = "clock"."advance", Now;
}

impl Inbound {
    /// The kind of a CloudEvents type.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Kind> {
        Self::KINDS.iter().find(|kind| kind.name == name)
    }
}
