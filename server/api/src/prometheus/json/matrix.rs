//! The series of a matrix, by several threads where there are many points.

use std::num::NonZero;

use axum::body::Bytes;
use promql::RangeSeries;

use super::number::{self, float_within};
use super::pen::{BLOCK, Pen};
use super::stamps::Stamps;
use super::{histogram, labels, separated};

/// With fewer points than this a second thread costs more than it saves.
const PARALLEL_POINTS: usize = 100_000;

/// Each thread takes so many points at once, that none of them ends long after the others.
const TURN_POINTS: usize = 25_000;

/// Threads for one answer.
const MAX_THREADS: usize = 8;

/// Points for which room is made at once.
const ROW: usize = 64;

/// Writes the series, with commas between.
pub(super) fn write(pen: &mut Pen, series: &[RangeSeries]) {
    let longest = series.iter().map(|s| &*s.timestamps).max_by_key(|t| t.len());
    let stamps = Stamps::new(longest.unwrap_or(&[]));
    let points: usize = series.iter().map(|s| s.len()).sum();
    let threads = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS);
    if points < PARALLEL_POINTS || threads < 2 {
        return separated(pen, series, |pen, item| one(pen, item, &stamps));
    }
    for (i, pieces) in in_turns(series, points, threads, &stamps).into_iter().enumerate() {
        if i > 0 {
            pen.text(",");
        }
        pen.append(pieces);
    }
}

/// The text of each stretch of series, in order.
fn in_turns(series: &[RangeSeries], points: usize, threads: usize, stamps: &Stamps) -> Vec<Vec<Bytes>> {
    let stretch = (series.len() * TURN_POINTS / points.max(1)).max(1);
    let turns = parking_lot::Mutex::new(series.chunks(stretch).enumerate());
    let work = || {
        let mut done = Vec::new();
        loop {
            let turn = turns.lock().next();
            let Some((i, series)) = turn else { return done };
            let mut pen = Pen::default();
            separated(&mut pen, series, |pen, item| one(pen, item, stamps));
            done.push((i, pen.finish()));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                // A bug that the pool answers for.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, pieces)| pieces).collect()
}

fn one(pen: &mut Pen, item: &RangeSeries, stamps: &Stamps) {
    pen.text(r#"{"metric":"#);
    labels(pen, &item.labels);
    if !item.timestamps.is_empty() {
        pen.text(r#","values":["#);
        floats(pen, &item.timestamps, &item.values, stamps);
        pen.text("]");
    }
    if !item.histograms.is_empty() {
        pen.text(r#","histograms":["#);
        separated(pen, &*item.histograms, |pen, (ms, value)| {
            histogram::point(pen, *ms, value)
        });
        pen.text("]");
    }
    pen.text("}");
}

/// `[1700000000,"1"],[1700000015,"0.5"]`: as many times as values.
fn floats(pen: &mut Pen, times: &[i64], values: &[f64], stamps: &Stamps) {
    const POINT: usize = BLOCK + number::MAX_BYTES;
    let Some((&first, times)) = times.split_first() else {
        return;
    };
    let Some((&value, values)) = values.split_first() else {
        return;
    };
    pen.text("[");
    number::timestamp(pen, first);
    pen.text(",\"");
    number::float(pen, value);
    let mut next = 0;
    for (times, values) in times.chunks(ROW).zip(values.chunks(ROW)) {
        pen.room(ROW * POINT);
        for (&ms, &value) in times.iter().zip(values) {
            stamps.write(pen, ms, &mut next);
            float_within(pen, value);
        }
    }
    pen.text("\"]");
}
