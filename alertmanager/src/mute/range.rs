//! The ranges that an interval is made of, and their text form. Ends are inclusive, but for times of day.

use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};

const MINUTES_A_DAY: u16 = 24 * 60;

/// From a minute of the day up to, and without, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    start: u16,
    end: u16,
}

impl TimeRange {
    /// Reads `HH:MM`; the end may be `24:00`.
    ///
    /// # Errors
    /// A text is no time of day, or the end is not behind the start.
    pub fn parse(start: &str, end: &str) -> Result<TimeRange, String> {
        let range = TimeRange {
            start: minute(start)?,
            end: minute(end)?,
        };
        if range.start >= range.end {
            return Err("start time cannot be equal or greater than end time".to_owned());
        }
        Ok(range)
    }

    pub(super) fn contains(self, at: Time) -> bool {
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        (self.start..self.end).contains(&minute)
    }
}

fn minute(text: &str) -> Result<u16, String> {
    let bad = || format!("couldn't parse timestamp {text}, invalid format");
    let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
    if hour.len() != 2 || minute.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return Err(bad());
    }
    let (hour, minute): (u16, u16) = (
        hour.parse().map_err(|_| bad())?,
        minute.parse().map_err(|_| bad())?,
    );
    let total = hour * 60 + minute;
    if minute > 59 || total > MINUTES_A_DAY {
        Err(bad())
    } else {
        Ok(total)
    }
}

/// Splits `a:b`; a lone `a` is both ends.
fn ends(text: &str) -> Result<(String, String), String> {
    let text = text.to_ascii_lowercase();
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(one), None, _) if !one.is_empty() => Ok((one.to_owned(), one.to_owned())),
        (Some(begin), Some(end), None) => Ok((begin.to_owned(), end.to_owned())),
        _ => Err(format!("couldn't parse range {text}, invalid format")),
    }
}

/// Days of the week by name, Sunday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekdayRange {
    begin: i8,
    end: i8,
}

impl WeekdayRange {
    pub(super) fn contains(self, day: Weekday) -> bool {
        (self.begin..=self.end).contains(&day.to_sunday_zero_offset())
    }
}

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// `monday:friday` or `saturday`.
impl FromStr for WeekdayRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (begin, end) = ends(text)?;
        let day = |name: &str| {
            let at = WEEKDAYS.iter().position(|day| *day == name);
            at.and_then(|at| i8::try_from(at).ok())
                .ok_or_else(|| format!("{name} is not a valid weekday"))
        };
        let range = WeekdayRange {
            begin: day(&begin)?,
            end: day(&end)?,
        };
        if range.begin > range.end {
            return Err("start day cannot be before end day".to_owned());
        }
        Ok(range)
    }
}

/// Days of the month; negative ones count from its end, -1 being the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOfMonthRange {
    begin: i8,
    end: i8,
}

impl DayOfMonthRange {
    pub(super) fn contains(self, date: Date) -> bool {
        let days = date.days_in_month();
        if self.begin > days || self.end < -days {
            return false;
        }
        let from_start = |day: i8| if day < 0 { days + day + 1 } else { day };
        let (begin, end) = (from_start(self.begin).max(1), from_start(self.end).min(days));
        (begin..=end).contains(&date.day())
    }
}

/// `1:5`, `-3:-1` or `15`.
impl FromStr for DayOfMonthRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (begin, end) = ends(text)?;
        let day = |text: &str| {
            let day: i8 = text
                .parse()
                .map_err(|_| format!("{text} is not a valid day of the month"))?;
            if day == 0 || !(-31..=31).contains(&day) {
                return Err(format!("{day} is not a valid day of the month: out of range"));
            }
            Ok(day)
        };
        let (begin, end) = (day(&begin)?, day(&end)?);
        if begin < 0 && end > 0 {
            return Err("end day must be negative if start day is negative".to_owned());
        }
        // A month has 28 days at least; what is backwards even there is backwards in every month.
        let in_february = |day: i8| if day < 0 { 28 + day } else { day };
        if in_february(begin) > in_february(end) {
            return Err(format!("end day {end} is always before start day {begin}"));
        }
        Ok(DayOfMonthRange { begin, end })
    }
}

/// Months, 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRange {
    begin: i8,
    end: i8,
}

impl MonthRange {
    pub(super) fn contains(self, month: i8) -> bool {
        (self.begin..=self.end).contains(&month)
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `january:march`, `5`, `may:8`.
impl FromStr for MonthRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (begin, end) = ends(text)?;
        let month = |text: &str| {
            let named = MONTHS
                .iter()
                .position(|name| *name == text)
                .and_then(|at| i8::try_from(at + 1).ok());
            named
                .or_else(|| text.parse().ok())
                .filter(|month| (1..=12).contains(month))
                .ok_or_else(|| format!("{text} is not a valid month"))
        };
        let range = MonthRange {
            begin: month(&begin)?,
            end: month(&end)?,
        };
        if range.begin > range.end {
            return Err(format!("end month {end} is before start month {begin}"));
        }
        Ok(range)
    }
}

/// Years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearRange {
    begin: i16,
    end: i16,
}

impl YearRange {
    pub(super) fn contains(self, year: i16) -> bool {
        (self.begin..=self.end).contains(&year)
    }
}

/// `2026:2028` or `2026`.
impl FromStr for YearRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (begin, end) = ends(text)?;
        let year = |text: &str| text.parse().map_err(|_| format!("{text} is not a valid year"));
        let range = YearRange {
            begin: year(&begin)?,
            end: year(&end)?,
        };
        if range.begin > range.end {
            return Err(format!("end year {end} is before start year {begin}"));
        }
        Ok(range)
    }
}
