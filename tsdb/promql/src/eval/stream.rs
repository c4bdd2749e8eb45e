//! Chains of nodes that treat series one by one, from a selector up to whatever needs them together.
//!
//! `sum by (job) (rate(x[5m]) * 8)` is such a chain: a selector, a function of windows, an operator with a scalar. Each
//! series goes through all of it before the next one is read, so that the whole matrix is never held, and chunks of
//! series go through it on several threads. What comes out is either collected or folded chunk by chunk; both see the
//! series in the store's order. Labels are asked for by those who need them only.

use std::ops::Range;
use std::sync::Arc;

use model::Labels;
use model::metrics::{Samples, SeriesSet};

use super::binary::Operand;
use super::frame::{Frame, Output, Series, merge_same_labels, without_metadata};
use super::selector::{Newest, metric_name};
use super::track::{Conversion, Track};
use super::windows::{Reach, Sill, Windows};
use super::{Column, Evaluator, Steps};
use crate::QueryError;
use crate::ast::{Call, Expr, VectorSelector};
use crate::functions::Kind;

/// So many series go through a chain in one piece. Fixed: the order in which floats are added up depends on it.
const CHUNK: usize = 32;

/// So many chunks for each thread are evaluated before their results are merged: bounds what waits for merging.
const WAVE: usize = 8;

/// Roughly what a series takes besides its column.
pub(super) const SERIES_BYTES: usize = 256;

/// What is done to the column of a series.
pub(crate) type Apply<'e> = Box<dyn Fn(&mut Column) -> Result<(), QueryError> + Send + Sync + 'e>;

/// A node that treats columns one by one.
pub(crate) struct Stage<'e> {
    /// What it does.
    pub(crate) apply: Apply<'e>,
    /// Whether the result is another quantity than the metric.
    pub(crate) drops_name: bool,
}

/// A function of windows, resolved for one node: gets the windows of a series, the name of its metric and an empty
/// column.
pub(crate) type OverWindows<'e> =
    Box<dyn Fn(&Windows<'_>, &str, &mut Column) -> Result<(), QueryError> + Send + Sync + 'e>;

/// A function of windows as the source of a chain.
pub(crate) struct OverStage<'e> {
    /// What it does.
    pub(crate) apply: OverWindows<'e>,
    /// Whether the result is another quantity than the metric.
    pub(crate) drops_name: bool,
}

/// A chain.
pub(crate) struct Stream<'e> {
    source: Source<'e>,
    stages: Vec<Stage<'e>>,
    drops_name: bool,
    /// All series are of one metric: dropping its name leaves them apart.
    one_metric: bool,
    steps: Steps,
}

/// The series of a range selector.
pub(super) struct WindowsSource<'e> {
    pub(super) set: Arc<dyn SeriesSet>,
    /// The name of all their metrics, where it is one.
    pub(super) metric: Option<&'e str>,
    pub(super) conversion: Conversion,
}

enum Source<'e> {
    /// An instant selector.
    Newest(Arc<dyn SeriesSet>, Newest),
    /// A function over a range selector.
    Windows(WindowsSource<'e>, Sill, OverStage<'e>),
    /// A function over a subquery, whose inner steps these are.
    Points(Frame, Steps, Sill, OverStage<'e>),
    /// Anything else, evaluated already.
    Frame(Frame),
}

/// Where the labels of the series of a chain are, for those who ask after it is done.
pub(crate) enum Roster {
    Set(Arc<dyn SeriesSet>, bool),
    List(Vec<(Labels, bool)>),
}

