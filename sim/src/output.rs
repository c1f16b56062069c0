//! Decides how an output of the daemon is read: from its JSON alone, sharing nothing with the code that wrote it.

use std::fmt;

use serde_json::Value;

/// A contact as the outside knows it: two platforms may both have a contact 42.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contact {
    /// The platform that received it.
    pub source: String,
    /// Its id there.
    pub id: String,
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.source)
    }
}

/// One output as the feed carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `picketseq`: counts the shard's outputs without gaps.
    pub number: u64,
    /// The journal time, in milliseconds UTC.
    pub at: i64,
    /// The contact it is about.
    pub contact: Option<Contact>,
    /// `data.seq`: counts the contact's outputs without gaps.
    pub seq: Option<u64>,
    /// What it says.
    pub fact: Fact,
}

/// What an output says, as far as anyone outside needs it to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `contact.queued`: it waits.
    Queued {
        /// Its channel.
        channel: String,
    },
    /// `fence.set`: a fence stands around it.
    FenceSet {
        /// Whose.
        team: String,
    },
    /// `fence.opened`.
    FenceOpened {
        /// Why.
        reason: String,
        /// How long it held, in milliseconds.
        held_ms: u64,
    },
    /// `fence.set` by a supervisor, who closed it again.
    FenceClosed,
    /// `offer.made`.
    OfferMade {
        /// Which offer.
        offer: String,
        /// Before whom.
        agent: String,
        /// What she is to the contact.
        standing: String,
    },
    /// `offer.accepted`.
    OfferAccepted {
        /// Which offer.
        offer: String,
        /// By whom.
        agent: String,
    },
    /// `offer.declined`, `offer.expired` or `offer.revoked`.
    OfferOver {
        /// Which offer.
        offer: String,
        /// `declined`, `expired` or `revoked`.
        how: &'static str,
    },
    /// `contact.assigned`: an agent has it.
    Assigned {
        /// Who.
        agent: String,
        /// What she is to the contact.
        standing: String,
        /// Whether it went over her capacity, and says so.
        over_capacity: bool,
    },
    /// `contact.connected`: the two are talking.
    Connected,
    /// `contact.ended`: after-contact work.
    Ended,
    /// `contact.parked`: gone quiet, capacity released.
    Parked,
    /// `contact.resumed`: back with an agent.
    Resumed {
        /// Who.
        agent: String,
        /// Whether it went over her capacity, and says so.
        over_capacity: bool,
    },
    /// `contact.requeued`: it waits again.
    Requeued {
        /// Why.
        cause: String,
    },
    /// `contact.transferred`: handed on; what follows says to whom.
    Transferred,
    /// `contact.closed`: done, for good.
    Closed {
        /// How it ended.
        outcome: String,
    },
    /// `agent.state_changed`.
    AgentState {
        /// Who.
        agent: String,
        /// `ready`, `not_ready` or `offline`; empty where only an absence or outside work changed.
        state: String,
        /// Why: `said`, `no_answer`, `absence`, …
        cause: String,
        /// The reason code that was given.
        reason: String,
    },
    /// `command.rejected`.
    Rejected {
        /// The code.
        code: String,
        /// The refused input's id.
        input: String,
    },
    /// Anything else, by its short type (`contact.planned`).
    Other(String),
}

/// Why a JSON value is not an output.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A member that every output of this type has is missing, or is of another kind.
    #[error("`{member}` is missing or of the wrong kind in {kind}")]
    Missing {
        /// Which member.
        member: &'static str,
        /// The output's type.
        kind: String,
    },
}

impl Output {
    /// Reads an output from its CloudEvents JSON.
    ///
    /// # Errors
    /// [`Unreadable`] when something that every output has is not there.
    pub fn read(event: &Value) -> Result<Self, Unreadable> {
        let kind = short_type(event);
        let reader = Reader { event, data: event.get("data").unwrap_or(&Value::Null), kind: &kind };
        let at = event.get("time").and_then(Value::as_str).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let contact = match (reader.optional("contact"), reader.optional("source")) {
            (Some(id), Some(source)) => Some(Contact { source, id }),
            _ => None,
        };
        Ok(Self {
            number: reader.number("picketseq")?,
            at: at.ok_or_else(|| reader.missing("time"))?.as_millisecond(),
            contact,
            seq: reader.data.get("seq").and_then(Value::as_u64),
            fact: fact(&reader)?,
        })
    }
}

