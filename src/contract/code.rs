//! Decides the stable codes of refusals, and what each means to the sender: its cause and its remedy.

use std::borrow::Cow;

use picket_core::Rejection;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($group:ident { $($name:ident = $code:literal, $cause:literal, $remedy:literal;)* })*) => {
        /// Why a message was refused. Codes never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(
                #[doc = $cause]
                #[serde(rename = $code)]
                $name,
            )*)*
        }

        impl Code {
            /// Every code there is, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// The code as it goes over the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $code,)*)* }
            }

            /// What happened, in a sentence.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $($(Self::$name => $cause,)*)* }
            }

            /// What the sender can do about it, in a sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $($(Self::$name => $remedy,)*)* }
            }

            /// At which stage it is refused.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $($(Self::$name)|* => Stage::$group,)* }
            }
        }
    };
}

/// Where on its way a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It cannot be read: dead-lettered.
    Reading,
    /// It is read and breaks the contract: dead-lettered.
    Contract,
    /// It is a good message that cannot take effect in this place: answered as `rejected`.
    Daemon,
    /// It is a good message that cannot take effect in this state: answered as `rejected` with `command.rejected`.
    Routing,
    /// It is not refused: it is answered as `accepted`, with what became of it.
    Taken,
}

codes! {
    Reading {
        MessageTooLarge = "message_too_large", "The body is larger than 256 KiB.", "Send fewer events in a batch; send references instead of contents.";
        EmptyMessage = "empty_message", "The message has no body.", "Send one event as JSON.";
        UnsupportedContentType = "unsupported_content_type", "The content type is missing, is not JSON, names another character set, or is none of the three modes of CloudEvents.", "Send `application/cloudevents+json`, `application/cloudevents-batch+json`, or `application/json` with `ce-` headers, in UTF-8.";
        InvalidUtf8 = "invalid_utf8", "The body is not UTF-8.", "Encode the body as UTF-8.";
        InvalidJson = "invalid_json", "The body is not JSON.", "Mend the JSON at the line and column named.";
        DuplicateKey = "duplicate_key", "A name appears twice in one JSON object.", "Send each name once.";
        TooDeep = "too_deep", "The event is nested deeper than 16 levels.", "Flatten the event.";
        TextTooLong = "text_too_long", "A text or a name is longer than 1 KiB.", "Shorten it, or send a reference.";
        BatchTooLarge = "batch_too_large", "The batch has more than 1,000 events.", "Send several batches.";
        EmptyBatch = "empty_batch", "The batch has no events.", "Send at least one event, or nothing.";
        InvalidHeader = "invalid_header", "A CloudEvents header is not text, or its percent-encoding is broken.", "Send CloudEvents headers as text; percent-encode over HTTP as the binding says.";
    }
    Contract {
        NotAnEvent = "not_an_event", "The body is JSON and not an event: not an object, or not a list of objects in a batch.", "Send one CloudEvents object, or a list of them as a batch.";
        MissingField = "missing_field", "A field that must be there is missing.", "Send the field named.";
        WrongType = "wrong_type", "A field has the wrong JSON type.", "Send the type named.";
        InvalidValue = "invalid_value", "A field has a value outside its list or range.", "Send one of the values named.";
        InvalidId = "invalid_id", "An id is not 1 to 128 printable ASCII characters without spaces.", "Send the id as the contract writes it; encode other ids.";
        InvalidName = "invalid_name", "A domain or channel is not 1 to 32 of `a-z`, `0-9`, `_` and `-`.", "Rename it.";
        ControlCharacter = "control_character", "A text has control characters other than line breaks and tabs.", "Remove them.";
        TooManyAttributes = "too_many_attributes", "An open map has more than 64 entries.", "Send only the attributes that rules or people use.";
        ListTooLong = "list_too_long", "A list has more than 5,000 entries.", "Send several messages.";
        UnsupportedSpecversion = "unsupported_specversion", "`specversion` is not 1.0.", "Send CloudEvents 1.0.";
        UnknownType = "unknown_type", "The type is not one of the contract.", "Send a type of the contract, or map the platform's own events in an adapter.";
        UnsupportedVersion = "unsupported_version", "The type is of the contract, in a version that this Picket does not speak.", "Send the version named.";
        NotAnInput = "not_an_input", "The type is one of Picket's outputs, or the source is Picket's own (`/picket/…`).", "Do not publish Picket's outputs to its input.";
        NotSupportedYet = "not_supported_yet", "The message is well formed, and this version of Picket does nothing with it.", "Do not send it to this version.";
        HeaderMismatch = "header_mismatch", "A header says something else than the body or another header.", "Send the same value in both, or only the body.";
        SubjectMismatch = "subject_mismatch", "`subject` is not the contact, agent or other object that `data` is about.", "Send the id of `data` as the subject, or none.";
        InvalidTime = "invalid_time", "A time is not RFC 3339.", "Write 2026-11-23T09:00:00.000Z; milliseconds since 1970 are taken inside `data`.";
        TimeOutOfRange = "time_out_of_range", "A time is more than ten years ago, more than a day ahead of receipt, or, for a planned time, more than two years ahead.", "Check the sender's clock and the unit: milliseconds, not seconds.";
        InvalidRoutingKey = "invalid_routing_key", "The routing key is not `<domain>.<noun>.<verb>`.", "Publish with the key of the contract.";
        RoutingKeyMismatch = "routing_key_mismatch", "The routing key names another noun and verb than the type.", "Publish with the noun and verb of the type.";
        DomainMismatch = "domain_mismatch", "`picketdomain` and the routing key name different domains.", "Send one domain in both places.";
        MissingDomain = "missing_domain", "More than one domain is configured and the message names none.", "Send `picketdomain`, or a routing key with the domain.";
        UnknownDomain = "unknown_domain", "The domain is not configured, or no shard has it.", "Send a configured domain, or add it to the rules.";
        SourceNotAllowed = "source_not_allowed", "The source is not configured, comes from another user, or may not send this type or to this domain.", "Configure the source, or publish as its own user.";
        ControlOnly = "control_only", "The type belongs on the control exchange, and only there; or the control exchange was used for something else.", "Publish `supervisor`, `rules` and `clock` to `picket.control`, everything else to `picket.in`.";
    }
    Daemon {
        IdConflict = "id_conflict", "An event with this source and id was seen before, with other content.", "Give every event an id of its own; repeat an event unchanged.";
        UnknownRules = "unknown_rules", "No rule set of this hash is stored.", "Store the rule set first, then activate it.";
        RulesInvalid = "rules_invalid", "The rule set does not pass its check, or does not fit this daemon.", "Run `picket check` and mend what it says.";
        OwnedByRules = "owned_by_rules", "The object is defined in the rule files, so a message cannot define it too.", "Change the rule files, or remove the object from them.";
        UnknownCustomer = "unknown_customer", "No customer of this id is in the directory.", "Send `customer.put` first.";
        ClockNotDriven = "clock_not_driven", "The clock runs by itself, so it cannot be advanced.", "Start with `serve --clock driven` on loopback.";
        PlanFailed = "plan_failed", "The rules in force give this contact no plan.", "Run `picket plan` with the contact, and mend the rules.";
        Quarantined = "quarantined", "The process ended each time it handled the message, so it was put aside unread: it is a dead letter.", "Report it; replay it after an update.";
    }
    Routing {
        UnknownContact = "unknown_contact", "No contact of this source and id was received, or it was closed and forgotten.", "Send `contact.received` first; check source and id.";
        ContactClosed = "contact_closed", "The contact is closed.", "Receive a new contact, with a new id.";
        ContactExists = "contact_exists", "A contact of this source and id was received before.", "Give each contact an id of its own; change one by `contact.updated`.";
        WrongContactState = "wrong_contact_state", "The contact is not in a state in which this can happen.", "Look the state up with GET /v1/contacts/{id}; follow the sequences of the contract.";
        UnknownChannel = "unknown_channel", "The channel is not configured, and there is no default.", "Add `[channel.<name>]` or `[channel.default]` to the rules.";
        UnknownAgent = "unknown_agent", "No agent of this id, or with this alias for the source, is known.", "Define the agent in the rules, or send `agent.put`.";
        UnknownTeam = "unknown_team", "No team of this id is known.", "Define the team in the rules.";
        UnknownQueue = "unknown_queue", "No queue of this id is known.", "Define the queue in the rules.";
        UnknownCalendar = "unknown_calendar", "No calendar of this id is known.", "Define the hours in the rules.";
        UnknownOffer = "unknown_offer", "No offer of this id was made.", "Answer with the id that `offer.made` carried.";
        NotYourOffer = "not_your_offer", "The offer was put before another agent.", "Answer only as the agent the offer names.";
        OfferExpired = "offer_expired", "The offer's deadline has passed.", "Stop ringing; wait for the next offer.";
        OfferGone = "offer_gone", "The offer was answered before, taken back, or has expired.", "Stop ringing; wait for the next offer.";
        NotYourContact = "not_your_contact", "The contact is with another agent.", "Act only on the agent's own contacts.";
        AgentUnavailable = "agent_unavailable", "The agent cannot take this contact now.", "Choose an agent who is ready and has capacity.";
        OutsideFence = "outside_fence", "The agent is outside the contact's fence, and the fence is closed.", "Choose somebody of the team or its covers, or open the fence with a reason.";
        NoFence = "no_fence", "The contact has no fence.", "Nothing to open or close.";
        FenceUnchanged = "fence_unchanged", "The fence is in that state already.", "Nothing to do.";
        NotLent = "not_lent", "No supervisor lends this team to this queue now.", "Nothing to end; what the rules lend is changed in the rules.";
        ReasonNotAllowed = "reason_not_allowed", "A fence cannot be opened by hand for this reason.", "Give `supervisor` or `customer_choice`.";
        BadPlan = "bad_plan", "The plan has no steps, too many, or names something unknown.", "Run `picket check` and mend the rules.";
        BadTime = "bad_time", "The time lies in the wrong direction.", "Send an end after its start; advance a clock forward only.";
        BadDefinition = "bad_definition", "The definition contradicts itself or is out of range.", "Mend the definition as the detail says.";
        QueueFull = "queue_full", "The queue is full and does not take more.", "Offer the customer a call-back, or try later.";
    }
    Taken {
        Forwarded = "forwarded", "The customer, or the contact, belongs to a domain of another shard: the event is forwarded there.", "Nothing to do; `contact.forwarded` names the domain, whose outputs tell the rest.";
        KeptUntilReceived = "kept_until_received", "The contact of this end was not received yet: the end is kept for an hour, and the contact is over as soon as it comes.", "Nothing to do; if the contact was received under another id, send its end under that id.";
    }
}

