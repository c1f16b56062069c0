//! Decides whether one event keeps the contract: attributes, headers, domain, source, data.

use std::collections::BTreeMap;

use picket_core::Timestamp;
use serde_json::{Map, Value};

use super::code::Code;
use super::decode::{Complaint, is_json};
use super::envelope::{Envelope, Refusal, content_hash};
use super::inbound::{Body, Inbound, Kind, Serving, When};
use super::json::Fault;
use super::limits::Limits;
use super::routing_key::{EXCHANGE_CONTROL, InKey};
use super::sources::Sources;
use super::value::{Moment, is_id, is_name};
use super::wire::WireMessage;
use super::{data, outbound, suggest};

/// Something that may be an event.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Attributes and `data`, from body or headers.
    pub(super) attributes: Map<String, Value>,
    /// The attributes in the headers beside a structured body.
    pub(super) headers: BTreeMap<&'static str, String>,
    /// Where the attributes are.
    pub(super) place: Place,
    /// What was wrong with its JSON.
    pub(super) fault: Option<Fault>,
}

/// Where an event's attributes are, for sentences.
#[derive(Debug)]
pub(super) enum Place {
    /// In headers; the body is the data.
    Headers,
    /// In the body, under this path.
    Body {
        /// `$`, or `$[3]` in a batch.
        root: String,
    },
}

impl Place {
    fn attribute(&self, name: &str) -> String {
        match self {
            Self::Headers => format!("header ce-{name}"),
            Self::Body { root } => format!("{root}.{name}"),
        }
    }

    pub(super) fn data(&self) -> String {
        match self {
            Self::Headers => "$".to_owned(),
            Self::Body { root } => format!("{root}.data"),
        }
    }
}

/// A property that can be used in an answer; others are as good as not there.
pub(super) fn property(text: Option<&str>) -> Option<String> {
    let usable =
        |text: &&str| (1..=Limits::PROPERTY_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    text.filter(usable).map(str::to_owned)
}

/// Reads one event.
#[expect(clippy::result_large_err, reason = "an envelope is larger than a refusal, so a box would save nothing")]
pub(super) fn read(
    candidate: Candidate,
    message: &WireMessage,
    sources: &Sources,
    received_at: Timestamp,
) -> Result<Envelope, Refusal> {
    let readable = |name: &str| candidate.attributes.get(name).and_then(Value::as_str).filter(|text| is_id(text));
    let (id, source, kind) = (readable("id"), readable("source"), readable("type"));
    check(&candidate, message, sources, received_at).map_err(|complaint| Refusal {
        code: complaint.code,
        detail: complaint.detail,
        id: id.map(str::to_owned),
        source: source.map(str::to_owned),
        kind: kind.map(str::to_owned),
        reply_to: property(message.reply_to.as_deref()),
        correlation_id: property(message.correlation_id.as_deref()),
    })
}

fn check(
    candidate: &Candidate,
    message: &WireMessage,
    sources: &Sources,
    received_at: Timestamp,
) -> Result<Envelope, Complaint> {
    if let Some(fault) = &candidate.fault {
        return Err(Complaint::new(fault.code, format!("{}: {}", fault.path, fault.text)));
    }
    let reader = Reader(candidate);
    reader.specversion()?;
    let id = reader.id("id")?;
    let source = reader.source()?;
    let kind = reader.kind()?;
    reader.headers_agree()?;
    let time = reader.time(kind, received_at)?;
    let domain = reader.domain(kind, message, sources)?;
    // That it came for this domain was not the sender's doing, where another shard forwarded it.
    let chosen = domain.as_deref().filter(|_| !message.forwarded);
    sources
        .permit(source, message.user.as_deref(), kind, chosen)
        .map_err(|(code, detail)| Complaint::new(code, detail))?;
    let data = reader.data()?;
    let body = data::read(kind, data, &candidate.place, received_at)?;
    let subject = reader.subject(body.body())?;
    if kind.serving == Serving::Later {
        let detail = format!("{} is well formed, and this version does nothing with it; do not send it", kind.name);
        return Err(Complaint::new(Code::NotSupportedYet, detail));
    }
    let replies = sources.replies(source);
    Ok(Envelope {
        id: id.to_owned(),
        source: source.to_owned(),
        kind: kind.name,
        time,
        domain,
        content_hash: content_hash(kind.name, subject.as_deref(), data),
        message: body,
        reply_to: property(message.reply_to.as_deref()).filter(|_| replies),
        correlation_id: property(message.correlation_id.as_deref()),
        user: property(message.user.as_deref()),
        forwarded: message.forwarded,
    })
}

struct Reader<'a>(&'a Candidate);

