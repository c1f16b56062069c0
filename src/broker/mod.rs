//! Decides how messages come in and go out: `embedded` inside the process, `rabbitmq` over a broker.

pub mod embedded;
pub mod rabbitmq;

use crate::shard::ports::BrokerError;

/// An error of a broker that is away, with the attempt it spoiled.
pub(crate) fn unavailable(
    attempt: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> BrokerError {
    BrokerError::Unavailable { attempt, source: source.into() }
}
