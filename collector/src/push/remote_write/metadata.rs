//! What a request says of metric families.

use model::metrics::{Metadata, MetricType};

use super::super::wire::{Message, WireError};

/// `MetricMetadata`: type 1, family name 2, help 4, unit 5.
pub(super) fn read(message: Message<'_>) -> Result<Option<(String, Metadata)>, WireError> {
    let mut family = "";
    let mut metadata = Metadata::default();
    for field in message {
        let field = field?;
        match field.number {
            1 => metadata.metric_type = metric_type(field.int64()?),
            2 => family = field.text()?,
            4 => field.text()?.clone_into(&mut metadata.help),
            5 => field.text()?.clone_into(&mut metadata.unit),
            _ => {}
        }
    }
    Ok((!family.is_empty()).then(|| (family.to_owned(), metadata)))
}

/// The numbers of `MetricMetadata.MetricType`.
fn metric_type(number: i64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}
