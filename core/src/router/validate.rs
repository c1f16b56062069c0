//! Decides whether a plan or a definition can be taken at all.

use super::Router;
use crate::{
    Calendar, ChannelSpec, Hold, Plan, QueueOrder, QueueSpec, Rejection, Step, TeamSpec, Who, Window, WorldChange,
};

/// Steps of a plan, at most.
pub const STEPS_LIMIT: usize = 16;

/// Points of a `due` curve, at most.
const CURVE_LIMIT: usize = 8;

/// Cost of a channel, and points of an agent, at most.
const POINTS_LIMIT: u32 = 1_000_000;

impl Router {
    /// Refuses a plan that has no steps, too many, or names a queue or calendar that is not known.
    pub(super) fn check_plan(&self, plan: &Plan) -> Result<(), Rejection> {
        let bounded = (1..=STEPS_LIMIT).contains(&plan.steps.len());
        let timed = plan.promise.within.0 > 0 && plan.offer.expires.0 > 0;
        let known = self.queues.get(plan.queue.index()).is_some();
        let held = plan.steps.iter().all(|step| {
            let [busy, rest @ ..] = holds(step);
            let smart = |hold: &Hold| matches!(hold, Hold::Smart(..));
            !rest.iter().any(smart)
                && Self::is_sound(step.who, busy)
                && rest.into_iter().all(|hold| Self::is_sound(step.who, hold))
        });
        let counted = plan.steps.iter().flat_map(holds).all(|hold| match hold {
            Hold::Working(_, calendar) => self.hours.get(calendar.index()).is_some(),
            Hold::For(_) | Hold::Smart(..) => true,
        });
        if !counted {
            return Err(Rejection::UnknownCalendar);
        }
        if bounded && timed && known && held { Ok(()) } else { Err(Rejection::BadPlan) }
    }

    /// Whether a hold can be counted. A queue has too many people for a smart one.
    const fn is_sound(who: Who, hold: Hold) -> bool {
        match hold {
            Hold::For(_) | Hold::Working(..) => true,
            Hold::Smart(_, least) => !matches!(who, Who::Queue) && least >= 1 && least <= 1000,
        }
    }

    /// Refuses a definition that contradicts itself, and the removal of what is not there.
    pub(super) fn check_change(&self, change: &WorldChange) -> Result<(), Rejection> {
        let sound = match change {
            WorldChange::PutCalendar(_, calendar) => is_sorted(calendar),
            WorldChange::PutChannel(_, channel) => is_bounded(channel),
            WorldChange::PutAgent(_, agent) => agent.points <= POINTS_LIMIT,
            WorldChange::PutTeam(id, team) => !team.covers.contains(id) && is_dated(team),
            WorldChange::PutQueue(_, queue) => is_ordered(queue),
            WorldChange::RemoveAgent(id) => {
                return self.live_agent(*id).map(|_| ()).ok_or(Rejection::UnknownAgent);
            }
            WorldChange::RemoveTeam(id) => {
                let team = self.teams.get(id.index()).filter(|team| !team.removed);
                return team.map(|_| ()).ok_or(Rejection::UnknownTeam);
            }
        };
        if sound { Ok(()) } else { Err(Rejection::BadDefinition) }
    }
}

fn holds(step: &Step) -> [Hold; 5] {
    let holds = step.holds;
    [holds.busy, holds.away, holds.absent, holds.off_shift, holds.left]
}

fn is_sorted(calendar: &Calendar) -> bool {
    are_sorted(&calendar.windows) && are_sorted(&calendar.holidays)
}

fn are_sorted(windows: &[Window]) -> bool {
    windows.iter().all(|window| window.from < window.to)
        && windows.windows(2).all(|pair| matches!(pair, [one, next] if one.to <= next.from))
}

fn is_bounded(channel: &ChannelSpec) -> bool {
    channel.cost <= POINTS_LIMIT && channel.slots > 0
}

fn is_dated(team: &TeamSpec) -> bool {
    team.members.iter().all(|member| match (member.from, member.until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    })
}

fn is_ordered(queue: &QueueSpec) -> bool {
    let widens = queue.widen.len() < usize::from(u8::MAX)
        && queue.widen.windows(2).all(|pair| matches!(pair, [one, next] if one.after <= next.after));
    let curve = match &queue.order {
        QueueOrder::Due(points) => {
            !points.is_empty()
                && points.len() <= CURVE_LIMIT
                && points.windows(2).all(|pair| matches!(pair, [one, next] if one.0 < next.0 && one.1 <= next.1))
        }
        QueueOrder::Promise | QueueOrder::Fifo => true,
    };
    let floor = queue.floor.is_none_or(|floor| floor.share_permille <= 1000 && floor.over.0 > 0);
    widens && curve && floor
}
