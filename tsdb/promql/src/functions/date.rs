//! Parts of the date, in UTC, by arithmetic on the proleptic Gregorian calendar.
//!
//! Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days).

const DAY_SECONDS: i64 = 86_400;

struct Civil {
    year: i64,
    month: i64,
    day: i64,
}

fn civil(epoch_s: i64) -> Civil {
    let days = epoch_s.div_euclid(DAY_SECONDS) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    // Years begin in March here, so that the leap day is the last of a year.
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 1 to 31.
pub(crate) fn day_of_month(epoch_s: i64) -> f64 {
    civil(epoch_s).day as f64
}

/// 0 (Sunday) to 6.
pub(crate) fn day_of_week(epoch_s: i64) -> f64 {
    (epoch_s.div_euclid(DAY_SECONDS) + 4).rem_euclid(7) as f64
}

/// 1 to 366.
pub(crate) fn day_of_year(epoch_s: i64) -> f64 {
    let Civil { year, month, day } = civil(epoch_s);
    ((1..month).map(|m| month_length(year, m)).sum::<i64>() + day) as f64
}

/// 28 to 31.
pub(crate) fn days_in_month(epoch_s: i64) -> f64 {
    let Civil { year, month, .. } = civil(epoch_s);
    month_length(year, month) as f64
}

/// 0 to 23.
pub(crate) fn hour(epoch_s: i64) -> f64 {
    (epoch_s.rem_euclid(DAY_SECONDS) / 3600) as f64
}

/// 0 to 59.
pub(crate) fn minute(epoch_s: i64) -> f64 {
    (epoch_s.rem_euclid(3600) / 60) as f64
}

/// 1 to 12.
pub(crate) fn month(epoch_s: i64) -> f64 {
    civil(epoch_s).month as f64
}

/// The year.
pub(crate) fn year(epoch_s: i64) -> f64 {
    civil(epoch_s).year as f64
}