impl Roster {
    /// Labels of a series by its number, and whether its name is obsolete.
    pub(crate) fn get(&self, index: usize) -> Result<(Labels, bool), QueryError> {
        match self {
            Roster::Set(set, drop_name) => Ok((set.labels(index)?, *drop_name)),
            Roster::List(list) => Ok(list.get(index).cloned().unwrap_or_default()),
        }
    }
}

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
    /// The chain that ends in `expr`. What is no chain is evaluated, and is the source of one without stages.
    pub(crate) fn stream<'e>(&'e self, expr: &'e Expr, steps: Steps) -> Result<Stream<'e>, QueryError> {
        let expr = expr.unwrap_parens();
        if steps.count > 1 && expr.is_step_invariant() || self.shared.has(expr) {
            return Ok(Stream::of_frame(self.vector(expr, steps)?, steps));
        }
        self.chain(expr, steps)
    }

    /// As [`stream`](Self::stream), of an expression that is neither shared nor the same at every step.
    pub(super) fn chain<'e>(&'e self, expr: &'e Expr, steps: Steps) -> Result<Stream<'e>, QueryError> {
        match expr {
            Expr::Paren(p) => self.stream(&p.expr, steps),
            Expr::Selector(selector) => self.selector_stream(selector, steps),
            Expr::Unary(u) => {
                let stream = self.stream(&u.expr, steps)?;
                if u.negative {
                    self.stage(stream, negation())
                } else {
                    Ok(stream)
                }
            }
            Expr::Binary(b) => match self.operators(b, steps)? {
                Operand::Vector(stream) => Ok(stream),
                Operand::Scalar(_) => Err(QueryError::execution("expected an instant vector")),
            },
            Expr::Call(call) => self.call_stream(call, steps),
            Expr::Aggregate(a) => Ok(Stream::of_frame(self.aggregate(a, steps)?, steps)),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    fn call_stream<'e>(&'e self, call: &'e Call, steps: Steps) -> Result<Stream<'e>, QueryError> {
        if let Kind::Over(over) = &call.function.kind {
            return self.over_stream(over, call, steps);
        }
        if let Some((vector, stage)) = self.call_stage(call, steps)? {
            let stream = self.stream(vector, steps)?;
            return self.stage(stream, stage);
        }
        match self.call(call, steps)? {
            Output::Vector(frame) => Ok(Stream::of_frame(self.settle_names(frame)?, steps)),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    /// Adds a stage. Where names go at once, series that differ in the name only may become one.
    pub(super) fn stage<'e>(
        &'e self,
        mut stream: Stream<'e>,
        stage: Stage<'e>,
    ) -> Result<Stream<'e>, QueryError> {
        let merges =
            stage.drops_name && !self.delayed_name_removal && !stream.one_metric && !stream.drops_name;
        stream.drops_name |= stage.drops_name;
        stream.stages.push(stage);
        if merges {
            let steps = stream.steps;
            return Ok(Stream::of_frame(merge_same_labels(self.collect(stream)?)?, steps));
        }
        Ok(stream)
    }

    fn selector_stream<'e>(
        &'e self,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let (set, newest) = self.newest(selector, steps)?;
        Ok(Stream::of_newest(set, newest, selector, steps))
    }

    /// The chain of a function of windows over a range selector.
    pub(super) fn windows_stream<'e>(
        &'e self,
        from: WindowsSource<'e>,
        reach: Reach,
        over: OverStage<'e>,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let drops_name = over.drops_name;
        let stream = Stream {
            one_metric: from.metric.is_some(),
            source: Source::Windows(from, Sill::new(reach, steps), over),
            stages: Vec::new(),
            drops_name,
            steps,
        };
        self.apart(stream)
    }

    /// The chain of a function of windows over the points of a subquery.
    pub(super) fn points_stream<'e>(
        &'e self,
        frame: Frame,
        inner: Steps,
        reach: Reach,
        over: OverStage<'e>,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let drops_name = over.drops_name;
        let stream = Stream {
            source: Source::Points(frame, inner, Sill::new(reach, steps), over),
            stages: Vec::new(),
            drops_name,
            one_metric: false,
            steps,
        };
        self.apart(stream)
    }

    /// Makes sure that a function of windows leaves its series apart where names go at once. Here, unlike elsewhere, two
    /// of the same labels are refused even where they have no step in common.
    fn apart<'e>(&'e self, stream: Stream<'e>) -> Result<Stream<'e>, QueryError> {
        if !stream.drops_name || stream.one_metric || self.delayed_name_removal {
            return Ok(stream);
        }
        let steps = stream.steps;
        let frame = self.collect(stream)?;
        super::frame::refuse_same_labels(&frame)?;
        Ok(Stream::of_frame(frame, steps))
    }

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
        let mut chunks = chunks.into_iter();
        let wave = self.pool.width() * WAVE;
        loop {
            let next: Vec<Chunk> = chunks.by_ref().take(wave).collect();
            if next.is_empty() {
                return Ok(());
            }
            let results = self.pool.map(next, |chunk| {
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

fn negation<'e>() -> Stage<'e> {
    let apply = Box::new(|column: &mut Column| {
        column.negate();
        Ok(())
    });
    Stage {
        apply,
        drops_name: true,
    }
}

impl<'e> Stream<'e> {
    /// A chain that begins with an instant selector.
    pub(super) fn of_newest(
        set: Arc<dyn SeriesSet>,
        newest: Newest,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Stream<'e> {
        Stream {
            source: Source::Newest(set, newest),
            stages: Vec::new(),
            drops_name: false,
            one_metric: metric_name(selector).is_some(),
            steps,
        }
    }

    /// A chain that begins with series evaluated already.
    pub(crate) fn of_frame(frame: Frame, steps: Steps) -> Stream<'e> {
        Stream {
            source: Source::Frame(frame),
            stages: Vec::new(),
            drops_name: false,
            one_metric: false,
            steps,
        }
    }

    /// Where the labels will be.
    pub(crate) fn roster(&self, delayed_name_removal: bool) -> Roster {
        let drops = self.drops_name;
        match &self.source {
            Source::Newest(set, _) | Source::Windows(WindowsSource { set, .. }, ..) => {
                if delayed_name_removal || !drops {
                    Roster::Set(Arc::clone(set), drops)
                } else {
                    Roster::Set(Arc::new(Nameless(Arc::clone(set))), false)
                }
            }
            Source::Points(frame, ..) | Source::Frame(frame) => {
                let of = |s: &Series| match drops && !delayed_name_removal {
                    true => (without_metadata(&s.labels), false),
                    false => (s.labels.clone(), s.drop_name || drops),
                };
                Roster::List(frame.iter().map(of).collect())
            }
        }
    }
}

/// A set whose series have lost their names.
struct Nameless(Arc<dyn SeriesSet>);

impl SeriesSet for Nameless {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, model::StoreError> {
        Ok(without_metadata(&self.0.labels(index)?))
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn model::metrics::SeriesReader + '_> {
        self.0.reader(range)
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
            let windows = sill.over(&track);
            self.evaluator.count_windows(&windows)?;
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
            let windows = sill.over(&track);
            self.evaluator.count_windows(&windows)?;
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
