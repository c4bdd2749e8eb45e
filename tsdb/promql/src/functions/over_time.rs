//! `…_over_time`: functions of the samples of each window of a series, all windows at once.
//!
//! Each has the value that a loop over the window alone would have, to the last bit, and most cost less than that: what
//! neighbouring windows share is computed once.

mod edges;
mod extremes;
mod quantile;
mod spread;
mod sum;

pub(crate) use edges::{count, first, last, present, ts_of_first, ts_of_last};
pub(crate) use extremes::{max, min, ts_of_max, ts_of_min};
pub(crate) use quantile::{mad, quantile};
pub(crate) use spread::{stddev, stdvar};
pub(crate) use sum::{avg, sum};
