//! Parameters: from the query string and, with POST, from a form body; times and durations in Prometheus' spellings.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use model::Matcher;
use model::promtime::parse_duration_ms;
use promql::Expr;

use super::envelope::ApiError;

/// A form body longer than this is refused.
const MAX_FORM_BYTES: usize = 10 << 20;

/// The parameters of a request in the order given; a name can occur several times.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let query = request.uri().query().unwrap_or("").to_owned();
        let form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.starts_with("application/x-www-form-urlencoded"));
        let mut pairs = Vec::new();
        if form {
            let body = to_bytes(request.into_body(), MAX_FORM_BYTES)
                .await
                .map_err(|e| ApiError::parameter("body", e))?;
            decode(&String::from_utf8_lossy(&body), &mut pairs);
        }
        // As in Go, the body's values come before those of the URL.
        decode(&query, &mut pairs);
        Ok(Params(pairs))
    }
}

fn decode(text: &str, into: &mut Vec<(String, String)>) {
    let plain = |piece: &str| {
        let spaced = piece.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        into.push((plain(name), plain(value)));
    }
}

impl Params {
    /// The first value of `name`, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let given = |(n, value): &&(String, String)| n == name && !value.is_empty();
        self.0.iter().find(given).map(|(_, value)| value.as_str())
    }

    /// All values of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// A point in time in milliseconds, or `default`.
    ///
    /// # Errors
    /// Neither seconds nor RFC 3339.
    pub fn time_ms(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        self.get(name).map_or(Ok(default), |text| {
            parse_time_ms(text)
                .map_err(|why| ApiError::parameter(name, format!("invalid time value for '{name}': {why}")))
        })
    }

    /// A point in time that must be given.
    ///
    /// # Errors
    /// As [`Params::time_ms`], or absent.
    pub fn required_time_ms(&self, name: &str) -> Result<i64, ApiError> {
        parse_time_ms(self.get(name).unwrap_or("")).map_err(|why| ApiError::parameter(name, why))
    }

    /// A duration in milliseconds, if given.
    ///
    /// # Errors
    /// Neither seconds nor Prometheus' syntax.
    pub fn duration_ms(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.duration(name).map_err(|why| ApiError::parameter(name, why))
    }

    /// As [`Params::duration_ms`], for callers who say themselves what is wrong.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, String> {
        self.get(name).map(parse_duration_param_ms).transpose()
    }

    /// Up to what resolution downsampled data may answer in place of single samples, by Thanos' parameter
    /// `max_source_resolution`: a duration, or `auto` for a fifth of the step. 0 without it.
    ///
    /// # Errors
    /// Neither `auto` nor a duration.
    pub fn max_resolution_ms(&self, step_ms: i64) -> Result<i64, ApiError> {
        const NAME: &str = "max_source_resolution";
        match self.get(NAME) {
            Some("auto") => Ok(step_ms / 5),
            _ => Ok(self.duration_ms(NAME)?.unwrap_or(0)),
        }
    }

    /// A bound on the number of results, 0 for none.
    ///
    /// # Errors
    /// Not a whole number from 0 on.
    pub fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else {
            return Ok(0);
        };
        match text.parse::<i64>() {
            Ok(limit) => {
                usize::try_from(limit).map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
            }
            // The words of Go's parser of numbers, which clients have seen.
            Err(_) => Err(ApiError::parameter(
                "limit",
                format!("strconv.Atoi: parsing {text:?}: invalid syntax"),
            )),
        }
    }

    /// The selectors of `match[]`.
    ///
    /// # Errors
    /// One does not parse, or matches everything.
    pub fn matcher_sets(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        self.all("match[]")
            .map(|text| parse_selector("match[]", text))
            .collect()
    }
}

/// The matchers of a selector such as `up{job="x"}`.
///
/// # Errors
/// It does not parse, is more than a selector, or matches everything.
pub fn parse_selector(name: &str, text: &str) -> Result<Vec<Matcher>, ApiError> {
    let expr = promql::parse(text).map_err(|e| ApiError::parameter(name, e))?;
    let matchers = match expr {
        Expr::Selector(selector) if selector.offset_ms == 0 && selector.at.is_none() => selector.matchers,
        _ => return Err(ApiError::parameter(name, "expected a series selector")),
    };
    if matchers.iter().all(Matcher::matches_empty) {
        let why = format!("{name} must contain at least one non-empty matcher");
        return Err(ApiError::parameter(name, why));
    }
    Ok(matchers)
}

/// Seconds since the epoch, with a fraction, or RFC 3339; in milliseconds.
///
/// # Errors
/// Neither.
pub fn parse_time_ms(text: &str) -> Result<i64, String> {
    // What Go's client library sends for the least and greatest time it knows.
    match text {
        "-292273086-05-16T16:47:06Z" => return Ok(i64::MIN / 1_000_000),
        "292277025-08-18T07:12:54.999999999Z" => return Ok(i64::MAX / 1_000_000),
        _ => {}
    }
    let bad = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        // Beyond this a float no longer holds every millisecond, and arithmetic on times could overflow.
        return if ms.abs() < 9e15 {
            Ok(ms as i64)
        } else {
            Err(bad())
        };
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| bad())
}

fn parse_duration_param_ms(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1000.0;
        let fits = ms.abs() < 9e15;
        return if fits {
            Ok(ms as i64)
        } else {
            Err(format!(
                "cannot parse {text:?} to a valid duration. It overflows int64"
            ))
        };
    }
    parse_duration_ms(text).map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_seconds_and_as_rfc_3339() {
        assert_eq!(parse_time_ms("1435781451.781"), Ok(1_435_781_451_781));
        assert_eq!(parse_time_ms("2015-07-01T20:10:51.781Z"), Ok(1_435_781_451_781));
        assert_eq!(
            parse_time_ms("2015-07-01T22:10:51.781+02:00"),
            Ok(1_435_781_451_781)
        );
        for bad in ["", "yesterday", "NaN", "1e300", "inf"] {
            assert!(parse_time_ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_as_seconds_and_as_prometheus_writes_them() {
        assert_eq!(parse_duration_param_ms("0.5"), Ok(500));
        assert_eq!(parse_duration_param_ms("1m30s"), Ok(90_000));
        assert!(parse_duration_param_ms("1x").is_err());
    }

    #[test]
    fn the_coarsest_resolution_is_said_or_follows_from_the_step() {
        let of = |value: Option<&str>| {
            let pair = value.map(|v| ("max_source_resolution".to_owned(), v.to_owned()));
            Params(pair.into_iter().collect())
                .max_resolution_ms(1_800_000)
                .ok()
        };
        assert_eq!(of(None), Some(0));
        assert_eq!(of(Some("0s")), Some(0));
        assert_eq!(of(Some("5m")), Some(300_000));
        assert_eq!(of(Some("1h")), Some(3_600_000));
        assert_eq!(of(Some("auto")), Some(360_000));
        assert_eq!(of(Some("raw")), None);
    }

    #[test]
    fn forms_are_decoded() {
        let mut pairs = Vec::new();
        decode("query=a%7Bb%3D%22c+d%22%7D&match[]=x&match[]=y&empty", &mut pairs);
        let params = Params(pairs);
        assert_eq!(params.get("query"), Some("a{b=\"c d\"}"));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(params.get("empty"), None);
    }
}
