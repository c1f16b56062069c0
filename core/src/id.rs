//! Decides how things are numbered: dense indices in the order of first journaled appearance.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The position this id has in a dense table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A contact: one customer request on any channel. Never reused.
    ContactId(u32);
    /// A person who handles contacts.
    AgentId(u32);
    /// A dedicated team.
    TeamId(u32);
    /// A queue of efficiency routing.
    QueueId(u32);
    /// A skill that agents have at a level.
    SkillId(u32);
    /// A channel: voice, chat, e-mail, anything a platform names.
    ChannelId(u32);
    /// A customer, by the keyed hash of their id.
    CustomerId(u32);
    /// What several contacts of an account are about.
    MatterId(u32);
    /// An open conversation that several contacts belong to.
    ThreadId(u32);
    /// A reason code of `not_ready` or of an absence.
    ReasonId(u32);
    /// A platform that sends and receives.
    SourceId(u32);
    /// A role inside a team (`service`, `sales`).
    RoleId(u32);
    /// A set of working hours, compiled to UTC windows.
    CalendarId(u32);
    /// Where a diverted contact goes, in the platform's own words.
    DestinationId(u32);
}

/// One offer of one contact to one agent, counted from 1 over the life of the shard. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferId(pub u64);
