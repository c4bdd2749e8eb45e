//! A chain in work: series are read, sent through its stages and handed out, chunk by chunk.

use std::ops::Range;
use std::sync::Arc;

use model::Labels;
use model::metrics::{Samples, SeriesSet};

use super::super::frame::{Frame, Series, without_metadata};
use super::super::selector::Newest;
use super::super::track::Track;
use super::super::windows::Sill;
use super::super::{Column, Evaluator, Pool, Steps};
use super::{OverStage, SERIES_BYTES, Source, Stage, Stream, WindowsSource};
use crate::QueryError;

/// So many series go through a chain in one piece. Fixed: the order in which floats are added up depends on it.
const CHUNK: usize = 32;

/// Less work than this is done where it is asked for: waking threads costs more than they would save. In cells of columns,
/// each a few nanoseconds.
const SMALL: usize = 16_384;

/// What a window costs, in cells.
const WINDOW: usize = 8;

/// So many chunks for each thread are evaluated before their results are merged: bounds what waits for merging.
const WAVE: usize = 8;
/// One series at the end of a chain.
pub(crate) struct Item<'a> {
    /// Its number among all series of the chain.
    pub(crate) index: usize,
    name: Name<'a>,
    /// Names go at once where they are obsolete; see the engine's option.
    drop_now: bool,
    drop_name: bool,
    /// Its values; whoever takes them leaves anything.
    pub(crate) column: &'a mut Column,
}

