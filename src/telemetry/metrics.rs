//! Decides what is counted, and under which names ops find it.
//!
//! The loop counts what it does as it does it; what merely *is* (waiting contacts, agents, the feed) is handed over as
//! [`Gauges`] by whoever is asked for `/metrics`, from committed state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    Agents, Code, Commit, CommitResult, Dependency, Input, InputResult, Kind, Outcome, Part, Presence, Queue, Reason,
    Reload, Reloaded, Request, RuleSet, Shard, State,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything counted by one process. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    inputs: Family<Input, Counter>,
    outputs: Family<Kind, Counter>,
    unheard: Counter,
    dead_letters: Family<Code, Counter>,
    commits: Family<Commit, Counter>,
    commit_time: Histogram,
    decision_time: Histogram,
    batch: Histogram,
    closed: Family<Outcome, Counter>,
    wait: Histogram,
    openings: Family<Reason, Counter>,
    teams_missing: Counter,
    offers: Family<Outcome, Counter>,
    requests: Family<Request, Counter>,
    feed_resets: Counter,
    clock_jumps: Counter,
    clock_set_back: Counter,
    snapshots: Counter,
    reloads: Family<Reloaded, Counter>,
    rules: Family<RuleSet, Gauge>,
    up: Family<Dependency, Gauge>,
    certificates: Family<Part, Gauge>,
    journal: Family<Shard, Gauge>,
    outbox: Family<Shard, Gauge>,
    suspect_mode: Family<Shard, Gauge>,
    catching_up: Family<Shard, Gauge>,
    catch_ups: Counter,
    queue_depth: Family<Queue, Gauge>,
    contacts: Family<State, Gauge>,
    agents: Family<Agents, Gauge>,
    subscribers: Family<Shard, Gauge>,
}

