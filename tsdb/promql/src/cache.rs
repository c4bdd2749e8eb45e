//! Answers to range queries, kept for whoever asks again: dashboards ask the same every few seconds, and all but the last
//! steps are what they were.
//!
//! A question that was answered before costs looking it up; one whose window has moved costs the new steps, and copying
//! the others' cells. The answer is to the last bit what evaluating afresh gives: a store tells from which time on samples
//! came or went ([`MetricStore::changed_since`]), the tree tells how late the samples are that a step depends on
//! ([`dependence`]), and steps in doubt are evaluated again.
//!
//! The last place of `avg`, `stddev` and `stdvar` over more series than the engine adds up in one piece is the exception: it
//! depends on which series there are in the window, with or without a cache, and that is a part of the window here.
//!
//! Never kept: answers of numbers that stand for stretches of time (`max_resolution_ms`), for which stretches those
//! are changes without a sample coming or going; answers that alone take more than a quarter of the room; errors. Kept for
//! the very same window only: see [`dependence`]. Answers with warnings or infos serve other windows only where the
//! steps evaluated anew say the same: which step gave rise to them is not known. Answers to instant queries are kept for
//! the very same time.
//!
//! One cache belongs to one store and one engine. It has no clock and no threads; nothing is evaluated under a lock.

mod columns;
mod dependence;
mod flights;
mod grid;
mod instant;
mod key;
mod names;
mod plan;
mod shelf;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::metrics::{MetricStore, Revision};

use crate::{Engine, Expr, QueryContext, QueryError, QueryResult};

use columns::Columns;
use dependence::{Asked, Dependence};
use flights::Flights;
use grid::Grid;
use instant::Instant;
use key::Key;
use plan::{Plan, Reuse};
use shelf::{Answer, Entry, Shelf};

/// Bytes that kept answers may take where nothing else is said.
pub const DEFAULT_MAX_BYTES: usize = 32 << 20;

/// Answers to queries over one store.
#[derive(Debug)]
pub struct ResultsCache {
    max_bytes: usize,
    shelf: Mutex<Shelf>,
    flights: Flights,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    partial_hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
}

/// How a cache does, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Queries of which nothing was evaluated.
    pub hits: u64,
    /// Queries of which some steps were evaluated.
    pub partial_hits: u64,
    /// Queries that were evaluated as a whole, and whose answer may be kept.
    pub misses: u64,
    /// Queries whose answers are never kept.
    pub bypassed: u64,
    /// Answers that had to go for others.
    pub evicted: u64,
    /// Answers kept now.
    pub entries: u64,
    /// Bytes kept now.
    pub bytes: u64,
}

/// A range query: its text, the same parsed, its times in milliseconds since the epoch, and what comes with it.
struct Question<'a> {
    engine: &'a Engine,
    store: &'a dyn MetricStore,
    expr: &'a Expr,
    end_ms: i64,
    grid: Grid,
    context: &'a QueryContext,
    dependence: Dependence,
}

impl Question<'_> {
    fn whole(&self) -> Result<QueryResult, QueryError> {
        let Grid {
            start_ms, step_ms, ..
        } = self.grid;
        self.engine.range_expr(
            self.store,
            self.expr,
            start_ms,
            self.end_ms,
            step_ms,
            self.context,
        )
    }

    fn part(&self, part: Grid) -> Result<Option<Columns>, QueryError> {
        let (start_ms, end_ms, step_ms) = (part.start_ms, part.last_ms(), part.step_ms);
        let result =
            self.engine
                .range_expr(self.store, self.expr, start_ms, end_ms, step_ms, self.context)?;
        Ok(Columns::of(&result, part))
    }
}

/// What must be the same for an answer to serve again, and what it depends on. A step of 0 is one instant, which is a window
/// of its own.
fn identify(
    engine: &Engine,
    expr: &Expr,
    (start_ms, end_ms, step_ms): (i64, i64, i64),
    phase_ms: i64,
    context: &QueryContext,
) -> (Arc<Key>, Dependence) {
    let options = engine.options();
    let lookback_ms = context.lookback_delta_ms.unwrap_or(options.lookback_delta_ms);
    let asked = Asked {
        start_ms,
        end_ms,
        lookback_ms,
        delayed_names: options.delayed_name_removal,
    };
    let dependence = Dependence::of(expr, asked);
    let key = Arc::new(Key {
        query: context.text.clone().unwrap_or_else(|| expr.to_string().into()),
        step_ms,
        phase_ms,
        lookback_ms,
        subquery_step_ms: options.subquery_step_ms,
        window_ms: (dependence.window || step_ms == 0).then_some((start_ms, end_ms)),
    });
    (key, dependence)
}

impl ResultsCache {
    /// A cache of at most so many bytes; with 0 every query is evaluated.
    pub fn new(max_bytes: usize) -> ResultsCache {
        ResultsCache {
            max_bytes,
            shelf: Mutex::new(Shelf::new(max_bytes)),
            flights: Flights::default(),
            counts: Counts::default(),
        }
    }

    /// What [`Engine::range_expr`] answers, as much of it as possible without evaluating.
    ///
    /// # Errors
    /// As of [`Engine::range_expr`]. Bounds on what one query may hold are asked of what is evaluated only.
    #[allow(clippy::too_many_arguments, reason = "those of the engine, and the engine")]
    pub fn range_expr(
        &self,
        engine: &Engine,
        store: &dyn MetricStore,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        let grid = Grid::new(start_ms, end_ms, step_ms, engine.options().max_steps)
            .filter(|_| self.max_bytes > 0 && context.max_resolution_ms == 0);
        let Some(grid) = grid else {
            self.counts.bypassed.fetch_add(1, Ordering::Relaxed);
            return engine.range_expr(store, expr, start_ms, end_ms, step_ms, context);
        };
        let (key, dependence) = identify(
            engine,
            expr,
            (start_ms, end_ms, step_ms),
            grid.phase_ms(),
            context,
        );
        let question = Question {
            engine,
            store,
            expr,
            end_ms,
            grid,
            context,
            dependence,
        };
        self.answer(&key, &question)
    }

