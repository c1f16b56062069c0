//! Decides how available agents are kept: in ordered sets, so that an arrival looks at a few heads.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Router;
use super::line::Sorted;
use super::state::Agent;
use crate::{AgentId, ChannelId, Pick, QueueId, TeamId, Timestamp};

/// A set of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Pool {
    /// Everybody who serves a queue, whatever their state.
    Staff(QueueId),
    /// Those of a queue who could take one more on a channel: its own agents, then those lent.
    Free(QueueId, ChannelId, Tie),
    /// Those of a team who could take one more on a channel.
    Idle(TeamId, ChannelId),
}

/// How an agent belongs to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Tie {
    /// It is one of her own.
    Own,
    /// A team lends her to it.
    Lent,
}

/// An agent's place in a pool: by the queue's way of choosing, then idle longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PoolEntry {
    pub(crate) pool: Pool,
    pub(crate) rank: u64,
    pub(crate) idle: Timestamp,
}

/// All pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pools {
    sets: BTreeMap<PoolKey, Sorted<(u64, Timestamp, AgentId)>>,
}

/// A pool as one number, in the order of pools: what the map is searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct PoolKey(u128);

impl Pool {
    fn key(self) -> PoolKey {
        let (family, whose, channel, tie) = match self {
            Self::Staff(queue) => (0, queue.0, 0, Tie::Own),
            Self::Free(queue, channel, tie) => (1, queue.0, channel.0, tie),
            Self::Idle(team, channel) => (2, team.0, channel.0, Tie::Own),
        };
        PoolKey(family << 96 | u128::from(whose) << 64 | u128::from(channel) << 32 | tie as u128)
    }
}

impl Pools {
    fn insert(&mut self, entry: PoolEntry, agent: AgentId) {
        self.sets.entry(entry.pool.key()).or_default().insert((entry.rank, entry.idle, agent));
    }

    fn remove(&mut self, entry: PoolEntry, agent: AgentId) {
        if let Some(set) = self.sets.get_mut(&entry.pool.key()) {
            set.remove(&(entry.rank, entry.idle, agent));
        }
    }

    /// The agents of a pool in its order.
    pub(crate) fn agents(&self, pool: Pool) -> impl Iterator<Item = AgentId> {
        self.sets.get(&pool.key()).into_iter().flatten().map(|(_, _, agent)| *agent)
    }

    /// How many are in a pool.
    pub(crate) fn len(&self, pool: Pool) -> u32 {
        self.sets.get(&pool.key()).map_or(0, |set| u32::try_from(set.len()).unwrap_or(u32::MAX))
    }
}

/// Whether a change may have made an agent available for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gain {
    Possible,
    None,
}

impl Router {
    /// Puts an agent into the pools she belongs to now. The only writer of pools.
    pub(crate) fn reindex(&mut self, id: AgentId, gain: Gain) {
        let Some(agent) = self.agents.get(id.index()) else { return };
        let wanted = self.pools_of(agent);
        let Some(agent) = self.agents.get_mut(id.index()) else { return };
        if agent.pooled[..] != wanted[..] {
            let before: SmallVec<[PoolEntry; 12]> = SmallVec::from_slice(&agent.pooled);
            agent.pooled.clear();
            agent.pooled.extend_from_slice(&wanted);
            for entry in before.iter().filter(|entry| wanted.binary_search(entry).is_err()) {
                self.pools.remove(*entry, id);
            }
            for entry in wanted.iter().filter(|entry| before.binary_search(entry).is_err()) {
                self.pools.insert(*entry, id);
                self.note_idle(entry.pool);
            }
        }
        if gain == Gain::Possible {
            self.work.agents.insert(id);
        }
        self.stir_smart(id);
        self.arm_agent(id);
    }

    /// One more idle member may have lifted a whole team above its reserve.
    fn note_idle(&mut self, pool: Pool) {
        let Pool::Idle(team, _) = pool else { return };
        let Some(spec) = self.teams.get(team.index()).map(|team| &team.spec) else { return };
        if spec.reserve > 0 && self.pools.len(pool) == spec.reserve.saturating_add(1) {
            self.work.agents.extend(self.pools.agents(pool));
        }
    }

    fn pools_of(&self, agent: &Agent) -> SmallVec<[PoolEntry; 12]> {
        let mut wanted = SmallVec::new();
        if agent.removed {
            return wanted;
        }
        let ties = self.ties(agent);
        for (queue, _) in &ties {
            wanted.push(PoolEntry { pool: Pool::Staff(*queue), rank: 0, idle: Timestamp(0) });
        }
        for (index, _) in self.channels.iter() {
            let channel = ChannelId(u32::try_from(index).unwrap_or(u32::MAX));
            if !self.is_free(agent, channel) {
                continue;
            }
            let idle = agent.idle_since(channel);
            for (queue, tie) in &ties {
                let rank = self.rank(agent, *queue);
                wanted.push(PoolEntry { pool: Pool::Free(*queue, channel, *tie), rank, idle });
            }
            for team in &agent.teams {
                wanted.push(PoolEntry { pool: Pool::Idle(*team, channel), rank: 0, idle });
            }
        }
        wanted.sort_unstable();
        wanted
    }

    /// The queues an agent serves, each once.
    fn ties(&self, agent: &Agent) -> SmallVec<[(QueueId, Tie); 8]> {
        let mut ties: SmallVec<[(QueueId, Tie); 8]> =
            agent.spec.queues.iter().map(|queue| (*queue, Tie::Own)).collect();
        for team in agent.teams.iter().filter_map(|team| self.teams.get(team.index())) {
            ties.extend(team.spec.lends_to.iter().map(|queue| (*queue, Tie::Lent)));
        }
        ties.sort_unstable();
        ties.dedup_by_key(|(queue, _)| *queue);
        ties
    }

    /// An agent's rank by a queue's way of choosing; the idle time breaks ties.
    fn rank(&self, agent: &Agent, queue: QueueId) -> u64 {
        let pick = self.queues.get(queue.index()).map_or(Pick::LongestIdle, |queue| queue.spec.pick);
        self.pick_rank(agent, pick, &[])
    }
}
