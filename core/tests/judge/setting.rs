//! The names and the pace of a random history, so that the same history can be run under other names and at another
//! pace (invariant 12).

use picket_core::*;

pub(crate) const GENERAL: u32 = 0;
pub(crate) const BILLING: u32 = 1;
pub(crate) const DEDICATED: u32 = 0;
pub(crate) const COVERING: u32 = 1;
pub(crate) const VOICE: u32 = 0;
pub(crate) const CHAT: u32 = 1;
pub(crate) const EMAIL: u32 = 2;
pub(crate) const FRENCH: u32 = 0;
pub(crate) const GERMAN: u32 = 1;
pub(crate) const SERVICE: u32 = 1;
pub(crate) const SHIFT: u32 = 0;
pub(crate) const HOURS: u32 = 1;

/// Midnight of a day, so that a history at three times the pace lies within one day too.
const START: i64 = 20_834 * 86_400_000;

/// How numbers are written down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) start: i64,
    /// Half a second, unless scaled.
    pub(crate) ms_per_tick: u32,
    /// Every name is this many times further from the first.
    stride: u32,
    /// Whether only what has a duration of its own in the inputs happens: the core's own constants do not scale.
    pub(crate) is_scalable: bool,
}

macro_rules! names {
    ($($name:ident: $id:ident),*) => {
        $(pub(crate) fn $name(self, number: u32) -> $id { $id(number * self.stride) })*
    };
}

impl Setting {
    pub(crate) const USUAL: Self = Self { start: START, ms_per_tick: 500, stride: 1, is_scalable: false };

    pub(crate) const fn scalable(self) -> Self {
        Self { is_scalable: true, ..self }
    }

    pub(crate) fn scaled(self, by: u32) -> Self {
        Self { start: self.start * i64::from(by), ms_per_tick: self.ms_per_tick * by, ..self }
    }

    pub(crate) fn later(self, by: i64) -> Self {
        Self { start: self.start + by, ..self }
    }

    pub(crate) const fn renamed(self, stride: u32) -> Self {
        Self { stride, ..self }
    }

    pub(crate) fn span(self, ticks: u32) -> Millis {
        Millis(ticks * self.ms_per_tick)
    }

    pub(crate) fn at(self, ticks: i64) -> Timestamp {
        Timestamp(self.start + ticks * i64::from(self.ms_per_tick))
    }

    names! {
        agent: AgentId, team: TeamId, queue: QueueId, channel: ChannelId, skill: SkillId, role: RoleId,
        calendar: CalendarId, contact: ContactId, thread: ThreadId, matter: MatterId, source: SourceId,
        reason: ReasonId
    }
}

/// Names and times of a written event, as another setting would write them.
pub(crate) fn rewritten(text: &str, number: impl Fn(&str, i64) -> i64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let (before, inside) = rest.split_at(open + 1);
        let word = before[..open].rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let digits = inside.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(inside.len());
        out.push_str(before);
        match inside[..digits].parse::<i64>() {
            Ok(value) => out.push_str(&number(word, value).to_string()),
            Err(_) => out.push_str(&inside[..digits]),
        }
        rest = &inside[digits..];
    }
    out.push_str(rest);
    out
}
