//! Decides what goes over the wire: messages, their envelope, limits, codes and schemas.

pub mod answer;
pub mod code;
mod data;
mod decode;
mod envelope;
mod event;
mod headers;
pub mod inbound;
mod json;
pub mod limits;
pub mod outbound;
pub mod routing_key;
pub mod schema;
mod sources;
pub mod split;
mod suggest;
pub mod value;
pub mod wire;

pub use code::Code;
pub use decode::decode;
pub use envelope::{Envelope, Refusal};
pub use inbound::Inbound;
pub use limits::Limits;
pub use outbound::Outbound;
pub use sources::{SourceConfig, Sources, SourcesError};
