//! Decides what goes over the wire: messages, their envelope, limits, codes and schemas.

pub mod answer;
pub mod wire;
