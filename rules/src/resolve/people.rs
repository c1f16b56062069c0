//! Decides what agents and teams come to.

use chrono::{Days, NaiveDate};
use picket_core::{Millis, Timestamp};

use super::Resolver;
use super::place::MOST_POINTS;
use crate::codes::Code;
use crate::defaults;
use crate::expr::Stage;
use crate::finding::{Finding, Place};
use crate::format;
use crate::hours::Zone;
use crate::model::{Agent, Member, Team};

impl Resolver<'_> {
    pub(super) fn agents(&mut self) -> Vec<Agent> {
        let draft = self.draft;
        draft.agents.iter().map(|at| self.agent(&at.place, &at.item)).collect()
    }

    fn agent(&mut self, place: &Place, item: &format::Agent) -> Agent {
        let file = place.file;
        let at = |span| Place::new(file, span);
        let domain =
            if item.domain.is_some() || item.shift.is_some() { self.domain(item.domain.as_ref(), place) } else { 0 };
        let skills = self.needs(&item.skills, file);
        for queue in &item.queues {
            self.queue_index(queue, file);
        }
        let known = std::mem::take(&mut self.environment.channels);
        for channel in item.slots.keys() {
            self.known("channel", channel.get(), at(channel.span()), &known);
        }
        self.environment.channels = known;
        if let Some(points) = item.points.as_ref().filter(|points| *points.get() > MOST_POINTS) {
            self.find(Finding::new(Code::OutOfRange, at(points.span()), format!("points are at most {MOST_POINTS}")));
        }
        for (source, alias) in &item.aliases {
            if !format::is_id(source.get()) || !format::is_id(alias.get()) {
                let message = "sources and aliases are 1 to 128 printable ASCII characters without spaces";
                self.find(Finding::new(Code::OutOfRange, at(alias.span()), message));
            }
        }
        Agent {
            id: item.id.get().clone(),
            name: item.name.clone(),
            place: at(item.id.span()),
            aliases: item.aliases.iter().map(|(source, alias)| (source.get().clone(), alias.get().clone())).collect(),
            skills: skills.into_iter().map(|(skill, level, _)| (skill, level)).collect(),
            traits: item.traits.iter().map(|(name, value)| (name.get().clone(), value.get().clone())).collect(),
            queues: item.queues.iter().map(|queue| queue.get().clone()).collect(),
            shift: item.shift.as_ref().and_then(|shift| self.parse_hours(shift, file, domain)),
            points: item.points.as_ref().map_or(defaults::POINTS, |points| *points.get()),
            slots: item.slots.iter().map(|(channel, slots)| (channel.get().clone(), *slots)).collect(),
        }
    }

    pub(super) fn teams(&mut self, agents: &[Agent]) -> Vec<Team> {
        self.check_policies();
        let draft = self.draft;
        draft.teams.iter().map(|at| self.team(&at.place, &at.item, agents)).collect()
    }

    fn team(&mut self, place: &Place, item: &format::Team, agents: &[Agent]) -> Team {
        let file = place.file;
        let at = |span| Place::new(file, span);
        let domain = self.domain(item.domain.as_ref(), place);
        if matches!(item.id.get().as_str(), "own_team" | "none") {
            let message = format!("`{}` has a meaning of its own and can not name a team", item.id.get());
            self.find(Finding::new(Code::OutOfRange, at(item.id.span()), message));
        }
        let known = std::mem::take(&mut self.environment.teams);
        for cover in &item.covers {
            self.known("team", cover.get(), at(cover.span()), &known);
        }
        self.environment.teams = known;
        for queue in item.lends_to.iter().chain(&item.helps) {
            self.queue_index(queue, file);
        }
        if let Some(cover) = item.covers.iter().find(|cover| cover.get() == item.id.get()) {
            let message = format!("`{}` can not cover itself", cover.get());
            self.find(Finding::new(Code::OutOfRange, at(cover.span()), message));
        }
        let members = self.members(item, file, domain, agents);
        Team {
            id: item.id.get().clone(),
            place: at(item.id.span()),
            domain,
            owns: item.owns.as_ref().map(|owns| (self.condition(owns, file, Stage::Owns), at(owns.span()))),
            members,
            policy: self.policy(item.fence_policy.as_ref(), file),
            reserve: item.reserve.as_ref().map_or(0, |reserve| *reserve.get()),
            reserve_place: at(item.reserve.as_ref().map_or_else(|| item.id.span(), |reserve| reserve.span())),
            lends_to: item.lends_to.iter().map(|queue| (queue.get().clone(), at(queue.span()))).collect(),
            helps: item.helps.iter().map(|queue| (queue.get().clone(), at(queue.span()))).collect(),
            releases: item.releases.unwrap_or(true),
            covers: item.covers.iter().map(|cover| (cover.get().clone(), at(cover.span()))).collect(),
            hours: item.hours.as_ref().and_then(|hours| self.parse_hours(hours, file, domain)),
            promise: item
                .promise
                .map(|promise| Millis(self.passing(Some(promise.within), Millis::ZERO, place).0.max(1))),
        }
    }

    fn members(&mut self, item: &format::Team, file: usize, domain: usize, agents: &[Agent]) -> Vec<Member> {
        let at = |span| Place::new(file, span);
        let zone = self.zone(domain);
        let roles = self.draft.roles.iter().map(|role| role.name.as_str()).collect();
        let known = agents.iter().map(|agent| agent.id.as_str()).collect();
        let mut members: Vec<Member> = Vec::with_capacity(item.members.len());
        for (position, member) in item.members.iter().enumerate() {
            let place = at(member.agent.span());
            self.known("agent", member.agent.get(), place.clone(), &known);
            if let Some(role) = &member.role {
                self.known("role", role.get(), at(role.span()), &roles);
            }
            if let Some(before) = members.iter().find(|before| before.agent == *member.agent.get()) {
                let message = format!("`{}` is a member twice", member.agent.get());
                self.find(
                    Finding::new(Code::DefinedTwice, place.clone(), message).also(before.place.clone(), "first here"),
                );
            }
            let (from, until) = (
                member.from.as_ref().and_then(|day| self.day(day, 0, &zone, file)),
                member.until.as_ref().and_then(|day| self.day(day, 1, &zone, file)),
            );
            if let (Some(from), Some(until)) = (from, until)
                && from >= until
            {
                let message = format!("the membership of `{}` ends before it begins", member.agent.get());
                self.find(Finding::new(Code::OutOfRange, place.clone(), message));
            }
            let rank = u32::try_from(position).unwrap_or(u32::MAX).saturating_add(1);
            members.push(Member {
                agent: member.agent.get().clone(),
                place: place.clone(),
                role: member.role.as_ref().map(|role| role.get().clone()),
                rank: member.rank.as_ref().map_or(rank, |rank| *rank.get()),
                from,
                until,
            });
        }
        members.sort_by_key(|member| member.rank);
        members
    }

    /// The beginning of a day, or of the day so many days after it, in the domain's time zone.
    fn day(
        &mut self,
        day: &format::Sp<toml::value::Datetime>,
        after: u64,
        zone: &Zone,
        file: usize,
    ) -> Option<Timestamp> {
        let moment = match (day.get().date, day.get().time, day.get().offset) {
            (Some(date), None, None) => {
                NaiveDate::from_ymd_opt(i32::from(date.year), date.month.into(), date.day.into())
                    .and_then(|date| date.checked_add_days(Days::new(after)))
                    .map(|date| zone.moment(date.and_time(chrono::NaiveTime::MIN)))
            }
            _ => None,
        };
        if moment.is_none() {
            let finding =
                Finding::new(Code::BadValue, Place::new(file, day.span()), "a date without a time is expected");
            self.find(finding.help("write from = 2026-01-01"));
        }
        moment
    }
}
