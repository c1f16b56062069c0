//! Decides how much of each group's time was worked: by who is on shift, and who has a contact.

use std::collections::BTreeMap;

use picket_core::{CalendarId, Timestamp, WorldChange};

use super::tally::GroupTally;

/// The groups' clocks.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    groups: Vec<Group>,
    /// Who works by each calendar: groups, and how many of each.
    by_calendar: BTreeMap<CalendarId, Vec<(usize, u32)>>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    on_shift: u32,
    busy: u32,
    since: i64,
    sum: GroupTally,
}

impl Group {
    #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
    fn pass(&mut self, now: i64) {
        let span = (now - self.since) as f64;
        self.since = now;
        self.sum.busy += span * f64::from(self.busy);
        self.sum.duty += span * f64::from(self.on_shift.max(self.busy));
    }
}

impl Duty {
    /// The clocks at the beginning.
    pub(super) fn new(groups: usize, group_of: &[usize], changes: &[WorldChange], start: i64) -> Self {
        let mut duty =
            Self { groups: vec![Group { since: start, ..Group::default() }; groups], by_calendar: BTreeMap::new() };
        let mut open = BTreeMap::new();
        for change in changes {
            match change {
                WorldChange::PutCalendar(id, calendar) => {
                    let at = Timestamp(start);
                    open.insert(*id, calendar.windows.iter().any(|window| window.from <= at && at < window.to));
                }
                WorldChange::PutAgent(id, spec) => {
                    let Some(group) = group_of.get(id.index()).copied() else { continue };
                    if let Some(calendar) = spec.shift {
                        let members = duty.by_calendar.entry(calendar).or_default();
                        match members.iter_mut().find(|(own, _)| *own == group) {
                            Some((_, count)) => *count += 1,
                            None => members.push((group, 1)),
                        }
                    }
                    let here = spec.shift.is_none_or(|shift| open.get(&shift).copied().unwrap_or(false));
                    if let Some(state) = duty.groups.get_mut(group) {
                        state.on_shift += u32::from(here);
                    }
                }
                WorldChange::PutChannel(..)
                | WorldChange::RemoveAgent(_)
                | WorldChange::PutTeam(..)
                | WorldChange::RemoveTeam(_)
                | WorldChange::PutQueue(..) => {}
            }
        }
        duty
    }

    /// A calendar opened or closed.
    pub(super) fn turn(&mut self, now: i64, calendar: CalendarId, is_open: bool) {
        for (group, count) in self.by_calendar.get(&calendar).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(*group) {
                group.pass(now);
                group.on_shift = if is_open { group.on_shift + count } else { group.on_shift.saturating_sub(*count) };
            }
        }
    }

    /// One of a group has something to do, from now on.
    pub(super) fn begin(&mut self, now: i64, group: usize) {
        if let Some(group) = self.groups.get_mut(group) {
            group.pass(now);
            group.busy += 1;
        }
    }

    /// One of a group has nothing to do any more.
    pub(super) fn end(&mut self, now: i64, group: usize) {
        if let Some(group) = self.groups.get_mut(group) {
            group.pass(now);
            group.busy = group.busy.saturating_sub(1);
        }
    }

    /// The time that has passed since the last call.
    pub(super) fn take(&mut self, now: i64) -> Vec<GroupTally> {
        let groups = self.groups.iter_mut();
        groups
            .map(|group| {
                group.pass(now);
                core::mem::take(&mut group.sum)
            })
            .collect()
    }
}
