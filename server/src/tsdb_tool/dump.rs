//! `masthead tsdb dump`: samples as text.

use std::io::{self, BufWriter, Write};

use model::Labels;
use model::histogram::{Buckets, Counts};
use model::labels::is_legacy_label_name;
use model::metrics::Samples;

use super::folder::look;
use super::select::Selection;
use crate::flags::tsdb_tool::{DumpFormat, Select, Storage};

pub(super) fn run(storage: &Storage, select: &Select, format: DumpFormat) -> Result<(), String> {
    let selection = Selection::new(select)?;
    let inspection = look(storage)?;
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut set = inspection
        .series(&selection.sets, selection.min_ms, selection.max_ms)
        .map_err(|e| e.to_string())?;
    let mut samples = Samples::default();
    let mut left_out = 0u64;
    while let Some(labels) = set.next(&mut samples).map_err(|e| e.to_string())? {
        let written = match format {
            DumpFormat::Samples => lines(&labels, &samples, &mut out),
            DumpFormat::Openmetrics => {
                left_out += samples.histograms.len() as u64;
                openmetrics(&labels, &samples, &mut out)
            }
        };
        match written {
            Ok(()) => {}
            // Whoever reads has had enough, e.g. `head`.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(e) => return Err(e.to_string()),
        }
    }
    if format == DumpFormat::Openmetrics {
        out.write_all(b"# EOF\n").map_err(|e| e.to_string())?;
        if left_out > 0 {
            eprintln!("masthead: {left_out} native histograms left out: OpenMetrics has no form for them");
        }
    }
    out.flush().map_err(|e| e.to_string())
}

/// `{labels} value milliseconds`
fn lines(labels: &Labels, samples: &Samples, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        text.push_str(&format!("{comma}{name}={value:?}"));
    }
    text.push('}');
    for sample in samples.iter() {
        writeln!(out, "{text} {} {}", number(sample.value), sample.timestamp_ms)?;
    }
    for (t, histogram) in &samples.histograms {
        let counts = match &histogram.counts {
            Counts::Integer(b) => buckets(b),
            Counts::Float(b) => buckets(b),
        };
        let (schema, sum) = (histogram.schema, number(histogram.sum));
        writeln!(out, "{text} {{schema:{schema}, sum:{sum}, {counts}}} {t}")?;
    }
    Ok(())
}

fn buckets<T: std::fmt::Debug>(buckets: &Buckets<T>) -> String {
    format!(
        "count:{:?}, zero:{:?}, positive:{:?}, negative:{:?}",
        buckets.count, buckets.zero_count, buckets.positive, buckets.negative
    )
}

/// `name{labels} value seconds`
fn openmetrics(labels: &Labels, samples: &Samples, out: &mut impl Write) -> io::Result<()> {
    let plain = model::labels::is_legacy_metric_name(labels.metric_name());
    let mut pairs = Vec::new();
    if !plain {
        pairs.push(quoted(labels.metric_name()));
    }
    for (name, value) in labels
        .iter()
        .filter(|(name, _)| *name != model::labels::METRIC_NAME)
    {
        let name = if is_legacy_label_name(name) {
            name.to_owned()
        } else {
            quoted(name)
        };
        pairs.push(format!("{name}={}", quoted(value)));
    }
    let name = if plain { labels.metric_name() } else { "" };
    let pairs = if pairs.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", pairs.join(","))
    };
    for sample in samples.iter() {
        let (value, ms) = (number(sample.value), sample.timestamp_ms);
        let sign = if ms < 0 { "-" } else { "" };
        let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
        writeln!(out, "{name}{pairs} {value} {sign}{seconds}.{rest:03}")?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// As Prometheus writes floats.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        let plain = format!("{value}");
        if plain.len() > 21 {
            format!("{value:e}")
        } else {
            plain
        }
    }
}
