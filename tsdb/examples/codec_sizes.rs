//! Prints what the codec makes of a recording and of synthetic columns: bytes and nanoseconds a sample.
//!
//! `cargo run --release -p tsdb --example codec_sizes -- [RECORDING]`, where a recording is scrapes of one
//! target, each behind its time (u64) and length (u32, both little-endian), as zlib-compressed exposition text.

#[path = "../benches/codec/kinds.rs"]
#[allow(dead_code)]
mod kinds;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::time::Instant;

use tsdb::codec::{Effort, decode_values, encode_values};

type Failure = Box<dyn std::error::Error>;

/// One series: its name with labels, its values.
type Series = (String, Vec<f64>);

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1);
    let mut sets = vec![("mix", mix())];
    if let Some(path) = &path {
        sets.push(("recording", recording(path)?));
    }
    for (name, series) in &sets {
        for len in [32, 120, 480, 1200] {
            for effort in [Effort::Fast, Effort::Best] {
                print_row(name, series, len, effort);
            }
        }
    }
    let Some((_, series)) = sets.last().filter(|_| path.is_some()) else {
        return Ok(());
    };
    print_forms(series, 480);
    print_pages(series, 480);
    print_series(series, 480);
    Ok(())
}

/// Each kind as often as its weight says.
fn mix() -> Vec<Series> {
    let mut seed = kinds::Seed::new(42);
    let column = |kind: &kinds::Kind| (kind.name.to_owned(), (kind.column)(&mut seed, 1440));
    let kinds = kinds::MIX
        .iter()
        .flat_map(|kind| std::iter::repeat_n(kind, 4 * kind.weight as usize));
    kinds.map(column).collect()
}

fn recording(path: &str) -> Result<Vec<Series>, Failure> {
    let raw = std::fs::read(path)?;
    let mut rest = raw.as_slice();
    let mut columns: Vec<Series> = Vec::new();
    let mut places = HashMap::new();
    while rest.len() >= 12 {
        let len = u32::from_le_bytes(rest[8..12].try_into()?) as usize;
        let Some(body) = rest.get(12..12 + len) else { break };
        let mut text = String::new();
        flate2::read::ZlibDecoder::new(body).read_to_string(&mut text)?;
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (key, value) = line.rsplit_once(' ').ok_or("a line without a value")?;
            let place = *places.entry(key.to_owned()).or_insert_with(|| {
                columns.push((key.to_owned(), Vec::new()));
                columns.len() - 1
            });
            columns[place].1.push(value.parse()?);
        }
        rest = &rest[12 + len..];
    }
    for (_, values) in &mut columns {
        values.truncate(1200);
    }
    Ok(columns)
}

fn encode_all(series: &[Series], len: usize, effort: Effort) -> Vec<Vec<u8>> {
    let chunks = series.iter().flat_map(|(_, values)| values.chunks(len));
    let encode = |chunk| {
        let mut bytes = Vec::new();
        encode_values(chunk, effort, &mut bytes);
        bytes
    };
    chunks.map(encode).collect()
}

fn print_row(name: &str, series: &[Series], len: usize, effort: Effort) {
    let samples: usize = series.iter().map(|(_, values)| values.len()).sum();
    let mut out = Vec::with_capacity(1 << 16);
    let (mut bytes, mut encode_ns, mut decode_ns) = (0, f64::MAX, f64::MAX);
    let chunks = encode_all(series, len, effort);
    for _ in 0..5 {
        bytes = 0;
        let start = Instant::now();
        for chunk in series.iter().flat_map(|(_, values)| values.chunks(len)) {
            out.clear();
            encode_values(chunk, effort, &mut out);
            bytes += out.len();
        }
        encode_ns = f64::min(encode_ns, start.elapsed().as_nanos() as f64 / samples as f64);
        let mut back = Vec::with_capacity(len);
        let counts = series
            .iter()
            .flat_map(|(_, values)| values.chunks(len))
            .map(<[f64]>::len);
        let start = Instant::now();
        for (chunk, count) in chunks.iter().zip(counts) {
            back.clear();
            decode_values(chunk, count, &mut back).expect("just encoded");
        }
        decode_ns = f64::min(decode_ns, start.elapsed().as_nanos() as f64 / samples as f64);
    }
    let rate = bytes as f64 / samples as f64;
    println!(
        "{name:<10} {len:>5} {effort:?}: {rate:.4} B/sample, encode {encode_ns:.1} ns, decode {decode_ns:.2} ns"
    );
}

/// By form, mode and packing, where the bytes are.
fn print_forms(series: &[Series], len: usize) {
    let mut forms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut total = 0;
    for chunk in encode_all(series, len, Effort::Best) {
        let name = form(&chunk);
        let entry = forms.entry(name).or_default();
        entry.0 += 1;
        entry.1 += chunk.len();
        total += chunk.len();
    }
    for (name, (chunks, bytes)) in forms {
        println!(
            "{name:<34} {chunks:>5} columns {bytes:>7} bytes {:>5.1} %",
            bytes as f64 * 100.0 / total as f64
        );
    }
}

fn form(chunk: &[u8]) -> String {
    let head = chunk[0] & 7;
    let integers = match head {
        0 => return "constant".to_owned(),
        2 | 3 => chunk[2],
        _ => chunk[1],
    };
    let form = ["constant", "whole", "scaled", "corrected", "image"][usize::from(head)];
    let mode = integers & 15;
    let shape = match mode {
        0 => "constant".to_owned(),
        1 => "linear".to_owned(),
        _ => {
            let shape = ["value", "slope", "delta", "delta2"][usize::from(mode - 2) / 3];
            format!(
                "{shape} {}",
                ["above", "signed", "around"][usize::from(mode - 2) % 3]
            )
        }
    };
    format!("{form} {shape} packing {}", integers >> 5)
}

/// What zstd makes of pages of columns in order of their names, and what is saved by keeping one of equal columns.
fn print_pages(series: &[Series], len: usize) {
    let mut sorted: Vec<&Series> = series.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut all, mut seen, mut repeated) = (Vec::new(), HashSet::new(), 0);
    for (at, chunk) in sorted
        .iter()
        .flat_map(|(_, values)| values.chunks(len).enumerate())
    {
        let start = all.len();
        encode_values(chunk, Effort::Best, &mut all);
        let column = all[start..].to_vec();
        let bytes = column.len();
        // Only of one time: it is the same target whose series are equal.
        if !seen.insert((at, column)) {
            repeated += bytes;
        }
    }
    println!(
        "{} bytes, {repeated} of them in columns equal to one before",
        all.len()
    );
    for size in [4096, 16_384, 65_536] {
        let compressed =
            |page: &[u8]| zstd::bulk::compress(page, 3).map_or(page.len(), |z| z.len().min(page.len()));
        let pages: usize = all.chunks(size).map(compressed).sum();
        println!("zstd 3 over pages of {size} bytes: {pages} bytes");
    }
}

fn print_series(series: &[Series], len: usize) {
    let mut rows: Vec<(usize, &str, String)> = Vec::new();
    for (name, values) in series {
        let chunks = encode_all(&[(name.clone(), values.clone())], len, Effort::Best);
        rows.push((chunks.iter().map(Vec::len).sum(), name, form(&chunks[0])));
    }
    rows.sort_by(|a, b| b.cmp(a));
    for (bytes, name, form) in rows.into_iter().take(100) {
        println!("{bytes:>6} {name:<80.80} {form}");
    }
}