impl From<Rejection> for Code {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::UnknownContact => Self::UnknownContact,
            Rejection::ContactClosed => Self::ContactClosed,
            Rejection::ContactExists => Self::ContactExists,
            Rejection::WrongContactState => Self::WrongContactState,
            Rejection::UnknownChannel => Self::UnknownChannel,
            Rejection::UnknownAgent => Self::UnknownAgent,
            Rejection::UnknownTeam => Self::UnknownTeam,
            Rejection::UnknownQueue => Self::UnknownQueue,
            Rejection::UnknownCalendar => Self::UnknownCalendar,
            Rejection::UnknownOffer => Self::UnknownOffer,
            Rejection::NotYourOffer => Self::NotYourOffer,
            Rejection::OfferExpired => Self::OfferExpired,
            Rejection::OfferGone => Self::OfferGone,
            Rejection::NotYourContact => Self::NotYourContact,
            Rejection::AgentUnavailable => Self::AgentUnavailable,
            Rejection::OutsideFence => Self::OutsideFence,
            Rejection::NoFence => Self::NoFence,
            Rejection::FenceUnchanged => Self::FenceUnchanged,
            Rejection::ReasonNotAllowed => Self::ReasonNotAllowed,
            Rejection::BadPlan => Self::BadPlan,
            Rejection::BadTime => Self::BadTime,
            Rejection::BadDefinition => Self::BadDefinition,
            Rejection::QueueFull => Self::QueueFull,
        }
    }
}

