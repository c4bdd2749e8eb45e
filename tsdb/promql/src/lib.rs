//! PromQL: from the text of a query to its value, over whatever implements the traits of [`model::metrics`].
//!
//! The flow: text → [`parse()`] → [`Expr`] (our own tree) → [`Engine`] → [`QueryResult`]. The engine takes one
//! snapshot of the store a query and evaluates a whole range query node by node: every node yields one column
//! of values a series, one cell a step. An instant query is a range of one step. Each selector reads each of
//! its series once; sliding windows walk the decoded columns. So the cost of a range query is that of reading
//! its samples once plus the arithmetic of its windows, never "one instant query a step". Nodes that treat series
//! one by one form chains through which series stream in chunks, on several threads where the engine has them, into
//! the aggregation or the join that needs them together.
//!
//! This crate is a blocking library: it knows no store, no runtime and no clock. Samples are floats or
//! native histograms, which are [`FloatHistogram`] here.

mod annotations;
pub mod ast;
mod budget;
pub mod cache;
mod engine;
mod error;
mod eval;
mod functions;
mod go_math;
mod histogram;
mod lexer;
pub mod memory;
pub mod notation;
mod numeric;
mod parser;
pub mod promqltest;
mod quote;
mod value;

pub use ast::{Expr, prettify, to_json};
pub use engine::{
    Asked, Engine, EngineOptions, Explained, Measured, PlanNode, QueryContext, QueryStats, QueryTimings,
};
pub use error::QueryError;
pub use functions::Function;
pub use histogram::{
    Bucket, FloatHistogram, HistogramMean, HistogramSum, MergeNotes, MixedSchemas, NanNote, Side, Trim,
};
pub use numeric::format_float;
pub use parser::{MAX_DEPTH, MAX_QUERY_BYTES, MAX_TOKENS, ParserOptions, parse, parse_with};
pub use value::{InstantSample, QueryResult, RangeSeries, SampleValue, Value, ValueType};