enum Name<'a> {
    Of(&'a dyn SeriesSet),
    Known(&'a Labels),
}

impl Item<'_> {
    /// The labels.
    pub(crate) fn labels(&self) -> Result<Labels, QueryError> {
        let labels = match self.name {
            Name::Of(set) => set.labels(self.index)?,
            Name::Known(labels) => labels.clone(),
        };
        Ok(if self.drop_now {
            without_metadata(&labels)
        } else {
            labels
        })
    }

    /// Whether the metric's name is obsolete and still there.
    pub(crate) fn drop_name(&self) -> bool {
        self.drop_name && !self.drop_now
    }
}
/// A piece of a source.
enum Chunk {
    Range(Range<usize>),
    Series(usize, Vec<Series>),
}
impl<'q> Evaluator<'q> {
    /// The series at the end of a chain, in order; those without any value are left out.
    pub(crate) fn collect(&self, stream: Stream<'_>) -> Result<Frame, QueryError> {
        let stream = match stream {
            Stream {
                source: Source::Frame(frame),
                stages,
                ..
            } if stages.is_empty() => return Ok(frame),
            stream => stream,
        };
        let mut all = Frame::new();
        self.drive(
            stream,
            Frame::new,
            |frame: &mut Frame, item| {
                let labels = item.labels()?;
                let drop_name = item.drop_name();
                let column = std::mem::take(item.column);
                self.budget.hold_bytes(column.bytes() + SERIES_BYTES)?;
                frame.push(Series {
                    labels,
                    drop_name,
                    column,
                });
                Ok(())
            },
            |frame| {
                all.extend(frame);
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Sends all series through a chain. Each chunk begins with a `start` and `take`s its series in order; `merge` gets
    /// the chunks' results in order.
    pub(crate) fn drive<P: Send>(
        &self,
        stream: Stream<'_>,
        start: impl Fn() -> P + Sync,
        take: impl Fn(&mut P, Item<'_>) -> Result<(), QueryError> + Sync,
        mut merge: impl FnMut(P) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (belt, chunks) = self.belt(stream);
        let pool = if belt.work(chunks.len()) < SMALL {
            &Pool::default()
        } else {
            &self.pool
        };
        let mut chunks = chunks.into_iter();
        let wave = pool.width() * WAVE;
        loop {
            let next: Vec<Chunk> = chunks.by_ref().take(wave).collect();
            if next.is_empty() {
                return Ok(());
            }
            let results = pool.map(next, |chunk| {
                let mut partial = start();
                let done = belt.run(chunk, &mut |item| take(&mut partial, item));
                if done.is_err() {
                    self.budget.stop();
                }
                done.map(|()| partial)
            });
            for partial in first_reason(results)? {
                merge(partial)?;
            }
        }
    }

    fn belt<'s>(&'s self, stream: Stream<'s>) -> (Belt<'s, 'q>, Vec<Chunk>) {
        let Stream {
            source,
            stages,
            drops_name,
            steps,
            ..
        } = stream;
        let ranges = |set: &Arc<dyn SeriesSet>| {
            let len = set.len();
            let starts = (0..len).step_by(CHUNK);
            starts
                .map(|start| Chunk::Range(start..len.min(start + CHUNK)))
                .collect()
        };
        let (load, chunks) = match source {
            Source::Newest(set, newest) => {
                let chunks = ranges(&set);
                (Load::Newest(set, newest), chunks)
            }
            Source::Windows(from, sill, over) => {
                let chunks = ranges(&from.set);
                (Load::Windows(from, sill, over), chunks)
            }
            Source::Points(frame, inner, sill, over) => {
                (Load::Points(inner, sill, over), series_chunks(frame))
            }
            Source::Frame(frame) => (Load::Frame, series_chunks(frame)),
        };
        let belt = Belt {
            evaluator: self,
            load,
            stages,
            drops_name,
            steps,
        };
        (belt, chunks)
    }
}
/// Of several failures the one that made the others stop.
fn first_reason<P>(results: Vec<Result<P, QueryError>>) -> Result<Vec<P>, QueryError> {
    let mut partials = Vec::with_capacity(results.len());
    let mut failure: Option<QueryError> = None;
    for result in results {
        match result {
            Ok(partial) => partials.push(partial),
            Err(QueryError::Canceled) => failure = failure.or(Some(QueryError::Canceled)),
            Err(reason) => {
                let stopped = matches!(failure, None | Some(QueryError::Canceled));
                failure = if stopped { Some(reason) } else { failure };
            }
        }
    }
    failure.map_or(Ok(partials), Err)
}

fn series_chunks(frame: Frame) -> Vec<Chunk> {
    let mut chunks = Vec::with_capacity(frame.len() / CHUNK + 1);
    let mut series = frame.into_iter();
    let mut start = 0;
    loop {
        let next: Vec<Series> = series.by_ref().take(CHUNK).collect();
        if next.is_empty() {
            return chunks;
        }
        let len = next.len();
        chunks.push(Chunk::Series(start, next));
        start += len;
    }
}
/// How the column of a series comes to be.
enum Load<'s> {
    Newest(Arc<dyn SeriesSet>, Newest),
    Windows(WindowsSource<'s>, Sill, OverStage<'s>),
    Points(Steps, Sill, OverStage<'s>),
    Frame,
}

/// A chain in work.
struct Belt<'s, 'q> {
    evaluator: &'s Evaluator<'q>,
    load: Load<'s>,
    stages: Vec<Stage<'s>>,
    drops_name: bool,
    steps: Steps,
}

type Take<'a> = &'a mut dyn FnMut(Item<'_>) -> Result<(), QueryError>;

impl Belt<'_, '_> {
    /// Roughly what there is to do in so many chunks, in cells.
    fn work(&self, chunks: usize) -> usize {
        let cell = match self.load {
            Load::Windows(..) | Load::Points(..) => WINDOW,
            Load::Newest(..) | Load::Frame => 1 + self.stages.len(),
        };
        chunks
            .saturating_mul(CHUNK)
            .saturating_mul(self.steps.count)
            .saturating_mul(cell)
    }

    fn run(&self, chunk: Chunk, take: Take<'_>) -> Result<(), QueryError> {
        match (&self.load, chunk) {
            (Load::Newest(set, newest), Chunk::Range(range)) => self.newest(&**set, newest, range, take),
            (Load::Windows(from, sill, over), Chunk::Range(range)) => {
                self.windows(from, sill.clone(), over, range, take)
            }
            (Load::Points(inner, sill, over), Chunk::Series(start, series)) => {
                self.points(*inner, sill.clone(), over, (start, series), take)
            }
            (_, Chunk::Series(start, series)) => self.series(start, series, take),
            (_, Chunk::Range(_)) => Ok(()),
        }
    }

    fn newest(
        &self,
        set: &dyn SeriesSet,
        newest: &Newest,
        range: Range<usize>,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let mut samples = Samples::default();
        let mut reader = set.reader(range.clone());
        let mut column = Column::default();
        for index in range {
            self.evaluator.budget.check()?;
            if !reader.next(&mut samples)? {
                break;
            }
            if samples.is_empty() {
                continue;
            }
            self.evaluator.read(&samples)?;
            column.reset(self.steps.count);
            newest.fill(self.evaluator, &samples, self.steps, &mut column, &|| {
                Ok(set.labels(index)?)
            })?;
            self.evaluator.count_cells(&column);
            self.finish(index, Name::Of(set), false, &mut column, take)?;
        }
        Ok(())
    }

    fn windows(
        &self,
        from: &WindowsSource<'_>,
        mut sill: Sill,
        over: &OverStage<'_>,
        range: Range<usize>,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let set = &*from.set;
        let (mut samples, mut track) = (Samples::default(), Track::default());
        let mut reader = set.reader(range.clone());
        let mut column = Column::default();
        for index in range {
            self.evaluator.budget.check()?;
            if !reader.next(&mut samples)? {
                break;
            }
            if samples.is_empty() {
                continue;
            }
            self.evaluator.read(&samples)?;
            track.take(&mut samples, from.conversion);
            column.reset(self.steps.count);
            sill.fit(&track);
            self.evaluator.count_windows(&sill, &track)?;
            let windows = sill.over(&track);
            match from.metric {
                Some(name) => (over.apply)(&windows, name, &mut column)?,
                None => (over.apply)(&windows, set.labels(index)?.metric_name(), &mut column)?,
            }
            self.finish(index, Name::Of(set), false, &mut column, take)?;
        }
        Ok(())
    }

    fn points(
        &self,
        inner: Steps,
        mut sill: Sill,
        over: &OverStage<'_>,
        (start, series): (usize, Vec<Series>),
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let mut track = Track::default();
        let mut column = Column::default();
        for (i, series) in series.into_iter().enumerate() {
            self.evaluator.budget.check()?;
            track.take_column(&series.column, inner);
            column.reset(self.steps.count);
            sill.fit(&track);
            self.evaluator.count_windows(&sill, &track)?;
            let windows = sill.over(&track);
            (over.apply)(&windows, series.labels.metric_name(), &mut column)?;
            self.finish(
                start + i,
                Name::Known(&series.labels),
                series.drop_name,
                &mut column,
                take,
            )?;
        }
        Ok(())
    }

    fn series(&self, start: usize, series: Vec<Series>, take: Take<'_>) -> Result<(), QueryError> {
        for (i, mut series) in series.into_iter().enumerate() {
            self.evaluator.budget.check()?;
            let (labels, drop_name) = (&series.labels, series.drop_name);
            self.finish(
                start + i,
                Name::Known(labels),
                drop_name,
                &mut series.column,
                take,
            )?;
        }
        Ok(())
    }

    /// The stages, and out.
    fn finish(
        &self,
        index: usize,
        name: Name<'_>,
        drop_name: bool,
        column: &mut Column,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        for stage in &self.stages {
            (stage.apply)(column)?;
        }
        let cells = column.samples();
        if cells == 0 {
            return Ok(());
        }
        self.evaluator.budget.charge(cells)?;
        take(Item {
            index,
            name,
            drop_now: self.drops_name && !self.evaluator.delayed_name_removal,
            drop_name: drop_name || self.drops_name,
            column,
        })
    }
}