fn short_type(event: &Value) -> String {
    let full = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let short = full.strip_prefix("picket.").unwrap_or(full);
    short.strip_suffix(".v1").unwrap_or(short).to_owned()
}

fn fact(reader: &Reader<'_>) -> Result<Fact, Unreadable> {
    Ok(match reader.kind {
        "contact.queued" => Fact::Queued { channel: reader.text("channel")? },
        "fence.set" if reader.optional("because").as_deref() == Some("supervisor") => Fact::FenceClosed,
        "fence.set" => Fact::FenceSet { team: reader.text("team")? },
        "fence.opened" => Fact::FenceOpened {
            reason: reader.text("reason")?,
            held_ms: reader.data.get("held_ms").and_then(Value::as_u64).unwrap_or(0),
        },
        "offer.made" => Fact::OfferMade {
            offer: reader.text("offer")?,
            agent: reader.text("agent")?,
            standing: reader.text("standing")?,
        },
        "offer.accepted" => Fact::OfferAccepted { offer: reader.text("offer")?, agent: reader.text("agent")? },
        "offer.declined" => Fact::OfferOver { offer: reader.text("offer")?, how: "declined" },
        "offer.expired" => Fact::OfferOver { offer: reader.text("offer")?, how: "expired" },
        "offer.revoked" => Fact::OfferOver { offer: reader.text("offer")?, how: "revoked" },
        "contact.assigned" => Fact::Assigned {
            agent: reader.text("agent")?,
            standing: reader.text("standing")?,
            over_capacity: reader.flag("over_capacity"),
        },
        "contact.connected" => Fact::Connected,
        "contact.ended" => Fact::Ended,
        "contact.parked" => Fact::Parked,
        "contact.resumed" => {
            Fact::Resumed { agent: reader.text("agent")?, over_capacity: reader.flag("over_capacity") }
        }
        // A call-back goes back into waiting too, only later.
        "contact.planned" if reader.optional("because").as_deref() == Some("scheduled") => {
            Fact::Requeued { cause: "scheduled".to_owned() }
        }
        "contact.requeued" => Fact::Requeued { cause: reader.optional("cause").unwrap_or_default() },
        "contact.transferred" => Fact::Transferred,
        "contact.closed" => Fact::Closed { outcome: reader.text("outcome")? },
        "agent.state_changed" => Fact::AgentState {
            agent: reader.text("agent")?,
            state: reader.optional("state").unwrap_or_default(),
            cause: reader.text("cause")?,
            reason: reader.optional("reason").unwrap_or_default(),
        },
        "command.rejected" => {
            Fact::Rejected { code: reader.text("code")?, input: reader.optional("id").unwrap_or_default() }
        }
        other => Fact::Other(other.to_owned()),
    })
}

struct Reader<'a> {
    event: &'a Value,
    data: &'a Value,
    kind: &'a str,
}

impl Reader<'_> {
    fn missing(&self, member: &'static str) -> Unreadable {
        Unreadable::Missing { member, kind: self.kind.to_owned() }
    }

    /// A CloudEvents extension that is a whole number; the specification lets it travel as text too.
    fn number(&self, member: &'static str) -> Result<u64, Unreadable> {
        let value = self.event.get(member);
        value
            .and_then(|v| v.as_u64().or_else(|| v.as_str().and_then(|text| text.parse().ok())))
            .ok_or_else(|| self.missing(member))
    }

    fn optional(&self, member: &str) -> Option<String> {
        self.data.get(member).and_then(Value::as_str).map(str::to_owned)
    }

    fn text(&self, member: &'static str) -> Result<String, Unreadable> {
        self.optional(member).ok_or_else(|| self.missing(member))
    }

    fn flag(&self, member: &str) -> bool {
        self.data.get(member).and_then(Value::as_bool).unwrap_or(false)
    }
}