/// What is at one moment, from the committed state of one shard.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// The shard.
    pub shard: String,
    /// The rule set in force, by number and hash.
    pub rules: Option<(u32, String)>,
    /// Whether `store`, `broker` and the rest can be used.
    pub dependencies: Vec<(&'static str, bool)>,
    /// Waiting contacts by queue.
    pub queues: Vec<(String, i64)>,
    /// Contacts that are not closed, by state.
    pub contacts: Vec<(&'static str, i64)>,
    /// Agents by effective state.
    pub agents: Vec<(Presence, i64)>,
    /// Followers of the live feed.
    pub subscribers: i64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let seconds = |buckets: &[f64]| Histogram::new(buckets.iter().copied());
        let mut this = Self {
            registry: Arc::new(Registry::default()),
            inputs: Family::default(),
            outputs: Family::default(),
            unheard: Counter::default(),
            dead_letters: Family::default(),
            commits: Family::default(),
            commit_time: seconds(&[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0]),
            decision_time: seconds(&[1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2]),
            batch: seconds(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            closed: Family::default(),
            wait: seconds(&[1.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0]),
            openings: Family::default(),
            teams_missing: Counter::default(),
            offers: Family::default(),
            requests: Family::default(),
            feed_resets: Counter::default(),
            clock_jumps: Counter::default(),
            clock_set_back: Counter::default(),
            snapshots: Counter::default(),
            reloads: Family::default(),
            rules: Family::default(),
            up: Family::default(),
            certificates: Family::default(),
            journal: Family::default(),
            outbox: Family::default(),
            suspect_mode: Family::default(),
            catching_up: Family::default(),
            catch_ups: Counter::default(),
            queue_depth: Family::default(),
            contacts: Family::default(),
            agents: Family::default(),
            subscribers: Family::default(),
        };
        this.registry = Arc::new(this.register());
        this
    }

    fn register(&self) -> Registry {
        let mut all = Registry::with_prefix("picket");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The version that runs", build);
        all.register("inputs", "Events taken, by type and what became of them", self.inputs.clone());
        all.register("outputs", "Events committed for publication, by type", self.outputs.clone());
        let unheard = "Events published, seen by this daemon, that no platform had bound a queue for";
        all.register("outputs_unheard", unheard, self.unheard.clone());
        all.register("dead_letters", "Messages that could not be understood, by code", self.dead_letters.clone());
        all.register("commits", "Appends to the journal, by what became of them", self.commits.clone());
        all.register_with_unit("commit", "From append to commit", Unit::Seconds, self.commit_time.clone());
        all.register_with_unit("decision", "One input, in the core", Unit::Seconds, self.decision_time.clone());
        all.register("batch_inputs", "Inputs decided and written together", self.batch.clone());
        all.register("contacts_closed", "Closed contacts, by outcome", self.closed.clone());
        all.register_with_unit("wait", "From a contact's age to its first answer", Unit::Seconds, self.wait.clone());
        all.register("fence_openings", "Fences opened outward, by reason", self.openings.clone());
        let missing = "Contacts kept behind the fence of a team that nobody is left in";
        all.register("fence_teams_missing", missing, self.teams_missing.clone());
        all.register("offers", "Offers, by what became of them", self.offers.clone());
        all.register("http_requests", "Requests, by route and status", self.requests.clone());
        all.register("feed_resets", "Followers of the live feed that lost their place", self.feed_resets.clone());
        all.register("clock_jumps", "Journaled jumps of the clock", self.clock_jumps.clone());
        all.register("clock_set_back", "Times the clock was set back or found behind", self.clock_set_back.clone());
        all.register("snapshots", "Snapshots written", self.snapshots.clone());
        all.register("rules_reloads", "Changed rule files, by what became of them", self.reloads.clone());
        all.register("rules_active", "The rule set in force is 1", self.rules.clone());
        all.register("dependency_up", "Whether store, broker and the rest can be used", self.up.clone());
        let ends = "Until the certificate ends that broker or store present";
        all.register_with_unit("certificate_ends", ends, Unit::Seconds, self.certificates.clone());
        all.register("journal_seq", "The last committed record", self.journal.clone());
        all.register("outbox_waiting", "Outputs committed and not yet published", self.outbox.clone());
        let suspect = "1 while messages are taken one at a time, because one of them may end the process";
        all.register("suspect_mode", suspect, self.suspect_mode.clone());
        let catching_up = "1 while nobody is offered anything, because what the broker delivers happened long ago";
        all.register("catching_up", catching_up, self.catching_up.clone());
        all.register("catch_ups", "Times that began", self.catch_ups.clone());
        all.register("queue_depth", "Waiting contacts, by queue", self.queue_depth.clone());
        all.register("contacts", "Contacts that are not closed, by state", self.contacts.clone());
        all.register("agents", "Agents, by effective state", self.agents.clone());
        all.register("feed_subscribers", "Followers of the live feed", self.subscribers.clone());
        all
    }

    /// Counts one input of a type of the contract (`contact.received`, or `unknown` for any other).
    pub fn input(&self, kind: &'static str, result: InputResult) {
        self.inputs.get_or_create(&Input { r#type: kind, result }).inc();
    }

    /// Counts one committed output of a type of the contract.
    pub fn output(&self, kind: &'static str) {
        self.outputs.get_or_create(&Kind { r#type: kind }).inc();
    }

    /// Counts published outputs that no platform had bound a queue for.
    pub fn unheard(&self, count: u64) {
        self.unheard.inc_by(count);
    }

    /// Notes how many seconds are left of the certificate that a part presents.
    pub fn certificate(&self, part: &'static str, left: i64) {
        self.certificates.get_or_create(&Part { part }).set(left);
    }

    /// Counts one dead letter by its code.
    pub fn dead_letter(&self, code: &'static str) {
        self.dead_letters.get_or_create(&Code { code }).inc();
    }

    /// Notes one committed batch: how many inputs, how long from append to commit, and the last record.
    pub fn committed(&self, shard: &str, inputs: usize, took: Duration, seq: u64) {
        self.append(CommitResult::Committed);
        self.batch.observe(f64::from(u32::try_from(inputs).unwrap_or(u32::MAX)));
        self.commit_time.observe(took.as_secs_f64());
        of(&self.journal, shard).set(i64::try_from(seq).unwrap_or(i64::MAX));
    }

    /// Counts an append that was not committed at once.
    pub fn append(&self, result: CommitResult) {
        self.commits.get_or_create(&Commit { result }).inc();
    }

    /// Notes how long the core took for one input.
    pub fn decided(&self, took: Duration) {
        self.decision_time.observe(took.as_secs_f64());
    }

    /// Counts a closed contact by its outcome (`handled`, `abandoned`, …).
    pub fn closed(&self, outcome: &'static str) {
        self.closed.get_or_create(&Outcome { outcome }).inc();
    }

    /// Notes how long a contact waited until it was first assigned.
    pub fn waited(&self, span: Duration) {
        self.wait.observe(span.as_secs_f64());
    }

    /// Counts a fence that opened, by reason (`hold_over`, …).
    pub fn fence_opened(&self, reason: &'static str) {
        self.openings.get_or_create(&Reason { reason }).inc();
    }

    /// Counts what happened to an offer (`made`, `accepted`, `declined`, `expired`, `revoked`).
    pub fn offer(&self, outcome: &'static str) {
        self.offers.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts a request by the route that matched, never by its path.
    pub fn request(&self, route: &str, status: u16) {
        self.requests.get_or_create(&Request { route: route.to_owned(), status }).inc();
    }

    /// Counts a follower that lost its place.
    pub fn feed_reset(&self) {
        self.feed_resets.inc();
    }

    /// Counts a contact whose fence's team has nobody left.
    pub fn team_missing(&self) {
        self.teams_missing.inc();
    }

    /// Counts a journaled jump of the clock.
    pub fn clock_jumped(&self) {
        self.clock_jumps.inc();
    }

    /// Counts a clock that was set back.
    pub fn clock_set_back(&self) {
        self.clock_set_back.inc();
    }

    /// Counts a snapshot that was written.
    pub fn snapshot(&self) {
        self.snapshots.inc();
    }

    /// Counts a changed rule file.
    pub fn rules_reloaded(&self, result: Reload) {
        self.reloads.get_or_create(&Reloaded { result }).inc();
    }

    /// Notes how many outputs are committed and not yet published.
    pub fn outbox(&self, shard: &str, waiting: usize) {
        of(&self.outbox, shard).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Notes whether messages are taken one at a time.
    pub fn suspect_mode(&self, shard: &str, is_on: bool) {
        of(&self.suspect_mode, shard).set(i64::from(is_on));
    }

    /// Notes whether a shard catches up.
    pub fn catching_up(&self, shard: &str, is_on: bool) {
        let was_on = of(&self.catching_up, shard).set(i64::from(is_on));
        if is_on && was_on == 0 {
            self.catch_ups.inc();
        }
    }

    /// Everything in the OpenMetrics text format, with the gauges of this moment, for each shard.
    ///
    /// # Errors
    /// Never in practice: writing to a text cannot fail.
    pub fn render(&self, now: &[Gauges]) -> Result<String, fmt::Error> {
        let shard = |of: &Gauges| of.shard.clone();
        replace(&self.queue_depth, now, |one| {
            one.queues.iter().map(|(queue, n)| (Queue { shard: shard(one), queue: queue.clone() }, *n)).collect()
        });
        replace(&self.contacts, now, |one| {
            one.contacts.iter().map(|(state, n)| (State { shard: shard(one), state }, *n)).collect()
        });
        replace(&self.agents, now, |one| {
            one.agents.iter().map(|(state, n)| (Agents { shard: shard(one), state: *state }, *n)).collect()
        });
        replace(&self.rules, now, |one| {
            let set = one.rules.iter();
            set.map(|(number, hash)| (RuleSet { shard: shard(one), number: *number, hash: hash.clone() }, 1)).collect()
        });
        replace(&self.up, now, |one| {
            let each = one.dependencies.iter();
            each.map(|(name, usable)| (Dependency { shard: shard(one), name }, i64::from(*usable))).collect()
        });
        replace(&self.subscribers, now, |one| vec![(Shard { shard: shard(one) }, one.subscribers)]);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The gauge of one shard.
fn of(family: &Family<Shard, Gauge>, shard: &str) -> Gauge {
    family.get_or_create_owned(&Shard { shard: shard.to_owned() })
}

/// Sets a family to exactly these values: what is gone is no longer shown.
fn replace<L>(family: &Family<L, Gauge>, now: &[Gauges], values: impl Fn(&Gauges) -> Vec<(L, i64)>)
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet + fmt::Debug,
{
    family.clear();
    for (labels, value) in now.iter().flat_map(values) {
        family.get_or_create(&labels).set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown_by_name_and_label() {
        let metrics = Metrics::new();
        metrics.input("contact.received", InputResult::Accepted);
        metrics.input("contact.received", InputResult::Accepted);
        metrics.committed("main", 2, Duration::from_millis(3), 41);
        metrics.fence_opened("hold_over");
        metrics.team_missing();
        let gauges = Gauges {
            shard: "main".into(),
            rules: Some((2, "bb".into())),
            dependencies: vec![("store", true)],
            queues: vec![("ge\"neral".into(), 3)],
            agents: vec![(Presence::NotReady, 1)],
            ..Gauges::default()
        };
        let text = metrics.render(&[gauges]).unwrap();
        for line in [
            "picket_inputs_total{type=\"contact.received\",result=\"accepted\"} 2",
            "picket_commits_total{result=\"committed\"} 1",
            "picket_commit_seconds_bucket{le=\"0.005\"} 1",
            "picket_batch_inputs_sum 2.0",
            "picket_journal_seq{shard=\"main\"} 41",
            "picket_rules_active{shard=\"main\",number=\"2\",hash=\"bb\"} 1",
            "picket_dependency_up{shard=\"main\",name=\"store\"} 1",
            "picket_fence_openings_total{reason=\"hold_over\"} 1",
            "picket_fence_teams_missing_total 1",
            "picket_queue_depth{shard=\"main\",queue=\"ge\\\"neral\"} 3",
            "picket_agents{shard=\"main\",state=\"not_ready\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_queue_that_is_gone_is_no_longer_shown() {
        let metrics = Metrics::new();
        let with = |queue: &str| [Gauges { queues: vec![(queue.into(), 1)], ..Gauges::default() }];
        assert!(metrics.render(&with("old")).unwrap().contains("queue=\"old\""));
        assert!(!metrics.render(&with("new")).unwrap().contains("queue=\"old\""));
    }
}
