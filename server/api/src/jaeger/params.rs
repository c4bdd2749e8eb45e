//! Parameters of the query API. Times of a search are microseconds, those of dependencies milliseconds.

use std::collections::{BTreeMap, HashSet};

use model::spans::{TraceId, TraceQuery};

use super::duration::parse_go_duration_ns;
use super::envelope::Refusal;

/// How many traces a search gives that does not say.
const DEFAULT_LIMIT: usize = 100;

/// How far a search looks back that gives no start: two days, as in Jaeger.
const DEFAULT_LOOKBACK_NS: i64 = 48 * 3600 * 1_000_000_000;

/// How far dependencies look back that give no lookback: a day.
const DEFAULT_DEPENDENCY_LOOKBACK_MS: i64 = 24 * 3600 * 1000;

/// Traces that one request can name.
const MAX_TRACE_IDS: usize = 1000;

const NS_A_US: i64 = 1000;
const NS_A_MS: i64 = 1_000_000;

/// What `/api/traces` is asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    /// Traces that meet a condition.
    Search(TraceQuery),
    /// These traces, each once, whatever else the request says.
    Ids(Vec<TraceId>),
}

/// The pairs of a query string, in order; a name can occur several times.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn new(query: Option<&str>) -> Params {
        let plain = |piece: &str| {
            let spaced = piece.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        Params(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(k, v)| (plain(k), plain(v)))
                .collect(),
        )
    }

    /// The first value of `name`, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal::bad_request(format!("parameter '{name}' is required")))
    }

    /// What `/api/traces` is asked for at `now_ns`.
    pub(super) fn search(&self, now_ns: i64) -> Result<Ask, Refusal> {
        let start_min_ns = self.time_ns("start", NS_A_US, now_ns.saturating_sub(self.lookback_ns()?))?;
        let start_max_ns = self.time_ns("end", NS_A_US, now_ns)?;
        let tags = self.tags()?;
        let limit = self.limit()?;
        let duration_min_ns = self.duration_ns("minDuration")?;
        let duration_max_ns = self.duration_ns("maxDuration")?;
        let ids = self
            .all("traceID")
            .map(|id| trace_id(id).map_err(|refusal| refusal.within("cannot parse traceID param")));
        let mut ids: Vec<TraceId> = ids.collect::<Result<_, _>>()?;
        if ids.len() > MAX_TRACE_IDS {
            return Err(Refusal::bad_request(format!(
                "more than {MAX_TRACE_IDS} parameters 'traceID'"
            )));
        }
        let mut named = HashSet::new();
        ids.retain(|id| named.insert(*id));
        if !ids.is_empty() {
            return Ok(Ask::Ids(ids));
        }
        let service = Some(self.required("service")?.to_owned());
        if start_min_ns > start_max_ns {
            return Err(Refusal::bad_request(
                "invalid parameter: start time must be before end time",
            ));
        }
        if duration_min_ns
            .zip(duration_max_ns)
            .is_some_and(|(min, max)| max < min)
        {
            return Err(Refusal::bad_request(
                "'maxDuration' should be greater than 'minDuration'",
            ));
        }
        let operation = self.get("operation").map(str::to_owned);
        Ok(Ask::Search(TraceQuery {
            service,
            operation,
            tags,
            start_min_ns,
            start_max_ns,
            duration_min_ns,
            duration_max_ns,
            limit,
        }))
    }

    /// Start and end in nanoseconds of what `/api/dependencies` is asked for.
    pub(super) fn dependency_range(&self, now_ns: i64) -> Result<(i64, i64), Refusal> {
        let end_ns = self.time_ns("endTs", NS_A_MS, now_ns)?;
        let lookback_ms = self
            .integer("lookback")?
            .unwrap_or(DEFAULT_DEPENDENCY_LOOKBACK_MS);
        Ok((end_ns.saturating_sub(lookback_ms.saturating_mul(NS_A_MS)), end_ns))
    }

    /// The UI sends `lookback` beside start and end, as `1h`, `2d` or `custom`; it counts where there is no start.
    fn lookback_ns(&self) -> Result<i64, Refusal> {
        let Some(text) = self
            .get("lookback")
            .filter(|text| *text != "custom" && self.get("start").is_none())
        else {
            return Ok(DEFAULT_LOOKBACK_NS);
        };
        let ms = model::promtime::parse_duration_ms(text).map_err(|why| unparsable("lookback", &why))?;
        Ok(ms.saturating_mul(NS_A_MS))
    }

    fn time_ns(&self, name: &str, unit_ns: i64, default: i64) -> Result<i64, Refusal> {
        Ok(self
            .integer(name)?
            .map_or(default, |time| time.saturating_mul(unit_ns)))
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name)
            .map(|text| parse_integer(text).map_err(|why| unparsable(name, &why)))
            .transpose()
    }

    /// Zero means any, as in Jaeger.
    fn duration_ns(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let duration = self.get(name).map(parse_go_duration_ns).transpose();
        Ok(duration
            .map_err(|why| unparsable(name, &why))?
            .filter(|ns| *ns != 0))
    }

    fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.get("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = parse_integer(text).map_err(Refusal::bad_request)?;
        match usize::try_from(limit) {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(Refusal::bad_request(
                "invalid parameter: limit must be greater than 0",
            )),
        }
    }

    /// `tag=key:value`, and `tags={"key":"value"}`, which wins.
    fn tags(&self) -> Result<Vec<(String, String)>, Refusal> {
        let mut tags = BTreeMap::new();
        for tag in self.all("tag") {
            let (key, value) = tag.split_once(':').ok_or_else(|| {
                Refusal::bad_request(format!(
                    "malformed 'tag' parameter, expecting key:value, received: {tag}"
                ))
            })?;
            tags.insert(key.to_owned(), value.to_owned());
        }
        for json in self.all("tags") {
            let more: BTreeMap<String, String> = serde_json::from_str(json).map_err(|why| {
                Refusal::bad_request(format!(
                    "malformed 'tags' parameter, cannot unmarshal JSON: {why}"
                ))
            })?;
            tags.extend(more);
        }
        Ok(tags.into_iter().collect())
    }
}

/// Reads a trace id as Jaeger's clients write it.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Refusal> {
    if text.len() > 32 {
        return Err(Refusal::bad_request(format!(
            "TraceID cannot be longer than 32 hex characters: {text}"
        )));
    }
    TraceId::from_hex(text)
        .ok_or_else(|| Refusal::bad_request(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")))
}

fn parse_integer(text: &str) -> Result<i64, String> {
    text.parse()
        .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

fn unparsable(name: &str, why: &str) -> Refusal {
    Refusal::bad_request(format!("unable to parse param '{name}': {why}"))
}