impl Code {
    /// The code of a text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// The page of all codes, in Markdown; `docs/codes.md` is this text.
    #[must_use]
    pub fn page() -> String {
        let mut page = String::from(PREFACE);
        let mut stage = None;
        for code in Self::ALL {
            if stage != Some(code.stage()) {
                stage = Some(code.stage());
                page.push_str(code.stage().heading());
                page.push_str("\n| code | cause | remedy |\n|---|---|---|\n");
            }
            page.push_str(&format!("| `{}` | {} | {} |\n", code.as_str(), code.cause(), code.remedy()));
        }
        page
    }
}

impl JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Codes are added within a major version, so the list is not closed.
        json_schema!({ "type": "string", "examples": Self::ALL })
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

const PREFACE: &str = "# Codes

What Picket says when it refuses a message. A code never changes its meaning; the sentence beside it (`detail`) says what exactly was wrong and where (a JSON path), and never repeats the sender's values.

A refused message changes nothing, and the next good one is processed. Over HTTP the answer carries the code; over AMQP the `reply_to`, if there is one, is answered with it.
";

impl Stage {
    const fn heading(self) -> &'static str {
        match self {
            Self::Reading => {
                "\n## The message cannot be read\n\nIt goes to `picket.dead` (the table of dead letters on the embedded profile) with its code.\n"
            }
            Self::Contract => {
                "\n## The message breaks the contract\n\nIt goes to `picket.dead` with its code, source and id. In a batch only the event concerned is refused.\n"
            }
            Self::Daemon => {
                "\n## The message is good, and this daemon cannot use it\n\nIt is journaled as rejected where a journal entry is possible, and answered.\n"
            }
            Self::Routing => {
                "\n## The message is good, and comes at the wrong moment\n\nIt is journaled as rejected, answered, and published as `command.rejected` with the input's source and id.\n"
            }
            Self::Taken => {
                "\n## The message is good, and something is to be said about it\n\nIt is no refusal: the message is journaled and answered as `accepted` with this code.\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_of_the_core_keeps_its_code() {
        for rejection in Rejection::ALL {
            assert_eq!(Code::from(*rejection).as_str(), rejection.code());
            assert_eq!(Code::from(*rejection).stage(), Stage::Routing);
        }
    }

    #[test]
    fn no_two_codes_are_written_alike() {
        let texts: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
    }
}