    /// What [`Engine::instant_expr`] answers, from what was answered for that very time if it still holds.
    ///
    /// # Errors
    /// As of [`Engine::instant_expr`].
    pub fn instant_expr(
        &self,
        engine: &Engine,
        store: &dyn MetricStore,
        expr: &Expr,
        time_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        let fresh = || engine.instant_expr(store, expr, time_ms, context);
        if self.max_bytes == 0 || context.max_resolution_ms != 0 {
            self.counts.bypassed.fetch_add(1, Ordering::Relaxed);
            return fresh();
        }
        let (key, dependence) = identify(engine, expr, (time_ms, time_ms, 0), 0, context);
        let kept = || {
            let entry = self.shelf().get(&key)?;
            let changed_ms = store.changed_since(entry.revision);
            match &entry.answer {
                Answer::Instant(instant) if dependence.holds_before(changed_ms) > time_ms => {
                    Some(self.hit(instant.result()))
                }
                _ => None,
            }
        };
        if let Some(result) = kept() {
            return Ok(result);
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        let revision = store.revision();
        let result = fresh()?;
        if let Some(instant) = Instant::of(&result) {
            let answer = Answer::Instant(Arc::new(instant));
            self.shelf().put(&key, Entry { answer, revision });
        }
        Ok(result)
    }

    /// How the cache does.
    pub fn stats(&self) -> CacheStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shelf = self.shelf();
        CacheStats {
            hits: count(&self.counts.hits),
            partial_hits: count(&self.counts.partial_hits),
            misses: count(&self.counts.misses),
            bypassed: count(&self.counts.bypassed),
            evicted: shelf.evicted(),
            entries: shelf.len() as u64,
            bytes: shelf.bytes() as u64,
        }
    }

    /// Forgets all answers.
    pub fn clear(&self) {
        self.shelf().clear();
    }

    fn answer(&self, key: &Arc<Key>, question: &Question<'_>) -> Result<QueryResult, QueryError> {
        let (plan, revision) = self.plan(key, question);
        if let Plan::Kept(answer) = plan {
            return Ok(self.hit(answer));
        }
        if let Some(_flight) = self.flights.begin(key) {
            return self.evaluate(key, question, plan, revision);
        }
        let QueryContext { cancel, deadline, .. } = question.context;
        self.flights.wait(key, || {
            let late = deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline);
            !late && !cancel.load(Ordering::Relaxed)
        });
        // What was evaluated meanwhile began before this question came and may lack samples: it is judged like any other
        // kept answer. If it was not kept, nobody waits for anybody again.
        let (plan, revision) = self.plan(key, question);
        match plan {
            Plan::Kept(answer) => Ok(self.hit(answer)),
            plan => self.evaluate(key, question, plan, revision),
        }
    }

    fn hit(&self, answer: QueryResult) -> QueryResult {
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// What of the answer is there. The revision is asked for before anything else: nothing that comes after it can be
    /// missed later.
    fn plan(&self, key: &Key, question: &Question<'_>) -> (Plan, Revision) {
        let revision = question.store.revision();
        let entry = self.shelf().get(key);
        let plan = entry.map_or(Plan::Nothing, |entry| {
            let changed_ms = question.store.changed_since(entry.revision);
            let holds_before = question.dependence.holds_before(changed_ms);
            let Answer::Steps(columns) = &entry.answer else {
                return Plan::Nothing;
            };
            match plan::plan(columns, holds_before, question.grid) {
                Plan::Some(_) if question.dependence.window => Plan::Nothing,
                plan => plan,
            }
        });
        (plan, revision)
    }

    fn evaluate(
        &self,
        key: &Arc<Key>,
        question: &Question<'_>,
        plan: Plan,
        revision: Revision,
    ) -> Result<QueryResult, QueryError> {
        if let Plan::Some(reuse) = plan
            && let Some(answer) = self.extend(key, question, &reuse, revision)?
        {
            self.counts.partial_hits.fetch_add(1, Ordering::Relaxed);
            return Ok(answer);
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        let revision = question.store.revision();
        let result = question.whole()?;
        if let Some(columns) = Columns::of(&result, question.grid) {
            let answer = Answer::Steps(Arc::new(columns));
            self.shelf().put(key, Entry { answer, revision });
        }
        Ok(result)
    }

    /// Evaluates the missing steps and joins them with those that are there; `None` where the result would be in doubt.
    fn extend(
        &self,
        key: &Arc<Key>,
        question: &Question<'_>,
        reuse: &Reuse,
        revision: Revision,
    ) -> Result<Option<QueryResult>, QueryError> {
        let part = |grid: Option<Grid>| grid.map_or(Ok(None), |grid| question.part(grid));
        let (head, tail) = (part(reuse.head)?, part(reuse.tail)?);
        // Samples that came since may be in what was evaluated last and not in what was there: no moment had such an answer.
        let changed_ms = question.store.changed_since(revision);
        if question.dependence.holds_before(changed_ms) <= reuse.last_used_ms() {
            return Ok(None);
        }
        let Some(joined) = reuse.join(head.as_ref(), tail.as_ref()) else {
            return Ok(None);
        };
        let result = joined.columns.answer(&joined.answer);
        let answer = Answer::Steps(Arc::new(joined.columns));
        self.shelf().put(key, Entry { answer, revision });
        Ok(Some(result))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
