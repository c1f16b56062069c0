//! Decides whether an expectation is met: the contact is planned by these rules and routed by the real core, with
//! everyone in `free` ready, everybody else offline, and nobody answering.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "only a few events say that somebody was asked or that nobody will be"
)]

use picket_core::{
    AgentCommand, AgentId, Arrival, ChannelId, ContactFact, ContactId, Event, FenceFact, Input, Kind, Names, OfferFact,
    Presence, Router, SourceId, StateSetter, Timestamp,
};

use crate::codes::Code;
use crate::draft::At;
use crate::facts::Facts;
use crate::finding::{Finding, Place};
use crate::format::{Expect, Sp};
use crate::model::RuleSet;
use crate::plan::Planned;
use crate::resolve::urgency;

/// Timers that may fire before somebody must have been asked.
const MOST_WAKES: usize = 1000;

/// Why an expectation could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Plan(#[from] crate::plan::Error),
    #[error("the core refuses the rules' {0}: {1}")]
    Refused(&'static str, &'static str),
}

impl RuleSet {
    /// Runs every expectation.
    pub(crate) fn run_expectations(&self, findings: &mut Vec<Finding>) {
        for expect in &self.expects {
            let Ok(at) = expect.item.at.get().parse::<jiff::Timestamp>() else { continue };
            let at = Timestamp(at.as_millisecond());
            match self.try_out(&expect.item, at) {
                Ok((planned, first)) => self.compare(expect, &planned, first.as_deref(), findings),
                Err(error) => {
                    let message = format!("\"{}\" can not be tried: {error}", expect.item.name.get());
                    findings.push(Finding::new(Code::ExpectFailed, expect.at(expect.item.name.span()), message));
                }
            }
        }
    }

    /// The plan, and who is asked first while the fence holds.
    fn try_out(&self, expect: &Expect, at: Timestamp) -> Result<(Planned, Option<String>), Error> {
        let (mut names, mut fresh) = (Names::default(), Vec::new());
        let (mut router, mut out) = (Router::new(), Vec::new());
        for change in self.world(&mut names, &mut fresh, at) {
            hand(&mut router, at, Input::World(Box::new(change)), "world", &mut out)?;
        }
        let source = SourceId(names.intern(Kind::Source, "expect", &mut fresh));
        for agent in &expect.free {
            let Some(agent) = names.find(Kind::Agent, agent.get()).map(AgentId) else { continue };
            hand(&mut router, at, Input::Agent(agent, ready(source)), "agents", &mut out)?;
        }
        let facts = Facts {
            contact: expect.contact.clone(),
            customer: expect.customer.clone(),
            account: expect.account.clone(),
            was_valued: expect.was_valued,
            ..Facts::default()
        };
        let planned = self.plan(&facts, &names, at, 1)?;
        let channel = ChannelId(names.intern(Kind::Channel, &facts.contact.channel, &mut fresh));
        let people = |ids: &[String]| ids.iter().filter_map(|id| names.find(Kind::Agent, id).map(AgentId)).collect();
        let customer = facts.customer.as_ref();
        let fit = match (customer, &planned.team) {
            (Some(customer), Some(team)) => self.fit(customer, team),
            _ => Vec::new(),
        };
        let fit = fit.into_iter().filter_map(|fit| {
            let agent = AgentId(names.find(Kind::Agent, fit.agent)?);
            Some(picket_core::Fit { agent, matched: fit.matched, stated: fit.stated })
        });
        let fit = fit.collect();
        let arrival = Arrival {
            contact: ContactId(0),
            channel,
            customer: None,
            source,
            since: at,
            plan: planned.plan.clone(),
            thread: None,
            matter: None,
            familiar: Vec::new(),
            prefers: customer.map(|customer| people(&customer.prefers)).unwrap_or_default(),
            avoids: customer.map(|customer| people(&customer.avoids)).unwrap_or_default(),
            fit,
            scheduled_for: None,
        };
        out.clear();
        hand(&mut router, at, Input::Receive(Box::new(arrival)), "plan", &mut out)?;
        let first = first_asked(&mut router, at, out).and_then(|agent| names.text(Kind::Agent, agent.0));
        Ok((planned, first.map(str::to_owned)))
    }

    fn compare(&self, expect: &At<Expect>, planned: &Planned, first: Option<&str>, findings: &mut Vec<Finding>) {
        let wanted = &expect.item.plan;
        let queue = usize::try_from(planned.plan.queue.0).ok().and_then(|at| self.queues.get(at));
        let team = planned.plan.fence.and_then(|team| self.teams.get(team.index()));
        let mut differ = |place: Place, what: &str, wanted: &str, got: &str| {
            let message = format!("\"{}\": expected {what} {wanted}, got {got}", expect.item.name.get());
            let finding = Finding::new(Code::ExpectFailed, place, message).label(format!("it is {got}"));
            findings.push(finding.help("`picket plan` shows why"));
        };
        let texts: [(&str, &Option<Sp<String>>, &str); 3] = [
            ("fence", &wanted.fence, team.map_or("none", |team| team.id.as_str())),
            ("queue", &wanted.queue, queue.map_or("none", |queue| queue.id.as_str())),
            ("first", &wanted.first, first.unwrap_or("nobody")),
        ];
        for (what, wanted, got) in texts {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.get() != got) {
                differ(expect.at(wanted.span()), what, wanted.get(), got);
            }
        }
        if let Some(wanted) = &wanted.urgency
            && urgency(*wanted.get()) != planned.plan.urgency
        {
            let (said, got) = (format!("{:?}", wanted.get()), format!("{:?}", planned.plan.urgency));
            differ(expect.at(wanted.span()), "urgency", &said.to_lowercase(), &got.to_lowercase());
        }
        if let Some(wanted) = wanted.valued.as_ref().filter(|wanted| *wanted.get() != planned.valued.valued) {
            let got = format!("{} with {} points", planned.valued.valued, planned.valued.score);
            differ(expect.at(wanted.span()), "valued", &wanted.get().to_string(), &got);
        }
    }
}

const fn ready(source: SourceId) -> AgentCommand {
    AgentCommand::SetState {
        channels: Vec::new(),
        presence: Presence::Ready,
        reason: None,
        until: None,
        by: StateSetter::Source(source),
    }
}

fn hand(
    router: &mut Router,
    at: Timestamp,
    input: Input,
    what: &'static str,
    out: &mut Vec<Event>,
) -> Result<(), Error> {
    router.handle(at, input, out).map_err(|rejection| Error::Refused(what, rejection.code()))
}

/// Lets time pass until somebody is asked, the fence opens, or the contact leaves.
fn first_asked(router: &mut Router, at: Timestamp, mut events: Vec<Event>) -> Option<AgentId> {
    let mut now = at;
    for _ in 0..MOST_WAKES {
        for event in &events {
            match event {
                Event::Offer(_, OfferFact::Made { agent, .. }) => return Some(*agent),
                Event::Contact(_, ContactFact::Assigned { agent, .. }) => return Some(*agent),
                Event::Fence(_, FenceFact::Opened { .. }) => return None,
                Event::Contact(_, ContactFact::Closed { .. } | ContactFact::CallbackWanted) => return None,
                _ => {}
            }
        }
        events.clear();
        now = now.max(router.next_wake()?.at);
        router.wake(now, &mut events);
    }
    None
}
