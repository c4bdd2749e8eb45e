//! As much of JSON Schema as Prometheus' description of its API uses.

use serde_json::Value;

/// The description, in which references point.
pub(super) struct Spec(pub(super) Value);

impl Spec {
    /// What is wrong with `value`, each with its place; nothing if it has the schema.
    pub(super) fn check(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.visit(schema, value, "$", &mut wrong);
        wrong
    }

    fn visit(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(reference.trim_start_matches('#'));
            let target = target.unwrap_or_else(|| panic!("{reference} points nowhere"));
            return self.visit(target, value, at, wrong);
        }
        if !has_type(&schema["type"], value) {
            return wrong.push(format!("{at}: {value} is no {}", schema["type"]));
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            wrong.push(format!("{at}: {value} is none of {allowed:?}"));
        }
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < least
        {
            wrong.push(format!("{at}: {number} is below {least}"));
        }
        self.choices(schema, value, at, wrong);
        match value {
            Value::Array(items) => self.array(schema, items, at, wrong),
            Value::Object(_) => self.object(schema, value, at, wrong),
            _ => {}
        }
    }

    fn choices(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let fitting =
            |choices: &Vec<Value>| choices.iter().filter(|s| self.check(s, value).is_empty()).count();
        if let Some(choices) = schema["oneOf"].as_array()
            && fitting(choices) != 1
        {
            wrong.push(format!(
                "{at}: {} of the schemas of oneOf fit: {value}",
                fitting(choices)
            ));
        }
        if let Some(choices) = schema["anyOf"].as_array()
            && fitting(choices) == 0
        {
            wrong.push(format!("{at}: no schema of anyOf fits: {value}"));
        }
    }

    fn array(&self, schema: &Value, items: &[Value], at: &str, wrong: &mut Vec<String>) {
        let len = items.len() as u64;
        let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
        if len < schema["minItems"].as_u64().unwrap_or(0) || len > most {
            wrong.push(format!("{at}: {len} items"));
        }
        for (i, item) in items.iter().enumerate() {
            self.visit(&schema["items"], item, &format!("{at}[{i}]"), wrong);
        }
    }

    fn object(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let required = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for name in required.filter(|name| value.get(name).is_none()) {
            wrong.push(format!("{at}: {name:?} is missing"));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => wrong.push(format!("{at}: nobody knows it")),
                (Value::Null, others @ Value::Object(_)) => self.visit(others, member, &at, wrong),
                (Value::Null, _) => {}
                (known, _) => self.visit(known, member, &at, wrong),
            }
        }
    }
}

fn has_type(kind: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => panic!("type {kind}"),
    };
    match kind {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

#[test]
fn what_does_not_fit_is_noticed() {
    let spec = Spec(serde_json::json!({"components": {"n": {"type": "number", "minimum": 1}}}));
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"$ref": "#/components/n"}, "maxItems": 2},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "word": {"type": "string", "enum": ["a", "b"]},
        },
        "required": ["list"],
        "additionalProperties": false,
    });
    for (good, value) in [
        (
            true,
            serde_json::json!({"list": [1, 2.5], "either": "x", "word": "a"}),
        ),
        (false, serde_json::json!({"either": "x"})),
        (false, serde_json::json!({"list": [0]})),
        (false, serde_json::json!({"list": [1, 2, 3]})),
        (false, serde_json::json!({"list": ["1"]})),
        (false, serde_json::json!({"list": [], "either": null})),
        (false, serde_json::json!({"list": [], "word": "c"})),
        (false, serde_json::json!({"list": [], "more": 1})),
        (false, serde_json::json!([])),
    ] {
        assert_eq!(spec.check(&schema, &value).is_empty(), good, "{value}");
    }
}
