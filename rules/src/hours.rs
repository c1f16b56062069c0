//! Decides when hours in OSM syntax are open, in a domain's time zone and with its public holidays.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use opening_hours::localization::Country;
use opening_hours::{Context, ContextHolidays, OpeningHours, RuleKind};
use picket_core::{Calendar, Timestamp, Window};

/// How far ahead calendars are compiled.
pub const HORIZON_DAYS: i64 = 400;

const DAY_MS: i64 = 86_400_000;

/// The longest expression that is read.
const LONGEST: usize = 256;

/// A domain's clock: its time zone and its public holidays.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    name: String,
    zone: TimeZone,
    country: Option<String>,
    holidays: ContextHolidays,
}

/// Why a time zone or a country can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZoneError {
    #[error("the time zone is not in the IANA database")]
    UnknownZone,
    #[error("the country is no ISO code with known holidays")]
    UnknownCountry,
}

impl Zone {
    pub(crate) fn new(name: &str, country: Option<&str>) -> Result<Self, ZoneError> {
        let zone = TimeZone::get(name).map_err(|_| ZoneError::UnknownZone)?;
        let holidays = match country {
            Some(code) => Country::from_str(code).map_err(|_| ZoneError::UnknownCountry)?.holidays(),
            None => ContextHolidays::default(),
        };
        Ok(Self { name: name.to_owned(), zone, country: country.map(str::to_owned), holidays })
    }

    /// UTC without holidays: what a faulty domain is read as, so that the check can go on.
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC, country: None, holidays: ContextHolidays::default() }
    }

    /// The local time at a moment.
    pub(crate) fn local(&self, at: Timestamp) -> NaiveDateTime {
        let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let civil = self.zone.to_datetime(moment);
        let (year, month, day) = (i32::from(civil.year()), narrow(civil.month()), narrow(civil.day()));
        NaiveDate::from_ymd_opt(year, month, day)
            .and_then(|date| date.and_hms_opt(narrow(civil.hour()), narrow(civil.minute()), narrow(civil.second())))
            .unwrap_or_default()
    }

    /// The moment of a local time; one that a change of clocks skips is the moment after it.
    pub(crate) fn moment(&self, local: NaiveDateTime) -> Timestamp {
        let year = i16::try_from(local.year()).unwrap_or(i16::MAX);
        let [month, day, hour, minute, second] =
            [local.month(), local.day(), local.hour(), local.minute(), local.second()]
                .map(|part| i8::try_from(part).unwrap_or(0));
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).unwrap_or(DateTime::ZERO);
        let moment = self.zone.to_ambiguous_timestamp(civil).compatible();
        Timestamp(moment.map_or(0, jiff::Timestamp::as_millisecond))
    }
}

fn narrow(part: i8) -> u32 {
    u32::try_from(part).unwrap_or(0)
}

/// Hours of a domain.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    name: String,
    zone: Zone,
    hours: OpeningHours,
}

impl Hours {
    /// Reads hours; the error says what is wrong with them.
    pub(crate) fn parse(text: &str, zone: &Zone) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("hours are at most {LONGEST} bytes"));
        }
        let full =
            if zone.country.is_some() && !text.contains("PH") { format!("{text}; PH off") } else { text.to_owned() };
        let hours = OpeningHours::from_str(&full).map_err(|error| one_line(&error.to_string()))?;
        let hours = hours.with_context(Context::default().with_holidays(zone.holidays.clone()));
        let country = zone.country.as_deref().unwrap_or("-");
        Ok(Self { name: format!("{} {country} {text}", zone.name), zone: zone.clone(), hours })
    }

    /// What the calendar is called: the same hours in the same zone have one calendar.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether they are open at a moment.
    pub(crate) fn is_open(&self, at: Timestamp) -> bool {
        self.hours.is_open(self.zone.local(at))
    }

    /// The windows from the day before a moment to the horizon.
    pub(crate) fn calendar(&self, now: Timestamp) -> Calendar {
        let from = Timestamp(now.0.div_euclid(DAY_MS).saturating_sub(1).saturating_mul(DAY_MS));
        let until = Timestamp(from.0.saturating_add((HORIZON_DAYS + 1).saturating_mul(DAY_MS)));
        let ranges = self.hours.iter_range(self.zone.local(from), self.zone.local(until));
        let open = ranges.filter(|range| range.kind == RuleKind::Open);
        let windows = open.map(|range| Window {
            from: self.zone.moment(range.range.start).max(from),
            to: self.zone.moment(range.range.end).min(until),
        });
        Calendar { windows: joined(windows.collect()), until: Some(until), holidays: self.holidays(from, until) }
    }

    /// The local days of a span that are public holidays.
    fn holidays(&self, from: Timestamp, until: Timestamp) -> Vec<Window> {
        let (first, last) = (self.zone.local(from).date(), self.zone.local(until).date());
        let midnight = |day: NaiveDate| self.zone.moment(day.and_time(NaiveTime::MIN));
        let days = first.iter_days().take_while(|day| *day <= last);
        let free = days.filter(|day| self.zone.holidays.get_public().contains(*day));
        let windows = free.filter_map(|day| Some(Window { from: midnight(day), to: midnight(day.succ_opt()?) }));
        joined(windows.collect())
    }
}

