//! Nanoseconds to encode and decode a column of each kind: divide by the column's length for those of a sample.
//!
//! `cargo bench -p tsdb --bench codec`; sizes are printed by `--example codec_sizes`.

#[path = "codec/kinds.rs"]
#[allow(dead_code)]
mod kinds;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tsdb::codec::{Effort, decode_timestamps, decode_values, encode_timestamps, encode_values};

const LENGTHS: [usize; 2] = [32, 480];

fn main() {
    divan::main();
}

fn names() -> impl Iterator<Item = &'static str> {
    kinds::MIX.iter().chain(&kinds::OTHERS).map(|kind| kind.name)
}

fn column(name: &str, len: usize) -> Vec<f64> {
    let kind = kinds::MIX
        .iter()
        .chain(&kinds::OTHERS)
        .find(|kind| kind.name == name);
    (kind.expect("named by `names`").column)(&mut kinds::Seed::new(42), len)
}

fn encode(bencher: Bencher<'_, '_>, name: &str, len: usize, effort: Effort) {
    let values = column(name, len);
    let mut out = Vec::with_capacity(10 * len);
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        out.clear();
        encode_values(black_box(&values), effort, &mut out);
    });
}

fn decode(bencher: Bencher<'_, '_>, name: &str, len: usize, effort: Effort) {
    let mut bytes = Vec::new();
    encode_values(&column(name, len), effort, &mut bytes);
    let mut out = Vec::with_capacity(len);
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        out.clear();
        decode_values(black_box(&bytes), len, &mut out).expect("just encoded")
    });
}

#[divan::bench(args = names(), consts = LENGTHS)]
fn encode_fast<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    encode(bencher, name, LEN, Effort::Fast);
}

#[divan::bench(args = names(), consts = LENGTHS)]
fn encode_best<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    encode(bencher, name, LEN, Effort::Best);
}

#[divan::bench(args = names(), consts = LENGTHS)]
fn decode_fast<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    decode(bencher, name, LEN, Effort::Fast);
}

#[divan::bench(args = names(), consts = LENGTHS)]
fn decode_best<const LEN: usize>(bencher: Bencher<'_, '_>, name: &str) {
    decode(bencher, name, LEN, Effort::Best);
}

fn timestamps(jitter: u64, len: usize) -> Vec<i64> {
    let mut seed = kinds::Seed::new(7);
    (0..len as i64)
        .map(|at| 1_700_000_000_000 + at * 15_000 + seed.below(jitter) as i64)
        .collect()
}

#[divan::bench(args = [1, 5, 40])]
fn timestamps_encode(bencher: Bencher<'_, '_>, jitter: u64) {
    let column = timestamps(jitter, 480);
    let mut out = Vec::with_capacity(10 * column.len());
    bencher.counter(ItemsCount::new(column.len())).bench_local(|| {
        out.clear();
        encode_timestamps(black_box(&column), &mut out);
    });
}

#[divan::bench(args = [1, 5, 40])]
fn timestamps_decode(bencher: Bencher<'_, '_>, jitter: u64) {
    let column = timestamps(jitter, 480);
    let mut bytes = Vec::new();
    encode_timestamps(&column, &mut bytes);
    let mut out = Vec::with_capacity(column.len());
    bencher.counter(ItemsCount::new(column.len())).bench_local(|| {
        out.clear();
        decode_timestamps(black_box(&bytes), column.len(), &mut out).expect("just encoded")
    });
}
