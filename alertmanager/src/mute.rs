//! Recurring times: office hours, weekends, the first days of a month. Routes are muted or active by them.
//!
//! Pure: whether a time falls into an interval is a function of the two. Format and meaning are those of
//! Alertmanager's `time_intervals`.

mod range;

use std::collections::BTreeMap;

use jiff::civil;
use jiff::tz::TimeZone;

pub use range::{DayOfMonthRange, MonthRange, TimeRange, WeekdayRange, YearRange};

/// A time falls into the interval when it falls into one range of every kind that has any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimeInterval {
    /// Times of day.
    pub times: Vec<TimeRange>,
    /// Days of the week.
    pub weekdays: Vec<WeekdayRange>,
    /// Days of the month.
    pub days_of_month: Vec<DayOfMonthRange>,
    /// Months.
    pub months: Vec<MonthRange>,
    /// Years.
    pub years: Vec<YearRange>,
    /// Where the clock stands.
    pub location: Location,
}

/// A time zone; UTC by default.
#[derive(Debug, Clone, PartialEq)]
pub struct Location(pub TimeZone);

impl Default for Location {
    fn default() -> Self {
        Location(TimeZone::UTC)
    }
}

/// An IANA name, or `Local` for the system's zone.
impl std::str::FromStr for Location {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "Local" => Ok(Location(TimeZone::system())),
            "" | "UTC" => Ok(Location(TimeZone::UTC)),
            name => TimeZone::get(name)
                .map(Location)
                .map_err(|_| format!("unknown time zone {name}")),
        }
    }
}

impl TimeInterval {
    /// Whether the interval holds `at_ms`, milliseconds since the epoch.
    pub fn contains(&self, at_ms: i64) -> bool {
        let Ok(at) = jiff::Timestamp::from_millisecond(at_ms) else {
            return false;
        };
        let at: civil::DateTime = self.location.0.to_datetime(at);
        any(&self.times, |range| range.contains(at.time()))
            && any(&self.weekdays, |range| range.contains(at.weekday()))
            && any(&self.days_of_month, |range| range.contains(at.date()))
            && any(&self.months, |range| range.contains(at.month()))
            && any(&self.years, |range| range.contains(at.year()))
    }
}

fn any<T>(ranges: &[T], contains: impl Fn(&T) -> bool) -> bool {
    ranges.is_empty() || ranges.iter().any(contains)
}

/// Why a route tells nobody at `now_ms`: the names of the times that mute it, or, outside all of its active
/// times, the names of those. Empty where it may tell.
pub fn muted_by(
    intervals: &BTreeMap<String, Vec<TimeInterval>>,
    mute: &[String],
    active: &[String],
    now_ms: i64,
) -> Vec<String> {
    let holds = |name: &&String| {
        intervals
            .get(*name)
            .is_some_and(|list| list.iter().any(|interval| interval.contains(now_ms)))
    };
    if !active.is_empty() && !active.iter().any(|name| holds(&name)) {
        return active.to_vec();
    }
    mute.iter().filter(holds).cloned().collect()
}

#[cfg(test)]
mod tests;