impl<'a> Reader<'a> {
    fn complain<T>(&self, code: Code, name: &str, what: &str) -> Result<T, Complaint> {
        Err(Complaint::new(code, format!("{}: {what}", self.0.place.attribute(name))))
    }

    /// An attribute that is text, if it is there.
    fn text(&self, name: &'static str) -> Result<Option<&'a str>, Complaint> {
        match self.0.attributes.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.complain(Code::WrongType, name, "it is not a text; send a text")
            }
        }
    }

    fn required(&self, name: &'static str) -> Result<&'a str, Complaint> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => self.complain(Code::MissingField, name, "it is missing; every event has it"),
        }
    }

    fn specversion(&self) -> Result<(), Complaint> {
        if self.required("specversion")? == "1.0" {
            return Ok(());
        }
        self.complain(Code::UnsupportedSpecversion, "specversion", "it is not 1.0; send CloudEvents 1.0")
    }

    fn id(&self, name: &'static str) -> Result<&'a str, Complaint> {
        let id = self.required(name)?;
        if is_id(id) {
            return Ok(id);
        }
        self.complain(Code::InvalidId, name, "it is not 1 to 128 printable ASCII characters without spaces")
    }

    /// Some types go both ways, so it is the source that tells an output.
    fn source(&self) -> Result<&'a str, Complaint> {
        let source = self.id("source")?;
        if source.starts_with(outbound::SOURCE_PREFIX) {
            return self.complain(Code::NotAnInput, "source", "it is Picket's own; do not send outputs back to Picket");
        }
        Ok(source)
    }

    fn kind(&self) -> Result<&'static Kind, Complaint> {
        let name = self.required("type")?;
        if let Some(kind) = Inbound::find(name) {
            return Ok(kind);
        }
        if outbound::Outbound::find(name).is_some() {
            return self.complain(Code::NotAnInput, "type", "it is one of Picket's outputs; do not send it to Picket");
        }
        let version = |kind: &&Kind| {
            let (stem, _) = kind.name.rsplit_once('.').unwrap_or((kind.name, ""));
            name.rsplit_once(".v").is_some_and(|(said, digits)| {
                said == stem && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        if let Some(kind) = Inbound::KINDS.iter().find(version) {
            let what = format!("this version is not spoken; send {}", kind.name);
            return self.complain(Code::UnsupportedVersion, "type", &what);
        }
        let what = match suggest::nearest(name, Inbound::KINDS.iter().map(|kind| kind.name)) {
            Some(near) => format!("it is not a type of this contract; {near} is the nearest"),
            None => "it is not a type of this contract; map the platform's own events in an adapter".to_owned(),
        };
        self.complain(Code::UnknownType, "type", &what)
    }

    /// Whatever the headers repeat must be what the body says.
    fn headers_agree(&self) -> Result<(), Complaint> {
        for (name, header) in &self.0.headers {
            if self.text(name)? != Some(header) {
                let what = "the header of this attribute says something else; send the same in both, or only the body";
                return self.complain(Code::HeaderMismatch, name, what);
            }
        }
        Ok(())
    }

    fn time(&self, kind: &Kind, received_at: Timestamp) -> Result<Option<Timestamp>, Complaint> {
        let Some(text) = self.text("time")? else { return Ok(None) };
        let Some(time) = Moment::parse(text) else {
            return self.complain(Code::InvalidTime, "time", "it is not RFC 3339; write 2026-11-23T09:00:00.000Z");
        };
        // Before a driven clock is set, nothing else is known of the time.
        let when = if kind.noun == "clock" { When::Driven } else { When::Happened };
        match data::out_of_range(time, when, received_at) {
            Some(what) => self.complain(Code::TimeOutOfRange, "time", what),
            None => Ok(Some(time.0)),
        }
    }

    fn domain(&self, kind: &Kind, message: &WireMessage, sources: &Sources) -> Result<Option<String>, Complaint> {
        let said = self.text("picketdomain")?;
        if said.is_some_and(|domain| !is_name(domain)) {
            return self.complain(Code::InvalidName, "picketdomain", "a domain is 1 to 32 of a-z, 0-9, _ and -");
        }
        let exchange = message.exchange.as_deref();
        // The default exchange carries queue names, not keys of this contract.
        let key = message.routing_key.as_deref().filter(|_| exchange != Some(""));
        if exchange.is_some() && kind.is_control() != (exchange == Some(EXCHANGE_CONTROL)) {
            let what = format!("publish {} to the exchange that the contract names for it", kind.name);
            return Err(Complaint::new(Code::ControlOnly, what));
        }
        let routed = match key {
            None => None,
            Some(key) => Some(routed(key, kind, said)?),
        };
        sources.domain(routed.or(said)).map_err(|(code, detail)| Complaint::new(code, detail))
    }

    fn data(&self) -> Result<&'a Value, Complaint> {
        if self.0.attributes.contains_key("data_base64") {
            let what = "data is sent as JSON, not in base 64; send `data`";
            return self.complain(Code::UnsupportedContentType, "data_base64", what);
        }
        if self.text("datacontenttype")?.is_some_and(|media| !is_json(media)) {
            return self.complain(
                Code::UnsupportedContentType,
                "datacontenttype",
                "data is JSON; say application/json",
            );
        }
        match self.0.attributes.get("data") {
            None | Some(Value::Null) => Err(Complaint::new(
                Code::MissingField,
                format!("{}: it is missing; every event has it", self.0.place.data()),
            )),
            Some(data) => Ok(data),
        }
    }

    /// The subject is one of the ids that the data is about, or not said; the hash takes the data's in any case.
    fn subject(&self, body: &dyn Body) -> Result<Option<String>, Complaint> {
        let subjects = body.subjects();
        let said = self.text("subject")?;
        if let Some(said) = said
            && !subjects.is_empty()
            && !subjects.contains(&said)
        {
            return self.complain(
                Code::SubjectMismatch,
                "subject",
                "it is not the id that data is about; send that one",
            );
        }
        Ok(subjects.first().map(|subject| (*subject).to_owned()))
    }
}

/// The domain of a routing key, which must fit type and `picketdomain`.
fn routed<'k>(key: &'k str, kind: &Kind, said: Option<&str>) -> Result<&'k str, Complaint> {
    let Some(key) = InKey::parse(key) else {
        let detail =
            format!("the routing key is not <domain>.<noun>.<verb>; publish with <domain>.{}.{}", kind.noun, kind.verb);
        return Err(Complaint::new(Code::InvalidRoutingKey, detail));
    };
    if key.noun != kind.noun || key.verb != kind.verb {
        let detail =
            format!("the routing key does not fit the type; publish with {}.{}.{}", key.domain, kind.noun, kind.verb);
        return Err(Complaint::new(Code::RoutingKeyMismatch, detail));
    }
    if said.is_some_and(|said| said != key.domain) {
        let detail = "picketdomain and the routing key name different domains; send one";
        return Err(Complaint::new(Code::DomainMismatch, detail));
    }
    Ok(key.domain)
}
