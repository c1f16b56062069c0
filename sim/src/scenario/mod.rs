//! Decides what a scenario file can say: classes of contacts, the people who serve them, and how long to look.

mod arrivals;
mod check;
mod fault;
mod law;
mod span;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use picket_rules::facts::{AccountFacts, ContactFacts, CustomerFacts};
use serde::Deserialize;

pub use arrivals::{Arrivals, ArrivalsFrom};
pub use fault::Fault;
pub use law::{Law, LawFrom, LogNormal, Recorded};
pub use span::{Moment, Span};

/// One scenario, as its file says it and as [`Scenario::load`] has checked it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about; the report begins with it.
    #[serde(default)]
    pub title: String,
    /// The seed of the first replication; the next ones count on from it.
    #[serde(default = "one")]
    pub seed: u64,
    /// Independent worlds that are simulated; each begins empty.
    #[serde(default = "five")]
    pub replications: u32,
    /// What is measured of each replication.
    pub length: Span,
    /// What passes before the measuring begins.
    #[serde(default)]
    pub warm_up: Span,
    /// Parts of equal length into which each replication is divided for the half-widths.
    #[serde(default = "twenty")]
    pub batches: u32,
    /// The times of the service levels; at most four.
    #[serde(default = "twenty_seconds")]
    pub within: Vec<Span>,
    /// The first moment; matters where rules read the calendar.
    #[serde(default)]
    pub start: Moment,
    /// A rule file or folder, from the scenario's folder on: makes the plans, and names agents, teams and queues.
    #[serde(default)]
    pub rules: Option<PathBuf>,
    /// Channels; without any, there is one that takes all of an agent.
    #[serde(default, rename = "channel")]
    pub channels: Vec<Channel>,
    /// Classes of contacts.
    #[serde(default, rename = "class")]
    pub classes: Vec<Class>,
    /// The people.
    #[serde(default)]
    pub agents: Vec<Agents>,
    /// Dedicated teams.
    #[serde(default, rename = "team")]
    pub teams: Vec<Team>,
    /// Queues of efficiency routing.
    #[serde(default, rename = "queue")]
    pub queues: Vec<Queue>,
}

/// What one contact takes of an agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Points of the agent's 100.
    #[serde(default = "hundred")]
    pub cost: u32,
    /// Contacts at the same time.
    #[serde(default = "one_slot")]
    pub slots: u32,
}

/// Contacts that are alike: how they come, how long they take, how long they wait, and what they are entitled to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name; also names its streams of chance, so that variants with equal names see the same customers.
    pub name: String,
    /// The channel; without one, the first.
    #[serde(default)]
    pub channel: Option<String>,
    /// When they come.
    pub arrivals: ArrivalsFrom,
    /// How long an agent of speed 1 needs for one.
    pub handling: LawFrom,
    /// How long one waits before giving up; without it, for ever.
    #[serde(default)]
    pub patience: Option<LawFrom>,
    /// Whether those who gave up come again.
    #[serde(default)]
    pub redial: Option<Redial>,
    /// How many customers these contacts come from; without it, each is somebody else.
    #[serde(default)]
    pub customers: Option<u32>,
    /// Whether an agent who handled a customer before is preferred.
    #[serde(default)]
    pub remembers: bool,
    /// What they are entitled to, stated here.
    #[serde(default)]
    pub plan: Option<PlanFrom>,
    /// What the rules are told of each contact.
    #[serde(default)]
    pub contact: Option<ContactFacts>,
    /// What the rules are told of each customer.
    #[serde(default)]
    pub customer: Option<CustomerFacts>,
    /// What the rules are told of the account.
    #[serde(default)]
    pub account: Option<AccountFacts>,
    /// Leads that the directory names, customer by customer in turn; only with rules.
    #[serde(default)]
    pub leads: Vec<String>,
}

/// A second try after giving up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redial {
    /// The share of those who gave up.
    pub share: f64,
    /// How long after.
    pub after: LawFrom,
}

/// A plan that is stated without rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFrom {
    /// The queue.
    pub queue: String,
    /// The team whose fence stands around the contact.
    #[serde(default)]
    pub fence: Option<String>,
    /// How pressing.
    #[serde(default = "normal")]
    pub urgency: picket_core::Urgency,
    /// Short for a first step `own`: how long the customer's own agent is waited for while she is busy.
    #[serde(default)]
    pub hold_own: Option<Span>,
    /// Short for a step `team`: how long the team is waited for.
    #[serde(default)]
    pub hold_team: Option<Span>,
    /// The steps in full, instead of the two holds.
    #[serde(default)]
    pub steps: Vec<StepFrom>,
    /// What follows the last step: the fence stays closed, or opens.
    #[serde(default)]
    pub finally: FinallyFrom,
    /// The divisor of `waited ÷ promised`.
    #[serde(default = "promised")]
    pub promise: Span,
    /// After-contact work.
    #[serde(default)]
    pub wrap_up: Span,
    /// Skills needed, with their least level.
    #[serde(default)]
    pub needs: BTreeMap<String, u8>,
}

