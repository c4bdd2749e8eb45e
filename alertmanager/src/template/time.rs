//! Times and durations as Go writes them, and the methods that templates call on them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use std::sync::Arc;

use super::{FuncError, FuncResult, Value};

/// Go's zero time, 1 January of the year 1 in UTC: what an unset time is.
pub const ZERO_TIME_MS: i64 = -62_135_596_800_000;

/// The layouts of Go's reference time, the longer before those that begin alike.
const TOKENS: [(&str, Part); 33] = [
    ("January", Part::MonthName),
    ("Jan", Part::MonthShort),
    ("Monday", Part::DayName),
    ("Mon", Part::DayShort),
    ("MST", Part::ZoneName),
    ("2006", Part::Year),
    ("__2", Part::DayOfYear(b' ')),
    ("002", Part::DayOfYear(b'0')),
    ("_2", Part::Day(b' ')),
    ("01", Part::Month(b'0')),
    ("02", Part::Day(b'0')),
    ("03", Part::Hour12(b'0')),
    ("04", Part::Minute(b'0')),
    ("05", Part::Second(b'0')),
    ("06", Part::Year2),
    ("15", Part::Hour24),
    ("1", Part::Month(0)),
    ("2", Part::Day(0)),
    ("3", Part::Hour12(0)),
    ("4", Part::Minute(0)),
    ("5", Part::Second(0)),
    ("PM", Part::Half(true)),
    ("pm", Part::Half(false)),
    ("-07:00:00", Part::Offset(false, true, 3)),
    ("-070000", Part::Offset(false, false, 3)),
    ("-07:00", Part::Offset(false, true, 2)),
    ("-0700", Part::Offset(false, false, 2)),
    ("-07", Part::Offset(false, false, 1)),
    ("Z07:00:00", Part::Offset(true, true, 3)),
    ("Z070000", Part::Offset(true, false, 3)),
    ("Z07:00", Part::Offset(true, true, 2)),
    ("Z0700", Part::Offset(true, false, 2)),
    ("Z07", Part::Offset(true, false, 1)),
];

#[derive(Clone, Copy)]
enum Part {
    Year,
    Year2,
    MonthName,
    MonthShort,
    /// With the byte that fills up to two digits, 0 for none; likewise below.
    Month(u8),
    DayName,
    DayShort,
    Day(u8),
    DayOfYear(u8),
    Hour24,
    Hour12(u8),
    Minute(u8),
    Second(u8),
    Half(bool),
    ZoneName,
    /// Whether `Z` stands for no offset, whether colons stand between the parts, and how many parts there are.
    Offset(bool, bool, u8),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Go's `Time.Format`: the layout shows how the reference time, `Mon Jan 2 15:04:05 MST 2006`, would look.
pub fn format_time(at: &Zoned, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        if let Some((text, len)) = fraction(at, rest) {
            out.push_str(&text);
            rest = rest.get(len..).unwrap_or("");
            continue;
        }
        let token = TOKENS.iter().find(|(text, part)| {
            // "Jan" and "Mon" must not be the head of another word.
            let short = matches!(part, Part::MonthShort | Part::DayShort);
            let heads_word = |tail: &str| tail.starts_with(|c: char| c.is_ascii_lowercase());
            rest.strip_prefix(text)
                .is_some_and(|tail| !(short && heads_word(tail)))
        });
        match token {
            Some((text, part)) => {
                part.write(at, &mut out);
                rest = rest.get(text.len()..).unwrap_or("");
            }
            None => {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or("");
            }
        }
    }
    out
}

impl Part {
    fn write(self, at: &Zoned, out: &mut String) {
        let name = |names: &[&str], i: i8| {
            names
                .get(usize::try_from(i).unwrap_or(0))
                .copied()
                .unwrap_or("")
                .to_owned()
        };
        let month = name(&MONTHS, at.month() - 1);
        let day = name(&DAYS, at.weekday().to_sunday_zero_offset());
        let padded = |value: i8, fill: u8| match fill {
            0 => value.to_string(),
            b' ' => format!("{value:2}"),
            _ => format!("{value:02}"),
        };
        out.push_str(&match self {
            Part::Year => format!("{:04}", at.year()),
            Part::Year2 => format!("{:02}", at.year().rem_euclid(100)),
            Part::MonthName => month,
            Part::MonthShort => month.chars().take(3).collect(),
            Part::Month(fill) => padded(at.month(), fill),
            Part::DayName => day,
            Part::DayShort => day.chars().take(3).collect(),
            Part::Day(fill) => padded(at.day(), fill),
            Part::DayOfYear(b' ') => format!("{:3}", at.day_of_year()),
            Part::DayOfYear(_) => format!("{:03}", at.day_of_year()),
            Part::Hour24 => format!("{:02}", at.hour()),
            Part::Hour12(fill) => padded(if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 }, fill),
            Part::Minute(fill) => padded(at.minute(), fill),
            Part::Second(fill) => padded(at.second(), fill),
            Part::Half(upper) => match (at.hour() < 12, upper) {
                (true, true) => "AM",
                (true, false) => "am",
                (false, true) => "PM",
                (false, false) => "pm",
            }
            .to_owned(),
            Part::ZoneName => zone_name(at),
            Part::Offset(z, colon, parts) => offset(at, z, colon, parts),
        });
    }
}

