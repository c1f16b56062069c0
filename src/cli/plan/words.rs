//! Decides how a plan is said: who, how long, what then, and why.

use std::fmt;

use picket_core::{
    ExitAction, Hold, Holds, Joining, Kind, Millis, Names, Need, OfferMode, PromisedBy, Step, Timestamp, Who,
};
use picket_rules::facts::Facts;
use picket_rules::plan::{RuleStage, StageTrace};
use picket_rules::{Alarm, Planned, RuleSet};
use serde_json::{Value, json};

/// A plan, and what its numbers mean.
pub(super) struct Words<'a> {
    pub(super) set: &'a RuleSet,
    pub(super) names: &'a Names,
    pub(super) facts: &'a Facts,
    pub(super) planned: &'a Planned,
    pub(super) at: Timestamp,
}

impl Words<'_> {
    fn name(&self, kind: Kind, number: u32) -> &str {
        self.names.text(kind, number).unwrap_or("?")
    }

    fn who(&self, step: &Step) -> String {
        let team = self.planned.plan.fence.map(|team| self.name(Kind::Team, team.0));
        match step.who {
            Who::Agent(agent) => self.name(Kind::Agent, agent.0).to_owned(),
            Who::Lead => {
                let named = self.planned.plan.lead.map(|agent| self.name(Kind::Agent, agent.0));
                let first = team.and_then(|team| self.set.members(team).next());
                format!("lead ({})", named.or(first).unwrap_or("none"))
            }
            Who::Backups => "backups, by rank".to_owned(),
            Who::Team(None) => "the whole team".to_owned(),
            Who::Team(Some(role)) => format!("team, role {}", self.name(Kind::Role, role.0)),
            Who::Covers => {
                let covers: Vec<&str> = team.into_iter().flat_map(|team| self.set.covers(team)).collect();
                format!("covers ({})", if covers.is_empty() { "none".to_owned() } else { covers.join(", ") })
            }
            Who::Queue => format!("queue {}", self.name(Kind::Queue, self.planned.plan.queue.0)),
        }
    }

    fn exit(&self, action: ExitAction) -> String {
        match action {
            ExitAction::Stay => "stay".to_owned(),
            ExitAction::Open => "open".to_owned(),
            ExitAction::Callback => "callback".to_owned(),
            ExitAction::Overflow(to) => format!("overflow:{}", self.name(Kind::Queue, to.0)),
            ExitAction::Divert(to) => format!("divert:{}", self.name(Kind::Destination, to.0)),
        }
    }

    fn needs(&self, needs: &[Need]) -> String {
        let need = |need: &Need| format!("{} {}", self.name(Kind::Skill, need.skill.0), need.level.0);
        let needs: Vec<String> = needs.iter().map(need).collect();
        if needs.is_empty() { "nothing special".to_owned() } else { needs.join(", ") }
    }

    /// The plan for machines, with names instead of numbers.
    pub(super) fn json(&self) -> Value {
        let plan = &self.planned.plan;
        let step = |step: &Step| {
            json!({
                "who": self.who(step),
                "hold": hold_words(&step.holds),
                "only": step.joining == Joining::Only,
                "needs": self.needs(&step.needs),
            })
        };
        let finally = &plan.finally;
        json!({
            "rules": self.set.hash(),
            "at_ms": self.at.0,
            "domain": self.planned.domain,
            "team": self.planned.team,
            "fence": plan.fence.map(|team| self.name(Kind::Team, team.0)),
            "queue": self.name(Kind::Queue, plan.queue.0),
            "lead": plan.lead.map(|agent| self.name(Kind::Agent, agent.0)),
            "urgency": plan.urgency,
            "promise": { "within_ms": plan.promise.within.0, "by": plan.promise.by },
            "needs": self.needs(&plan.needs),
            "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
            "finally": {
                "busy": self.exit(finally.busy),
                "closed_hours": self.exit(finally.closed_hours),
                "holiday": self.exit(finally.holiday),
                "no_cover": self.exit(finally.no_cover),
            },
            "longest_ms": plan.longest.map(|longest| longest.0),
            "valued": self.planned.valued,
            "alarms": self.planned.alarms,
            "trace": self.planned.trace,
            "plan": plan,
        })
    }

    fn entitlement(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.planned.plan;
        let fence = plan.fence.map_or("none", |team| self.name(Kind::Team, team.0));
        writeln!(f, "fence     {fence}")?;
        writeln!(f, "queue     {}", self.name(Kind::Queue, plan.queue.0))?;
        writeln!(f, "urgency   {}", format!("{:?}", plan.urgency).to_lowercase())?;
        let by = match plan.promise.by {
            PromisedBy::Lead => "by the lead",
            PromisedBy::Team => "by the team",
            PromisedBy::Anyone => "by anyone able",
        };
        writeln!(f, "promise   within {}, {by}", span(plan.promise.within))?;
        writeln!(f, "needs     {}", self.needs(&plan.needs))?;
        let mode = match plan.offer.mode {
            OfferMode::One => "one agent at a time",
            OfferMode::All => "everybody at once",
            OfferMode::Auto => "assigned without asking",
        };
        writeln!(f, "offer     {mode}, for {}", span(plan.offer.expires))?;
        writeln!(f, "longest   {}", plan.longest.map_or("no limit".to_owned(), span))?;
        let valued = self.planned.valued;
        let known = self.facts.customer.is_some() || self.facts.account.is_some();
        match (known, valued.valued) {
            (false, _) => writeln!(f, "customer  unknown"),
            (true, true) => writeln!(f, "customer  valued, {} points", valued.score),
            (true, false) => writeln!(f, "customer  not valued, {} points", valued.score),
        }
    }

    fn steps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.planned.plan;
        writeln!(f, "\nsteps")?;
        for (number, step) in (1..).zip(&plan.steps) {
            let only = if step.joining == Joining::Only { ", instead of those before" } else { "" };
            writeln!(f, "  {number}  {:<24} {}{only}", self.who(step), hold_words(&step.holds))?;
        }
        let finally = &plan.finally;
        writeln!(
            f,
            "  then  busy: {}; closed hours: {}; holiday: {}; no cover: {}",
            self.exit(finally.busy),
            self.exit(finally.closed_hours),
            self.exit(finally.holiday),
            self.exit(finally.no_cover)
        )
    }

    fn stage(&self, stage: &StageTrace, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, otherwise) = match stage.stage {
            RuleStage::Team => ("whose customer", "nobody's"),
            RuleStage::Classify => ("classify", "nothing matched"),
            RuleStage::Fence => ("fence", "no rule matched: none"),
            RuleStage::Queue => ("queue", "no rule matched"),
        };
        writeln!(f, "  {title}")?;
        if stage.by_directory {
            let team = self.planned.team.as_deref().unwrap_or("?");
            return writeln!(f, "    + the directory names the team {team}");
        }
        for tried in &stage.tried {
            let Some(rule) = self.set.rule(stage.stage, tried.rule) else { continue };
            let failed = tried.failed.and_then(|clause| rule.clauses.get(usize::try_from(clause).ok()?));
            match failed {
                Some(clause) => writeln!(f, "    - {}: not so: {clause}", rule.name)?,
                None => writeln!(f, "    + {}", rule.name)?,
            }
        }
        if stage.tried.iter().all(|tried| tried.failed.is_some()) {
            writeln!(f, "    = {otherwise}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.set.hash().get(..12).unwrap_or_default();
        let moment = chrono::DateTime::from_timestamp_millis(self.at.0).unwrap_or_default();
        writeln!(f, "rules {hash}, domain {}, {}\n", self.planned.domain, moment.format("%A %Y-%m-%d %H:%M:%S UTC"))?;
        self.entitlement(f)?;
        self.steps(f)?;
        writeln!(f, "\nwhy")?;
        for stage in &self.planned.trace.stages {
            self.stage(stage, f)?;
        }
        for alarm in &self.planned.alarms {
            writeln!(f, "\nlook at this: {}", alarm_words(alarm))?;
        }
        Ok(())
    }
}

