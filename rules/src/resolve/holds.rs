//! Decides what a fence policy comes to: the holds of each class and cause, and what happens at the end.

use picket_core::{Bypass, Class, Joining};

use super::Resolver;
use super::place::pick;
use crate::codes::Code;
use crate::defaults;
use crate::finding::{Finding, Place};
use crate::format::{self, CheckName, Exit, FinallySpec, HoldByCause, HoldByClass, HoldSpec, Share, Sp, Wait};
use crate::model::{Finally, HoldWaits, Policy, PolicyStep, StepWho};

impl Resolver<'_> {
    /// The policy with this name, or the built-in one.
    pub(super) fn policy(&mut self, name: Option<&Sp<String>>, file: usize) -> Policy {
        let Some(name) = name else { return built_in() };
        let draft = self.draft;
        let known = draft.policies.iter().map(|policy| policy.name.as_str()).collect();
        self.known("fence policy", name.get(), Place::new(file, name.span()), &known);
        let Some(named) = draft.policies.iter().find(|policy| policy.name == *name.get()) else { return built_in() };
        let mut steps = Vec::with_capacity(named.item.steps.len());
        for step in &named.item.steps {
            steps.push(self.step(step, named.place.file));
        }
        Policy { place: Some(named.place.clone()), steps, finally: finally(&named.item.finally) }
    }

    /// Every declared policy is sound, also one that no team uses.
    pub(super) fn check_policies(&mut self) {
        for named in &self.draft.policies {
            if named.item.steps.is_empty() {
                let finding =
                    Finding::new(Code::BadValue, named.place.clone(), "a fence policy needs at least one step");
                self.find(finding.help("begin with { who = \"lead\" }"));
            }
            if named.item.steps.len() > picket_core::STEPS_LIMIT {
                let message = format!("a fence policy has at most {} steps", picket_core::STEPS_LIMIT);
                self.find(Finding::new(Code::OutOfRange, named.place.clone(), message));
            }
            for step in &named.item.steps {
                self.check_step(step, named.place.file);
            }
        }
    }

    fn check_step(&mut self, step: &Sp<format::PolicyStep>, file: usize) {
        let item = step.get();
        let at = |span| Place::new(file, span);
        self.needs(&item.needs, file);
        if let Some(message) = [Class::Live, Class::Messaging, Class::Deferred]
            .map(|class| unsound(&item.hold, class))
            .into_iter()
            .flatten()
            .next()
        {
            let finding = Finding::new(Code::BadValue, at(step.span()), message);
            self.find(finding.help("write hold.live = { smart = \"40%\", busy = \"3m\" }, or hold = \"smart\""));
        }
        match (item.who, &item.role, &item.agent) {
            (format::StepWho::Team, Some(role), None) if role.get() != "by_topic" => {
                let roles = self.draft.roles.iter().map(|role| role.name.as_str()).collect();
                self.known("role", role.get(), at(role.span()), &roles);
            }
            (format::StepWho::Team, _, None)
            | (format::StepWho::Lead | format::StepWho::Backups | format::StepWho::Covers, None, None) => {}
            (format::StepWho::Agent, None, Some(agent)) => {
                let known = std::mem::take(&mut self.environment.agents);
                self.known("agent", agent.get(), at(agent.span()), &known);
                self.environment.agents = known;
            }
            (format::StepWho::Agent, _, None) => {
                self.find(Finding::new(Code::BadValue, at(step.span()), "`who = \"agent\"` needs agent = \"…\""));
            }
            _ => {
                let message = "`role` goes with `who = \"team\"`, `agent` with `who = \"agent\"`";
                self.find(Finding::new(Code::BadValue, at(step.span()), message));
            }
        }
    }

    fn step(&mut self, step: &Sp<format::PolicyStep>, file: usize) -> PolicyStep {
        let item = step.get();
        let mut needs = Vec::new();
        for (skill, level) in &item.needs {
            needs.push((skill.get().clone(), *level.get(), Place::new(file, skill.span())));
        }
        let mut bypass = Bypass::default();
        for check in &item.bypass {
            match check {
                CheckName::Skill => bypass.skill = true,
                CheckName::Slots => bypass.slots = true,
                CheckName::Hours => bypass.hours = true,
            }
        }
        PolicyStep {
            place: Some(Place::new(file, step.span())),
            who: who(item),
            holds: [Class::Live, Class::Messaging, Class::Deferred].map(|class| holds(&item.hold, class)),
            joining: if item.only { Joining::Only } else { Joining::Widens },
            needs,
            bypass,
            pick: item.pick.map_or(defaults::PICK, pick),
        }
    }
}

