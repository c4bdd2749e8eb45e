//! `masthead tsdb import …`: from a Prometheus' folder, from text, from a remote read.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use collector::exposition::Format;
use durable::RealFs;
use model::metrics::Samples;
use model::{Labels, Matcher, StoreError};
use tsdb::import::prometheus::{Prometheus, Walked};
use tsdb::import::{ImportOptions, Importer};

use super::folder::{lock, metrics};
use super::list::{human_bytes, per, rfc3339};
use super::remote_read::RemoteRead;
use super::select::Selection;
use super::text;
use crate::flags::MetricsFormat;
use crate::flags::tsdb_tool::{Blocks, Import, Storage};

pub(super) fn run(from: &Import) -> Result<(), String> {
    match from {
        Import::Prometheus {
            storage,
            select,
            blocks,
            skip_damaged,
            from,
        } => {
            let selection = Selection::new(select)?;
            // Looked at before anything is touched.
            let found = Prometheus::open(&RealFs, from).map_err(|e| e.to_string())?;
            into_store(storage, blocks, |importer| {
                prometheus(&found, &selection, *skip_damaged, importer)
            })
        }
        Import::Openmetrics {
            storage,
            select,
            blocks,
            format,
            from,
        } => {
            let selection = Selection::new(select)?;
            let mut input = open(from)?;
            let format = match format {
                MetricsFormat::Text => Format::Text,
                MetricsFormat::Openmetrics => Format::OpenMetrics,
            };
            into_store(storage, blocks, |importer| {
                text::read(&mut *input, format, &mut chosen(&selection, importer))
                    .map(drop)
                    .map_err(|e| format!("{}: {e}", from.display()))
            })
        }
        Import::RemoteRead {
            storage,
            select,
            blocks,
            step,
            headers,
            from,
        } => {
            let mut selection = Selection::new(select)?;
            if select.min_time.is_none() {
                return Err("--min-time is needed: where reading begins".to_owned());
            }
            if select.max_time.is_none() {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                selection.max_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
            }
            let step_ms = model::promtime::parse_duration_ms(step)?.max(1000);
            let server = RemoteRead::new(from, headers)?;
            into_store(storage, blocks, |importer| {
                remote(&server, &selection, step_ms, importer)
            })
        }
    }
}

fn open(from: &Path) -> Result<Box<dyn Read>, String> {
    if from == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = std::fs::File::open(from).map_err(|e| format!("{}: {e}", from.display()))?;
    Ok(Box::new(file))
}

/// Runs an import under the folder's lock and says what came of it.
fn into_store(
    storage: &Storage,
    blocks: &Blocks,
    fill: impl FnOnce(&mut Importer<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let _lock = lock(storage, "import into an empty folder")?;
    let options = ImportOptions {
        window_ms: model::promtime::parse_duration_ms(&blocks.duration)?,
        memory_bytes: blocks.memory_mib << 20,
    };
    let mut importer = Importer::new(&RealFs, &metrics(storage), options).map_err(|e| e.to_string())?;
    fill(&mut importer)?;
    let report = importer.finish().map_err(|e| e.to_string())?;
    let sum = |of: fn(&tsdb::BlockMeta) -> u64| report.blocks.iter().map(of).sum::<u64>();
    let (samples, bytes) = (sum(|m| m.samples), sum(|m| m.bytes));
    println!(
        "{} samples imported as {} blocks, {} ({:.3} B/sample); {} samples were repetitions",
        samples,
        report.blocks.len(),
        human_bytes(bytes),
        per(bytes, samples),
        report.taken.saturating_sub(samples),
    );
    if let Some(first) = report.blocks.iter().map(|m| m.min_ms).min() {
        println!(
            "the oldest is of {}: a server keeps no more than --storage.tsdb.retention.time says, by default 15 days",
            rfc3339(first)
        );
    }
    Ok(())
}

/// Gives the chosen samples to the importer.
fn chosen<'a>(
    selection: &'a Selection,
    importer: &'a mut Importer<'_>,
) -> impl FnMut(&Labels, &Samples) -> Result<(), StoreError> {
    let mut scratch = Samples::default();
    move |labels, samples| match selection.has(labels) {
        true => importer.add(labels, selection.cut(samples, &mut scratch)),
        false => Ok(()),
    }
}

fn prometheus(
    found: &Prometheus,
    selection: &Selection,
    skip_damaged: bool,
    importer: &mut Importer<'_>,
) -> Result<(), String> {
    for (i, block) in found.blocks.iter().enumerate() {
        let meta = &block.meta;
        if !selection.overlaps(meta.min_time, meta.max_time) {
            continue;
        }
        match block.walk(&RealFs, &mut chosen(selection, importer)) {
            Ok(walked) => {
                let of = found.blocks.len();
                println!("block {} ({}/{of}): {} samples", meta.ulid, i + 1, walked.samples);
                complain(&meta.ulid, &walked);
            }
            Err(error @ StoreError::Corrupt { .. }) if skip_damaged => {
                eprintln!("masthead: block {} is left after this: {error}", meta.ulid);
            }
            Err(error) => return Err(format!("block {}: {error}", meta.ulid)),
        }
    }
    if let Some(head) = &found.head {
        let walked = head
            .walk(&RealFs, &mut chosen(selection, importer))
            .map_err(|e| e.to_string())?;
        println!("log: {} samples", walked.samples);
        complain("log", &walked);
    }
    Ok(())
}

fn complain(place: &str, walked: &Walked) {
    for damage in &walked.damage {
        eprintln!("masthead: {place}: {damage}");
    }
    if let Some(why) = &walked.first_refusal {
        eprintln!(
            "masthead: {place}: {} histograms are not valid and left out, e.g. {why}",
            walked.refused
        );
    }
}

fn remote(
    server: &RemoteRead,
    selection: &Selection,
    step_ms: i64,
    importer: &mut Importer<'_>,
) -> Result<(), String> {
    let every = [vec![
        Matcher::new("__name__", model::MatchOp::Regex, ".+").map_err(|e| e.to_string())?,
    ]];
    let sets = match selection.sets.is_empty() {
        true => &every[..],
        false => &selection.sets[..],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let mut from_ms = selection.min_ms;
    while from_ms <= selection.max_ms {
        let to_ms = from_ms.saturating_add(step_ms - 1).min(selection.max_ms);
        let (mut samples, mut histograms_left) = (0, 0);
        for set in sets {
            let mut scratch = Samples::default();
            let asked = Selection {
                sets: Vec::new(),
                min_ms: from_ms,
                max_ms: to_ms,
            };
            // A chunk may reach beyond what was asked for.
            let mut add =
                |labels: &Labels, samples: &Samples| importer.add(labels, asked.cut(samples, &mut scratch));
            let answered = runtime.block_on(server.read(set, from_ms, to_ms, &mut add))?;
            samples += answered.samples;
            histograms_left += answered.histograms_left;
        }
        println!("{} to {}: {samples} samples", rfc3339(from_ms), rfc3339(to_ms));
        if histograms_left > 0 {
            eprintln!(
                "masthead: {histograms_left} native histograms left out: the server does not stream chunks"
            );
        }
        from_ms = to_ms.saturating_add(1);
        if to_ms == i64::MAX {
            break;
        }
    }
    Ok(())
}
