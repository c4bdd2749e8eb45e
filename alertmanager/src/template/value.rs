//! The dynamic values that templates compute with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;
use model::Labels;

use super::FuncResult;

/// A value. Cheap to clone: whatever is large is behind a reference count.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing: prints as `<no value>`.
    #[default]
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// Text that is HTML already: HTML mode does not escape it, text mode prints it as it is.
    Html(Arc<str>),
    /// Values in order.
    List(Arc<Vec<Value>>),
    /// Values by key.
    Map(Arc<Map>),
    /// A point in time, with the zone it is shown in.
    Time(Arc<Zoned>),
    /// A span of time, nanoseconds.
    Duration(i64),
    /// A thing with fields and methods.
    Object(Arc<dyn Object>),
}

/// A map with text keys, iterated in their order.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// What it holds.
    pub entries: BTreeMap<String, Value>,
    /// What an absent key gives: "" for a map of text, [`Value::Nil`] for a map of anything.
    pub absent: Value,
}

impl Map {
    /// The value of `key`, or what stands for an absent one.
    pub fn get(&self, key: &str) -> &Value {
        self.entries.get(key).unwrap_or(&self.absent)
    }
}

/// A thing that templates ask by name: `.Name` asks for a method first, then for a field, then, where
/// [`Object::underlying`] is a map, for a key.
pub trait Object: Send + Sync {
    /// What it is, for error messages: `template.Alert`.
    fn type_name(&self) -> &str;

    /// The value of a field; `None` where there is no such field.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// The names of its fields in the order in which they are printed.
    fn fields(&self) -> &[&str] {
        &[]
    }

    /// Calls a method; `None` where there is no such method.
    fn method(&self, _name: &str, _args: &[Value]) -> Option<FuncResult> {
        None
    }

    /// What it is like when it is ranged over, indexed, measured or tested: a list, a map or text. Printed, too,
    /// unless there is a method `String`.
    /// [`Value::Nil`] for a thing that has only fields and methods.
    fn underlying(&self) -> Value {
        Value::Nil
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

impl Value {
    /// Text.
    pub fn string(text: impl AsRef<str>) -> Value {
        Value::String(Arc::from(text.as_ref()))
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Arc::new(items.into_iter().collect()))
    }

    /// A map of anything.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        let entries = entries.into_iter().map(|(k, v)| (k.into(), v)).collect();
        Value::Map(Arc::new(Map {
            entries,
            absent: Value::Nil,
        }))
    }

    /// A map of text: absent keys give "".
    pub fn string_map<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
        let entries = pairs
            .into_iter()
            .map(|(k, v)| (k.to_owned(), Value::string(v)))
            .collect();
        Value::Map(Arc::new(Map {
            entries,
            absent: Value::string(""),
        }))
    }

    /// A thing with fields and methods.
    pub fn object(object: impl Object + 'static) -> Value {
        Value::Object(Arc::new(object))
    }

    /// A time in UTC from milliseconds since the epoch. What lies outside the calendar's years is clamped.
    pub fn time_ms(ms: i64) -> Value {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        Value::Time(Arc::new(at.to_zoned(TimeZone::UTC)))
    }

    /// The text of text, or `None` for anything else.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Html(text) => Some(text),
            _ => None,
        }
    }

    /// What stands behind an object; any other value is itself.
    pub fn resolved(&self) -> Value {
        match self {
            Value::Object(object) => object.underlying(),
            other => other.clone(),
        }
    }

    /// Whether `if` takes its first branch: not zero, not empty, not nothing.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(i) => *i != 0,
            Value::Float(x) => *x != 0.0,
            Value::String(text) | Value::Html(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(map) => !map.entries.is_empty(),
            Value::Time(_) => true,
            Value::Duration(ns) => *ns != 0,
            Value::Object(object) => match object.underlying() {
                Value::Nil => true,
                underlying => underlying.is_true(),
            },
        }
    }

    /// The type as Go would name it, for error messages and `%T`.
    pub fn type_name(&self) -> &str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::String(_) => "string",
            Value::Html(_) => "template.HTML",
            Value::List(_) => "[]interface {}",
            Value::Map(map) if map.absent.as_str().is_some() => "map[string]string",
            Value::Map(_) => "map[string]interface {}",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
            Value::Object(object) => object.type_name(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(i: i64) -> Self {
        Value::Int(i)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Value::Float(x)
    }
}

/// A map of text.
impl From<&Labels> for Value {
    fn from(labels: &Labels) -> Self {
        Value::string_map(labels.iter())
    }
}

/// As `print` prints it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::format::print_value(self))
    }
}
