//! Decides the steps of a plan and its end: a policy's people and holds, for this channel and this contact.

use picket_core::{
    AgentId, Bypass, CalendarId, Class, DestinationId, ExitAction, Finally, Hold, Holds, Joining, Kind, Millis, Names,
    Pick, QueueId, RoleId, Step, Who,
};

use super::{Error, found, need};
use crate::expr::Scope;
use crate::format::{Clock, Exit, Wait};
use crate::model::{Channel, PolicyStep, Queue, RuleSet, StepWho, Team};

/// The only step of an unfenced plan. Its hold is the longest wait: until then somebody may become free.
pub(super) fn queue_step(channel: &Channel, pick: Pick) -> Step {
    let hold = Hold::For(channel.longest.unwrap_or(Millis(u32::MAX)));
    Step {
        who: Who::Queue,
        holds: Holds::all(hold),
        joining: Joining::Widens,
        needs: Vec::new(),
        bypass: Bypass::default(),
        pick,
    }
}

impl RuleSet {
    /// The steps of a fenced plan. The queue is none of them: an opened fence leads there.
    pub(super) fn fenced_steps(
        &self,
        team: &Team,
        channel: &Channel,
        scope: &Scope<'_>,
        names: &Names,
    ) -> Result<Vec<Step>, Error> {
        let calendar = self.team_calendar_name(team).and_then(|name| names.find(Kind::Calendar, &name)).map(CalendarId);
        team.policy.steps.iter().map(|step| self.fenced_step(step, channel.class, calendar, scope, names)).collect()
    }

    fn fenced_step(
        &self,
        step: &PolicyStep,
        class: Class,
        calendar: Option<CalendarId>,
        scope: &Scope<'_>,
        names: &Names,
    ) -> Result<Step, Error> {
        let role = |name: &str| found(names, Kind::Role, name).map(|role| Who::Team(Some(RoleId(role))));
        let who = match &step.who {
            StepWho::Agent(agent) => Who::Agent(AgentId(found(names, Kind::Agent, agent)?)),
            StepWho::Lead => Who::Lead,
            StepWho::Backups => Who::Backups,
            StepWho::Covers => Who::Covers,
            StepWho::Team => Who::Team(None),
            StepWho::Role(name) => role(name)?,
            StepWho::ByTopic => match self.roles.iter().find(|role| role.when.holds(scope)) {
                Some(answers) => role(&answers.name)?,
                None => Who::Team(None),
            },
        };
        let waits = step.holds(class);
        let hold = |wait: Wait| match (wait.clock, calendar) {
            (Clock::Working, Some(calendar)) => Hold::Working(wait.span, calendar),
            (Clock::Working, None) | (Clock::Passing, _) => Hold::For(wait.span),
        };
        Ok(Step {
            who,
            holds: Holds {
                busy: waits.smart.map_or_else(|| hold(waits.busy), |least| Hold::Smart(waits.busy.span, least)),
                away: hold(waits.away),
                absent: hold(waits.absent),
                off_shift: hold(waits.off_shift),
                left: hold(waits.left),
            },
            joining: step.joining,
            needs: step.needs.iter().map(|(skill, level, _)| need(names, skill, *level)).collect::<Result<_, _>>()?,
            bypass: step.bypass,
            pick: step.pick,
        })
    }

    /// What happens at the end: the policy's word for a fenced contact, the queue's for another.
    pub(super) fn finally(
        &self,
        fence: Option<&Team>,
        queue: &Queue,
        channel: &Channel,
        names: &Names,
    ) -> Result<Finally, Error> {
        let stated = fence.map_or_else(|| queue_finally(queue, channel), |team| team.policy.finally.clone());
        Ok(Finally {
            busy: exit(&stated.busy, names)?,
            closed_hours: exit(&stated.closed_hours, names)?,
            holiday: exit(&stated.holiday, names)?,
            no_cover: exit(&stated.no_cover, names)?,
        })
    }
}

/// The end of an unfenced plan, with the defaults of the channel's class.
pub(crate) fn queue_finally(queue: &Queue, channel: &Channel) -> crate::model::Finally {
    let overflow = queue.limit.as_ref().map(|(_, _, then)| then.clone());
    let by_class = if channel.class == Class::Live { Exit::Callback } else { Exit::Stay };
    let busy = queue.finally.busy.clone().or(overflow).unwrap_or(by_class);
    let closed_hours = queue.finally.closed_hours.clone().unwrap_or_else(|| queue.closed.clone());
    crate::model::Finally {
        no_cover: queue.finally.no_cover.clone().unwrap_or_else(|| busy.clone()),
        holiday: queue.finally.holiday.clone().unwrap_or_else(|| closed_hours.clone()),
        busy,
        closed_hours,
    }
}

/// An exit by its numbers.
pub(crate) fn exit(exit: &Exit, names: &Names) -> Result<ExitAction, Error> {
    Ok(match exit {
        Exit::Stay => ExitAction::Stay,
        Exit::Open => ExitAction::Open,
        Exit::Callback => ExitAction::Callback,
        Exit::Divert(to) => ExitAction::Divert(DestinationId(found(names, Kind::Destination, to)?)),
        Exit::Overflow(to) => ExitAction::Overflow(QueueId(found(names, Kind::Queue, to)?)),
    })
}
