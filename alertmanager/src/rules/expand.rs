//! The labels and annotations of alerts: templates with `$labels`, `$value` and their kin.

use std::sync::Arc;

use model::Labels;

use super::{Querier, functions};
use crate::template::{Functions, Mode, Object, Template, TemplateError, Value};

const VARIABLES: [&str; 4] = ["$labels", "$externalLabels", "$externalURL", "$value"];

/// A label's or annotation's text: parsed once if it is a template at all.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Literal(String),
    Template(Template),
}

impl Text {
    /// Parses `text`; where `functions` are given, only those may be called.
    pub(super) fn parse(
        name: &str,
        text: &str,
        functions: Option<&Functions>,
    ) -> Result<Text, TemplateError> {
        if !text.contains("{{") {
            return Ok(Text::Literal(text.to_owned()));
        }
        Template::parse_with(name, text, functions, &VARIABLES).map(Text::Template)
    }
}

/// What the templates of one evaluation can see.
pub struct Expander {
    functions: Functions,
    external_labels: Value,
    external_url: Value,
}

impl Expander {
    /// For an evaluation at `now_ms`. `base` is made by [`super::template_functions`] and shared.
    pub fn new(
        base: Arc<Functions>,
        querier: Arc<dyn Querier>,
        now_ms: i64,
        external_labels: &Labels,
        external_url: &str,
    ) -> Self {
        Expander {
            functions: functions::at(base, querier, now_ms),
            external_labels: external_labels.into(),
            external_url: external_url.into(),
        }
    }

    /// What one element of a rule's result brings to its templates.
    pub(super) fn element(&self, labels: &Labels, value: f64) -> Element<'_> {
        let labels = Value::from(labels);
        let [name_labels, name_external, name_url, name_value] = VARIABLES;
        let variables = [
            (name_labels, labels),
            (name_external, self.external_labels.clone()),
            (name_url, self.external_url.clone()),
            (name_value, Value::Float(value)),
        ];
        let data = Value::object(AlertData(variables.clone()));
        Element {
            functions: &self.functions,
            data,
            variables,
        }
    }
}

/// The dot of a rule's templates: `.Labels` is `$labels`, and so on.
struct AlertData([(&'static str, Value); 4]);

impl Object for AlertData {
    fn type_name(&self) -> &str {
        "template.AlertData"
    }

    fn fields(&self) -> &[&str] {
        &["Labels", "ExternalLabels", "ExternalURL", "Value"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let [labels, external_labels, external_url, value] = &self.0;
        let (_, value) = match name {
            "Labels" => labels,
            "ExternalLabels" => external_labels,
            "ExternalURL" => external_url,
            "Value" => value,
            _ => return None,
        };
        Some(value.clone())
    }
}

/// An [`Expander`] with one element of a result.
pub(super) struct Element<'a> {
    functions: &'a Functions,
    data: Value,
    variables: [(&'static str, Value); 4],
}

impl Element<'_> {
    /// The text for this element. A template that fails says so in its place: an alert with a broken annotation
    /// is better than none.
    pub(super) fn expand(&self, text: &Text) -> String {
        match text {
            Text::Literal(text) => text.clone(),
            Text::Template(template) => {
                let result = template.execute(Mode::Text, &self.data, self.functions, &self.variables);
                result.unwrap_or_else(|why| {
                    tracing::warn!(template = template.name(), error = %why, "expanding alert template failed");
                    format!("<error expanding template: {why}>")
                })
            }
        }
    }
}