/// The windows in which at least one of several calendars is open.
pub(crate) fn union(calendars: &[Calendar]) -> Calendar {
    let windows = calendars.iter().flat_map(|calendar| calendar.windows.iter().copied()).collect();
    let holidays = calendars.iter().flat_map(|calendar| calendar.holidays.iter().copied()).collect();
    let until = calendars.iter().filter_map(|calendar| calendar.until).min();
    Calendar { windows: joined(windows), until, holidays: joined(holidays) }
}

fn joined(mut windows: Vec<Window>) -> Vec<Window> {
    windows.retain(|window| window.from < window.to);
    windows.sort_by_key(|window| (window.from, window.to));
    let mut out: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match out.last_mut() {
            Some(last) if window.from <= last.to => last.to = last.to.max(window.to),
            Some(_) | None => out.push(window),
        }
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a calendar is open at a moment.
    fn is_open(calendar: &Calendar, at: Timestamp) -> bool {
        let after = calendar.windows.partition_point(|window| window.to <= at);
        calendar.windows.get(after).is_some_and(|window| window.from <= at)
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn london(text: &str) -> Hours {
        Hours::parse(text, &Zone::new("Europe/London", Some("GB")).unwrap()).unwrap()
    }

    #[test]
    fn hours_follow_the_clock_change_of_the_zone() {
        let hours = london("Mo-Su 07:00-19:00");
        assert!(!hours.is_open(at("2026-07-01T05:59:00Z")) && hours.is_open(at("2026-07-01T06:00:00Z")));
        assert!(!hours.is_open(at("2026-12-01T06:59:00Z")) && hours.is_open(at("2026-12-01T07:00:00Z")));
    }

    #[test]
    fn the_compiled_windows_say_the_same_as_the_expression() {
        let hours = london("Mo-Fr 08:00-16:30; Sa 09:00-12:00,22:00-02:00");
        let now = at("2026-03-20T11:00:00Z");
        let calendar = hours.calendar(now);
        for quarter in 0..(96 * 60) {
            let moment = Timestamp(now.0 + quarter * 900_000);
            assert_eq!(is_open(&calendar, moment), hours.is_open(moment), "{moment:?}");
        }
    }

    #[test]
    fn public_holidays_are_closed_unless_the_hours_mention_them() {
        let christmas = at("2026-12-25T12:00:00Z");
        assert!(!london("Mo-Su 07:00-19:00").is_open(christmas));
        assert!(london("Mo-Su,PH 07:00-19:00").is_open(christmas));
    }

    #[test]
    fn a_calendar_knows_which_days_are_holidays() {
        let calendar = london("Mo-Su 07:00-19:00").calendar(at("2026-03-20T11:00:00Z"));
        let is_holiday = |text| {
            let moment = at(text);
            calendar.holidays.iter().any(|day| day.from <= moment && moment < day.to)
        };
        assert!(is_holiday("2026-12-25T00:00:00Z") && is_holiday("2026-12-25T23:59:59Z"));
        assert!(!is_holiday("2026-12-24T23:59:59Z") && !is_holiday("2026-12-29T12:00:00Z"));
    }

    #[test]
    fn windows_are_sorted_disjoint_and_end_at_the_horizon() {
        let now = at("2026-03-20T11:00:00Z");
        let calendar = london("24/7; PH off").calendar(now);
        assert!(calendar.windows.windows(2).all(|pair| pair[0].to < pair[1].from));
        assert!(calendar.until.unwrap().0 - now.0 >= (HORIZON_DAYS - 1) * DAY_MS);
    }
}
