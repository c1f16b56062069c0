//! Decides what a plan can say: who may serve a contact, in which steps, and what happens when nobody does.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{AgentId, CalendarId, DestinationId, Millis, QueueId, RoleId, SkillId, TeamId};

/// What the rules entitle one contact to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The number of the rule set that made the plan, counted by activation from 1.
    pub rules: u32,
    /// Comes before every other order.
    pub urgency: Urgency,
    /// The queue of efficiency routing; every contact has one, fenced or not: an opened fence leads there.
    pub queue: QueueId,
    /// The dedicated team whose fence stands around the contact.
    pub fence: Option<TeamId>,
    /// The customer's lead; without one the team's member of the lowest rank leads.
    pub lead: Option<AgentId>,
    /// What the customer was promised.
    pub promise: Promise,
    /// Skills that the contact needs in every step that does not bypass them.
    pub needs: Vec<Need>,
    /// Who may serve, in order. Never empty.
    pub steps: Vec<Step>,
    /// What happens when all steps are over, or can never serve, by cause.
    pub finally: Finally,
    /// How the contact is put before agents.
    pub offer: OfferPolicy,
    /// After-contact work; zero closes the handling at once.
    pub wrap_up: Millis,
    /// The longest wait; when it is reached, `finally` applies. `None` only on deferred channels.
    pub longest: Option<Millis>,
}

/// How pressing a contact is; the order of the variants is the order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Before everything, fenced contacts included.
    Urgent,
    /// Before normal.
    High,
    /// The default.
    Normal,
    /// After normal.
    Low,
}

/// A skill at a least level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Need {
    /// The skill.
    pub skill: SkillId,
    /// The least proficiency that serves.
    pub level: Level,
}

/// A proficiency, 1 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u8);

/// An answer time and person promised to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Answered within; the divisor of `waited ÷ promised`. At least 1 ms.
    pub within: Millis,
    /// By whom.
    pub by: PromisedBy,
}

/// Whom the customer was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromisedBy {
    /// The lead.
    Lead,
    /// Somebody of the dedicated team.
    Team,
    /// Anyone able.
    Anyone,
}

/// One stage of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose stage it is.
    pub who: Who,
    /// How long the next step waits, by what keeps each of these people.
    pub holds: Holds,
    /// Whether these people join the earlier steps' or replace them.
    pub joining: Joining,
    /// Further skills needed in this step.
    pub needs: Vec<Need>,
    /// Checks that this step's people may skip.
    pub bypass: Bypass,
    /// How one of several equal people is chosen.
    pub pick: Pick,
}

/// A group of people, resolved against the teams and queues of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// One named person.
    Agent(AgentId),
    /// The lead of the fence's team for this customer.
    Lead,
    /// The team's other members, by rank.
    Backups,
    /// The whole team, or those of one role.
    Team(Option<RoleId>),
    /// Members of the teams that stand in.
    Covers,
    /// The queue's agents and those lent to it.
    Queue,
}

/// How long a step waits for its people, by what keeps each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holds {
    /// No capacity for this channel.
    pub busy: Hold,
    /// `not_ready`.
    pub away: Hold,
    /// An absence is on record.
    pub absent: Hold,
    /// Offline, or outside the shift.
    pub off_shift: Hold,
    /// No longer a member, or removed.
    pub left: Hold,
}

/// A span that a step waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Passing time.
    For(Millis),
    /// Working time of a calendar.
    Working(Millis, CalendarId),
    /// Only as the hold of people who are busy: while the chance that one of them frees up within the span, counted from
    /// the step's start and read from how long such contacts lasted, is at least so many thousandths.
    Smart(Millis, u16),
}

impl Holds {
    /// The same hold for every cause.
    #[must_use]
    pub const fn all(hold: Hold) -> Self {
        Self { busy: hold, away: hold, absent: hold, off_shift: hold, left: hold }
    }
}

/// What a step does with the people of the steps before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joining {
    /// They stay, and keep preference.
    Widens,
    /// They are replaced.
    Only,
}

/// Checks that a dedicated person may skip. Nothing is skipped silently: an event says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bypass {
    /// Needed skills.
    pub skill: bool,
    /// The channel's slots; points still hold.
    pub slots: bool,
    /// The shift.
    pub hours: bool,
}

/// How one of several equally entitled agents is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Idle longest on this channel.
    LongestIdle,
    /// Least points in use.
    LeastOccupied,
    /// Highest proficiency in the needed skills.
    MostProficient,
    /// Lowest proficiency that serves: spares the experts.
    LeastProficient,
    /// Fewest contacts handled since the day began.
    FewestToday,
    /// After the one chosen last.
    RoundRobin,
}

/// What happens when the plan has nobody left, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finally {
    /// Everybody is busy.
    pub busy: ExitAction,
    /// The team's and its covers' hours are over.
    pub closed_hours: ExitAction,
    /// A holiday.
    pub holiday: ExitAction,
    /// Nobody is there who could ever serve.
    pub no_cover: ExitAction,
}

impl Finally {
    /// What is done for a cause.
    #[must_use]
    pub const fn of(&self, cause: FinalCause) -> ExitAction {
        match cause {
            FinalCause::Busy => self.busy,
            FinalCause::ClosedHours => self.closed_hours,
            FinalCause::Holiday => self.holiday,
            FinalCause::NoCover => self.no_cover,
        }
    }
}

/// Why a plan came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalCause {
    /// Everybody is busy or away.
    Busy,
    /// Hours are over.
    ClosedHours,
    /// A holiday.
    Holiday,
    /// Nobody is there who could ever serve.
    NoCover,
}

/// What is done at the end of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitAction {
    /// Keep waiting; the fence stays closed.
    Stay,
    /// Open the fence: the queue's people join.
    Open,
    /// Ask the platform for a call-back; the contact is scheduled when it agrees, and waits until then.
    Callback,
    /// Send the contact elsewhere; it closes as diverted.
    Divert(DestinationId),
    /// Another queue; only for contacts that no closed fence holds, and else as `Stay`.
    Overflow(QueueId),
}

/// How a contact is put before agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OfferPolicy {
    /// One at a time, everybody at once, or without asking.
    pub mode: OfferMode,
    /// How long an offer stays before an agent. At least 1 ms.
    pub expires: Millis,
    /// How long an accepted contact may stay unconnected before it counts as failed to connect; `auto` included.
    pub accept_within: Millis,
    /// Consecutive no-answers on the channel after which the agent becomes `not_ready(no_answer)`; zero never.
    pub misses: u8,
    /// How long she stays so; zero until she says that she is ready.
    #[serde(default)]
    pub away_for: Millis,
}

/// How many agents are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferMode {
    /// One at a time.
    One,
    /// Every eligible free insider at once; the first accept wins.
    All,
    /// Nobody is asked; the contact is assigned.
    Auto,
}
