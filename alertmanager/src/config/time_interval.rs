//! `time_intervals:` and the older `mute_time_intervals:`.

use serde::Deserialize;
use yaml::{Located, or_default};

use crate::mute::{DayOfMonthRange, Location, MonthRange, TimeInterval, TimeRange, WeekdayRange, YearRange};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNamed {
    pub(super) name: Option<Located<String>>,
    #[serde(deserialize_with = "or_default")]
    time_intervals: Vec<RawInterval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawInterval {
    #[serde(deserialize_with = "or_default")]
    times: Vec<RawTimes>,
    #[serde(deserialize_with = "or_default")]
    weekdays: Vec<Checked<WeekdayRange>>,
    #[serde(deserialize_with = "or_default")]
    days_of_month: Vec<Checked<DayOfMonthRange>>,
    #[serde(deserialize_with = "or_default")]
    months: Vec<Checked<MonthRange>>,
    #[serde(deserialize_with = "or_default")]
    years: Vec<Checked<YearRange>>,
    location: Option<Checked<Location>>,
}

/// A time of day from one to another, as written.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTimeRange {
    #[serde(deserialize_with = "or_default")]
    start_time: String,
    #[serde(deserialize_with = "or_default")]
    end_time: String,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "RawTimeRange")]
struct RawTimes(TimeRange);

impl TryFrom<RawTimeRange> for RawTimes {
    type Error = String;

    fn try_from(raw: RawTimeRange) -> Result<Self, String> {
        if raw.start_time.is_empty() || raw.end_time.is_empty() {
            return Err("both start and end times must be provided".to_owned());
        }
        TimeRange::parse(&raw.start_time, &raw.end_time).map(RawTimes)
    }
}

/// A value read from text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String", bound = "T: std::str::FromStr<Err = String>")]
struct Checked<T>(T);

impl<T: std::str::FromStr<Err = String>> TryFrom<String> for Checked<T> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Checked)
    }
}

impl RawNamed {
    /// The intervals, which were checked while they were read.
    pub(super) fn intervals(self) -> Vec<TimeInterval> {
        self.time_intervals
            .into_iter()
            .map(RawInterval::interval)
            .collect()
    }
}

impl RawInterval {
    fn interval(self) -> TimeInterval {
        TimeInterval {
            times: self.times.into_iter().map(|RawTimes(range)| range).collect(),
            weekdays: self.weekdays.into_iter().map(|Checked(range)| range).collect(),
            days_of_month: self
                .days_of_month
                .into_iter()
                .map(|Checked(range)| range)
                .collect(),
            months: self.months.into_iter().map(|Checked(range)| range).collect(),
            years: self.years.into_iter().map(|Checked(range)| range).collect(),
            location: self
                .location
                .map_or_else(Location::default, |Checked(location)| location),
        }
    }
}
