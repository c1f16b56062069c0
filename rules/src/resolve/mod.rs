//! Decides whether the names, levels and expressions of a draft hold together, and makes the checked rule set of it.

mod holds;
mod people;
mod place;
mod stages;

pub(crate) use stages::urgency;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::codes::Code;
use crate::draft::{At, Draft};
use crate::expr::{Condition, Environment, Owner, Problem, Score, Stage};
use crate::finding::{Finding, Place, Source, closest};
use crate::format::{Sp, is_id};
use crate::hours::{Hours, Zone};
use crate::model::{Domain, Index, Needs, RuleSet};

/// The checked rule set; it is of use only if no finding is an error.
pub(crate) fn resolve(sources: &[Source], draft: &Draft, findings: &mut Vec<Finding>) -> RuleSet {
    let mut resolver = Resolver::new(sources, draft, findings);
    resolver.unique_ids();
    let (channels, default_channel) = resolver.channels();
    let agents = resolver.agents();
    let teams = resolver.teams(&agents);
    let queues = resolver.queues();
    let scorecard = resolver.scorecard();
    let roles = resolver.roles();
    let entries = resolver.entries();
    let (classify, fences, queue_rules) = (resolver.classify(), resolver.fences(), resolver.queue_rules());
    let loads = resolver.loads();
    resolver.expects();
    let mut set = RuleSet {
        sources: sources.to_vec(),
        hash: hash(sources),
        skills: draft.skills.iter().map(|skill| skill.item.clone()).collect(),
        roles,
        hours: resolver.hours,
        domains: resolver.domains,
        topics: draft.topics.iter().map(|topic| topic.item.clone()).collect(),
        channels,
        default_channel,
        scorecard,
        agents,
        teams,
        queues,
        entries,
        classify,
        fences,
        queue_rules,
        loads,
        expects: draft.expects.clone(),
        index: Index::default(),
    };
    set.index = index(&set);
    set
}

fn index(set: &RuleSet) -> Index {
    fn of<T>(items: &[T], name: impl Fn(&T) -> &String) -> BTreeMap<String, usize> {
        items.iter().enumerate().map(|(at, item)| (name(item).clone(), at)).collect()
    }
    Index {
        agents: of(&set.agents, |agent| &agent.id),
        teams: of(&set.teams, |team| &team.id),
        queues: of(&set.queues, |queue| &queue.id),
        channels: of(&set.channels, |channel| &channel.name),
        domains: of(&set.domains, |domain| &domain.name),
        entries: of(&set.entries, |entry| &entry.to),
    }
}

/// The content hash: names and texts of all files, in order. In which folder a daemon has them is its own business: another
/// daemon would otherwise plan everybody anew when it takes over.
fn hash(sources: &[Source]) -> String {
    let mut hasher = Sha256::new();
    for source in sources {
        let name = source.name.rsplit('/').next().unwrap_or_default();
        for part in [name, &source.text] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) struct Resolver<'a> {
    sources: &'a [Source],
    draft: &'a Draft,
    findings: &'a mut Vec<Finding>,
    environment: Environment<'a>,
    skills: BTreeSet<&'a str>,
    domains: Vec<Domain>,
    hours: Vec<Hours>,
}

impl<'a> Resolver<'a> {
    fn new(sources: &'a [Source], draft: &'a Draft, findings: &'a mut Vec<Finding>) -> Self {
        let mut environment = Environment {
            topics: draft.topics.iter().map(|topic| topic.item.as_str()).collect(),
            channels: draft
                .channels
                .iter()
                .map(|channel| channel.name.as_str())
                .filter(|name| *name != "default")
                .collect(),
            domains: draft.domains.iter().map(|domain| domain.name.as_str()).collect(),
            teams: draft.teams.iter().map(|team| team.item.id.get().as_str()).collect(),
            agents: draft.agents.iter().map(|agent| agent.item.id.get().as_str()).collect(),
            queues: draft.queues.iter().map(|queue| queue.item.id.get().as_str()).collect(),
            hours: draft.hours.iter().enumerate().map(|(at, hours)| (hours.name.as_str(), at)).collect(),
            collected: BTreeMap::new(),
        };
        for collected in &draft.collected {
            let item = &collected.item;
            let owners =
                [(Owner::Contact, &item.contact), (Owner::Customer, &item.customer), (Owner::Account, &item.account)];
            for (owner, names) in owners {
                if let Some(names) = names {
                    environment
                        .collected
                        .entry(owner)
                        .or_default()
                        .extend(names.iter().map(|name| name.get().as_str()));
                }
            }
        }
        let skills = draft.skills.iter().map(|skill| skill.item.as_str()).collect();
        let mut resolver =
            Self { sources, draft, findings, environment, skills, domains: Vec::new(), hours: Vec::new() };
        resolver.domains();
        resolver.named_hours();
        resolver
    }

    fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Every id is well-formed and defined once.
    fn unique_ids(&mut self) {
        let draft = self.draft;
        self.unique("agent", draft.agents.iter().map(|agent| (agent.item.id.get(), agent.at(agent.item.id.span()))));
        self.unique("team", draft.teams.iter().map(|team| (team.item.id.get(), team.at(team.item.id.span()))));
        self.unique("queue", draft.queues.iter().map(|queue| (queue.item.id.get(), queue.at(queue.item.id.span()))));
        self.unique("entry", draft.entries.iter().map(|entry| (entry.item.to.get(), entry.at(entry.item.to.span()))));
        self.unique("skill", draft.skills.iter().map(|skill| (&skill.item, skill.place.clone())));
        self.unique("topic", draft.topics.iter().map(|topic| (&topic.item, topic.place.clone())));
        self.unique("role", draft.roles.iter().map(|role| (&role.name, role.place.clone())));
        self.unique("hours", draft.hours.iter().map(|hours| (&hours.name, hours.place.clone())));
        self.unique("domain", draft.domains.iter().map(|domain| (&domain.name, domain.place.clone())));
        self.unique("channel", draft.channels.iter().map(|channel| (&channel.name, channel.place.clone())));
        self.unique("fence policy", draft.policies.iter().map(|policy| (&policy.name, policy.place.clone())));
        if let [first, second, ..] = draft.scorecards.as_slice() {
            let finding = Finding::new(Code::DefinedTwice, second.place.clone(), "the scorecard is defined twice");
            self.find(finding.also(first.place.clone(), "first here"));
        }
    }

    fn unique<'n>(&mut self, kind: &str, names: impl Iterator<Item = (&'n String, Place)>) {
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        for (name, place) in names {
            if !is_id(name) {
                let message =
                    format!("`{name}` can not name a {kind}: 1 to 128 printable ASCII characters without spaces");
                self.find(Finding::new(Code::OutOfRange, place.clone(), message));
            }
            if let Some(first) = seen.get(name.as_str()) {
                let finding = Finding::new(Code::DefinedTwice, place, format!("the {kind} `{name}` is defined twice"));
                self.find(finding.label("again here").also(first.clone(), "first here"));
            } else {
                seen.insert(name, place);
            }
        }
    }

    /// Whether a name is declared; says so if not.
    fn known(&mut self, kind: &str, name: &str, place: Place, known: &BTreeSet<&str>) -> bool {
        let found = known.contains(name);
        if !found {
            let finding = Finding::new(Code::UnknownName, place, format!("no {kind} `{name}` is declared"));
            self.find(finding.label("unknown").suggest(closest(name, known.iter().copied())));
        }
        found
    }

    /// The named domain, or the only one.
    fn domain(&mut self, domain: Option<&Sp<String>>, of: &Place) -> usize {
        let Some(name) = domain else {
            if self.domains.len() > 1 {
                let message = "the domain is missing, and there are several";
                self.find(Finding::new(Code::BadValue, of.clone(), message).help("add domain = \"…\""));
            }
            return 0;
        };
        let place = Place::new(of.file, name.span());
        let known = std::mem::take(&mut self.environment.domains);
        self.known("domain", name.get(), place, &known);
        self.environment.domains = known;
        self.domains.iter().position(|domain| domain.name == *name.get()).unwrap_or(0)
    }

    fn zone(&self, domain: usize) -> Zone {
        self.domains.get(domain).map_or_else(Zone::utc, |domain| domain.zone.clone())
    }

    fn parse_hours(&mut self, text: &Sp<String>, file: usize, domain: usize) -> Option<Hours> {
        match Hours::parse(text.get(), &self.zone(domain)) {
            Ok(hours) => Some(hours),
            Err(reason) => {
                let finding =
                    Finding::new(Code::BadValue, Place::new(file, text.span()), format!("not opening hours: {reason}"));
                self.find(finding.help("write OSM opening hours, as in \"Mo-Fr 08:00-18:00; PH off\""));
                None
            }
        }
    }

    /// Skills at levels, checked.
    fn needs(&mut self, needs: &BTreeMap<Sp<String>, Sp<u8>>, file: usize) -> Needs {
        let skills = std::mem::take(&mut self.skills);
        let mut out = Vec::new();
        for (skill, level) in needs {
            let place = Place::new(file, skill.span());
            self.known("skill", skill.get(), place.clone(), &skills);
            self.level(level, file);
            out.push((skill.get().clone(), *level.get(), place));
        }
        self.skills = skills;
        out
    }

    fn level(&mut self, level: &Sp<u8>, file: usize) {
        if !(1..=10).contains(level.get()) {
            let message = format!("a level is 1 to 10, not {}", level.get());
            self.find(Finding::new(Code::OutOfRange, Place::new(file, level.span()), message));
        }
    }

    /// A condition, or one that always holds after saying what is wrong.
    fn condition(&mut self, text: &Sp<String>, file: usize, stage: Stage) -> Condition {
        let mut problems = Vec::new();
        let condition = Condition::compile(text.get(), stage, &self.environment, &mut problems);
        self.report(problems, text, file);
        condition.unwrap_or_default()
    }

    fn score(&mut self, text: &Sp<String>, file: usize) -> Option<Score> {
        let mut problems = Vec::new();
        let score = Score::compile(text.get(), Stage::Scorecard, &self.environment, &mut problems);
        self.report(problems, text, file);
        score
    }

    /// Problems of an expression, at their places in the file.
    fn report(&mut self, problems: Vec<Problem>, text: &Sp<String>, file: usize) {
        let whole = text.span();
        let raw = self.sources.get(file).and_then(|source| source.text.get(whole.clone())).unwrap_or_default();
        let offset = raw.find(text.get().as_str()).map(|at| at + whole.start);
        for problem in problems {
            let span = match offset {
                Some(offset) => problem.span.start + offset..problem.span.end + offset,
                None => whole.clone(),
            };
            let mut finding = Finding::new(problem.code, Place::new(file, span), problem.message).label(problem.label);
            finding.help = problem.help;
            self.findings.push(finding);
        }
    }
}

/// The place of a rule of a stage.
fn place_of<T>(rule: &At<T>) -> Place {
    rule.place.clone()
}
