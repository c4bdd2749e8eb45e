//! `masthead tsdb analyze`: what takes the space, the largest first.

use tsdb::inspect::Analysis;

use super::folder::look;
use super::list::{human_bytes, per};
use crate::flags::tsdb_tool::Storage;

pub(super) fn run(storage: &Storage, limit: usize) -> Result<(), String> {
    let inspection = look(storage)?;
    let found = inspection.analyze().map_err(|e| e.to_string())?;
    println!("Blocks: {}", inspection.blocks.len());
    println!(
        "Series: {} different, {} in all blocks together",
        found.series, found.entries
    );
    println!("Samples: {}", found.samples);
    println!(
        "Bytes: {} ({:.3} B/sample)",
        human_bytes(found.bytes),
        per(found.bytes, found.samples)
    );
    println!(
        "Labels: {} names, {} metrics",
        found.labels.len(),
        found.metrics.len()
    );
    println!("\nCompression by block (bytes a sample):");
    let mut blocks: Vec<_> = inspection.blocks.iter().map(|b| b.meta()).collect();
    blocks.sort_by(|a, b| per(b.bytes, b.samples).total_cmp(&per(a.bytes, a.samples)));
    for meta in blocks.iter().take(limit) {
        let (id, level) = (meta.id, meta.level);
        println!(
            "{:.3} block {id}, level {level}, {}",
            per(meta.bytes, meta.samples),
            human_bytes(meta.bytes)
        );
    }
    lists(&found, limit);
    if found.pairs_left_out {
        eprintln!("masthead: there are more label pairs than are counted; lists of pairs may lack some");
    }
    Ok(())
}

fn lists(found: &Analysis, limit: usize) {
    let metrics = |of: fn(&tsdb::inspect::MetricUse) -> u64| {
        found.metrics.iter().map(move |(n, m)| (n.as_str(), of(m)))
    };
    let labels =
        |of: fn(&tsdb::inspect::LabelUse) -> u64| found.labels.iter().map(move |(n, l)| (n.as_str(), of(l)));
    top("Metrics by bytes (index included)", metrics(|m| m.bytes), limit);
    top("Metrics by samples", metrics(|m| m.samples), limit);
    top("Metrics by series", metrics(|m| m.series), limit);
    top("Labels by number of values", labels(|l| l.values), limit);
    top(
        "Labels by length of their values",
        labels(|l| l.value_bytes),
        limit,
    );
    top("Labels by series", labels(|l| l.series), limit);
    top(
        "Label pairs by series",
        found.pairs.iter().map(|(p, n)| (p.as_str(), *n)),
        limit,
    );
    top(
        "Label pairs by churn (series that began or ended within a block)",
        found.churn.iter().map(|(p, n)| (p.as_str(), *n)),
        limit,
    );
}

fn top<'a>(title: &str, rows: impl Iterator<Item = (&'a str, u64)>, limit: usize) {
    let mut rows: Vec<(&str, u64)> = rows.filter(|(_, n)| *n > 0).collect();
    rows.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    println!("\n{title}:");
    for (name, n) in rows.into_iter().take(limit) {
        println!("{n} {name}");
    }
}
