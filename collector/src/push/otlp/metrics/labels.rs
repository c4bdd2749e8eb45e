//! The labels of a point: its attributes under Prometheus' names, and `job` and `instance` of its resource.

use model::labels::METRIC_NAME;
use model::{Labels, LabelsBuilder};
use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::push::otlp::label_name;
use crate::push::otlp::value::{find, text};

/// More attributes than this on one point are refused.
const MAX_ATTRIBUTES: usize = 256;

/// The attributes that identify a target and become `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// What every point of a resource carries, and the labels of its `target_info`.
#[derive(Debug)]
pub(super) struct ResourceLabels {
    job: Option<String>,
    instance: Option<String>,
    /// `None` where nothing identifies the target, or nothing else is known of it.
    pub(super) target_info: Option<Labels>,
}

impl ResourceLabels {
    pub(super) fn of(attributes: &[KeyValue]) -> ResourceLabels {
        let namespace = find(attributes, "service.namespace").map(text);
        let job = find(attributes, "service.name").map(|name| match namespace {
            Some(namespace) => format!("{namespace}/{}", text(name)),
            None => text(name),
        });
        let instance = find(attributes, "service.instance.id").map(text);
        let mut resource = ResourceLabels {
            job,
            instance,
            target_info: None,
        };
        let describing: Vec<KeyValue> = attributes
            .iter()
            .filter(|pair| !IDENTIFYING.contains(&pair.key.as_str()) && label_name(&pair.key).is_some())
            .take(MAX_ATTRIBUTES)
            .cloned()
            .collect();
        if !describing.is_empty() && (resource.job.is_some() || resource.instance.is_some()) {
            let base = Base::of(&resource, &describing).ok();
            resource.target_info = base.map(|base| base.named("target_info", "", None));
        }
        resource
    }
}

/// The labels that all series of one point share.
#[derive(Debug)]
pub(super) struct Base(LabelsBuilder);

impl Base {
    /// Attributes whose names become the same are joined by `;`, in the order of their own names; `job` and
    /// `instance` of the resource go before attributes so named.
    pub(super) fn of(resource: &ResourceLabels, attributes: &[KeyValue]) -> Result<Base, String> {
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(format!("a data point has more than {MAX_ATTRIBUTES} attributes"));
        }
        let mut sorted: Vec<&KeyValue> = attributes.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut labels = LabelsBuilder::default();
        for pair in sorted {
            let name = label_name(&pair.key)
                .ok_or_else(|| format!("nothing is left of the attribute name {:?}", pair.key))?;
            let value = pair.value.as_ref().map(text).unwrap_or_default();
            let joined = labels.get(&name).map(|before| format!("{before};{value}"));
            labels.set(&name, &joined.unwrap_or(value));
        }
        for (name, value) in [("job", &resource.job), ("instance", &resource.instance)] {
            if let Some(value) = value {
                labels.set(name, value);
            }
        }
        Ok(Base(labels))
    }

    /// The labels of the series `family` + `suffix`, with `le` or `quantile` where it has one.
    pub(super) fn named(&self, family: &str, suffix: &str, extra: Option<(&str, &str)>) -> Labels {
        let mut labels = self.0.clone();
        if let Some((name, value)) = extra {
            labels.set(name, value);
        }
        labels.set(METRIC_NAME, &format!("{family}{suffix}")).build()
    }
}