fn alarm_words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::FencedWithoutTeam => "a rule entitles this customer to their own team, and they have none".to_owned(),
        Alarm::UnknownTeam(team) => format!("the directory names the team {team}, which the rules do not define"),
        Alarm::UnknownLead(lead) => format!("the directory names the lead {lead}, whom nobody knows"),
        Alarm::UnknownChannel(channel) => format!("the channel {channel} is not configured: [channel.default] holds"),
        Alarm::UnknownTopic => "the topic is not declared".to_owned(),
    }
}

/// A hold in words: one duration where all causes share it.
fn hold_words(holds: &Holds) -> String {
    let hold = |hold: Hold| match hold {
        Hold::For(Millis(u32::MAX)) => "without limit".to_owned(),
        Hold::For(wait) => span(wait),
        Hold::Smart(wait, least) => {
            format!("at most {} (smart: while the chance is {}.{} %)", span(wait), least / 10, least % 10)
        }
        Hold::Working(wait, _) => format!("{} of working time", span(wait)),
    };
    let causes = [
        ("busy", holds.busy),
        ("away", holds.away),
        ("absent", holds.absent),
        ("off shift", holds.off_shift),
        ("left", holds.left),
    ];
    if causes.iter().all(|(_, other)| *other == holds.busy) {
        return hold(holds.busy);
    }
    let causes: Vec<String> = causes.iter().map(|(cause, wait)| format!("{cause} {}", hold(*wait))).collect();
    causes.join(", ")
}

fn span(span: Millis) -> String {
    match span.0 {
        ms if ms % 1000 != 0 => format!("{ms} ms"),
        ms if ms >= 3_600_000 && ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms >= 60_000 && ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms => format!("{} s", ms / 1000),
    }
}
