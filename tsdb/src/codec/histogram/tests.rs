//! What was sent comes back, in few bytes, and no bytes are trusted.

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

use super::*;
use crate::random::Random;

/// A program that observes latencies and is scraped every 15 s: counts rise, buckets join as they are hit.
struct Program {
    random: Random,
    counts: std::collections::BTreeMap<i32, u64>,
    sum: f64,
    float: bool,
}

impl Program {
    fn new(seed: u64, float: bool) -> Program {
        Program {
            random: Random::new(seed),
            counts: std::collections::BTreeMap::new(),
            sum: 0.0,
            float,
        }
    }

    fn observe(&mut self, observations: u64) {
        for _ in 0..observations {
            // The sum of four dice has its middle in the middle.
            let bucket = (0..4).map(|_| self.random.below(9) as i32).sum::<i32>() - 16;
            *self.counts.entry(bucket).or_default() += 1;
            self.sum += f64::from(bucket).exp2();
        }
    }

    fn histogram(&self) -> Histogram {
        let mut spans: Vec<Span> = Vec::new();
        let mut end = 0;
        for &index in self.counts.keys() {
            match spans.last_mut() {
                Some(span) if index == end => span.length += 1,
                _ => spans.push(Span {
                    offset: index - end,
                    length: 1,
                }),
            }
            end = index + 1;
        }
        let positive: Vec<u64> = self.counts.values().copied().collect();
        let count: u64 = positive.iter().sum();
        let counts = if self.float {
            Counts::Float(Buckets {
                count: count as f64 / 15.0,
                zero_count: 0.0,
                positive: positive.iter().map(|n| *n as f64 / 15.0).collect(),
                negative: Vec::new(),
            })
        } else {
            Counts::Integer(Buckets {
                count,
                zero_count: 0,
                positive,
                negative: Vec::new(),
            })
        };
        Histogram {
            schema: 3,
            zero_threshold: 2f64.powi(-128),
            sum: self.sum,
            positive_spans: spans,
            counts,
            ..Histogram::stale()
        }
    }

    fn scraped(&mut self, scrapes: usize, observations: u64) -> Vec<HistogramSample> {
        (0..scrapes)
            .map(|i| {
                self.observe(observations);
                (1_700_000_000_000 + 15_000 * i as i64, Arc::new(self.histogram()))
            })
            .collect()
    }
}

fn encoded(samples: &[HistogramSample]) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert_eq!(
        encode_histograms(samples, Effort::Best, &mut bytes),
        samples.len()
    );
    bytes
}

fn come_back(samples: &[HistogramSample]) {
    let bytes = encoded(samples);
    let mut with_more = bytes.clone();
    with_more.extend([0xaa; 5]);
    let mut back = Vec::new();
    let used = decode_histograms(&with_more, samples.len(), &mut back);
    assert_eq!(used, Ok(bytes.len()));
    assert_eq!(back, samples);
}

#[test]
fn scrapes_of_a_program_come_back_in_few_bytes() {
    let samples = Program::new(1, false).scraped(120, 200);
    assert!(samples.iter().all(|(_, h)| h.validate().is_ok()));
    come_back(&samples);
    let bytes = encoded(&samples).len();
    let cells: usize = samples.iter().map(|(_, h)| Layout::of(h).columns()).sum();
    // Sums and timestamps are another codec's. A bucket's step has 3 to 5 bits here.
    let mut columns = Vec::new();
    encode_timestamps(
        &samples.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        &mut columns,
    );
    encode_values(
        &samples.iter().map(|(_, h)| h.sum).collect::<Vec<_>>(),
        Effort::Best,
        &mut columns,
    );
    let counts = bytes - columns.len();
    eprintln!(
        "{counts} bytes for {cells} counts of {} histograms",
        samples.len()
    );
    assert!(counts * 8 < cells * 6, "{counts} bytes for {cells} counts");
}

#[test]
fn resets_stale_markers_hints_and_changes_of_kind_come_back() {
    let mut samples = Program::new(2, false).scraped(40, 100);
    samples.extend(Program::new(3, true).scraped(40, 10));
    samples.extend(Program::new(4, false).scraped(2, 0));
    samples.extend(Program::new(5, false).scraped(30, 50));
    samples.insert(20, (0, Arc::new(Histogram::stale())));
    for (i, (at, histogram)) in samples.iter_mut().enumerate() {
        *at = 1_700_000_000_000 + 15_000 * i as i64 + (i as i64 % 3);
        let changed = Arc::make_mut(histogram);
        changed.reset_hint = CounterResetHint::from_u8((i / 25 % 4) as u8).expect("0 to 3");
    }
    come_back(&samples);
    come_back(&samples[..1]);
    come_back(&[]);
}

