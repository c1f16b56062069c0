//! Decides when things happen in the demo's world: how fast it goes, and what is sure to happen in every run.

use super::people::VALUED;
use super::{World, later};
use crate::output::Contact;

/// How fast the world goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// Mean time between two contacts of valued customers, in milliseconds.
    pub valued_every: u64,
    /// The length of one act of the script, in milliseconds: an illness, an empty office, a rush.
    pub act: u64,
    /// Whether the script is played again and again.
    pub endless: bool,
}

impl Tempo {
    /// A run of so many milliseconds in which contacts arrive: about sixty valued ones, however short it is.
    #[must_use]
    pub const fn within(arrivals_ms: u64) -> Self {
        let every = arrivals_ms / 60;
        Self { valued_every: if every < 150 { 150 } else { every }, act: arrivals_ms, endless: false }
    }

    /// A run without an end, slow enough to follow.
    #[must_use]
    pub const fn endless() -> Self {
        Self { valued_every: 900, act: 60_000, endless: true }
    }

    /// Mean time an agent talks, in milliseconds: long enough that the teams are busy.
    pub(super) const fn handling(self) -> u64 {
        self.valued_every * 4
    }
}

/// Something that somebody is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    ValuedArrives { again: bool, customer: Option<usize> },
    GeneralArrives,
    GivesUp(Contact),
    Answers { offer: String, agent: String, accepts: bool },
    Connects(Contact),
    Parks(Contact),
    Resumes(Contact),
    Ends(Contact),
    Closes(Contact),
    State { agent: &'static str, state: &'static str, reason: Option<&'static str> },
    Absent { agent: &'static str, deputy: &'static str, for_ms: u64 },
}

impl Intent {
    /// Whether it is not done any more once the world calms down.
    pub(super) const fn ends_with_the_day(&self) -> bool {
        matches!(self, Self::ValuedArrives { .. } | Self::GeneralArrives | Self::State { .. } | Self::Absent { .. })
    }
}

impl World {
    /// Plans what is sure to happen, for one act or for a day of acts.
    pub(super) fn write_script(&mut self) {
        self.plan(self.started, Intent::ValuedArrives { again: true, customer: None });
        self.plan(self.started, Intent::GeneralArrives);
        let acts = if self.tempo.endless { 24 * 60 } else { 1 };
        for act in 0..acts {
            self.write_act(act * self.tempo.act);
        }
    }

    /// One act: a lead is ill, an office is empty while its customers call, everybody calls at once, somebody has a break.
    fn write_act(&mut self, from: u64) {
        let act = self.tempo.act;
        let at = |world: &Self, permille: u64| world.started + i64::try_from(from + act * permille / 1000).unwrap_or(0);
        self.plan(at(self, 10), Intent::Absent { agent: "ann", deputy: "bola", for_ms: act * 300 / 1000 });
        self.plan(at(self, 200), Intent::State { agent: "mika", state: "not_ready", reason: Some("break") });
        self.plan(at(self, 400), Intent::State { agent: "mika", state: "ready", reason: None });
        for agent in ["gwen", "hana"] {
            self.plan(at(self, 350), Intent::State { agent, state: "offline", reason: None });
            self.plan(at(self, 550), Intent::State { agent, state: "ready", reason: None });
        }
        let of_account = |account: &str| -> Vec<usize> {
            VALUED.iter().enumerate().filter(|(_, c)| c.account == account).map(|(index, _)| index).collect()
        };
        for (nth, customer) in of_account("northwind").into_iter().enumerate() {
            let moment = at(self, 400 + 40 * nth as u64);
            self.plan(moment, Intent::ValuedArrives { again: false, customer: Some(customer) });
        }
        for customer in of_account("jhu").into_iter().cycle().take(10) {
            let moment = at(self, 650) + later(&mut self.chance.valued, 0, 400);
            self.plan(moment, Intent::ValuedArrives { again: false, customer: Some(customer) });
        }
    }
}
