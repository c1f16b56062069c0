//! Decides how numbers of the core are shown: by their outside names.

use picket_core::{
    AgentId, CalendarId, ChannelId, ContactId, DestinationId, Kind, MatterId, OfferId, QueueId, ReasonId, RoleId,
    SkillId, SourceId, TeamId, ThreadId, Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use crate::contract::value::Moment;
use crate::shard::ShardState;

fn text(state: &ShardState, kind: Kind, number: u32) -> String {
    // Every number was given to a name; one that is shown all the same is better than none.
    state.names.text(kind, number).map_or_else(|| format!("#{number}"), String::from)
}

macro_rules! names {
    ($($(#[$doc:meta])* $function:ident($id:ident), $kind:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $function(state: &ShardState, id: $id) -> String {
            text(state, Kind::$kind, id.0)
        }
    )*};
}

names! {
    agent(AgentId), Agent;
    team(TeamId), Team;
    queue(QueueId), Queue;
    skill(SkillId), Skill;
    channel(ChannelId), Channel;
    matter(MatterId), Matter;
    reason(ReasonId), Reason;
    source(SourceId), Source;
    role(RoleId), Role;
    calendar(CalendarId), Calendar;
    destination(DestinationId), Destination;
}

/// Agents in their order.
pub(super) fn agents(state: &ShardState, ids: impl IntoIterator<Item = AgentId>) -> Vec<String> {
    ids.into_iter().map(|id| agent(state, id)).collect()
}

/// A contact: its id, which is its source's own.
pub(super) fn contact(state: &ShardState, id: ContactId) -> String {
    state.contact_name(id).map_or_else(|| format!("#{}", id.0), |(_, contact)| contact.to_owned())
}

/// A thread: its id, which is its source's own.
pub(super) fn thread(state: &ShardState, id: ThreadId) -> String {
    let whole = text(state, Kind::Thread, id.0);
    whole.split_once(' ').map(|(_, thread)| thread.to_owned()).unwrap_or(whole)
}

/// An offer, as platforms see it.
pub(super) fn offer(id: OfferId) -> String {
    format!("o-{}", id.0)
}

/// A moment in RFC 3339.
pub(super) fn time(at: Timestamp) -> String {
    Moment(at).to_string()
}

/// A value without fields, in the contract's word for it.
pub(super) fn word(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
