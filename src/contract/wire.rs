//! Decides what a message is before it is understood: bytes, properties and headers, whatever carried them.

use bytes::Bytes;

/// A message as it crossed the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireMessage {
    /// The body, at most as long as the limits say once it is decoded.
    pub body: Bytes,
    /// `content-type` of HTTP or AMQP.
    pub content_type: Option<String>,
    /// Headers whose names are in lower case for HTTP and as sent for AMQP.
    pub headers: Vec<(String, HeaderValue)>,
    /// The exchange it was published to; none over HTTP.
    pub exchange: Option<String>,
    /// The routing key; none over HTTP.
    pub routing_key: Option<String>,
    /// AMQP `message-id`.
    pub message_id: Option<String>,
    /// AMQP `correlation-id`.
    pub correlation_id: Option<String>,
    /// Where the sender wants its answer; AMQP `reply-to`.
    pub reply_to: Option<String>,
    /// Who the broker, or the HTTP token, vouches sent it.
    pub user: Option<String>,
    /// How often it was delivered before (`x-delivery-count`).
    pub deliveries: u32,
    /// Whether another shard of this installation forwarded it, which may stand in the name of its sender.
    pub forwarded: bool,
}

/// A header's value. Only text means something to the contract; the rest is named by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// Text.
    Text(String),
    /// Anything else, by the name of its AMQP type.
    Other(&'static str),
}

/// A message to be published, with everything a broker or a feed needs.
#[derive(Clone, Debug, PartialEq)]
pub struct OutMessage {
    /// Counts the shard's outputs from 1, without gaps.
    pub number: u64,
    /// The journal sequence it comes from; the watermark moves in these.
    pub seq: u64,
    /// The output id: never changes on re-publication.
    pub id: String,
    /// The CloudEvents type, `picket.offer.made.v1`.
    pub kind: &'static str,
    /// `<domain>.<noun>.<verb>.<channel>[.<agent>]`.
    pub routing_key: String,
    /// The contact it is about, for `correlation-id`.
    pub contact: Option<String>,
    /// The agent it is for, for filters.
    pub agent: Option<String>,
    /// The domain, for filters.
    pub domain: String,
    /// The event in structured mode (`application/cloudevents+json`).
    pub body: Bytes,
}
