//! Decides how large anything a sender says may be.

/// The limits of the contract; each has a code of its own.
#[derive(Clone, Copy, Debug)]
pub struct Limits;

impl Limits {
    /// Bytes in the body of one message, a whole batch included; above it `message_too_large`.
    pub const MESSAGE_BYTES: usize = 256 * 1024;
    /// Levels of nested objects and arrays in one event, the event itself included; above it `too_deep`.
    pub const DEPTH: usize = 16;
    /// Entries in one open map (`attributes`, `skills`, `aliases`); above it `too_many_attributes`.
    pub const ATTRIBUTES: usize = 64;
    /// Bytes in one text or name of a field; above it `text_too_long`.
    pub const TEXT_BYTES: usize = 1024;
    /// Printable ASCII bytes in an id, at least one; outside it `invalid_id`.
    pub const ID_BYTES: usize = 128;
    /// Characters of a domain or a channel, at least one of `[a-z0-9_-]`; outside it `invalid_name`.
    pub const NAME_BYTES: usize = 32;
    /// Events in one batch; above it `batch_too_large`.
    pub const BATCH_EVENTS: usize = 1000;
    /// Entries in one list of a message (channels, queues, addresses, live contacts); above it `list_too_long`.
    pub const LIST: usize = 5000;
    /// How far in the past a time may lie, ten years; before it `time_out_of_range`.
    pub const PAST_MS: i64 = 3653 * 86_400_000;
    /// How far ahead of receipt an event may say it happened, a day; after it `time_out_of_range`.
    pub const AHEAD_MS: i64 = 86_400_000;
    /// How far ahead a time inside `data` may lie (a call-back, an absence), two years.
    pub const PLANNED_MS: i64 = 731 * 86_400_000;
    /// The first moment a clock may be driven to: 1970-01-01.
    pub const CLOCK_FIRST_MS: i64 = 0;
    /// The first moment a clock may no longer be driven to: 2200-01-01.
    pub const CLOCK_END_MS: i64 = 7_258_118_400_000;
    /// Bytes of `reply_to` and `correlation_id`, as AMQP bounds them.
    pub const PROPERTY_BYTES: usize = 255;
    /// Bytes of the agent's segment of a routing key, above which it is hashed.
    pub const SEGMENT_BYTES: usize = 80;
}
