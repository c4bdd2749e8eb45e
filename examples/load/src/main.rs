//! Pushes synthetic series by remote write and says what the server spent on them.
//!
//! Series belong to pods of `--series-per-pod`; every `--churn-every` simulated seconds a part of the pods is replaced
//! by new ones, as a rolling update does. The time of the samples runs from the past up to now, as fast as the server
//! takes them. With `--pid` the server's CPU seconds and memory are read from /proc.
//!
//! ```sh
//! cargo run --release -p load -- --address 127.0.0.1:9090 --series 100000 --steps 120 --pid $(pidof masthead)
//! ```

// A program of plain threads: there is no async worker to block.
#![allow(clippy::disallowed_methods)]

mod data;
mod http;
mod spent;
mod wire;

use std::path::PathBuf;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;

use data::Pod;
use http::Connection;
use spent::Spent;

#[derive(Parser, Debug, Clone)]
#[command(about = "Pushes synthetic series by remote write and says what the server spent on them")]
struct Options {
    /// Where the server listens, as host:port.
    #[arg(long, default_value = "127.0.0.1:9090")]
    address: String,
    /// Series at any one time.
    #[arg(long, default_value_t = 100_000)]
    series: usize,
    /// Series of one pod.
    #[arg(long, default_value_t = 500)]
    series_per_pod: usize,
    /// Samples of each series.
    #[arg(long, default_value_t = 120)]
    steps: usize,
    /// Seconds between two samples of a series.
    #[arg(long, default_value_t = 15)]
    interval: i64,
    /// Simulated seconds after which a part of the pods is replaced; 0 for never.
    #[arg(long, default_value_t = 0)]
    churn_every: i64,
    /// Which part is replaced.
    #[arg(long, default_value_t = 0.1)]
    churn: f64,
    /// Samples in one request.
    #[arg(long, default_value_t = 5000)]
    batch: usize,
    /// Connections that push at the same time.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// The server's process, to read what it spends.
    #[arg(long)]
    pid: Option<u32>,
    /// The server's data, to measure its size.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Seconds to wait before memory and size are read.
    #[arg(long, default_value_t = 0)]
    settle: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let options = Options::parse();
    let pods = options.series.div_ceil(options.series_per_pod);
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let start_ms = now_ms - options.steps as i64 * options.interval * 1000;
    let before = Spent::of(options.pid);
    let began = Instant::now();
    let barrier = Barrier::new(options.connections);
    let mut sent = Sent::default();
    std::thread::scope(|scope| {
        let pushing: Vec<_> = (0..options.connections)
            .map(|mine| {
                let (options, barrier) = (&options, &barrier);
                scope.spawn(move || push(options, mine, pods, start_ms, barrier))
            })
            .collect();
        for thread in pushing {
            sent.add(&thread.join().map_err(|_| "a connection's thread panicked")??);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    let wall_s = began.elapsed().as_secs_f64();
    let pushed = Spent::of(options.pid);
    println!(
        "push active_series={} series={} samples={} refused_requests={} wall_s={wall_s:.1} server_cpu_s={:.2} samples_per_cpu_s={:.0} rss_mb={:.0} peak_mb={:.0}",
        options.series,
        sent.series,
        sent.samples,
        sent.refused,
        pushed.cpu_s - before.cpu_s,
        sent.samples as f64 / (pushed.cpu_s - before.cpu_s).max(0.01),
        pushed.rss_mb,
        pushed.peak_mb,
    );
    std::thread::sleep(Duration::from_secs(options.settle));
    let settled = Spent::of(options.pid);
    let bytes = options.dir.as_deref().map_or(0, spent::dir_bytes);
    println!(
        "settled server_cpu_s={:.2} rss_mb={:.0} peak_mb={:.0} disk_bytes={bytes} bytes_per_sample={:.3}",
        settled.cpu_s - before.cpu_s,
        settled.rss_mb,
        settled.peak_mb,
        bytes as f64 / sent.samples.max(1) as f64,
    );
    Ok(())
}

/// What one connection has sent.
#[derive(Debug, Default)]
struct Sent {
    series: usize,
    samples: usize,
    refused: usize,
}

impl Sent {
    fn add(&mut self, other: &Sent) {
        self.series += other.series;
        self.samples += other.samples;
        self.refused += other.refused;
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Pushes the pods of one connection, all connections at the same simulated minute.
fn push(
    options: &Options,
    mine: usize,
    pods: usize,
    start_ms: i64,
    barrier: &Barrier,
) -> Result<Sent, Failure> {
    let mut sent = Sent::default();
    let mut connection = Connection::new(&options.address);
    let numbers = (0..pods).filter(|pod| pod % options.connections == mine);
    let mut pods: Vec<Pod> = numbers
        .map(|pod| Pod::new(pod, 0, options.series_per_pod))
        .collect();
    sent.series = pods.len() * options.series_per_pod;
    let churn_steps = (options.churn_every / options.interval.max(1)) as usize;
    let (mut request, mut in_request) = (Vec::new(), 0);
    let mut next_churned = 0;
    for step in 0..options.steps {
        if churn_steps > 0 && step > 0 && step % churn_steps == 0 {
            let count = (pods.len() as f64 * options.churn).ceil() as usize;
            for _ in 0..count.min(pods.len()) {
                let at = next_churned % pods.len();
                pods[at] = pods[at].next(options.series_per_pod);
                sent.series += options.series_per_pod;
                next_churned += 1;
            }
        }
        let at_ms = start_ms + step as i64 * options.interval * 1000;
        for pod in &mut pods {
            for series in 0..options.series_per_pod {
                let value = pod.value(series, step);
                wire::put_series(pod.labels(series), at_ms, value, &mut request);
                in_request += 1;
                if in_request >= options.batch {
                    sent.refused += connection.post(&request)?;
                    sent.samples += in_request;
                    request.clear();
                    in_request = 0;
                }
            }
        }
        if in_request > 0 {
            sent.refused += connection.post(&request)?;
            sent.samples += in_request;
            request.clear();
            in_request = 0;
        }
        if step % 4 == 3 {
            barrier.wait();
        }
    }
    Ok(sent)
}