fn who(item: &format::PolicyStep) -> StepWho {
    match (item.who, &item.role, &item.agent) {
        (format::StepWho::Agent, _, agent) => {
            StepWho::Agent(agent.as_ref().map(|agent| agent.get().clone()).unwrap_or_default())
        }
        (format::StepWho::Lead, ..) => StepWho::Lead,
        (format::StepWho::Backups, ..) => StepWho::Backups,
        (format::StepWho::Covers, ..) => StepWho::Covers,
        (format::StepWho::Team, Some(role), _) if role.get() == "by_topic" => StepWho::ByTopic,
        (format::StepWho::Team, Some(role), _) => StepWho::Role(role.get().clone()),
        (format::StepWho::Team, None, _) => StepWho::Team,
    }
}

fn holds(hold: &HoldByClass, class: Class) -> HoldWaits {
    let spec = match hold {
        HoldByClass::Default => None,
        HoldByClass::All(wait) => Some(HoldSpec::All(*wait)),
        HoldByClass::Smart => Some(HoldSpec::Smart),
        HoldByClass::Each(classes) => match class {
            Class::Live => classes.live,
            Class::Messaging => classes.messaging.or(classes.live),
            Class::Deferred => classes.deferred,
        },
    };
    let default = defaults::hold(class);
    let causes = match spec {
        None => return defaults::same(default),
        Some(HoldSpec::All(wait)) => return defaults::same(wait),
        Some(HoldSpec::Smart) => HoldByCause { smart: Some(Share(defaults::SMART.into())), ..HoldByCause::default() },
        Some(HoldSpec::Causes(causes)) => causes,
    };
    let none = Wait { span: picket_core::Millis::ZERO, clock: format::Clock::Passing };
    let smart = causes.smart.map(|least| u16::try_from(least.0).unwrap_or(1000));
    HoldWaits {
        busy: causes.busy.unwrap_or(if smart.is_some() { defaults::smart_limit(class) } else { default }),
        away: causes.away.unwrap_or(default),
        absent: causes.absent.unwrap_or(none),
        off_shift: causes.off_shift.unwrap_or(none),
        left: causes.left.unwrap_or(none),
        smart,
    }
}

/// What is wrong with a smart hold.
fn unsound(hold: &HoldByClass, class: Class) -> Option<&'static str> {
    let waits = holds(hold, class);
    let least = waits.smart?;
    if least == 0 {
        return Some("a smart hold that waits for any chance at all is no smart hold");
    }
    if waits.busy.span == picket_core::Millis::ZERO {
        return Some("a smart hold needs a limit: `busy` is 0");
    }
    (waits.busy.clock == format::Clock::Working).then_some("the limit of a smart hold is passing time")
}

fn finally(spec: &FinallySpec) -> Finally {
    let closed_hours = spec.closed_hours.clone().unwrap_or(Exit::Callback);
    Finally {
        busy: spec.busy.clone().unwrap_or(Exit::Open),
        holiday: spec.holiday.clone().unwrap_or_else(|| closed_hours.clone()),
        closed_hours,
        no_cover: spec.no_cover.clone().unwrap_or(Exit::Open),
    }
}

/// The policy of a team that names none: its lead, the team, its covers.
fn built_in() -> Policy {
    let step = |who| PolicyStep {
        place: None,
        who,
        holds: [Class::Live, Class::Messaging, Class::Deferred].map(|class| defaults::same(defaults::hold(class))),
        joining: Joining::Widens,
        needs: Vec::new(),
        bypass: Bypass::default(),
        pick: defaults::PICK,
    };
    let steps = vec![step(StepWho::Lead), step(StepWho::Team), step(StepWho::Covers)];
    Policy { place: None, steps, finally: finally(&FinallySpec::default()) }
}
