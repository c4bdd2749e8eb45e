//! Template values as JSON.

use serde_json::{Map, Value as Json};

use crate::template::{FuncError, Object, Value, format_time};

/// How deep a value may be.
const MAX_DEPTH: usize = 32;

/// Fields of objects that are no list, map or text, as JSON names them.
const FIELDS: &[(&str, &[(&str, &str)])] = &[
    (
        "template.Data",
        &[
            ("receiver", "Receiver"),
            ("status", "Status"),
            ("alerts", "Alerts"),
            ("notification_reason", "NotificationReason"),
            ("groupLabels", "GroupLabels"),
            ("commonLabels", "CommonLabels"),
            ("commonAnnotations", "CommonAnnotations"),
            ("routeLabels", "RouteLabels"),
            ("externalURL", "ExternalURL"),
        ],
    ),
    (
        "template.Alert",
        &[
            ("status", "Status"),
            ("labels", "Labels"),
            ("annotations", "Annotations"),
            ("startsAt", "StartsAt"),
            ("endsAt", "EndsAt"),
            ("generatorURL", "GeneratorURL"),
            ("fingerprint", "Fingerprint"),
        ],
    ),
    ("template.Pair", &[("Name", "Name"), ("Value", "Value")]),
];

/// The value's JSON text.
pub(super) fn to_json(value: &Value) -> Result<String, FuncError> {
    Ok(convert(value, 0)?.to_string())
}

fn convert(value: &Value, depth: usize) -> Result<Json, FuncError> {
    if depth > MAX_DEPTH {
        return Err("toJson: value is nested too deeply".into());
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) | Value::Duration(i) => Json::from(*i),
        Value::Float(x) => Json::Number(
            serde_json::Number::from_f64(*x).ok_or("toJson: unsupported value: not a finite number")?,
        ),
        Value::String(text) | Value::Html(text) => Json::from(&**text),
        Value::List(items) => Json::Array(
            items
                .iter()
                .map(|item| convert(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Value::Map(map) => {
            let entry = |(key, value): (&String, &Value)| Ok((key.clone(), convert(value, depth + 1)?));
            Json::Object(map.entries.iter().map(entry).collect::<Result<_, FuncError>>()?)
        }
        Value::Time(at) => Json::from(format_time(at, "2006-01-02T15:04:05.999999999Z07:00")),
        Value::Object(object) => convert_object(&**object, depth)?,
    })
}

fn convert_object(object: &dyn Object, depth: usize) -> Result<Json, FuncError> {
    let Some((_, fields)) = FIELDS.iter().find(|(name, _)| *name == object.type_name()) else {
        return convert(&object.underlying(), depth + 1);
    };
    let mut out = Map::new();
    for (key, field) in *fields {
        out.insert(
            (*key).to_owned(),
            convert(&object.field(field).unwrap_or_default(), depth + 1)?,
        );
    }
    Ok(Json::Object(out))
}
