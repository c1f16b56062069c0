//! Decides what the checker believes about the place: told by whoever set it up, never asked of the router.

use std::collections::{BTreeMap, BTreeSet};

/// Channels, agents and teams as they were configured.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Channels by name.
    pub channels: BTreeMap<String, Channel>,
    /// Points of agents that do not have 100.
    pub points: BTreeMap<String, u32>,
    /// Teams by name.
    pub teams: BTreeMap<String, Team>,
}

/// A channel's weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Points that one contact takes of an agent.
    pub cost: u32,
    /// Contacts an agent may have on it at once.
    pub slots: u32,
    /// Channels whose contacts may come on top of this one's, as if these took no points.
    pub interruptible_by: BTreeSet<String>,
    /// `live`, `messaging` or `deferred`: waits are reported by it.
    pub class: String,
}

/// A team and who stands in for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// Its members.
    pub members: BTreeSet<String>,
    /// Teams that stand in.
    pub covers: Vec<String>,
}

/// Where an agent stands to a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A member of the team.
    Team,
    /// A member of a declared cover.
    Cover,
    /// Neither.
    Outside,
}

impl Place {
    /// Where this agent stands to the fence of this team; `None` when the team was not told.
    #[must_use]
    pub fn side(&self, team: &str, agent: &str) -> Option<Side> {
        let own = self.teams.get(team)?;
        if own.members.contains(agent) {
            return Some(Side::Team);
        }
        let covered = own.covers.iter().filter_map(|cover| self.teams.get(cover)).any(|t| t.members.contains(agent));
        Some(if covered { Side::Cover } else { Side::Outside })
    }

    /// The points of an agent.
    #[must_use]
    pub fn points(&self, agent: &str) -> u32 {
        self.points.get(agent).copied().unwrap_or(100)
    }
}
