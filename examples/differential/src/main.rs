//! Asks Prometheus and Masthead the same random questions over the same random data, and shows where they disagree.
//!
//! ```sh
//! cargo run --release -p differential -- --prometheus /usr/bin/prometheus --seed 1 --seeds 10 --queries 2000
//! ```
//!
//! Data ([`data`]) and queries ([`grammar`]) follow from the seed. Both sides take the data, the peer by remote write, and
//! answer each query ([`sides`]); the answers are compared ([`compare`]), a query whose answers differ is taken apart
//! ([`shrink`]), and the smallest that still differs is shown. Known differences ([`known`]) are only counted. Exit code 1 where
//! there are others.

// A program of plain threads: there is no async worker to block.
#![allow(clippy::disallowed_methods)]

mod answer;
mod compare;
mod data;
mod grammar;
mod hints;
mod http;
mod known;
mod prometheus;
mod random;
mod report;
mod shrink;
mod sides;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use answer::Answer;
use compare::{Difference, Order, compare};
use grammar::{Grammar, Query, Times};
use prometheus::Prometheus;
use report::Report;
use sides::{InProcess, Server, Side};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often the peer is asked again when answers differ.
const REPEATS: usize = 8;

#[derive(Parser, Debug)]
#[command(about = "Asks Prometheus and Masthead the same random questions and shows where they disagree")]
struct Options {
    /// A Prometheus that is running, without data, as http://host:port. See docs/differential.md for its flags.
    #[arg(long, conflicts_with = "prometheus")]
    peer: Option<String>,
    /// The program of a Prometheus, to be started anew for each seed.
    #[arg(long)]
    prometheus: Option<PathBuf>,
    /// Who is compared with it: the engine in this process, or a server as http://host:port.
    #[arg(long, default_value = "in-process")]
    ours: String,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other; more than one needs --prometheus.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Queries of each seed.
    #[arg(long, default_value_t = 1000)]
    queries: usize,
    /// The names of metrics that no longer fit go at the very end of a query, on both sides.
    #[arg(long)]
    delayed_names: bool,
    /// Sorts of differences that are shown at most.
    #[arg(long, default_value_t = 20)]
    show: usize,
    /// Where the data begins, in seconds since the epoch. A server that is compared must take samples of that time.
    #[arg(long, default_value_t = 1_700_006_400)]
    start: i64,
    /// Asks this query and nothing else, and shows both answers.
    #[arg(long, requires = "at")]
    query: Option<String>,
    /// When it is asked, in seconds since the epoch; the first time with --to and --step.
    #[arg(long)]
    at: Option<f64>,
    /// The last time.
    #[arg(long, requires = "step")]
    to: Option<f64>,
    /// Seconds between two times.
    #[arg(long)]
    step: Option<f64>,
}

fn main() -> Result<ExitCode, Failure> {
    let options = Options::parse();
    let mut report = Report::default();
    for seed in options.seed..options.seed + options.seeds {
        run(&options, seed, &mut report)?;
    }
    if options.query.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    print!("{report}");
    Ok(if report.differences() > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Runs one seed.
fn run(options: &Options, seed: u64, report: &mut Report) -> Result<(), Failure> {
    let start = |path| Prometheus::start(path, options.delayed_names);
    let started = options.prometheus.as_deref().map(start).transpose()?;
    let url = match (&started, &options.peer) {
        (Some(prometheus), _) => prometheus.address(),
        (None, Some(url)) => url,
        (None, None) => return Err("neither --prometheus nor --peer is given".into()),
    };
    let mut pair = Pair {
        peer: Server::new(url),
        ours: match options.ours.as_str() {
            "in-process" => Box::new(InProcess::new(options.delayed_names)),
            url => Box::new(Server::new(url)),
        },
    };
    let data = data::generate(seed, options.start * 1000);
    pair.peer.load(&data)?;
    pair.ours.load(&data)?;
    if let Some(query) = &options.query {
        return show_one(options, &mut pair, query);
    }
    let mut grammar = Grammar::new(seed, data.start_ms);
    for _ in 0..options.queries {
        check(options, seed, &mut pair, grammar.query(), report)?;
    }
    Ok(())
}

/// Who is compared.
struct Pair {
    peer: Server,
    ours: Box<dyn Side>,
}

/// What came of a query.
enum Verdict {
    Equal(Answer),
    /// The peer answers now this, now that: what it makes of equals depends on the order in a map.
    Undecided,
    Different(Difference),
}

impl Pair {
    fn ask(&mut self, query: &str, times: Times) -> Result<(Answer, Answer), Failure> {
        Ok((self.peer.ask(query, times)?, self.ours.ask(query, times)?))
    }

    fn judge(&mut self, query: &Query) -> Result<Verdict, Failure> {
        let text = query.text();
        let order = Order::of(&text);
        let (peer, ours) = self.ask(&text, query.times)?;
        let Some(difference) = compare(&peer, &ours, order) else {
            return Ok(Verdict::Equal(ours));
        };
        for _ in 0..REPEATS {
            let again = self.peer.ask(&text, query.times)?;
            if compare(&peer, &again, order).is_some() {
                return Ok(Verdict::Undecided);
            }
        }
        Ok(Verdict::Different(difference))
    }
}

fn check(
    options: &Options,
    seed: u64,
    pair: &mut Pair,
    query: Query,
    report: &mut Report,
) -> Result<(), Failure> {
    let found = match pair.judge(&query)? {
        Verdict::Equal(answer) => {
            report.equal(&answer);
            return Ok(());
        }
        Verdict::Undecided => {
            report.undecided();
            return Ok(());
        }
        Verdict::Different(found) => found,
    };
    let differs = |candidate: &Query| match pair.judge(candidate)? {
        Verdict::Different(difference) => Ok(Some(difference)),
        _ => Ok(None),
    };
    let (small, difference) = shrink::shrink(query, found, differs)?;
    if let Some(known) = known::find(&small.text(), &difference) {
        report.known(known.name);
    } else if report.different(&small, &difference) && report.sorts() <= options.show {
        let (peer, ours) = pair.ask(&small.text(), small.times)?;
        let (kind, times, why) = (difference.kind, small.times, &difference.text);
        println!("{kind:?}, seed {seed}, {times}\n  {}\n  {why}", small.text());
        print!("  peer:\n{peer}  ours:\n{ours}\n");
    }
    Ok(())
}

fn show_one(options: &Options, pair: &mut Pair, query: &str) -> Result<(), Failure> {
    let ms = |seconds: Option<f64>| (seconds.unwrap_or_default() * 1000.0).round() as i64;
    let times = match options.to {
        None => Times::Instant(ms(options.at)),
        Some(_) => Times::Range {
            start_ms: ms(options.at),
            end_ms: ms(options.to),
            step_ms: ms(options.step),
        },
    };
    let (peer, ours) = pair.ask(query, times)?;
    print!("peer:\n{peer}ours:\n{ours}");
    match compare(&peer, &ours, Order::of(query)) {
        Some(difference) => println!("{:?}: {}", difference.kind, difference.text),
        None => println!("equal"),
    }
    Ok(())
}
