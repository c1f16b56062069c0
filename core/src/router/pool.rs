//! Decides how available agents are kept: in ordered sets, so that an arrival looks at a few heads.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Router;
use super::line::Sorted;
use super::state::Agent;
use super::table::Table;
use crate::{AgentId, ChannelId, QueueId, TeamId, Timestamp};

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

/// Agents in the order of a pool: by rank, then idle longest.
type Members = Sorted<(u64, Timestamp, AgentId)>;

/// All pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pools {
    staff: Table<Members>,
    /// By queue; then by channel, twice: its own agents and those lent.
    free: Table<Vec<Members>>,
    /// By team, then by channel.
    idle: Table<Vec<Members>>,
}

impl Pools {
    fn get(&self, pool: Pool) -> Option<&Members> {
        match pool {
            Pool::Staff(queue) => self.staff.get(queue.index()),
            Pool::Free(queue, channel, tie) => self.free.get(queue.index())?.get(channel.index() * 2 + tie as usize),
            Pool::Idle(team, channel) => self.idle.get(team.index())?.get(channel.index()),
        }
    }

    fn get_or_default(&mut self, pool: Pool) -> Option<&mut Members> {
        let (row, number) = match pool {
            Pool::Staff(queue) => return self.staff.get_or_default(queue.index()),
            Pool::Free(queue, channel, tie) => {
                (self.free.get_or_default(queue.index())?, channel.index() * 2 + tie as usize)
            }
            Pool::Idle(team, channel) => (self.idle.get_or_default(team.index())?, channel.index()),
        };
        if row.len() <= number {
            row.resize_with(number + 1, Members::default);
        }
        row.get_mut(number)
    }

    fn insert(&mut self, entry: PoolEntry, agent: AgentId) {
        if let Some(members) = self.get_or_default(entry.pool) {
            members.insert((entry.rank, entry.idle, agent));
        }
    }

    fn remove(&mut self, entry: PoolEntry, agent: AgentId) {
        if let Some(members) = self.get_or_default(entry.pool) {
            members.remove(&(entry.rank, entry.idle, agent));
        }
    }

    /// The agents of a pool in its order.
    pub(crate) fn agents(&self, pool: Pool) -> impl Iterator<Item = AgentId> {
        self.get(pool).into_iter().flatten().map(|(_, _, agent)| *agent)
    }

    /// How many are in a pool.
    pub(crate) fn len(&self, pool: Pool) -> u32 {
        self.get(pool).map_or(0, |members| u32::try_from(members.len()).unwrap_or(u32::MAX))
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

    /// The pools an agent belongs to now, in their order.
    fn pools_of(&self, agent: &Agent) -> SmallVec<[PoolEntry; 12]> {
        let mut wanted = SmallVec::new();
        if agent.removed {
            return wanted;
        }
        let channels = self.channels.iter().map(|(index, _)| ChannelId(u32::try_from(index).unwrap_or(u32::MAX)));
        let free = channels.filter(|channel| self.is_free(agent, *channel));
        let free: SmallVec<[(ChannelId, Timestamp); 6]> =
            free.map(|channel| (channel, agent.idle_since(channel))).collect();
        let ties = self.ties(agent);
        for (queue, _) in &ties {
            wanted.push(PoolEntry { pool: Pool::Staff(*queue), rank: 0, idle: Timestamp(0) });
        }
        if free.is_empty() {
            return wanted;
        }
        for (queue, tie) in &ties {
            let rank = self.rank(agent, *queue);
            let of_queue = free.iter().map(|(channel, idle)| (Pool::Free(*queue, *channel, *tie), *idle));
            wanted.extend(of_queue.map(|(pool, idle)| PoolEntry { pool, rank, idle }));
        }
        for team in &agent.teams {
            let of_team = free.iter().map(|(channel, idle)| (Pool::Idle(*team, *channel), *idle));
            wanted.extend(of_team.map(|(pool, idle)| PoolEntry { pool, rank: 0, idle }));
        }
        debug_assert!(wanted.is_sorted(), "queues, teams and channels are walked in their order");
        wanted
    }

    /// The queues an agent serves, each once.
    fn ties(&self, agent: &Agent) -> SmallVec<[(QueueId, Tie); 8]> {
        let mut ties: SmallVec<[(QueueId, Tie); 8]> =
            agent.spec.queues.iter().map(|queue| (*queue, Tie::Own)).collect();
        for team in agent.teams.iter().filter_map(|team| self.teams.get(team.index())) {
            ties.extend(team.lends_to().map(|queue| (queue, Tie::Lent)));
        }
        ties.sort_unstable();
        ties.dedup_by_key(|(queue, _)| *queue);
        ties
    }

    /// An agent's rank by a queue's way of choosing; the idle time breaks ties.
    fn rank(&self, agent: &Agent, queue: QueueId) -> u64 {
        let spec = self.queues.get(queue.index()).map(|queue| &queue.spec);
        spec.map_or(0, |spec| self.pick_rank(agent, spec.pick, &spec.needs))
    }
}