#[test]
fn what_arithmetic_cannot_make_comes_back_too() {
    let strange = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        reset_hint: CounterResetHint::Gauge,
        zero_threshold: -0.0,
        sum: f64::from_bits(0x7ff4_dead_beef_0001),
        positive_spans: vec![Span { offset: 0, length: 0 }, Span { offset: 1, length: 2 }],
        negative_spans: Vec::new(),
        custom_values: vec![-1.5, 0.0, 1e300],
        counts: Counts::Float(Buckets {
            count: f64::INFINITY,
            zero_count: -0.0,
            positive: vec![f64::NAN, 5e-324],
            negative: Vec::new(),
        }),
    };
    let huge = Histogram {
        schema: -4,
        positive_spans: vec![Span {
            offset: i32::MIN,
            length: 1,
        }],
        negative_spans: vec![Span { offset: 7, length: 2 }],
        custom_values: Vec::new(),
        counts: Counts::Integer(Buckets {
            count: u64::MAX,
            zero_count: u64::MAX,
            positive: vec![u64::MAX],
            negative: vec![0, 1 << 63],
        }),
        ..strange.clone()
    };
    let mut next = huge.clone();
    next.counts = Counts::Integer(Buckets {
        count: u64::MAX,
        zero_count: 0,
        positive: vec![1],
        negative: vec![u64::MAX, 0],
    });
    let samples = [&strange, &strange, &huge, &next, &huge, &strange];
    let samples: Vec<HistogramSample> = (-3..)
        .zip(samples)
        .map(|(at, h)| (at, Arc::new(h.clone())))
        .collect();
    come_back(&samples);
}

#[test]
fn random_histograms_come_back() {
    let mut random = Random::new(7);
    for round in 0..200 {
        let mut samples: Vec<HistogramSample> = Vec::new();
        for i in 0..random.below(50) {
            let float = random.below(10) == 0;
            let again = samples.last().filter(|_| random.below(5) > 0);
            let histogram = match again {
                Some((_, before)) => grown(before, &mut random),
                None => {
                    let mut program = Program::new(random.next(), float);
                    program.observe(random.below(1000));
                    program.histogram()
                }
            };
            samples.push((round + 15 * i as i64, Arc::new(histogram)));
        }
        come_back(&samples);
    }
}

/// The same buckets a while later: most with a few more, now and then one with many, one with a number of no sense.
fn grown(before: &Histogram, random: &mut Random) -> Histogram {
    let mut next = before.clone();
    match &mut next.counts {
        Counts::Integer(counts) => {
            for count in counts.positive.iter_mut().chain(&mut counts.negative) {
                *count = match random.below(100) {
                    0 => random.next(),
                    1..5 => count.wrapping_add(random.below(1 << 20)),
                    _ => count.wrapping_add(random.below(4)),
                };
            }
        }
        Counts::Float(counts) => {
            for count in &mut counts.positive {
                *count += random.below(8) as f64 / 4.0;
            }
        }
    }
    next
}

#[test]
fn bad_bytes_are_refused_or_read_but_never_more() {
    let mut samples = Program::new(8, false).scraped(30, 40);
    samples.extend(Program::new(9, true).scraped(10, 40));
    let bytes = encoded(&samples);
    let mut out = Vec::new();
    for len in 0..bytes.len() {
        assert_eq!(
            decode_histograms(&bytes[..len], samples.len(), &mut out),
            Err(Malformed),
            "{len}"
        );
        assert!(out.is_empty());
    }
    let mut random = Random::new(10);
    for _ in 0..3_000 {
        let mut spoilt = bytes.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(spoilt.len() as u64) as usize;
            spoilt[at] ^= 1 << random.below(8);
        }
        out.clear();
        match decode_histograms(&spoilt, samples.len(), &mut out) {
            Ok(_) => assert_eq!(out.len(), samples.len()),
            Err(Malformed) => assert!(out.is_empty()),
        }
    }
    assert_eq!(decode_histograms(&bytes, usize::MAX, &mut out), Err(Malformed));
}

#[test]
fn a_chunk_takes_no_more_than_its_bounds() {
    let wide = Histogram {
        positive_spans: vec![Span {
            offset: 0,
            length: 4096,
        }],
        counts: Counts::Integer(Buckets {
            count: 4096,
            zero_count: 0,
            positive: vec![1; 4096],
            negative: Vec::new(),
        }),
        sum: 1.0,
        ..Histogram::stale()
    };
    let wide = Arc::new(wide);
    let samples: Vec<HistogramSample> = (0..300).map(|at| (at, Arc::clone(&wide))).collect();
    let mut bytes = Vec::new();
    let taken = encode_histograms(&samples, Effort::Fast, &mut bytes);
    assert_eq!(taken, MAX_CELLS / 4099);
    let mut out = Vec::new();
    assert_eq!(decode_histograms(&bytes, taken, &mut out), Ok(bytes.len()));
    assert_eq!(out, samples[..taken]);
    let stale = Arc::new(Histogram::stale());
    let many: Vec<HistogramSample> = (0..5000).map(|at| (at, Arc::clone(&stale))).collect();
    assert_eq!(
        encode_histograms(&many, Effort::Fast, &mut bytes),
        MAX_CHUNK_HISTOGRAMS
    );
}