/// A fraction of a second, `.000` or `,000` for so many digits, with `9` without zeros at the end, and the length
/// of its layout. It is one only where no further digit follows.
fn fraction(at: &Zoned, layout: &str) -> Option<(String, usize)> {
    let separator = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digits = layout.get(1..)?;
    let digit = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = digits.len() - digits.trim_start_matches(digit).len();
    if digits.get(count..)?.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{:09}", at.subsec_nanosecond());
    let kept = nanos.get(..count).unwrap_or(&nanos);
    let kept = if digit == '9' {
        kept.trim_end_matches('0')
    } else {
        kept
    };
    let text = if kept.is_empty() {
        String::new()
    } else {
        format!("{separator}{kept}")
    };
    Some((text, count + 1))
}

fn zone_name(at: &Zoned) -> String {
    let info = at.time_zone().to_offset_info(at.timestamp());
    info.abbreviation().to_owned()
}

fn offset(at: &Zoned, z: bool, colon: bool, parts: u8) -> String {
    let seconds = at.offset().seconds();
    if z && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let abs = seconds.unsigned_abs();
    let numbers = [abs / 3600, abs / 60 % 60, abs % 60];
    let texts: Vec<String> = numbers
        .iter()
        .take(usize::from(parts))
        .map(|n| format!("{n:02}"))
        .collect();
    format!("{sign}{}", texts.join(if colon { ":" } else { "" }))
}

/// Go's `Time.String`.
pub(super) fn time_string(at: &Zoned) -> String {
    format_time(at, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// Go's `Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn format_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let abs = ns.unsigned_abs();
    let decimal = |value: u64, unit: u64| {
        let fraction = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", value / unit)
    };
    match abs {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{abs}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(abs, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(abs, 1_000_000)),
        _ => {
            let minutes = abs / 60_000_000_000;
            let seconds = decimal(abs % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}

/// A method of `time.Time`; `None` for a name it does not have.
pub(super) fn time_method(at: &Arc<Zoned>, name: &str, args: &[Value]) -> Option<FuncResult> {
    let other = || match args {
        [Value::Time(other)] => Ok(other.timestamp()),
        _ => Err(FuncError(format!("wrong argument for {name}: expected a time"))),
    };
    let this = at.timestamp();
    let int = |i: i64| Ok(Value::Int(i));
    Some(match (name, args) {
        ("Format", [layout]) => match layout.as_str() {
            Some(layout) => Ok(format_time(at, layout).into()),
            None => Err("wrong type for value; expected string".into()),
        },
        ("String", []) => Ok(time_string(at).into()),
        ("Unix", []) => int(this.as_second()),
        ("UnixMilli", []) => int(this.as_millisecond()),
        ("UnixMicro", []) => int(this.as_microsecond()),
        ("UnixNano", []) => int(i64::try_from(this.as_nanosecond()).unwrap_or(0)),
        ("Year", []) => int(at.year().into()),
        ("Month", []) => Ok(format_time(at, "January").into()),
        ("Weekday", []) => Ok(format_time(at, "Monday").into()),
        ("Day", []) => int(at.day().into()),
        ("YearDay", []) => int(at.day_of_year().into()),
        ("Hour", []) => int(at.hour().into()),
        ("Minute", []) => int(at.minute().into()),
        ("Second", []) => int(at.second().into()),
        ("Nanosecond", []) => int(at.subsec_nanosecond().into()),
        ("IsZero", []) => Ok(Value::Bool(this.as_millisecond() == ZERO_TIME_MS)),
        ("UTC", []) => Ok(Value::Time(Arc::new(at.with_time_zone(TimeZone::UTC)))),
        ("Local", []) => Ok(Value::Time(Arc::new(at.with_time_zone(TimeZone::system())))),
        ("Add", [Value::Duration(ns)]) => match at.checked_add(SignedDuration::from_nanos(*ns)) {
            Ok(moved) => Ok(Value::Time(Arc::new(moved))),
            Err(_) => Err("time out of range".into()),
        },
        ("Sub", _) => other().map(|o| Value::Duration(saturating_since(this, o))),
        ("After", _) => other().map(|o| Value::Bool(this > o)),
        ("Before", _) => other().map(|o| Value::Bool(this < o)),
        ("Equal", _) => other().map(|o| Value::Bool(this == o)),
        _ => return None,
    })
}

fn saturating_since(this: Timestamp, other: Timestamp) -> i64 {
    let ns = this.as_nanosecond() - other.as_nanosecond();
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

/// A method of `time.Duration`; `None` for a name it does not have.
pub(super) fn duration_method(ns: i64, name: &str) -> Option<FuncResult> {
    #[expect(clippy::cast_precision_loss, reason = "Go converts likewise")]
    let float = ns as f64;
    Some(Ok(match name {
        "Seconds" => Value::Float(float / 1e9),
        "Minutes" => Value::Float(float / 60e9),
        "Hours" => Value::Float(float / 3600e9),
        "Milliseconds" => Value::Int(ns / 1_000_000),
        "Microseconds" => Value::Int(ns / 1_000),
        "Nanoseconds" => Value::Int(ns),
        "String" => format_duration(ns).into(),
        _ => return None,
    }))
}
