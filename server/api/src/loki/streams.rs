//! Lines as Loki's JSON of streams.
//!
//! By default a line's structured metadata joins its stream's labels, so that lines of different metadata come in
//! different streams; a client that asks to categorize labels gets the metadata beside each line instead.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use model::Labels;
use model::logs::LogRecord;
use serde::ser::{SerializeMap, SerializeTuple};
use serde::{Serialize, Serializer};

/// The header by which a client asks, and the word it says.
const FLAGS_HEADER: &str = "x-loki-response-encoding-flags";
const CATEGORIZE: &str = "categorize-labels";

/// Whether the client wants metadata beside the line.
pub(super) fn wants_categorized(headers: &HeaderMap) -> bool {
    let flags = headers.get(FLAGS_HEADER).and_then(|value| value.to_str().ok());
    flags.is_some_and(|flags| flags.split(',').any(|flag| flag.trim() == CATEGORIZE))
}

/// A label set as a JSON object.
pub(super) struct LabelMap<'a>(pub(super) &'a Labels);

impl Serialize for LabelMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// Metadata with the ids of trace and span, which Loki knows as metadata too.
pub(super) fn metadata(record: &LogRecord) -> Labels {
    let mut metadata = record.metadata.to_builder();
    if let Some(id) = record.trace_id {
        metadata.set("trace_id", &id.to_string());
    }
    if let Some(id) = record.span_id {
        metadata.set("span_id", &id.to_string());
    }
    metadata.build()
}

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_flags: Option<[&'static str; 1]>,
    result: Vec<Stream<'a>>,
    stats: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: LabelMap<'a>,
    values: &'a [Value<'a>],
}

/// `["nanoseconds", "line"]`, and an object with the metadata where labels are categorized.
struct Value<'a> {
    timestamp_ns: i64,
    line: &'a str,
    metadata: Option<Labels>,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2 + usize::from(self.metadata.is_some()))?;
        tuple.serialize_element(&self.timestamp_ns.to_string())?;
        tuple.serialize_element(self.line)?;
        if let Some(metadata) = &self.metadata {
            tuple.serialize_element(&Categorized(metadata))?;
        }
        tuple.end()
    }
}

struct Categorized<'a>(&'a Labels);

impl Serialize for Categorized<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.0.is_empty() {
            map.serialize_entry("structuredMetadata", &LabelMap(self.0))?;
        }
        map.end()
    }
}

/// The whole answer. Streams are sorted by their labels, the lines of each stay in the order given.
pub(super) fn answer(records: &[LogRecord], categorized: bool) -> Result<String, serde_json::Error> {
    let mut streams: BTreeMap<Labels, Vec<Value<'_>>> = BTreeMap::new();
    for record in records {
        let metadata = metadata(record);
        let (labels, beside) = match categorized {
            true => (record.stream.clone(), Some(metadata)),
            false => (merge(&record.stream, &metadata), None),
        };
        streams.entry(labels).or_default().push(Value {
            timestamp_ns: record.timestamp_ns,
            line: &record.line,
            metadata: beside,
        });
    }
    let result = streams.iter().map(|(labels, values)| Stream {
        stream: LabelMap(labels),
        values,
    });
    serde_json::to_string(&Answer {
        status: "success",
        data: Data {
            result_type: "streams",
            encoding_flags: categorized.then_some([CATEGORIZE]),
            result: result.collect(),
            stats: BTreeMap::new(),
        },
    })
}

/// A stream's label keeps its name; metadata of the same name steps aside, as in Loki.
fn merge(stream: &Labels, metadata: &Labels) -> Labels {
    if metadata.is_empty() {
        return stream.clone();
    }
    let mut merged = stream.to_builder();
    for (name, value) in metadata.iter() {
        match stream.get(name) {
            None => merged.set(name, value),
            Some(_) => merged.set(&format!("{name}_extracted"), value),
        };
    }
    merged.build()
}
