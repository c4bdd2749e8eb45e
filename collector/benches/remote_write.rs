//! What a request of remote write costs before the store sees it: 5000 series of a node_exporter, one sample each.
//!
//! `cargo bench -p collector --bench remote_write`; figures are for one sample.

use std::collections::HashMap;
use std::hint::black_box;

use collector::push::body::snappy_into;
use collector::push::remote_write::Receiver;
use divan::Bencher;
use divan::counter::ItemsCount;
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef,
};
use model::{Labels, SeriesKey, StoreError};

const SERIES: usize = 5000;

fn main() {
    let plain = request(SERIES, 0);
    let body = pack(&plain);
    println!(
        "{SERIES} samples: {} B a sample unpacked, {} B packed",
        plain.len() / SERIES,
        body.len() / SERIES
    );
    divan::main();
}

/// Knows every series after the first request and keeps nothing.
#[derive(Default)]
struct NoSink(std::sync::Mutex<HashMap<SeriesKey, SeriesRef>>, bool);

impl MetricSink for NoSink {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        refs.clear();
        if self.1 {
            refs.resize(keys.len(), SeriesRef(1));
            return;
        }
        let known = self.0.lock().expect("not poisoned");
        refs.extend(keys.iter().map(|key| known.get(key).copied().unwrap_or_default()));
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        refs.clear();
        refs.extend(new.iter().map(|_| Ok(SeriesRef(1))));
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        black_box(samples);
        Ok(AppendReport {
            stored: samples.len(),
            rejected: Vec::new(),
        })
    }

    fn append_histograms(&self, _: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        Ok(AppendReport::default())
    }

    fn set_metadata(&self, _: &str, _: &Metadata) {}
}

fn pack(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("packs")
}

/// Series as a Prometheus with external labels sends them: about 200 bytes of labels.
fn request(series: usize, round: i64) -> Vec<u8> {
    let names = [
        "node_cpu_seconds_total",
        "node_network_receive_bytes_total",
        "node_filesystem_avail_bytes",
        "node_disk_io_time_weighted_seconds_total",
        "node_scrape_collector_duration_seconds",
    ];
    let mut out = Vec::new();
    for i in 0..series {
        let labels = Labels::from_pairs([
            ("__name__", names[i / 8 % names.len()].to_owned()),
            ("cluster", "production-eu-west-1".to_owned()),
            ("cpu", (i % 8).to_string()),
            ("device", format!("nvme{}n1p{}", i % 4, i % 3)),
            (
                "instance",
                format!("ip-10-12-{}-{}.internal:9100", i / 500, i / 50 % 10),
            ),
            ("job", "node-exporter".to_owned()),
            (
                "mode",
                ["idle", "user", "system", "iowait"][i / 40 % 4].to_owned(),
            ),
            ("replica", format!("prometheus-{}", i % 2)),
        ]);
        let mut message = Vec::new();
        model::series_key::encode_labels(labels.iter(), &mut message);
        let value = if i % 5 == 0 {
            0.0
        } else {
            i as f64 * 17.25 + round as f64
        };
        let mut sample = Vec::new();
        if value != 0.0 {
            sample.push(0x09);
            sample.extend_from_slice(&value.to_le_bytes());
        }
        sample.push(0x10);
        varint(&mut sample, 1_700_000_000_000 + round as u64 * 15_000);
        message.push(0x12);
        varint(&mut message, sample.len() as u64);
        message.extend_from_slice(&sample);
        out.push(0x0a);
        varint(&mut out, message.len() as u64);
        out.extend_from_slice(&message);
    }
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[divan::bench]
fn known_series(bencher: Bencher<'_, '_>) {
    let body = pack(&request(SERIES, 1));
    let (receiver, sink) = (Receiver::default(), NoSink(Default::default(), true));
    bencher
        .counter(ItemsCount::new(SERIES))
        .bench(|| receiver.receive(&sink, &body, 32 << 20));
}

#[divan::bench]
fn new_series(bencher: Bencher<'_, '_>) {
    let body = pack(&request(SERIES, 1));
    let (receiver, sink) = (Receiver::default(), NoSink::default());
    bencher
        .counter(ItemsCount::new(SERIES))
        .bench(|| receiver.receive(&sink, &body, 32 << 20));
}

#[divan::bench]
fn snappy_only(bencher: Bencher<'_, '_>) {
    let body = pack(&request(SERIES, 1));
    let mut buffer = Vec::new();
    bencher
        .counter(ItemsCount::new(SERIES))
        .bench_local(|| snappy_into(&body, 32 << 20, &mut buffer).map(<[u8]>::len));
}

#[divan::bench]
fn keys_only(bencher: Bencher<'_, '_>) {
    let plain = request(SERIES, 1);
    let size = plain.len() / SERIES;
    bencher.counter(ItemsCount::new(SERIES)).bench(|| {
        plain
            .chunks(size)
            .map(|labels| SeriesKey::of_encoded(labels).0 as u64)
            .fold(0, u64::wrapping_add)
    });
}