/// One step of a stated plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFrom {
    /// Whose step.
    pub who: WhoFrom,
    /// How long they are waited for while they are busy; who is off shift is not waited for.
    #[serde(default)]
    pub hold: Span,
    /// Whether these people replace those before.
    #[serde(default)]
    pub only: bool,
}

/// The people of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoFrom {
    /// The customer's own agent: the fence's team members take customers in turn.
    Own,
    /// The team's other members.
    Backups,
    /// The team.
    Team,
    /// The teams that stand in.
    Covers,
    /// The queue.
    Queue,
}

/// What follows the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinallyFrom {
    /// The fence stays closed.
    #[default]
    Stay,
    /// The fence opens.
    Open,
}

/// A group of people, or one person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    /// The group's name; its people are `name-1`, `name-2` and so on, or just `name` when there is one.
    pub name: String,
    /// How many.
    #[serde(default = "one_slot")]
    pub count: u32,
    /// Agents of the rules that form the group, instead of a count.
    #[serde(default)]
    pub members: Vec<String>,
    /// Queues that they serve as their own.
    #[serde(default)]
    pub queues: Vec<String>,
    /// How fast they work: twice the speed halves the handling.
    #[serde(default = "unit")]
    pub speed: f64,
    /// A speed for each of them instead.
    #[serde(default)]
    pub speeds: Vec<f64>,
    /// Contacts at the same time, where that differs from the channel's.
    #[serde(default)]
    pub slots: Option<u32>,
    /// How much longer each further contact at the same time makes all of them take: 0.3 is 30 %.
    #[serde(default)]
    pub slowdown: f64,
    /// When they work, in each simulated day; without it, always.
    #[serde(default)]
    pub shift: Vec<(Span, Span)>,
    /// What they can do, with levels 1 to 10.
    #[serde(default)]
    pub skills: BTreeMap<String, u8>,
}

/// A dedicated team.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Groups and single agents that are its members, by rank.
    pub agents: Vec<String>,
    /// Members kept free for its own contacts.
    #[serde(default)]
    pub reserve: u32,
    /// Queues that its members help.
    #[serde(default)]
    pub lends_to: Vec<String>,
    /// Teams that stand in.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Whether a queue below its floor releases the reserve.
    #[serde(default)]
    pub releases: bool,
}

/// A queue of efficiency routing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// In which order it is served.
    #[serde(default)]
    pub order: OrderFrom,
    /// Which of its agents is chosen.
    #[serde(default = "longest_idle")]
    pub pick: picket_core::Pick,
    /// The service below which teams release their reserve.
    #[serde(default)]
    pub floor: Option<FloorFrom>,
}

/// The order of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderFrom {
    /// The larger `waited ÷ promised` first.
    #[default]
    Promise,
    /// The older first.
    Fifo,
}

/// A service floor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorFrom {
    /// Least share answered in time.
    pub share: f64,
    /// In time: within.
    pub within: Span,
    /// Measured over the last.
    pub over: Span,
    /// Restored at the share plus this.
    #[serde(default)]
    pub margin: f64,
}

impl Scenario {
    /// Reads a scenario file and checks it.
    ///
    /// # Errors
    /// Everything that is wrong with it: what, where, and how to mend it.
    pub fn load(path: &Path) -> Result<Self, Vec<Fault>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let mend = "name a scenario file that can be read".to_owned();
            vec![Fault { place: path.display().to_string(), what: format!("cannot be read: {error}"), mend }]
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, folder)
    }

    /// Reads a scenario; files that it names are looked for in `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Fault>> {
        let mut scenario: Self = toml::from_str(text).map_err(|error| vec![fault::of_toml(&error, text)])?;
        scenario.rules = scenario.rules.map(|rules| folder.join(rules));
        for class in &mut scenario.classes {
            class.arrivals.look_in(folder);
            let laws = [Some(&mut class.handling), class.patience.as_mut()].into_iter().flatten();
            laws.chain(class.redial.as_mut().map(|redial| &mut redial.after)).for_each(|law| law.look_in(folder));
        }
        let faults = check::faults(&scenario);
        if faults.is_empty() { Ok(scenario) } else { Err(faults) }
    }
}

const fn one() -> u64 {
    1
}

const fn five() -> u32 {
    5
}

const fn twenty() -> u32 {
    20
}

const fn hundred() -> u32 {
    100
}

const fn one_slot() -> u32 {
    1
}

const fn unit() -> f64 {
    1.0
}

const fn normal() -> picket_core::Urgency {
    picket_core::Urgency::Normal
}

const fn longest_idle() -> picket_core::Pick {
    picket_core::Pick::LongestIdle
}

const fn promised() -> Span {
    Span::seconds(20)
}

fn twenty_seconds() -> Vec<Span> {
    vec![Span::seconds(20)]
}
